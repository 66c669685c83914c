"""What a DynamicFrame or DataFrame is read from: objects in S3, a table behind a connection, the catalog.

A source is a value until it is read; reading it goes through the run's funnels.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.core.options import truth, whole_number
from glue_secure.engines.spark.context.options import JDBC_TYPES, format_name, known
from glue_secure.engines.spark.context.shaping import dynamic_of, plain_of, text_of_json
from glue_secure.engines.spark.formats import format_of
from glue_secure.engines.spark.loading import AGREEING
from glue_secure.engines.spark.reading_options import read_options
from glue_secure.io.limits import LIMITS, limits_of
from glue_secure.io.partitioned_reads import source_of
from glue_secure.io.source_filter import Sample, scope_of

if TYPE_CHECKING:
    from glue_secure.dynamicframe.emulation import DynamicFrame
    from glue_secure.engines.spark.context.base import ContextBase
    from glue_secure.run.run import Run

S3_OPTIONS = {
    "paths", "recurse", "exclusions", "excludeStorageClasses", "compressionType", "compression",
    "groupFiles", "groupSize", "isFailFast", "mergeSchema", "useS3ListImplementation", *LIMITS,
}  # fmt: skip
"""Of an S3 source. ``useS3ListImplementation`` only says how Glue lists; the listing here is always lazy."""
_JDBC_FORM = '{"useConnectionProperties": "true", "connectionName": NAME, "dbtable": TABLE}'
_SAMPLE = {"maxSamplePartitions", "maxSampleFilesPerPartition"}
_STREAMS = ("kafka", "kinesis")


class Source(Protocol):
    """Anything a frame is read from."""

    def read(self, run: Run, *, dynamic: bool, sample: Sample | None = None) -> Any:
        """A Table (or a DataFrame without choices) when ``dynamic``, else Spark's own DataFrame."""

    def formatted(self, format: str, options: Mapping[str, Any]) -> Source:
        """The same source read as another format."""


@dataclass(frozen=True, slots=True)
class S3Source:
    """Objects below some paths.

    Attributes:
        connection_type: ``s3``, or ``parquet`` and ``orc`` as Glue replaces it.
        options: Glue's ``connection_options``.
        format: Glue's name of it, None until ``setFormat``.
        format_options: Glue's.
        transformation_ctx: the bookmark's name.
    """

    connection_type: str
    options: Mapping[str, Any]
    format: str | None = None
    format_options: Mapping[str, Any] = field(default_factory=dict)
    transformation_ctx: str = ""

    def formatted(self, format: str, options: Mapping[str, Any]) -> S3Source:
        """The same objects read as another format."""
        return replace(self, format=format, format_options=dict(options))

    def read(self, run: Run, *, dynamic: bool, sample: Sample | None = None) -> Any:
        """Read what is new; a sample is never tracked, or a bookmark would move past what it left out."""
        name = format_of(format_name(self.connection_type, self.format)).name
        known(self.options, S3_OPTIONS, "connection_options of an S3 source")
        paths = self.options.get("paths")
        if not isinstance(paths, (list, tuple)) or not paths:
            raise UsageError(
                "connection_options of an S3 source",
                found=f"paths={paths!r}",
                required="a list of S3 locations",
            )
        merge = self.options.get("mergeSchema")
        chosen = read_options(
            name,
            self.format_options,
            fail_fast=truth("isFailFast", self.options.get("isFailFast", False)),
            merge=None if merge is None else truth("mergeSchema", merge),
        )
        deep = format_of(name).is_deep
        # Spark's own reader goes down all levels and makes columns of partition folders, whatever the format.
        scope = scope_of(self.options, deep=deep, sample=sample)
        if not dynamic and "recurse" not in self.options:
            scope = replace(scope, recurse=True)
        as_text = dynamic and name == "json"
        spark = dict(chosen.spark)
        if dynamic and name == "csv" and not chosen.columns:
            spark["enforceSchema"] = AGREEING
        if not dynamic and chosen.json.get("jsonPath"):
            raise UsageError("a DataFrame of JSON", found="jsonPath", required="create_dynamic_frame for it")
        return run.read_s3(
            list(paths),
            format="text" if as_text else name,
            record_format=name,
            options=text_of_json(chosen.json) if as_text else spark,
            schema=_spark_schema(chosen.schema),
            transformation_ctx="" if sample else self.transformation_ctx,
            convert=dynamic_of(name, chosen) if dynamic else plain_of(),
            scope=scope,
            limits=limits_of(self.options),
            partition_columns=deep or not dynamic,
        )


@dataclass(frozen=True, slots=True)
class JdbcSource:
    """A table or query through a Glue connection.

    Attributes:
        connection_type: ``postgresql``.
        options: Glue's ``connection_options``.
        transformation_ctx: the bookmark's name.
    """

    connection_type: str
    options: Mapping[str, Any]
    transformation_ctx: str = ""

    def formatted(self, format: str, options: Mapping[str, Any]) -> JdbcSource:  # noqa: ARG002
        """A table has no format."""
        raise UsageError(
            f"a {self.connection_type} source", found="format", required="connection_options only"
        )

    def read(self, run: Run, *, dynamic: bool, sample: Sample | None = None) -> Any:  # noqa: ARG002
        """Read what is new, TLS verified; a sample is never tracked."""
        options = dict(self.options)
        if "password" in {name.lower() for name in options}:
            raise RefusedError(
                "GS-TLS-008",
                resource=f"{self.connection_type} source",
                found="a password in connection_options",
                required="a Glue connection whose password lies in Secrets Manager",
                fix=f"use {_JDBC_FORM}",
            )
        connection = options.pop("connectionName", None)
        through_connection = str(options.pop("useConnectionProperties", "")).lower() == "true"
        if not (connection and through_connection):
            raise UsageError(
                f"connection_options of a {self.connection_type} source",
                found=", ".join(sorted(options)) or "too little",
                required="useConnectionProperties, connectionName, dbtable",
                fix=_JDBC_FORM,
            )
        table, rest = source_of(options)
        context = "" if sample else self.transformation_ctx
        return run.read_jdbc(str(connection), table, options=rest, transformation_ctx=context)


class DataSource:
    """What ``getSource`` gives. Glue's ``DataSource``; nothing is read before a frame is asked for."""

    def __init__(
        self, source: Source, glue_context: ContextBase, name: str, *, call: str = "getSource"
    ) -> None:
        self._source, self._glue_context, self._call = source, glue_context, call
        self.name = name

    def setFormat(self, format: str, **options: Any) -> None:
        """The format of an S3 source, and its ``format_options``."""
        self._source = self._source.formatted(format, options)

    def getFrame(self, **options: Any) -> DynamicFrame:
        """The DynamicFrame. ``minPartitions`` and ``targetPartitions`` do nothing in plain Spark."""
        known(options, {"minPartitions", "targetPartitions"}, f"{self._call}.getFrame")
        for name, value in options.items():
            whole_number(name, value, least=1)
        return self._made(lambda run: self._source.read(run, dynamic=True))

    def getSampleFrame(self, num: int | None, **options: Any) -> DynamicFrame:
        """At most ``num`` records of the first objects. A sample moves no bookmark.

        Args:
            num: how many records at most.
            options: ``maxSamplePartitions`` and ``maxSampleFilesPerPartition``, 10 each by default.
        """
        known(options, _SAMPLE, "sample_options")
        most = whole_number("num", num, least=1)
        sample = Sample(
            whole_number("maxSamplePartitions", options.get("maxSamplePartitions", 10), least=1),
            whole_number(
                "maxSampleFilesPerPartition", options.get("maxSampleFilesPerPartition", 10), least=1
            ),
        )
        return self._made(lambda run: _limited(self._source.read(run, dynamic=True, sample=sample), most))

    def getDataFrame(self) -> Any:
        """Spark's own DataFrame of the source, without choices."""
        run = self._glue_context.require_run(f"{self._call}.getDataFrame")
        with run.call():
            return self._source.read(run, dynamic=False)

    def _made(self, read: Callable[[Run], Any]) -> DynamicFrame:
        run = self._glue_context.require_run(f"{self._call}.getFrame")
        with run.call():
            return self._glue_context._frame(read(run), self.name)


class StreamingDataSource:
    """What ``getStreamingSource`` gives for a source of files: its DataFrame."""

    def __init__(self, source: Source, glue_context: ContextBase, name: str, *, call: str) -> None:
        self._inner, self.name = DataSource(source, glue_context, name, call=call), name

    def setFormat(self, format: str, **options: Any) -> None:
        """The format, and its ``format_options``."""
        self._inner.setFormat(format, **options)

    def getFrame(self) -> Any:
        """Spark's own DataFrame."""
        return self._inner.getDataFrame()


def source_of_type(
    connection_type: str,
    format: str | None,
    transformation_ctx: str,
    push_down_predicate: str,
    options: Mapping[str, Any],
) -> tuple[Source, str]:
    """The source of Glue's connection type and options, and the name that Glue gives its frame.

    Raises:
        UsageError: plain Spark does not serve it.
    """
    if push_down_predicate:
        raise UsageError(
            f"a {connection_type} source by options",
            found="push_down_predicate",
            required="from_catalog for it: the predicate is about the catalog's partitions",
        )
    if connection_type in JDBC_TYPES:
        if format is not None:
            raise UsageError(
                f"a {connection_type} source", found="format", required="connection_options only"
            )
        name = str(options.get("dbtable") or connection_type)
        return JdbcSource(connection_type, dict(options), transformation_ctx), name
    if connection_type in _STREAMS:
        raise UsageError(
            f"a {connection_type} source",
            found=connection_type,
            required="a source that plain Spark serves under the guard: s3, postgresql, the Data Catalog",
            fix="run it in Glue; test the batch function on files with forEachBatch",
        )
    if connection_type != "s3" or format is not None:
        format_of(format_name(connection_type, format))
    paths = options.get("paths")
    texts = [str(path) for path in paths] if isinstance(paths, (list, tuple)) else []
    name = re.sub(r"[:/.]", "", _common_beginning(texts).rpartition(":")[2])
    return S3Source(connection_type, dict(options), format, {}, transformation_ctx), name or connection_type


def _common_beginning(texts: list[str]) -> str:
    first, last = min(texts, default=""), max(texts, default="")
    for at, character in enumerate(first):
        if last[at : at + 1] != character:
            return first[:at]
    return first


def _limited(read: Any, most: int) -> Any:
    from glue_secure.dynamicframe.frames.table import Table

    return read.with_data(read.data.limit(most), read.schema) if isinstance(read, Table) else read.limit(most)


def _spark_schema(schema: Any) -> Any:
    from glue_secure.dynamicframe.frames.schema import to_spark

    return None if schema is None else to_spark(schema)
