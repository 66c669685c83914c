"""What glue-secure adds to an append of 100 files to a table of Iceberg or Delta Lake that has 100,000 files.

The table's metadata is real, its 100,000 files do not exist: Iceberg's API or Delta Lake's log names them. In
each round the same rows are appended by Spark alone, by ``job.write.table`` with the request guard, and by
``job.write.table`` without it, in an order that rotates. A proxy in front of the embedded account counts the
requests between the start and the end of each append. The Data Catalog's encryption is checked before: two
requests once a run. Time is compared within a round. Memory of the driver is the peak of the heap above its
state before the append, and the same for the Python process.

A requirement: with the request guard, glue-secure adds at most 1.1 requests a file to those of Spark. Without
it, each object is read back, and 1.2 requests may be added. The table is never listed. If the requirement is
exceeded, the exit code is 1. Nothing was measured on AWS.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from write_requests import guard

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

FILES = 100
DATABASE = "bench"
WAYS = ("Spark alone", "with the request guard", "without it")
MOST_REQUESTS = dict(zip(WAYS, (0.0, 1.1, 1.2), strict=True))
"""Requests that glue-secure may add for each file of the append."""
_LOG = re.compile(r"/_delta_log(/|$)")


@dataclass(frozen=True)
class Measured:
    """One append.

    Attributes:
        requests: number of requests by kind.
        seconds: duration of the append.
        heap: peak of the driver's heap above its state before, in MB.
        python: peak of the Python process's memory above its state before, in MB.
    """

    requests: Mapping[str, int]
    seconds: float
    heap: float
    python: float

    @property
    def total(self) -> int:
        """All requests."""
        return sum(self.requests.values())


def kind_of(method: str, path: str, target: str) -> str:
    """Return the kind of a request: an operation of Glue, a listing, or the method for S3.

    Args:
        method: of HTTP.
        path: path and query.
        target: the header ``X-Amz-Target``.
    """
    if target:
        return target.partition(".")[2] or target
    parts = urlsplit(path)
    query = parse_qs(parts.query, keep_blank_values=True)
    key = unquote(parts.path).lstrip("/").partition("/")[2]
    if method == "GET" and not key:
        if not ("prefix" in query or "list-type" in query):
            return "GET of the bucket"
        return "LIST of the log" if _LOG.search(query.get("prefix", [""])[0]) else "LIST of the table"
    if method == "POST" and "delete" in query:
        return "DELETE"
    return method


def counting_proxy(account: Any) -> Any:
    """Return a proxy in front of the account's endpoint whose ``counts`` has the requests since ``reset``."""
    from endpoint_proxy import EndpointProxy

    class CountingProxy(EndpointProxy):
        def __init__(self) -> None:
            self.counts: Counter[str] = Counter()
            self.lock = threading.Lock()
            super().__init__(account.endpoint_url, account.ca_pem, account.server_pair)

        def handle(self, client: Any) -> None:
            kind = kind_of(client.command, client.path, client.headers.get("X-Amz-Target", ""))
            with self.lock:
                self.counts[kind] += 1
            super().handle(client)

        def reset(self) -> None:
            with self.lock:
                self.counts = Counter()

    return CountingProxy()


def measured(spark: Any, proxy: Any, append: Callable[[], object]) -> Measured:
    """Call ``append``, and return what it took."""
    pools = _start_of_memory(spark)
    before = _python_memory("VmRSS")
    proxy.reset()
    started = time.perf_counter()
    append()
    seconds = time.perf_counter() - started
    requests = dict(proxy.counts)
    heap = sum(pool.getPeakUsage().getUsed() - used for pool, used in pools) / 1e6
    return Measured(requests, seconds, heap, _python_memory("VmHWM") - before)


def _start_of_memory(spark: Any) -> list[tuple[Any, int]]:
    """Collect garbage, reset the peaks of the heap's pools, and return each with its bytes in use."""
    jvm = spark._jvm
    jvm.System.gc()
    Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM
    pools = [
        pool
        for pool in jvm.java.lang.management.ManagementFactory.getMemoryPoolMXBeans()
        if str(pool.getType().toString()) == "Heap memory"
    ]
    for pool in pools:
        pool.resetPeakUsage()
    return [(pool, pool.getUsage().getUsed()) for pool in pools]


def _python_memory(name: str) -> float:
    """Return a value of ``/proc/self/status`` in MB."""
    text = Path("/proc/self/status").read_text()
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) / 1e3 if found else 0.0


class Table:
    """A table with many files.

    Args:
        account: the embedded account.
        spark: the session.
        format: ``iceberg`` or ``delta``.
        files: the number of files that the table's metadata names.
    """

    def __init__(self, account: Any, spark: Any, format: str, files: int) -> None:
        from glue_secure.embedded.account_setup import provision
        from glue_secure.testing.harness import JobTestHarness

        self.spark, self.format = spark, format
        self.harness = JobTestHarness(account=account, spark=spark, name=f"table-append-{format}")
        self.name = f"{DATABASE}.files_{format}"
        self.location = f"{self.harness.target}table"
        self._account, self._key = account, provision(account).data_key
        with self.harness.job() as job:
            job.write.table(
                spark.range(1), self.name, mode="create", format=format, location=self.location
            )  # fmt: skip
        (self._fill_iceberg if format == "iceberg" else self._fill_delta)(files)

    def _fill_iceberg(self, files: int) -> None:
        """Append files that do not exist, in ten commits."""
        jvm = self.spark._jvm
        table = jvm.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(
            self.spark._jsparkSession, f"glue_catalog.{self.name}"
        )
        file = jvm.org.apache.iceberg.DataFiles.builder(table.spec()).withFormat("parquet")
        file = file.withFileSizeInBytes(1024).withRecordCount(1)
        for first in range(0, files, -(-files // 10)):
            append = table.newFastAppend()
            for number in range(first, min(first + -(-files // 10), files)):
                append.appendFile(file.withPath(f"{self.location}/data/old-{number:07}.parquet").build())
            append.commit()

    def _fill_delta(self, files: int) -> None:
        """Add a version that names files that do not exist, and a checkpoint."""
        from glue_secure.core.identifiers import S3Uri
        from glue_secure.embedded.clients import clients

        lines = (
            json.dumps(
                {
                    "add": {
                        "path": f"old-{number:07}.parquet",
                        "partitionValues": {},
                        "size": 1024,
                        "modificationTime": 1,
                        "dataChange": True,
                        "stats": '{"numRecords":1}',
                    }
                }
            )
            for number in range(files)
        )
        version = S3Uri.parse(self.location).child(f"_delta_log/{1:020}.json")
        clients(self._account)("s3").put_object(
            Bucket=version.bucket,
            Key=version.key,
            Body="\n".join(lines).encode(),
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=self._key,
        )
        path = self.location.replace("s3://", "s3a://")
        log = self.spark._jvm.org.apache.spark.sql.delta.DeltaLog.forTable(self.spark._jsparkSession, path)
        snapshot = log.update(False, self.spark._jvm.scala.Option.empty(), self._none())
        log.checkpoint(snapshot, self._none())

    def _none(self) -> Any:
        return self.spark._jvm.scala.Option.empty()

    def files(self) -> int:
        """Return how many files the table's metadata names."""
        if self.format == "iceberg":
            rows = self.spark.sql(f"select count(*) from glue_catalog.{self.name}.files").collect()
        else:
            rows = self.spark.sql(f"describe detail delta.`{self._path}`").select("numFiles").collect()
        return int(rows[0][0])

    @property
    def _path(self) -> str:
        return self.location.replace("s3://", "s3a://")

    def append(self, way: str, proxy: Any) -> Measured:
        """Append ``FILES`` files, and return what it took.

        Raises:
            RuntimeError: the append was verified in another way, or not every object was.
        """
        frame = self.spark.range(0, FILES, 1, FILES)
        if way == WAYS[0]:
            if self.format == "iceberg":
                table = frame.writeTo(f"glue_catalog.{self.name}")
                return measured(self.spark, proxy, table.append)
            writer = frame.write.format("delta").mode("append")
            return measured(self.spark, proxy, lambda: writer.save(self._path))
        records: list[Any] = []
        with guard(way == WAYS[1]), self.harness.job() as job:
            # The encryption of the Data Catalog is checked once a run, which is not the cost of an append.
            job._run.catalog.existing_table(*self.name.split("."))
            found = measured(
                self.spark, proxy, lambda: records.append(job.write.table(frame, self.name))
            )  # fmt: skip
        expected = "receipts" if way == WAYS[1] else "HeadObject"
        (record,) = records
        if record.verified_by != expected or len(record.objects) < FILES:
            raise RuntimeError(f"{len(record.objects)} objects verified by {record.verified_by}")
        return found


def report(format: str, files: int, rounds: list[dict[str, Measured]]) -> bool:
    """Print the results of a format, and return whether the requirement is met."""
    print(f"\n{format}: append of {FILES} files to a table with {files} files, {len(rounds)} rounds")
    print("| | requests | added a file | listings added | seconds over Spark's | heap, MB | Python, MB |")
    print("|---|---|---|---|---|---|---|")
    is_met = True
    for way in WAYS:
        requests = [one[way].total for one in rounds]
        added = max(one[way].total - one[WAYS[0]].total for one in rounds) / FILES
        listings = {
            kind: max(one[way].requests.get(kind, 0) - one[WAYS[0]].requests.get(kind, 0) for one in rounds)
            for kind in ("LIST of the table", "LIST of the log")
        }
        ratios = [one[way].seconds / one[WAYS[0]].seconds for one in rounds]
        heap = statistics.median(one[way].heap for one in rounds)
        python = statistics.median(one[way].python for one in rounds)
        print(
            f"| {way} | {statistics.median(requests):.0f} | {added:.2f} | {listings['LIST of the table']} of "
            f"the table, {listings['LIST of the log']} of the log | {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f}) | {heap:.0f} | {python:.1f} |"
        )
        is_met &= added <= MOST_REQUESTS[way] and listings["LIST of the table"] <= 0
    for way in WAYS:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(rounds[-1][way].requests.items()))
        print(f"{way}, last round: {kinds}")
    return is_met


def session(account: Any, formats: list[str], endpoint: str) -> Any:
    """Return a session with the JARs of the formats and of the request guard."""
    from pyspark.sql import SparkSession

    from glue_secure.embedded import table_formats
    from glue_secure.embedded.account_setup import CURATED
    from glue_secure.embedded.artifacts import fetch
    from glue_secure.embedded.installed_spark import installed_spark
    from glue_secure.engines.spark.guard_jar import guard_jar

    found = guard_jar()
    if found is None:
        raise SystemExit("the request guard is missing: python tools/build-request-guard")
    wanted = fetch(table_formats.jars(formats, installed_spark().line), account.java_home)
    path = os.pathsep.join(map(str, [*account.spark_jars, found.path, *wanted]))
    settings = table_formats.settings(formats) | {
        "spark.driver.extraClassPath": path,
        "spark.executor.extraClassPath": path,
        "spark.sql.catalog.glue_catalog.warehouse": f"s3://{CURATED}/lake/",
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.hadoop.fs.s3a.endpoint": endpoint,
        # The runs without the guard do not open it, although it is loaded.
        "spark.glueSecure.outsideRuns": "allow",
    }
    builder = SparkSession.builder.appName("bench of appends to tables")
    for name, text in settings.items():
        builder = builder.config(name, text)
    return builder.getOrCreate()


def main(words: list[str]) -> int:
    """Print a table for each format; return 1 if the requirement is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--existing", type=int, default=100_000, help="files of the table before the appends")
    parser.add_argument("--rounds", type=int, default=5, help="appends in each way")
    parser.add_argument("--formats", nargs="+", choices=("iceberg", "delta"), default=["iceberg", "delta"])
    options = parser.parse_args(words)
    from glue_secure.embedded import environment
    from glue_secure.embedded.account_setup import CURATED, provision
    from glue_secure.embedded.clients import clients
    from glue_secure.embedded.lifecycle import embedded_account

    with embedded_account() as account:
        proxy = counting_proxy(account)
        os.environ.update(environment.overlay(os.environ, account) | {"AWS_ENDPOINT_URL": proxy.url})
        provision(account)
        clients(account)("glue").create_database(
            DatabaseInput={"Name": DATABASE, "LocationUri": f"s3://{CURATED}/lake/"}
        )
        spark = session(account, options.formats, proxy.url)
        is_met = True
        for format in options.formats:
            table = Table(account, spark, format, options.existing)
            for way in WAYS:  # the first writes start executors, clients and classes
                table.append(way, proxy)
            files, rounds = table.files(), []
            for number in range(options.rounds):
                order = [WAYS[(number + place) % len(WAYS)] for place in range(len(WAYS))]
                rounds.append({way: table.append(way, proxy) for way in order})
            is_met &= report(format, files, rounds)
        limits = ", ".join(f"{MOST_REQUESTS[way]} {way}" for way in WAYS[1:])
        print(f"\nrequests added a file at most {limits}; no listing of the table: ", end="")
        print("met" if is_met else "exceeded")
        spark.stop()
        proxy.close()
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
