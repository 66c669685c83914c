"""Scenarios of tables by name, in a separate session with the JARs of the formats.

As a program, it runs each scenario that its arguments name, and prints the result, one JSON object per line.
All scenarios share one session, because a session takes longer to start than a scenario to run.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
import traceback
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from glue_secure import GlueSecureError
from glue_secure.core.errors import ControlError
from glue_secure.embedded.clients import clients
from glue_secure.testing.harness import JobTestHarness

DATABASE = "lake"


@dataclass
class Scenario:
    """What a scenario works with: a job of its own, and the location of its table."""

    bench: Any
    account: Any
    spark: Any
    format: str
    key: str

    @property
    def table(self) -> str:
        return f"{DATABASE}.t_{self.bench.name.replace('-', '_')}"

    @property
    def location(self) -> str:
        return f"{self.bench.target}table"

    @property
    def sql_name(self) -> str:
        if self.format == "iceberg":
            return f"glue_catalog.{self.table}"
        return f"delta.`{self.location}`"

    def frame(self, *rows: tuple) -> Any:
        return self.spark.createDataFrame(rows, "id int, name string, month int")

    def create(self, *rows: tuple, **options: Any) -> None:
        """Create the table in a run of its own."""
        if self.format == "hudi":
            options["options"] = {
                "hoodie.datasource.write.recordkey.field": "id",
                "hoodie.datasource.write.precombine.field": "id",
            }
        with self.bench.job() as job:
            job.write.table(
                self.frame(*rows), self.table, mode="create", format=self.format,
                location=self.location, **options,
            )  # fmt: skip

    def append(self, *rows: tuple) -> None:
        """Append in a run of its own."""
        with self.bench.job() as job:
            job.write.table(self.frame(*rows), self.table)

    def rows(self) -> list:
        """Return the table's rows as every reader sees them."""
        return sorted(tuple(row) for row in self.read().select("id", "name", "month").collect())

    def read(self) -> Any:
        """Return the table as every reader sees it."""
        reader = self.spark.read.format(self.format)
        return reader.load(f"glue_catalog.{self.table}" if self.format == "iceberg" else self.location)

    def new_rows(self, **options: Any) -> list:
        """Return the rows that are new to the bookmark, and commit the bookmark."""
        with self.bench.job() as job:
            frame = job.read.table(self.table, bookmark="source", **options)
            return sorted(tuple(row) for row in frame.select("id", "name", "month").collect())

    def encryptions(self) -> list:
        """Return every encryption of the table's objects."""
        objects = self.bench.objects()
        return sorted(
            {(entry["algorithm"], entry["key"]) for name, entry in objects.items() if name[-1] != "/"}
        )

    def evidence(self) -> dict:
        return self.bench.evidence()[-1]

    def sql(self, text: str) -> Any:
        return self.spark.sql(text)


def modes(scenario: Scenario) -> dict:
    scenario.create((1, "a", 1), (2, "b", 2), partition_by="month")
    scenario.append((3, "c", 2))
    appended = scenario.rows()
    with scenario.bench.job() as job:
        job.write.table(scenario.frame((4, "d", 2)), scenario.table, mode="overwrite_partitions")
    partitions = scenario.rows()
    with scenario.bench.job() as job:
        record = job.write.table(scenario.frame((5, "e", 3)), scenario.table, mode="overwrite")
    write = scenario.evidence()["writes"][-1]
    return {
        "appended": appended,
        "partitions": partitions,
        "overwritten": scenario.rows(),
        "rows": record.rows,
        "commits": len(record.commits),
        "recorded": [write["table"] == scenario.table, write["commits"] == list(record.commits)],
        "unrecorded": sorted(set(_new(scenario)) - {str(entry.uri) for entry in record.objects})
        if scenario.format == "iceberg"
        else [],
    }


def _new(scenario: Scenario) -> list[str]:
    table = scenario.spark._jvm.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(
        scenario.spark._jsparkSession, scenario.sql_name
    )
    table.refresh()
    return [str(file.location()) for file in table.currentSnapshot().addedDataFiles(table.io())]


def bookmark(scenario: Scenario) -> dict:
    scenario.create((1, "a", 1))
    first = scenario.new_rows()
    nothing = scenario.new_rows()
    scenario.append((2, "b", 1))
    scenario.append((3, "c", 1))
    added = scenario.new_rows()
    read = scenario.evidence()["reads"][0]
    return {
        "first": first,
        "nothing": nothing,
        "added": added,
        "range": [bool(read["since"]), bool(read["until"]), read["since"] != read["until"]],
        "again": scenario.new_rows(),
    }


def bookmark_after_a_change(scenario: Scenario) -> dict:
    scenario.create((1, "a", 1), (2, "b", 1))
    scenario.new_rows()
    with scenario.bench.job() as job:
        job.write.merge(scenario.frame((1, "z", 1), (3, "c", 1)), scenario.table, on="id")
    try:
        stopped = str(scenario.new_rows())
    except GlueSecureError as error:
        stopped = str(error)
    return {
        "stopped": stopped,
        "read_all": scenario.new_rows(on_change="read_all"),
        "then": scenario.new_rows(),
    }


def failed_run(scenario: Scenario) -> dict:
    """A run that fails after its commit to the table: the bookmark does not move."""
    scenario.create((1, "a", 1))
    try:
        with scenario.bench.job() as job:
            job.read.table(scenario.table, bookmark="source").collect()
            job.write.table(scenario.frame((2, "b", 1)), scenario.table)
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    sequence = scenario.evidence()["bookmark"]["sequence_after"]
    return {"sequence": sequence, "read": scenario.new_rows()}


def merge(scenario: Scenario) -> dict:
    scenario.create((1, "a", 1), (2, "b", 1), (3, "c", 1))
    changes = scenario.spark.createDataFrame(
        [(1, "z", 1, "U"), (2, "b", 1, "D"), (4, "d", 1, "I"), (5, "e", 1, "D")],
        "id int, name string, month int, op string",
    )
    with scenario.bench.job() as job:
        record = job.write.merge(changes, scenario.table, on=["id"], delete_when="source.op = 'D'")
    return {"rows": scenario.rows(), "commits": len(record.commits), "objects": bool(record.objects)}


def upsert(scenario: Scenario) -> dict:
    scenario.create((1, "a", 1), (2, "b", 1))
    with scenario.bench.job() as job:
        record = job.write.merge(scenario.frame((2, "z", 1), (3, "c", 1)), scenario.table, on="id")
    return {"rows": scenario.rows(), "commits": len(record.commits), "objects": bool(record.objects)}


def write_audit_publish(scenario: Scenario) -> dict:
    scenario.create((1, "a", 1))
    created = scenario.evidence()["writes"]
    with scenario.bench.job() as job:
        job.write.table(scenario.frame((2, "b", 1)), scenario.table, publish="after_audit")
        job.write.merge(scenario.frame((1, "z", 1)), scenario.table, on="id", publish="after_audit")
        before = scenario.rows()
    writes = scenario.evidence()["writes"]
    branches = [row["name"] for row in scenario.sql(f"select name from {scenario.sql_name}.refs").collect()]
    return {
        "before": before,
        "after": scenario.rows(),
        "branches": branches,
        "outcome": scenario.evidence()["outcome"],
        "created": [write["kind"] for write in created],
        "on_branch": [bool(write["branch"]) for write in writes],
        "kinds": sorted({write["kind"] for write in writes}),
    }


def failed_audit(scenario: Scenario) -> dict:
    scenario.create((1, "a", 1))
    try:
        with scenario.bench.job() as job:
            job.write.table(scenario.frame((2, "b", 1)), scenario.table, publish="after_audit")
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    names = [row["name"] for row in scenario.sql(f"select name from {scenario.sql_name}.refs").collect()]
    return {"rows": scenario.rows(), "branches": len(names)}


def concurrent_audit(scenario: Scenario) -> dict:
    """Another writer commits while the rows of a run are on a branch."""
    scenario.create((1, "a", 1))
    with scenario.bench.job() as job:
        job.write.table(scenario.frame((2, "b", 1)), scenario.table, publish="after_audit")
        _other_writer(scenario, (9, "x", 1))
    added = scenario.rows()
    message = ""
    try:
        with scenario.bench.job() as job:
            job.write.merge(scenario.frame((1, "z", 1)), scenario.table, on="id", publish="after_audit")
            _other_writer(scenario, (8, "y", 1))
    except GlueSecureError as error:
        message = str(error)
    return {"added": added, "message": message, "rows": scenario.rows()}


def _other_writer(scenario: Scenario, *rows: tuple) -> None:
    """Commit to the table like a program that is not a job."""
    frame = scenario.frame(*rows)
    if scenario.format == "iceberg":
        frame.writeTo(scenario.sql_name).append()
    else:
        frame.write.format(scenario.format).mode("append").save(scenario.location)


def _fail_verification(table_writer: Any, after: Any = None) -> None:
    """Let the verification of the next commit fail, as for an object under another key."""
    from glue_secure.core.errors import RefusedError

    data_writer = table_writer.writer
    write_table = data_writer.write_table

    def failing(*arguments: Any, **named: Any) -> Any:
        del data_writer.write_table
        write_table(*arguments, **named)
        if after is not None:
            after()
        raise RefusedError("GS-S3-004", resource="an object", found="AES256", required="aws:kms", fix="none")

    data_writer.write_table = failing


def rolled_back(scenario: Scenario) -> dict:
    scenario.create((1, "a", 1))
    message = ""
    try:
        with scenario.bench.job() as job:
            job.read.table(scenario.table, bookmark="source")
            _fail_verification(job._run.table_writer)
            job.write.table(scenario.frame((2, "b", 1)), scenario.table)
    except ControlError as error:
        message = str(error)
    return {
        "rows": scenario.rows(),
        "message": message,
        "sequence": scenario.evidence()["bookmark"]["sequence_after"],
    }


def merge_rolled_back(scenario: Scenario) -> dict:
    scenario.create((1, "a", 1))
    message = ""
    try:
        with scenario.bench.job() as job:
            _fail_verification(job._run.table_writer)
            job.write.merge(scenario.frame((1, "z", 1)), scenario.table, on="id")
    except ControlError as error:
        message = str(error)
    return {"rows": scenario.rows(), "message": message}


def not_rolled_back(scenario: Scenario) -> dict:
    """Another writer commits before the verification ends, so that a rollback would remove its rows."""
    scenario.create((1, "a", 1))
    message = ""
    try:
        with scenario.bench.job() as job:
            _fail_verification(job._run.table_writer, lambda: _as_other_application(scenario))
            job.write.table(scenario.frame((2, "b", 1)), scenario.table)
    except ControlError as error:
        message = str(error)
    return {"rows": scenario.rows(), "message": message}


def _as_other_application(scenario: Scenario) -> None:
    frame = scenario.frame((9, "x", 1))
    if scenario.format == "iceberg":
        frame.writeTo(scenario.sql_name).option("snapshot-property.glue-secure-write", "other/1").append()
    else:
        writer = frame.write.format("delta").option("userMetadata", "other")
        writer.mode("append").save(scenario.location)


def spark_rolled_back(scenario: Scenario) -> dict:
    """The verification of what Spark committed without glue-secure fails."""
    scenario.create((1, "a", 1))
    message = ""
    try:
        with scenario.bench.job() as job:
            job.read.table(scenario.table, bookmark="source")
            _fail_unmanaged(job._run.unmanaged_writes)
            scenario.sql(
                f"merge into {scenario.sql_name} t using (select 1 as id, 'z' as name) s on t.id = s.id "
                "when matched then update set t.name = s.name"
            )
    except ControlError as error:
        message = str(error)
    rows, sequence = scenario.rows(), scenario.evidence()["bookmark"]["sequence_after"]
    statement = message.partition("to remove it: ")[2].splitlines()[:1]
    for text in statement:
        with scenario.bench.job():
            scenario.sql(text).collect()
    return {"rows": rows, "message": message, "sequence": sequence, "then": scenario.rows()}


def two_runs(scenario: Scenario) -> dict:
    """Two runs of the session are open. One cannot verify its commits, and the other has committed too."""
    scenario.create((1, "a", 1))
    other, message = scenario.bench.job(), ""
    update = f"update {scenario.sql_name} set name = 'z' where id = 1"
    try:
        with scenario.bench.job() as job:
            with other:
                scenario.sql(update).collect()
                merged = other.write.merge(scenario.frame((2, "b", 1)), scenario.table, on="id")
            _fail_unmanaged(job._run.unmanaged_writes)
            scenario.sql(update.replace("'z'", "'y'")).collect()
    except ControlError as error:
        message = str(error)
    return {"rows": scenario.rows(), "message": message, "merged": len(merged.commits)}


def two_merges(scenario: Scenario) -> dict:
    """A run cannot verify its merge, while a thread of another run of the session merges too."""
    scenario.create((1, "a", 1))
    message = ""
    with ThreadPoolExecutor(1) as pool, scenario.bench.job() as other:
        try:
            with scenario.bench.job() as job:
                merge = partial(other.write.merge, scenario.frame((9, "x", 1)), scenario.table, on="id")
                _fail_verification(job._run.table_writer, lambda: pool.submit(merge).result())
                job.write.merge(scenario.frame((1, "z", 1)), scenario.table, on="id")
        except ControlError as error:
            message = str(error)
    return {"rows": scenario.rows(), "message": message}


def _fail_unmanaged(verifier: Any) -> None:
    from glue_secure.core.errors import RefusedError

    def failing(*_arguments: Any) -> None:
        raise RefusedError("GS-S3-004", resource="an object", found="AES256", required="aws:kms", fix="none")

    verifier._verify_location = failing


def concurrent_rollback(scenario: Scenario) -> dict:
    """Another writer commits between the comparison of the commits and the rollback itself."""
    # glue-secure: allow guard-disabled the program replaces a method, to commit in between
    from glue_secure.engines.spark.tables.delta import DeltaLakeTable

    scenario.create((1, "a", 1))
    statement = DeltaLakeTable.undo_statement
    others = [lambda: _as_other_application(scenario)]

    def with_other(table: Any, position: str, own: Any = ()) -> str:
        while others:
            others.pop()()
        return statement(table, position, own)

    message = ""
    try:
        with scenario.bench.job() as job:
            _fail_verification(job._run.table_writer)
            DeltaLakeTable.undo_statement = with_other
            job.write.table(scenario.frame((2, "b", 1)), scenario.table)
    except ControlError as error:
        message = str(error)
    finally:
        DeltaLakeTable.undo_statement = statement
    return {"rows": scenario.rows(), "message": message}


def changes(scenario: Scenario) -> dict:
    """A bookmark that reads the change data feed."""
    scenario.create((1, "a", 1), (2, "b", 1))
    try:
        message = str(scenario.new_rows(on_change="read_changes"))
    except GlueSecureError as error:
        message = str(error)
    statement = message.partition("with the bookmark: ")[2].splitlines()[0]
    with scenario.bench.job():
        scenario.sql(statement)
    first = _changed(scenario)
    with scenario.bench.job() as job:
        job.write.merge(
            scenario.spark.createDataFrame(
                [(1, "z", 1, "U"), (2, "b", 1, "D"), (3, "c", 1, "I")],
                "id int, name string, month int, op string",
            ),
            scenario.table,
            on="id",
            delete_when="source.op = 'D'",
        )
    return {"message": message, "first": first, "then": _changed(scenario), "again": _changed(scenario)}


def _changed(scenario: Scenario) -> list:
    with scenario.bench.job() as job:
        frame = job.read.table(scenario.table, bookmark="source", on_change="read_changes")
        assert {"_commit_version", "_commit_timestamp"} <= set(frame.columns)
        return sorted(tuple(row) for row in frame.select("id", "name", "_change_type").collect())


JOBS = Path(__file__).resolve().parents[2] / "jobs"
HEADER = "order_id,customer,amount,day\n"


def _job(scenario: Scenario, script: str, **arguments: str) -> dict:
    """Run a script of jobs/ as another job of the account, and return its evidence."""
    name = f"{scenario.bench.name}-{Path(script).stem.replace('_', '-')}"
    bench = JobTestHarness(account=scenario.account, spark=scenario.spark, name=name)
    bench.run_script(JOBS / script, **arguments)
    evidence = bench.evidence()[-1]
    assert evidence["outcome"] == "succeeded", evidence["error"]
    return evidence


def _orders(scenario: Scenario) -> list:
    reader = scenario.spark.read.format(scenario.format)
    frame = reader.load(
        f"glue_catalog.{scenario.table}" if scenario.format == "iceberg" else scenario.location
    )
    return sorted([row["order_id"], row["customer"], row["amount"]] for row in frame.collect())


def _create_orders(scenario: Scenario, *rows: tuple) -> None:
    options: dict[str, Any] = {}
    if scenario.format == "hudi":
        options["options"] = {
            "hoodie.datasource.write.recordkey.field": "order_id",
            "hoodie.datasource.write.precombine.field": "day",
        }
    frame = scenario.spark.createDataFrame(
        [(*row, datetime.date(2026, 1, 1)) for row in rows],
        "order_id bigint, customer string, amount double, day date",
    )
    with scenario.bench.job() as job:
        job.write.table(
            frame,
            scenario.table,
            mode="create",
            format=scenario.format,
            location=scenario.location,
            **options,
        )


def _landed(scenario: Scenario, name: str, *rows: str) -> str:
    """Store rows at a location of their own, and return it."""
    scenario.bench.land(f"{name}/a.csv", HEADER + "".join(f"{row}\n" for row in rows))
    return f"{scenario.bench.source}{name}/"


def _message_of(call: Any) -> str:
    """Return the message of the error that a job ends with."""
    try:
        call()
    except (GlueSecureError, ValueError) as error:
        return str(error)
    return ""


def example_jobs(scenario: Scenario) -> dict:
    """Run the example jobs of both APIs, one after the other, on one table."""
    return {"iceberg": _iceberg_jobs, "delta": _delta_jobs, "hudi": _hudi_jobs}[scenario.format](scenario)


def _iceberg_jobs(scenario: Scenario) -> dict:
    database, name = scenario.table.split(".")
    glue, files = {"database": database, "table": name}, f"{name}_files"
    copy = {
        "table": scenario.table,
        "files": f"{database}.{files}",
        "location": f"{scenario.bench.target}files/",
    }
    append = {**glue, "source": _landed(scenario, "append", "1,ann,5.5,2026-01-01")}
    _job(scenario, "glue/lake_append.py", **append, location=scenario.location)
    _job(scenario, "tables/orders_to_files.py", **copy, create="true")
    scenario.bench.land("append/b.csv", HEADER + "2,bob,6.5,2026-01-02\n")
    _job(scenario, "glue/lake_append.py", **append, location=scenario.location)
    found = {"appended": _orders(scenario)}
    compactions = [
        _job(scenario, "glue/lake_compaction.py", **glue),
        _job(scenario, "tables/orders_compaction.py", table=scenario.table),
    ]
    copied = _job(scenario, "tables/orders_to_files.py", **copy)
    partitions = clients(scenario.account)("glue").get_partitions(DatabaseName=database, TableName=files)
    with scenario.bench.job() as job:
        rows = job.read.table(copy["files"]).select("order_id", "day").collect()
    _job(scenario, "glue/lake_upsert.py", **glue, source=_landed(scenario, "upsert", "1,ann,6.5,2026-01-02"))
    secure = _landed(scenario, "secure", "2,bob,7.5,2026-01-02", "2,bob,1.5,2026-01-01")
    _job(scenario, "tables/orders_upsert.py", table=scenario.table, source=secure)
    found |= {
        "compacted": [sum(len(write["objects"]) for write in run["writes"]) > 0 for run in compactions],
        "catalog": [entry["action"] for entry in copied["catalog"]],
        "partitions": sorted(partition["Values"] for partition in partitions["Partitions"]),
        "copied": sorted([row["order_id"], str(row["day"])] for row in rows),
        "upserted": _orders(scenario),
    }
    return found | _audited(scenario, glue) | {"changed": _from_postgresql(scenario, glue)}


def _audited(scenario: Scenario, glue: dict) -> dict:
    """Publish rows that meet the rules, and none that does not, with both APIs."""
    rule = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "order_id"}}
    suite = Path("suite.json").absolute()
    items = [{**rule, "severity": "critical", "meta": {}}]
    suite.write_text(json.dumps({"name": "orders", "expectations": items, "meta": {}}))
    secure = {"table": scenario.table, "suite": str(suite), "glue_secure_suites": str(suite)}
    good, bad = "tables/orders_audited.py", "glue/lake_audited.py"
    evidence = _job(scenario, good, **secure, source=_landed(scenario, "good", "3,cid,8.5,2026-01-03"))
    _job(scenario, bad, **glue, source=_landed(scenario, "good-glue", "4,dan,9.5,2026-01-03"))
    published = _orders(scenario)
    refused = _landed(scenario, "bad", ",eve,7.5,2026-01-02")
    negative = _landed(scenario, "bad-glue", "5,eve,-8.5,2026-01-03")
    return {
        "gate": evidence["gates"][0]["outcome"],
        "published": published,
        "message": _message_of(lambda: _job(scenario, good, **secure, source=refused)),
        "message_glue": _message_of(lambda: _job(scenario, bad, **glue, source=negative)),
        "not_published": _orders(scenario) == published,
    }


def _from_postgresql(scenario: Scenario, glue: dict) -> list:
    """Apply changes twice with SecureJob, and once with the GlueContext if the table is of Iceberg."""
    from glue_secure.embedded.databases import add_database

    database = add_database(scenario.account, "orders-changes")
    changes = f"changes_{scenario.bench.name.replace('-', '_')}"
    database.execute(
        f"create table {changes} (change_id bigserial primary key, op text, order_id bigint, customer text, "
        "amount double precision, day date default '2026-01-01')"
    )
    insert = f"insert into {changes} (op, order_id, customer, amount) values (%s, %s, %s, %s)"
    for change in (("U", 1, "ann", 9.5), ("D", 2, "bob", 6.5), ("I", 6, "fay", 1.5), ("U", 6, "fay", 2.5)):
        database.execute(insert, change)
    source = {"connection": "orders-changes", "changes": f"public.{changes}"}
    _job(scenario, "tables/orders_from_postgresql.py", **source, table=scenario.table)
    found = [_orders(scenario)]
    database.execute(insert, ("D", 3, "cid", 8.5))
    _job(scenario, "tables/orders_from_postgresql.py", **source, table=scenario.table)
    found.append(_orders(scenario))
    if glue:  # its bookmark has no change yet, and the last one of each order is applied again
        database.execute(insert, ("U", 4, "dan", 0.5))
        _job(scenario, "glue/lake_from_postgresql.py", **source, **glue)
        found.append(_orders(scenario))
    return found


def _delta_jobs(scenario: Scenario) -> dict:
    _create_orders(scenario, (1, "ann", 5.5), (2, "bob", 6.5))
    secure = {
        "table": scenario.table,
        "source": _landed(scenario, "secure", "2,bob,7.5,2026-01-02", "2,bob,1.5,2026-01-01"),
    }
    _job(scenario, "tables/orders_upsert.py", **secure)
    upserted = _orders(scenario)
    _job(scenario, "tables/orders_upsert.py", **secure)
    again = _orders(scenario)
    source = _landed(scenario, "glue", "1,ann,6.5,2026-01-02", "3,cid,8.5,2026-01-02")
    _job(scenario, "glue/lake_delta_upsert.py", source=source, location=scenario.location)
    return {"upserted": upserted, "again": again, "glue": _orders(scenario)}


def _hudi_jobs(scenario: Scenario) -> dict:
    database, table = scenario.table.split(".")
    source = _landed(scenario, "glue", "1,ann,5.5,2026-01-01", "2,bob,6.5,2026-01-01")
    glue = {"database": database, "table": table, "location": scenario.location}
    evidence = _job(scenario, "glue/lake_hudi_upsert.py", **glue, source=source)
    created = _orders(scenario)
    source = _landed(scenario, "secure", "2,bob,7.5,2026-01-02", "3,cid,8.5,2026-01-02")
    _job(scenario, "tables/orders_upsert.py", table=scenario.table, source=source)
    return {
        "glue": created,
        "catalog": [entry["action"] for entry in evidence["catalog"]],
        "upserted": _orders(scenario),
    }


def changes_from_postgresql(scenario: Scenario) -> dict:
    _create_orders(scenario, (1, "ann", 5.5), (2, "bob", 6.5), (3, "cid", 8.5))
    return {"changed": _from_postgresql(scenario, {})}


GLUE_SINK = """
import sys
from pyspark.context import SparkContext
from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from awsglue.job import Job
from awsglue.utils import getResolvedOptions

context = GlueContext(SparkContext.getOrCreate())
job = Job(context)
job.init(getResolvedOptions(sys.argv, ["JOB_NAME"])["JOB_NAME"], {{}})
options = {options}
for rows in ([(1, "a", 1)], [(2, "b", 1)]):
    frame = context.spark_session.createDataFrame(rows, "id int, name string, month int")
    context.write_dynamic_frame.from_options(
        frame=DynamicFrame.fromDF(frame, context, "rows"),
        connection_type="s3",
        connection_options={{"path": "{location}", **options}},
        format="{format}",
    )
job.commit()
"""


def glue_sink(scenario: Scenario) -> dict:
    """A sink of awsglue with the format of a table, and Hudi's synchronisation with the Data Catalog."""
    options = {}
    if scenario.format == "hudi":
        options = {
            "hoodie.table.name": scenario.table.partition(".")[2],
            "hoodie.datasource.write.recordkey.field": "id",
            "hoodie.datasource.write.precombine.field": "id",
            "hoodie.datasource.hive_sync.enable": "true",
            "hoodie.datasource.hive_sync.database": DATABASE,
            "hoodie.datasource.hive_sync.table": scenario.table.partition(".")[2],
        }
    script = Path("glue_sink.py").absolute()
    location = scenario.location
    script.write_text(GLUE_SINK.format(options=options, location=location, format=scenario.format))
    scenario.bench.run_script(script)
    evidence = scenario.evidence()
    synced = []
    if scenario.format == "hudi":
        with scenario.bench.job() as job:
            synced = sorted(row["id"] for row in job.read.table(scenario.table).collect())
    return {"rows": scenario.rows(), "outcome": evidence["outcome"], "synced": synced}


def main(names: list[str]) -> None:
    from separate_session import account_of_the_environment, session_with

    from glue_secure.embedded import table_formats
    from glue_secure.embedded.account_setup import CURATED, provision
    from glue_secure.embedded.artifacts import fetch
    from glue_secure.embedded.class_archive import archived_jars
    from glue_secure.embedded.environment import requested_guard
    from glue_secure.embedded.installed_spark import installed_spark

    # glue-secure: allow guard-disabled reads the path of a JAR
    from glue_secure.engines.spark.guard_jar import guard_jar

    account = account_of_the_environment()
    line = installed_spark().line
    formats = list(table_formats.TABLE_FORMAT_JARS[line])
    guard = guard_jar() if requested_guard(os.environ) else None
    format_jars = fetch(table_formats.jars(formats, line), account.java_home)
    # This JAR has the Python package ``delta``, as for ``glue-secure run --datalake-formats delta``.
    sys.path += [str(jar) for jar in format_jars if jar.name.startswith("delta-spark")]
    # With the JARs of the archive of classes, as for every session of the account.
    own = [*archived_jars(account.spark_jars), *([guard.path] if guard else [])]
    path = table_formats.class_path(own, format_jars, line)
    paths = dict.fromkeys(("spark.driver.extraClassPath", "spark.executor.extraClassPath"), path)
    settings = table_formats.settings(formats) | {
        "spark.sql.catalog.glue_catalog.warehouse": f"s3://{CURATED}/lake/",
        "spark.databricks.delta.snapshotPartitions": "1",
        # The tables have a few rows. Measured: a third of the CPU time was spent on generated code.
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.shuffle.partitions": "1",
    }
    spark = session_with({**paths, **settings})
    glue = clients(account)("glue")
    key = provision(account).data_key
    if DATABASE not in {entry["Name"] for entry in glue.get_databases()["DatabaseList"]}:
        glue.create_database(DatabaseInput={"Name": DATABASE, "LocationUri": f"s3://{CURATED}/lake/"})
    for name in names:
        function, format = name.split("-")
        bench = JobTestHarness(account=account, spark=spark, name=f"job-{uuid.uuid4().hex[:12]}")
        scenario = Scenario(bench, account, spark, format, key)
        try:
            result = globals()[function](scenario)
            result["encryptions"] = scenario.encryptions()
        except Exception:
            result = {"error": traceback.format_exc()[-4000:]}
        finally:
            bench.close()
        print(json.dumps({"name": name, "key": key, **result}), flush=True)
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
