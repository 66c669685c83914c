"""Kafka and MSK: the checks of a Glue connection and the options for Spark's Kafka source and sink.

By default Kafka's client verifies the certificate chain and the host name of a broker. Settings that would
weaken this are rejected: connections without TLS, an endpoint identification algorithm other than ``https``,
and a trust store in the options. Credentials in the connection or in the options are rejected too.
https://docs.aws.amazon.com/glue/latest/dg/connection-properties.html#connection-properties-kafka
https://kafka.apache.org/documentation/#security_configclients
https://spark.apache.org/docs/3.5.6/structured-streaming-kafka-integration.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from glue_secure.connections.engines.engine import (
    ANOTHER_AUTHORITY,
    BOOLEAN,
    CLASS,
    NUMBER,
    PROTOCOLS,
    TLS_VERSIONS,
    DriverOption,
    OptionRule,
    engine_options,
)
from glue_secure.connections.messages import shown_name
from glue_secure.connections.tls.certificates import certificate_location
from glue_secure.connections.url import normalize_host
from glue_secure.core.connection import Credentials, GlueConnection
from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Finding, enforce, failed, passed, stop
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.options import option_text

SCRAM, IAM = "SCRAM-SHA-512", "AWS_MSK_IAM"
_MAX_BROKERS = 32
_PROPERTIES = (
    "KAFKA_BOOTSTRAP_SERVERS",
    "KAFKA_SSL_ENABLED",
    "KAFKA_CUSTOM_CERT",
    "KAFKA_SKIP_CUSTOM_CERT_VALIDATION",
    "KAFKA_SASL_MECHANISM",
    "KAFKA_SASL_SCRAM_SECRETS_ARN",
)
_SECRETS = (
    "KAFKA_SASL_PLAIN_PASSWORD",
    "KAFKA_SASL_SCRAM_PASSWORD",
    "KAFKA_CLIENT_KEYSTORE_PASSWORD",
    "KAFKA_CLIENT_KEY_PASSWORD",
)
_NAME = r"[A-Za-z0-9._-]{1,249}"
_JSON = r'\{[A-Za-z0-9._":,\[\]{} -]{0,100000}\}'
_CLIENT = "kafka."
_SET_BY_SPARK = "Spark sets this option itself, and rejects it"
_OTHER_LOGIN = f"the option belongs to another login than {SCRAM} and {IAM}"
_INTERNAL = "an option without documentation"


def _of_client(names: str) -> str:
    return " ".join(f"{_CLIENT}{name}" for name in names.split())


KAFKA_OPTIONS: tuple[DriverOption, ...] = engine_options(
    {
        # Spark's own options.
        rf"{_NAME}(?: ?, ?{_NAME}){{0,999}}": "subscribe",
        r"[ -~]{1,500}": "subscribePattern",
        _JSON: "assign startingOffsetsByTimestamp endingOffsetsByTimestamp",
        f"earliest|latest|{_JSON}": "startingOffsets endingOffsets",
        "error|latest": "startingOffsetsByTimestampStrategy",
        BOOLEAN: "failOnDataLoss includeHeaders",
        NUMBER: "startingTimestamp endingTimestamp maxOffsetsPerTrigger minOffsetsPerTrigger minPartitions"
        " maxRecordsPerPartition kafkaConsumer.pollTimeoutMs fetchOffset.numRetries"
        " fetchOffset.retryIntervalMs",
        "[0-9]{1,9} ?[a-z]{1,12}": "maxTriggerDelay",
        _NAME: "topic groupIdPrefix",
    }
    # Options of Kafka's client.
    | {
        rf"(?:{NUMBER})": _of_client(
            "auto.commit.interval.ms batch.size buffer.memory connections.max.idle.ms"
            " default.api.timeout.ms delivery.timeout.ms fetch.max.bytes fetch.max.wait.ms fetch.min.bytes"
            " heartbeat.interval.ms linger.ms max.block.ms max.in.flight.requests.per.connection"
            " max.partition.fetch.bytes max.poll.interval.ms max.poll.records max.request.size"
            " metadata.max.age.ms metadata.max.idle.ms metrics.num.samples metrics.sample.window.ms"
            " partitioner.availability.timeout.ms receive.buffer.bytes reconnect.backoff.max.ms"
            " reconnect.backoff.ms request.timeout.ms retries retry.backoff.ms retry.backoff.max.ms"
            " sasl.login.connect.timeout.ms sasl.login.read.timeout.ms sasl.login.refresh.buffer.seconds"
            " sasl.login.refresh.min.period.seconds sasl.login.retry.backoff.max.ms"
            " sasl.login.retry.backoff.ms send.buffer.bytes session.timeout.ms"
            " socket.connection.setup.timeout.max.ms socket.connection.setup.timeout.ms"
            " transaction.timeout.ms"
        ),
        rf"(?:{BOOLEAN})": _of_client(
            "allow.auto.create.topics auto.include.jmx.reporter check.crcs enable.idempotence"
            " exclude.internal.topics partitioner.adaptive.partitioning.enable partitioner.ignore.keys"
        ),
        r"[01]?\.?[0-9]{1,4}": _of_client(
            "sasl.login.refresh.window.factor sasl.login.refresh.window.jitter"
        ),
        rf"(?:{_NAME})": _of_client("client.id client.rack group.id group.instance.id transactional.id"),
        "all|0|1|-1": _of_client("acks"),
        "none|gzip|snappy|lz4|zstd": _of_client("compression.type"),
        "read_committed|read_uncommitted": _of_client("isolation.level"),
        "INFO|DEBUG|TRACE": _of_client("metrics.recording.level"),
        r"org\.apache\.kafka\.clients\.producer\.[A-Za-z.]{1,80}": _of_client("partitioner.class"),
    },
    # Values that repeat what is forced are accepted and not passed on.
    (
        ("security.protocol", "SSL|SASL_SSL", "any other protocol sends data in plain text"),
        ("ssl.endpoint.identification.algorithm", "https", "the broker's name is not compared"),
        ("ssl.enabled", "true", "plain text"),
    ),
    "sasl.jaas.config ssl.key.password ssl.keystore.location ssl.keystore.password ssl.keystore.key"
    " ssl.keystore.certificate.chain ssl.keystore.type ssl.truststore.password",
    "",
    {
        "the option names other brokers": "bootstrap.servers",
        ANOTHER_AUTHORITY: "ssl.truststore.location ssl.truststore.certificates ssl.truststore.type",
        "the option names a class that decides which certificates are trusted": "ssl.engine.factory.class"
        " ssl.trustmanager.algorithm ssl.keymanager.algorithm ssl.provider security.providers"
        " ssl.secure.random.implementation",
        PROTOCOLS: f"ssl.enabled.protocols={TLS_VERSIONS} ssl.protocol=TLS ssl.cipher.suites",
        "the option changes which name is compared with the certificate": "client.dns.lookup=use_all_dns_ips",
        CLASS: "interceptor.classes metric.reporters partition.assignment.strategy",
        _SET_BY_SPARK: "auto.offset.reset key.deserializer value.deserializer key.serializer value.serializer"
        " enable.auto.commit=false",
        _OTHER_LOGIN: "sasl.mechanism sasl.login.class sasl.login.callback.handler.class"
        " sasl.client.callback.handler.class sasl.kerberos.kinit.cmd"
        " sasl.kerberos.min.time.before.relogin sasl.kerberos.service.name"
        " sasl.kerberos.ticket.renew.jitter sasl.kerberos.ticket.renew.window.factor"
        " sasl.oauthbearer.clock.skew.seconds sasl.oauthbearer.expected.audience"
        " sasl.oauthbearer.expected.issuer sasl.oauthbearer.jwks.endpoint.refresh.ms"
        " sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms"
        " sasl.oauthbearer.jwks.endpoint.retry.backoff.ms sasl.oauthbearer.jwks.endpoint.url"
        " sasl.oauthbearer.scope.claim.name sasl.oauthbearer.sub.claim.name"
        " sasl.oauthbearer.token.endpoint.url",
        _INTERNAL: "internal.leave.group.on.close internal.throw.on.fetch.stable.offset.unsupported",
    },
)  # fmt: skip
"""The options of Spark's Kafka source and sink, and of Kafka's client, with their rules.

Spark passes an option that begins with ``kafka.`` to Kafka's client. Accepted options of the client have that
prefix here; rejected ones have none, because they are rejected with it and without it.
"""
# Spark's option names are case-insensitive.
_BY_LOWERED_NAME = {option.name.lower(): option for option in KAFKA_OPTIONS}


@dataclass(frozen=True, slots=True)
class KafkaPlan:
    """How to connect to the brokers with full verification. It contains no secret.

    Attributes:
        connection: the Glue connection's name.
        brokers: host and port of each bootstrap server.
        certificate: location of the certificate authority's PEM file; None for the system's roots.
        mechanism: ``SCRAM-SHA-512``, ``AWS_MSK_IAM``, or ``""`` for TLS without a login.
        secret_id: the secret with the username and password for SCRAM; ``""`` without SCRAM.
        options: the call's harmless options, in Spark's spelling.
        findings: PASS findings for the properties of the connection and the options of the call.
    """

    connection: str
    brokers: tuple[tuple[str, int], ...]
    certificate: S3Uri | None
    mechanism: str
    secret_id: str
    options: tuple[tuple[str, str], ...]
    findings: tuple[Finding, ...] = field(default=(), compare=False, repr=False)


def plan_kafka(connection: GlueConnection, options: Mapping[str, object]) -> KafkaPlan:
    """Check a Kafka connection and the options of a call, and return how to connect.

    Args:
        connection: as the Data Catalog returned it.
        options: the call's options.

    Raises:
        RefusedError: GS-TLS-001 (an option weakens TLS or host name verification), -005 (a property or option
            is unknown, or an option overrides the connection), -006 (the connection does not enforce TLS),
            -007 (bootstrap servers), -008 (credentials outside Secrets Manager, or a secret that does not fit
            the login), -011 (connection type or login), -012 (KAFKA_CUSTOM_CERT).
        UsageError: an option is given twice or has an invalid value.
    """
    resource = f"connection {connection.name}"
    properties = {name: value for name, value in connection.properties.items() if value != ""}
    findings = [
        *enforce([check_connection_type(connection)]),
        *enforce(check_property_names(connection)),
        *enforce(check_tls_enforced(properties, resource)),
        *enforce(check_login(properties, resource)),
    ]
    brokers, finding = read_brokers(properties.get("KAFKA_BOOTSTRAP_SERVERS", ""), resource)
    findings.append(finding)
    location = certificate_location(
        properties.get("KAFKA_CUSTOM_CERT", ""), "KAFKA_CUSTOM_CERT", resource=resource
    )
    options = _without_repeated_brokers(options, brokers)
    findings += enforce(check_options(connection.name, options))
    return KafkaPlan(
        connection.name,
        brokers,
        location,
        properties.get("KAFKA_SASL_MECHANISM", ""),
        properties.get("KAFKA_SASL_SCRAM_SECRETS_ARN", ""),
        _read_options(options, resource),
        tuple(findings),
    )


def kafka_options(plan: KafkaPlan, anchors_pem: str, credentials: Credentials | None) -> dict[str, str]:
    """Return all options for Spark's Kafka source or sink; the forced options come last.

    Args:
        plan: the result of :func:`plan_kafka`.
        anchors_pem: the certificate authorities that anchor the brokers' chains, PEM. They are passed as
            text, so that executors need no file.
        credentials: the username and password for SCRAM; None without SCRAM.
    """
    forced = {
        "kafka.bootstrap.servers": ",".join(_address(host, port) for host, port in plan.brokers),
        "kafka.security.protocol": "SASL_SSL" if plan.mechanism else "SSL",
        "kafka.ssl.endpoint.identification.algorithm": "https",
        "kafka.ssl.enabled.protocols": "TLSv1.2,TLSv1.3",
        "kafka.ssl.truststore.type": "PEM",
        "kafka.ssl.truststore.certificates": anchors_pem,
    }
    if plan.mechanism == SCRAM:
        if credentials is None:
            raise ValueError("SCRAM needs a user and a password")
        login = f"username={_quoted(credentials.user)} password={_quoted(credentials.password)}"
        forced["kafka.sasl.mechanism"] = SCRAM
        forced["kafka.sasl.jaas.config"] = (
            f"org.apache.kafka.common.security.scram.ScramLoginModule required {login};"
        )
    elif plan.mechanism == IAM:
        package = "software.amazon.msk.auth.iam"
        forced["kafka.sasl.mechanism"] = IAM
        forced["kafka.sasl.jaas.config"] = f"{package}.IAMLoginModule required;"
        forced["kafka.sasl.client.callback.handler.class"] = f"{package}.IAMClientCallbackHandler"
    return {**dict(plan.options), **forced}


def check_connection_type(connection: GlueConnection) -> Finding:
    """Return GS-TLS-011: the connection is a Kafka connection."""
    resource = f"connection {connection.name}"
    if connection.connection_type.upper() != "KAFKA":
        return failed(
            "GS-TLS-011",
            resource,
            found=f"a connection of type {shown_name(connection.connection_type)}",
            required="type KAFKA",
            fix="use the name of a Kafka connection",
        )
    return passed("GS-TLS-011", resource, "a connection of type KAFKA")


def check_property_names(connection: GlueConnection) -> tuple[Finding, ...]:
    """Check that every property is known, and that none is a password or belongs to an unsupported login.

    Returns:
        GS-TLS-005 and -008 passed; or one failure of GS-TLS-005, -008 or -011.
    """
    resource = f"connection {connection.name}"
    names = sorted(name for name, value in connection.properties.items() if value != "")
    for name in names:
        failure = _property_failure(name, resource)
        if failure is not None:
            return (failure,)
    if connection.spark_properties or connection.authentication or connection.secret:
        return (
            failed(
                "GS-TLS-005",
                resource,
                found="SparkProperties, an AuthenticationConfiguration or a secret, in addition to the "
                "KAFKA_ properties",
                required="the KAFKA_ properties only",
                fix="remove them from the connection",
            ),
        )
    return (
        passed("GS-TLS-005", resource, f"properties of the connection: {', '.join(names)}"),
        passed("GS-TLS-008", resource, "no password in the properties of the connection"),
    )


def check_tls_enforced(properties: Mapping[str, str], resource: str) -> tuple[Finding, ...]:
    """Return GS-TLS-006: KAFKA_SSL_ENABLED is not false and certificate validation is not skipped."""
    for name, expected in (("KAFKA_SSL_ENABLED", "true"), ("KAFKA_SKIP_CUSTOM_CERT_VALIDATION", "false")):
        value = properties.get(name, expected)
        if value.lower() != expected:
            return (
                failed(
                    "GS-TLS-006",
                    resource,
                    found=f"{name}={shown_name(value)}",
                    required=f"{name}={expected}, or no such property",
                    fix=f"set {name}={expected} in the connection, or remove the property",
                ),
            )
    return (
        passed("GS-TLS-006", resource, "KAFKA_SSL_ENABLED not false, certificate validation not skipped"),
    )


def check_login(properties: Mapping[str, str], resource: str) -> tuple[Finding, ...]:
    """Check that the SASL mechanism is supported, and that SCRAM, and only SCRAM, has a secret.

    Returns:
        GS-TLS-011 and -008 passed; or one failure of GS-TLS-011 or -008.
    """
    mechanism = properties.get("KAFKA_SASL_MECHANISM", "")
    secret = properties.get("KAFKA_SASL_SCRAM_SECRETS_ARN", "")
    if mechanism not in ("", SCRAM, IAM):
        return (
            failed(
                "GS-TLS-011",
                resource,
                found=f"KAFKA_SASL_MECHANISM={shown_name(mechanism)}",
                required=f"{SCRAM}, {IAM}, or none",
                fix="enable one of them in the cluster, and set KAFKA_SASL_MECHANISM in the connection to it",
            ),
        )
    if (mechanism == SCRAM) != bool(secret):
        return (
            failed(
                "GS-TLS-008",
                resource,
                found=f"KAFKA_SASL_MECHANISM={mechanism or '(none)'} "
                f"{'with' if secret else 'without'} a secret",
                required=f"KAFKA_SASL_SCRAM_SECRETS_ARN with {SCRAM}, and with no other mechanism",
                fix="set KAFKA_SASL_SCRAM_SECRETS_ARN to the secret with username and password"
                if mechanism == SCRAM
                else f"remove KAFKA_SASL_SCRAM_SECRETS_ARN, or set KAFKA_SASL_MECHANISM={SCRAM}",
            ),
        )
    login = f"user and password in the secret {secret}" if secret else f"login {mechanism or 'none'}"
    return (
        passed("GS-TLS-011", resource, f"KAFKA_SASL_MECHANISM={mechanism or '(none)'}"),
        passed("GS-TLS-008", resource, login),
    )


def check_options(connection: str, options: Mapping[str, object]) -> tuple[Finding, ...]:
    """Check that no option of a call overrides the connection.

    Returns:
        GS-TLS-001, -005 and -008 passed; or one failure of one of these controls.
    """
    resource = f"connection {connection}"
    for name, value in options.items():
        failure = _option_failure(connection, name, option_text(value), resource)
        if failure is not None:
            return (failure,)
    names = ", ".join(sorted(shown_name(name) for name in options)) or "none"
    return (
        passed("GS-TLS-001", resource, "no option of the call weakens TLS or host name verification"),
        passed("GS-TLS-005", resource, f"options of the call: {names}"),
        passed("GS-TLS-008", resource, "no credentials in the options of the call"),
    )


def _property_failure(name: str, resource: str) -> Finding | None:
    """Return the failed finding for a property that is not accepted, None for an accepted one."""
    if name in _SECRETS or name.startswith("ENCRYPTED_KAFKA_"):
        return failed(
            "GS-TLS-008",
            resource,
            found=f"{name} (value not shown), a password in the connection",
            required="KAFKA_SASL_SCRAM_SECRETS_ARN, or AWS_MSK_IAM, which has no password",
            fix=f"store the password in Secrets Manager, remove {name}, change the password",
        )
    if name.startswith(
        ("KAFKA_CLIENT_", "KAFKA_SASL_GSSAPI_", "KAFKA_SASL_PLAIN_", "KAFKA_SASL_SCRAM_USERNAME")
    ):
        return failed(
            "GS-TLS-011",
            resource,
            found=f"{name}, a property of an unsupported login",
            required=f"{SCRAM} with KAFKA_SASL_SCRAM_SECRETS_ARN, {IAM}, or none",
            fix=f"remove {name} from the connection",
        )
    if name not in _PROPERTIES:
        return failed(
            "GS-TLS-005",
            resource,
            found=f"property {shown_name(name)}, which does not belong to a Kafka connection",
            required=", ".join(_PROPERTIES),
            fix="remove it from the connection",
        )
    return None


def _option_failure(connection: str, name: str, text: str, resource: str) -> Finding | None:
    """Return the failed finding for an option that is not accepted, None for an accepted one."""
    lowered = name.lower()
    if lowered == "connectionname":
        if text == connection:
            return None
        return _rejected_option(resource, name, f"connectionName={connection}, the connection of the call")
    option = _known_option(lowered)
    if option is None:
        return _rejected_option(resource, name, "only options that glue-secure knows to be harmless")
    if option.rule is OptionRule.HARMLESS or (
        option.rule in (OptionRule.TLS, OptionRule.REFUSED) and option.accepts(text)
    ):
        return None
    if option.rule is OptionRule.TLS:
        return failed(
            "GS-TLS-001",
            resource,
            found=f"option {shown_name(name)}={shown_name(text)}",
            required=option.values.replace("|", " or "),
            fix=f"remove {shown_name(name)} from the call",
        )
    return _rejected_option(resource, name, "no such option", option.reason)


def _known_option(lowered: str) -> DriverOption | None:
    """Return the option of that name; rejected ones also with the prefix of the client's options."""
    return _BY_LOWERED_NAME.get(lowered) or _BY_LOWERED_NAME.get(lowered.removeprefix(_CLIENT))


def _rejected_option(resource: str, name: str, required: str, reason: str = "") -> Finding:
    if re.search(r"(?i)password|jaas|secret|keystore", name):
        return failed(
            "GS-TLS-008",
            resource,
            found=f"option {shown_name(name)} (value not shown)",
            required="no credentials in options; the secret of the connection has them",
            fix=f"remove {shown_name(name)} from the call",
        )
    return failed(
        "GS-TLS-005",
        resource,
        found=f"option {shown_name(name)} in the call"
        + (f": {reason}" if reason else ", which may change how the client connects to or verifies brokers"),
        required=required,
        fix=f"remove {shown_name(name)} from the call",
    )


def _read_options(options: Mapping[str, object], resource: str) -> tuple[tuple[str, str], ...]:
    """Return the harmless options in Spark's spelling. Raise UsageError for duplicates and invalid values."""
    harmless: dict[str, str] = {}
    lowered_names: set[str] = set()
    for name, value in options.items():
        lowered, text = name.lower(), option_text(value)
        if lowered in lowered_names:
            raise UsageError(
                f"an option is given twice: {shown_name(name)}",
                found="two names that differ only in upper and lower case",
                required="one of them",
            )
        lowered_names.add(lowered)
        option = _BY_LOWERED_NAME.get(lowered)
        if option is None or option.rule is not OptionRule.HARMLESS:
            continue
        if not option.accepts(text):
            raise UsageError(
                f"option {option.name} of {resource} has an invalid value",
                found="(not shown)",
                required=f"text that matches {option.values}",
            )
        harmless[option.name] = text
    return tuple(harmless.items())


def read_brokers(text: str, resource: str) -> tuple[tuple[tuple[str, int], ...], Finding]:
    """Return host and port of each broker, and GS-TLS-007 passed. Raises RefusedError (GS-TLS-007)."""
    brokers: list[tuple[str, int]] = []
    for broker in text.split(","):
        match = re.fullmatch(r"\s*([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([1-9][0-9]{0,4})\s*", broker)
        host = normalize_host(match[1]) if match else None
        if match is None or host is None or int(match[2]) > 65535 or len(brokers) == _MAX_BROKERS:
            stop(
                failed(
                    "GS-TLS-007",
                    resource,
                    found="KAFKA_BOOTSTRAP_SERVERS (not shown) has an entry that is not HOST:PORT, or too "
                    "many entries",
                    required=f"HOST:PORT, separated by commas, at most {_MAX_BROKERS}",
                    fix="correct KAFKA_BOOTSTRAP_SERVERS in the connection",
                )
            )
        brokers.append((host, int(match[2])))
    names = ", ".join(_address(host, port) for host, port in brokers)
    return tuple(dict.fromkeys(brokers)), passed("GS-TLS-007", resource, f"bootstrap servers {names}")


def _without_repeated_brokers(
    options: Mapping[str, object], brokers: tuple[tuple[str, int], ...]
) -> dict[str, object]:
    """Return the options without bootstrap servers that only repeat the connection's, as in Glue Studio."""
    known = {f"{host}:{port}".lower() for host, port in brokers}

    def repeats(name: str, value: object) -> bool:
        servers = {server.strip().lower() for server in option_text(value).split(",")}
        return name.lower().removeprefix(_CLIENT) == "bootstrap.servers" and servers <= known

    return {name: value for name, value in options.items() if not repeats(name, value)}


def _quoted(text: str) -> str:
    """Return text as a quoted value of a JAAS configuration, escaped for Java's ``StreamTokenizer``."""
    if not text.isprintable():
        raise UsageError(
            "a Kafka user or password", found="a character that is not printable", required="text"
        )
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
