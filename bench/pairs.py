"""What pairs of runs amount to: a secured run split into job proper and guard, ratios, their spread.

Pure: numbers in, text and JSON out. ``job_overhead.py`` says how the numbers come about.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

TARGET = 1.02
"""What the job proper may cost, secured over plain. A statement printed beside the result, not a test."""

STARTING = ("preflight", "settings", "bookmark")
WITHIN = ("list", "connect", "verify")
PHASES = ("preflight", "settings", "bookmark", "clients", "list", "connect", "verify", "commit", "evidence")


@dataclass(frozen=True, slots=True)
class Plain:
    """One run in plain PySpark, in seconds.

    Attributes:
        total: all of it, which is also its job proper.
        write: the part that is the write call.
    """

    total: float
    write: float


@dataclass(frozen=True, slots=True)
class Secured:
    """One secured run, in seconds.

    Attributes:
        total: from before ``from_argv`` to after the block.
        proper: the job proper, as the module defines it.
        write: the part of it that is the engine's write, counting of rows included.
        phases: what the guard did apart from it, by the names in ``PHASES``; ``total`` less ``proper``.
    """

    total: float
    proper: float
    write: float
    phases: Mapping[str, float]

    @classmethod
    def of(cls, *, start: float, body: float, end: float, noted: Mapping[str, float]) -> Secured:
        """Split a run's three stretches by the phases that its evidence notes.

        Raises:
            ValueError: the evidence lacks a phase, or a phase is longer than the stretch it lies in:
                the evidence notes its phases in another way than is assumed here.
        """
        missing = [name for name in (*STARTING, *WITHIN, "write", "commit") if name not in noted]
        if missing:
            raise ValueError(f"the evidence notes no {', '.join(missing)}, only {', '.join(sorted(noted))}")
        phases = {name: noted[name] for name in (*STARTING, *WITHIN, "commit")}
        phases["clients"] = start - sum(noted[name] for name in STARTING)
        phases["evidence"] = end - noted["commit"]
        proper = body - sum(noted[name] for name in WITHIN)
        if min(phases["clients"], phases["evidence"], proper) < 0:
            raise ValueError(f"phases {dict(noted)} do not fit {start=:.3f} {body=:.3f} {end=:.3f}")
        return cls(
            total=start + body + end,
            proper=proper,
            write=noted["write"],
            phases={name: phases[name] for name in PHASES},
        )


@dataclass(frozen=True, slots=True)
class Pair:
    """A plain and a secured run, one after the other.

    Attributes:
        plain_first: which came first.
        load: the machine's load average over a minute, when both had ended.
    """

    plain: Plain
    secured: Secured
    plain_first: bool
    load: float

    @property
    def proper(self) -> float:
        """Job proper, secured over plain."""
        return self.secured.proper / self.plain.total

    @property
    def whole(self) -> float:
        """Whole run, secured over plain."""
        return self.secured.total / self.plain.total

    @property
    def write(self) -> float:
        """The write alone, secured over plain."""
        return self.secured.write / self.plain.write


@dataclass(frozen=True, slots=True)
class Spread:
    """Where values lie.

    Attributes:
        lower: the first quartile.
        upper: the third.
        sure: between these two values the true median lies with 95 % or more, whatever the distribution;
            None for fewer than six values, which cannot say so.
    """

    median: float
    lower: float
    upper: float
    lowest: float
    highest: float
    sure: tuple[float, float] | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of at least one value; quartiles are interpolated between values, as NumPy does."""
        ordered = sorted(values)
        lower, median, upper = (
            statistics.quantiles(ordered, n=4, method="inclusive") if len(ordered) > 1 else ordered * 3
        )
        cut = _outside(len(ordered))
        sure = (ordered[cut - 1], ordered[-cut]) if cut else None
        return cls(median, lower, upper, ordered[0], ordered[-1], sure)

    def __str__(self) -> str:
        return (
            f"{self.median:.3f}  (quartiles {self.lower:.3f}..{self.upper:.3f}, "
            f"all {self.lowest:.3f}..{self.highest:.3f})"
        )


def _outside(count: int) -> int:
    """The k for which the k-th lowest and k-th highest of ``count`` values enclose the median with 95 %.

    A value is below the true median as a coin falls, so the k-th lowest is above it as rarely as ``count``
    tosses give fewer than k heads. 0 where even the ends are not that sure.
    """
    chance, k = 0.0, 0
    while True:
        chance += math.comb(count, k) / 2**count
        if 2 * chance > 0.05:
            return k
        k += 1


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured.

    Attributes:
        months: of the input.
        rows: of flights read by each run.
        by_name: whether the plain side read the objects by name, not their prefix.
        cores: of the machine.
        load: its load average over a minute, before anything was started.
        pairs: in the order they ran.
    """

    months: tuple[int, ...]
    rows: int
    by_name: bool
    cores: int
    load: float
    pairs: tuple[Pair, ...]

    def spread(self, value: Callable[[Pair], float]) -> Spread:
        """The spread of one figure over the pairs."""
        return Spread.of([value(pair) for pair in self.pairs])

    def phase(self, name: str) -> Spread:
        """Seconds of one phase of the guard."""
        return self.spread(lambda pair: pair.secured.phases[name])

    def apart(self) -> Spread:
        """Seconds of all the guard's phases together."""
        return self.spread(lambda pair: pair.secured.total - pair.secured.proper)


def verdict(ratio: Spread, target: float = TARGET) -> str:
    """How a ratio stands to its target: where the median may lie on both sides of it, nothing is decided."""
    if ratio.sure is None:
        return "undecided: fewer than six pairs"
    if ratio.sure[1] <= target:
        return "met"
    if ratio.sure[0] > target:
        return "missed"
    return f"undecided: the median lies in {ratio.sure[0]:.3f}..{ratio.sure[1]:.3f} with 95 %"


def plain_first(number: int) -> bool:
    """Whether the plain run comes first in this pair (counted from 0): in every other one."""
    return number % 2 == 0


def render(result: Result) -> str:
    """The result as text."""
    proper, loads = result.spread(lambda pair: pair.proper), [pair.load for pair in result.pairs]
    months, read = (
        ", ".join(map(str, result.months)),
        "each object by name" if result.by_name else "the prefix",
    )
    lines = [
        f"{len(result.pairs)} pairs, months {months}, {result.rows} flights a run; plain reads {read}",
        f"{result.cores} cores, load {result.load:.1f} before, {min(loads):.1f}..{max(loads):.1f} meanwhile "
        "(the bench alone makes about 2; more is somebody else)",
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
        f"of which the guard, apart from the job proper: {result.apart()}",
        *(f"  {name:<11}  {result.phase(name)}" for name in PHASES),
    ]
    return "\n".join(lines)


def document(result: Result) -> dict[str, Any]:
    """The result as one JSON document: ratios and seconds as spreads, then every pair."""
    ratios = {
        "job_proper": result.spread(lambda pair: pair.proper),
        "write": result.spread(lambda pair: pair.write),
        "whole_run": result.spread(lambda pair: pair.whole),
    }
    seconds = {
        "plain": result.spread(lambda pair: pair.plain.total),
        "job_proper": result.spread(lambda pair: pair.secured.proper),
        "whole_run": result.spread(lambda pair: pair.secured.total),
        "guard_apart": result.apart(),
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
