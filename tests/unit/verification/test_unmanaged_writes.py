"""Writes outside glue-secure: verified at commit by location and time; locations outside S3 fail the run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from glue_secure.core.errors import GlueSecureError, RefusedError, VerificationError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.receipts import BOTO3, DELETED, Receipt
from glue_secure.core.service import ServiceError
from glue_secure.core.unmanaged_writes import UnmanagedWrite, UnmanagedWriteReport
from glue_secure.io.housekeeping import ObjectSelection
from glue_secure.run import test_mode
from glue_secure.run.test_mode import TestMode


def committed(run_fixture, *writes, doubts=()):
    run = run_fixture.start()
    run_fixture.engine.native = UnmanagedWriteReport(tuple(writes), tuple(doubts))
    run.commit()
    return run_fixture.evidence()


def put(run_fixture, name="part-0", *, key=None):
    run_fixture.objects.put(
        S3Uri("curated", f"out/{name}"), algorithm="aws:kms", key=str(key or run_fixture.key)
    )


def test_an_unmanaged_write_is_read_back_and_recorded(run_fixture):
    put(run_fixture)
    evidence = committed(run_fixture, UnmanagedWrite("s3a://curated/out", "parquet", 3))
    assert [(write["kind"], write["rows"], len(write["objects"])) for write in evidence["writes"]] == [
        ("unmanaged", 3, 1)
    ]


def test_gs_s3_004_an_unmanaged_object_under_another_key_fails_the_run(run_fixture):
    put(run_fixture, key=run_fixture.other_key)
    with pytest.raises(RefusedError, match="GS-S3-004"):
        committed(run_fixture, UnmanagedWrite("s3a://curated/out", "parquet", 3))
    assert run_fixture.evidence()["outcome"] == "refused"


def test_the_error_names_the_tables_whose_commits_are_visible(run_fixture):
    put(run_fixture, key=run_fixture.other_key)
    writes = [
        UnmanagedWrite(f"s3a://curated/{name}", format) for name, format in (("out", "table"), ("x", "csv"))
    ]
    with pytest.raises(RefusedError, match="GS-S3-004") as caught:
        committed(run_fixture, *writes)
    assert "the commits of Spark to the tables at s3a://curated/out are visible" in str(caught.value)


def test_an_error_about_files_names_no_table(run_fixture):
    put(run_fixture, key=run_fixture.other_key)
    with pytest.raises(RefusedError, match="GS-S3-004") as caught:
        committed(run_fixture, UnmanagedWrite("s3a://curated/out", "parquet"))
    assert "outcome" not in str(caught.value)


def test_objects_older_than_the_margin_are_not_attributed_to_the_run(run_fixture):
    put(run_fixture, "old", key=run_fixture.other_key)
    run_fixture.clock.advance(minutes=16)
    put(run_fixture)
    assert (
        len(committed(run_fixture, UnmanagedWrite("s3a://curated/out", "csv", 1))["writes"][0]["objects"])
        == 1
    )


def test_objects_within_the_margin_are_attributed_to_the_run(run_fixture):
    put(run_fixture, "unclear", key=run_fixture.other_key)
    run_fixture.clock.advance(seconds=2)
    with pytest.raises(RefusedError, match="GS-S3-004"):
        committed(run_fixture, UnmanagedWrite("s3a://curated/out", "csv", 0))


@pytest.mark.parametrize("location", ["file:/tmp/out", "hdfs://n/out", "/tmp/out", "jdbc: x"])
def test_gs_s3_011_a_location_outside_s3_fails_the_run(run_fixture, location):
    with pytest.raises(RefusedError, match="GS-S3-011"):
        committed(run_fixture, UnmanagedWrite(location, "csv", 3))


def test_the_fix_of_a_jdbc_write_is_a_glue_connection(run_fixture):
    with pytest.raises(RefusedError, match=r"write_dynamic_frame\.from_jdbc_conf\("):
        committed(run_fixture, UnmanagedWrite("jdbc:postgresql://h/d", "jdbc", 3))


def test_a_test_of_a_user_may_write_to_files_of_the_machine(run_fixture):
    mode = TestMode(job="job", register=lambda _: None, defaults={})
    local, remote = (UnmanagedWrite(place, "csv", 3) for place in ("file:/tmp/out", "s3://curated/out"))
    put(run_fixture)
    with test_mode.enabled(mode):
        evidence = committed(run_fixture, local, remote)
    assert [(write["target"], write["kind"]) for write in evidence["writes"]] == [
        ("s3://curated/out", "unmanaged"), ("file:/tmp/out", "unmanaged-unverified"),
    ]  # fmt: skip


@pytest.mark.parametrize("location", ["hdfs://n/out", "jdbc: x"])
def test_a_test_of_a_user_may_not_write_elsewhere(run_fixture, location):
    mode = TestMode(job="job", register=lambda _: None, defaults={})
    with test_mode.enabled(mode), pytest.raises(RefusedError, match="GS-S3-011"):
        committed(run_fixture, UnmanagedWrite(location, "csv", 3))


@pytest.mark.parametrize(
    ("writes", "doubts"),
    [
        ((), ("Spark dropped 3 events",)),
        ((UnmanagedWrite("", "AppendDataExec", problem="a write by it"),), ()),
        ((UnmanagedWrite("s3a://curated/../x", "csv"),), ()),
    ],
)
def test_gs_s3_012_a_write_that_may_have_been_missed_stops_the_run(run_fixture, writes, doubts):
    with pytest.raises(VerificationError, match="GS-S3-012"):
        committed(run_fixture, *writes, doubts=doubts)


def test_gs_s3_012_the_fix_for_existing_objects_is_to_write_their_rows(run_fixture):
    adopted = UnmanagedWrite("", "CALL add_files", problem="CALL add_files, which adds objects", adopts=True)
    with pytest.raises(VerificationError, match="GS-S3-012") as caught:
        committed(run_fixture, adopted)
    assert "read them with job.read" in str(caught.value)
    assert "write.custom" not in str(caught.value)


def test_gs_s3_012_a_run_that_cannot_be_observed_does_not_start(run_fixture):
    run_fixture.engine.native = UnmanagedWriteReport((), ("no listener",))
    with pytest.raises(VerificationError, match="GS-S3-012"):
        run_fixture.start()


def test_gs_s3_009_an_unmanaged_write_to_the_evidence_prefix_fails_the_run(run_fixture):
    with pytest.raises(RefusedError, match="GS-S3-009"):
        committed(run_fixture, UnmanagedWrite("s3a://evidence/runs", "csv"))


def test_gs_s3_007_rows_without_objects_stop_the_run(run_fixture):
    with pytest.raises(VerificationError, match="GS-S3-007"):
        committed(run_fixture, UnmanagedWrite("s3a://curated/out", "csv", 3))


FAILED = UnmanagedWrite("s3a://curated/out", "csv", failed=True)


@pytest.mark.parametrize(
    "writes",
    [
        [FAILED],
        [replace(FAILED, failed=False), FAILED],
        [FAILED, replace(FAILED, location="s3a://curated/elsewhere", failed=False)],
    ],
    ids=["alone", "after a success", "another location"],
)
def test_a_write_that_failed_and_was_not_repeated_fails_the_run(run_fixture, writes):
    with pytest.raises(GlueSecureError, match=r"a write by Spark failed.*csv to s3a://curated/out"):
        committed(run_fixture, *writes)
    assert run_fixture.evidence()["outcome"] == "failed"
    assert run_fixture.bookmark_keys() == []


def test_a_failed_write_that_was_repeated_commits(run_fixture):
    put(run_fixture)
    repeated = UnmanagedWrite("s3a://curated/out", "csv", 3)
    assert committed(run_fixture, FAILED, FAILED, repeated)["outcome"] == "succeeded"


def test_maintenance_of_a_table_that_failed_commits_and_its_objects_are_verified(run_fixture):
    optimize = UnmanagedWrite("s3a://curated/out", "delta", failed=True, is_maintenance=True)
    put(run_fixture)
    assert committed(run_fixture, optimize)["outcome"] == "succeeded"
    put(run_fixture, key=run_fixture.other_key)
    with pytest.raises(RefusedError, match="GS-S3-004"):
        committed(run_fixture, optimize)


def test_maintenance_of_a_table_repeats_no_failed_write(run_fixture):
    merge = UnmanagedWrite("s3a://curated/out", "delta", failed=True)
    with pytest.raises(GlueSecureError, match="failed and the script continued"):
        committed(run_fixture, merge, replace(merge, failed=False, is_maintenance=True))


def test_gs_s3_012_work_that_is_active_after_the_wait_stops_the_commit(run_fixture):
    run = run_fixture.start()
    run_fixture.engine.active = [("Spark job 7 is running: load",)]
    with pytest.raises(VerificationError, match="Spark job 7 is running") as error:
        run.commit()
    assert (error.value.control, run_fixture.bookmark_keys()) == ("GS-S3-012", [])
    assert "thread.join()" in error.value.fix


def test_gs_s3_012_work_that_began_during_verification_stops_the_commit(run_fixture):
    run = run_fixture.start()
    run_fixture.engine.active = [(), ("stream clicks is running",)]
    with pytest.raises(VerificationError, match="stream clicks is running"):
        run.commit()
    assert run_fixture.bookmark_keys() == []


@pytest.mark.parametrize(
    ("code", "fix"),
    [("AccessDenied", "s3:ListBucket"), ("NoSuchBucket", "create bucket curated, or correct its name")],
)
def test_gs_s3_007_a_location_that_cannot_be_listed_stops_the_run(run_fixture, code, fix):
    run = run_fixture.start()
    run_fixture.engine.native = UnmanagedWriteReport((UnmanagedWrite("s3a://curated/out", "csv"),))
    denied = ServiceError(f"ListObjectsV2: {code}", code=code, operation="ListObjectsV2")
    run_fixture.objects.fail_next("ListObjectsV2", denied, times=9)
    with pytest.raises(VerificationError, match=rf"GS-S3-007(.|\n)*{fix}"):
        run.commit()


def test_a_failed_run_records_unverified_writes(run_fixture):
    run = run_fixture.start()
    run_fixture.engine.native = UnmanagedWriteReport((UnmanagedWrite("file:/tmp/x", "csv", 3),))
    run.close(RuntimeError("no"))
    assert [write["kind"] for write in run_fixture.evidence()["writes"]] == ["unmanaged-unverified"]


def test_an_rdd_save_is_verified_like_a_write_of_the_run(run_fixture):
    run = run_fixture.start()
    run_fixture.engine.save("s3a://curated/out", "saveAsTextFile", lambda: put(run_fixture))
    with pytest.raises(RefusedError, match="GS-S3-006"):
        run_fixture.engine.save("file:///tmp/out", "saveAsTextFile", lambda: put(run_fixture))
    run.close(outcome="test over")
    assert [write["kind"] for write in run_fixture.evidence()["writes"]] == ["s3"]


def test_writes_that_a_failed_commit_did_not_verify_are_in_the_evidence(run_fixture):
    put(run_fixture)
    with pytest.raises(RefusedError, match="GS-S3-011"):
        committed(
            run_fixture,
            UnmanagedWrite("s3a://curated/out", "parquet", 3),
            UnmanagedWrite("file:/tmp/x", "csv", 2),
        )
    assert [(write["target"], write["kind"]) for write in run_fixture.evidence()["writes"]] == [
        ("s3a://curated/out", "unmanaged-unverified"),
        ("file:/tmp/x", "unmanaged-unverified"),
    ]


def test_a_failed_commit_lists_verified_and_unverified_writes_once_each(run_fixture):
    put(run_fixture)
    run_fixture.objects.put(S3Uri("curated", "bad/part-0"), algorithm="AES256")
    with pytest.raises(RefusedError, match="GS-S3-004"):
        committed(
            run_fixture,
            UnmanagedWrite("s3a://curated/out", "parquet", 3),
            UnmanagedWrite("s3a://curated/bad", "csv", 2),
        )
    assert [write["kind"] for write in run_fixture.evidence()["writes"]] == [
        "unmanaged",
        "unmanaged-unverified",
    ]


def test_a_location_that_was_to_be_verified_at_commit_is_unverified_without_a_commit(run_fixture):
    run = run_fixture.start()
    run.writer.verify_at_commit("s3://curated/samples/", format="json", saves_rdds=True)
    run.close(RuntimeError("no"))
    assert [(write["target"], write["kind"]) for write in run_fixture.evidence()["writes"]] == [
        ("s3://curated/samples/", "unmanaged-unverified")
    ]


RDD_SAVE = UnmanagedWrite("", "rdd", problem="an RDD save")


@pytest.mark.parametrize(
    ("saves_rdds", "has_objects"), [(False, True), (True, False)], ids=["checkpoint", "empty spigot"]
)
def test_gs_s3_012_an_rdd_save_is_not_attributed_to_a_location_that_it_cannot_explain(
    run_fixture, saves_rdds, has_objects
):
    run = run_fixture.start()
    run.writer.verify_at_commit("s3://curated/out/", format="json", saves_rdds=saves_rdds)
    if has_objects:
        put(run_fixture)
    run_fixture.engine.native = UnmanagedWriteReport((RDD_SAVE,))
    with pytest.raises(VerificationError, match="GS-S3-012"):
        run.commit()
    assert run_fixture.bookmark_keys() == []


def test_an_rdd_save_is_attributed_to_a_spigot_that_wrote_objects(run_fixture):
    run = run_fixture.start()
    run.writer.verify_at_commit("s3://curated/out/", format="json", saves_rdds=True)
    put(run_fixture)
    run_fixture.engine.native = UnmanagedWriteReport((RDD_SAVE,))
    run.commit()
    assert [write["kind"] for write in run_fixture.evidence()["writes"]] == ["s3"]


def deleted(run_fixture, run):
    receipt = Receipt(DELETED, S3Uri("curated", "out/staging/part-0"), "DeleteObject", BOTO3)
    run.requests.receipts.add([receipt])


def purged(run_fixture, run):
    put(run_fixture, "staging/part-0")
    run.housekeeping.purge("out", ["s3://curated/out/staging"], ObjectSelection(0, frozenset(), None))


def dropped(run_fixture, run):
    run_fixture.engine.native = replace(run_fixture.engine.native, emptied=("s3a://curated/out/staging",))


@pytest.mark.parametrize("remove", [deleted, purged, dropped])
def test_a_staging_location_that_the_run_emptied_commits(run_fixture, remove):
    run = run_fixture.start()
    write = UnmanagedWrite("s3a://curated/out/staging", "parquet", 3)
    run_fixture.engine.native = UnmanagedWriteReport((write,))
    remove(run_fixture, run)
    run.commit()
    (written,) = run_fixture.evidence()["writes"]
    assert (written["kind"], written["rows"], written["objects"]) == ("unmanaged", 3, [])


@pytest.mark.parametrize("remove", [deleted, purged, dropped])
def test_gs_s3_007_a_deletion_elsewhere_does_not_explain_missing_objects(run_fixture, remove):
    run = run_fixture.start()
    write = UnmanagedWrite("s3a://curated/out/other", "parquet", 3)
    run_fixture.engine.native = UnmanagedWriteReport((write,))
    remove(run_fixture, run)
    with pytest.raises(VerificationError, match="GS-S3-007"):
        run.commit()
