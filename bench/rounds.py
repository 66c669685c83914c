"""The command line of a bench whose rounds measure several ways; it prints text or JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from pairs import Spread

Say = Callable[[str], None]


def run(
    told: str | None,
    measure: Callable[[int, int, int, Say], Mapping[str, Any]],
    summary: Callable[[Mapping[str, Any]], Mapping[str, Mapping[str, Spread]]],
    render: Callable[[Mapping[str, Any]], str],
    *,
    rows: int,
    rounds: int,
    cores: int,
) -> None:
    """Measure and print.

    Args:
        told: the bench's own text; its first line is the command's.
        measure: rows, rounds, cores, and whom to tell of progress.
        summary: spreads of what was measured, by way and figure.
        render: the same as text.
        rows: by default.
        rounds: by default.
        cores: by default.
    """
    parser = argparse.ArgumentParser(description=(told or "").splitlines()[0])
    for name, default in (("rows", rows), ("rounds", rounds), ("cores", cores)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args()
    found = measure(
        asked.rows, asked.rounds, asked.cores, lambda text: print(text, file=sys.stderr, flush=True)
    )
    if asked.json:
        spreads = {
            way: {what: asdict(one) for what, one in figures.items()}
            for way, figures in summary(found).items()
        }
        print(json.dumps({**found, "summary": spreads}))
    else:
        print(render(found))
