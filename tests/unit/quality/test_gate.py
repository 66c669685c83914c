"""The quality gate records what its checks return: outcomes of a write, and which check a PASS comes from."""

import json
from datetime import datetime, timezone
from types import SimpleNamespace

import pytest

from glue_secure import RefusedError, UsageError, VerificationError
from glue_secure.core.findings import Verdict
from glue_secure.core.recorder import RunRecorder
from glue_secure.quality import gate
from glue_secure.quality.checker import ONE_PASS, Checker, CheckResult, RuleOutcome

SINK = "s3://curated/flights/"
QUARANTINE = "s3://curated/quarantine/"
NOT_NULL = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "id"}}


class Result(CheckResult):
    """The result of a check whose broken rules are about rows, if ``row_level``."""

    row_level = True

    def is_row_level(self, outcome):
        return self.row_level

    def split(self, frame, broken):
        return "valid rows", "invalid rows"


class Writer:
    """Records the quarantined rows."""

    def __init__(self):
        self.written = []

    def write_s3(self, frame, target, *, format):
        self.written.append((frame, target, format))
        return SimpleNamespace(rows=2)


def frame(*, deterministic=True):
    execution = SimpleNamespace(withCachedData=lambda: SimpleNamespace(deterministic=lambda: deterministic))
    return SimpleNamespace(columns=["id"], _jdf=SimpleNamespace(queryExecution=lambda: execution))


@pytest.fixture
def recorder():
    return RunRecorder(datetime(2026, 1, 1, tzinfo=timezone.utc))


@pytest.fixture
def suite(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suite.json").write_text(json.dumps({"name": "rows", "expectations": [NOT_NULL]}))
    return "suite.json"


@pytest.fixture
def loaded(recorder, suite, monkeypatch):
    """``loaded(passed)`` returns a gate whose only rule is met, broken or undecided, and its writer."""

    def load(passed, *, row_level=True):
        def check(self, frame):
            outcome = RuleOutcome(self.suite.rules[0], passed, 4, 0 if passed else 1, ONE_PASS)
            return Result((outcome,), 1)

        monkeypatch.setattr(Result, "row_level", row_level)
        monkeypatch.setattr(Checker, "check", check)
        writer = Writer()
        loaded_gate = gate.SuiteGate(
            objects=None, recorder=recorder, writer=writer, run_id="jr_1", quarantine=None
        )
        loaded_gate.load([suite])
        return loaded_gate, writer

    return load


def verdicts(recorder):
    return {finding.control: finding.verdict for finding in recorder.findings}


def test_a_frame_that_meets_its_suite_is_returned_with_a_pass_of_each_check(loaded, recorder, suite):
    checked, rows = loaded(True)[0], frame()
    assert checked.apply(rows, SINK, suite=suite, on_failure="quarantine", quarantine=QUARANTINE) is rows
    assert verdicts(recorder) == dict.fromkeys(
        ("GS-DQ-001", "GS-DQ-002", "GS-DQ-003", "GS-DQ-004", "GS-DQ-005"), Verdict.PASS
    )
    assert recorder.gates[0].outcome == "passed"


@pytest.mark.parametrize(
    ("check", "control"),
    [
        ("check_rules", "GS-DQ-001"),
        ("check_rules", "GS-DQ-002"),
        ("check_deterministic", "GS-DQ-004"),
        ("check_quarantine_location", "GS-DQ-005"),
    ],
)
def test_without_its_check_a_control_has_no_pass(loaded, recorder, suite, monkeypatch, check, control):
    monkeypatch.setattr(gate, check, lambda *arguments: ())
    loaded(True)[0].apply(frame(), SINK, suite=suite, on_failure="quarantine", quarantine=QUARANTINE)
    assert control not in verdicts(recorder)


def test_gs_dq_003_without_its_checks_has_no_pass(loaded, recorder, monkeypatch):
    body = json.dumps({"name": "rows", "expectations": [NOT_NULL]}).encode()
    monkeypatch.setattr(gate, "check_package", tuple)
    monkeypatch.setattr(gate, "read_suite", lambda location, objects: (body, ()))
    loaded(True)
    assert recorder.findings == ()


def test_gs_dq_001_a_broken_rule_blocks_the_write(loaded, recorder, suite):
    with pytest.raises(RefusedError, match=r"(?s)GS-DQ-001.*1 of 4 rows"):
        loaded(False)[0].apply(frame(), SINK, suite=suite)
    assert recorder.gates[0].outcome == "blocked"
    assert "GS-DQ-001" not in verdicts(recorder)


def test_gs_dq_001_with_warn_a_fail_is_recorded_and_the_frame_is_returned(loaded, recorder, suite):
    rows = frame()
    assert loaded(False)[0].apply(rows, SINK, suite=suite, on_failure="warn") is rows
    assert verdicts(recorder)["GS-DQ-001"] is Verdict.FAIL
    assert recorder.gates[0].outcome == "warned"


def test_gs_dq_001_with_quarantine_the_invalid_rows_are_written_first(loaded, recorder, suite):
    checked, writer = loaded(False)
    valid = checked.apply(frame(), SINK, suite=suite, on_failure="quarantine", quarantine=QUARANTINE)
    assert valid == "valid rows"
    assert writer.written == [("invalid rows", f"{QUARANTINE}run=jr_1/", "parquet")]
    assert verdicts(recorder)["GS-DQ-001"] is Verdict.PASS
    assert (recorder.gates[0].outcome, recorder.gates[0].quarantined) == ("quarantined", 2)


def test_gs_dq_001_a_rule_about_the_whole_table_cannot_be_quarantined(loaded, recorder, suite):
    checked, writer = loaded(False, row_level=False)
    with pytest.raises(RefusedError, match=r"(?s)GS-DQ-001.*whole table"):
        checked.apply(frame(), SINK, suite=suite, on_failure="quarantine", quarantine=QUARANTINE)
    assert (writer.written, recorder.gates[0].outcome) == ([], "blocked")


def test_gs_dq_002_an_undecided_rule_stops_the_write(loaded, recorder, suite):
    with pytest.raises(VerificationError, match="GS-DQ-002"):
        loaded(None)[0].apply(frame(), SINK, suite=suite, on_failure="warn")
    assert recorder.gates[0].outcome == "undecided"


def test_gs_dq_004_a_nondeterministic_frame_is_rejected(loaded, suite):
    with pytest.raises(RefusedError, match="GS-DQ-004"):
        loaded(True)[0].apply(frame(deterministic=False), SINK, suite=suite)


def test_gs_dq_005_a_quarantine_inside_the_sink_is_rejected(loaded, suite):
    with pytest.raises(RefusedError, match="GS-DQ-005"):
        loaded(True)[0].apply(frame(), SINK, suite=suite, on_failure="quarantine", quarantine=f"{SINK}bad/")


def test_gs_dq_005_has_no_pass_if_the_sink_is_not_known(loaded, recorder, suite):
    loaded(True)[0].apply(
        frame(), "QualityGate orders", suite=suite, on_failure="quarantine", quarantine=QUARANTINE
    )
    assert "GS-DQ-005" not in verdicts(recorder)


def test_a_suite_that_was_not_named_at_the_start_is_rejected(loaded):
    with pytest.raises(UsageError, match="glue-secure-suites"):
        loaded(True)[0].apply(frame(), SINK, suite="other.json")
