"""The caller's own options (``connection_options``, ``additional_options``): split, known, and judged.

Spark compares option names without regard to letter case, pgjdbc with it, and Glue has its own
words for TLS (``enforceSSL``). All three are met here: any letter case is recognised, what may pass
is handed on in the spelling its reader wants, and what is not known is refused.
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect-jdbc-home.html
https://spark.apache.org/docs/3.5.6/sql-data-sources-jdbc.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from glue_secure.connections.engines.registry import DriverOption, Engine, Rule
from glue_secure.core.errors import RefusedError, UsageError

# What the reader or writer acts upon; this room only knows that they leave the connection alone.
# sessionInitStatement and prepareQuery are left out: they run SQL of their own before the query.
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
# Glue's and Spark's words for what the connection already says: they may repeat it, not change it.
_REPEATS_TRUE = ("enforceSSL", "JDBC_ENFORCE_SSL", "ENFORCE_SSL", "useConnectionProperties")
_REPEATS_FALSE = ("skipCustomJDBCCertValidation", "SKIP_CUSTOM_JDBC_CERT_VALIDATION")
_CERTIFICATE = ("customJDBCCert", "CUSTOM_JDBC_CERT", "customJDBCCertString", "CUSTOM_JDBC_CERT_STRING")
_SECRET = ("secretId", "SECRET_ID", "ENCRYPTED_PASSWORD", "encryptedPassword")
_ADDRESS = ("url", "fullUrl", "JDBC_CONNECTION_URL", "CONNECTION_URL")
_DRIVERS = ("driver", "customJdbcDriverS3Path", "customJdbcDriverClassName", "JDBC_DRIVER_JAR_URI")
_LOWER_READER = {name.lower(): name for name in READER_OPTIONS}


def _lower(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name.lower() for name in names)


_TRUE, _FALSE = _lower(_REPEATS_TRUE), _lower(_REPEATS_FALSE)
_CERTIFICATES, _SECRETS, _URLS = _lower(_CERTIFICATE), _lower(_SECRET), _lower(_ADDRESS)
_DRIVER_NAMES = _lower(_DRIVERS)


@dataclass(frozen=True, slots=True)
class CallerOptions:
    """The caller's options, judged.

    Attributes:
        database: the database that the caller asked for, ``""`` where the connection's stands.
        driver: harmless options of the driver, in its own spelling.
        reader: options for whoever reads or writes the rows, in Glue's and Spark's spelling.
    """

    database: str
    driver: tuple[tuple[str, str], ...]
    reader: tuple[tuple[str, object], ...]


def validate_options(
    engine: Engine, connection_name: str, options: Mapping[str, object], *, certificate: str = ""
) -> CallerOptions:
    """Split a call's options, and refuse each that would change what the connection says.

    Args:
        engine: the connection's.
        connection_name: for messages, and to compare ``connectionName`` with.
        options: as the call gave them.
        certificate: the connection's own CUSTOM_JDBC_CERT, which an option may repeat.

    Raises:
        RefusedError: GS-TLS-005 (TLS, address, unknown), -008 (credentials), -011 (driver).
        UsageError: a name given twice, or a value of the wrong form.
    """
    database, driver, reader = "", [], []
    seen: set[str] = set()
    resource = f"connection {connection_name}"
    for name, value in options.items():
        lowered = name.lower()
        if lowered in seen:
            raise UsageError(
                f"an option is given twice: {_shown(name)}",
                found="two spellings of one name",
                required="each option once",
            )
        seen.add(lowered)
        if lowered in _LOWER_READER:
            reader.append((_LOWER_READER[lowered], value))
        elif lowered == "database":
            database = str(value)
        elif lowered == "connectionname":
            if str(value) != connection_name:
                _override(resource, name, f"the connection that was planned, {connection_name}")
        elif not _repeats(engine, lowered, name, value, resource, certificate):
            driver_option = _driver_option(engine.option(name), name, value, resource)
            if driver_option is not None:
                driver.append(driver_option)
    return CallerOptions(database, tuple(driver), tuple(reader))


def _repeats(engine: Engine, lowered: str, name: str, value: object, resource: str, certificate: str) -> bool:
    """Whether the option only says again what the connection says; refuses where it says otherwise."""
    text = str(value)
    if lowered in _TRUE or lowered in _FALSE:
        wanted = "true" if lowered in _TRUE else "false"
        if text.lower() != wanted:
            _override(resource, name, f"{name}={wanted}, or no such option")
        return True
    if lowered in _CERTIFICATES:
        if not certificate or text != certificate:
            _override(resource, name, "the connection's own CUSTOM_JDBC_CERT")
        return True
    if lowered == "vendor":
        if text.lower() != engine.name:
            _override(resource, name, engine.name)
        return True
    if lowered in _DRIVER_NAMES:
        if lowered == "driver" and text == engine.driver:
            return True
        _refuse(
            "GS-TLS-011",
            resource,
            found=f"option {name}: another driver",
            required=engine.driver,
            fix=f"remove {name} from the call",
        )
    if lowered in _SECRETS:
        _credentials(resource, name)
    if lowered in _URLS:
        _override(resource, name, "the URL of the connection that the call names")
    return False


def _driver_option(
    option: DriverOption | None, name: str, value: object, resource: str
) -> tuple[str, str] | None:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if option is None:
        _refuse(
            "GS-TLS-005",
            resource,
            found=f"option {_shown(name)}, which this project does not know",
            required="only options whose effect is known",
            fix="remove it from the call, or check its spelling",
        )
    if option.rule is Rule.CREDENTIAL:
        _credentials(resource, option.name)
    if option.rule is Rule.TLS:
        if not option.accepts(text):
            _override(resource, option.name, "what the connection says: verify-full", option.why)
        return None  # It asks for what is forced anyway.
    if option.rule is Rule.ADDRESS:
        _override(resource, option.name, "the server of the connection that the call names")
    if option.rule is Rule.REFUSED:
        _override(resource, option.name, "no such option", option.why)
    if not option.accepts(text):
        raise UsageError(
            f"option {option.name} of {resource} has a value of another form",
            found="(not shown)",
            required=f"text that matches {option.values}",
        )
    return option.name, text


def _credentials(resource: str, name: str) -> NoReturn:
    _refuse(
        "GS-TLS-008",
        resource,
        found=f"option {name} (value not shown) in a call that names a connection",
        required="no credentials in options; the connection's SECRET_ID names them",
        fix=f"remove {name} from the call",
    )


def _override(resource: str, name: str, required: str, why: str = "") -> NoReturn:
    _refuse(
        "GS-TLS-005",
        resource,
        found=f"option {name} in the call would override the connection" + (f": {why}" if why else ""),
        required=required,
        fix=f"remove {name} from the call (connection_options, additional_options)",
    )


def _shown(name: str) -> str:
    plain = 0 < len(name) <= 60 and all(c.isascii() and (c.isalnum() or c in "._-") for c in name)
    return name if plain else "(not shown)"


def _refuse(control: str, resource: str, *, found: str, required: str, fix: str) -> NoReturn:
    raise RefusedError(control, resource=resource, found=found, required=required, fix=fix)
