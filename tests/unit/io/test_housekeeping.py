"""Purges and transitions: selected objects, rejected calls, evidence and manifest."""

from __future__ import annotations

import pytest

from glue_secure.core.errors import GlueSecureError, RefusedError, UsageError, VerificationError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.service import ServiceError
from glue_secure.core.unmanaged_writes import UnmanagedWrite, UnmanagedWriteReport
from glue_secure.io.housekeeping import ObjectSelection

OLD, TARGET = S3Uri("curated", "flights/old.csv"), "s3://curated/flights/"
NOW = ObjectSelection(0, frozenset(), None)
DENIED = ServiceError("DeleteObject: AccessDenied", code="AccessDenied", operation="DeleteObject")


@pytest.fixture
def run(run_fixture):
    run_fixture.objects.put(OLD, b"12345", algorithm="aws:kms", key=str(run_fixture.key))
    run_fixture.objects.put(S3Uri("curated", "flights/cold.csv"), storage_class="GLACIER")
    run_fixture.objects.put(S3Uri("curated", "flights-beside/x.csv"))
    run_fixture.clock.advance(hours=200)
    run_fixture.objects.put(S3Uri("curated", "flights/new.csv"))
    return run_fixture.start()


def test_a_purge_skips_new_objects_and_excluded_storage_classes(run, run_fixture):
    left = run.housekeeping.purge(TARGET, [TARGET], ObjectSelection(168, frozenset(["GLACIER"]), None))
    assert left == {TARGET: 2}
    assert run_fixture.objects.keys("curated") == [
        "flights-beside/x.csv",
        "flights/cold.csv",
        "flights/new.csv",
    ]
    run.commit()
    assert run_fixture.evidence()["housekeeping"] == [
        {
            "action": "purge",
            "bytes": 5,
            "failed": [],
            "failed_in_parts": 0,
            "retained": 2,
            "objects": [str(OLD)],
            "objects_in_parts": 0,
            "storage_class": "",
            "target": TARGET,
        }
    ]


def test_zero_hours_select_all_objects_and_overlapping_locations_count_once(run, run_fixture):
    left = run.housekeeping.purge("db.t", [TARGET, f"{TARGET}old.csv"], NOW)
    assert left == {TARGET: 0, f"{TARGET}old.csv": 0}
    assert run_fixture.objects.keys("curated") == ["flights-beside/x.csv"]
    assert len([call for call, _ in run_fixture.objects.calls if call == "DeleteObject"]) == 3


@pytest.mark.parametrize("location", ["s3://evidence/", "s3://evidence/runs/job=x/", "s3://state/bookmarks/"])
def test_gs_s3_009_one_reserved_location_rejects_the_whole_call(run, run_fixture, location):
    for act in (
        lambda: run.housekeeping.purge("t", [TARGET, location], NOW),
        lambda: run.housekeeping.transition("t", [TARGET, location], "STANDARD_IA", NOW),
        lambda: run.housekeeping.purge("t", [TARGET], ObjectSelection(0, frozenset(), S3Uri.parse(location))),
    ):
        with pytest.raises(RefusedError, match="GS-S3-009"):
            act()
    assert len(run_fixture.objects.keys("curated")) == 4


def test_an_object_that_changed_since_the_listing_is_not_deleted(run, run_fixture):
    calls = []
    listed = run_fixture.objects.list

    def then_changed(prefix, **more):
        summaries = list(listed(prefix, **more))
        if not calls:
            calls.append(1)
            run_fixture.objects.put(OLD, b"changed")
        return iter(summaries)

    run_fixture.objects.list = then_changed
    with pytest.raises(GlueSecureError, match="1 of 3 objects failed"):
        run.housekeeping.purge(TARGET, [TARGET], NOW)
    assert run_fixture.objects.keys("curated") == ["flights-beside/x.csv", "flights/old.csv"]


def test_failed_objects_are_in_manifest_evidence_and_error(run, run_fixture):
    run_fixture.objects.fail_next("DeleteObject", DENIED)
    with pytest.raises(GlueSecureError, match="1 of 3 objects failed"):
        run.housekeeping.purge(
            TARGET, [TARGET], ObjectSelection(0, frozenset(), S3Uri("curated", "manifest/"))
        )
    failed = run_fixture.objects.read(S3Uri("curated", "manifest/Failed.csv")).body.decode()
    done = run_fixture.objects.read(S3Uri("curated", "manifest/Success.csv")).body.decode()
    assert (failed.count("\n"), done.count("\n")) == (1, 2)
    assert failed.startswith("curated,flights/")
    encryption = run_fixture.objects.encryption(S3Uri("curated", "manifest/Success.csv"))
    assert (encryption.algorithm, encryption.key) == ("aws:kms", str(run_fixture.key))
    run.close(GlueSecureError("x"))
    (record,) = run_fixture.evidence()["housekeeping"]
    assert (len(record["failed"]), len(record["objects"])) == (1, 2)


def test_gs_s3_004_a_transition_verifies_each_object(run, run_fixture):
    run_fixture.objects.delete(S3Uri("curated", "flights/cold.csv"))
    record = run.housekeeping.transition(TARGET, [TARGET], "STANDARD_IA", NOW)
    assert len(record.objects) == 2
    assert {summary.storage_class for summary in run_fixture.objects.list(S3Uri.parse(TARGET))} == {
        "STANDARD_IA"
    }
    assert "GS-S3-004" in {finding.control for finding in run.recorder.findings}
    again = run.housekeeping.transition(TARGET, [TARGET], "STANDARD_IA", NOW)
    assert (again.objects, again.retained) == ((), 2)


def test_gs_s3_007_a_moved_object_that_cannot_be_read_back(run, run_fixture):
    run_fixture.objects.delete(S3Uri("curated", "flights/cold.csv"))
    denied = ServiceError("HeadObject: 403", code="403", operation="HeadObject")
    run_fixture.objects.fail_next("HeadObject", denied, times=2)
    with pytest.raises(VerificationError, match="GS-S3-007"):
        run.housekeeping.transition(TARGET, [TARGET], "STANDARD_IA", NOW)


def test_an_archived_object_is_reported_as_failed(run):
    with pytest.raises(GlueSecureError, match=r"cold\.csv"):
        run.housekeeping.transition(TARGET, [TARGET], "STANDARD", NOW)


def test_a_purge_of_what_the_run_read_and_did_not_write_deletes_nothing(run, run_fixture):
    run.reader.read_s3(TARGET, format="csv")
    with pytest.raises(UsageError, match="has read and not yet written"):
        run.housekeeping.purge(TARGET, [TARGET], NOW)
    assert len(run_fixture.objects.keys("curated")) == 4


def test_a_purge_of_objects_that_the_run_did_not_read_is_accepted(run, run_fixture):
    run.reader.read_s3(f"{TARGET}new.csv", format="csv")
    run.housekeeping.purge(TARGET, [TARGET], ObjectSelection(168, frozenset(["GLACIER"]), None))
    assert str(OLD) not in run_fixture.objects.keys("curated")


@pytest.mark.parametrize("unmanaged", [True, False])
def test_a_purge_of_a_source_after_its_rows_were_written_is_accepted(run, run_fixture, unmanaged):
    frame = run.reader.read_s3(TARGET, format="csv")
    if unmanaged:
        run_fixture.engine.native = UnmanagedWriteReport((UnmanagedWrite("s3a://curated/out", "parquet"),))
    else:
        run.writer.write_s3(frame, "s3://curated/out/", format="csv")
    assert run.housekeeping.purge(TARGET, [TARGET], NOW) == {TARGET: 0}


def test_a_write_of_other_rows_does_not_release_a_source(run, run_fixture):
    run.reader.read_s3(TARGET, format="csv")
    run_fixture.engine.rows_scanned = 0
    run.writer.write_s3(["x"], "s3://curated/out/", format="csv")
    with pytest.raises(UsageError, match="has read and not yet written"):
        run.housekeeping.purge(TARGET, [TARGET], NOW)
