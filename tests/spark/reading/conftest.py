"""Fixtures: a context after ``job.init``, and a Data Catalog database for each test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from glue_secure.context import GlueContext
from glue_secure.embedded.clients import clients
from glue_secure.job import Job


@pytest.fixture
def context(glue_job: Any, glue_spark: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A GlueContext after ``job.init``."""
    monkeypatch.setattr("sys.argv", glue_job.argv())
    context = GlueContext(glue_spark)
    Job(context).init(glue_job.name)
    yield context
    context.secured_run.close(outcome="test over")


@pytest.fixture
def rerun(glue_job: Any, glue_spark: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Start consecutive runs of the same job: ``context, job = rerun()``."""
    opened = []

    def start() -> tuple[Any, Any]:
        monkeypatch.setattr("sys.argv", glue_job.argv())
        context = GlueContext(glue_spark)
        job = Job(context)
        job.init(glue_job.name)
        opened.append(context)
        return context, job

    yield start
    for context in opened:
        context.secured_run.close(outcome="test over")


class Catalog:
    """A database of the embedded account's Data Catalog."""

    def __init__(self, client: Any, database: str, source: str) -> None:
        self.client, self.database, self.source = client, database, source

    def table(
        self,
        name: str,
        classification: str,
        columns: Sequence[tuple[str, str]] = (),
        *,
        keys: Sequence[tuple[str, str]] = (),
        serde: Mapping[str, str] | None = None,
        library: str = "",
        **parameters: str,
    ) -> str:
        """Create a table below the job's source and return its name."""
        of_library = {"SerializationLibrary": library} if library else {}
        self.client.create_table(
            DatabaseName=self.database,
            TableInput={
                "Name": name,
                "Parameters": {"classification": classification, **parameters},
                "PartitionKeys": [{"Name": key, "Type": kind} for key, kind in keys],
                "StorageDescriptor": {
                    "Location": f"{self.source}{name}/",
                    "Columns": [{"Name": column, "Type": kind} for column, kind in columns],
                    "SerdeInfo": {"Parameters": dict(serde or {}), **of_library},
                },
            },
        )
        return name

    def partition(self, table: str, values: Sequence[str], location: str = "") -> None:
        """Register a partition; a location without a scheme is below the job's source."""
        location = (
            location if "://" in location else self.source + (location or f"{table}/{'/'.join(values)}/")
        )
        self.client.create_partition(
            DatabaseName=self.database,
            TableName=table,
            PartitionInput={"Values": list(values), "StorageDescriptor": {"Location": location}},
        )


@pytest.fixture
def catalog(glue_account: Any, glue_job: Any) -> Catalog:
    """A database with the job's name."""
    client = clients(glue_account)("glue")
    client.create_database(DatabaseInput={"Name": glue_job.name})
    return Catalog(client, glue_job.name, glue_job.source)


def rows(frame: Any) -> list[dict[str, Any]]:
    """Return a frame's rows as dicts, sorted."""
    data = frame.toDF() if hasattr(frame, "table") else frame
    return sorted((row.asDict(recursive=True) for row in data.collect()), key=str)


@pytest.fixture(name="rows")
def _rows() -> Any:
    return rows
