"""DynamicFrame and DynamicFrameCollection for local Spark, with the signatures of awsglue (Glue 5.1).

Source: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-dynamic-frame.html
"""

# awsglue gives every transformation ``transformation_ctx`` and ``info``. Transformations that cannot fail for
# single records, and those without side effects, do not use them.
# ruff: noqa: ARG002

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, KeysView, Mapping, Sequence, ValuesView
from contextlib import nullcontext
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import UsageError
from glue_secure.core.typed_calls import check_argument_types
from glue_secure.dynamicframe.frames import (
    choices,
    columns,
    dynamodb,
    errors,
    mapping,
    records,
    relational,
    rows,
)
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.repeated_columns import without_repeats
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types.values import decoder
from glue_secure.preflight.fine_grained import refuse_rdds_in

if TYPE_CHECKING:
    from pyspark.rdd import RDD
    from pyspark.sql import DataFrame
    from pyspark.sql.types import DataType as SparkDataType

    from glue_secure.dynamicframe.types.values import DynamicRecord
    from glue_secure.engines.spark.context import GlueContext

Record = dict[str, Any]


class ResolveOption:
    """The way in which :meth:`DynamicFrame.toDF` resolves one choice.

    Args:
        path: the field's path.
        action: ``Project``, ``KeepAsStruct`` or ``Cast``.
        target: the Spark type, for ``Project`` and ``Cast``.
    """

    def __init__(self, path: str, action: str, target: SparkDataType | None = None) -> None:
        self.path, self.action, self.target = path, action, target


# No call of a frame fails a run by itself: what was not transformed is not written either.
@check_argument_types(lambda _frame: nullcontext())
class DynamicFrame:
    """A DataFrame with a schema that may contain choices, and the records that failed in its transformations.

    Every transformation has these arguments:

    - ``transformation_ctx``: names the transformation in Glue; ignored here, except by ``spigot``.
    - ``info``: text that is stored with each error of the transformation.
    - ``stageThreshold``, ``totalThreshold``: number of errors, in the transformation or up to and including
      it, at which ``ErrorThresholdError`` is raised. 0 disables the threshold. With a threshold, the errors
      are computed immediately.

    Args:
        frame: a :class:`Table` or a Spark DataFrame.
        glue_ctx: the GlueContext of the frame.
        name: the frame's name.

    Attributes:
        table: DataFrame, schema and errors.
        glue_ctx: the GlueContext of the frame.
        name: the frame's name.
    """

    def __init__(self, frame: Table | DataFrame, glue_ctx: GlueContext, name: str = "") -> None:
        self.table: Table = frame if isinstance(frame, Table) else Table.of(frame)
        self.glue_ctx, self.name = glue_ctx, name
        self._stage_errors: tuple[DataFrame, ...] = self.table.errors
        self._thresholds = (0, 0)

    # Conversion and schema

    @classmethod
    def fromDF(cls, dataframe: DataFrame, glue_ctx: GlueContext, name: str = "") -> DynamicFrame:
        """Return a DynamicFrame for a DataFrame, without choices and without errors.

        Of several columns with one name, the frame has one; see :mod:`.repeated_columns`.

        Raises:
            UsageError: ``dataframe`` is not a DataFrame, or has columns of one name that cannot be compared.
            RefusedError: the job runs with fine-grained access control, which does not permit RDDs.
        """
        if not hasattr(dataframe, "_jdf"):
            raise UsageError("DynamicFrame.fromDF", found=type(dataframe).__name__, required="a DataFrame")
        refuse_rdds_in(glue_ctx, "DynamicFrame.fromDF")
        return cls(without_repeats(dataframe), glue_ctx, name)

    def toDF(self, options: Iterable[ResolveOption] | None = None) -> DataFrame:
        """Return the DataFrame.

        A choice that ``options`` does not resolve is a struct of its alternatives.
        """
        resolve_options = list(options or ())
        if not resolve_options and not glue.has_choice(self.table.schema):
            return self.table.data
        return choices.to_dataframe(self.table, resolve_options)

    def schema(self) -> glue.StructType:
        """Return a copy of the schema, in the types of ``glue_secure.gluetypes``."""
        return deepcopy(self.table.schema)

    def with_frame_schema(self, schema: glue.StructType) -> DynamicFrame:
        """Return the same records with the given schema. Fields that the frame does not have are null.

        Raises:
            UsageError: the frame has a field that ``schema`` lacks, or that has another type in it. (Glue
                does not check this and loses the field.)
        """
        return self._derive(records.with_schema(self.table, copy_of_schema(schema, "with_frame_schema")))

    def printSchema(self) -> None:
        """Print the schema in Glue's format."""
        print(self.table.schema.treeString())  # noqa: T201 - required by the API

    def show(self, num_rows: int = 20) -> None:
        """Print the first records, one JSON object per line."""
        print("\n".join(records.json_lines(self.table, int(num_rows))))  # noqa: T201 - required by the API

    def count(self) -> int:
        """Return the number of records without errors. Runs a Spark job."""
        return int(self.table.data.count())

    @property
    def _rdd(self) -> RDD[Any]:
        """The records. Scripts use awsglue's attribute of this name: ``frame._rdd.take(1) == []``."""
        return self.table.data.rdd.map(decoder(self.table.schema))

    # Errors

    def errorsAsDynamicFrame(self) -> DynamicFrame:
        """Return the records that failed in the transformations up to this frame, first transformation first.

        Returns:
            A frame with one column ``error``: a struct of ``callsite`` (``site``, ``info``), ``msg``,
            ``stackTrace``, ``input``, ``bytesread``, ``source`` and ``dynamicRecord`` (the record).
        """
        return DynamicFrame(records.errors_as_table(self.table), self.glue_ctx, self.name)

    def errorsCount(self) -> int:
        """Return the number of failed records up to this frame. Runs a Spark job if there may be any."""
        return errors.count(self.table.errors)

    def stageErrorsCount(self) -> int:
        """Return the number of records that failed in the transformation that created this frame."""
        return errors.count(self._stage_errors)

    def assertErrorThreshold(self) -> None:
        """Compute the errors and check the thresholds of the transformation that created this frame.

        Raises:
            ErrorThresholdError: a threshold is reached.
        """
        errors.check(self._stage_errors, self.table.errors, *self._thresholds)

    # Fields

    def drop_fields(
        self,
        paths: str | list[str],
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Return the frame without these fields. A path may name a nested field (``a.b``)."""
        table = columns.drop(self.table, _paths(paths, "paths of drop_fields"))
        return self._derive(table, stageThreshold, totalThreshold)

    def select_fields(
        self,
        paths: str | list[str],
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Return the frame with these fields only. A path may name a nested field (``a.b``)."""
        table = columns.select(self.table, _paths(paths, "paths of select_fields"))
        return self._derive(table, stageThreshold, totalThreshold)

    def split_fields(
        self,
        paths: str | list[str],
        name1: str,
        name2: str,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrameCollection:
        """Return two frames: ``name1`` with these fields, ``name2`` with all others."""
        selected, remaining = columns.split(self.table, _paths(paths, "paths of split_fields"))
        return self._collection({name1: selected, name2: remaining}, stageThreshold, totalThreshold)

    def rename_field(
        self,
        oldName: str,
        newName: str,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Return the frame with one field renamed. Both names are full paths."""
        return self._derive(columns.rename(self.table, oldName, newName), stageThreshold, totalThreshold)

    def applyMapping(self, *args: Any, **kwargs: Any) -> DynamicFrame:
        """Call :meth:`apply_mapping`. As in awsglue, a frame as the first argument is ignored."""
        arguments = args[1:] if args and isinstance(args[0], DynamicFrame) else args
        return self.apply_mapping(*arguments, **kwargs)

    def apply_mapping(
        self,
        mappings: tuple[str, ...] | Sequence[tuple[str, ...]],
        case_sensitive: bool = False,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Return the fields that ``mappings`` lists, renamed and cast. Other fields are dropped.

        Args:
            mappings: one tuple or a list of tuples: (source, target), (source, source type, target) or
                (source, source type, target, target type), as in awsglue.
            case_sensitive: whether the names of source fields must match in case.
            transformation_ctx: see the class.
            info: see the class.
            stageThreshold: see the class.
            totalThreshold: see the class.
        """
        items = [mappings] if isinstance(mappings, tuple) else list(mappings)
        for item in items:
            if not isinstance(item, tuple) or len(item) not in (2, 3, 4):
                raise UsageError(
                    "a mapping of apply_mapping",
                    found=repr(item),
                    required="a tuple of 2, 3 or 4 strings",
                    fix='("source", "source type", "target", "target type")',
                )
        table = mapping.apply(self.table, items, case_sensitive=bool(case_sensitive))
        return self._derive(table, stageThreshold, totalThreshold)

    def resolveChoice(
        self,
        specs: tuple[str, str] | Sequence[tuple[str, str]] | None = None,
        choice: str = "",
        database: str | None = None,
        table_name: str | None = None,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
        catalog_id: str | None = None,
    ) -> DynamicFrame:
        """Return the frame with its choices resolved, by ``specs`` or by one ``choice`` for all of them.

        Args:
            specs: a list of (path, action): ``cast:TYPE``, ``make_cols``, ``make_struct``, ``project:TYPE``.
            choice: ``make_cols``, ``make_struct``, ``cast:TYPE``, ``project:TYPE`` or ``match_catalog``.
            database: the Data Catalog database, for ``match_catalog``.
            table_name: the Data Catalog table, for ``match_catalog``.
            transformation_ctx: see the class.
            info: see the class.
            stageThreshold: see the class.
            totalThreshold: see the class.
            catalog_id: the account id of the Data Catalog, for ``match_catalog``.
        """
        if (specs is None) == (not choice):
            raise UsageError(
                "resolveChoice",
                found="neither specs nor choice" if specs is None else "specs and choice",
                required="either specs or choice",
            )
        catalog_schema = None
        if choice.lower() == "match_catalog":
            if not (database and table_name):
                raise UsageError(
                    'resolveChoice(choice="match_catalog")',
                    found="no database or no table_name",
                    required="database and table_name",
                )
            catalog_schema = self.glue_ctx.get_catalog_schema(database, table_name, catalog_id)
        elif database or table_name or catalog_id:
            raise UsageError(
                "resolveChoice",
                found="database, table_name or catalog_id",
                required='these arguments with choice="match_catalog" only',
            )
        spec_list = [specs] if isinstance(specs, tuple) else list(specs or ())
        table = choices.resolve(self.table, spec_list, choice, catalog_schema)
        return self._derive(table, stageThreshold, totalThreshold)

    def unnest(
        self,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Return the frame with nested struct fields as top-level fields (``a.b``). Arrays remain arrays."""
        return self._derive(relational.unnest(self.table), stageThreshold, totalThreshold)

    def relationalize(
        self,
        root_table_name: str,
        staging_path: str | None,
        options: Mapping[str, Any] | None = None,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrameCollection:
        """Return the frame as flat tables that join by key: the root table and one table per array.

        Args:
            root_table_name: name of the root table and prefix of the others.
            staging_path: the S3 location to which Glue writes pivoted tables. Ignored here: nothing is
                staged.
            options: see :func:`relational.relationalize`.
            transformation_ctx: see the class.
            info: see the class.
            stageThreshold: see the class.
            totalThreshold: see the class.
        """
        tables = relational.relationalize(self.table, root_table_name, dict(options or {}))
        return self._collection(tables, stageThreshold, totalThreshold)

    def unnest_ddb_json(
        self,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Return DynamoDB JSON (``{"S": "text"}``) as plain columns, with maps flattened."""
        return self._derive(dynamodb.unnest_ddb_json(self.table), stageThreshold, totalThreshold)

    def simplify_ddb_json(self) -> DynamicFrame:
        """Return DynamoDB JSON as plain columns, including lists, maps and sets."""
        return self._derive(dynamodb.simplify_ddb_json(self.table))

    # Records

    def map(
        self,
        f: Callable[[DynamicRecord], Any],
        preservesPartitioning: bool = False,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Return the result of ``f`` for each record.

        ``f`` receives a ``DynamicRecord`` (a dict in which a choice is its plain value) and returns a dict.
        A record for which ``f`` raises an exception or returns nothing becomes an error record.
        """
        table = records.map(self.table, f, call=errors.CallSite.here(info))
        return self._derive(table, stageThreshold, totalThreshold)

    def filter(
        self,
        f: Callable[[DynamicRecord], Any],
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Return the records for which ``f`` is true.

        As in awsglue, a record for which ``f`` raises KeyError, ValueError or TypeError is left out. With any
        other exception, the record becomes an error record.
        """
        table = records.filter(self.table, f, call=errors.CallSite.here(info))
        return self._derive(table, stageThreshold, totalThreshold)

    def mapPartitions(
        self,
        f: Callable[[Iterator[Record]], Iterable[Record]],
        preservesPartitioning: bool = True,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Return the result of ``f(iterator)`` for each partition; see :meth:`mapPartitionsWithIndex`."""

        def without_index(_: int, iterator: Iterator[Record]) -> Iterable[Record]:
            return f(iterator)

        return self.mapPartitionsWithIndex(
            without_index, preservesPartitioning, transformation_ctx, info, stageThreshold, totalThreshold
        )

    def mapPartitionsWithIndex(
        self,
        f: Callable[[int, Iterator[Record]], Iterable[Record]],
        preservesPartitioning: bool = False,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Return the result of ``f(index, iterator)`` for each partition.

        As in awsglue, ``f`` receives and yields ``{"record": {...}}``. With ``"isError": True`` and an
        ``"errorMessage"``, the record becomes an error record. If ``f`` itself raises, the Spark job fails.
        """
        table = records.map_partitions(self.table, f, with_index=True, call=errors.CallSite.here(info))
        return self._derive(table, stageThreshold, totalThreshold)

    def unbox(
        self,
        path: str,
        format: str,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
        **options: Any,
    ) -> DynamicFrame:
        """Return the frame with the string at ``path`` parsed: ``json`` to its value, ``csv`` to a struct.

        Args:
            path: full path of a string field.
            format: ``json`` or ``csv``; ``avro`` is not supported in plain Spark.
            transformation_ctx: see the class.
            info: see the class.
            stageThreshold: see the class.
            totalThreshold: see the class.
            **options: ``withSchema`` (``StructType.json()``), and for ``csv`` also ``separator``,
                ``escaper``, ``skipFirst``, ``withHeader``.
        """
        table = records.unbox(self.table, path, format, options, call=errors.CallSite.here(info))
        return self._derive(table, stageThreshold, totalThreshold)

    # Rows and partitions

    def split_rows(
        self,
        comparison_dict: Mapping[str, Mapping[str, Any]],
        name1: str,
        name2: str,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrameCollection:
        """Return two frames: ``name1`` with the rows that satisfy all comparisons, ``name2`` with others."""
        comparisons = {path: dict(tests) for path, tests in comparison_dict.items()}
        matching, remaining = rows.split_rows(self.table, comparisons)
        return self._collection({name1: matching, name2: remaining}, stageThreshold, totalThreshold)

    def join(
        self,
        paths1: str | list[str],
        paths2: str | list[str],
        frame2: DynamicFrame,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Return the equality join of this frame and ``frame2``."""
        right = _require_frame(frame2, "frame2 of join")
        keys1, keys2 = _paths(paths1, "paths1 of join"), _paths(paths2, "paths2 of join")
        table = rows.join(self.table, right.table, keys1, keys2)
        name = self.name + right.name
        return self._derive(table, stageThreshold, totalThreshold, name=name, others=[right.table])

    def union(
        self,
        other_frame: DynamicFrame,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Return the rows of both frames."""
        other = _require_frame(other_frame, "other_frame of union")
        table = rows.union(self.table, other.table)
        return self._derive(table, stageThreshold, totalThreshold, others=[other.table])

    def mergeDynamicFrame(
        self,
        stage_dynamic_frame: DynamicFrame,
        primary_keys: str | list[str],
        transformation_ctx: str = "",
        options: Mapping[str, Any] | None = None,
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Return the staging frame's rows and the rows of this frame whose key the staging frame lacks."""
        stage = _require_frame(stage_dynamic_frame, "stage_dynamic_frame of mergeDynamicFrame")
        keys = _paths(primary_keys, "primary_keys of mergeDynamicFrame")
        table = rows.merge(self.table, stage.table, keys, dict(options or {}))
        return self._derive(table, stageThreshold, totalThreshold, others=[stage.table])

    def getNumPartitions(self) -> int:
        """Return the number of partitions."""
        return int(self.table.data.rdd.getNumPartitions())

    def repartition(
        self,
        num_partitions: int,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Return the same rows in ``num_partitions`` partitions."""
        data = self.table.data.repartition(int(num_partitions))
        return self._derive(self.table.with_data(data, self.table.schema), stageThreshold, totalThreshold)

    def coalesce(
        self,
        num_partitions: int,
        shuffle: bool = False,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Return the same rows in at most ``num_partitions`` partitions, with ``shuffle`` exactly."""
        repartition = self.table.data.repartition if shuffle else self.table.data.coalesce
        table = self.table.with_data(repartition(int(num_partitions)), self.table.schema)
        return self._derive(table, stageThreshold, totalThreshold)

    # Output

    def write(
        self,
        connection_type: str,
        connection_options: Mapping[str, Any] | None = None,
        format: str | None = None,
        format_options: Mapping[str, Any] | None = None,
        accumulator_size: int = 0,
    ) -> DynamicFrame:
        """Write the frame with ``write_dynamic_frame_from_options`` of the context and return it."""
        if accumulator_size:
            raise UsageError("DynamicFrame.write", found="accumulator_size", required="none in plain Spark")
        return self.glue_ctx.write_dynamic_frame_from_options(
            self, connection_type, connection_options, format, format_options
        )

    def spigot(
        self,
        path: str,
        options: Mapping[str, Any] | None = None,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Write a sample of the records as JSON immediately, with all write checks, and return the frame.

        Args:
            path: the S3 location.
            options: ``topk``, the maximum number of records (100), and ``prob``, the probability of each
                record (1). Source: glue-etl-scala-apis-glue-dynamicframe-class, ``spigot``.
            transformation_ctx: the transformation context of the write.
            info: see the class.
            stageThreshold: see the class.
            totalThreshold: see the class.
        """
        sample_options = dict(options or {})
        unknown = sorted(set(sample_options) - {"topk", "prob"})
        if unknown:
            raise UsageError("options of spigot", found=", ".join(unknown), required="prob, topk")
        sample = DynamicFrame(records.sample(self.table, **sample_options), self.glue_ctx, self.name)
        self.glue_ctx.write_dynamic_frame_from_options(
            sample, "s3", {"path": path}, "json", None, transformation_ctx
        )
        return self._derive(self.table, stageThreshold, totalThreshold)

    def _derive(
        self,
        table: Table,
        stageThreshold: int = 0,
        totalThreshold: int = 0,
        *,
        name: str | None = None,
        others: Iterable[Table] = (),
    ) -> DynamicFrame:
        """Return the frame of a transformation's result and check the error thresholds.

        Args:
            table: the result.
            stageThreshold: see the class.
            totalThreshold: see the class.
            name: name of the result; None keeps this frame's name.
            others: further input tables of the transformation.
        """
        frame = DynamicFrame(table, self.glue_ctx, self.name if name is None else name)
        input_errors = {id(error) for source in (self.table, *others) for error in source.errors}
        frame._stage_errors = tuple(error for error in table.errors if id(error) not in input_errors)
        frame._thresholds = (_threshold(stageThreshold), _threshold(totalThreshold))
        if any(frame._thresholds):
            frame.assertErrorThreshold()
        return frame

    def _collection(
        self, tables: Mapping[str, Table], stageThreshold: int, totalThreshold: int
    ) -> DynamicFrameCollection:
        frames = {
            name: self._derive(table, stageThreshold, totalThreshold, name=name)
            for name, table in tables.items()
        }
        return DynamicFrameCollection(frames, self.glue_ctx)


@check_argument_types(lambda _collection: nullcontext())
class DynamicFrameCollection:
    """DynamicFrames by name, as returned by ``split_fields``, ``split_rows`` and ``relationalize``.

    Args:
        dynamic_frames: frames by name, or a list of frames, which are stored by their own names.
        glue_ctx: the GlueContext of the frames.
    """

    def __init__(
        self, dynamic_frames: Mapping[str, DynamicFrame] | list[DynamicFrame], glue_ctx: GlueContext
    ) -> None:
        if isinstance(dynamic_frames, list):
            dynamic_frames = {frame.name: frame for frame in dynamic_frames}
        if not isinstance(dynamic_frames, dict):
            raise TypeError(
                f"dynamic_frames must be a dict or a list of frames, not {type(dynamic_frames).__name__}"
            )
        self._frames: dict[str, DynamicFrame] = dict(dynamic_frames)
        self._glue_ctx = glue_ctx

    def __getitem__(self, key: str) -> DynamicFrame:
        return self._frames[key]

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[str]:
        return iter(self._frames)

    def keys(self) -> KeysView[str]:
        """Return the names."""
        return self._frames.keys()

    def values(self) -> ValuesView[DynamicFrame]:
        """Return the frames."""
        return self._frames.values()

    def select(self, key: str, transformation_ctx: str = "") -> DynamicFrame:
        """Return the frame of this name, or, as in awsglue, an empty frame without fields."""
        if key in self._frames:
            return self._frames[key]
        empty = self._glue_ctx.spark_session.createDataFrame([], "struct<>")
        return DynamicFrame(empty, self._glue_ctx, key)

    def map(
        self, callable: Callable[[DynamicFrame, str], DynamicFrame], transformation_ctx: str = ""
    ) -> DynamicFrameCollection:
        """Return ``callable(frame, transformation_ctx)`` for each frame, under the same names.

        Raises:
            TypeError: ``callable`` returned something else than a DynamicFrame.
        """
        results: dict[str, DynamicFrame] = {}
        for name, frame in self._frames.items():
            result = callable(frame, f"{transformation_ctx}:{name}")
            if not isinstance(result, DynamicFrame):
                raise TypeError(f"callable must return a DynamicFrame, not {type(result).__name__}")
            results[name] = result
        return DynamicFrameCollection(results, self._glue_ctx)

    def flatmap(
        self,
        f: Callable[[DynamicFrame, str], DynamicFrame | DynamicFrameCollection],
        transformation_ctx: str = "",
    ) -> DynamicFrameCollection:
        """Return the frames that ``f(frame, transformation_ctx)`` returns, in one collection.

        A DynamicFrame is stored by its own name, the frames of a collection by their names in it.

        Raises:
            TypeError: ``f`` returned something else.
            UsageError: two frames have the same name. (Glue drops the first.)
        """
        results: dict[str, DynamicFrame] = {}
        for frame in self._frames.values():
            result: Any = f(frame, f"{transformation_ctx}:{frame.name}")
            if isinstance(result, DynamicFrame):
                result = {result.name: result}
            elif not isinstance(result, DynamicFrameCollection):
                kind = type(result).__name__
                raise TypeError(f"f must return a DynamicFrame or a DynamicFrameCollection, not {kind}")
            for name in result.keys():  # noqa: SIM118 - awsglue's collection is not a Mapping
                if name in results:
                    raise UsageError(
                        "DynamicFrameCollection.flatmap",
                        found=f"two frames named {name}",
                        required="distinct names",
                    )
                results[name] = result[name]
        return DynamicFrameCollection(results, self._glue_ctx)


def copy_of_schema(schema: Any, resource: str) -> glue.StructType:
    """Return a copy of a schema, so that later changes by the caller have no effect.

    Raises:
        UsageError: ``schema`` is not a StructType.
    """
    if not isinstance(schema, glue.StructType):
        raise UsageError(
            resource, found=type(schema).__name__, required="a StructType of glue_secure.gluetypes"
        )
    return deepcopy(schema)


def _paths(paths: Any, resource: str) -> list[str]:
    """Return one path or several as a list."""
    path_list = [paths] if isinstance(paths, str) else list(paths)
    if not all(isinstance(path, str) for path in path_list):
        raise UsageError(resource, found="a path that is not a str", required="a path or a list of paths")
    return path_list


def _require_frame(frame: Any, resource: str) -> DynamicFrame:
    if not isinstance(frame, DynamicFrame):
        raise UsageError(
            resource,
            found=type(frame).__name__,
            required="a DynamicFrame",
            fix="DynamicFrame.fromDF(df, glueContext)",
        )
    return frame


def _threshold(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise UsageError(
            "stageThreshold, totalThreshold",
            found=repr(value),
            required="a number of errors; 0 disables the threshold",
        )
    return value
