"""The gate of a run: holds a frame against a suite on its way to a sink, and says what may go on."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from glue_secure.core.arguments import QUARANTINE, SUITES
from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.core.evidence import GateRecord, GateRule
from glue_secure.core.findings import failed, passed
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.redaction import redacting_logger
from glue_secure.core.service import ServiceError
from glue_secure.quality.checker import RULES_COLUMN, Checked, Checker, Outcome
from glue_secure.quality.expectations import require_package
from glue_secure.quality.suite import OnFailure, Severity, Suite

_LOG = redacting_logger(__name__)
_TOLD = 5  # broken rules that a message lists


class Gate:
    """Holds the suites that a run named at its start.

    Args:
        objects: where suites in S3 lie (``ports.ObjectStore``).
        recorder: where outcomes are noted.
        funnel: what writes quarantined rows, guarded as every other write.
        run: the run's id.
        quarantine: where rows are set apart when a call does not say.
    """

    def __init__(
        self, *, objects: Any, recorder: Any, funnel: Any, run: str, quarantine: S3Uri | None
    ) -> None:
        self._objects, self._recorder, self._funnel = objects, recorder, funnel
        self._run, self._quarantine = run, quarantine
        self._checkers: dict[str, Checker] = {}

    def load(self, places: Iterable[str]) -> None:
        """Read every suite, and have Great Expectations take it.

        Raises:
            RefusedError: GS-DQ-003, no Great Expectations, or no such file.
            VerificationError: GS-DQ-003, S3 does not give it.
            UsageError: it cannot be meant as it stands.
        """
        found = require_package()
        for place in places:
            suite = Suite.parse(self._read(place), place=place)
            self._checkers[place] = Checker(suite)
            told = f"{len(suite.rules)} rules, SHA-256 {suite.digest[:16]}, great-expectations {found}"
            self._recorder.record([passed("GS-DQ-003", f"suite {place}", told)])

    def _read(self, place: str) -> bytes:
        if "://" not in place:
            return read_local(place)
        try:
            body: bytes = self._objects.read(S3Uri.parse(place)).body
        except ServiceError as error:
            raise VerificationError(
                "GS-DQ-003",
                resource=f"suite {place}",
                found=str(error),
                required="the suite",
                fix="give the job's role s3:GetObject on it",
                aws_code=error.code,
            ) from error
        return body

    def let_through(
        self,
        frame: Any,
        sink: str,
        *,
        expect: str,
        on_failure: str = "block",
        quarantine: str | S3Uri | None = None,
    ) -> Any:
        """The rows of a frame that may go to a sink.

        Args:
            frame: a DataFrame.
            sink: what it is on its way to.
            expect: the suite, as ``--glue-secure-suites`` names it.
            on_failure: ``block``, ``warn`` or ``quarantine``: what a broken critical rule means. Rules of the
                severities ``warning`` and ``info`` never stop a row.
            quarantine: S3 location for rows that break a rule; None takes ``--glue-secure-quarantine-uri``.

        Returns:
            The frame; in quarantine, its rows that break no critical rule that is broken.

        Raises:
            RefusedError: GS-DQ-001, -004, -005; nothing was written. GS-DQ-001 too where a rule
                is about the whole table.
            VerificationError: GS-DQ-002, a critical rule could not be decided.
            UsageError: the suite was not named at the start, or there is no place for a quarantine.
        """
        wanted = OnFailure.of(on_failure)
        checker = self._checker(expect)
        place = self._place(sink, quarantine) if wanted is OnFailure.QUARANTINE else None
        _require_repeatable(frame, sink)
        if RULES_COLUMN in frame.columns and place is not None:
            raise UsageError(f"a frame for {sink}", found=f"a column {RULES_COLUMN}", required="none")
        with self._recorder.timed("gate"):
            checked = self._checked(checker, frame, sink)
        critical = [one for one in checked.outcomes if one.rule.severity is Severity.CRITICAL]
        undecided = [one for one in critical if one.passed is None]
        broken = [one for one in critical if one.passed is False]
        self._say_lesser(checker.suite, sink, checked.outcomes)
        if undecided:
            self._note(checker.suite, sink, checked, "undecided")
            raise VerificationError(
                "GS-DQ-002",
                resource=f"suite {expect} at {sink}",
                found=f"rules that Great Expectations cannot decide: {_listed(undecided)}",
                required="an outcome for every critical rule",
                fix="see that its columns are there and of a type that it can compare, or mend the suite",
            )
        if not broken:
            self._note(checker.suite, sink, checked, "passed")
            told = f"{len(checked.outcomes)} rules of suite {expect}"
            self._recorder.record([passed("GS-DQ-001", sink, told)])
            return frame
        if wanted is OnFailure.WARN:
            self._warn(checker.suite, sink, checked, broken)
            return frame
        inseparable = [one for one in broken if not checked.tells_rows(one)]
        if place is None or inseparable:
            self._note(checker.suite, sink, checked, "blocked")
            raise _refused(expect, sink, inseparable if place is not None else broken, place)
        return self._set_apart(checker, frame, sink, checked, broken, place)

    def _checker(self, expect: str) -> Checker:
        if expect not in self._checkers:
            raise UsageError(
                f"expect={expect!r}",
                found=f"--{SUITES} {','.join(self._checkers)}",
                required="a suite that was named when the run started",
                fix=f"add {expect} to --{SUITES}",
            )
        return self._checkers[expect]

    def _place(self, sink: str, quarantine: str | S3Uri | None) -> S3Uri:
        given = S3Uri.parse(quarantine) if isinstance(quarantine, str) else quarantine or self._quarantine
        if given is None:
            raise UsageError(
                f"a quarantine for {sink}",
                found="no place for it",
                required=f"quarantine='s3://...', or --{QUARANTINE}",
            )
        if "://" in sink and given.overlaps(S3Uri.parse(sink)):
            raise RefusedError(
                "GS-DQ-005",
                resource=f"quarantine {given}",
                found=f"a place that holds, or lies in, {sink}",
                required="a prefix apart from the sink",
                fix="name another prefix",
            )
        return S3Uri.parse(f"{str(given).rstrip('/')}/run={self._run}/")

    def _checked(self, checker: Checker, frame: Any, sink: str) -> Checked:
        try:
            return checker.check(frame)
        except Exception as error:
            # Spark's own text may quote a row; its type does not.
            raise VerificationError(
                "GS-DQ-002",
                resource=f"suite {checker.suite.place} at {sink}",
                found=f"the frame could not be computed ({type(error).__name__})",
                required="an outcome for every critical rule",
                fix="see Spark's log; without a gate the write would fail as well",
            ) from None

    def _warn(self, suite: Suite, sink: str, checked: Checked, broken: Sequence[Outcome]) -> None:
        _LOG.warning("suite %s at %s: %s", suite.place, sink, _listed(broken))
        self._note(suite, sink, checked, "warned")
        self._recorder.record(
            [
                failed(
                    "GS-DQ-001",
                    sink,
                    found=f"written although broken: {_listed(broken)}",
                    required=f"suite {suite.place}",
                    fix="the call said on_failure='warn'",
                )
            ]
        )

    def _say_lesser(self, suite: Suite, sink: str, outcomes: Sequence[Outcome]) -> None:
        for one in outcomes:
            if one.rule.severity is Severity.WARNING and one.passed is not True:
                _LOG.warning("suite %s at %s: %s", suite.place, sink, _told(one))

    def _set_apart(
        self,
        checker: Checker,
        frame: Any,
        sink: str,
        checked: Checked,
        broken: Sequence[Outcome],
        place: S3Uri,
    ) -> Any:
        good, bad = checker.split(frame, checked, broken)
        # First what must not be lost: should it fail, nothing has reached the sink.
        record = self._funnel.write_s3(bad, str(place), format="parquet")
        self._note(checker.suite, sink, checked, "quarantined", str(place), record.rows)
        told = f"rows that break a rule are in {place}: {_listed(broken)}"
        self._recorder.record([passed("GS-DQ-001", sink, told)])
        self._recorder.record([passed("GS-DQ-005", str(place), f"{record.rows} rows")])
        _LOG.warning("suite %s at %s: %s", checker.suite.place, sink, told)
        return good

    def _note(
        self,
        suite: Suite,
        sink: str,
        checked: Checked,
        outcome: str,
        quarantine: str = "",
        quarantined: int | None = 0,
    ) -> None:
        rules = tuple(
            GateRule(one.rule.label, one.rule.severity.value, _word(one), one.rows, one.unexpected, one.by)
            for one in checked.outcomes
        )
        self._recorder.gates.append(
            GateRecord(sink, suite.name, suite.place, suite.digest, outcome, rules, quarantine, quarantined)
        )


def read_local(place: str) -> bytes:
    """A suite by its path: from the working folder, or from the folders and archives on Python's path.

    Raises:
        RefusedError: GS-DQ-003, it is in none of them.
    """
    given = Path(place)
    if given.is_file():
        return given.read_bytes()
    for entry in () if given.is_absolute() else sys.path:
        base = Path(entry or ".")
        if (base / given).is_file():
            return (base / given).read_bytes()
        if base.is_file() and zipfile.is_zipfile(base):
            with zipfile.ZipFile(base) as archive:
                if given.as_posix() in archive.namelist():
                    return archive.read(given.as_posix())
    raise RefusedError(
        "GS-DQ-003",
        resource=f"suite {place}",
        found="no such file in the working folder, nor on Python's path",
        required="the suite, before the first read",
        fix="pass it with --extra-files, put it into the job's own wheel or zip, or name it as s3://...",
    )


def _require_repeatable(frame: Any, sink: str) -> None:
    """GS-DQ-004: the plan as it runs, in which what is cached stands for itself."""
    if bool(frame._jdf.queryExecution().withCachedData().deterministic()):
        return
    raise RefusedError(
        "GS-DQ-004",
        resource=f"a gated frame for {sink}",
        found="an expression that is not deterministic (rand, uuid, monotonically_increasing_id, ...)",
        required="the same rows when they are judged and when they are written",
        fix="frame.cache() before the write, or write it, read it back and gate that",
    )


def _refused(expect: str, sink: str, broken: Sequence[Outcome], place: S3Uri | None) -> RefusedError:
    inseparable = place is not None
    return RefusedError(
        "GS-DQ-001",
        resource=f"write to {sink}",
        found=f"rules of suite {expect} that are broken"
        + (", and of the whole table, so that no row can be set apart for them" if inseparable else "")
        + f": {_listed(broken)}",
        required="every critical rule met",
        fix="mend the rows"
        + ("" if inseparable else ", or set those that break a rule apart with on_failure='quarantine'")
        + "; nothing was written",
    )


def _listed(outcomes: Sequence[Outcome]) -> str:
    more = len(outcomes) - _TOLD
    return "; ".join(map(_told, outcomes[:_TOLD])) + (f"; and {more} more" if more > 0 else "")


def _told(outcome: Outcome) -> str:
    if outcome.passed is None or outcome.unexpected is None:
        return outcome.rule.label
    return f"{outcome.rule.label}: {outcome.unexpected} of {outcome.rows} rows"


def _word(outcome: Outcome) -> str:
    return "undecided" if outcome.passed is None else "met" if outcome.passed else "broken"
