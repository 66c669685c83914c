"""The class: what a frame is, how it is seen and written, and the steps on its records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.emulation.base import given_schema, options_of
from glue_secure.dynamicframe.emulation.fields import FieldOperations
from glue_secure.dynamicframe.emulation.rows import RowOperations
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.preflight.fine_grained import refuse_rdds_in

Record = dict[str, Any]


class ResolveOption:
    """How :meth:`DynamicFrame.toDF` resolves one choice.

    Args:
        path: the field's path.
        action: ``Project``, ``KeepAsStruct`` or ``Cast``.
        target: the Spark type, for ``Project`` and ``Cast``.
    """

    def __init__(self, path: str, action: str, target: Any = None) -> None:
        self.path, self.action, self.target = path, action, target


class DynamicFrame(FieldOperations, RowOperations):
    """A DataFrame whose schema may hold choices, and which remembers the records that failed.

    Every step takes ``transformation_ctx`` (it names the step in Glue and does nothing here), ``info`` (kept
    beside each error of the step), ``stageThreshold`` and ``totalThreshold``: the number of errors, in the
    step or up to and including it, at which it raises ``ErrorThresholdReached``; 0 is never. With a
    threshold the step runs at once.

    Args:
        frame: a :class:`Table`, or a ``pyspark.sql.DataFrame``.
        glue_ctx: the GlueContext it belongs to.
        name: the frame's name.
    """

    @classmethod
    def fromDF(cls, dataframe: Any, glue_ctx: Any, name: str = "") -> DynamicFrame:
        """A DynamicFrame of a DataFrame; no choices, no errors."""
        if not hasattr(dataframe, "_jdf"):
            raise UsageError("DynamicFrame.fromDF", found=type(dataframe).__name__, required="a DataFrame")
        refuse_rdds_in(glue_ctx, "DynamicFrame.fromDF")
        return cls(dataframe, glue_ctx, name)

    def toDF(self, options: Iterable[ResolveOption] | None = None) -> Any:
        """The DataFrame; a choice that ``options`` do not resolve is a struct of its alternatives."""
        chosen = list(options or ())
        if not chosen and not glue.has_choice(self.table.schema):
            return self.table.data
        from glue_secure.dynamicframe.frames import choices

        return choices.to_dataframe(self.table, chosen)

    def schema(self) -> glue.StructType:
        """A copy of the schema, in the types of ``glue_secure.gluetypes``."""
        return deepcopy(self.table.schema)

    def with_frame_schema(self, schema: glue.StructType) -> DynamicFrame:
        """The same records under a given schema.

        A field that the records lack is null. A field that only the records have, or that has another type,
        is refused: Glue would trust the caller, and lose it.
        """
        from glue_secure.dynamicframe.frames import records

        wanted = given_schema(schema, "with_frame_schema")
        return self._step(records.under_schema(self.table, wanted), 0, 0)

    def printSchema(self) -> None:
        """Print the schema as Glue does."""
        print(self.table.schema.treeString())  # noqa: T201 - it is what the method is for

    def show(self, num_rows: int = 20) -> None:
        """Print the first records, one JSON object a line."""
        from glue_secure.dynamicframe.frames import records

        print("\n".join(records.shown(self.table, num_rows)))  # noqa: T201 - it is what the method is for

    def count(self) -> int:
        """How many records, errors not counted; runs a Spark job."""
        return int(self.table.data.count())

    def map(
        self,
        f: Callable[[Any], Any],
        preservesPartitioning: bool = False,  # noqa: ARG002 - a DataFrame has no partitioner to keep
        transformation_ctx: str = "",  # noqa: ARG002
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """What ``f`` makes of each record.

        ``f`` gets a ``DynamicRecord`` (a dict; a choice's value stands bare) and returns one. A record for
        which it raises, or returns nothing, becomes an error record.
        """
        from glue_secure.dynamicframe.frames import errors, records

        table = records.map(self.table, f, call=errors.CallSite.here(info))
        return self._step(table, stageThreshold, totalThreshold)

    def filter(
        self,
        f: Callable[[Any], Any],
        transformation_ctx: str = "",  # noqa: ARG002
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """The records for which ``f`` is true.

        As in awsglue, a record for which ``f`` raises KeyError, ValueError or TypeError is left out, and one
        for which it raises anything else becomes an error record.
        """
        from glue_secure.dynamicframe.frames import errors, records

        table = records.filter(self.table, f, call=errors.CallSite.here(info))
        return self._step(table, stageThreshold, totalThreshold)

    def mapPartitions(
        self,
        f: Callable[[Iterator[Record]], Iterable[Record]],
        preservesPartitioning: bool = True,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """As :meth:`mapPartitionsWithIndex`, without the index."""

        def without_index(_: int, iterator: Iterator[Record]) -> Iterable[Record]:
            return f(iterator)

        return self.mapPartitionsWithIndex(
            without_index, preservesPartitioning, transformation_ctx, info, stageThreshold, totalThreshold
        )

    def mapPartitionsWithIndex(
        self,
        f: Callable[[int, Iterator[Record]], Iterable[Record]],
        preservesPartitioning: bool = False,  # noqa: ARG002
        transformation_ctx: str = "",  # noqa: ARG002
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """What ``f(index, iterator)`` makes of each partition.

        As in awsglue, it gets and gives ``{"record": {...}}``; with ``"isError": True`` and an
        ``"errorMessage"`` the record becomes an error record. When ``f`` itself raises, the job fails.
        """
        from glue_secure.dynamicframe.frames import errors, records

        table = records.map_partitions(self.table, f, with_index=True, call=errors.CallSite.here(info))
        return self._step(table, stageThreshold, totalThreshold)

    def unbox(
        self,
        path: str,
        format: str,
        transformation_ctx: str = "",  # noqa: ARG002
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
        **options: Any,
    ) -> DynamicFrame:
        """The text at ``path`` parsed: ``json`` to what it says, ``csv`` to a struct of texts.

        Args:
            path: full path to a string field.
            format: ``json`` or ``csv``; ``avro`` is refused in plain Spark.
            transformation_ctx: as in every step.
            info: as in every step.
            stageThreshold: as in every step.
            totalThreshold: as in every step.
            **options: ``withSchema`` (``StructType.json()``), and for ``csv`` ``separator``, ``escaper``,
                ``skipFirst``, ``withHeader``.
        """
        from glue_secure.dynamicframe.frames import errors, records

        table = records.unbox(self.table, path, format, options, call=errors.CallSite.here(info))
        return self._step(table, stageThreshold, totalThreshold)

    def write(
        self,
        connection_type: str,
        connection_options: Mapping[str, Any] | None = None,
        format: str | None = None,
        format_options: Mapping[str, Any] | None = None,
        accumulator_size: int = 0,
    ) -> Any:
        """Write the frame through the context's guarded writer."""
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
        info: str = "",  # noqa: ARG002 - no error can come of it
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Write a sample as JSON, guarded and at once, and give the same records.

        Args:
            path: the S3 location.
            options: ``topk``, how many records at most (100), and ``prob``, each record's probability (1).
                Source: glue-etl-scala-apis-glue-dynamicframe-class, ``spigot``.
            transformation_ctx: of the write.
            info: as in every step.
            stageThreshold: as in every step.
            totalThreshold: as in every step.
        """
        from glue_secure.dynamicframe.frames import records

        chosen = options_of(options, ("topk", "prob"), "options of spigot")
        sample = self._new(records.sampled(self.table, **chosen), self.name)
        self.glue_ctx.write_dynamic_frame_from_options(
            sample, "s3", {"path": path}, "json", None, transformation_ctx
        )
        return self._step(self.table, stageThreshold, totalThreshold)
