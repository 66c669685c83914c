"""Glue's options of a DynamoDB source and sink.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect-dynamodb-home.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glue_secure.core.dynamodb import ON_DEMAND_UNITS, DynamoDbAccess, DynamoDbTable
from glue_secure.core.errors import UsageError
from glue_secure.core.ignored_options import warn_of_ignored
from glue_secure.core.options import truth, whole_number

BATCH = 25
"""The most items of one BatchWriteItem request."""
_SOURCE, _SINK = "connection_options of a dynamodb source", "connection_options of a dynamodb sink"
_MOST_SPLITS = 1_000_000
_SESSIONS = {_SOURCE: "glue-dynamodb-read-sts-session", _SINK: "glue-dynamodb-write-sts-session"}


@dataclass(frozen=True, slots=True)
class DynamoDbRead:
    """A read of a table.

    Attributes:
        table: name or ARN of the table.
        access: region and role of the call.
        segments: the number of segments that are scanned in parallel.
        percent: the part of the table's read capacity to consume.
        consistent: whether reads are strongly consistent.
        export: ``ddb`` or ``s3`` for Glue's export connector; ``""`` for its reader.
        unnest: ``dynamodb.unnestDDBJson`` of an export.
        simplify: ``dynamodb.simplifyDDBJson`` of an export.
        bucket: ``dynamodb.s3.bucket`` of an export.
        prefix: ``dynamodb.s3.prefix`` of an export.
    """

    table: str
    access: DynamoDbAccess
    segments: int
    percent: float
    consistent: bool
    export: str
    unnest: bool
    simplify: bool
    bucket: str
    prefix: str

    def units_per_second(self, table: DynamoDbTable) -> float:
        """Return the read capacity that the whole read may consume in a second."""
        return self.percent * (table.read_units or ON_DEMAND_UNITS)


@dataclass(frozen=True, slots=True)
class DynamoDbWrite:
    """A write to a table.

    Attributes:
        table: name or ARN of the table.
        access: region and role of the call.
        percent: the part of the table's write capacity to consume.
        retries: retries of items that DynamoDB does not process.
        tasks: the number of parallel tasks that ``percent`` is divided by; 0 for the tasks that Spark runs.
    """

    table: str
    access: DynamoDbAccess
    percent: float
    retries: int
    tasks: int

    def units_per_second(self, table: DynamoDbTable, parallel: int) -> float:
        """Return the write capacity that one task may consume in a second, if ``parallel`` tasks run."""
        return self.percent * (table.write_units or ON_DEMAND_UNITS) / max(1, self.tasks or parallel)


def parse_read(options: Mapping[str, Any]) -> DynamoDbRead:
    """Return the read that ``connection_options`` describe. Raises UsageError."""
    export = str(options.get("dynamodb.export") or "")
    if export not in ("", "ddb", "s3"):
        raise UsageError("dynamodb.export", found=repr(export), required="ddb or s3")
    table = options.get("dynamodb.tableArn" if export else "dynamodb.input.tableName")
    if not table:
        required = "dynamodb.tableArn" if export else "dynamodb.input.tableName"
        raise UsageError(_SOURCE, found=", ".join(sorted(options)) or "no options", required=required)
    unnest = truth("dynamodb.unnestDDBJson", options.get("dynamodb.unnestDDBJson", False))
    simplify = truth("dynamodb.simplifyDDBJson", options.get("dynamodb.simplifyDDBJson", False))
    if unnest and simplify:
        raise UsageError(
            _SOURCE, found="dynamodb.unnestDDBJson and dynamodb.simplifyDDBJson", required="one of them"
        )
    if "dynamodb.filter" in options:
        # Public scripts pass it (https://github.com/Kwame842/nsp-bolt-pipeline); AWS documents no filter.
        warn_of_ignored("dynamodb.filter", _SOURCE, "the whole table is read")
    splits = whole_number("dynamodb.splits", options.get("dynamodb.splits", 1), least=1, most=_MOST_SPLITS)
    return DynamoDbRead(
        table=str(table),
        access=_access(options, _SOURCE),
        segments=splits,
        percent=_percent(options, "read"),
        consistent=truth("dynamodb.consistentRead", options.get("dynamodb.consistentRead", False)),
        export=export,
        unnest=unnest,
        simplify=simplify,
        bucket=str(options.get("dynamodb.s3.bucket") or ""),
        prefix=str(options.get("dynamodb.s3.prefix") or ""),
    )


def parse_write(options: Mapping[str, Any]) -> DynamoDbWrite:
    """Return the write that ``connection_options`` describe. Raises UsageError."""
    table = options.get("dynamodb.output.tableName")
    if not table:
        found = ", ".join(sorted(options)) or "no options"
        raise UsageError(_SINK, found=found, required="dynamodb.output.tableName")
    return DynamoDbWrite(
        table=str(table),
        access=_access(options, _SINK),
        percent=_percent(options, "write"),
        retries=whole_number("dynamodb.output.retry", options.get("dynamodb.output.retry", 10), most=1000),
        tasks=whole_number(
            "dynamodb.output.numParallelTasks", options.get("dynamodb.output.numParallelTasks", 0)
        ),
    )


def is_dynamodb_location(location: str) -> bool:
    """Return whether the location of a Data Catalog table is a DynamoDB table, as a crawler writes it."""
    return re.match(r"arn:[^:]+:dynamodb:", location) is not None


def catalog_options(location: str, options: Mapping[str, Any], *, writes: bool) -> dict[str, Any]:
    """Return the options of a call that names a Data Catalog table with this location."""
    export = bool(options.get("dynamodb.export"))
    name = "dynamodb.output.tableName" if writes else "dynamodb.input.tableName"
    return {"dynamodb.tableArn" if export else name: location, **options}


def _access(options: Mapping[str, Any], resource: str) -> DynamoDbAccess:
    role = str(options.get("dynamodb.sts.roleArn") or "")
    session = str(options.get("dynamodb.sts.roleSessionName") or _SESSIONS[resource]) if role else ""
    return DynamoDbAccess(str(options.get("dynamodb.region") or ""), role, session)


def _percent(options: Mapping[str, Any], direction: str) -> float:
    names = (f"dynamodb.throughput.{direction}.percent", f"dynamodb.throughput.{direction}.ratio")
    name = next((name for name in names if name in options), names[0])
    text = str(options.get(name, "0.5"))
    try:
        percent = float(text)
    except ValueError:
        percent = 0.0
    if not 0.1 <= percent <= 1.5:
        raise UsageError(name, found=repr(text), required="a number from 0.1 to 1.5")
    return percent
