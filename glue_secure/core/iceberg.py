"""Iceberg catalogs of a session. S3FileIO writes with its own client and ignores Hadoop's settings.

Its encryption is set by properties of the catalog, ``spark.sql.catalog.NAME.s3.sse.*``. A catalog with
HadoopFileIO does not read them. https://iceberg.apache.org/docs/1.10.0/aws/#s3-server-side-encryption
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from glue_secure.core.findings import Finding, failed, passed
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.redaction import redact_setting

ENDPOINT = ".s3.endpoint"
_ADDRESSES = ("s3.endpoint", "s3.path-style-access")
_CLASS = re.compile(r"spark\.sql\.catalog\.[^.]+\Z")
_DECISIVE = re.compile(
    r"(?P<catalog>spark\.sql\.catalog\.[^.]+)\."
    r"(?P<name>s3\.sse\..+|s3\.endpoint|s3\.path-style-access|client\.factory|s3\.client-factory-impl)\Z"
)


def is_decisive(name: str) -> bool:
    """Return whether a setting names a catalog, or decides the encryption or the endpoint of its files."""
    return bool(_CLASS.match(name) or _DECISIVE.match(name))


def catalogs(settings: Mapping[str, str]) -> list[str]:
    """Return the names of the settings that define an Iceberg catalog, sorted."""
    return sorted(
        name for name, text in settings.items() if _CLASS.match(name) and ".iceberg." in text.lower()
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
