"""SecureJob on a Spark session and the embedded account."""

import contextlib

import pytest
from pyspark.sql import functions as F

from glue_secure import RefusedError, UsageError
from glue_secure.errors import EngineError

CSV = "carrier,delay\nUA,3\nAA,5\n"


def copy(glue_job, **options):
    with glue_job.job("source", "target") as job:
        rows = job.read.s3(job.args.source, format="csv", bookmark="flights")
        record = job.write.s3(rows, job.args.target, format="parquet", **options)
    return record, glue_job.evidence()[-1]


def test_every_object_of_a_write_is_sse_kms_under_the_runs_key(glue_job, provisioned):
    glue_job.land("a.csv", CSV)
    record, evidence = copy(glue_job)
    objects = glue_job.objects()
    assert record.rows == 2
    assert len(record.objects) == len(objects) > 0
    assert {(seen["algorithm"], seen["key"]) for seen in objects.values()} == {
        ("aws:kms", provisioned.data_key)
    }
    assert evidence["outcome"] == "succeeded"
    assert evidence["account"] == "embedded"
    assert [read["rows"] for read in evidence["reads"]] == [2]


def test_a_second_run_reads_only_what_landed_since(glue_job):
    glue_job.land("a.csv", CSV)
    copy(glue_job)
    glue_job.land("b.csv", "carrier,delay\nDL,8\n")
    record, evidence = copy(glue_job)
    assert record.rows == 1
    assert evidence["bookmark"]["sequence_after"] == 2
    assert sorted(row.carrier for row in glue_job.read().collect()) == ["AA", "DL", "UA"]


def test_a_run_without_new_objects_reads_and_writes_nothing(glue_job):
    glue_job.land("a.csv", CSV)
    copy(glue_job)
    before = glue_job.objects()
    record, evidence = copy(glue_job)
    assert (record.rows, record.objects) == (0, ())
    assert glue_job.objects() == before
    assert [read["rows"] for read in evidence["reads"]] == [0]
    assert evidence["bookmark"]["sequence_after"] == evidence["bookmark"]["sequence_before"] == 1


def test_a_frame_without_new_objects_has_the_columns_of_the_source(glue_job):
    glue_job.land("a.csv", CSV)
    copy(glue_job)
    with glue_job.job("source") as job:
        rows = job.read.s3(job.args.source, format="csv", bookmark="flights")
        assert rows.columns == ["carrier", "delay"]
        assert rows.groupBy("carrier").agg(F.sum("delay")).count() == 0


def test_an_exception_in_the_block_commits_nothing_and_is_in_the_evidence(glue_job):
    glue_job.land("a.csv", CSV)
    with pytest.raises(ZeroDivisionError), glue_job.job("source") as job:
        job.read.s3(job.args.source, format="csv", bookmark="flights").count()
        raise ZeroDivisionError
    evidence = glue_job.evidence()[-1]
    assert evidence["outcome"] == "failed"
    assert evidence["error"] == {"type": "ZeroDivisionError"}
    assert evidence["bookmark"]["sequence_after"] == 0
    record, _ = copy(glue_job)
    assert record.rows == 2


def test_a_failed_write_that_the_script_catches_commits_nothing(glue_job):
    glue_job.land("a.csv", CSV)
    with (
        pytest.raises(EngineError, match="the script continued"),
        glue_job.job("source", "target") as job,
    ):
        rows = job.read.s3(job.args.source, format="csv", bookmark="flights")
        with contextlib.suppress(Exception):
            job.write.s3(rows.select(F.raise_error("no").alias("x")), job.args.target, format="parquet")
    assert glue_job.evidence()[-1]["bookmark"]["sequence_after"] == 0
    assert glue_job.evidence()[-1]["outcome"] == "failed"


def test_gs_s3_001_a_setting_changed_after_init_refuses_the_write(glue_job):
    glue_job.land("a.csv", CSV)
    with pytest.raises(RefusedError, match="GS-S3-001"), glue_job.job("source", "target") as job:
        rows = job.read.s3(job.args.source, format="csv")
        job.spark.conf.set("fs.s3a.encryption.algorithm", "AES256")
        job.write.s3(rows, job.args.target, format="parquet")
    assert glue_job.objects() == {}


def test_gs_s3_003_a_per_bucket_setting_refuses_the_run(glue_job):
    conf = glue_job.spark.sparkContext._jsc.hadoopConfiguration()
    name = "fs.s3a.bucket.glue-secure-curated.encryption.algorithm"
    conf.set(name, "AES256")
    try:
        with pytest.raises(RefusedError, match="GS-S3-003"):
            glue_job.job("source")
    finally:
        conf.unset(name)


def test_gs_s3_008_a_client_made_before_init_is_replaced(glue_job, provisioned):
    spark = glue_job.spark
    glue_job.land("a.csv", CSV)
    conf = spark.sparkContext._jsc.hadoopConfiguration()
    for name in ("fs.s3a.encryption.algorithm", "fs.s3a.encryption.key"):
        conf.unset(name)
        spark.conf.unset(name)
    uri = spark._jvm.java.net.URI(glue_job.target.replace("s3://", "s3a://"))
    spark._jvm.org.apache.hadoop.fs.FileSystem.get(uri, conf).close()
    spark._jvm.org.apache.hadoop.fs.FileSystem.get(uri, conf)  # cached now, without encryption
    copy(glue_job)
    assert {seen["key"] for seen in glue_job.objects().values()} == {provisioned.data_key}


def test_a_write_by_spark_uses_no_client_made_before_init(glue_job, provisioned, without_request_guard):
    spark = glue_job.spark
    glue_job.land("a.csv", CSV)
    conf = spark.sparkContext._jsc.hadoopConfiguration()
    for name in ("fs.s3a.encryption.algorithm", "fs.s3a.encryption.key"):
        conf.unset(name)
        spark.conf.unset(name)
    out = glue_job.target.replace("s3://", "s3a://") + "native"
    file_system = spark._jvm.org.apache.hadoop.fs.FileSystem
    file_system.get(spark._jvm.java.net.URI(out), conf).close()
    file_system.get(spark._jvm.java.net.URI(out), conf)  # cached now, without encryption
    with glue_job.job("source") as job:
        job.read.s3(job.args.source, format="csv").write.parquet(out)
    keys = {seen["key"] for name, seen in glue_job.objects().items() if not name.endswith("/")}
    assert keys == {provisioned.data_key}


@pytest.mark.parametrize(
    "target",
    ["file:///tmp/out", "/tmp/out", "hdfs://namenode/out", "out"],
    ids=["file", "path", "hdfs", "relative"],
)
def test_gs_s3_006_only_s3_is_written_to(glue_job, target):
    glue_job.land("a.csv", CSV)
    with pytest.raises(RefusedError, match="GS-S3-006"), glue_job.job("source") as job:
        job.write.s3(job.read.s3(job.args.source, format="csv"), target, format="csv")


def test_a_misspelt_option_is_rejected(glue_job):
    glue_job.land("a.csv", CSV)
    with pytest.raises(UsageError, match="seperator"), glue_job.job("source") as job:
        job.read.s3(job.args.source, format="csv", options={"seperator": ";"})


def test_object_names_with_glob_characters_are_literal(glue_job):
    glue_job.land("a[1].csv", CSV)
    glue_job.land("a1.csv", "carrier,delay\nDL,8\n")
    glue_job.land("b {x}, y.csv", "carrier,delay\nB6,1\n")
    record, _ = copy(glue_job)
    assert record.rows == 4


def test_partition_directories_of_the_source_become_columns(glue_job):
    glue_job.land("month=1/a.csv", CSV)
    glue_job.land("month=2/a.csv", CSV)
    with glue_job.job("source") as job:
        rows = job.read.s3(job.args.source, format="csv", bookmark="flights")
        assert {(row.month, row["count"]) for row in rows.groupBy("month").count().collect()} == {
            (1, 2),
            (2, 2),
        }


def test_an_overwrite_of_what_the_frame_reads_deletes_nothing(glue_job):
    glue_job.land("a.csv", CSV)
    target = f"{glue_job.target}out/"
    with pytest.raises(UsageError, match="overwrite of"), glue_job.job("source") as job:
        rows = job.read.s3(job.args.source, format="csv", bookmark="flights")
        job.write.s3(rows, target, format="parquet", partition_by="carrier", mode="overwrite")
        before = glue_job.objects()
        read = job.spark.read.parquet(target.replace("s3://", "s3a://"))
        read.createOrReplaceTempView("written")
        for frame in (
            read,
            read.cache().filter("delay > 3"),
            read.rdd.toDF(),
            rows.join(read, "delay"),
            job.spark.sql("select 1 as x where 3 in (select delay from written)"),
        ):
            for overlapping in (target, f"{target}carrier=UA/", glue_job.target):
                with pytest.raises(UsageError, match="overwrite of"):
                    job.write.s3(frame, overlapping, format="parquet", mode="overwrite")
        assert glue_job.objects() == before


def test_overwrites_that_lose_nothing(glue_job, provisioned, request):
    glue_job.land("a.csv", CSV)
    target = f"{glue_job.target}out/"

    def copy(**options):
        with glue_job.job("source") as job:
            rows = job.read.s3(job.args.source, format="csv", bookmark="flights")
            return job.write.s3(rows, target, format="parquet", partition_by="carrier", **options)

    def delays():
        return sorted(
            row.delay for row in glue_job.spark.read.parquet(target.replace("s3", "s3a", 1)).collect()
        )

    copy(mode="overwrite")
    assert copy(mode="overwrite").objects == ()
    assert delays() == ["3", "5"]
    glue_job.land("b.csv", "carrier,delay\nUA,8\n")
    assert copy(mode="overwrite_partitions").rows == 1
    assert delays() == ["5", "8"]
    with glue_job.job("source") as job:
        read = job.spark.read.parquet(target.replace("s3", "s3a", 1))
        replaced = read.withColumn("delay", F.lit("1"))
        # The partitions of the frame's own source are replaced after the frame is computed.
        job.write.s3(replaced, target, format="parquet", mode="overwrite_partitions", partition_by="carrier")
        job.spark.sparkContext.setCheckpointDir(f"{glue_job.target}checkpoints/".replace("s3", "s3a", 1))
        request.addfinalizer(lambda: _unset_checkpoint_directory(glue_job.spark))
        stored = job.spark.read.parquet(target.replace("s3", "s3a", 1)).checkpoint()
        job.write.s3(stored.limit(1), target, format="parquet", mode="overwrite")
    assert delays() == ["1"]
    copy(mode="overwrite", overwrite_with_nothing=True)
    assert not any("carrier" in key or ".parquet" in key for key in glue_job.objects() if "/out/" in key)
    assert {seen["key"] for seen in glue_job.objects().values()} == {provisioned.data_key}


def _unset_checkpoint_directory(spark):
    """Unset the directory, which Spark's own API cannot, so that later runs of the session do not have it."""
    context = spark.sparkContext
    getattr(context._jsc.sc(), "checkpointDir_$eq")(context._jvm.scala.Option.empty())


def test_unreadable_objects_are_named_in_a_few_lines(glue_job):
    for name in ("x.parquet", "x.orc", "x.csv.gz"):
        glue_job.land(f"{name.split('.')[1]}/day one/{name}", b"none of these formats, and long enough")
    with pytest.raises(EngineError), glue_job.job("source") as job:
        for format, schema in (("parquet", None), ("orc", None), ("csv", None), ("parquet", "a int")):
            source = f"{job.args.source}{format}/"
            with pytest.raises(EngineError, match="cause: ") as caught:
                rows = job.read.s3(source, format=format, schema=schema)
                job.write.s3(rows, f"{glue_job.target}{format}/", format="parquet")
            lines = str(caught.value).splitlines()
            assert "read it in the format that it has" in lines[-2]
            assert glue_job.name in str(caught.value)
            assert len(lines) < 10
    # The cause, which may quote data, is not in the evidence.
    message = f"write to {glue_job.target}parquet/ failed"
    assert glue_job.evidence()[-1]["error"] == {"type": "EngineError", "message": message}
