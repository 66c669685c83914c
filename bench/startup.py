"""Start to the first row read: ``glue-secure run``, and spark-submit of a plain script.

Both scripts read one CSV object of the embedded account, and print a line when they have its first row. The
clock starts before the process is created. The plain side has the same Spark settings without the request
guard, and reads with the same credentials. Pairs in alternating order, after one warm-up of each side. The
processor time is that of the whole run, from the start to the end of all of its processes.
``glue-secure run --profile`` prints the phases of a run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from pairs import Spread

MARK = "the first row was read"
_PLAIN = f"""import sys
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
assert spark.read.csv(sys.argv[1], header=True).first()
print("{MARK}", flush=True)
"""
_SECURED = f"""from glue_secure import SecureJob

with SecureJob.from_argv("source") as job:
    assert job.read.s3(job.args.source, format="csv").first()
    print("{MARK}", flush=True)
"""


def first_row(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """Run a command to its end.

    Return the seconds from its start to the line that says it has the first row, and its processor time.
    """
    with tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, env=dict(environment), stdout=subprocess.PIPE, stderr=errors, text=True
        )
        seconds: float | None = None
        output = []
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(MARK):
                seconds = time.perf_counter() - started
            output.append(line)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        if process.returncode or seconds is None:
            errors.seek(0)
            text = "".join((*output, errors.read()))
            raise RuntimeError(f"{' '.join(command)}: exit code {process.returncode}\n{text}")
        return seconds, usage.ru_utime + usage.ru_stime


def measure(pairs: int, report: Callable[[str], None]) -> dict[str, list[float]]:
    """Return the seconds and the processor time of both sides, and their ratios, of each pair."""
    from glue_secure.embedded import environment, seed
    from glue_secure.embedded.launch import spark_submit
    from glue_secure.embedded.lifecycle import embedded_account

    with tempfile.TemporaryDirectory() as folder, embedded_account(progress=report) as account:
        seeded = seed.seed_flights(account, months=(1,), progress=report)
        plain, secured = Path(folder, "plain.py"), Path(folder, "secured.py")
        plain.write_text(_PLAIN)
        secured.write_text(_SECURED)
        plainly = environment.overlay({**os.environ, "GLUE_SECURE_LOCAL_REQUEST_GUARD": "off"}, account)
        safely = {**os.environ, "GLUE_SECURE_LOCAL_STATE": str(account.state)}
        program = str(Path(sys.executable).with_name("glue-secure"))
        sides = {
            "plain": lambda: first_row([*spark_submit(), str(plain), seeded.source], plainly),
            "secured": lambda: first_row([program, "run", str(secured), "--source", seeded.source], safely),
        }
        measured: dict[str, list[float]] = {
            name: [] for name in (*sides, "ratio", *(f"{side}_processor" for side in (*sides, "ratio")))
        }
        for number in range(-1, pairs):
            order = ("plain", "secured") if number % 2 else ("secured", "plain")
            found = {side: sides[side]() for side in order}
            if number < 0:
                continue
            for position, suffix in enumerate(("", "_processor")):
                values = {side: found[side][position] for side in sides}
                for side, value in values.items():
                    measured[f"{side}{suffix}"].append(value)
                measured[f"ratio{suffix}"].append(values["secured"] / values["plain"])
            report(
                f"pair {number + 1} of {pairs}: {found['plain'][0]:.2f} and {found['secured'][0]:.2f} s, "
                f"{found['plain'][1]:.2f} and {found['secured'][1]:.2f} s of processor time"
            )
        return measured


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    measured = measure(options.pairs, lambda text: print(text, file=sys.stderr, flush=True))
    spreads = {name: Spread.of(values) for name, values in measured.items()}
    if options.json:
        summary = {name: asdict(spread) for name, spread in spreads.items()}
        print(json.dumps({"pairs": options.pairs, "measured_pairs": measured, "summary": summary}))
        return
    for name, spread in spreads.items():
        print(f"{name:<18} {spread}  (mean {statistics.mean(measured[name]):.3f})")


if __name__ == "__main__":
    main()
