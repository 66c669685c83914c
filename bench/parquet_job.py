"""Overhead of glue-secure in a job that reads Parquet, shuffles all of it and writes Parquet.

Both sides read the same objects (``--mebibytes`` in total, 1024 by default), compute a column, repartition by
another and write. The plain side is a hand-written job with the same Hadoop settings. The method, the phases
and the job proper are those of ``job_overhead.py``.

A pair takes about two minutes with 1024 MiB on two cores, so the default is seven pairs: the interval of the
median needs six.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
import time
from collections import Counter
from typing import Any

from job_overhead import Bench, _at_least_one, _s3a, measure
from pairs import Plain, Secured, document, render

COLUMNS = 6
"""Columns of random numbers, eight bytes each, which cannot be compressed."""
OBJECT_MEBIBYTES = 64
CUSTOMERS = 10_000
PARTITIONS = 8


class ParquetBench(Bench):
    """Both sides of the comparison.

    Args:
        mebibytes: size of the input.
        options: the arguments of :class:`Bench`.
    """

    def __init__(self, *, mebibytes: int, **options: Any) -> None:
        super().__init__(**options)
        from pyspark.sql import functions as F

        self.rows = mebibytes * (1 << 20) // (8 * COLUMNS)
        self._input = f"s3://{self._seeded.landing}/bench-parquet/"
        objects = max(2, mebibytes // OBJECT_MEBIBYTES)
        frame = self._spark.range(0, self.rows, 1, objects).withColumn(
            "customer", F.expr(f"id % {CUSTOMERS}")
        )
        numbers = {f"value_{number}": F.rand(number) for number in range(COLUMNS)}
        frame.withColumns(numbers).write.parquet(_s3a(self._input))

    def _rows(self, target: str) -> Counter[Any]:
        from pyspark.sql import functions as F

        stored = self._spark.read.parquet(_s3a(target))
        # Sums of a hash do not depend on the order, and cannot overflow as decimals.
        hashes = F.sum(F.xxhash64(*stored.columns).cast("decimal(38,0)"))
        row = stored.agg(F.count(F.lit(1)).alias("rows"), hashes.alias("hashes")).first()
        if row["rows"] != self.rows:
            raise RuntimeError(f"{row['rows']} rows were written, not {self.rows}")
        return Counter([row])

    def _shuffled(self, frame: Any) -> Any:
        total = frame["value_0"] * frame["value_1"]
        return frame.withColumn("total", total).repartition(PARTITIONS, "customer")

    def _run_plain(self, target: str) -> Plain:
        started = time.perf_counter()
        hadoop = self._spark.sparkContext._jsc.hadoopConfiguration()
        hadoop.set("fs.s3a.encryption.algorithm", "SSE-KMS")
        hadoop.set("fs.s3a.encryption.key", self._seeded.provisioned.data_key)
        frame = self._shuffled(self._spark.read.parquet(_s3a(self._input)))
        writing = time.perf_counter()
        frame.write.mode("append").parquet(_s3a(target))
        ended = time.perf_counter()
        return Plain(total=ended - started, write=ended - writing)

    def _run_secured(self, target: str) -> Secured:
        from glue_secure import SecureJob

        argv = self._arguments_of_new_run(target)
        begin = time.perf_counter()
        with SecureJob.from_argv("target", argv=argv, spark=self._spark) as job:
            initialised = time.perf_counter()
            frame = self._shuffled(job.read.s3(self._input, format="parquet"))
            job.write.s3(frame, job.args.target, format="parquet")
            written = time.perf_counter()
        ended = time.perf_counter()
        return Secured.of(
            start=initialised - begin,
            body=written - initialised,
            end=ended - written,
            phases={"connect": 0.0, **self._seconds(job.evidence_uri)},  # the job has no database
        )


def main() -> None:
    """Measure and print. The exit code is 0 for every result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mebibytes", type=_at_least_one, default=1024, help="size of the input")
    parser.add_argument("--pairs", type=_at_least_one, default=7, help="pairs to time (default 7)")
    parser.add_argument("--warm-ups", type=_at_least_one, default=1, help="runs of each side before them")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    result = measure(
        (1,),
        pairs=options.pairs,
        warm_ups=options.warm_ups,
        by_name=False,
        report=lambda text: print(text, file=sys.stderr, flush=True),
        create=functools.partial(ParquetBench, mebibytes=options.mebibytes),
    )
    if options.json:
        print(json.dumps({**document(result), "mebibytes": options.mebibytes}, indent=2))
    else:
        print(render(result))


if __name__ == "__main__":
    main()
