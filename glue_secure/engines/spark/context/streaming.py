"""Micro-batches: ``forEachBatch`` and samples of streams, with a verified checkpoint.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-python-streaming.html
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.core.evidence import StreamRecord
from glue_secure.core.options import truth, whole_number
from glue_secure.engines.glue_options import require_known_options
from glue_secure.engines.spark.connectors.kafka import infer_json
from glue_secure.engines.spark.write_monitor.spark_hooks import suppress_write_monitoring

if TYPE_CHECKING:
    from pyspark import StorageLevel
    from pyspark.sql import DataFrame, Row, SparkSession
    from pyspark.sql.streaming import StreamingQuery

    from glue_secure.run.run import Run
    from glue_secure.verification.path_verifier import PathVerifier

    BatchFunction = Callable[[DataFrame, int], Any]

_BATCH_OPTIONS = {"windowSize", "checkpointLocation", "batchMaxRetries", "persistDataFrame", "storageLevel"}
_SAMPLE_OPTIONS = {"windowSize", "pollingTimeInMs", "recordPollingLimit"}
_WINDOW = re.compile(r"\s*(\d{1,9})\s+(second|minute|hour)s?\s*\Z", re.IGNORECASE)
_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_MOST_RETRIES = 100
_LONGEST_PAUSE_SECONDS = 5
_LARGEST_NUMBER = 999_999_999


def for_each_batch(
    run: Run,
    spark: SparkSession,
    frame: DataFrame,
    batch_function: BatchFunction,
    options: Mapping[str, Any] | None,
) -> None:
    """Run a stream until it is stopped; see :meth:`GlueContext.forEachBatch`."""
    options = dict(options or {})
    require_known_options(options, _BATCH_OPTIONS, "options of forEachBatch")
    for name in ("windowSize", "checkpointLocation"):
        if not options.get(name):
            raise UsageError("options of forEachBatch", found=f"no {name}", required=name)
    _MicroBatches(run, spark, frame, batch_function, options).run()


def sample_stream(
    run: Run,
    spark: SparkSession,
    frame: DataFrame,
    options: Mapping[str, Any] | None,
    batch_function: BatchFunction | None,
) -> DataFrame:
    """Return the first rows of a stream; see :meth:`GlueContext.getSampleStreamingDynamicFrame`."""
    call = "getSampleStreamingDynamicFrame"
    options = dict(options or {})
    require_known_options(options, _SAMPLE_OPTIONS, f"options of {call}")
    polling_ms = whole_number("pollingTimeInMs", options.get("pollingTimeInMs", 10000), most=_LARGEST_NUMBER)
    limit = whole_number("recordPollingLimit", options.get("recordPollingLimit", 100), most=_LARGEST_NUMBER)
    window = str(options.get("windowSize", ""))
    if _window_seconds(window) * 1000 >= polling_ms:
        raise UsageError(
            "pollingTimeInMs", found=str(polling_ms), required=f"longer than windowSize, {window}"
        )
    if not run.temporary:
        raise UsageError(
            call,
            found="no --TempDir",
            required="--TempDir s3://BUCKET/PREFIX/ for the sample's checkpoint",
        )
    rows: list[Row] = []
    schema = frame.schema

    def collect(batch: DataFrame, batch_id: int) -> None:
        nonlocal schema
        if len(rows) < limit:
            schema = batch.schema if not rows else schema
            rows.extend(batch.limit(limit - len(rows)).collect())
        if batch_function is not None:
            batch_function(batch, batch_id)

    checkpoint = f"{run.temporary.rstrip('/')}/glue-secure-samples/{uuid.uuid4().hex}/"
    batch_options = {"windowSize": window, "checkpointLocation": checkpoint, "batchMaxRetries": 0}
    _MicroBatches(run, spark, frame, collect, batch_options).run(seconds=polling_ms / 1000)
    return spark.createDataFrame(rows, schema)


class _MicroBatches:
    """One stream: the verification of its checkpoint, its batches, and its retries."""

    def __init__(
        self,
        run: Run,
        spark: SparkSession,
        frame: DataFrame,
        function: BatchFunction,
        options: Mapping[str, Any],
    ) -> None:
        if not getattr(frame, "isStreaming", False):
            raise UsageError("forEachBatch", found=type(frame).__name__, required="a streaming DataFrame")
        if not callable(function):
            raise UsageError("batch_function", found=type(function).__name__, required="a function")
        self._run, self._spark, self._frame, self._function = run, spark, frame, function
        self._window = str(options["windowSize"])
        _window_seconds(self._window)  # raises UsageError
        self._retries = whole_number("batchMaxRetries", options.get("batchMaxRetries", 3), most=_MOST_RETRIES)
        self._persists = truth("persistDataFrame", options.get("persistDataFrame", True))
        self._level = _storage_level(str(options.get("storageLevel", "MEMORY_AND_DISK")))
        self._checkpoint: PathVerifier = run.writer.path_verifier(
            str(options["checkpointLocation"]), format="stream", kind="checkpoint"
        )
        self._error: BaseException | None = None
        self._batches, self._failed = 0, 0
        # None if a batch was not counted.
        self._rows: int | None = 0

    def run(self, seconds: float | None = None) -> None:
        """Stream until the query is stopped, its source is drained, or ``seconds`` have passed."""
        self._checkpoint.verify()
        try:
            while not self._attempt(seconds):
                time.sleep(min(self._failed, _LONGEST_PAUSE_SECONDS))
        finally:
            location = str(self._checkpoint.location)
            self._run.recorder.streams.append(StreamRecord(location, self._batches, self._rows, self._failed))
            self._checkpoint.record()

    def _attempt(self, seconds: float | None) -> bool:
        """Start the query and wait for it. Return False if a batch failed and is to be retried."""
        self._error = None
        query = self._start(seconds)
        try:
            if seconds is None:
                query.awaitTermination()
            else:
                query.awaitTermination(seconds)
        except Exception:
            error = self._error
            if error is None:
                raise  # Spark's own error: the checkpoint does not match, or the source is gone
            if (
                isinstance(error, GlueSecureError)
                or self._run.state.has_failed
                or self._failed >= self._retries
            ):
                raise error from None
            self._failed += 1
            return False
        finally:
            with suppress(Exception):  # the query may have ended, or the JVM
                query.stop()
        self._checkpoint.verify()
        return True

    def _start(self, seconds: float | None) -> StreamingQuery:
        drains = self._run.services.streams_end_when_drained and seconds is None
        trigger = {"availableNow": True} if drains else {"processingTime": self._window}
        writer = self._frame.writeStream.foreachBatch(self._handle_batch).trigger(**trigger)
        location = self._checkpoint.location.with_scheme(self._run.engine.scheme)
        with suppress_write_monitoring():
            return writer.option("checkpointLocation", location).start()

    def _handle_batch(self, frame: DataFrame, batch_id: int) -> None:
        """Handle a batch on Py4J's callback thread. An error is stored for the thread that waits."""
        try:
            self._call_function(infer_json(self._in_run_session(frame)), batch_id)
            self._checkpoint.verify()
        except BaseException as error:
            self._error = error
            raise

    def _in_run_session(self, frame: DataFrame) -> DataFrame:
        """Return the batch as a frame of the run's session.

        Spark passes a frame of a copy of the session, whose settings are not checked.
        """
        from pyspark.sql import DataFrame

        java_frame = self._spark._jsparkSession.createDataFrame(frame._jdf.toJavaRDD(), frame._jdf.schema())
        return DataFrame(java_frame, self._spark)

    def _call_function(self, frame: DataFrame, batch_id: int) -> None:
        if not self._persists:
            self._rows = None
            if frame.take(1):
                self._function(frame, batch_id)
                self._batches += 1
            return
        frame.persist(self._level)
        try:
            rows = frame.count()
            if rows:
                self._function(frame, batch_id)
                self._batches += 1
                if self._rows is not None:
                    self._rows += rows
        finally:
            frame.unpersist()


def _window_seconds(window: str) -> int:
    match = _WINDOW.match(window)
    if match is None:
        raise UsageError("windowSize", found=repr(window), required='a time such as "100 seconds"')
    return int(match[1]) * _SECONDS[match[2].lower()]


def _storage_level(name: str) -> StorageLevel:
    from pyspark import StorageLevel

    level = getattr(StorageLevel, name.upper(), None)
    if not isinstance(level, StorageLevel):
        raise UsageError("storageLevel", found=repr(name), required="a level of pyspark.StorageLevel")
    return level
