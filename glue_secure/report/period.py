"""What the HTML report of a period shows: its runs on a time line, and what they have in common."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from glue_secure.core.controls import Control
from glue_secure.report.document import parse_time, text
from glue_secure.report.results import Result, not_passed, results
from glue_secure.report.stored import NOT_ENDED, StoredRun
from glue_secure.report.view import (
    FAILED,
    LABELS,
    PASSED,
    TOLERATED,
    UNKNOWN,
    Connection,
    Exemption,
    Limited,
    Place,
    by_rows,
    connections,
    count_objects,
    encryption_counts,
    exemptions,
    headline,
    places_read,
    places_written,
    state,
    total,
)

COLUMNS = 60
"""Number of columns of the time line."""
_MOST_RUNS, _MOST_JOBS = 500, 50
_STATES = (FAILED, UNKNOWN, TOLERATED, PASSED)


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in the table of runs.

    Attributes:
        at: its end; of a run without an end, its start. UTC.
        state: as in :mod:`.view`.
        verdict: its headline.
        rows_read: number of rows, as text.
        rows_written: number of rows, as text.
        objects: number of objects written.
        seconds: duration, None without an end.
    """

    job: str
    run_id: str
    at: datetime
    state: str
    verdict: str
    rows_read: str = ""
    rows_written: str = ""
    objects: int = 0
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """The runs of a job in a column of the time line.

    Attributes:
        left: position, in percent of the width.
        parts: state, top and height in percent, the worst state at the top.
        label: the column's time and numbers.
    """

    left: float
    parts: Sequence[tuple[str, float, float]]
    label: str


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job in the time line: its name, its numbers by state from the worst, and its bars."""

    job: str
    counts: Sequence[tuple[str, int]]
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class Problem:
    """A control that did not pass in some runs, with its newest result."""

    control: Control
    verdict: str
    runs: int
    jobs: Limited[str]
    last: datetime
    newest: Result


@dataclass(frozen=True, slots=True)
class PeriodView:
    """The page of a period.

    Attributes:
        jobs: names of the jobs.
        first: time of the first run.
        last: time of the last run.
        state: the worst state of a run.
        headline: the verdict, in a sentence.
        figures: name and value of the most important numbers.
        ticks: times below the time line.
        lines: the time line.
        problems: controls that did not pass.
        runs: the runs, newest first.
        keys: purpose and ARN of each key, number of runs.
        configurations: name of each security configuration, number of runs.
        accounts: id, kind and Region of each account, number of runs.
        callers: each caller, number of runs.
        sources: what was read; rows and objects are totals.
        targets: what was written.
        encryption: number of objects for each algorithm and key.
        connections: TLS facts of the newest run of each connection.
        exemptions: exceptions, from the newest run; uses are totals.
    """

    jobs: Sequence[str]
    first: datetime
    last: datetime
    state: str
    headline: str
    figures: Sequence[tuple[str, str]]
    ticks: Sequence[str]
    lines: Limited[JobLine]
    problems: Limited[Problem]
    runs: Limited[RunRow]
    keys: Limited[tuple[str, str, int]]
    configurations: Limited[tuple[str, int]]
    accounts: Limited[tuple[str, str, str, int]]
    callers: Limited[tuple[str, int]]
    sources: Limited[Place]
    targets: Limited[Place]
    encryption: Limited[tuple[str, int]]
    connections: Limited[Connection]
    exemptions: Limited[Exemption]


@dataclass(slots=True)
class _Period:
    """The facts of the runs so far. Documents are not stored, because there may be thousands."""

    rows: list[RunRow] = field(default_factory=list)
    failing: dict[str, list[tuple[RunRow, Result]]] = field(default_factory=lambda: defaultdict(list))
    keys: Counter[tuple[str, str]] = field(default_factory=Counter)
    configurations: Counter[str] = field(default_factory=Counter)
    accounts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    callers: Counter[str] = field(default_factory=Counter)
    sources: dict[str, Place] = field(default_factory=dict)
    targets: dict[str, Place] = field(default_factory=dict)
    encryption: Counter[str] = field(default_factory=Counter)
    connections: dict[tuple[str, str], Connection] = field(default_factory=dict)
    exemptions: dict[tuple[str, str, str], Exemption] = field(default_factory=dict)
    checks: int = 0

    def add(self, run: StoredRun, today: date) -> None:
        """Add a run. Runs are added from the newest to the oldest."""
        document = run.document
        found = results(document)
        sources, targets = [*places_read(document)], [*places_written(document)]
        started, finished = parse_time(document.get("started")), parse_time(document.get("finished"))
        row = RunRow(
            text(document.get("job")) or run.job,
            text(document.get("run_id")) or run.run_id,
            finished or run.stored,
            state(run, found),
            headline(run, found),
        )
        if run.outcome != NOT_ENDED:
            row = replace(
                row,
                rows_read=total(place.rows for place in sources),
                rows_written=total(place.rows for place in targets),
                objects=count_objects(document),
                seconds=(finished - started).total_seconds() if started and finished else None,
            )
        self.rows.append(row)
        self.checks += sum(one.checks for one in found)
        seen: set[str] = set()
        for one in not_passed(found):
            if one.control not in seen:
                seen.add(one.control)
                self.failing[one.control].append((row, one))
        self.keys.update((text(purpose), text(key)) for purpose, key in (document.get("keys") or {}).items())
        if document.get("security_configuration"):
            self.configurations[text(document["security_configuration"])] += 1
        if document.get("account_id") or document.get("account"):
            identifier, kind, region = (
                text(document.get(name)) for name in ("account_id", "account", "region")
            )
            self.accounts[identifier, kind, region] += 1
        if document.get("caller"):
            self.callers[text(document["caller"])] += 1
        for every, places in ((self.sources, sources), (self.targets, targets)):
            for place in places:
                before = every.get(place.name)
                every[place.name] = place if before is None else before.plus(place)
        self.encryption.update(encryption_counts(document))
        for connection in connections(document, today):
            self.connections.setdefault((connection.name, connection.host), connection)
        for each in exemptions(document, today):
            key = each.control, each.resource, each.ticket
            newest = self.exemptions.get(key)
            uses = each.uses if newest is None else newest.uses + each.uses
            self.exemptions[key] = replace(newest or each, uses=uses)


def view(runs: Iterable[StoredRun], today: date) -> PeriodView:
    """Return the page of a period.

    Args:
        runs: the runs with their documents, newest first; at least one.
        today: the day of the report, UTC.

    Raises:
        ValueError: there are no runs.
    """
    period = _Period()
    for run in runs:
        period.add(run, today)
    rows = sorted(period.rows, key=lambda row: row.at, reverse=True)
    if not rows:
        raise ValueError("no runs")
    first, last = rows[-1].at, rows[0].at
    states = Counter(row.state for row in rows)
    by_job: dict[str, list[RunRow]] = defaultdict(list)
    for row in rows:
        by_job[row.job].append(row)
    return PeriodView(
        jobs=sorted(by_job),
        first=first,
        last=last,
        state=next(name for name in _STATES if states[name]),
        headline=_headline(rows, states),
        figures=[
            ("runs", f"{len(rows):,}"),
            ("jobs", f"{len(by_job):,}"),
            ("checks", f"{period.checks:,}"),
            ("controls that did not pass", f"{len(period.failing):,}"),
            ("objects verified", f"{sum(row.objects for row in rows):,}"),
            ("keys", f"{len({key for _, key in period.keys}):,}"),
        ],
        ticks=_ticks(first, last),
        lines=Limited.of(
            sorted(
                (_line(job, found, first, last) for job, found in by_job.items()),
                key=lambda line: (*(-dict(line.counts).get(name, 0) for name in _STATES[:2]), line.job),
            ),
            _MOST_JOBS,
        ),
        problems=Limited.of(
            sorted(
                (_problem(found) for found in period.failing.values()),
                key=lambda one: (one.newest.reported, one.verdict != "FAIL", -one.runs),
            )
        ),
        runs=Limited.of(rows, _MOST_RUNS),
        keys=Limited.of((*pair, count) for pair, count in period.keys.most_common()),
        configurations=Limited.of(period.configurations.most_common()),
        accounts=Limited.of((*account, count) for account, count in period.accounts.most_common()),
        callers=Limited.of(period.callers.most_common()),
        sources=Limited.of(sorted(period.sources.values(), key=by_rows)),
        targets=Limited.of(sorted(period.targets.values(), key=by_rows)),
        encryption=Limited.of(period.encryption.most_common()),
        connections=Limited.of(period.connections.values()),
        exemptions=Limited.of(sorted(period.exemptions.values(), key=lambda one: one.expires)),
    )


def _headline(rows: Sequence[RunRow], states: Counter[str]) -> str:
    if states[PASSED] == len(rows):
        return (
            "Every run succeeded, and all checks passed"
            if len(rows) > 1
            else "The run succeeded, and all checks passed"
        )
    words = {
        FAILED: "refused or failed",
        UNKNOWN: "not verified",
        TOLERATED: "with reported findings",
        PASSED: "succeeded with all checks passed",
    }
    counted = ", ".join(f"{states[name]:,} {words[name]}" for name in _STATES if states[name])
    return f"{len(rows):,} {'run' if len(rows) == 1 else 'runs'}: {counted}"


def _problem(found: Sequence[tuple[RunRow, Result]]) -> Problem:
    newest = max(found, key=lambda pair: pair[0].at)
    verdict = "FAIL" if any(one.verdict == "FAIL" for _, one in found) else "UNKNOWN"
    jobs = Limited.of(sorted({row.job for row, _ in found}), 5)
    return Problem(newest[1].known, verdict, len(found), jobs, newest[0].at, newest[1])


def _line(job: str, rows: Sequence[RunRow], first: datetime, last: datetime) -> JobLine:
    span = (last - first) or timedelta(seconds=1)
    columns: dict[int, list[RunRow]] = defaultdict(list)
    for row in rows:
        columns[min(COLUMNS - 1, int((row.at - first) / span * COLUMNS))].append(row)
    counts = Counter(row.state for row in rows)
    bars = [_bar(column, columns[column]) for column in sorted(columns)]
    return JobLine(job, [(name, counts[name]) for name in _STATES if counts[name]], bars)


def _bar(column: int, rows: Sequence[RunRow]) -> Bar:
    counts = Counter(row.state for row in rows)
    parts, top = [], 0.0
    for name in _STATES:
        if counts[name]:
            height = 100 * counts[name] / len(rows)
            parts.append((name, round(top, 2), round(height, 2)))
            top += height
    times = sorted({f"{row.at:%Y-%m-%d %H:%M}" for row in rows})
    when = times[0] if len(times) == 1 else f"{times[0]} to {times[-1]}"
    words = ", ".join(f"{counts[name]} {LABELS[name]}" for name in _STATES if counts[name])
    return Bar(round(100 * column / COLUMNS, 3), parts, f"{when}: {words}")


def _ticks(first: datetime, last: datetime) -> list[str]:
    form = "%Y-%m-%d %H:%M" if last - first < timedelta(days=3) else "%Y-%m-%d"
    return [f"{first:{form}}", f"{first + (last - first) / 2:{form}}", f"{last:{form}}"]
