"""DynamoDB tables in local Spark: scanned in segments, and written in batches, by tasks of Spark."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from glue_secure.connections.connectors.dynamodb import BATCH, DynamoDbRead, DynamoDbWrite, parse_read
from glue_secure.connections.connectors.table import connector
from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.core.evidence import WriteRecord
from glue_secure.core.ports.stores import DynamoDb, Item
from glue_secure.core.service import ServiceError
from glue_secure.dynamicframe.frames import dynamodb as ddb_json
from glue_secure.dynamicframe.frames.records import from_records
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types.dynamodb_values import as_json, from_item, to_item
from glue_secure.dynamicframe.types.values import decoder
from glue_secure.engines.spark.protected_table import with_protected_data

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from glue_secure.io.source_filter import Sample
    from glue_secure.run.run import Run

_LONGEST_PAUSE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class DynamoDbSource:
    """A DynamoDB table.

    Attributes:
        spark: the session.
        options: Glue's ``connection_options``.
        transformation_ctx: for the evidence; a DynamoDB source has no bookmark, as in Glue.
    """

    spark: SparkSession
    options: Mapping[str, Any]
    transformation_ctx: str = ""

    def with_format(self, format: str, options: Mapping[str, Any]) -> DynamoDbSource:  # noqa: ARG002
        """Raise UsageError: items have no format."""
        raise UsageError("a dynamodb source", found="a format", required="connection_options only")

    def read(self, run: Run, *, dynamic: bool, sample: Sample | None = None) -> Table | DataFrame:  # noqa: ARG002
        """Return the table's items. Every column of a choice type has the choice if ``dynamic``.

        Raises:
            UsageError: an option has an invalid value.
            RefusedError: GS-TLS-005, -008, an option is rejected; GS-LF-007, RDDs are not available.
        """
        run.stores.check_call(connector("dynamodb"), self.options, "a dynamodb source")
        read = parse_read(self.options)
        if read.export == "s3":
            raise UsageError(
                "dynamodb.export",
                found="s3, which reads an earlier export",
                required="ddb in local Spark",
                fix='read its objects: from_options("s3", {"paths": ["s3://BUCKET/PREFIX/data/"]}, "json"), '
                "then unnest_ddb_json()",
            )
        _refuse_fine_grained(run, "a dynamodb source")
        opened = run.stores.open_table(read.table, read.access, "read")
        table = opened.table
        tasks = min(read.segments, self.spark.sparkContext.defaultParallelism)
        scan = ScanSegment(opened.client, table.name, read, read.units_per_second(table) / tasks)
        segments = self.spark.sparkContext.parallelize(range(read.segments), read.segments)
        records = from_records(self.spark, segments.flatMap(scan), has_int=False)
        run.stores.record_read("dynamodb", table.arn, transformation_ctx=self.transformation_ctx)
        if read.unnest:
            records = ddb_json.unnest_ddb_json(records)
        if read.simplify:
            records = ddb_json.simplify_ddb_json(records)
        return records if dynamic else records.data


@dataclass(frozen=True, slots=True)
class ScanSegment:
    """Scans one segment on an executor; it is sent with each task and contains no credentials."""

    client: Callable[[], DynamoDb]
    table: str
    read: DynamoDbRead
    units_per_second: float

    def __call__(self, segment: int) -> Iterator[dict[str, Any]]:
        """Yield the records of the segment."""
        client, start, started, units = self.client(), None, time.monotonic(), 0.0
        while True:
            items, start, consumed = client.scan(
                self.table, segment, self.read.segments, start, consistent=self.read.consistent
            )
            for item in items:
                yield {"Item": as_json(item)} if self.read.export else from_item(item)
            if not start:
                return
            units += consumed
            _pause(started, units, self.units_per_second)


@dataclass(frozen=True, slots=True)
class DynamoDbSink:
    """A DynamoDB table to write to.

    Attributes:
        options: Glue's ``connection_options``.
        write_options: the parsed options.
    """

    options: Mapping[str, Any]
    write_options: DynamoDbWrite

    def write(self, run: Run, table: Table, name: str = "") -> WriteRecord:
        """Put each record as an item. An item with the same key is replaced, as in Glue.

        Args:
            run: the run.
            table: the frame.
            name: not used: every frame of a collection goes to the table of the options.

        Raises:
            RefusedError: GS-CON-001; GS-TLS-005, -008; those of the column policy; GS-LF-007.
            UsageError: the frame lacks an attribute of the table's key.
        """
        resource = "a dynamodb sink"
        run.stores.check_call(connector("dynamodb"), self.options, resource)
        if name:
            raise UsageError(resource, found="a collection", required="one DynamicFrame")
        _refuse_fine_grained(run, resource)
        opened = run.stores.open_table(self.write_options.table, self.write_options.access, "write")
        description = opened.table
        run.guard.require_same_session(table.data, description.arn)
        missing = [key for key in description.key_names if key not in table.schema.field_map]
        if missing:
            raise UsageError(
                f"a write to {description.arn}",
                found=f"a frame without {', '.join(missing)}",
                required=f"the attributes of the table's key: {', '.join(description.key_names)}",
            )
        table = with_protected_data(table, run.columns.protect(table.data, description.arn))
        rows = table.data.rdd
        # As Glue's numParallelTasks: the partitions that Spark writes at the same time share the capacity.
        tasks = min(rows.getNumPartitions(), rows.context.defaultParallelism)
        put = PutItems(
            opened.client,
            description.name,
            description.key_names,
            decoder(table.schema),
            self.write_options.retries,
            self.write_options.units_per_second(description, tasks),
        )
        with run.recorder.timed("write"), run.engine.attribute_writes_to_run(None):
            written = sum(rows.mapPartitions(put).collect())
        return run.stores.record_write("dynamodb", description.arn, written)


@dataclass(frozen=True, slots=True)
class PutItems:
    """Puts the records of one partition; it is sent with each task and contains no credentials."""

    client: Callable[[], DynamoDb]
    table: str
    key_names: tuple[str, ...]
    decode: Callable[[Any], Any]
    retries: int
    units_per_second: float

    def __call__(self, rows: Iterable[Any]) -> Iterator[int]:
        """Yield the number of records that were put."""
        client, started, units = self.client(), time.monotonic(), 0.0
        items = (to_item(self.decode(row)) for row in rows)
        while batch := list(islice(items, BATCH)):
            _pause(started, units, self.units_per_second)
            # A request may not contain two items with the same key: the last one replaces the others.
            unique = {tuple(str(item.get(name)) for name in self.key_names): item for item in batch}
            units += put_all(client, self.table, list(unique.values()), self.retries)
            yield len(batch)


def put_all(client: DynamoDb, table: str, items: list[Item], retries: int) -> float:
    """Put at most 25 items, and those again that DynamoDB did not process. Return the consumed capacity.

    Raises:
        ServiceError: items are left after ``retries`` retries without progress.
    """
    units, attempt = 0.0, 0
    while items:
        left, consumed = client.put(table, items)
        units += consumed
        attempt = attempt + 1 if len(left) == len(items) else 0
        items = list(left)
        if attempt > retries:
            raise ServiceError(
                f"BatchWriteItem: {len(items)} items of table {table} were not processed after "
                f"{retries} retries",
                code="ProvisionedThroughputExceededException",
                operation="BatchWriteItem",
            )
        if items:
            time.sleep(min(0.05 * 2**attempt, _LONGEST_PAUSE_SECONDS))
    return units


def _pause(started: float, units: float, units_per_second: float) -> None:
    """Wait until the consumed capacity is within the limit."""
    ahead = units / units_per_second - (time.monotonic() - started)
    if ahead > 0:
        time.sleep(min(ahead, _LONGEST_PAUSE_SECONDS))


def _refuse_fine_grained(run: Run, resource: str) -> None:
    if run.fine_grained:
        raise RefusedError(
            "GS-LF-007",
            resource=resource,
            found="a read or write by RDDs under fine-grained access control",
            required="DataFrames only",
            fix="run the job without fine-grained access control",
        )
