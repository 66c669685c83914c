"""Which objects below a source's locations a read is about: depth, exclusions, storage classes, compression.

A scope is a value; the funnel applies it while listing, before the bookmark sees an object.
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect-s3-home.html and, for the
patterns, https://docs.aws.amazon.com/glue/latest/dg/define-crawler-choose-data-sources.html (a table's
``exclusions`` are written by crawlers as full S3 paths).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectSummary
from glue_secure.core.options import truth, whole_number

_SCHEME = re.compile(r"s3[an]?://", re.IGNORECASE)
_SUFFIXES = {"gzip": (".gz", ".gzip"), "bzip2": (".bz2",)}
_NO_CODEC = ("", "none", "uncompressed")


@dataclass(frozen=True, slots=True)
class Sample:
    """How much of a source a sample looks at.

    Attributes:
        partitions: folders at most.
        files: objects of each folder at most.
    """

    partitions: int = 10
    files: int = 10


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a source is read.

    Attributes:
        recurse: whether objects in folders below a location belong to it.
        exclusions: Unix-style globs over the whole path, ``s3://bucket/key``.
        storage_classes: S3 storage classes that are left alone.
        compression: ``gzip`` or ``bzip2`` when the caller named one; each object's name must then say so.
        group_size: bytes that one Spark partition should hold; 0 leaves it to Spark.
        sample: how much to look at; None reads everything.
    """

    recurse: bool = True
    exclusions: tuple[str, ...] = ()
    storage_classes: tuple[str, ...] = ()
    compression: str = ""
    group_size: int = 0
    sample: Sample | None = None

    def excluder(self) -> re.Pattern[str] | None:
        """One expression that matches the paths to leave out; None when there are none."""
        if not self.exclusions:
            return None
        return re.compile("|".join(f"(?:{expression_of(pattern)})" for pattern in self.exclusions))

    def is_deeper(self, location: S3Uri, uri: S3Uri) -> bool:
        """Whether the object lies in a folder below the location and ``recurse`` leaves it out."""
        return not self.recurse and "/" in uri.key[len(location.as_prefix()) :]

    def partitions(self, size: int) -> int | None:
        """Into how many Spark partitions that many bytes should go at most."""
        return max(1, -(-size // self.group_size)) if self.group_size else None

    def check(self, objects: Iterable[S3Uri]) -> None:
        """Refuse an object that Spark would not decompress as asked: it goes by the name alone.

        Raises:
            UsageError: ``compressionType`` is named and the object's name says otherwise.
        """
        for uri in objects if self.compression else ():
            if not uri.key.lower().endswith(_SUFFIXES[self.compression]):
                raise UsageError(
                    f"compressionType {self.compression} of {uri}",
                    found="a name that Spark does not take for compressed",
                    required=f"names that end in {' or '.join(_SUFFIXES[self.compression])}",
                    fix="give the object its usual extension, or leave compressionType out",
                )

    def sampled(self, objects: Sequence[ObjectSummary]) -> Sequence[ObjectSummary]:
        """The first objects of the first folders, when only a sample is asked for."""
        if self.sample is None:
            return objects
        folders: dict[str, list[ObjectSummary]] = {}
        for found in objects:
            held = folders.setdefault(str(found.uri).rpartition("/")[0], [])
            if len(held) < self.sample.files:
                held.append(found)
        return [found for held in list(folders.values())[: self.sample.partitions] for found in held]


WHOLE = Scope()
"""Everything below the locations."""


def scope_of(options: Mapping[str, Any], *, deep: bool, sample: Sample | None = None) -> Scope:
    """The scope that Glue's ``connection_options`` or ``additional_options`` name.

    Args:
        options: with ``recurse``, ``exclusions``, ``excludeStorageClasses``, ``compressionType`` or
            ``compression``, ``groupFiles``, ``groupSize``; others are not looked at.
        deep: whether the format is read recursively without being asked, as Glue reads parquet and orc.
        sample: see :class:`Scope`.
    """
    recurse = options.get("recurse")
    compression = str(options.get("compressionType") or options.get("compression") or "").lower()
    compression = {"bzip": "bzip2", "gz": "gzip"}.get(compression, compression)
    # Parquet, orc and avro compress inside the file and say so themselves.
    inside = deep and compression in ("snappy", "gzip", "lz4", "zstd", "brotli", "zlib", "deflate")
    if compression not in (*_NO_CODEC, *_SUFFIXES) and not inside:
        raise UsageError(
            "compressionType", found=repr(compression), required="gzip, bzip2 or none in plain Spark"
        )
    grouped = str(options.get("groupFiles") or "inPartition")
    if grouped not in ("inPartition", "acrossPartition", "none"):
        raise UsageError("groupFiles", found=repr(grouped), required="inPartition, acrossPartition or none")
    size = whole_number("groupSize", options.get("groupSize") or 0)
    return Scope(
        recurse=deep or truth("recurse", recurse if recurse is not None else False),
        exclusions=texts(options.get("exclusions"), "exclusions"),
        storage_classes=texts(options.get("excludeStorageClasses"), "excludeStorageClasses"),
        compression="" if inside or compression in _NO_CODEC else compression,
        group_size=0 if grouped == "none" or deep else size,
        sample=sample,
    )


def texts(value: Any, name: str) -> tuple[str, ...]:
    """A list of texts, or the JSON text of one, which is what Glue's documentation shows.

    Raises:
        UsageError: it is neither.
    """
    if isinstance(value, str) and value:
        try:
            value = json.loads(value)
        except ValueError:
            value = 0 if value.lstrip().startswith("[") else [value]
    if value is None or value in ("", [], ()):
        return ()
    if isinstance(value, (list, tuple)) and all(isinstance(one, str) and one for one in value):
        return tuple(value)
    raise UsageError(name, found=repr(value), required='a JSON list of texts: "[\\"**.tmp\\"]"')


def expression_of(pattern: str) -> str:
    """A regular expression for one glob, anchored at both ends.

    ``*`` and ``?`` stay inside a path component and ``**`` crosses them; ``[a-z]``, ``[!a]`` and
    ``{a,b}`` are as in a shell; a backslash takes the next character literally.

    Raises:
        UsageError: a bracket or brace is not closed.
    """
    out, at, braces = [], 0, 0
    text = _SCHEME.sub("s3://", pattern, count=1) if _SCHEME.match(pattern) else pattern
    while at < len(text):
        character = text[at]
        at += 1
        if character == "*":
            double = text[at : at + 1] == "*"
            at += double
            out.append(".*" if double else "[^/]*")
        elif character == "?":
            out.append("[^/]")
        elif character == "[":
            inside = re.match(r"(!?)(\]?[^\]]*)\]", text[at:])
            if inside is None:
                raise _unclosed(pattern)
            at += inside.end()
            body = inside[2].replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^")
            out.append(f"(?!/)[{'^' if inside[1] else ''}{body}]")
        elif character == "{":
            braces += 1
            out.append("(?:")
        elif character == "}" and braces:
            braces -= 1
            out.append(")")
        elif character == "," and braces:
            out.append("|")
        elif character == "\\" and at < len(text):
            out.append(re.escape(text[at]))
            at += 1
        else:
            out.append(re.escape(character))
    if braces:
        raise _unclosed(pattern)
    return f"(?s:{''.join(out)})\\Z"


def _unclosed(pattern: str) -> UsageError:
    return UsageError("exclusions", found=repr(pattern), required="each [ and { of a pattern closed")
