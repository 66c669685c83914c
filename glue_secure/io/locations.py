"""S3 locations as scripts write them."""

from __future__ import annotations

from glue_secure.core.errors import RefusedError
from glue_secure.core.identifiers import S3Uri


def s3_location(text: str, purpose: str) -> S3Uri:
    """``text`` as an S3 location; another file system refuses (GS-S3-006)."""
    scheme, separator, _ = str(text).partition("://")
    if not separator or scheme.lower() not in ("s3", "s3a", "s3n"):
        raise RefusedError(
            "GS-S3-006",
            resource=f"{purpose} {text!r}",
            found=f"scheme {scheme!r}" if separator else "no scheme",
            required="s3://BUCKET/PREFIX",
            fix="put the data into a bucket with SSE-KMS; tests can use the embedded account's buckets",
        )
    return S3Uri.parse(str(text))
