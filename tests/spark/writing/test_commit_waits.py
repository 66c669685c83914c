"""A commit while Spark works, and writes that failed or were repeated."""

from __future__ import annotations

import threading

import pytest
from pyspark.sql import functions as F

from glue_secure.core.errors import GlueSecureError, RefusedError, VerificationError
from glue_secure.run import run as run_module


@pytest.fixture
def started(glue_job):
    """Return the job, a started run that has read under a bookmark, and a location to write to."""
    glue_job.land("in.csv", "id,day\n1,a\n2,b\n")
    job = glue_job.job("source", "target")
    job.read.s3(job.args.source, format="csv", bookmark="days")
    yield job, glue_job.target.replace("s3://", "s3a://") + "out"
    job.abandon()


def assert_no_commit(glue_job):
    bookmark = glue_job.evidence()[-1]["bookmark"]
    assert bookmark["sequence_after"] == bookmark["sequence_before"] == 0


def slow(job, seconds):
    wait = F.udf(lambda number: __import__("time").sleep(seconds) or number, "long")
    return job.spark.range(0, 2, 1, 2).select(wait("id").alias("id"))


class Thread(threading.Thread):
    """A thread whose work has been seen active before its creation returns."""

    def __init__(self, job, act):
        super().__init__(target=act, name="slow-writer")
        self.start()
        while not job._run.engine.active_work(0.0):
            assert self.is_alive()


def test_gs_s3_012_a_commit_during_a_write_of_another_thread_is_rejected(started, glue_job, monkeypatch):
    job, out = started
    monkeypatch.setattr(run_module, "ACTIVE_WORK_SECONDS", 1.0)
    thread = Thread(job, lambda: slow(job, 12).write.parquet(out))
    with pytest.raises(VerificationError) as error:
        job.commit()
    thread.join()
    assert error.value.control == "GS-S3-012"
    assert "SQL execution" in error.value.found
    assert "slow-writer" in error.value.found
    assert "thread.join()" in error.value.fix
    assert_no_commit(glue_job)


@pytest.mark.long
def test_a_commit_waits_for_a_write_that_is_about_to_end(started, glue_job, monkeypatch):
    job, out = started
    monkeypatch.setattr(run_module, "ACTIVE_WORK_SECONDS", 120.0)
    thread = Thread(job, lambda: slow(job, 1).write.parquet(out))
    job.commit()
    thread.join()
    writes = glue_job.evidence()[-1]["writes"]
    assert [(write["kind"], write["rows"]) for write in writes] == [("unmanaged", 2)]


@pytest.mark.long
def test_gs_s3_012_a_commit_during_an_rdd_job_names_the_job(started, glue_job, monkeypatch):
    job, _ = started
    monkeypatch.setattr(run_module, "ACTIVE_WORK_SECONDS", 1.0)

    def act():
        job.spark.sparkContext.setJobDescription("load the days")
        job.spark.sparkContext.parallelize([1], 1).foreach(lambda _: __import__("time").sleep(8))

    thread = Thread(job, act)
    with pytest.raises(VerificationError, match="load the days") as error:
        job.commit()
    thread.join()
    assert error.value.control == "GS-S3-012"
    assert_no_commit(glue_job)


def fails_in_a_thread(job, out):
    failing = job.spark.range(1).select(F.raise_error(F.lit("stop")).cast("string").alias("id"))
    thread = threading.Thread(target=lambda: failing.write.csv(out))
    thread.start()
    thread.join()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_write_that_failed_in_a_thread_fails_the_run_unless_it_is_repeated(started, glue_job):
    job, out = started
    fails_in_a_thread(job, out)
    with pytest.raises(GlueSecureError, match="a write by Spark failed"):
        job.commit()
    assert glue_job.evidence()[-1]["outcome"] == "failed"
    assert_no_commit(glue_job)
    with glue_job.job("source", "target") as again:
        fails_in_a_thread(again, out)
        again.spark.range(1).selectExpr("string(id) id").write.mode("overwrite").csv(out)
    assert glue_job.evidence()[-1]["outcome"] == "succeeded"


def test_work_that_stores_nothing_commits(started, glue_job):
    """Console and memory, a sort-merge join without generated code, and a work table that is dropped."""
    job, out = started
    spark, table = job.spark, f"work_{glue_job.name.replace('-', '_')}"
    spark.range(1).write.format("console").mode("append").save()
    for sink in ("console", "memory"):
        rows = spark.readStream.format("rate").load().writeStream.format(sink).queryName(f"sink_{sink}")
        rows.trigger(availableNow=True).start().awaitTermination()
    spark.conf.set("spark.sql.autoBroadcastJoinThreshold", "-1")
    spark.conf.set("spark.sql.codegen.wholeStage", "false")
    try:
        assert len(spark.range(3).join(spark.range(3), "id").sort("id").collect()) == 3
    finally:
        spark.conf.unset("spark.sql.autoBroadcastJoinThreshold")
        spark.conf.unset("spark.sql.codegen.wholeStage")
    spark.sql(f"create table {table} (a int, p int) using parquet partitioned by (p) location '{out}'")
    spark.sql(f"insert into {table} values (1, 1)")
    spark.sql(f"drop table {table}")
    job.commit()
    writes = glue_job.evidence()[-1]["writes"]
    assert [write["target"] for write in writes] == [out.replace("s3a", "s3")]


def test_a_managed_table_that_is_renamed_is_verified_where_it_is(started, glue_job):
    job, out = started
    database = f"db_{glue_job.name.replace('-', '_')}"
    job.spark.sql(f"create database {database} location '{out}'")
    job.spark.sql(f"create table {database}.work (a int) using parquet")
    job.spark.sql(f"insert into {database}.work values (1)")
    job.spark.sql(f"alter table {database}.work rename to {database}.days")
    job.commit()
    job.spark.sql(f"drop database {database} cascade")
    writes = {write["target"]: len(write["objects"]) > 0 for write in glue_job.evidence()[-1]["writes"]}
    assert writes == {f"{out}/work".replace("s3a", "s3"): False, f"{out}/days".replace("s3a", "s3"): True}


@pytest.mark.usefixtures("without_request_guard")
@pytest.mark.parametrize("name", ["foreachBatch", pytest.param("callSite.short", marks=pytest.mark.long)])
def test_gs_s3_012_a_save_by_the_jvm_is_found_whatever_its_job_is_called(started, glue_job, name):
    job, out = started
    context = job.spark.sparkContext

    def save(*_):
        context.parallelize(["a"], 1)._jrdd.saveAsTextFile(out)

    if name == "foreachBatch":
        stream = job.spark.readStream.format("rate").load().writeStream.foreachBatch(save)
        stream.option("checkpointLocation", f"{out}-c").trigger(once=True).start().awaitTermination()
    else:
        context.setLocalProperty(name, "Save model")
        save()
        context.setLocalProperty(name, None)
    with pytest.raises(VerificationError, match="an RDD save"):
        job.commit()
    assert_no_commit(glue_job)


@pytest.mark.long
def test_gs_s3_011_a_custom_write_does_not_cover_an_rdd_save_elsewhere(started, glue_job, tmp_path):
    job, out = started

    def act():
        rows = job.spark.sparkContext.parallelize(["a"], 1)
        rows.saveAsTextFile(f"{out}/inside")
        rows.saveAsTextFile(f"file://{tmp_path}/elsewhere")

    job.write.custom(out, act)
    with pytest.raises(RefusedError) as error:
        job.commit()
    assert error.value.control == "GS-S3-011"
    assert_no_commit(glue_job)


@pytest.fixture
def checked_outside_runs(glue_spark):
    guard = glue_spark._jvm.gluesecure.guard.Guard
    guard.checkOutsideRuns(True)
    yield
    guard.checkOutsideRuns(False)


def test_a_commit_misses_no_object_that_a_thread_stores_through_hadoop(
    started, glue_job, checked_outside_runs
):
    job, out = started
    errors, has_stored = [], threading.Event()
    jvm, conf = job.spark._jvm, job.spark._jsparkSession.sessionState().newHadoopConf()

    def store():
        try:
            for number in range(100_000):
                path = jvm.org.apache.hadoop.fs.Path(f"{out}/{number}")
                stream = path.getFileSystem(conf).create(path)
                stream.write(120)
                stream.close()
                has_stored.set()
        except Exception as error:
            errors.append(str(error))
        finally:
            has_stored.set()

    thread = threading.Thread(target=store)
    thread.start()
    has_stored.wait()
    job.commit()
    thread.join()

    evidence = glue_job.evidence()[-1]
    recorded = {entry["uri"] for write in evidence["writes"] for entry in write["objects"]}
    bucket = glue_job.target.removeprefix("s3://").partition("/")[0]
    stored = {f"s3://{bucket}/{name}" for name in glue_job.objects() if not name.endswith("/")}
    assert {uri for uri in stored if "/out/" in uri} <= recorded
    assert "GS-SEC-007" in errors[0]
    assert "begun to commit" in errors[0]
