"""Calls from Python to the JVM (py4j) of a secured job and of the same job in plain PySpark, by step.

Each call is a message over a socket. Other programs on the machine do not change the number of calls. The
jobs are those of ``job_overhead.py``, on one month. The first run of each side is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from job_overhead import TABLES, bench


class Crossings:
    """Counts calls to the JVM by the current step."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.step = "other"

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count until the end of the block."""
        from py4j.clientserver import ClientServerConnection
        from py4j.java_gateway import GatewayConnection

        originals = [(kind, kind.send_command) for kind in (ClientServerConnection, GatewayConnection)]

        def wrap(original: Any) -> Any:
            def send(connection: Any, command: str, *arguments: Any, **options: Any) -> Any:
                if not command.startswith("m\nd\n"):  # the release of an object that Python no longer uses
                    self.counts[self.step] += 1
                return original(connection, command, *arguments, **options)

            return send

        for kind, original in originals:
            kind.send_command = wrap(original)
        try:
            yield
        finally:
            for kind, original in originals:
                kind.send_command = original


def measure() -> dict[str, dict[str, int]]:
    """Return the number of calls of both sides by step."""
    from glue_secure import SecureJob

    result: dict[str, dict[str, int]] = {}
    with bench((1,), lambda text: print(text, file=sys.stderr, flush=True), by_name=True) as sides:
        sides.check()
        crossings = Crossings()
        target = sides._target("secured")
        argv = sides._arguments_of_new_run(target)
        with crossings.counted():
            crossings.step = "start"
            with SecureJob.from_argv("source", "target", "connection", argv=argv, spark=sides._spark) as job:
                crossings.step = "read S3"
                flights = job.read.s3(job.args.source, format="csv", bookmark="flights")
                crossings.step = "read three tables"
                tables = [job.read.jdbc(connection=job.args.connection, table=name) for name in TABLES]
                crossings.step = "join"
                curated = sides._delays(flights, *tables)
                crossings.step = "write"
                job.write.s3(curated, job.args.target, format="parquet", partition_by=("year", "month"))
                crossings.step = "commit"
        result["secured"] = dict(crossings.counts)
        crossings = Crossings()
        crossings.step = "whole job"
        with crossings.counted():
            sides._run_plain(sides._target("plain"))
        result["plain"] = dict(crossings.counts)
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    os.environ.setdefault("PYSPARK_PIN_THREAD", "true")
    result = measure()
    if options.json:
        print(json.dumps(result))
        return
    for side, counts in result.items():
        print(f"{side}: {sum(counts.values())} calls")
        for step, count in counts.items():
            print(f"  {step:<18} {count}")


if __name__ == "__main__":
    main()
