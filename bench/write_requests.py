"""S3 requests of glue-secure in one append of 100 files, with the request guard and without it.

The target of the append already has other objects: none, or as many as ``--objects`` says. Each append is one
run of a job of its own in the embedded account. Counted are the requests of glue-secure's own S3 client below
the target, by operation; the requests that Spark sends are the same on both sides. Time is that of the write
call with its verification, and compared within a pair of runs, one with receipts and one with listings, in
alternating order. Nothing was measured on AWS.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

FILES = 100


@contextmanager
def counted(prefix: str) -> Iterator[Counter[str]]:
    """Count the calls of the run's S3 client below a prefix, by operation."""
    from glue_secure.aws.s3 import S3ObjectStore

    calls: Counter[str] = Counter()
    originals = {name: getattr(S3ObjectStore, name) for name in ("first", "list", "encryption")}

    def wrap(name: str, original: Any) -> Any:
        def call(self: Any, uri: Any, *arguments: Any, **options: Any) -> Any:
            if uri.key.startswith(prefix):
                calls[name] += 1
            return original(self, uri, *arguments, **options)

        return call

    for name, original in originals.items():
        setattr(S3ObjectStore, name, wrap(name, original))
    try:
        yield calls
    finally:
        for name, original in originals.items():
            setattr(S3ObjectStore, name, original)


@contextmanager
def guard(enabled: bool) -> Iterator[None]:
    """Let runs verify with receipts, or with listings."""
    from glue_secure.engines.spark.engine import SparkEngine

    original = SparkEngine.guard_requests
    if not enabled:
        SparkEngine.guard_requests = lambda _engine, _policy: "not used by the bench"  # type: ignore[method-assign]
    try:
        yield
    finally:
        SparkEngine.guard_requests = original  # type: ignore[method-assign]


def append(account: Any, spark: Any, existing: int, enabled: bool, number: int) -> tuple[float, Counter[str]]:
    """Return seconds and calls of one append to a target that has ``existing`` objects."""
    from glue_secure.embedded.account_setup import CURATED
    from glue_secure.embedded.clients import clients
    from glue_secure.testing.harness import JobTestHarness

    harness = JobTestHarness(account=account, spark=spark, name=f"requests-{existing}-{enabled}-{number}")
    s3 = clients(account)("s3")
    for position in range(existing):
        s3.put_object(Bucket=CURATED, Key=f"{harness.name}/old/{position:06}", Body=b"")
    # An object of the two seconds before a write may be one of the write's.
    time.sleep(3)
    with guard(enabled), harness.job() as job:
        frame = job.spark.range(0, FILES, 1, FILES)
        with counted(f"{harness.name}/") as calls:
            started = time.perf_counter()
            record = job.write.s3(frame, harness.target, format="parquet")
            seconds = time.perf_counter() - started
    expected = "receipts" if enabled else "HeadObject"
    if record.verified_by != expected or len(record.objects) < FILES:
        raise RuntimeError(f"{len(record.objects)} objects verified by {record.verified_by}, not {expected}")
    return seconds, calls


def main(words: list[str]) -> int:
    """Print a table, and return 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--objects", type=int, default=5_000, help="objects below the target before the append"
    )
    parser.add_argument("--pairs", type=int, default=3, help="pairs of runs for each number of objects")
    options = parser.parse_args(words)
    from pyspark.sql import SparkSession

    from glue_secure.embedded import environment
    from glue_secure.embedded.account_setup import provision
    from glue_secure.embedded.lifecycle import embedded_account

    with embedded_account() as account:
        os.environ.update(environment.overlay(os.environ, account))
        provision(account)
        builder = SparkSession.builder.appName("bench of requests")
        # The runs with listings do not open the guard, which is loaded all the same.
        spark = builder.config("spark.glueSecure.outsideRuns", "allow").getOrCreate()
        append(account, spark, 0, True, -1)  # the first write starts Spark's executors and Python's clients
        print(f"append of {FILES} files; LIST calls (one lists the whole target) and HEAD requests")
        print("| objects before | receipts | listings | seconds, receipts over listings |")
        print("|---|---|---|---|")
        for existing in dict.fromkeys((0, options.objects)):
            ratios, shown = [], {}
            for number in range(options.pairs):
                order = (True, False) if number % 2 else (False, True)
                seconds = {}
                for enabled in order:
                    seconds[enabled], calls = append(account, spark, existing, enabled, number)
                    shown[enabled] = (
                        f"{calls['first']} LIST of one name, {calls['list']} LIST, {calls['encryption']} HEAD"
                    )
                ratios.append(seconds[True] / seconds[False])
            spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            print(f"| {existing} | {shown[True]} | {shown[False]} | {spread} |")
        spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
