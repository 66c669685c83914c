"""The arguments of a job that name its policy files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri

if TYPE_CHECKING:
    from glue_secure.core.arguments import JobArguments

POLICY = "glue-secure-policy"
POLICY_SHA256 = "glue-secure-policy-sha256"
PACKAGED = "package:"
"""``package:PACKAGE/FILE`` names a file of a Python package."""
_PACKAGED = re.compile(r"package:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*/[\w.-]+\Z")
_DIGEST = re.compile(r"[0-9a-fA-F]{64}\Z")
_MOST = 3


def policy_locations(arguments: JobArguments) -> tuple[str, ...]:
    """Return the files of ``--glue-secure-policy``: one for each level, separated by commas.

    Raises:
        UsageError: a name is neither an S3 location nor ``package:PACKAGE/FILE``, or there are too many.
    """
    text = arguments.get(POLICY)
    if text is None:
        return ()
    names = [name.strip() for name in text.split(",")]
    if len(names) > _MOST or len(set(names)) < len(names):
        raise UsageError(f"--{POLICY}", found=text, required="at most one file for each of three levels")
    return tuple(name if _PACKAGED.match(name) else _object(name) for name in names)


def policy_digests(arguments: JobArguments, count: int) -> tuple[str, ...]:
    """Return the digests of ``--glue-secure-policy-sha256``, in the order of the files; ``""`` without one.

    Raises:
        UsageError: a digest is not 64 hexadecimal digits, or their number is not that of the files.
    """
    text = arguments.get(POLICY_SHA256)
    if text is None:
        return ("",) * count
    digests = [digest.strip() for digest in text.split(",")]
    if len(digests) != count or not all(map(_DIGEST.match, digests)):
        raise UsageError(
            f"--{POLICY_SHA256}",
            found=text,
            required=f"one SHA-256 of 64 hexadecimal digits for each file of --{POLICY}, separated by commas",
        )
    return tuple(digest.lower() for digest in digests)


def _object(name: str) -> str:
    try:
        location = S3Uri.parse(name)
    except UsageError as error:
        raise UsageError(
            f"--{POLICY}", found=repr(name), required=f"{error.required}, or package:PACKAGE/FILE"
        ) from None
    if not location.key or location.key.endswith("/"):
        raise UsageError(f"--{POLICY}", found=repr(name), required="s3://BUCKET/KEY of one object")
    return str(location)
