"""The one mutable record of a run."""

from __future__ import annotations

import pytest

from glue_secure.core.errors import RefusedError
from glue_secure.core.evidence import ReadRecord
from glue_secure.core.recorder import RunRecorder, _described

READ = ReadRecord("s3://landing/a", "s3", "csv", "", 1, 1, None)


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
