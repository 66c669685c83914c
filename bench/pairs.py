"""Evaluation of pairs of runs: job proper and other phases of a secured run, ratios, and their spread.

This module measures nothing; ``job_overhead.py`` describes the measurement.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

TARGET = 1.02
"""The target for the ratio of the job proper, secured over plain. It is printed, and not tested."""

STARTING = ("preflight", "settings", "bookmark")
WITHIN = ("list", "connect", "verify")
PHASES = ("preflight", "settings", "bookmark", "clients", "list", "connect", "verify", "commit", "evidence")


@dataclass(frozen=True, slots=True)
class Plain:
    """One run in plain PySpark, in seconds.

    Attributes:
        total: the whole run, which is also its job proper.
        write: the write call.
    """

    total: float
    write: float


@dataclass(frozen=True, slots=True)
class Secured:
    """One secured run, in seconds.

    Attributes:
        total: from before ``from_argv`` to after the block.
        proper: the job proper, as ``job_overhead.py`` defines it.
        write: the engine's write with its row count, a part of the job proper.
        phases: the other phases, by the names in ``PHASES``; together ``total`` minus ``proper``.
    """

    total: float
    proper: float
    write: float
    phases: Mapping[str, float]

    @classmethod
    def of(cls, *, start: float, body: float, end: float, phases: Mapping[str, float]) -> Secured:
        """Split the three parts of a run by the phases in its evidence.

        Args:
            start: seconds until the block starts.
            body: seconds from the first read to the return of the write.
            end: seconds after that.
            phases: seconds by phase, from the evidence.

        Raises:
            ValueError: a phase is missing, or longer than the part that contains it.
        """
        missing = [name for name in (*STARTING, *WITHIN, "write", "commit") if name not in phases]
        if missing:
            raise ValueError(f"the evidence has no {', '.join(missing)}, only {', '.join(sorted(phases))}")
        seconds = {name: phases[name] for name in (*STARTING, *WITHIN, "commit")}
        seconds["clients"] = start - sum(phases[name] for name in STARTING)
        seconds["evidence"] = end - phases["commit"]
        proper = body - sum(phases[name] for name in WITHIN)
        if min(seconds["clients"], seconds["evidence"], proper) < 0:
            raise ValueError(f"phases {dict(phases)} do not fit {start=:.3f} {body=:.3f} {end=:.3f}")
        return cls(
            total=start + body + end,
            proper=proper,
            write=phases["write"],
            phases={name: seconds[name] for name in PHASES},
        )


@dataclass(frozen=True, slots=True)
class Pair:
    """A plain and a secured run, one after the other.

    Attributes:
        plain_first: whether the plain run came first.
        load: the machine's load average over a minute, after both runs.
    """

    plain: Plain
    secured: Secured
    plain_first: bool
    load: float

    @property
    def proper(self) -> float:
        """The ratio of the job proper, secured over plain."""
        return self.secured.proper / self.plain.total

    @property
    def whole(self) -> float:
        """The ratio of the whole run, secured over plain."""
        return self.secured.total / self.plain.total

    @property
    def write(self) -> float:
        """The ratio of the write alone, secured over plain."""
        return self.secured.write / self.plain.write


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, quartiles and extremes of some values.

    Attributes:
        lower: the first quartile.
        upper: the third quartile.
        sure: an interval that contains the true median with at least 95 %, for any distribution; None for
            fewer than six values, which allow no such interval.
    """

    median: float
    lower: float
    upper: float
    lowest: float
    highest: float
    sure: tuple[float, float] | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of at least one value; quartiles are interpolated as in NumPy."""
        ordered = sorted(values)
        lower, median, upper = (
            statistics.quantiles(ordered, n=4, method="inclusive") if len(ordered) > 1 else ordered * 3
        )
        position = _confidence_position(len(ordered))
        sure = (ordered[position - 1], ordered[-position]) if position else None
        return cls(median, lower, upper, ordered[0], ordered[-1], sure)

    def __str__(self) -> str:
        return (
            f"{self.median:.3f}  (quartiles {self.lower:.3f}..{self.upper:.3f}, "
            f"all {self.lowest:.3f}..{self.highest:.3f})"
        )


def _confidence_position(count: int) -> int:
    """Return the k for which the k-th lowest and k-th highest value enclose the true median with 95 %.

    A value is below the true median with probability 1/2, so the k-th lowest of ``count`` values is above it
    with the probability that ``count`` coin tosses give fewer than k heads. The result is 0 if the lowest and
    the highest value do not reach 95 %.
    """
    chance, k = 0.0, 0
    while True:
        chance += math.comb(count, k) / 2**count
        if 2 * chance > 0.05:
            return k
        k += 1


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a measurement.

    Attributes:
        months: the months of the input.
        rows: the flights that each run reads.
        by_name: whether the plain side read the objects by name instead of a prefix.
        cores: the machine's cores.
        load: its load average over a minute, before the start.
        pairs: the pairs, in order.
    """

    months: tuple[int, ...]
    rows: int
    by_name: bool
    cores: int
    load: float
    pairs: tuple[Pair, ...]

    def spread(self, value: Callable[[Pair], float]) -> Spread:
        """Return the spread of one figure over the pairs."""
        return Spread.of([value(pair) for pair in self.pairs])

    def phase(self, name: str) -> Spread:
        """Return the seconds of one phase of secured runs."""
        return self.spread(lambda pair: pair.secured.phases[name])

    def phases(self) -> Spread:
        """Return the seconds of all phases of secured runs."""
        return self.spread(lambda pair: pair.secured.total - pair.secured.proper)


def verdict(ratio: Spread, target: float = TARGET) -> str:
    """Compare a ratio with its target. The result is undecided if the median may be on either side of it."""
    if ratio.sure is None:
        return "undecided: fewer than six pairs"
    if ratio.sure[1] <= target:
        return "met"
    if ratio.sure[0] > target:
        return "missed"
    return f"undecided: the median is in {ratio.sure[0]:.3f}..{ratio.sure[1]:.3f} with 95 %"


def plain_first(number: int) -> bool:
    """Return whether the plain run comes first in a pair (counted from 0): in every other pair."""
    return number % 2 == 0


def render(result: Result) -> str:
    """Return the result as text."""
    proper, loads = result.spread(lambda pair: pair.proper), [pair.load for pair in result.pairs]
    months = ", ".join(map(str, result.months))
    source = "each object by name" if result.by_name else "the prefix"
    lines = [
        f"{len(result.pairs)} pairs, months {months}, {result.rows} flights a run; plain reads {source}",
        f"{result.cores} cores, load {result.load:.1f} before, {min(loads):.1f}..{max(loads):.1f} meanwhile "
        "(the benchmark causes about 2; more is other load)",
        "",
        "secured over plain within each pair: median",
        f"  job proper   {proper}",
        f"               target at most {TARGET}: {verdict(proper)}",
        f"  write alone  {result.spread(lambda pair: pair.write)}",
        f"  whole run    {result.spread(lambda pair: pair.whole)}",
        "",
        "seconds a run: median",
        f"  plain        {result.spread(lambda pair: pair.plain.total)}",
        f"  job proper   {result.spread(lambda pair: pair.secured.proper)}",
        f"  whole run    {result.spread(lambda pair: pair.secured.total)}",
        "",
        f"of which other phases than the job proper: {result.phases()}",
        *(f"  {name:<11}  {result.phase(name)}" for name in PHASES),
    ]
    return "\n".join(lines)


def document(result: Result) -> dict[str, Any]:
    """Return the result as a JSON document: spreads of ratios and seconds, then every pair."""
    ratios = {
        "job_proper": result.spread(lambda pair: pair.proper),
        "write": result.spread(lambda pair: pair.write),
        "whole_run": result.spread(lambda pair: pair.whole),
    }
    seconds = {
        "plain": result.spread(lambda pair: pair.plain.total),
        "job_proper": result.spread(lambda pair: pair.secured.proper),
        "whole_run": result.spread(lambda pair: pair.secured.total),
        "guard_apart": result.phases(),
        **{name: result.phase(name) for name in PHASES},
    }
    return {
        "months": list(result.months),
        "rows": result.rows,
        "by_name": result.by_name,
        "cores": result.cores,
        "load_before": result.load,
        "target": TARGET,
        "verdict": verdict(ratios["job_proper"]),
        "ratios": {name: asdict(spread) for name, spread in ratios.items()},
        "seconds": {name: asdict(spread) for name, spread in seconds.items()},
        "pairs": [
            {**asdict(pair), "proper": pair.proper, "write": pair.write, "whole": pair.whole}
            for pair in result.pairs
        ],
    }
