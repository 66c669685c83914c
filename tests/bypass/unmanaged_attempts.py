"""Bypass attempts through Spark: writes that a script makes outside glue-secure."""

from __future__ import annotations

import contextlib
import warnings

from pyspark.sql import functions as F


def _writes(format, **options):
    def act(bypass):
        frame = bypass.frame().selectExpr("cast(id as string) as id")
        frame.write.format(format).options(**options).save(bypass.out)

    return act


parquet, csv, json, orc, text = map(_writes, ("parquet", "csv", "json", "orc", "text"))


def overwrite(bypass):
    for _ in range(2):
        bypass.frame().write.mode("overwrite").parquet(bypass.out)


def partitioned(bypass):
    bypass.frame().selectExpr("id", "id as day").write.partitionBy("day").csv(bypass.out)


def version_2_sources(bypass):
    bypass.spark.conf.set("spark.sql.sources.useV1SourceList", "")
    try:
        bypass.frame().write.parquet(bypass.out)
    finally:
        bypass.spark.conf.unset("spark.sql.sources.useV1SourceList")


def save_as_table_with_path(bypass):
    bypass.frame().write.option("path", bypass.out).saveAsTable(bypass.table)


def save_as_table_in_the_warehouse(bypass):
    bypass.frame().write.saveAsTable(bypass.table)


def create_table_as_select(bypass):
    bypass.spark.sql(f"create table {bypass.table} using parquet location '{bypass.out}' as select 1 as a")


def insert_into(bypass):
    bypass.spark.sql(f"create table {bypass.table} (id bigint) using parquet location '{bypass.out}'")
    bypass.spark.sql(f"insert into {bypass.table} values (1)")


def insert_into_a_partition_elsewhere(bypass):
    bypass.spark.sql(
        f"create table {bypass.table} (a int, day int) using csv partitioned by (day) location '{bypass.out}'"
    )
    bypass.spark.sql(f"alter table {bypass.table} add partition (day=1) location '{bypass.out}-elsewhere'")
    bypass.spark.sql(f"insert into {bypass.table} partition (day=1) values (5)")


def insert_overwrite_directory(bypass):
    bypass.spark.sql(f"insert overwrite directory '{bypass.out}' using csv select 1")


def insert_overwrite_local_directory(bypass):
    bypass.spark.sql(f"insert overwrite local directory '{bypass.local}/out' using csv select 1")


def write_to_create(bypass):
    bypass.frame().writeTo(bypass.table).using("parquet").create()


def pandas_on_spark(bypass):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas and NumPy, about their next versions
        frame = bypass.frame().pandas_api()
        frame.to_parquet(f"{bypass.out}/parquet")
        frame.to_csv(f"{bypass.out}/csv")
        frame.spark.to_spark_io(f"{bypass.out}/orc", format="orc")


def noop(bypass):
    bypass.frame().write.format("noop").mode("overwrite").save()


def local_disk(bypass):
    bypass.frame().write.parquet(f"file://{bypass.local}/out")


def local_disk_that_failed(bypass):
    with contextlib.suppress(Exception):
        bypass.frame().select(F.raise_error(F.lit("stop")).cast("string")).write.csv(
            f"file://{bypass.local}/out"
        )


def jdbc(bypass):
    options = {"url": f"jdbc:derby:memory:{bypass.table};create=true", "dbtable": "x"}
    writer = bypass.frame().write.format("jdbc").options(**options)
    writer.option("driver", "org.apache.derby.jdbc.EmbeddedDriver").save()


def aes256_then_settings_put_back(bypass):
    with bypass.unencrypted():
        bypass.spark.conf.set("fs.s3a.encryption.algorithm", "AES256")
        bypass.spark.conf.set("fs.s3a.encryption.key", "")
        bypass.frame().write.csv(bypass.out)
    bypass.spark.conf.set("fs.s3a.encryption.algorithm", "SSE-KMS")
    bypass.spark.conf.set("fs.s3a.encryption.key", bypass.key)


def another_key_then_settings_put_back(bypass):
    with bypass.hadoop(fs_s3a_impl_disable_cache="true"):
        bypass.spark.conf.set("fs.s3a.encryption.key", bypass.other)
        bypass.frame().write.csv(bypass.out)
    bypass.spark.conf.set("fs.s3a.encryption.key", bypass.key)


def options_of_one_write(bypass):
    bypass.frame().write.option("fs.s3a.impl.disable.cache", "true").option(
        "fs.s3a.encryption.key", bypass.other
    ).csv(bypass.out)


def failed_write_that_left_bytes(bypass):
    with bypass.unencrypted():
        bypass.spark.conf.set("fs.s3a.encryption.algorithm", "AES256")
        bypass.spark.conf.set("fs.s3a.encryption.key", "")
        bad = bypass.spark.range(0, 4, 1, 2).selectExpr(
            "if(id >= 2, raise_error('stop'), cast(id as string)) as x"
        )
        with contextlib.suppress(Exception):
            bad.write.option("mapreduce.fileoutputcommitter.cleanup.skipped", "true").csv(bypass.out)
        # What Spark cleans up is gone; an upload of its own stands for what it may leave.
        bypass.aws("s3").put_object(
            Bucket=bypass.bucket, Key=f"{bypass.prefix}/_temporary/0/part-0", Body=b"x"
        )
    bypass.spark.conf.set("fs.s3a.encryption.algorithm", "SSE-KMS")
    bypass.spark.conf.set("fs.s3a.encryption.key", bypass.key)


def settings_changed_and_left(bypass):
    bypass.spark.conf.set("fs.s3a.encryption.algorithm", "AES256")
    bypass.frame().write.csv(bypass.out)


def new_session(bypass):
    bypass.spark.newSession().range(2).write.csv(bypass.out)


def new_session_with_another_key(bypass):
    with bypass.hadoop(fs_s3a_impl_disable_cache="true"):
        other = bypass.spark.newSession()
        other.conf.set("fs.s3a.encryption.algorithm", "SSE-KMS")
        other.conf.set("fs.s3a.encryption.key", bypass.other)
        other.range(2).write.csv(bypass.out)


def listener_taken_off(bypass):
    bypass.spark._jsparkSession.listenerManager().clear()
    bypass.frame().write.csv(f"file://{bypass.local}/out")


def _rdd(bypass):
    return bypass.spark.sparkContext.parallelize([("a", 1), ("b", 2)], 1)


def save_as_text_file(bypass):
    _rdd(bypass).saveAsTextFile(bypass.out)


def save_as_pickle_file(bypass):
    _rdd(bypass).saveAsPickleFile(path=bypass.out)


def save_as_sequence_file(bypass):
    _rdd(bypass).saveAsSequenceFile(bypass.out)


def save_as_hadoop_file(bypass):
    _rdd(bypass).saveAsHadoopFile(bypass.out, "org.apache.hadoop.mapred.TextOutputFormat")


def save_as_new_api_hadoop_file(bypass):
    _rdd(bypass).saveAsNewAPIHadoopFile(bypass.out, "org.apache.hadoop.mapreduce.lib.output.TextOutputFormat")


def save_as_hadoop_dataset(bypass):
    _rdd(bypass).saveAsHadoopDataset(
        {
            "mapred.output.dir": bypass.out,
            "mapred.output.format.class": "org.apache.hadoop.mapred.TextOutputFormat",
        }
    )


def rdd_to_local_disk(bypass):
    _rdd(bypass).saveAsTextFile(f"file://{bypass.local}/out")


def rdd_under_another_key(bypass):
    with bypass.hadoop(fs_s3a_impl_disable_cache="true", fs_s3a_encryption_key=bypass.other):
        _rdd(bypass).saveAsTextFile(bypass.out)


def rdd_by_the_jvm(bypass):
    _rdd(bypass)._jrdd.saveAsTextFile(bypass.out)


def rdd_dataset_by_local_disk(bypass):
    _rdd(bypass).saveAsNewAPIHadoopDataset(
        {
            "mapreduce.output.fileoutputformat.outputdir": f"file://{bypass.local}/out",
            "mapreduce.job.outputformat.class": "org.apache.hadoop.mapreduce.lib.output.TextOutputFormat",
        }
    )


def checkpoint_on_local_disk(bypass):
    bypass.spark.sparkContext.setCheckpointDir(f"{bypass.local}/checkpoints")


def checkpoint_in_s3(bypass):
    bypass.spark.sparkContext.setCheckpointDir(bypass.out)
    bypass.frame().checkpoint()


def _stream(bypass):
    bypass.aws("s3").put_object(
        Bucket=bypass.bucket,
        Key=f"{bypass.prefix}-in/a.txt",
        Body=b"x\n",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=bypass.key,
    )
    return bypass.spark.readStream.text(f"{bypass.out}-in").writeStream.trigger(availableNow=True)


def stream_to_files(bypass):
    writer = _stream(bypass).format("csv").option("checkpointLocation", f"{bypass.out}-c")
    writer.start(bypass.out).awaitTermination()


def stream_to_local_files(bypass):
    writer = _stream(bypass).format("csv").option("checkpointLocation", f"{bypass.out}-c")
    writer.start(f"{bypass.local}/out").awaitTermination()


def stream_checkpoint_on_local_disk(bypass):
    writer = _stream(bypass).foreachBatch(lambda frame, number: None)
    writer.option("checkpointLocation", f"{bypass.local}/c").start().awaitTermination()


def stream_without_checkpoint(bypass):
    _stream(bypass).foreachBatch(lambda frame, number: None).start().awaitTermination()


def foreach_batch_to_local_disk(bypass):
    def batch(frame, _number):
        frame.write.mode("append").csv(f"file://{bypass.local}/out")

    writer = _stream(bypass).foreachBatch(batch).option("checkpointLocation", f"{bypass.out}-c")
    writer.start().awaitTermination()


def foreach_batch_to_s3(bypass):
    def batch(frame, _number):
        frame.write.mode("append").csv(bypass.out)

    writer = _stream(bypass).foreachBatch(batch).option("checkpointLocation", f"{bypass.out}-c")
    writer.start().awaitTermination()


def stream_left_running(bypass):
    writer = bypass.spark.readStream.format("rate").load().writeStream.format("csv")
    query = (
        writer.option("checkpointLocation", f"{bypass.out}-c")
        .trigger(processingTime="1 hour")
        .start(bypass.out)
    )
    bypass.bench.ends = [query.stop]


def stream_to_memory(bypass):
    _stream(bypass).format("memory").queryName(bypass.table).start().awaitTermination()


def custom_write(bypass):
    bypass.job.write.custom(bypass.out, lambda: _rdd(bypass)._jrdd.saveAsTextFile(bypass.out))
