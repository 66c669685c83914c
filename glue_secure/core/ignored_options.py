"""Options that Glue accepts and does not read, as one list: a warning names each, and the call goes on.

Glue reads the options that it knows by name and overlooks all others. A job that runs in Glue with such an
option runs here too. The list has only names that AWS documents for another place, and names that public Glue
scripts pass. Any other unknown name is rejected, because it may be a misspelt option.

None of these options can weaken encryption or change a location: they are removed before anything reads them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from glue_secure.core.redaction import redacting_logger

_GUIDE = "https://docs.aws.amazon.com/glue/latest/dg/"
_FORMATS = f"{_GUIDE}aws-glue-programming-etl-format.html"
_S3 = f"{_GUIDE}aws-glue-programming-etl-connect-s3-home.html"
_REDSHIFT = f"{_GUIDE}aws-glue-programming-etl-connect-redshift-home.html"
_JDBC = f"{_GUIDE}run-jdbc-parallel-read-job.html"
_BOOKMARKS = f"{_GUIDE}programming-etl-connect-bookmarks.html"
_GOVERNED = "https://docs.aws.amazon.com/lake-formation/latest/dg/governed-tables.html"
_LOG = redacting_logger(__name__)


class Place(Enum):
    """Where a script passes options."""

    FORMAT_OF_READ = "format_options of a read"
    FORMAT_OF_WRITE = "format_options of a write"
    S3_SOURCE = "connection_options of an S3 source"
    S3_SINK = "connection_options of an S3 sink"
    CATALOG_SOURCE = "additional_options of a read of a table"
    CATALOG_S3_SINK = "additional_options of a write to a table in S3"
    JDBC = "connection_options of a database other than Amazon Redshift"
    REDSHIFT = "connection_options of Amazon Redshift"
    READ_CALL = "arguments of a read"


@dataclass(frozen=True, slots=True)
class IgnoredOption:
    """An option that has no effect in some places.

    Attributes:
        name: the option.
        places: where Glue overlooks it.
        reason: why it has no effect, for the warning.
        source: the page or the public script that the name is from.
    """

    name: str
    places: tuple[Place, ...]
    reason: str
    source: str


def _options(names: str, places: Iterable[Place], belongs_to: str, source: str) -> tuple[IgnoredOption, ...]:
    reason = f"it is for {belongs_to}"
    return tuple(IgnoredOption(name, tuple(places), reason, source) for name in names.split())


_FORMAT_PLACES = (Place.FORMAT_OF_READ, Place.FORMAT_OF_WRITE)
_SINKS = (Place.S3_SINK, Place.CATALOG_S3_SINK)
_DATABASES = (Place.JDBC, Place.REDSHIFT)
_S3_PLACES = (Place.S3_SOURCE, Place.CATALOG_SOURCE, *_SINKS)
IGNORED_OPTIONS: tuple[IgnoredOption, ...] = (
    # Format options, for a format that does not have them, or beside the format options.
    *_options(
        "separator escaper quoteChar multiLine multiline withHeader writeHeader skipFirst optimizePerformance"
        " strictCheckForQuoting",
        (*_FORMAT_PLACES, *_S3_PLACES), "format_options of csv", _FORMATS,
    ),
    *_options("jsonPath", (*_FORMAT_PLACES, *_S3_PLACES), "format_options of json", _FORMATS),
    *_options(
        "rowTag encoding excludeAttribute treatEmptyValuesAsNulls attributePrefix valueTag"
        " ignoreSurroundingSpaces withSchema nullValue",
        _FORMAT_PLACES, "format_options of xml", _FORMATS,
    ),
    *_options(
        "useGlueParquetWriter compression blockSize pageSize",
        _FORMAT_PLACES, "format_options of a parquet sink", _FORMATS,
    ),
    *_options(
        "useGlueParquetWriter blockSize pageSize",
        _S3_PLACES, "format_options of a parquet sink", _FORMATS,
    ),
    *_options("version", _FORMAT_PLACES, "format_options of avro", _FORMATS),
    *_options(
        "logFormat customPatterns MISSING LineCount StrictMode",
        _FORMAT_PLACES, "format_options of grokLog", _FORMATS,
    ),
    *_options(
        "attachFilename attachTimestamp",
        (Place.FORMAT_OF_WRITE, *_S3_PLACES), "format_options of a read", _FORMATS,
    ),
    # format and format_options among connection_options: the call has arguments of these names.
    *_options("format format_options", _S3_PLACES, "arguments of from_options, and setFormat", _S3),
    # Options of a source for a sink, and the reverse.
    *_options(
        "recurse exclusions excludeStorageClasses groupFiles groupSize isFailFast maxBand maxFilesInBand"
        " boundedFiles boundedSize useS3ListImplementation mergeSchema catalogPartitionPredicate",
        (*_SINKS, *_DATABASES), "an S3 source", _S3,
    ),
    *_options(
        "partitionKeys enableUpdateCatalog updateBehavior",
        (Place.S3_SOURCE, Place.CATALOG_SOURCE, *_DATABASES), "an S3 sink", _S3,
    ),
    *_options("transactionId", _S3_PLACES, "governed tables, which AWS withdrew", _GOVERNED),
    # Options of databases for S3.
    *_options(
        "hashfield hashexpression hashpartitions sampleQuery fetchsize bulkSize",
        _S3_PLACES, "a database", _JDBC,
    ),
    *_options(
        "jobBookmarkKeys jobBookmarkKeysSortOrder jobBookmarksKeysSortOrder",
        _S3_PLACES,
        "a database",
        _BOOKMARKS,
    ),
    # AWS's tutorials and blueprints pass the temporary location to every engine.
    *_options(
        "redshiftTmpDir preactions postactions extracopyoptions extraunloadoptions aws_iam_role aws_iam_user",
        (*_S3_PLACES, Place.JDBC), "Amazon Redshift", _REDSHIFT,
    ),
    # awsglue's reading methods take any further argument, of which minPartitions and targetPartitions count.
    IgnoredOption(
        "bookmark_options", (Place.READ_CALL,), "no method of Glue has this argument",
        "public scripts on GitHub",
    ),
    IgnoredOption(
        "tranformation_ctx", (Place.READ_CALL,), "the argument is transformation_ctx",
        "https://github.com/LBHackney-IT/Data-Platform",
    ),
)  # fmt: skip
_BY_PLACE: dict[Place, dict[str, IgnoredOption]] = {
    place: {option.name: option for option in IGNORED_OPTIONS if place in option.places} for place in Place
}


def without_ignored(
    options: Mapping[str, Any], known: Iterable[str], place: Place, resource: str
) -> dict[str, Any]:
    """Return the options without those that Glue overlooks in this place. Each is named in a warning.

    Args:
        options: the caller's options.
        known: names that have an effect here, or that a later check rejects.
        place: where the script passes the options.
        resource: the subject of the warning.
    """
    has_effect, effective = set(known), {}
    for name, value in options.items():
        ignored = None if name in has_effect else _BY_PLACE[place].get(name)
        if ignored is None:
            effective[name] = value
        else:
            warn_of_ignored(name, resource, ignored.reason)
    return effective


def warn_of_ignored(name: str, resource: str, reason: str) -> None:
    """Log the warning about an option without effect."""
    _LOG.warning("%s: %s has no effect, as in Glue: %s", resource, name, reason)


def is_ignored(name: str, place: Place) -> bool:
    """Return whether Glue overlooks the option in this place, in any letter case."""
    return name.lower() in {option.lower() for option in _BY_PLACE[place]}


def likely_name(name: str, known: Iterable[str]) -> str:
    """Return the known name that a misspelt name probably stands for, ``""`` if there is none.

    Letter case, ``-`` and ``_`` do not count, so that ``partitionBy`` stands for ``partition_by``. Two
    exchanged letters are found in short names, too: ``cvs`` stands for ``csv``.
    """
    by_spelling = {_spelling(candidate): candidate for candidate in known}
    spelling = _spelling(name)
    close = difflib.get_close_matches(spelling, by_spelling, n=1, cutoff=0.75)
    close = close or [other for other in by_spelling if _has_exchanged_letters(spelling, other)]
    return by_spelling[close[0]] if close else ""


def correction(unknown: Iterable[str], known: Iterable[str]) -> str:
    """Return the fix of misspelt names: ``write sep instead of seperator``, ``""`` without a likely name."""
    names = list(known)
    likely = {name: likely_name(name, names) for name in unknown}
    found = ", ".join(f"{other} instead of {name}" for name, other in likely.items() if other)
    return f"write {found}" if found else ""


def _spelling(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _has_exchanged_letters(one: str, other: str) -> bool:
    """Return whether the texts differ by two adjacent letters in the opposite order."""
    return len(one) == len(other) and any(
        one[:i] + one[i + 1] + one[i] + one[i + 2 :] == other for i in range(len(one) - 1)
    )
