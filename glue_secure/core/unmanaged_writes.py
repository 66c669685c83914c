"""What a session wrote past the guarded calls, as values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UnmanagedWrite:
    """One write that Spark itself performed, of which the funnel knew nothing.

    Attributes:
        place: the path as Spark told it; ``""`` when it told none.
        format: Spark's class or name of what was written.
        rows: rows written; None when nothing measured them.
        failed: whether Spark gave up on it; bytes may lie there all the same.
        problem: why no place is told; ``""`` when one is.
    """

    place: str
    format: str
    rows: int | None = None
    failed: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class UnmanagedWriteReport:
    """Everything native since the last look, and whether the look can be relied on.

    Attributes:
        writes: each native write.
        doubts: why something may have been missed; none when nothing was.
    """

    writes: tuple[UnmanagedWrite, ...] = ()
    doubts: tuple[str, ...] = ()
