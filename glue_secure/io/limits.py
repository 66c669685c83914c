"""Options that bound what a read of S3 selects, under Glue's names and one of this project's.

``maxBand``, ``maxFilesInBand``:
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect-s3-home.html; ``boundedFiles`` and
``boundedSize``: https://docs.aws.amazon.com/glue/latest/dg/bounded-execution.html. ``keysAscending`` is this
project's own: see :mod:`glue_secure.bookmarks.ascending`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from glue_secure.bookmarks.bounds import MAX_FILES_IN_BAND, WINDOW, Limits
from glue_secure.bookmarks.session import MOST_IDENTITIES
from glue_secure.core.errors import UsageError
from glue_secure.core.options import truth, whole_number

BOUNDS = ("boundedFiles", "boundedSize")
"""A Data Catalog table's own parameters may name these too."""
LIMITS = frozenset({*BOUNDS, "maxBand", "maxFilesInBand", "keysAscending"})
_YEAR = timedelta(days=366) // timedelta(milliseconds=1)


def limits_of(options: Mapping[str, Any]) -> Limits:
    """The limits that Glue's ``connection_options`` or ``additional_options`` name; others are not looked at.

    Raises:
        UsageError: a value is no number or out of range, or both bounds are given.
    """
    given = {name: options[name] for name in LIMITS if options.get(name) not in (None, "")}
    if all(name in given for name in BOUNDS):
        raise UsageError(
            "bounded execution",
            found=f"boundedFiles {given['boundedFiles']} and boundedSize {given['boundedSize']}",
            required="one of them, as in Glue",
        )
    band = _number(given, "maxBand", 0, _YEAR)
    files = _number(given, "maxFilesInBand", 0, MOST_IDENTITIES)
    return Limits(
        window=WINDOW if band is None else timedelta(milliseconds=band),
        max_files_in_band=MAX_FILES_IN_BAND if files is None else files,
        files=_number(given, "boundedFiles", 1),
        size=_number(given, "boundedSize", 1),
        keys_ascending=truth("keysAscending", given.get("keysAscending", False)),
    )


def _number(given: Mapping[str, Any], name: str, least: int, most: int | None = None) -> int | None:
    if name not in given:
        return None
    return whole_number(name, given[name], least=least, most=most)
