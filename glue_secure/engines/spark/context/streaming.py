"""Micro-batches: ``forEachBatch`` with a guarded, verified checkpoint, and what belongs to streams.

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
from glue_secure.dynamicframe.emulation import DynamicFrame
from glue_secure.engines.spark.context.base import ContextBase
from glue_secure.engines.spark.context.options import known
from glue_secure.engines.spark.write_monitor.entry_points import unseen

if TYPE_CHECKING:
    from glue_secure.io.writer import Watch
    from glue_secure.run.run import Run

Batch = Callable[[Any, int], Any]

_OPTIONS = {"windowSize", "checkpointLocation", "batchMaxRetries", "persistDataFrame", "storageLevel"}
_SAMPLE_OPTIONS = {"windowSize", "pollingTimeInMs", "recordPollingLimit"}
_WINDOW = re.compile(r"\s*(\d{1,9})\s+(second|minute|hour)s?\s*\Z", re.IGNORECASE)
_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_MOST = 999_999_999
_GRANULARITIES = ("day", "hour", "minute")
_TRANSACTIONS = "https://docs.aws.amazon.com/lake-formation/latest/dg/governed-tables.html"


class Streaming(ContextBase):
    """The part of GlueContext that streams."""

    def forEachBatch(
        self, frame: Any, batch_function: Batch, options: Mapping[str, Any] | None = None
    ) -> None:
        """Call ``batch_function(data_frame, batch_id)`` for each micro-batch that has rows.

        The stream runs until the job is stopped, as in Glue. With ``GLUE_SECURE_STREAMING=available-now`` in
        the environment it handles what is there and returns. ``data_frame`` belongs to the run's own session,
        so that writes of it pass the guard; the function runs on another thread.

        Args:
            frame: a streaming DataFrame of the run's session.
            batch_function: what handles a batch. What it raises, retries spent, ends the stream and spoils
                the run. A refusal, or a read or write that failed, is never tried again.
            options: ``windowSize`` (``"100 seconds"``) and ``checkpointLocation`` (S3) are mandatory;
                ``batchMaxRetries`` (3; 0 to 100), ``persistDataFrame`` (true), ``storageLevel``
                (``MEMORY_AND_DISK``).

        Raises:
            RefusedError: GS-S3-001 to -003, -006, -008, -009 before the start; GS-S3-004 for an object of the
                checkpoint.
            VerificationError: GS-S3-007.
        """
        run = self.require_run("forEachBatch")
        with run.call():
            given = dict(options or {})
            known(given, _OPTIONS, "options of forEachBatch")
            for name in ("windowSize", "checkpointLocation"):
                if not given.get(name):
                    raise UsageError("options of forEachBatch", found=f"no {name}", required=name)
            stream = _Stream(self, run, frame, batch_function, given)
            stream.run()

    def getSampleStreamingDynamicFrame(
        self, frame: Any, options: Mapping[str, Any] | None = None, batch_function: Batch | None = None
    ) -> DynamicFrame:
        """The first rows of a stream, within a polling time, as a DynamicFrame.

        Spark would keep the sample's checkpoint on a local disk; here it lies below ``--TempDir``, verified.

        Args:
            frame: a streaming DataFrame.
            options: ``windowSize`` is mandatory; ``pollingTimeInMs`` (10000) must be longer;
                ``recordPollingLimit`` (100).
            batch_function: called for each batch too.
        """
        run = self.require_run("getSampleStreamingDynamicFrame")
        with run.call():
            given = dict(options or {})
            known(given, _SAMPLE_OPTIONS, "options of getSampleStreamingDynamicFrame")
            polling, limit = (
                whole_number("pollingTimeInMs", given.get("pollingTimeInMs", 10000), most=_MOST),
                whole_number("recordPollingLimit", given.get("recordPollingLimit", 100), most=_MOST),
            )
            window = str(given.get("windowSize", ""))
            if _seconds(window) * 1000 >= polling:
                raise UsageError(
                    "pollingTimeInMs", found=str(polling), required=f"longer than windowSize, {window}"
                )
            if not run.temporary:
                raise UsageError(
                    "getSampleStreamingDynamicFrame",
                    found="no --TempDir",
                    required="--TempDir s3://BUCKET/PREFIX/ for the sample's checkpoint",
                )
            rows: list[Any] = []

            def take(batch: Any, batch_id: int) -> None:
                if len(rows) < limit:
                    rows.extend(batch.limit(limit - len(rows)).collect())
                if batch_function is not None:
                    batch_function(batch, batch_id)

            place = f"{run.temporary.rstrip('/')}/glue-secure-samples/{uuid.uuid4().hex}/"
            sample = {"windowSize": window, "checkpointLocation": place, "batchMaxRetries": 0}
            _Stream(self, run, frame, take, sample).run(seconds=polling / 1000)
            return DynamicFrame(self.spark_session.createDataFrame(rows, frame.schema), self, "sample")

    def add_ingestion_time_columns(self, frame: Any, time_granularity: str) -> Any:
        """The DataFrame with ``ingest_year``, ``_month``, ``_day`` and, as asked, ``_hour`` and ``_minute``.

        Args:
            frame: a DataFrame, streaming or not.
            time_granularity: ``day``, ``hour`` or ``minute``; whole numbers of the session's time zone.
        """
        from pyspark.sql import functions as F

        if time_granularity not in _GRANULARITIES:
            required = ", ".join(_GRANULARITIES)
            raise UsageError("time_granularity", found=repr(time_granularity), required=required)
        parts = [("year", F.year), ("month", F.month), ("day", F.dayofmonth)]
        parts += [("hour", F.hour), ("minute", F.minute)][: _GRANULARITIES.index(time_granularity)]
        for name, part in parts:
            frame = frame.withColumn(f"ingest_{name}", part(F.current_timestamp()))
        return frame

    def start_transaction(self, read_only: bool) -> str:  # noqa: ARG002 - Glue's signature
        """Refused: AWS withdrew governed tables, the only ones with transactions, on 31 December 2024."""
        raise _withdrawn("start_transaction")

    def commit_transaction(
        self,
        transaction_id: str,  # noqa: ARG002 - Glue's signature
        wait_for_commit: bool = True,  # noqa: ARG002 - Glue's signature
    ) -> bool:
        """Refused, as :meth:`start_transaction`."""
        raise _withdrawn("commit_transaction")

    def cancel_transaction(self, transaction_id: str) -> None:  # noqa: ARG002 - Glue's signature
        """Refused, as :meth:`start_transaction`."""
        raise _withdrawn("cancel_transaction")


class _Stream:
    """One stream: its checkpoint's watch, its batches, and how it ends."""

    def __init__(
        self, context: ContextBase, run: Run, frame: Any, function: Batch, options: Mapping[str, Any]
    ) -> None:
        if not getattr(frame, "isStreaming", False):
            raise UsageError("forEachBatch", found=type(frame).__name__, required="a streaming DataFrame")
        self._session, self._run, self._frame = context.spark_session, run, frame
        self._function = function
        self._window = str(options["windowSize"])
        _seconds(self._window)
        self._retries = whole_number("batchMaxRetries", options.get("batchMaxRetries", 3), most=_MOST)
        if self._retries > 100:
            raise UsageError("batchMaxRetries", found=str(self._retries), required="0 to 100")
        self._persists = truth("persistDataFrame", options.get("persistDataFrame", True))
        self._level = _storage_level(str(options.get("storageLevel", "MEMORY_AND_DISK")))
        self._watch: Watch = run.watch(str(options["checkpointLocation"]), format="stream", kind="checkpoint")
        self._error: BaseException | None = None
        self._batches, self._rows, self._failed = 0, 0, 0
        self._counted = True

    def run(self, seconds: float | None = None) -> None:
        """Stream until it is stopped, drained, or ``seconds`` are over."""
        self._watch.verify()
        try:
            while not self._attempt(seconds):
                time.sleep(min(self._failed, 5))
        finally:
            rows = self._rows if self._counted else None
            place = str(self._watch.location)
            self._run.note_stream(StreamRecord(place, self._batches, rows, self._failed))
            self._watch.end()

    def _attempt(self, seconds: float | None) -> bool:
        """Whether the stream came to its end; False when a batch is to be tried again."""
        drains = self._run.streams_end_when_drained and seconds is None
        trigger = {"availableNow": True} if drains else {"processingTime": self._window}
        writer = self._frame.writeStream.foreachBatch(self._batch).trigger(**trigger)
        place = self._watch.location.with_scheme(self._run.scheme)
        with unseen():
            query = writer.option("checkpointLocation", place).start()
        self._error = None
        try:
            if seconds is None:
                query.awaitTermination()
            else:
                query.awaitTermination(seconds)
        except Exception:
            error = self._error
            if error is None:
                raise  # Spark's own: a checkpoint that does not fit, a source that is gone
            if isinstance(error, GlueSecureError) or self._run.has_failed or self._failed >= self._retries:
                raise error from None
            self._failed += 1
            return False
        finally:
            with suppress(Exception):  # it may have ended by itself, or the JVM with it
                query.stop()
        self._watch.verify()
        return True

    def _batch(self, data: Any, batch_id: int) -> None:
        """On Py4J's callback thread. What goes wrong is kept for the thread that waits."""
        try:
            self._handle(self._own(data), batch_id)
            self._watch.verify()
        except BaseException as error:
            self._error = error
            raise

    def _own(self, data: Any) -> Any:
        """The batch as a frame of the run's session.

        Spark hands over a frame of a copy of the session, whose settings nobody looks at.
        """
        from pyspark.sql import DataFrame

        moved = self._session._jsparkSession.createDataFrame(data._jdf.toJavaRDD(), data._jdf.schema())
        return DataFrame(moved, self._session)

    def _handle(self, data: Any, batch_id: int) -> None:
        if not self._persists:
            self._counted = False
            if data.take(1):
                self._function(data, batch_id)
                self._batches += 1
            return
        data.persist(self._level)
        try:
            rows = data.count()
            if rows:
                self._function(data, batch_id)
                self._batches += 1
                self._rows += rows
        finally:
            data.unpersist()


def _seconds(window: str) -> int:
    match = _WINDOW.match(window)
    if match is None:
        raise UsageError("windowSize", found=repr(window), required='a time as "100 seconds"')
    return int(match[1]) * _SECONDS[match[2].lower()]


def _storage_level(name: str) -> Any:
    from pyspark import StorageLevel

    level = getattr(StorageLevel, name.upper(), None)
    if not isinstance(level, StorageLevel):
        raise UsageError("storageLevel", found=repr(name), required="a level of pyspark.StorageLevel")
    return level


def _withdrawn(call: str) -> UsageError:
    return UsageError(
        call,
        found="a transaction on a Lake Formation governed table",
        required="no transaction: AWS withdrew governed tables on 31 December 2024",
        fix=f"use Apache Iceberg, Hudi or Delta Lake tables; {_TRANSACTIONS}",
    )
