"""Checks of the locations and options that a script passes to a read or write."""

from __future__ import annotations

import re
from collections.abc import Mapping

from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.redaction import is_secret_name
from glue_secure.core.spark_conf import protected_options

_SCHEME = re.compile(r"(?P<scheme>jdbc(?=:)|[a-z][a-z0-9+.-]*(?=://))", re.IGNORECASE)
_NOT_TLS = ("http", "jdbc", "thrift")
_NO_LOCATIONS = ("https", *_NOT_TLS)
_NAME_OF_LOCATION = re.compile(r"(?:.*[._])?paths?\Z", re.IGNORECASE)
_CREDENTIALS = ("password", "user", "url")
_FREE_TEXT = re.compile(r"comment\Z|usermetadata\Z|snapshot-property\.", re.IGNORECASE)


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


def reject_table_options(options: Mapping[str, str], resource: str, location: str) -> None:
    """Reject options of a read or write of a table that a source or sink of files would not take, either.

    Names are compared in any letter case, as Spark does.

    Args:
        options: the options, without the one by which the call names the table.
        resource: the call, for the message.
        location: the table's location, which options may repeat.

    Raises:
        RefusedError: GS-S3-005, an option could change encryption; GS-TLS-008, one is a credential;
            GS-S3-002, one is the address of a service without TLS, or whose TLS cannot be verified.
        UsageError: an option names another location than the table's.
    """
    reject_protected_options(options, resource)
    secrets = sorted(name for name in options if name.lower() in _CREDENTIALS or is_secret_name(name))
    if secrets:
        raise RefusedError(
            "GS-TLS-008",
            resource=resource,
            found=f"option {', '.join(secrets)} (value not shown)",
            required="no credentials in options",
            fix=f"remove {', '.join(secrets)}",
        )
    values = {name: str(value).strip() for name, value in options.items() if not _FREE_TEXT.match(name)}
    services = sorted(name for name, value in values.items() if _scheme(value) in _NOT_TLS)
    if services:
        raise RefusedError(
            "GS-S3-002",
            resource=resource,
            found=f"option {', '.join(services)}, an address whose TLS is not verified",
            required="an https:// URL",
            fix=f"remove {', '.join(services)}",
        )
    elsewhere = sorted(
        name
        for name, value in values.items()
        if (_NAME_OF_LOCATION.match(name) or _scheme(value) not in ("", *_NO_LOCATIONS))
        and _place(value) != _place(location)
    )
    if elsewhere:
        raise UsageError(
            resource,
            found=f"option {', '.join(elsewhere)}",
            required="one location: that of the table",
            fix=f"remove {', '.join(elsewhere)}",
        )


def _scheme(value: str) -> str:
    match = _SCHEME.match(value)
    return match["scheme"].lower() if match else ""


def _place(location: str) -> str:
    """Return a location without what differs between names of one place: S3's scheme, and the last slash."""
    scheme, separator, path = location.partition("://")
    return f"{'s3' if scheme.lower() in ('s3', 's3a', 's3n') else scheme}{separator}{path.rstrip('/')}"
