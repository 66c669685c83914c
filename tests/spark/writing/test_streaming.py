"""forEachBatch on files: writes of batches, the verified checkpoint, and the end of a stream."""

import contextlib
import threading

import pytest
from pyspark.errors import StreamingQueryException

from glue_secure import GlueSecureError, RefusedError, UsageError
from glue_secure.dynamicframe.frame import DynamicFrame
from glue_secure.embedded.account_setup import EVIDENCE_URI

WINDOW = {"windowSize": "1 second"}


@pytest.fixture
def streaming(begin, monkeypatch):
    """A job whose streams process the available data and return."""
    monkeypatch.setenv("GLUE_SECURE_STREAMING", "available-now")
    return begin(TempDir="s3://glue-secure-curated/temporary/")


def source(started, *, files_per_batch=1):
    for name, row in (("a.csv", "UA,3\n"), ("b.csv", "AA,5\n")):
        started.bench.land(name, row)
    reader = started.context.spark_session.readStream.schema("carrier string, delay int")
    return reader.option("maxFilesPerTrigger", files_per_batch).csv(
        started.bench.source.replace("s3:", "s3a:")
    )


def options(started, **more):
    return {**WINDOW, "checkpointLocation": f"{started.target}checkpoint/", "batchMaxRetries": 0, **more}


def writer(started, seen):
    context = started.context

    def handle(data, batch_id):
        seen.append((batch_id, threading.current_thread() is threading.main_thread()))
        context.write_dynamic_frame.from_options(
            DynamicFrame.fromDF(data, context, "batch"),
            "s3",
            {"path": f"{started.target}out/"},
            format="json",
        )

    return handle


def test_each_batch_is_written_by_the_run_and_the_checkpoint_is_verified(streaming, provisioned):
    seen = []
    frame = streaming.context.add_ingestion_time_columns(source(streaming), "hour")
    streaming.context.forEachBatch(frame, writer(streaming, seen), options(streaming))
    assert seen == [(0, False), (1, False)]
    stored = streaming.context.spark_session.read.json(f"{streaming.target}out/".replace("s3:", "s3a:"))
    assert sorted((row.carrier, row.delay) for row in stored.collect()) == [("AA", 5), ("UA", 3)]
    assert {"ingest_year", "ingest_month", "ingest_day", "ingest_hour"} < set(stored.columns)
    streaming.job.commit()
    evidence = streaming.bench.evidence()[-1]
    assert evidence["streams"] == [
        {"batches": 2, "checkpoint": f"{streaming.target}checkpoint/", "retries": 0, "rows": 2}
    ]
    kinds = [write["kind"] for write in evidence["writes"]]
    assert sorted(kinds) == ["checkpoint", "s3", "s3"]
    checkpoint = evidence["writes"][kinds.index("checkpoint")]
    names = {
        written["uri"].partition("/checkpoint/")[2].partition("/")[0] for written in checkpoint["objects"]
    }
    assert {"metadata", "offsets", "commits"} <= names
    assert {written["key"] for written in checkpoint["objects"]} == {provisioned.data_key}


def test_a_second_run_continues_the_stream(streaming):
    context, seen = streaming.context, []
    frame = source(streaming, files_per_batch=10)
    context.forEachBatch(frame, lambda data, n: seen.append((n, data.count())), options(streaming))
    streaming.bench.land("c.csv", "DL,7\n")
    context.forEachBatch(frame, lambda data, n: seen.append((n, data.count())), options(streaming))
    assert seen == [(0, 2), (1, 1)]


def test_an_exception_of_the_function_ends_stream_and_run(streaming):
    def fail(data, batch_id):
        raise LookupError("no such carrier")

    with pytest.raises(LookupError, match="no such carrier"):
        streaming.context.forEachBatch(source(streaming), fail, options(streaming))
    assert streaming.context.spark_session.streams.active == []
    with pytest.raises(GlueSecureError, match="nothing is committed"):
        streaming.job.commit()
    assert streaming.bench.evidence()[-1]["outcome"] == "failed"


def test_a_failed_batch_is_retried_up_to_the_limit(streaming, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    attempts = []

    def falter(data, batch_id):
        attempts.append(batch_id)
        if len(attempts) < 3:
            raise LookupError("not yet")

    stream_options = options(streaming, batchMaxRetries=2)
    streaming.context.forEachBatch(source(streaming, files_per_batch=10), falter, stream_options)
    assert attempts == [0, 0, 0]
    streaming.job.commit()
    assert streaming.bench.evidence()[-1]["streams"][0]["retries"] == 2


def test_gs_s3_009_a_rejected_write_in_a_batch_ends_the_stream_with_its_error(streaming):
    def overwrite(data, batch_id):
        streaming.context.write_dynamic_frame.from_options(
            DynamicFrame.fromDF(data, streaming.context, "x"), "s3", {"path": EVIDENCE_URI}, format="json"
        )

    with pytest.raises(RefusedError, match="GS-S3-009"):
        streaming.context.forEachBatch(source(streaming), overwrite, options(streaming, batchMaxRetries=5))


def test_gs_s3_004_an_unencrypted_checkpoint_stops_the_stream(streaming, unencrypted_heads):
    with unencrypted_heads(), pytest.raises(RefusedError, match="GS-S3-004"):
        streaming.context.forEachBatch(source(streaming), lambda data, n: None, options(streaming))


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"windowSize": None}, UsageError, "windowSize"),
        ({"windowSize": "soon"}, UsageError, "100 seconds"),
        ({"checkpointLocation": None}, UsageError, "checkpointLocation"),
        ({"checkpointLocation": "file:///tmp/checkpoint"}, RefusedError, "GS-S3-006"),
        ({"checkpointLocation": f"{EVIDENCE_URI}x/"}, RefusedError, "GS-S3-009"),
        ({"batchMaxRetries": 101}, UsageError, "batchMaxRetries"),
        ({"batchMaxRetries": "often"}, UsageError, "batchMaxRetries"),
        ({"storageLevel": "CLOUD"}, UsageError, "storageLevel"),
        ({"nonsense": 1}, UsageError, "nonsense"),
    ],
)
def test_a_stream_whose_options_are_wrong_does_not_start(started, change, error, match):
    frame = started.context.spark_session.readStream.format("rate").load()
    with pytest.raises(error, match=match):
        started.context.forEachBatch(frame, lambda data, n: None, options(started, **change))
    assert started.context.spark_session.streams.active == []


def test_a_frame_that_is_not_streaming_is_rejected(started):
    with pytest.raises(UsageError, match="streaming"):
        frame = started.context.spark_session.range(3)
        started.context.forEachBatch(frame, lambda data, n: None, options(started))


def test_a_stream_runs_until_it_is_stopped(started):
    batches = []

    def handle(data, batch_id):
        batches.append(batch_id)
        threading.Timer(0.5, lambda: [q.stop() for q in started.context.spark_session.streams.active]).start()

    started.context.forEachBatch(source(started, files_per_batch=10), handle, options(started))
    assert batches == [0]


def test_a_sample_is_taken_with_its_checkpoint_in_s3(streaming, aws):
    frame = source(streaming)
    sample = streaming.context.getSampleStreamingDynamicFrame(
        frame, {**WINDOW, "pollingTimeInMs": "12000", "recordPollingLimit": "1"}
    )
    assert sample.count() == 1
    assert sample.toDF().columns == ["carrier", "delay"]
    listing = aws("s3").list_objects_v2(Bucket="glue-secure-curated", Prefix="temporary/glue-secure-samples/")
    assert listing["KeyCount"] > 0
    with pytest.raises(UsageError, match="pollingTimeInMs"):
        streaming.context.getSampleStreamingDynamicFrame(frame, {"windowSize": "20 seconds"})


def test_transactions_are_rejected_because_aws_withdrew_them(context):
    for call in (
        lambda: context.start_transaction(True),
        lambda: context.commit_transaction("t"),
        lambda: context.cancel_transaction("t"),
    ):
        with pytest.raises(UsageError, match="withdrew governed tables"):
            call()


def test_time_granularity_is_one_of_three(context):
    frame = context.spark_session.range(1)
    assert context.add_ingestion_time_columns(frame, "minute").columns[-1] == "ingest_minute"
    assert context.add_ingestion_time_columns(frame, "day").columns[-1] == "ingest_day"
    with pytest.raises(UsageError, match="second"):
        context.add_ingestion_time_columns(frame, "second")


def test_the_logger_redacts_and_the_clock_ticks(context, caplog):
    from glue_secure.engines.spark.context.logger import NAME

    with caplog.at_level("INFO", logger=NAME):
        context.get_logger().info("password=hunter2 for the table")
        context.get_logger().trace("unseen")
    assert "hunter2" not in caplog.text
    assert "for the table" in caplog.text
    assert context.currentTimeMillis() > 1_700_000_000_000


def test_a_resolve_option_becomes_a_spec(context):
    from glue_secure.dynamicframe.types.glue_types import LongType

    assert context.convert_resolve_option("a.b", "KeepAsStruct", None) == ("a.b", "make_struct")
    assert context.convert_resolve_option("a", "Project", LongType()) == ("a", "project:long")
    with pytest.raises(UsageError, match="Drop"):
        context.convert_resolve_option("a", "Drop", None)
    with pytest.raises(UsageError, match="Project"):
        context.convert_resolve_option("a", "Project", None)


@pytest.mark.parametrize(
    "change", [{}, {"fs.s3a.encryption.algorithm": "AES256"}], ids=["unchanged", "changed"]
)
def test_frames_of_a_native_foreach_batch_are_written_under_the_settings_of_its_session(
    glue_job, provisioned, change
):
    glue_job.land("a.txt", "x\n")

    def batch(frame, _number):
        for name, value in change.items():
            frame.sparkSession.conf.set(name, value)
        job.write.s3(frame, f"{glue_job.target}out/", format="parquet")

    job = glue_job.job("source")
    stream = glue_job.spark.readStream.text(glue_job.source.replace("s3:", "s3a:")).writeStream
    stream = stream.foreachBatch(batch).trigger(availableNow=True)
    checkpoint = f"{glue_job.target}checkpoint/".replace("s3:", "s3a:")
    if change:
        ended = contextlib.suppress(StreamingQueryException)
        with pytest.raises(RefusedError, match="GS-S3-001"), job, ended:
            stream.option("checkpointLocation", checkpoint).start().awaitTermination()
        assert not any("/out/" in key for key in glue_job.objects())
        return
    with job:
        stream.option("checkpointLocation", checkpoint).start().awaitTermination()
    assert any(key.endswith(".parquet") for key in glue_job.objects())
    assert {seen["key"] for seen in glue_job.objects().values()} == {provisioned.data_key}
