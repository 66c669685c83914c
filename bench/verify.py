"""Measure the verification of 10,000 objects by the driver alone, and spread over the executors.

Both variants use ``ObjectVerifier`` in pairs, in alternating order. S3 is a stub on loopback that answers
every HEAD request over TLS with the same headers. The stub shares the machine's cores, so the elapsed time
does not predict a cluster, whose executors have their own cores. The result that matters is the processor
time of the driver.

    seconds   from the first HEAD request to the verdict
    driver    processor seconds of the driver's Python; its JVM only forwards results of Python processes
    peak      MiB that the driver's Python adds at its peak, in a separate pass, traced by tracemalloc

Before the pairs, the first spread of the session is measured: it starts the Python processes.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from s3_stub import stub
from scale import targets


@dataclass(frozen=True, slots=True)
class Measurement:
    """One verification.

    Attributes:
        seconds: until the verdict.
        driver: processor seconds of the driver's Python.
    """

    seconds: float
    driver: float


@contextmanager
def session(cores: int) -> Iterator[Any]:
    """Start a local Spark session whose Python processes have this process's module path."""
    from glue_secure.embedded.installed_spark import installed_spark
    from glue_secure.embedded.java import java_home

    os.environ |= {"JAVA_HOME": str(java_home(installed_spark())), "SPARK_LOCAL_IP": "127.0.0.1"}
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, sys.path))
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(f"local[{cores}]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.ui.showConsoleProgress", "false")
    spark = builder.config("spark.log.level", "ERROR").getOrCreate()
    try:
        yield spark
    finally:
        spark.stop()


class Variants:
    """Both variants of a verification of the same objects."""

    def __init__(self, spark: Any, url: str, objects: int) -> None:
        from glue_secure.core.identifiers import S3Uri
        from glue_secure.core.recorder import RunRecorder
        from glue_secure.engines.spark.engine import SparkEngine
        from glue_secure.run.composition import ExecutorS3
        from glue_secure.verification.object_verifier import ObjectVerifier

        self.uris = [S3Uri("curated", f"flights/month={n % 12 + 1}/part-{n:06}") for n in range(objects)]
        remote = ExecutorS3(url, "eu-west-1", True)
        recorder = RunRecorder(started=dt.datetime.now(dt.timezone.utc))
        arguments = {
            "targets": targets(recorder),
            "objects": remote(),
            "engine": SparkEngine(spark=spark),
            "recorder": recorder,
        }
        self._verifiers = {
            "driver": ObjectVerifier(**arguments),
            "spread": ObjectVerifier(**arguments, remote=remote),
        }

    def verify(self, variant: str) -> Measurement:
        """Verify once, and return the measurement."""
        started, processor_started = time.perf_counter(), time.process_time()
        objects = self._verifiers[variant].verify(self.uris)
        measurement = Measurement(time.perf_counter() - started, time.process_time() - processor_started)
        if [entry.uri for entry in objects] != self.uris or not all(entry.bucket_key for entry in objects):
            raise AssertionError(f"{variant} verified other objects")
        return measurement

    def peak(self, variant: str) -> float:
        """Return the MiB that the driver's Python adds at its peak."""
        tracemalloc.start()
        self._verifiers[variant].verify(self.uris)
        peak = tracemalloc.get_traced_memory()[1] / (1 << 20)
        tracemalloc.stop()
        return peak


def measure(objects: int, pairs: int, cores: int, log: Callable[[str], None]) -> dict[str, Any]:
    """Return all measurements as JSON values: ``first``, ``pairs`` and ``peak``."""
    with tempfile.TemporaryDirectory() as folder, stub(Path(folder)) as url, session(cores) as spark:
        variants = Variants(spark, url, objects)
        log("first spread of the session")
        first = variants.verify("spread")
        variants.verify("driver")
        measurements: list[dict[str, Measurement]] = []
        for number in range(pairs):
            order = ("driver", "spread") if number % 2 else ("spread", "driver")
            measurements.append({variant: variants.verify(variant) for variant in order})
            log(f"pair {number + 1} of {pairs}")
        peaks = {variant: variants.peak(variant) for variant in ("driver", "spread")}
    rows = [{variant: asdict(entry) for variant, entry in pair.items()} for pair in measurements]
    return {"objects": objects, "cores": cores, "first": asdict(first), "pairs": rows, "peak": peaks}


def render(result: dict[str, Any]) -> str:
    """Return a table: medians of each variant, and of the pairs' ratios with their range."""
    objects, cores, pairs = result["objects"], result["cores"], result["pairs"]
    lines = [
        f"{objects:,} objects, {cores} executor threads, {len(pairs)} pairs",
        f"{'':<18}{'driver':>9}{'spread':>9}{'ratio':>8}  range",
    ]
    for name, label in (("seconds", "seconds"), ("driver", "driver's Python")):
        values = {variant: [pair[variant][name] for pair in pairs] for variant in ("driver", "spread")}
        ratios = [s / d if d else float("inf") for d, s in zip(*values.values(), strict=True)]
        medians = "".join(f"{statistics.median(column):>9.2f}" for column in values.values())
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        lines.append(f"{label:<18}{medians}{statistics.median(ratios):>8.2f}  {spread}")
    lines.append(f"{'peak, MiB':<18}{result['peak']['driver']:>9.1f}{result['peak']['spread']:>9.1f}")
    return "\n".join([*lines, f"the first spread of the session took {result['first']['seconds']:.2f} s"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    result = measure(
        options.objects, options.pairs, options.cores, lambda text: print(text, file=sys.stderr, flush=True)
    )
    print(json.dumps(result) if options.json else render(result))


if __name__ == "__main__":
    main()
