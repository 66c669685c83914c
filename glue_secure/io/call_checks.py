"""Checks of the locations and options that a script passes to a read or write."""

from __future__ import annotations

from collections.abc import Mapping

from glue_secure.core.errors import RefusedError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.spark_conf import protected_options


def s3_location(text: str, purpose: str) -> S3Uri:
    """Return a location in S3.

    Args:
        text: the location as the script passed it.
        purpose: the call, for the message: ``read of``.

    Raises:
        RefusedError: GS-S3-006, another file system or no scheme.
        UsageError: the text is not a valid location.
    """
    scheme, separator, _ = str(text).partition("://")
    if not separator or scheme.lower() not in ("s3", "s3a", "s3n"):
        raise RefusedError(
            "GS-S3-006",
            resource=f"{purpose} {text!r}",
            found=f"scheme {scheme!r}" if separator else "no scheme",
            required="s3://BUCKET/PREFIX",
            fix="use a bucket with SSE-KMS; tests can use the buckets of the embedded account",
        )
    return S3Uri.parse(str(text))


def reject_protected_options(options: Mapping[str, str], resource: str) -> None:
    """Reject options that could change encryption, key, endpoint or TLS.

    Raises:
        RefusedError: GS-S3-005.
    """
    names = protected_options(options)
    if names:
        raise RefusedError(
            "GS-S3-005",
            resource=resource,
            found=f"option {', '.join(names)}",
            required="encryption by the attached security configuration alone",
            fix=f"remove {', '.join(names)}",
        )
