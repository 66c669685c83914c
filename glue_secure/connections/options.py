"""The options of a call: ``connection_options`` and ``additional_options``.

Spark compares option names without letter case, pgjdbc with letter case, and Glue has its own TLS options
(``enforceSSL``). Here names are recognized in any letter case, accepted options are returned in the spelling
that their reader needs, and unknown options are rejected.
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect-jdbc-home.html
https://spark.apache.org/docs/3.5.6/sql-data-sources-jdbc.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from glue_secure.connections.engines.engine import DatabaseEngine, OptionRule
from glue_secure.connections.engines.redshift import REDSHIFT
from glue_secure.connections.messages import shown_name
from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Finding, enforce, failed, passed
from glue_secure.core.ignored_options import Place, is_ignored, warn_of_ignored
from glue_secure.core.options import option_text
from glue_secure.core.redaction import redacting_logger

# Options of the code that reads or writes rows. They do not change the connection.
# sessionInitStatement and prepareQuery are left out: both run SQL before the query.
READER_OPTIONS = (
    "dbtable",
    "query",
    "fetchsize",
    "batchsize",
    "queryTimeout",
    "partitionColumn",
    "lowerBound",
    "upperBound",
    "numPartitions",
    "predicates",
    "hashfield",
    "hashexpression",
    "hashpartitions",
    "sampleQuery",
    "sampleSize",
    "enablePartitioningForSampleQuery",
    "jobBookmarkKeys",
    "jobBookmarkKeysSortOrder",
    "jobBookmarksKeysSortOrder",
    "customSchema",
    "isolationLevel",
    "pushDownPredicate",
    "pushDownAggregate",
    "pushDownLimit",
    "pushDownOffset",
    "pushDownTableSample",
    "preferTimestampNTZ",
    "truncate",
    "cascadeTruncate",
    "createTableOptions",
    "createTableColumnTypes",
    "bulkSize",
)


_LOG = redacting_logger(__name__)


def _lower(*names: str) -> frozenset[str]:
    return frozenset(name.lower() for name in names)


_READER_OPTIONS = {name.lower(): name for name in READER_OPTIONS}
# Options that may repeat a setting of the connection, but not change it.
_TRUE = _lower("enforceSSL", "JDBC_ENFORCE_SSL", "ENFORCE_SSL", "useConnectionProperties")
_FALSE = _lower("skipCustomJDBCCertValidation", "SKIP_CUSTOM_JDBC_CERT_VALIDATION")
_CERTIFICATES = _lower(
    "customJDBCCert", "CUSTOM_JDBC_CERT", "customJDBCCertString", "CUSTOM_JDBC_CERT_STRING"
)
_SECRETS = _lower("secretId", "SECRET_ID", "ENCRYPTED_PASSWORD", "encryptedPassword")
_URLS = _lower("url", "fullUrl", "JDBC_CONNECTION_URL", "CONNECTION_URL")
_DRIVERS = _lower("driver", "customJdbcDriverS3Path", "customJdbcDriverClassName", "JDBC_DRIVER_JAR_URI")


@dataclass(frozen=True, slots=True)
class CallOptions:
    """The options of a call that passed all checks.

    Attributes:
        database: the database that the call names, ``""`` for the connection's.
        driver: harmless options of the driver, in the driver's spelling.
        reader: options for reading or writing rows, in Glue's and Spark's spelling.
        findings: the passed checks: GS-TLS-005, -008, -011.
    """

    database: str
    driver: tuple[tuple[str, str], ...]
    reader: tuple[tuple[str, object], ...]
    findings: tuple[Finding, ...] = field(default=(), compare=False, repr=False)


def split_reader_options(
    options: Mapping[str, object],
) -> tuple[dict[str, object], dict[str, str]]:
    """Return the options that concern the connection, and those for reading or writing rows.

    Raises:
        UsageError: an option for rows is given twice.
    """
    connection_options, reader_options = {}, {}
    for name, value in options.items():
        spelling = _READER_OPTIONS.get(name.lower())
        if spelling is None:
            connection_options[name] = value
        elif spelling in reader_options:
            _stop_duplicate(name)
        else:
            reader_options[spelling] = str(value)
    return connection_options, reader_options


def read_options(
    engine: DatabaseEngine, connection_name: str, options: Mapping[str, object], *, certificate: str = ""
) -> CallOptions:
    """Return the options of a call, split by the component that reads them.

    Args:
        engine: the connection's engine.
        connection_name: the value that ``connectionName`` may repeat; names the resource of the findings.
        options: the call's options.
        certificate: the connection's CUSTOM_JDBC_CERT, which an option may repeat.

    Raises:
        RefusedError: GS-TLS-005 (TLS, address, unknown option), -008 (credentials), -011 (driver).
        UsageError: an option is given twice, or its value is invalid.
    """
    database, driver, reader = "", [], []
    lowered_names: set[str] = set()
    for name in options:
        lowered = name.lower()
        if lowered in lowered_names:
            _stop_duplicate(name)
        lowered_names.add(lowered)
    options = _without_ignored(engine, connection_name, options)
    findings = enforce(check_options(engine, connection_name, options, certificate=certificate))
    for name, value in options.items():
        option = engine.option(name)
        if name.lower() in _READER_OPTIONS:
            reader.append((_READER_OPTIONS[name.lower()], value))
        elif name.lower() == "database":
            database = str(value)
        elif option is not None and option.rule in (OptionRule.HARMLESS, OptionRule.IGNORED):
            if not option.accepts(option_text(value)):
                raise UsageError(
                    f"option {option.name} of connection {connection_name} has an invalid value",
                    found="(not shown)",
                    required=f"text that matches {option.values}",
                )
            if option.rule is OptionRule.HARMLESS:
                driver.append((option.name, option_text(value)))
    return CallOptions(database, tuple(driver), tuple(reader), findings)


def _without_ignored(
    engine: DatabaseEngine, connection_name: str, options: Mapping[str, object]
) -> dict[str, object]:
    """Return the options without those that have no effect for the engine; a warning names them.

    Options of UNLOAD have none for Amazon Redshift either, and options of COPY reach this function only if
    rows are written with INSERT.
    """
    ignored = [name for name in options if is_ignored(name, Place.JDBC) and engine.option(name) is None]
    for name in ignored:
        if engine is REDSHIFT and not is_ignored(name, Place.REDSHIFT):
            _LOG.warning(
                "connection %s: %s has no effect: rows are read with SELECT, and written with INSERT without "
                "redshiftTmpDir and aws_iam_role",
                connection_name,
                name,
            )
        else:
            warn_of_ignored(name, f"connection {connection_name}", f"{engine.name} does not read it")
    return {name: value for name, value in options.items() if name not in ignored}


def check_options(
    engine: DatabaseEngine, connection_name: str, options: Mapping[str, object], *, certificate: str = ""
) -> tuple[Finding, ...]:
    """Check that no option of a call overrides the connection.

    Returns:
        GS-TLS-005, -008 and -011 passed; or one failure of these.
    """
    resource = f"connection {connection_name}"
    for name, value in options.items():
        failure = _failure(engine, connection_name, name, value, certificate, resource)
        if failure is not None:
            return (failure,)
    names = ", ".join(sorted(shown_name(name) for name in options)) or "none"
    return (
        passed("GS-TLS-005", resource, f"options of the call: {names}"),
        passed("GS-TLS-008", resource, "no credentials in the options of the call"),
        passed("GS-TLS-011", resource, f"the call does not replace the driver {engine.driver}"),
    )


def _failure(
    engine: DatabaseEngine, connection_name: str, name: str, value: object, certificate: str, resource: str
) -> Finding | None:
    """Return why the option is not accepted, None if it is."""
    lowered, text = name.lower(), str(value)
    if lowered in _READER_OPTIONS or lowered == "database":
        return None
    if lowered == "connectionname":
        if text == connection_name:
            return None
        return _override(resource, name, f"the connection that the call names, {connection_name}")
    if lowered in _TRUE or lowered in _FALSE:
        expected = "true" if lowered in _TRUE else "false"
        if text.lower() == expected:
            return None
        return _override(resource, name, f"{name}={expected}, or no such option")
    if lowered in _CERTIFICATES:
        if certificate and text == certificate:
            return None
        return _override(resource, name, "the connection's own CUSTOM_JDBC_CERT")
    if lowered == "vendor":
        vendors = (engine.name, *engine.aliases)
        if text.lower() in vendors:
            return None
        return failed(
            "GS-TLS-005",
            resource,
            found=f"a call for {shown_name(text)}, by its connection_type or the option vendor",
            required=f"the connection's engine: {' or '.join(vendors)}",
            fix=f'pass connection_type="{engine.name}", or the connection of the other database',
        )
    if lowered in _DRIVERS:
        if lowered == "driver" and text == engine.driver:
            return None
        return failed(
            "GS-TLS-011",
            resource,
            found=f"option {name}: another driver",
            required=engine.driver,
            fix=f"remove {name} from the call",
        )
    if lowered in _SECRETS:
        return _credentials(resource, name)
    if lowered in _URLS:
        return _override(resource, name, "the URL of the connection that the call names")
    return _driver_option_failure(engine, name, value, resource)


def _driver_option_failure(engine: DatabaseEngine, name: str, value: object, resource: str) -> Finding | None:
    option = engine.option(name)
    if option is None:
        return failed(
            "GS-TLS-005",
            resource,
            found=f"option {shown_name(name)}, which glue-secure does not know",
            required="only options with a known effect",
            fix="remove it from the call, or check its spelling",
        )
    if option.rule is OptionRule.CREDENTIAL:
        return _credentials(resource, option.name)
    if option.rule is OptionRule.TLS and not option.accepts(option_text(value)):
        return _override(resource, option.name, engine.verification_option, option.reason)
    if engine.strict is not None and f"{option.name}={value}".lower() == "encrypt=strict":
        return _override(resource, option.name, "encrypt=strict in the connection's JDBC URL")
    if option.rule is OptionRule.ADDRESS:
        return _override(resource, option.name, "the server of the connection that the call names")
    if option.rule is OptionRule.REFUSED and not option.accepts(option_text(value)):
        return _override(resource, option.name, "no such option", option.reason)
    return None


def _stop_duplicate(name: str) -> NoReturn:
    raise UsageError(
        f"an option is given twice: {shown_name(name)}",
        found="two spellings of one name",
        required="each option once",
    )


def _credentials(resource: str, name: str) -> Finding:
    return failed(
        "GS-TLS-008",
        resource,
        found=f"option {name} (value not shown) in a call that names a connection",
        required="no credentials in options; the connection's SECRET_ID names them",
        fix=f"remove {name} from the call",
    )


def _override(resource: str, name: str, required: str, reason: str = "") -> Finding:
    return failed(
        "GS-TLS-005",
        resource,
        found=f"option {name} in the call would override the connection" + (f": {reason}" if reason else ""),
        required=required,
        fix=f"remove {name} from the call (connection_options, additional_options)",
    )
