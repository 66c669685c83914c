"""Command line of a benchmark that measures several variants in rounds, and prints text or JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from pairs import Spread

Report = Callable[[str], None]


def run(
    description: str | None,
    measure: Callable[[int, int, int, Report], Mapping[str, Any]],
    summary: Callable[[Mapping[str, Any]], Mapping[str, Mapping[str, Spread]]],
    render: Callable[[Mapping[str, Any]], str],
    *,
    rows: int,
    rounds: int,
    cores: int,
) -> None:
    """Measure and print.

    Args:
        description: the benchmark's docstring; its first line is the command's description.
        measure: takes rows, rounds, cores and a function that reports progress; returns the measurements.
        summary: returns the spreads of the measurements, by variant and figure.
        render: returns the measurements as text.
        rows: default number of rows.
        rounds: default number of rounds.
        cores: default number of cores.
    """
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    for name, default in (("rows", rows), ("rounds", rounds), ("cores", cores)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    measurements = measure(
        arguments.rows,
        arguments.rounds,
        arguments.cores,
        lambda text: print(text, file=sys.stderr, flush=True),
    )
    if arguments.json:
        spreads = {
            variant: {name: asdict(spread) for name, spread in figures.items()}
            for variant, figures in summary(measurements).items()
        }
        print(json.dumps({**measurements, "summary": spreads}))
    else:
        print(render(measurements))
