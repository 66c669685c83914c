"""Ways out through Spark itself: what a script can write without asking the guard."""

from __future__ import annotations

import contextlib

from pyspark.sql import functions as F


def _writes(format, **options):
    def act(way):
        frame = way.frame().selectExpr("cast(id as string) as id")
        frame.write.format(format).options(**options).save(way.out)

    return act


parquet, csv, json, orc, text = map(_writes, ("parquet", "csv", "json", "orc", "text"))


def overwrite(way):
    for _ in range(2):
        way.frame().write.mode("overwrite").parquet(way.out)


def partitioned(way):
    way.frame().selectExpr("id", "id as day").write.partitionBy("day").csv(way.out)


def version_2_sources(way):
    way.spark.conf.set("spark.sql.sources.useV1SourceList", "")
    try:
        way.frame().write.parquet(way.out)
    finally:
        way.spark.conf.unset("spark.sql.sources.useV1SourceList")


def save_as_table_with_path(way):
    way.frame().write.option("path", way.out).saveAsTable(way.table)


def save_as_table_in_the_warehouse(way):
    way.frame().write.saveAsTable(way.table)


def create_table_as_select(way):
    way.spark.sql(f"create table {way.table} using parquet location '{way.out}' as select 1 as a")


def insert_into(way):
    way.spark.sql(f"create table {way.table} (id bigint) using parquet location '{way.out}'")
    way.spark.sql(f"insert into {way.table} values (1)")


def insert_into_a_partition_elsewhere(way):
    way.spark.sql(
        f"create table {way.table} (a int, day int) using csv partitioned by (day) location '{way.out}'"
    )
    way.spark.sql(f"alter table {way.table} add partition (day=1) location '{way.out}-elsewhere'")
    way.spark.sql(f"insert into {way.table} partition (day=1) values (5)")


def insert_overwrite_directory(way):
    way.spark.sql(f"insert overwrite directory '{way.out}' using csv select 1")


def insert_overwrite_local_directory(way):
    way.spark.sql(f"insert overwrite local directory '{way.local}/out' using csv select 1")


def write_to_create(way):
    way.frame().writeTo(way.table).using("parquet").create()


def noop(way):
    way.frame().write.format("noop").mode("overwrite").save()


def local_disk(way):
    way.frame().write.parquet(f"file://{way.local}/out")


def local_disk_that_failed(way):
    with contextlib.suppress(Exception):
        way.frame().select(F.raise_error(F.lit("stop")).cast("string")).write.csv(f"file://{way.local}/out")


def jdbc(way):
    options = {"url": f"jdbc:derby:memory:{way.table};create=true", "dbtable": "x"}
    writer = way.frame().write.format("jdbc").options(**options)
    writer.option("driver", "org.apache.derby.jdbc.EmbeddedDriver").save()


def bookmark_place(way):
    way.frame().write.mode("append").csv("s3a://glue-secure-evidence/elsewhere-no")


def aes256_then_settings_put_back(way):
    with way.unencrypted():
        way.spark.conf.set("fs.s3a.encryption.algorithm", "AES256")
        way.spark.conf.set("fs.s3a.encryption.key", "")
        way.frame().write.csv(way.out)
    way.spark.conf.set("fs.s3a.encryption.algorithm", "SSE-KMS")
    way.spark.conf.set("fs.s3a.encryption.key", way.key)


def another_key_then_settings_put_back(way):
    with way.hadoop(fs_s3a_impl_disable_cache="true"):
        way.spark.conf.set("fs.s3a.encryption.key", way.other)
        way.frame().write.csv(way.out)
    way.spark.conf.set("fs.s3a.encryption.key", way.key)


def options_of_one_write(way):
    way.frame().write.option("fs.s3a.impl.disable.cache", "true").option(
        "fs.s3a.encryption.key", way.other
    ).csv(way.out)


def failed_write_that_left_bytes(way):
    with way.unencrypted():
        way.spark.conf.set("fs.s3a.encryption.algorithm", "AES256")
        way.spark.conf.set("fs.s3a.encryption.key", "")
        bad = way.spark.range(0, 4, 1, 2).selectExpr(
            "if(id >= 2, raise_error('stop'), cast(id as string)) as x"
        )
        with contextlib.suppress(Exception):
            bad.write.option("mapreduce.fileoutputcommitter.cleanup.skipped", "true").csv(way.out)
        # What Spark cleans up is gone; an upload of its own stands for what it may leave.
        way.aws("s3").put_object(Bucket=way.bucket, Key=f"{way.prefix}/_temporary/0/part-0", Body=b"x")
    way.spark.conf.set("fs.s3a.encryption.algorithm", "SSE-KMS")
    way.spark.conf.set("fs.s3a.encryption.key", way.key)


def settings_changed_and_left(way):
    way.spark.conf.set("fs.s3a.encryption.algorithm", "AES256")
    way.frame().write.csv(way.out)


def new_session(way):
    way.spark.newSession().range(2).write.csv(way.out)


def new_session_with_another_key(way):
    with way.hadoop(fs_s3a_impl_disable_cache="true"):
        other = way.spark.newSession()
        other.conf.set("fs.s3a.encryption.algorithm", "SSE-KMS")
        other.conf.set("fs.s3a.encryption.key", way.other)
        other.range(2).write.csv(way.out)


def listener_taken_off(way):
    way.spark._jsparkSession.listenerManager().clear()
    way.frame().write.csv(f"file://{way.local}/out")


def _rdd(way):
    return way.spark.sparkContext.parallelize([("a", 1), ("b", 2)], 1)


def save_as_text_file(way):
    _rdd(way).saveAsTextFile(way.out)


def save_as_pickle_file(way):
    _rdd(way).saveAsPickleFile(path=way.out)


def save_as_sequence_file(way):
    _rdd(way).saveAsSequenceFile(way.out)


def save_as_hadoop_file(way):
    _rdd(way).saveAsHadoopFile(way.out, "org.apache.hadoop.mapred.TextOutputFormat")


def save_as_new_api_hadoop_file(way):
    _rdd(way).saveAsNewAPIHadoopFile(way.out, "org.apache.hadoop.mapreduce.lib.output.TextOutputFormat")


def save_as_hadoop_dataset(way):
    _rdd(way).saveAsHadoopDataset(
        {
            "mapred.output.dir": way.out,
            "mapred.output.format.class": "org.apache.hadoop.mapred.TextOutputFormat",
        }
    )


def rdd_to_local_disk(way):
    _rdd(way).saveAsTextFile(f"file://{way.local}/out")


def rdd_under_another_key(way):
    with way.hadoop(fs_s3a_impl_disable_cache="true", fs_s3a_encryption_key=way.other):
        _rdd(way).saveAsTextFile(way.out)


def rdd_by_the_jvm(way):
    _rdd(way)._jrdd.saveAsTextFile(way.out)


def rdd_dataset_by_local_disk(way):
    _rdd(way).saveAsNewAPIHadoopDataset(
        {
            "mapreduce.output.fileoutputformat.outputdir": f"file://{way.local}/out",
            "mapreduce.job.outputformat.class": "org.apache.hadoop.mapreduce.lib.output.TextOutputFormat",
        }
    )


def checkpoint_on_local_disk(way):
    way.spark.sparkContext.setCheckpointDir(f"{way.local}/checkpoints")


def checkpoint_in_s3(way):
    way.spark.sparkContext.setCheckpointDir(way.out)
    way.frame().checkpoint()


def _stream(way):
    way.aws("s3").put_object(
        Bucket=way.bucket,
        Key=f"{way.prefix}-in/a.txt",
        Body=b"x\n",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=way.key,
    )
    return way.spark.readStream.text(f"{way.out}-in").writeStream.trigger(availableNow=True)


def stream_to_files(way):
    writer = _stream(way).format("csv").option("checkpointLocation", f"{way.out}-c")
    writer.start(way.out).awaitTermination()


def stream_to_local_files(way):
    writer = _stream(way).format("csv").option("checkpointLocation", f"{way.out}-c")
    writer.start(f"{way.local}/out").awaitTermination()


def stream_checkpoint_on_local_disk(way):
    writer = _stream(way).foreachBatch(lambda frame, number: None)
    writer.option("checkpointLocation", f"{way.local}/c").start().awaitTermination()


def stream_without_checkpoint(way):
    _stream(way).foreachBatch(lambda frame, number: None).start().awaitTermination()


def foreach_batch_to_local_disk(way):
    def batch(frame, _number):
        frame.write.mode("append").csv(f"file://{way.local}/out")

    writer = _stream(way).foreachBatch(batch).option("checkpointLocation", f"{way.out}-c")
    writer.start().awaitTermination()


def foreach_batch_to_s3(way):
    def batch(frame, _number):
        frame.write.mode("append").csv(way.out)

    writer = _stream(way).foreachBatch(batch).option("checkpointLocation", f"{way.out}-c")
    writer.start().awaitTermination()


def stream_left_running(way):
    writer = way.spark.readStream.format("rate").load().writeStream.format("csv")
    query = (
        writer.option("checkpointLocation", f"{way.out}-c").trigger(processingTime="1 hour").start(way.out)
    )
    way.bench.ends = [query.stop]


def stream_to_memory(way):
    _stream(way).format("memory").queryName(way.table).start().awaitTermination()


def through_a_function(way):
    way.job.write.through(way.out, lambda: _rdd(way)._jrdd.saveAsTextFile(way.out))
