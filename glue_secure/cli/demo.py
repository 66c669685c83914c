"""The demo's page: what a person sees, and the same as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from glue_secure.embedded.demo import Step


class Progress:
    """A spinner with the step under way on a terminal; plain lines elsewhere."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console = console
        self._status: Status | None = (
            console.status("starting") if console.is_terminal and not quiet else None
        )

    def __enter__(self) -> Progress:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, text: str) -> None:
        """Say what is going on."""
        if self._status is not None:
            self._status.update(Text(text))
        else:
            self._console.print(Text(f"... {text}", style="dim"))


def console() -> Console:
    """Standard output; wide enough for the table of steps where no terminal says how wide it is."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=120)


class Page:
    """Prints each step as it comes."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console, self._quiet, self._count = console, quiet, 0

    def show(self, step: Step) -> None:
        """One step: its title, its facts or its refusal, and how it ended."""
        self._count += 1
        if self._quiet:
            return
        mark = Text("ok", style="green") if step.as_expected else Text("NOT AS EXPECTED", style="bold red")
        self._console.print(Text(f"\n{self._count}. {step.name}  ", style="bold") + mark)
        for name, value in _lines(step):
            self._console.print(Text(f"   {name:<12}", style="dim") + Text(value), soft_wrap=True)
        if step.refusal:
            self._console.print(
                Text("\n".join(f"   {line}" for line in step.refusal.splitlines())), soft_wrap=True
            )
        if step.log:
            self._console.print(Text(step.log, style="red"), soft_wrap=True)

    def summary(self, steps: Sequence[Step]) -> None:
        """A table of all steps."""
        if self._quiet:
            return
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name, justify in (
            ("step", "left"),
            ("exit", "right"),
            ("control", "left"),
            ("rows in", "right"),
            ("rows out", "right"),
            ("objects", "right"),
            ("seconds", "right"),
        ):
            table.add_column(name, justify=justify)  # type: ignore[arg-type]
        for step in steps:
            table.add_row(
                step.name,
                str(step.exit_code),
                step.control or "",
                _count(step.rows_read) if step.evidence else "",
                _count(step.rows_written) if step.evidence else "",
                str(len(step.objects)),
                f"{step.seconds:.1f}",
            )
        good = sum(step.as_expected for step in steps)
        self._console.print()
        self._console.print(table)
        self._console.print(
            f"\n{good} of {len(steps)} steps ended as they should. Account: embedded, not AWS."
        )


def _lines(step: Step) -> list[tuple[str, str]]:
    lines = [("exit code", f"{step.exit_code}  ({step.seconds:.1f} s)")]
    if step.control is not None:
        lines.append(("written", "nothing" if step.written == 0 else f"{step.written} OBJECTS"))
        if step.evidence:
            lines.append(("evidence", step.evidence))
        return lines
    per_source = ", ".join(f"{read['source']} {_count(read['rows'])}" for read in step.reads)
    lines.append(("rows in", f"{_count(step.rows_read)}  ({per_source})"))
    lines.append(("rows out", _count(step.rows_written)))
    pairs = sorted({(seen["algorithm"], seen["key"]) for seen in step.objects})
    lines.append(("objects", f"{len(step.objects)} written, {len(step.objects)} read back"))
    lines += [("", f"{algorithm} {key}") for algorithm, key in pairs]
    if step.tls:
        lines.append(
            (
                "database",
                f"{step.tls['protocol']} {step.tls['cipher']} ({step.tls['source']}), {step.tls['host']}",
            )
        )
    bookmark = step.bookmark
    if bookmark:
        moved = f"sequence {bookmark['sequence_before']} to {bookmark['sequence_after']}"
        lines.append(("bookmark", f"{moved}  {bookmark['uri']}"))
    phases = ", ".join(
        f"{name} {seconds:.2f}" for name, seconds in sorted(step.phases.items(), key=lambda p: -p[1])
    )
    lines.append(("seconds", phases))
    lines.append(("evidence", step.evidence or "none"))
    return lines


def _count(rows: int | None) -> str:
    return "not measured" if rows is None else f"{rows:,}"


def document(steps: Sequence[Step]) -> Mapping[str, Any]:
    """The demo as one JSON document."""
    rows = []
    for step in steps:
        row = asdict(step)
        row["expected"] = {"exit_code": step.expected[0], "control": step.expected[1]}
        row["as_expected"] = step.as_expected
        rows.append(row)
    return {"account": "embedded", "as_expected": all(step.as_expected for step in steps), "steps": rows}
