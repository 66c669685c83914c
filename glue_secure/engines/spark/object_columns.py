"""The columns of single objects, from their footers and headers, before Spark reads them together."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from py4j.protocol import Py4JError

from glue_secure.core.redaction import redacting_logger

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MOST_COMPARED = 10_000
"""Objects of one read whose columns are compared, one small request each."""
_HEAD = 64 * 1024
_LONG_HEAD = 4 * 1024 * 1024
_THREADS = 16
_JSON_TYPES = {bool: "boolean", int: "bigint", float: "double", str: "string", dict: "struct", list: "array"}
_LOG = redacting_logger(__name__)
Result = TypeVar("Result")


class ObjectReader:
    """Reads the start or the footer of objects with the session's file system, in parallel.

    Args:
        spark: the session.
    """

    def __init__(self, spark: SparkSession) -> None:
        self._jvm: Any = spark._jvm
        self._conf = spark._jsparkSession.sessionState().newHadoopConf()

    def header_lines(
        self, paths: Sequence[str], *, encoding: str, comment: str, quote: str, multiline: bool
    ) -> list[str]:
        """Return the header of each CSV object as it is: its first line that is neither blank nor a comment.

        With ``multiline``, a header continues until its quotes are closed.
        """

        def header(path: str) -> str:
            is_whole = False
            for size in (_HEAD, _LONG_HEAD):
                data = self._head(path, size)
                lines, is_whole = _lines(data, encoding), len(data) < size
                found = _header(lines if is_whole else lines[:-1], comment, quote if multiline else "")
                if found is not None:
                    return found
                if is_whole:
                    break
            # An object whose header is longer is read by itself.
            return "" if is_whole else path

        return self._each(header, paths)

    def json_types(self, paths: Sequence[str], *, encoding: str) -> list[Mapping[str, str]]:
        """Return the fields and their types in the first 64 KiB of objects of JSON.

        Nulls have no type, and several types of a field are joined. An object whose start is not a sequence
        of lines with JSON has no fields.
        """

        def types(path: str) -> Mapping[str, str]:
            data = self._head(path, _HEAD)
            lines = _lines(data, encoding)
            return _fields(lines if len(data) < _HEAD else lines[:-1])

        return self._each(types, paths)

    def footers(self, format: str, paths: Sequence[str]) -> list[Mapping[str, str]]:
        """Return the columns and types in the footers of Parquet or ORC objects, in the format's names."""
        read = self._parquet if format == "parquet" else self._orc
        return self._each(read, paths)

    def _each(self, read: Callable[[str], Result], paths: Sequence[str]) -> list[Result]:
        if len(paths) < 4:
            return [read(path) for path in paths]
        with ThreadPoolExecutor(min(_THREADS, len(paths))) as pool:
            return list(pool.map(read, paths))

    def _path(self, path: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(path)

    def _head(self, path: str, size: int) -> bytes:
        """Return the first bytes of an object, decompressed as Spark decompresses it."""
        jvm, location = self._jvm, self._path(path)
        stream = location.getFileSystem(self._conf).open(location)
        try:
            codec = jvm.org.apache.hadoop.io.compress.CompressionCodecFactory(self._conf).getCodec(location)
            opened = stream if codec is None else codec.createInputStream(stream)
            bounded = jvm.org.apache.commons.io.input.BoundedInputStream(opened, size)
            return bytes(jvm.org.apache.commons.io.IOUtils.toByteArray(bounded))
        finally:
            stream.close()

    def _parquet(self, path: str) -> Mapping[str, str]:
        hadoop = self._jvm.org.apache.parquet.hadoop
        file = hadoop.util.HadoopInputFile.fromPath(self._path(path), self._conf)
        reader = hadoop.ParquetFileReader.open(file)
        try:
            fields = reader.getFooter().getFileMetaData().getSchema().getFields()
            columns = {}
            for position in range(fields.size()):
                field = fields.get(position)
                text = " ".join(str(field).split())
                columns[str(field.getName())] = text.partition(" ")[2].replace(f" {field.getName()}", "", 1)
            return columns
        finally:
            reader.close()

    def _orc(self, path: str) -> Mapping[str, str]:
        orc = self._jvm.org.apache.orc.OrcFile
        reader = orc.createReader(self._path(path), orc.readerOptions(self._conf))
        try:
            schema = reader.getSchema()
            names, children = schema.getFieldNames(), schema.getChildren()
            return {str(names.get(at)): str(children.get(at)) for at in range(names.size())}
        finally:
            reader.close()


def without_failure(what: str, read: Callable[[], list[Mapping[str, str]]]) -> list[Mapping[str, str]]:
    """Return what ``read`` returns, or nothing if it fails: Spark reports a damaged object."""
    try:
        return read()
    except (Py4JError, TypeError) as error:  # TypeError: a class that this version of Spark does not have
        _LOG.info(
            "the columns of the objects of a read of %s are not compared: %s", what, type(error).__name__
        )
        return []


def _lines(data: bytes, encoding: str) -> list[str]:
    try:
        name = codecs.lookup(encoding).name
    except LookupError:  # a name that only Java knows; headers are only compared with each other
        name = "latin-1"
    text = data.decode(name, "replace").removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _header(lines: Sequence[str], comment: str, quote: str) -> str | None:
    header = ""
    for line in lines:
        if not header and (not line.strip() or (comment and line.startswith(comment))):
            continue
        header = f"{header}\n{line}" if header else line
        if not quote or header.count(quote) % 2 == 0:
            return header
    return None


def _fields(lines: Sequence[str]) -> Mapping[str, str]:
    types: dict[str, set[str]] = {}
    for line in lines:
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        for record in value if isinstance(value, list) else [value]:
            if isinstance(record, dict):
                for name, field in record.items():
                    types.setdefault(name, set())
                    if field is not None:
                        types[name].add(_JSON_TYPES[type(field)])
    return {name: " or ".join(sorted(found)) for name, found in types.items()}
