"""The listing of an S3 source: which objects of its locations are data, and where each listing starts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from glue_secure.bookmarks.ascending import name_of
from glue_secure.bookmarks.selection import NO_DATA, is_data_key
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectSummary
from glue_secure.core.ports import ObjectStore
from glue_secure.core.redaction import redacting_logger
from glue_secure.io.source_filter import SKIP_INVALID, SourceFilter

_GLOB = re.compile(r"[*?\[\]{}]")
# Keys that S3Uri rejects: Hadoop normalises '//' and '..' in a path, and would read another object.
_REJECTED = re.compile(r"(?:\A|/)(?:/|\.{1,2}(?:/|\Z))|[\x00-\x1f]")
# Most keys: one match shows that a key is neither rejected nor hidden.
_PLAIN = re.compile(r"[^/._\x00-\x1f][^/\x00-\x1f]*(?:/[^/._\x00-\x1f][^/\x00-\x1f]*)*\Z")
# '.' and '..' are no hidden folders.
_DOTS = re.compile(r"(?:(?<=/)|\A)\.{1,2}(?=/|\Z)")
MOST_NAMED = 10
"""Skipped objects of a read that the evidence names; it counts the others."""
_LOG = redacting_logger(__name__)


class SourceListing:
    """Iterates over the data objects of several locations, once over each that overlapping ones have.

    Args:
        locations: the locations to list.
        objects: S3.
        source_filter: which objects below the locations belong to the source.
        start_after: location (by :func:`~glue_secure.bookmarks.ascending.name_of`) → key after which its
            listing starts; other locations are listed from the first key.

    An object that does not belong to the source is left out first: by ``recurse``, ``exclusions``, storage
    class, or as hidden. Of the others, a key is invalid if Hadoop would read another one (``//``, ``.`` or
    ``..`` as a component), or if it has a control character. It raises UsageError, or it is
    skipped and recorded.

    Attributes:
        newest: the newest object with data that was listed, which gives a schema if there are no new objects.
        invalid: the first keys that were skipped as invalid.
        invalid_count: number of keys that were skipped as invalid.
    """

    def __init__(
        self,
        locations: Sequence[S3Uri],
        objects: ObjectStore,
        source_filter: SourceFilter,
        start_after: Mapping[str, str] | None = None,
    ) -> None:
        self._locations, self._objects, self._filter = locations, objects, source_filter
        self._start_after = dict(start_after or {})
        self._excluded = source_filter.excluded()
        self.invalid: list[S3Uri] = []
        self.invalid_count = 0
        self._listed = self._in_subfolders = self._excluded_count = 0
        self.newest: ObjectSummary | None = None

    def __iter__(self) -> Iterator[ObjectSummary]:
        source_filter, excluded = self._filter, self._excluded
        self._listed = self._in_subfolders = self._excluded_count = 0
        self.invalid, self.invalid_count = [], 0
        for position, location in enumerate(self._locations):
            prefix = location.as_prefix()
            earlier = [other for other in self._locations[:position] if other.overlaps(location)]
            after = self._start_after.get(name_of(location), "")
            if after:
                _LOG.info("%s is listed after key %s: keysAscending", location, after)
            for summary in self._objects.list(location, start_after=after):
                key = summary.uri.key
                self._listed += 1
                if not source_filter.recurse and source_filter.is_in_subfolder(location, summary.uri):
                    self._in_subfolders += 1
                    continue
                if excluded is not None and excluded.matches(str(summary.uri)):
                    self._excluded_count += 1
                    continue
                if summary.storage_class in source_filter.excluded_classes:
                    continue
                if not _PLAIN.match(key):
                    if _REJECTED.search(key):
                        if not is_data_key(_DOTS.sub("x", key), prefix):
                            continue
                        # Now, before a bookmark records the object.
                        self._skip_or_reject(summary.uri)
                        continue
                    if not is_data_key(key, prefix):
                        continue
                elif key.endswith(NO_DATA):
                    continue
                if earlier and any(self._belongs_to(other, summary.uri) for other in earlier):
                    continue
                newest = self.newest
                if summary.size and (newest is None or summary.last_modified >= newest.last_modified):
                    self.newest = summary
                yield summary

    def _belongs_to(self, location: S3Uri, uri: S3Uri) -> bool:
        """Return whether the listing of an overlapping location has a data object too."""
        below = location.as_prefix()
        return (
            uri.is_below(location)
            and not self._filter.is_in_subfolder(location, uri)
            and is_data_key(uri.key, below)
            and uri.key > self._start_after.get(name_of(location), "")
        )

    def _skip_or_reject(self, uri: S3Uri) -> None:
        if not self._filter.skip_invalid:
            raise UsageError(
                f"an object below {', '.join(map(str, self._locations))}",
                found=f"{str(uri)!r}, which S3 and Hadoop interpret differently, or a control character",
                required="keys without control characters and without empty, '.' or '..' components",
                fix=f"exclude it with 'exclusions', or skip such objects with {SKIP_INVALID!r}: True, which "
                "names them in the evidence",
            )
        self.invalid_count += 1
        if len(self.invalid) < MOST_NAMED:
            self.invalid.append(uri)

    def find_newest(self) -> None:
        """List from the first key if no object was listed yet, to find the newest object."""
        if self.newest is None and self._start_after:
            self._start_after = {}
            for _ in self:
                pass

    def nothing_found(self) -> str:
        """Return that no object has data, and the newest of the objects that were left out."""
        locations = ", ".join(map(str, self._locations))
        if not self._listed:
            return f"S3 has no object below {locations}"
        listed = (summary for location in self._locations for summary in self._objects.list(location))
        newest = max(listed, key=lambda summary: summary.last_modified, default=None)
        named = f"; the newest is {described(newest)}" if newest is not None else ""
        return f"none of the {self._listed} objects below {locations} belongs to the source{named}"

    def check(self) -> None:
        """Log a warning for skipped subfolders and for exclusions that match nothing.

        Raises:
            UsageError: a location contains glob characters, and no object has that prefix.
        """
        locations = ", ".join(map(str, self._locations))
        if self._in_subfolders:
            _LOG.warning(
                "%d objects in folders below %s were not read, as in Glue: set 'recurse': True to read them "
                "(a bookmark moves past them)",
                self._in_subfolders,
                locations,
            )
        if self._excluded is not None and self._listed and not self._excluded_count and not self._start_after:
            _LOG.warning(
                "exclusions match no object below %s: patterns match the whole of s3://bucket/key", locations
            )
        globs = [str(location) for location in self._locations if _GLOB.search(location.key)]
        if globs and not self._listed:
            raise UsageError(
                "the paths of an S3 source",
                found=f"{globs[0]}, and no object with that prefix",
                required="locations; patterns in paths are not expanded",
                fix="name the folder with 'recurse': True, and exclude objects with 'exclusions'",
            )


def described(summary: ObjectSummary) -> str:
    """Return an object's location, size and time in one line."""
    return f"{summary.uri} ({summary.size} bytes, {summary.last_modified:%Y-%m-%d %H:%M:%S} UTC)"
