"""Glue's options of an S3 source: which objects below its locations are read, and how many.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect-s3-home.html
https://docs.aws.amazon.com/glue/latest/dg/bounded-execution.html (``boundedFiles``, ``boundedSize``)
https://docs.aws.amazon.com/glue/latest/dg/define-crawler-choose-data-sources.html (glob patterns; crawlers
write a table's ``exclusions`` as full S3 paths)

``keysAscending`` and ``skipInvalidObjects`` are options of glue-secure: see
:mod:`glue_secure.bookmarks.ascending` and :class:`glue_secure.io.listing.SourceListing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from glue_secure.bookmarks.bounds import MAX_FILES_IN_BAND, WINDOW, Limits
from glue_secure.bookmarks.session import MOST_IDENTITIES
from glue_secure.core.errors import UsageError
from glue_secure.core.evidence import canonical_json, digest
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.json_documents import parse_json
from glue_secure.core.objects import ObjectSummary
from glue_secure.core.options import truth, whole_number
from glue_secure.io.globs import GlobMatcher

BOUNDS = ("boundedFiles", "boundedSize")
"""Options that may also be parameters of a Data Catalog table."""
LIMITS = frozenset({*BOUNDS, "maxBand", "maxFilesInBand", "keysAscending"})
SKIP_INVALID = "skipInvalidObjects"
FILTERS = frozenset({"recurse", "exclusions", "excludeStorageClasses", SKIP_INVALID})
"""Options of ``job.read.s3`` that select objects."""
# https://docs.aws.amazon.com/glue/latest/dg/grouping-input-files.html
_MOST_UNGROUPED = 50_000
_YEAR = timedelta(days=366) // timedelta(milliseconds=1)
_SUFFIXES = {"gzip": (".gz", ".gzip"), "bzip2": (".bz2",)}
_NO_CODEC = ("", "none", "uncompressed")


@dataclass(frozen=True, slots=True)
class Sample:
    """The size of a sample.

    Attributes:
        partitions: the most folders that are read.
        files: the most objects of each folder that are read.
    """

    partitions: int = 10
    files: int = 10


@dataclass(frozen=True, slots=True)
class SourceFilter:
    """Selects the objects of a source, while they are listed and before the bookmark records them.

    Attributes:
        recurse: whether objects in folders below a location belong to the source.
        exclusions: Unix-style globs that match the whole of ``s3://bucket/key``.
        excluded_classes: S3 storage classes that are skipped.
        compression: ``gzip`` or ``bzip2`` if the caller named one; object names must have the matching
            suffix.
        group_size: bytes of the objects that one task reads; 0 for groups that use all cores.
        is_grouped: whether one task reads a group of objects; None for Glue's rule, more than 50 000 objects.
        sample: the size of a sample; None reads everything.
        skip_invalid: whether objects that cannot be read as data are skipped, with a finding in the evidence,
            instead of stopping the run.
    """

    recurse: bool = True
    exclusions: tuple[str, ...] = ()
    excluded_classes: tuple[str, ...] = ()
    compression: str = ""
    group_size: int = 0
    is_grouped: bool | None = False
    sample: Sample | None = None
    skip_invalid: bool = False

    def excluded(self) -> GlobMatcher | None:
        """Return the matcher of every excluded path; None without exclusions."""
        return GlobMatcher(self.exclusions) if self.exclusions else None

    def scope(self, locations: Sequence[S3Uri]) -> str:
        """Return a digest of the locations, in any order, and of what selects objects below them."""
        parts = [
            sorted(map(str, locations)),
            self.recurse,
            sorted(self.exclusions),
            sorted(self.excluded_classes),
        ]
        return digest(canonical_json(parts))[:32]

    def is_in_subfolder(self, location: S3Uri, uri: S3Uri) -> bool:
        """Return whether the object is in a folder below the location, and ``recurse`` excludes it."""
        return not self.recurse and "/" in uri.key[len(location.as_prefix()) :]

    def partitions(self, size: int, count: int) -> int | None:
        """Return the most Spark partitions for ``count`` objects of ``size`` bytes.

        0 means one for each core; None leaves the choice to Spark.
        """
        is_grouped = count > _MOST_UNGROUPED if self.is_grouped is None else self.is_grouped
        if not is_grouped:
            return None
        return max(1, -(-size // self.group_size)) if self.group_size else 0

    def check_compression(self, uris: Iterable[S3Uri]) -> None:
        """Reject an object that Spark would not decompress: Spark chooses the codec by the name's suffix.

        Raises:
            UsageError: ``compressionType`` is set, and an object's name has another suffix.
        """
        for uri in uris if self.compression else ():
            if not uri.key.lower().endswith(_SUFFIXES[self.compression]):
                raise UsageError(
                    f"compressionType {self.compression} of {uri}",
                    found="a name that Spark does not take for compressed",
                    required=f"names that end in {' or '.join(_SUFFIXES[self.compression])}",
                    fix="rename the object, or remove compressionType",
                )

    def sampled(self, objects: Sequence[ObjectSummary]) -> Sequence[ObjectSummary]:
        """Return the first objects of the first folders if a sample is requested, otherwise all objects."""
        if self.sample is None:
            return objects
        folders: dict[str, list[ObjectSummary]] = {}
        for summary in objects:
            folder = folders.setdefault(str(summary.uri).rpartition("/")[0], [])
            if len(folder) < self.sample.files:
                folder.append(summary)
        first_folders = list(folders.values())[: self.sample.partitions]
        return [summary for folder in first_folders for summary in folder]


ALL_OBJECTS = SourceFilter()
"""Selects every object below the locations."""


def parse_source_filter(
    options: Mapping[str, Any], *, recursive: bool, sample: Sample | None = None
) -> SourceFilter:
    """Return the filter of Glue's ``connection_options`` or ``additional_options``.

    Args:
        options: ``recurse``, ``exclusions``, ``excludeStorageClasses``, ``compressionType`` or
            ``compression``, ``groupFiles``, ``groupSize``, ``skipInvalidObjects``.
        recursive: whether the format is always read recursively, as Glue reads Parquet and ORC.
        sample: the size of a sample.

    Raises:
        UsageError: an option's value is not supported.
    """
    recurse = options.get("recurse")
    compression = str(options.get("compressionType") or options.get("compression") or "").lower()
    compression = {"bzip": "bzip2", "gz": "gzip"}.get(compression, compression)
    # Parquet, ORC and Avro files are compressed inside, and name their own codec.
    inside = recursive and compression in ("snappy", "gzip", "lz4", "zstd", "brotli", "zlib", "deflate")
    if compression not in (*_NO_CODEC, *_SUFFIXES) and not inside:
        raise UsageError(
            "compressionType", found=repr(compression), required="gzip, bzip2 or none in plain Spark"
        )
    grouped = str(options.get("groupFiles") or "")
    if grouped not in ("", "inPartition", "acrossPartition", "none"):
        raise UsageError("groupFiles", found=repr(grouped), required="inPartition, acrossPartition or none")
    size = whole_number("groupSize", options.get("groupSize") or 0)
    return SourceFilter(
        recurse=recursive or truth("recurse", recurse if recurse is not None else False),
        exclusions=text_list("exclusions", options.get("exclusions")),
        excluded_classes=text_list("excludeStorageClasses", options.get("excludeStorageClasses")),
        compression="" if inside or compression in _NO_CODEC else compression,
        group_size=0 if grouped == "none" or recursive else size,
        # Glue groups no Parquet, ORC and Avro files; the size alone requests groups, too.
        is_grouped=False if recursive or grouped == "none" else bool(grouped or size) or None,
        sample=sample,
        skip_invalid=truth(SKIP_INVALID, options.get(SKIP_INVALID, False)),
    )


def parse_limits(options: Mapping[str, Any]) -> Limits:
    """Return the limits of Glue's ``connection_options`` or ``additional_options``. Ignores other options.

    Raises:
        UsageError: a value is not a number or out of range, or both bounds are set.
    """
    values = {name: options[name] for name in LIMITS if options.get(name) not in (None, "")}
    if all(name in values for name in BOUNDS):
        raise UsageError(
            "bounded execution",
            found=f"boundedFiles {values['boundedFiles']} and boundedSize {values['boundedSize']}",
            required="only one of them, as in Glue",
        )
    band = _number(values, "maxBand", 0, _YEAR)
    files = _number(values, "maxFilesInBand", 0, MOST_IDENTITIES)
    return Limits(
        window=WINDOW if band is None else timedelta(milliseconds=band),
        max_files_in_band=MAX_FILES_IN_BAND if files is None else files,
        files=_number(values, "boundedFiles", 1),
        size=_number(values, "boundedSize", 1),
        keys_ascending=truth("keysAscending", values.get("keysAscending", False)),
    )


def text_list(name: str, value: Any) -> tuple[str, ...]:
    """Return the value of an option that is a list of texts or its JSON, as in Glue's documentation.

    Raises:
        UsageError: the value is neither; the message names the option.
    """
    if isinstance(value, str) and value:
        try:
            value = parse_json(value)
        except ValueError:
            value = 0 if value.lstrip().startswith("[") else [value]
    if value is None or value in ("", [], ()):
        return ()
    if isinstance(value, (list, tuple)) and all(isinstance(text, str) and text for text in value):
        return tuple(value)
    raise UsageError(name, found=repr(value), required='a JSON list of texts: "[\\"**.tmp\\"]"')


def _number(values: Mapping[str, Any], name: str, least: int, most: int | None = None) -> int | None:
    return whole_number(name, values[name], least=least, most=most) if name in values else None
