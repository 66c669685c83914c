"""Steps that write to S3 with Spark or boto3, composed of a writer, a place and an encryption setting."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig
from bypass_cases import CSV, BypassCase, case_of
from bypass_matrix import BOTO3, USAGE_ERROR, Combination
from hadoop_settings import hadoop

from glue_secure import GlueSecureError
from glue_secure.core.errors import ControlError, UsageError
from glue_secure.core.request_guard import refusal_in
from glue_secure.embedded.account_setup import CURATED, EVIDENCE

RESERVED = f"{EVIDENCE}/evidence/other"
_ALGORITHM, _KEY = "fs.s3a.encryption.algorithm", "fs.s3a.encryption.key"
_UNCACHED = "fs.s3a.impl.disable.cache"


_HIVE_COLUMNS = "(a int) partitioned by (day int) stored as textfile"


# --- writers: what writes to an empty location


def files(spark: Any, location: str, _name: str) -> None:
    spark.range(3).write.mode("append").parquet(location)


def partitions(spark: Any, location: str, _name: str) -> None:
    spark.range(2).selectExpr("id", "id as day").write.mode("append").partitionBy("day").csv(location)


def table(spark: Any, location: str, name: str) -> None:
    spark.sql(f"create table {name} using parquet location '{location}' as select 1 as a")
    spark.sql(f"drop table {name}")


def partition_elsewhere(spark: Any, location: str, name: str) -> None:
    spark.sql(
        f"create table {name} (a int, day int) using csv partitioned by (day) location '{location}-table'"
    )
    spark.sql(f"alter table {name} add partition (day=1) location '{location}/day one'")
    spark.sql(f"insert into {name} partition (day=1) values (5)")


def partition_dropped(spark: Any, location: str, name: str) -> None:
    partition_elsewhere(spark, location, name)
    spark.sql(f"drop table {name}")


def hive_table(spark: Any, location: str, name: str) -> None:
    spark.sql(f"create table {name} stored as textfile location '{location}' as select 1 as a")


def hive_insert(spark: Any, location: str, name: str) -> None:
    spark.sql(f"create table {name} {_HIVE_COLUMNS} location '{location}'")
    spark.sql("set hive.exec.dynamic.partition.mode=nonstrict")
    spark.sql(f"insert into {name} partition (day) values (5, 1), (6, 2)")


def hive_partition_elsewhere(spark: Any, location: str, name: str, kind: str = "") -> None:
    spark.sql(f"create {kind} table {name} {_HIVE_COLUMNS} location '{location}-table'")
    spark.sql(f"alter table {name} add partition (day=1) location '{location}-day'")
    spark.sql(f"insert into {name} partition (day=1) values (5)")


def hive_partition_dropped(spark: Any, location: str, name: str) -> None:
    # The files of a table that is not external are deleted when the table is dropped.
    hive_partition_elsewhere(spark, location, name, "external")
    spark.sql(f"drop table {name}")


def rdd(spark: Any, location: str, _name: str) -> None:
    spark.sparkContext.parallelize(["a", "b"], 1).saveAsTextFile(location)


def jvm_rdd(spark: Any, location: str, _name: str) -> None:
    spark.sparkContext.parallelize(["a", "b"], 1)._jrdd.saveAsTextFile(location)


def model(_spark: Any, location: str, _name: str) -> None:
    from pyspark.ml.feature import Tokenizer

    Tokenizer(inputCol="a", outputCol="b").save(location)


def hadoop_file(spark: Any, location: str, _name: str) -> None:
    path = spark._jvm.org.apache.hadoop.fs.Path(location + "/file")
    stream = path.getFileSystem(spark._jsparkSession.sessionState().newHadoopConf()).create(path)
    stream.write(120)
    stream.close()


# --- writers for sequences: what changes the location of the step before


def guarded(_spark: Any, location: str, bypass: BypassCase, _before: str) -> None:
    target = location.replace("s3a://", "s3://")
    if isinstance(bypass.job, GlueApiRun):
        from glue_secure.dynamicframe import DynamicFrame

        context = bypass.job.context
        frame = DynamicFrame.fromDF(bypass.frame(), context, "frame")
        context.write_dynamic_frame.from_options(frame, "s3", {"path": target}, format="parquet")
    else:
        bypass.job.write.s3(bypass.frame(), target, format="parquet")


def overwrite_before(spark: Any, _location: str, _bypass: BypassCase, before: str) -> None:
    spark.range(2).write.mode("overwrite").parquet(before)


def rename_before(spark: Any, location: str, _bypass: BypassCase, before: str) -> None:
    source, target = (spark._jvm.org.apache.hadoop.fs.Path(path) for path in (before, location))
    system = source.getFileSystem(spark._jsparkSession.sessionState().newHadoopConf())
    if system.exists(source):
        system.rename(source, target)


def delete_before(_spark: Any, _location: str, _bypass: BypassCase, before: str) -> None:
    bucket, _, prefix = before.removeprefix("s3a://").partition("/")
    boto3.resource("s3").Bucket(bucket).objects.filter(Prefix=prefix).delete()


CHANGES = {
    function.__name__: function for function in (guarded, overwrite_before, rename_before, delete_before)
}


# --- encryption settings of Spark, which are put back at the end of the block


@contextlib.contextmanager
def spark_settings(session: Any, kind: str, bypass: BypassCase) -> Iterator[None]:
    """Change the encryption settings of the context and of a session for a block."""
    changed = {
        "aes256": {_ALGORITHM: "AES256", _KEY: ""},
        "other_key": {_ALGORITHM: "SSE-KMS", _KEY: bypass.other},
        "endpoint": {
            "fs.s3a.endpoint": "http://127.0.0.1:9",
            "fs.s3a.connection.ssl.enabled": "false",
            "fs.s3a.attempts.maximum": "0",
            "fs.s3a.retry.limit": "0",
        },
    }.get(kind, {})
    if not changed:
        yield
        return
    before = {name: session.conf.get(name, None) for name in changed}
    with hadoop(session, **{_UNCACHED: "true", **changed}):
        for name, text in changed.items():
            session.conf.set(name, text)
        try:
            yield
        finally:
            for name, text in before.items():
                if text is None:
                    session.conf.unset(name)
                else:
                    session.conf.set(name, text)


# --- boto3


def _boto3(row: Combination, bypass: BypassCase, location: str) -> None:
    writer = row.writer
    bucket, _, key = location.partition("://")[2].partition("/")
    encryption = {
        "aes256": {"ServerSideEncryption": "AES256"},
        "other_key": {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": bypass.other},
        "customer_key": {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32},
    }.get(row.encryption, {})
    if row.place in ("executor", "executor_killed"):
        is_killed = row.place == "executor_killed"

        def put(_number: int) -> None:
            import os
            import signal

            import boto3
            from pyspark import TaskContext

            attempt = TaskContext.get().attemptNumber()
            boto3.client("s3").put_object(Bucket=bucket, Key=f"{key}-{attempt}", Body=b"x", **encryption)
            if is_killed and not attempt:
                os.kill(os.getpid(), signal.SIGKILL)

        bypass.spark.sparkContext.parallelize([1], 1).foreach(put)
    elif row.place == "subprocess":
        code = f"boto3.client('s3').put_object(Bucket={bucket!r}, Key={key!r}, Body=b'x', **{encryption!r})"
        subprocess.run([sys.executable, "-c", f"import boto3; {code}"], check=True, capture_output=True)
    elif writer == "put":
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=b"x", **encryption)
    elif writer == "resource":
        boto3.resource("s3").Object(bucket, key).put(Body=b"x", **encryption)
    elif writer == "copy":
        source = bypass.bench.source.removeprefix("s3://") + "a.csv"
        boto3.client("s3").copy_object(Bucket=bucket, Key=key, CopySource=source, **encryption)
    else:
        config = TransferConfig(multipart_threshold=1, multipart_chunksize=5 * 2**20)
        body = io.BytesIO(b"x" * 6 * 2**20)
        boto3.client("s3").upload_fileobj(body, bucket, key, Config=config, ExtraArgs=encryption)


# --- places


def step(row: Combination, bypass: BypassCase, number: int = 0) -> None:
    """Run one step. A thread's error is lost; every other error is raised.

    Args:
        row: the step.
        bypass: the run.
        number: distinguishes the locations and tables of the steps of one run.
    """
    reserved = f"s3a://{RESERVED}/{bypass.bench.name}"
    location = (reserved if row.encryption == "reserved" else bypass.out) + f"/{row.writer}-{number}"
    name = f"{bypass.table}_{number}"
    locations = bypass.bench.__dict__.setdefault("locations", [])
    before = locations[-1] if locations else location
    locations.append(location)

    def write(session: Any) -> None:
        if row.writer in BOTO3:
            _boto3(row, bypass, location)
            return
        with spark_settings(session, row.encryption, bypass):
            if row.writer in CHANGES:
                CHANGES[row.writer](session, location, bypass, before)
            else:
                globals()[row.writer](session, location, name)

    def lost() -> None:
        with contextlib.suppress(Exception):
            write(bypass.spark)

    if row.place in ("thread", "late"):
        thread = threading.Thread(target=lost)
        thread.start()
        if row.place == "thread":
            thread.join()
        else:
            bypass.bench.__dict__.setdefault("late", []).append(thread)
    elif row.place == "session":
        write(bypass.spark.newSession())
    elif row.place == "batch":
        in_batch(bypass, write, number)
    else:
        write(bypass.spark)


def in_batch(bypass: BypassCase, write: Any, number: int) -> None:
    """Run ``write`` in foreachBatch of a stream over the run's source."""
    stream = bypass.spark.readStream.text(bypass.bench.source.replace("s3://", "s3a://"))
    batch = stream.writeStream.trigger(availableNow=True).foreachBatch(
        lambda frame, _number: write(frame.sparkSession)
    )
    batch.option("checkpointLocation", f"{bypass.out}-checkpoint-{number}").start().awaitTermination()


# --- runs of both APIs


class GlueApiRun:
    """A run of ``Job(glueContext)`` as a block, which ends as a script's end would end it."""

    def __init__(self, bench: Any) -> None:
        from glue_secure.context import GlueContext
        from glue_secure.job import Job

        before, sys.argv = sys.argv, bench.argv()
        try:
            self.context = GlueContext(bench.spark)
            self.job = Job(self.context)
            self.job.init(bench.name, {})
        finally:
            sys.argv = before
        self.context.create_dynamic_frame.from_options(
            "s3",
            {"paths": [bench.source], "recurse": True},
            format="csv",
            format_options={"withHeader": True},
            transformation_ctx="flights",
        )

    def __enter__(self) -> GlueApiRun:
        return self

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        if error is None:
            try:
                self.job.commit()
            except Exception as refused:
                self.context.secured_run.close(refused)
                raise
            return
        cause = self.context.secured_run.close(error)
        if cause is not None and cause is not error:
            raise cause


def start(api: str, bench: Any, aws: Any, key: str, other: str, local: Any) -> BypassCase:
    """Start a run of an API that has read under a bookmark."""
    if api == "glue":
        job: Any = GlueApiRun(bench)
    else:
        job = bench.job("source", "target")
        job.read.s3(job.args.source, format="csv", bookmark="flights")
    return case_of(bench, aws, key, other, local, job)


def refusal(error: BaseException | None) -> BaseException | None:
    """Return the refusal that an error of Spark quotes, else the error."""
    if error is None or isinstance(error, ControlError):
        return error
    return refusal_in(str(error)) or error


def run_row(row: Combination, *given: Any) -> tuple[BypassCase, BaseException | None]:
    """Run one combination, and return its run and the error that it ended with.

    Args:
        row: the combination.
        given: the arguments of :func:`start` after the API.
    """
    bench = given[0]
    bench.land("a.csv", CSV)
    spark_outside = row.encryption in ("before_init", "after_commit") and row.writer not in BOTO3
    # The sessions of tests allow writes outside of runs; a job's session does not.
    outside = spark_outside and bench.spark.conf.get("spark.glueSecure.outsideRuns", "") == "allow"
    guard = bench.spark._jvm.gluesecure.guard.Guard
    if outside:
        guard.checkOutsideRuns(True)
    bypass = case_of(*given)
    try:
        if row.encryption == "before_init":
            step(row, bypass)
        bypass = start(row.api, *given)
        with bypass.job:
            if row.encryption not in ("before_init", "after_commit"):
                step(row, bypass)
        if row.encryption == "after_commit":
            step(row, bypass)
    except Exception as error:
        return bypass, refusal(error)
    finally:
        if outside:
            guard.checkOutsideRuns(False)
    return bypass, None


# --- what S3 contains afterwards


def stored(aws: Any, *, below: str = "") -> dict[tuple[str, str], tuple[Any, ...]]:
    """Return ETag, time and size of every object whose key contains a text, by bucket and key."""
    s3, objects = aws("s3"), {}
    for bucket in (entry["Name"] for entry in s3.list_buckets()["Buckets"]):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for entry in page.get("Contents", ()):
                if below in entry["Key"]:
                    state = entry["ETag"], entry["LastModified"], entry["Size"]
                    objects[bucket, entry["Key"]] = state
    return objects


def not_under_key(aws: Any, names: Any, key: str) -> list[str]:
    """Return the objects that are not SSE-KMS under the key."""
    found = []
    for bucket, name in names:
        head = aws("s3").head_object(Bucket=bucket, Key=name)
        encryption = head.get("ServerSideEncryption", ""), head.get("SSEKMSKeyId", "")
        if encryption != ("aws:kms", key):
            found.append(f"{bucket}/{name} {encryption}")
    return found


def unrecorded(bypass: BypassCase, names: Any) -> list[str]:
    """Return the objects that no evidence of the run's job lists. Markers of folders are not listed."""
    recorded = {
        entry["uri"]
        for evidence in bypass.bench.evidence()
        for write in evidence["writes"]
        for entry in write["objects"]
    }
    uris = (f"s3://{bucket}/{name}" for bucket, name in names if not name.endswith("/"))
    return sorted(set(uris) - recorded)


def assert_expected(
    row: Combination, bypass: BypassCase, error: BaseException | None, *, guarded: bool
) -> None:
    """Assert that a combination ended as the matrix says, and that S3 and the evidence agree with it.

    Args:
        row: the combination.
        bypass: its run.
        error: the error that the run ended with.
        guarded: whether Spark has the request guard.
    """
    outcome, control = row.expected(guarded=guarded)
    evidence = bypass.bench.evidence()
    written = [
        (bucket, key)
        for bucket, key in stored(bypass.aws, below=bypass.bench.name)
        if not key.startswith(("evidence/job=", "bookmarks/")) and not key.endswith("/a.csv")
    ]
    wrong = not_under_key(bypass.aws, written, bypass.key)
    if guarded or outcome != "detected":
        assert not wrong, wrong
    if outcome == "encrypted":
        assert error is None, repr(error)
        assert evidence[-1]["outcome"] == "succeeded", evidence[-1]["outcome"]
        assert evidence[-1]["request_guard"]["verification"] == ("receipts" if guarded else "listings"), (
            evidence[-1]["request_guard"]
        )
        assert evidence[-1]["request_guard"]["python_workers"] == "guarded"
        assert any(not key.endswith("/") for _, key in written), "nothing was written"
        missing = unrecorded(bypass, written)
        assert not missing, missing
        controls = {entry["control"] for entry in evidence[-1]["controls"]}
        assert control in controls, controls
        return
    if control == USAGE_ERROR:
        assert isinstance(error, UsageError), f"{row.name} was not rejected: {error!r}"
        assert "has ended" in str(error), error
    else:
        assert isinstance(error, ControlError), f"not detected: {error!r}; not under the key: {wrong}"
        assert control in {error.control, *error.also}, error
    if outcome == "rejected":
        files = [key for _, key in written if not key.endswith("/") and "-checkpoint-" not in key]
        assert not files, files
    if row.encryption != "after_commit":
        moved = [run["bookmark"] for run in evidence if run["bookmark"]["sequence_after"]]
        assert not moved, moved


def is_of_the_run(error: BaseException | None) -> bool:
    """Return whether glue-secure ended the run with the error."""
    return isinstance(error, GlueSecureError)


__all__ = [
    "CURATED",
    "assert_expected",
    "is_of_the_run",
    "not_under_key",
    "run_row",
    "start",
    "step",
    "stored",
    "unrecorded",
]
