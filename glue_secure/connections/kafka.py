"""Kafka and MSK: a Glue connection and a call's options, judged, and what Spark's Kafka source is given.

Kafka's client verifies chain and name by itself where nobody says otherwise; what says otherwise is refused:
plain text, an empty endpoint identification, another trust store, a login in plain text.
https://docs.aws.amazon.com/glue/latest/dg/connection-properties.html#connection-properties-kafka
https://kafka.apache.org/documentation/#security_configclients
https://spark.apache.org/docs/3.5.6/structured-streaming-kafka-integration.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from glue_secure.connections.hosts import normal_host
from glue_secure.core.connection import Credentials, GlueConnection
from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.core.identifiers import S3Uri

SCRAM, IAM = "SCRAM-SHA-512", "AWS_MSK_IAM"
_MOST_BROKERS = 32
_READ = (
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
_WHOLE, _WORDS, _BOOLEAN = r"[0-9]{1,10}", r"[A-Za-z0-9._,-]{1,249}", "true|false"
_OFFSETS = r'earliest|latest|\{[A-Za-z0-9._":,{} -]{0,4000}\}'
# What a call may say: what is read, and how fast. Names of the client go on with "kafka." before them.
_SOURCE = {
    "subscribe": _WORDS,
    "subscribePattern": r"[A-Za-z0-9._|*+()\[\]^$-]{1,249}",
    "assign": r'\{[A-Za-z0-9._":,\[\] -]{1,4000}\}',
    "startingOffsets": _OFFSETS,
    "endingOffsets": _OFFSETS,
    "failOnDataLoss": _BOOLEAN,
    "includeHeaders": _BOOLEAN,
    "maxOffsetsPerTrigger": _WHOLE,
    "minOffsetsPerTrigger": _WHOLE,
    "minPartitions": _WHOLE,
    "groupIdPrefix": _WORDS,
    "topic": _WORDS,
    "kafka.client.id": _WORDS,
    "kafka.group.id": _WORDS,
    "kafka.isolation.level": "read_committed|read_uncommitted",
    "kafka.request.timeout.ms": _WHOLE,
    "kafka.session.timeout.ms": _WHOLE,
    "kafka.default.api.timeout.ms": _WHOLE,
    "kafka.fetch.max.bytes": _WHOLE,
    "kafka.fetch.min.bytes": _WHOLE,
    "kafka.fetch.max.wait.ms": _WHOLE,
    "kafka.max.partition.fetch.bytes": _WHOLE,
    "kafka.max.poll.records": _WHOLE,
    "kafka.receive.buffer.bytes": _WHOLE,
    "kafka.compression.type": "none|gzip|snappy|lz4|zstd",
    "kafka.batch.size": _WHOLE,
    "kafka.linger.ms": _WHOLE,
    "kafka.acks": "all|0|1|-1",
}
_BY_NAME = {name.lower(): (name, form) for name, form in _SOURCE.items()}
# What a call may repeat, in the one value that is forced anyway.
_REPEATS = {
    "security.protocol": "SSL|SASL_SSL",
    "ssl.endpoint.identification.algorithm": "https",
    "ssl.enabled": "true",
}


@dataclass(frozen=True, slots=True)
class KafkaPlan:
    """How to reach the brokers: nothing in it is secret, nothing weaker than full verification can be.

    Attributes:
        connection: the Glue connection's name.
        brokers: host and port of each bootstrap server.
        certificate: where the authority's PEM file lies; None means the system's roots.
        mechanism: ``SCRAM-SHA-512``, ``AWS_MSK_IAM``, ``""`` for TLS alone.
        secret_id: SCRAM: the secret with username and password.
        options: the call's harmless options, in Spark's spelling.
    """

    connection: str
    brokers: tuple[tuple[str, int], ...]
    certificate: S3Uri | None
    mechanism: str
    secret_id: str
    options: tuple[tuple[str, str], ...]


def plan_kafka(connection: GlueConnection, options: Mapping[str, object]) -> KafkaPlan:
    """Judge a connection of type KAFKA and a call's options.

    Raises:
        RefusedError: GS-TLS-001 (weaker than full verification), -005 (an option or property that overrides, or is
            unknown), -006 (TLS off, validation skipped), -007 (brokers), -008 (credentials), -011 (not Kafka,
            a login that is not served), -012 (KAFKA_CUSTOM_CERT).
        UsageError: an option twice, or of the wrong form.
    """
    resource = f"connection {connection.name}"
    if connection.connection_type.upper() != "KAFKA":
        _refuse(
            "GS-TLS-011", resource, "a connection of another type", "type KAFKA", "name a Kafka connection"
        )
    properties = {name: value for name, value in connection.properties.items() if value != ""}
    for name in properties:
        _judge_property(name, resource)
    if connection.more or connection.authentication or connection.secret:
        _refuse(
            "GS-TLS-005",
            resource,
            "SparkProperties or an AuthenticationConfiguration beside the properties",
            "the KAFKA_ properties alone",
            "remove them from the connection",
        )
    _switched(properties, "KAFKA_SSL_ENABLED", "true", resource)
    _switched(properties, "KAFKA_SKIP_CUSTOM_CERT_VALIDATION", "false", resource)
    mechanism, secret = _login(properties, resource)
    return KafkaPlan(
        connection.name,
        _brokers(properties.get("KAFKA_BOOTSTRAP_SERVERS", ""), resource),
        _certificate(properties.get("KAFKA_CUSTOM_CERT", ""), resource),
        mechanism,
        secret,
        _options(connection.name, options, resource),
    )


def kafka_options(plan: KafkaPlan, anchors_pem: str, credentials: Credentials | None) -> dict[str, str]:
    """Everything that Spark's Kafka source or sink is given; the forced options come last.

    Args:
        plan: of :func:`plan_kafka`.
        anchors_pem: the authorities that anchored the brokers' chains, PEM; they travel as text, so that no
            executor needs a file.
        credentials: for SCRAM.
    """
    forced = {
        "kafka.bootstrap.servers": ",".join(_place(host, port) for host, port in plan.brokers),
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


def _judge_property(name: str, resource: str) -> None:
    if name in _SECRETS or name.startswith("ENCRYPTED_KAFKA_"):
        _refuse(
            "GS-TLS-008",
            resource,
            f"{name} (value not shown), a password in the connection",
            "KAFKA_SASL_SCRAM_SECRETS_ARN, or AWS_MSK_IAM, which has no password",
            f"put it into Secrets Manager, remove {name}, change the password",
        )
    if name.startswith(
        ("KAFKA_CLIENT_", "KAFKA_SASL_GSSAPI_", "KAFKA_SASL_PLAIN_", "KAFKA_SASL_SCRAM_USERNAME")
    ):
        _refuse(
            "GS-TLS-011",
            resource,
            f"{name}: a login that is not served",
            f"{SCRAM} by KAFKA_SASL_SCRAM_SECRETS_ARN, {IAM}, or none",
            f"remove {name} from the connection",
        )
    if name not in _READ:
        _refuse(
            "GS-TLS-005",
            resource,
            f"property {_word(name)}, which is not one of a Kafka connection",
            ", ".join(_READ),
            "remove it from the connection",
        )


def _switched(properties: Mapping[str, str], name: str, wanted: str, resource: str) -> None:
    said = properties.get(name, wanted)
    if said.lower() != wanted:
        _refuse(
            "GS-TLS-006", resource, f"{name}={_word(said)}", f"{name}={wanted}, or none", f"correct {name}"
        )


def _login(properties: Mapping[str, str], resource: str) -> tuple[str, str]:
    mechanism = properties.get("KAFKA_SASL_MECHANISM", "")
    secret = properties.get("KAFKA_SASL_SCRAM_SECRETS_ARN", "")
    if mechanism not in ("", SCRAM, IAM):
        _refuse(
            "GS-TLS-011",
            resource,
            f"KAFKA_SASL_MECHANISM={_word(mechanism)}",
            f"{SCRAM}, {IAM}, or none",
            "give the cluster one of them",
        )
    if (mechanism == SCRAM) != bool(secret):
        _refuse(
            "GS-TLS-008",
            resource,
            f"KAFKA_SASL_MECHANISM={mechanism or '(none)'} {'with' if secret else 'without'} a secret",
            f"{SCRAM} with KAFKA_SASL_SCRAM_SECRETS_ARN, or neither",
            "name the secret with username and password, or remove it",
        )
    return mechanism, secret


def _brokers(text: str, resource: str) -> tuple[tuple[str, int], ...]:
    found: list[tuple[str, int]] = []
    for one in text.split(","):
        match = re.fullmatch(r"\s*([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([1-9][0-9]{0,4})\s*", one)
        host = normal_host(match[1]) if match else None
        if match is None or host is None or int(match[2]) > 65535 or len(found) == _MOST_BROKERS:
            _refuse(
                "GS-TLS-007",
                resource,
                "a KAFKA_BOOTSTRAP_SERVERS (not shown) that is no list of HOST:PORT",
                f"HOST:PORT, at most {_MOST_BROKERS} of them, commas between",
                "correct KAFKA_BOOTSTRAP_SERVERS in the connection",
            )
        found.append((host, int(match[2])))
    return tuple(dict.fromkeys(found))


def _certificate(location: str, resource: str) -> S3Uri | None:
    if not location:
        return None
    try:
        uri = S3Uri.parse(location)
    except UsageError:
        uri = None
    if uri is None or not uri.key or uri.key.endswith("/"):
        _refuse(
            "GS-TLS-012",
            resource,
            "a KAFKA_CUSTOM_CERT that is no object in S3",
            "s3://BUCKET/KEY of a PEM file with the authority's certificate",
            "set KAFKA_CUSTOM_CERT to the object, or remove it to use the system's roots",
        )
    return uri


def _options(connection: str, options: Mapping[str, object], resource: str) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    seen: set[str] = set()
    for name, value in options.items():
        lowered = name.lower()
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if lowered in seen:
            raise UsageError(
                f"an option is given twice: {_word(name)}", found="two spellings", required="one"
            )
        seen.add(lowered)
        if lowered == "connectionname":
            if text != connection:
                _override(resource, name, f"the connection that was planned, {connection}")
        elif lowered.removeprefix("kafka.") in _REPEATS:
            wanted = _REPEATS[lowered.removeprefix("kafka.")]
            if not re.fullmatch(wanted, text):
                _refuse(
                    "GS-TLS-001",
                    resource,
                    f"option {_word(name)}={_word(text)}",
                    wanted.replace("|", " or "),
                    f"remove {_word(name)} from the call",
                )
        elif lowered not in _BY_NAME:
            _override(resource, name, "only options whose effect is known")
        else:
            spelled, form = _BY_NAME[lowered]
            if not re.fullmatch(form, text):
                raise UsageError(
                    f"option {spelled} of {resource} has a value of another form",
                    found="(not shown)",
                    required=f"text that matches {form}",
                )
            found[spelled] = text
    return tuple(found.items())


def _override(resource: str, name: str, required: str) -> NoReturn:
    if re.search(r"(?i)password|jaas|secret|keystore", name):
        _refuse(
            "GS-TLS-008",
            resource,
            f"option {_word(name)} (value not shown)",
            "no credentials in options; the connection names them",
            f"remove {_word(name)} from the call",
        )
    _refuse(
        "GS-TLS-005",
        resource,
        f"option {_word(name)} in the call, which may change how the brokers are reached or verified",
        required,
        f"remove {_word(name)} from the call",
    )


def _quoted(text: str) -> str:
    """A value of a JAAS configuration; it is read by ``StreamTokenizer``, whose escape is the backslash."""
    if not text.isprintable():
        raise UsageError(
            "a Kafka user or password", found="a character that is not printable", required="text"
        )
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _word(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9._-]{1,80}", text) else "(not shown)"


def _refuse(control: str, resource: str, found: str, required: str, fix: str) -> NoReturn:
    raise RefusedError(control, resource=resource, found=found, required=required, fix=fix)
