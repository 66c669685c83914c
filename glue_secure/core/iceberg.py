"""Iceberg catalogs of a session. S3FileIO writes with its own client and ignores Hadoop's settings.

Its encryption is set by properties of the catalog, ``spark.sql.catalog.NAME.s3.sse.*``. A catalog with
HadoopFileIO does not read them. https://iceberg.apache.org/docs/1.10.0/aws/#s3-server-side-encryption
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from glue_secure.core.findings import Finding, failed, passed, unknown
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.redaction import is_secret_name, redact_setting, redact_text

ENDPOINT = ".s3.endpoint"
_ADDRESSES = ("s3.endpoint", "s3.path-style-access")
# Catalogs that Iceberg itself adds to a session when it reads or rewrites a table. They have no files.
_WITHOUT_FILES = (".SparkCachedTableCatalog", ".SparkRewriteTableCatalog")
# The catalog that Iceberg adds when spark.read.format("iceberg") is used: of type hive, with HadoopFileIO, so
# that Hadoop's settings decide the encryption. A job that gives it another FileIO or catalog is checked.
_DEFAULT = "spark.sql.catalog.default_iceberg"
_KIND = re.compile(rf"{re.escape(_DEFAULT)}\.(?P<name>type|catalog-impl|io-impl)\Z")
_CLASS = re.compile(r"spark\.sql\.catalog\.[^.]+\Z")
# Where a catalog is: its service, its AWS Region and its warehouse.
_PLACE = re.compile(
    r"spark\.sql\.catalog\.[^.]+\.(uri|warehouse|glue\.id|client\.region|rest\.signing-region)\Z"
)
_PROPERTY = re.compile(r"(?P<catalog>spark\.sql\.catalog\.[^.]+)\.(?P<name>.+)\Z")
_SCHEME = re.compile(r"\s*(?P<scheme>jdbc(?=:)|[a-z][a-z0-9+.-]*(?=://))", re.IGNORECASE)
_NAME_OF_SERVICE = re.compile(r"(?:.*[.-])?(?:uri|uris|url|urls|endpoint)\Z", re.IGNORECASE)
_SCHEMES_OF_SERVICES = ("http", "https", "jdbc", "thrift")
_SCHEMES_OF_LOCATIONS = ("abfs", "abfss", "file", "gs", "hdfs", "s3", "s3a", "s3n", "viewfs")
# Values that no client connects to: identifiers of OAuth 2.0, and headers. A proxy forwards the
# connection, whose TLS ends at the service.
_NO_SERVICE = re.compile(r"(?:scope|audience|resource|header\..+|s3\.endpoint|.*proxy-endpoint)\Z")
_DECISIVE = re.compile(
    r"(?P<catalog>spark\.sql\.catalog\.[^.]+)\."
    r"(?P<name>s3\.sse\..+|s3\.endpoint|s3\.path-style-access|client\.factory|s3\.client-factory-impl)\Z"
)


def is_decisive(name: str) -> bool:
    """Return whether a setting names a catalog or its place, or how its files are encrypted and stored."""
    return any(pattern.match(name) for pattern in (_CLASS, _DECISIVE, _KIND, _PLACE))


def is_property(name: str) -> bool:
    """Return whether a setting is a property of a catalog whose value is no secret by its name.

    ``token-endpoint`` is none.
    """
    is_secret = is_secret_name(name) and not _NAME_OF_SERVICE.match(name)
    return _PROPERTY.match(name) is not None and not is_secret


def is_service(name: str, value: str) -> bool:
    """Return whether a setting is the address of a service to which a catalog connects, except S3.

    It is if its value is a URL of http, JDBC or thrift, whatever the name: catalogs of other libraries have
    names of their own. ``uri`` always is.
    """
    setting = _PROPERTY.match(name)
    if setting is None or not value.strip() or not is_property(name) or _NO_SERVICE.match(setting["name"]):
        return False
    scheme = _scheme(value)
    if setting["name"] == "uri" or scheme in _SCHEMES_OF_SERVICES:
        return True
    is_named = _NAME_OF_SERVICE.match(setting["name"]) is not None
    return is_named and scheme != "" and scheme not in _SCHEMES_OF_LOCATIONS


def check_services(settings: Mapping[str, str]) -> list[Finding]:
    """Check TLS of the services of each Iceberg catalog, which name the objects and may give credentials.

    Only https is known to be TLS (GS-S3-002). A metastore by thrift has TLS if another setting says so, and a
    database by JDBC if its driver does: both are unknown.

    Args:
        settings: the settings of the session for which :func:`is_decisive` or :func:`is_service` is true.
    """
    defined = {name for name, text in settings.items() if _is_class_of_iceberg(name, text)}
    return [
        _check_service(name, value)
        for name, value in sorted(settings.items())
        if (setting := _PROPERTY.match(name)) and setting["catalog"] in defined and is_service(name, value)
    ]


def _check_service(name: str, value: str) -> Finding:
    resource, found = f"setting {name}", redact_text(value)
    schemes = {_scheme(part) for part in value.split(",")}
    # A database in a local file has no connection.
    if schemes == {"https"} or value.strip().lower().startswith("jdbc:sqlite:"):
        return passed("GS-S3-002", resource, found)
    required = "https://, because the catalog names the objects and may give credentials"
    fix = f"set {name} to an https:// URL, as https://glue.REGION.amazonaws.com/iceberg"
    if "http" in schemes:
        return failed("GS-S3-002", resource, found=found, required=required, fix=fix)
    return unknown(
        "GS-S3-002",
        resource,
        found=f"{found}, whose TLS cannot be verified",
        required=required,
        fix=f"remove {name}, and use a catalog of type glue; or, for a REST catalog, {fix}",
    )


def _scheme(value: str) -> str:
    match = _SCHEME.match(value)
    return match["scheme"].lower() if match else ""


def catalogs(settings: Mapping[str, str]) -> list[str]:
    """Return the names of the settings that define an Iceberg catalog, sorted."""
    return sorted(
        name
        for name, text in settings.items()
        if _is_class_of_iceberg(name, text) and not (name == _DEFAULT and _is_of_hadoop(settings))
    )


def _is_class_of_iceberg(name: str, text: str) -> bool:
    has_files = not text.strip().endswith(_WITHOUT_FILES)
    return _CLASS.match(name) is not None and ".iceberg." in text.lower() and has_files


def _is_of_hadoop(settings: Mapping[str, str]) -> bool:
    """Return whether the default catalog is the one that Iceberg adds, whose files Hadoop writes."""
    return settings.get(f"{_DEFAULT}.type") == "hive" and not any(
        f"{_DEFAULT}.{name}" in settings for name in ("catalog-impl", "io-impl")
    )


def plan_catalogs(settings: Mapping[str, str], key: KmsKeyArn, *, path_style: bool = False) -> dict[str, str]:
    """Return the settings that Iceberg catalogs need for SSE-KMS under ``key`` and that are not set yet.

    Args:
        settings: the settings of the session for which :func:`is_decisive` is true.
        key: the run's key.
        path_style: whether S3A uses URLs with the bucket in the path; Iceberg's client then does so, too.
    """
    addressing = {"s3.path-style-access": "true"} if path_style else {}
    wanted = {
        f"{catalog}.{name}": value
        for catalog in catalogs(settings)
        for name, value in {**_sse(key), **addressing}.items()
    }
    return {name: value for name, value in wanted.items() if name not in settings}


def check_catalogs(settings: Mapping[str, str], key: KmsKeyArn) -> list[Finding]:
    """Check that each Iceberg catalog writes SSE-KMS under ``key`` with Iceberg's own client (GS-S3-013).

    Args:
        settings: the settings of the session for which :func:`is_decisive` is true.
        key: the run's key.
    """
    findings = []
    for catalog in catalogs(settings):
        wanted = _sse(key)
        for name in settings:
            setting = _DECISIVE.match(name)
            if setting and setting["catalog"] == catalog and setting["name"] not in _ADDRESSES:
                wanted.setdefault(setting["name"], "")
        findings += [_check_setting(f"{catalog}.{name}", settings, value) for name, value in wanted.items()]
    return findings


def _sse(key: KmsKeyArn) -> dict[str, str]:
    return {"s3.sse.type": "kms", "s3.sse.key": str(key)}


def _check_setting(name: str, settings: Mapping[str, str], required: str) -> Finding:
    found = settings.get(name, "")
    if found == required:
        return passed("GS-S3-013", f"setting {name}", found or "empty")
    return failed(
        "GS-S3-013",
        f"setting {name}",
        found=redact_setting(name, found) or "not set",
        required=required or "not set",
        fix=f"set {name} to {required}, or configure the catalog before job.init, which sets it"
        if required
        else f"remove {name}; only Iceberg's own client with the run's key is accepted",
    )
