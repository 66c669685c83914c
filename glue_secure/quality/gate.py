"""The quality gate of a run: checks frames against suites before they are written."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from glue_secure.core.arguments import QUARANTINE, SUITES
from glue_secure.core.errors import UsageError, VerificationError
from glue_secure.core.evidence import GateRecord, GateRule, WriteRecord, digest
from glue_secure.core.findings import Finding, Verdict, enforce, failed, passed, stop, unknown
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.ports import ObjectStore
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.redaction import redacting_logger
from glue_secure.core.service import ServiceError
from glue_secure.quality.checker import RULES_COLUMN, Checker, CheckResult, RuleOutcome
from glue_secure.quality.expectations import check_package
from glue_secure.quality.suite import OnFailure, RuleSeverity, Suite

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_LOG = redacting_logger(__name__)
_MAX_LISTED = 5  # broken rules in one message


class QuarantineWriter(Protocol):
    """Writes the quarantined rows with all checks of a write (``io.writer.DataWriter``)."""

    def write_s3(self, frame: DataFrame, target: str, *, format: str) -> WriteRecord:
        """Write a frame below an S3 location and return the record of the write."""


class SuiteGate:
    """Checks frames against the suites of one run.

    Args:
        objects: reads suites in S3.
        recorder: receives findings and the results of the checks.
        writer: writes quarantined rows.
        run_id: id of the run.
        quarantine: ``--glue-secure-quarantine-uri``, used by calls without a quarantine location.
    """

    def __init__(
        self,
        *,
        objects: ObjectStore,
        recorder: RunRecorder,
        writer: QuarantineWriter,
        run_id: str,
        quarantine: S3Uri | None,
    ) -> None:
        self._objects, self._recorder, self._writer = objects, recorder, writer
        self._run_id, self._quarantine = run_id, quarantine
        self._checkers: dict[str, Checker] = {}

    def load(self, locations: Iterable[str]) -> None:
        """Read and parse the suites, and validate them with Great Expectations.

        Raises:
            RefusedError: GS-DQ-003, Great Expectations is not installed, or a suite does not exist.
            VerificationError: GS-DQ-003, a suite cannot be read from S3.
            UsageError: a suite is invalid.
        """
        self._recorder.record(enforce(check_package()))
        for location in locations:
            body, findings = read_suite(location, self._objects)
            self._recorder.record(enforce(findings))
            self._checkers[location] = Checker(Suite.parse(body, location=location))

    def apply(
        self,
        frame: DataFrame,
        sink: str,
        *,
        suite: str,
        on_failure: str = "block",
        quarantine: str | S3Uri | None = None,
    ) -> DataFrame:
        """Check a frame and return the rows that may be written to a sink.

        Args:
            frame: the DataFrame.
            sink: S3 location, ``connection/table``, or a label if the sink is not known.
            suite: a suite that ``--glue-secure-suites`` names.
            on_failure: the action if a critical rule is broken: ``block`` raises GS-DQ-001, ``warn`` logs a
                warning, ``quarantine`` writes the rows that break the rule to the quarantine. Rules of other
                severities never stop or move a row.
            quarantine: S3 location for rows that break a critical rule; None for the value of
                ``--glue-secure-quarantine-uri``.

        Returns:
            The frame. With ``quarantine``, the rows that meet all critical rules.

        Raises:
            RefusedError: GS-DQ-001, a critical rule is broken (with ``quarantine``: a rule about the whole
                table); GS-DQ-004, the frame is nondeterministic; GS-DQ-005, the quarantine overlaps the
                sink. Nothing was written.
            VerificationError: GS-DQ-002, the outcome of a critical rule is not known.
            UsageError: ``--glue-secure-suites`` does not name the suite, there is no quarantine location, or
                the frame already has the column that the quarantine adds.
        """
        action = OnFailure.of(on_failure)
        checker = self._checker(suite)
        location = self._quarantine_location(sink, quarantine) if action is OnFailure.QUARANTINE else None
        self._recorder.record(enforce(check_deterministic(frame, sink)))
        if location is not None and RULES_COLUMN in frame.columns:
            raise UsageError(
                f"a frame for {sink}",
                found=f"a column {RULES_COLUMN}",
                required="no such column: quarantined rows get a column of that name",
                fix=f"rename or drop {RULES_COLUMN} before the write",
            )
        with self._recorder.timed("gate"):
            result = self._check(checker, frame, sink)
        _log_warnings(checker.suite, sink, result)
        findings = check_rules(result, checker.suite, sink)
        broken = [outcome for outcome in _critical(result) if outcome.passed is False]
        if any(outcome.passed is None for outcome in _critical(result)):
            self._record(checker.suite, sink, result, "undecided")
            stop(findings[-1])
        if not broken:
            self._record(checker.suite, sink, result, "passed")
            self._recorder.record(enforce(findings))
            return frame
        if action is OnFailure.WARN:
            _LOG.warning("suite %s at %s: %s", suite, sink, _listed(broken))
            self._record(checker.suite, sink, result, "warned")
            self._recorder.record(findings)  # GS-DQ-001 is recorded as FAIL, and the run continues
            return frame
        if location is None:
            self._record(checker.suite, sink, result, "blocked")
            stop(findings[-1])
        return self._separate(checker.suite, frame, sink, result, broken, findings, location)

    def _checker(self, suite: str) -> Checker:
        if suite not in self._checkers:
            raise UsageError(
                f"quality suite {suite}",
                found=f"--{SUITES} {','.join(self._checkers)}",
                required=f"a suite that --{SUITES} names",
                fix=f"add {suite} to --{SUITES} in the job's arguments",
            )
        return self._checkers[suite]

    def _quarantine_location(self, sink: str, quarantine: str | S3Uri | None) -> S3Uri:
        """Return the run's folder below the quarantine location. Raises RefusedError (GS-DQ-005)."""
        location = S3Uri.parse(quarantine) if isinstance(quarantine, str) else quarantine or self._quarantine
        if location is None:
            raise UsageError(
                f"a quarantine for {sink}",
                found="no location",
                required=f"quarantine='s3://...', or --{QUARANTINE}",
            )
        self._recorder.record(enforce(check_quarantine_location(location, sink)))
        return S3Uri.parse(f"{str(location).rstrip('/')}/run={self._run_id}/")

    def _check(self, checker: Checker, frame: DataFrame, sink: str) -> CheckResult:
        try:
            return checker.check(frame)
        except Exception as error:
            # Spark's message may contain values of rows, so that only the type of the exception is shown.
            raise VerificationError(
                "GS-DQ-002",
                resource=f"suite {checker.suite.location} at {sink}",
                found=f"the frame could not be computed ({type(error).__name__})",
                required="an outcome for every critical rule",
                fix="see the exception in Spark's log; writing the frame would raise it too",
            ) from None

    def _separate(
        self,
        suite: Suite,
        frame: DataFrame,
        sink: str,
        result: CheckResult,
        broken: Sequence[RuleOutcome],
        findings: Sequence[Finding],
        location: S3Uri,
    ) -> DataFrame:
        """Write the rows that break a critical rule to the quarantine and return the other rows."""
        separable = check_separable(result, suite, sink, broken, location)
        if any(finding.verdict is not Verdict.PASS for finding in separable):
            self._record(suite, sink, result, "blocked")
        enforce(separable)
        valid, invalid = result.split(frame, broken)
        # The quarantine is written before the sink: if this write fails, nothing was written to the sink.
        record = self._writer.write_s3(invalid, str(location), format="parquet")
        self._record(suite, sink, result, "quarantined", str(location), record.rows)
        decided = [finding for finding in findings if finding.control != "GS-DQ-001"]
        self._recorder.record([*decided, *separable])
        _LOG.warning("suite %s at %s: rows are in %s: %s", suite.location, sink, location, _listed(broken))
        return valid

    def _record(
        self,
        suite: Suite,
        sink: str,
        result: CheckResult,
        outcome: str,
        quarantine: str = "",
        quarantined: int | None = 0,
    ) -> None:
        rules = tuple(
            GateRule(
                rule=result_of_rule.rule.label,
                severity=result_of_rule.rule.severity.value,
                outcome=_outcome_text(result_of_rule),
                rows=result_of_rule.rows,
                unexpected=result_of_rule.unexpected,
                by=result_of_rule.by,
            )
            for result_of_rule in result.outcomes
        )
        self._recorder.gates.append(
            GateRecord(
                sink, suite.name, suite.location, suite.digest, outcome, rules, quarantine, quarantined
            )
        )


def read_suite(location: str, objects: ObjectStore) -> tuple[bytes, tuple[Finding, ...]]:
    """Read a suite from S3, the working folder, or a folder or archive on Python's path.

    Returns:
        The content, empty if the suite cannot be read, and GS-DQ-003.
    """
    resource = f"suite {location}"
    if "://" in location:
        try:
            body = objects.read(S3Uri.parse(location)).body
        except ServiceError as error:
            finding = unknown(
                "GS-DQ-003",
                resource,
                found=str(error),
                required="the suite, before the first read",
                fix=f"give the job's role s3:GetObject on {location}",
                aws_code=error.code,
            )
            return b"", (finding,)
    else:
        local = _read_local(Path(location))
        if local is None:
            finding = failed(
                "GS-DQ-003",
                resource,
                found="no such file in the working folder or on Python's path",
                required="the suite, before the first read",
                fix="pass the file with --extra-files, add it to the job's wheel or zip, or use S3",
            )
            return b"", (finding,)
        body = local
    return body, (passed("GS-DQ-003", resource, f"{len(body)} bytes, SHA-256 {digest(body)[:16]}"),)


def check_deterministic(frame: DataFrame, sink: str) -> tuple[Finding, ...]:
    """Return GS-DQ-004: the frame has the same rows when it is checked and when it is written.

    The check uses the plan with cached data. There, cached data replaces the expressions that computed it, so
    that a cached frame is deterministic.
    """
    resource = f"a frame for {sink}"
    if bool(frame._jdf.queryExecution().withCachedData().deterministic()):
        return (passed("GS-DQ-004", resource, "a deterministic plan"),)
    finding = failed(
        "GS-DQ-004",
        resource,
        found="a nondeterministic expression (rand, uuid, monotonically_increasing_id, ...)",
        required="the same rows in the check and in the write",
        fix="call frame.cache() before the write, or write the frame, read it back and check that",
    )
    return (finding,)


def check_quarantine_location(location: S3Uri, sink: str) -> tuple[Finding, ...]:
    """Return GS-DQ-005: the quarantine does not overlap the sink. No finding for a sink outside S3."""
    if "://" not in sink:
        return ()
    resource = f"quarantine {location}"
    if not location.overlaps(S3Uri.parse(sink)):
        return (passed("GS-DQ-005", resource, f"no overlap with {sink}"),)
    finding = failed(
        "GS-DQ-005",
        resource,
        found=f"a location that contains {sink} or is inside it",
        required="a location outside the sink",
        fix="use another prefix",
    )
    return (finding,)


def check_rules(result: CheckResult, suite: Suite, sink: str) -> tuple[Finding, ...]:
    """Return GS-DQ-002, all critical rules are decided, and if so GS-DQ-001, all of them are met."""
    critical = _critical(result)
    undecided = [outcome for outcome in critical if outcome.passed is None]
    if undecided:
        finding = unknown(
            "GS-DQ-002",
            f"suite {suite.location} at {sink}",
            found=f"rules that Great Expectations cannot decide: {_listed(undecided)}",
            required="an outcome for every critical rule",
            fix="check that the columns exist and have a type that can be compared, or change the suite",
        )
        return (finding,)
    decided = passed(
        "GS-DQ-002", sink, f"{len(critical)} critical rules of suite {suite.location} are decided"
    )
    broken = [outcome for outcome in critical if not outcome.passed]
    if not broken:
        return decided, passed(
            "GS-DQ-001", sink, f"{len(critical)} critical rules of suite {suite.location} are met"
        )
    return decided, failed(
        "GS-DQ-001",
        sink,
        found=f"broken rules of suite {suite.location}: {_listed(broken)}",
        required="rows that meet every critical rule",
        fix="correct the rows, or use on_failure='quarantine' to write the rows that break a rule elsewhere",
    )


def check_separable(
    result: CheckResult, suite: Suite, sink: str, broken: Sequence[RuleOutcome], location: S3Uri
) -> tuple[Finding, ...]:
    """Return GS-DQ-001 for ``on_failure="quarantine"``: all broken rules are about single rows."""
    inseparable = [outcome for outcome in broken if not result.is_row_level(outcome)]
    if not inseparable:
        return (passed("GS-DQ-001", sink, f"rows that break a rule are in {location}: {_listed(broken)}"),)
    finding = failed(
        "GS-DQ-001",
        sink,
        found=f"broken rules of suite {suite.location} about the whole table: {_listed(inseparable)}",
        required="no broken rule about the whole table, because it cannot be assigned to rows",
        fix="correct the rows; nothing was written",
    )
    return (finding,)


def _read_local(path: Path) -> bytes | None:
    """Return the content of a file in the working folder, or in a folder or archive on Python's path."""
    if path.is_file():
        return path.read_bytes()
    for entry in () if path.is_absolute() else sys.path:
        base = Path(entry or ".")
        if (base / path).is_file():
            return (base / path).read_bytes()
        if base.is_file() and zipfile.is_zipfile(base):
            with zipfile.ZipFile(base) as archive:
                if path.as_posix() in archive.namelist():
                    return archive.read(path.as_posix())
    return None


def _critical(result: CheckResult) -> list[RuleOutcome]:
    return [outcome for outcome in result.outcomes if outcome.rule.severity is RuleSeverity.CRITICAL]


def _log_warnings(suite: Suite, sink: str, result: CheckResult) -> None:
    for outcome in result.outcomes:
        if outcome.rule.severity is RuleSeverity.WARNING and outcome.passed is not True:
            _LOG.warning("suite %s at %s: %s", suite.location, sink, _described(outcome))


def _listed(outcomes: Sequence[RuleOutcome]) -> str:
    more = len(outcomes) - _MAX_LISTED
    listed = "; ".join(map(_described, outcomes[:_MAX_LISTED]))
    return listed + (f"; and {more} more" if more > 0 else "")


def _outcome_text(outcome: RuleOutcome) -> str:
    """Return the outcome in the words of the evidence: ``met``, ``broken`` or ``undecided``."""
    return "undecided" if outcome.passed is None else "met" if outcome.passed else "broken"


def _described(outcome: RuleOutcome) -> str:
    if outcome.passed is None or outcome.unexpected is None:
        return outcome.rule.label
    return f"{outcome.rule.label}: {outcome.unexpected} of {outcome.rows} rows"
