"""Iceberg catalogs of a session: S3FileIO writes with a client of its own, past Hadoop's settings.

What it encrypts with stands in the catalog's properties, ``spark.sql.catalog.NAME.s3.sse.*``. A catalog that
uses HadoopFileIO does not read them.
https://iceberg.apache.org/docs/1.10.0/aws/#s3-server-side-encryption
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from glue_secure.core.findings import Finding, failed, passed
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.redaction import redact_setting

ENDPOINT = ".s3.endpoint"
_CLASS = re.compile(r"spark\.sql\.catalog\.[^.]+\Z")
_DECISIVE = re.compile(
    r"(?P<catalog>spark\.sql\.catalog\.[^.]+)\."
    r"(?P<name>s3\.sse\..+|s3\.endpoint|client\.factory|s3\.client-factory-impl)\Z"
)


def is_decisive(name: str) -> bool:
    """Whether a setting of a session names a catalog, or decides how its files are encrypted and travel."""
    return bool(_CLASS.match(name) or _DECISIVE.match(name))


def catalogs(settings: Mapping[str, str]) -> list[str]:
    """The settings that name an Iceberg catalog, sorted."""
    return sorted(
        name for name, text in settings.items() if _CLASS.match(name) and ".iceberg." in text.lower()
    )


def plan_catalogs(settings: Mapping[str, str], key: KmsKeyArn) -> dict[str, str]:
    """What each Iceberg catalog lacks to write SSE-KMS under ``key``; what it says already is left alone."""
    wanted = {f"{each}.{name}": value for each in catalogs(settings) for name, value in _sse(key).items()}
    return {name: value for name, value in wanted.items() if name not in settings}


def check_catalogs(settings: Mapping[str, str], key: KmsKeyArn) -> list[Finding]:
    """GS-S3-013: each Iceberg catalog writes SSE-KMS under ``key``, by Iceberg's own client.

    Args:
        settings: those of the session that :func:`is_decisive` picks.
        key: the run's.
    """
    findings = []
    for catalog in catalogs(settings):
        wanted = _sse(key)
        for name in settings:
            found = _DECISIVE.match(name)
            if found and found["catalog"] == catalog and found["name"] != "s3.endpoint":
                wanted.setdefault(found["name"], "")
        findings += [_held(f"{catalog}.{name}", settings, value) for name, value in wanted.items()]
    return findings


def _sse(key: KmsKeyArn) -> dict[str, str]:
    return {"s3.sse.type": "kms", "s3.sse.key": str(key)}


def _held(name: str, settings: Mapping[str, str], required: str) -> Finding:
    found = settings.get(name, "")
    if found == required:
        return passed("GS-S3-013", f"setting {name}", found or "empty")
    return failed(
        "GS-S3-013",
        f"setting {name}",
        found=redact_setting(name, found) or "not set",
        required=required or "not set",
        fix=f"set {name} to it, or configure the catalog before job.init, which sets it"
        if required
        else f"remove {name}; Iceberg's own client and the run's key are what is enforced",
    )
