"""The one mutable record of a run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from glue_secure.core.errors import EngineError, RefusedError, VerificationError
from glue_secure.core.evidence import ReadRecord
from glue_secure.core.findings import failed, passed, unknown
from glue_secure.core.recorder import RunRecorder, _described, _stopping

READ = ReadRecord("s3://landing/a", "s3", "csv", "", 1, 1, None)

TEXTS = {"found": "f", "required": "q", "fix": "x"}


@pytest.fixture
def recorder(run_fixture) -> RunRecorder:
    return RunRecorder(started=run_fixture.clock.now())


def test_the_durations_of_a_phase_add_up_even_when_it_fails(recorder):
    with recorder.timed("write"):
        pass
    first = recorder.seconds["write"]
    with pytest.raises(RuntimeError), recorder.timed("write"):
        raise RuntimeError
    assert recorder.seconds["write"] >= first
    assert list(recorder.seconds) == ["write"]


def test_row_counts_are_requested_when_the_reads_are_returned(recorder):
    recorder.read(READ, "mark-1")
    recorder.read(READ, "mark-2")
    assert [r.rows for r in recorder.reads({"mark-1": 3, "mark-2": None}.get)] == [3, None]


def test_only_messages_of_this_project_are_stored_and_redacted():
    refusal = RefusedError("GS-S3-004", resource="https://me:hunter2@host/", found="f", required="q", fix="x")
    described = _described(refusal)
    assert (described["type"], described["control"]) == ("RefusedError", "GS-S3-004")
    assert "hunter2" not in described["message"]
    assert _described(ValueError("hunter2")) == {"type": "ValueError"}
    assert _described(None) is None


def test_the_first_line_of_an_error_of_the_engine_is_stored_without_its_cause():
    error = EngineError("write to s3://user:hunter2@curated/", cause="The value 'Jane Doe' cannot be cast")
    described = _described(error)
    assert described["message"].startswith("write to s3://")
    assert described["message"].endswith("failed")
    assert not any(text in described["message"] for text in ("hunter2", "Jane Doe", "\n"))


def test_the_finding_that_stopped_the_run_is_added_once():
    error = VerificationError("GS-S3-007", resource="s3://a/", found="denied", required="q", fix="x")
    (added,) = _stopping([passed("GS-S3-007", "s3://a/", "f"), failed("GS-S3-001", "r", **TEXTS)], error)
    assert added == unknown("GS-S3-007", "s3://a/", found="denied", required="q", fix="x")
    tolerated = replace(failed("GS-S3-007", "s3://b/", **TEXTS), exception="T-1")
    assert _stopping([tolerated], error) == (added,)
    assert _stopping([unknown("GS-S3-007", "s3://a/", **TEXTS)], error) == ()
    assert _stopping([], ValueError()) == _stopping([], None) == ()
