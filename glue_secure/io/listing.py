"""The listing of an S3 source: several locations, what of them is data, and where each one starts."""

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
from glue_secure.io.source_filter import Scope

_GLOB = re.compile(r"[*?\[\]{}]")
# Keys that S3Uri refuses: Hadoop folds '//' and '..' in a path, and would read another object.
_REFUSED = re.compile(r"(?:\A|/)(?:/|\.{1,2}(?:/|\Z))|[\x00-\x1f]")
# Nearly every key: neither refused nor hidden, told by one look at it.
_PLAIN = re.compile(r"[^/._\x00-\x1f][^/\x00-\x1f]*(?:/[^/._\x00-\x1f][^/\x00-\x1f]*)*\Z")
_LOG = redacting_logger(__name__)


class Listing:
    """The objects of several locations, remembering the newest data object for its schema.

    Args:
        locations: where to look.
        objects: the object store.
        scope: what below the locations belongs to the source.
        start_after: location (by :func:`~glue_secure.bookmarks.ascending.name_of`) → key from which on it is
            listed; the others are listed from their beginning.
    """

    def __init__(
        self,
        locations: Sequence[S3Uri],
        objects: ObjectStore,
        scope: Scope,
        start_after: Mapping[str, str] | None = None,
    ) -> None:
        self._locations, self._objects, self._scope = locations, objects, scope
        self._start_after = dict(start_after or {})
        self._excluded = scope.excluder()
        self._listed = self._deeper = self._left_out = 0
        self.newest: ObjectSummary | None = None

    def __iter__(self) -> Iterator[ObjectSummary]:
        scope, excluded = self._scope, self._excluded
        for location in self._locations:
            below = location.as_prefix()
            after = self._start_after.get(name_of(location), "")
            if after:
                _LOG.info("%s is listed after key %s: keysAscending", location, after)
            for found in self._objects.list(location, start_after=after):
                key = found.uri.key
                self._listed += 1
                if not _PLAIN.match(key):
                    # Refused while listing, before a bookmark takes note of it.
                    if _REFUSED.search(key):
                        S3Uri.parse(str(found.uri))
                    if not is_data_key(key, below):
                        continue
                elif key.endswith(NO_DATA):
                    continue
                if not scope.recurse and scope.is_deeper(location, found.uri):
                    self._deeper += 1
                    continue
                if excluded is not None and excluded.match(str(found.uri)):
                    self._left_out += 1
                    continue
                if found.storage_class in scope.storage_classes:
                    continue
                newest = self.newest
                if found.size and (newest is None or found.last_modified >= newest.last_modified):
                    self.newest = found
                yield found

    def look_back(self) -> None:
        """Find the newest object in what was not listed, when nothing new was there to take a schema from."""
        if self.newest is None and self._start_after:
            self._start_after = {}
            for _ in self:
                pass

    def warn(self) -> None:
        """Say what a reader may not have meant: folders left out, patterns that match nothing.

        Raises:
            UsageError: a location looks like a pattern, and nothing of that name lies there.
        """
        places = ", ".join(map(str, self._locations))
        if self._deeper:
            _LOG.warning(
                "%d objects in folders below %s were not read, as in Glue: set 'recurse': True to read them "
                "(a bookmark moves past them)",
                self._deeper,
                places,
            )
        if self._excluded is not None and self._listed and not self._left_out and not self._start_after:
            _LOG.warning("exclusions left nothing out below %s: patterns match s3://bucket/key whole", places)
        strange = [str(one) for one in self._locations if _GLOB.search(one.key)]
        if strange and not self._listed:
            raise UsageError(
                "the paths of an S3 source",
                found=f"{strange[0]}, and nothing of that very name",
                required="locations; patterns in paths are not expanded here",
                fix="name the folder with 'recurse': True, and leave objects out with 'exclusions'",
            )
