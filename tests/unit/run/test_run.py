"""A run from its start to its evidence: bookmark, outcome and records."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from glue_secure.core.errors import BookmarkConflictError, RefusedError, UsageError, VerificationError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.security_configuration import EncryptionSetting
from glue_secure.core.service import ServiceError
from glue_secure.core.unmanaged_writes import UnmanagedWrite, UnmanagedWriteReport

SOURCE, TARGET = "s3://landing/flights/", "s3://curated/flights/"
DENIED = ServiceError("PutObject: AccessDenied: no", code="AccessDenied", operation="PutObject")


def copy(run, ctx="flights"):
    """What a job does: read what is new, write it."""
    frame = run.reader.read_s3(SOURCE, format="csv", transformation_ctx=ctx)
    run.writer.write_s3(frame, TARGET, format="parquet")
    return frame


def test_a_compliant_run_writes_commits_and_leaves_evidence(run_fixture):
    run_fixture.land("m01.csv")
    run = run_fixture.start()
    assert copy(run) == ["m01.csv"]
    uri = run.commit()
    assert uri == run.evidence_uri == S3Uri("evidence", "runs/job=curate/run=jr_1/evidence.json")
    evidence = run_fixture.evidence()
    assert (evidence["outcome"], evidence["error"]) == ("succeeded", None)
    assert (evidence["job"], evidence["run_id"]) == ("curate", "jr_1")
    assert (evidence["account"], evidence["account_id"], evidence["region"]) == (
        "embedded",
        "123456789012",
        "eu-west-1",
    )
    assert evidence["security_configuration"] == "strict"
    assert evidence["keys"]["s3"] == str(run_fixture.key)
    assert evidence["settings"]["fs.s3a.encryption.algorithm"] == "SSE-KMS"
    assert evidence["reads"] == [
        {
            "source": SOURCE,
            "kind": "s3",
            "format": "csv",
            "transformation_ctx": "flights",
            "objects": 1,
            "bytes": 4,
            "rows": 7,
            "skipped": 0,
            "skipped_objects": [],
            "merged_columns": [],
            "encryption": [{"algorithm": "AES256", "key": "", "objects": 1}],
            "table": "",
            "since": "",
            "until": "",
        }
    ]
    assert [o["uri"] for o in evidence["writes"][0]["objects"]] == [f"{TARGET}m01.csv.parquet"]
    assert evidence["bookmark"]["sequence_before"] == 0
    assert evidence["bookmark"]["sequence_after"] == 1
    assert {c["verdict"] for c in evidence["controls"]} == {"PASS"}
    assert {"GS-SEC-001", "GS-KMS-006", "GS-S3-001", "GS-S3-004", "GS-BKM-001"} <= {
        c["control"] for c in evidence["controls"]
    }
    assert evidence["versions"].items() >= {"glue-secure": "0", "engine": "1"}.items()
    assert run_fixture.engine.closed


def test_the_next_run_reads_only_new_objects(run_fixture):
    run_fixture.land("m01.csv")
    run = run_fixture.start()
    copy(run)
    run.commit()
    run_fixture.land("m02.csv")
    run_fixture.clock.advance(seconds=3)
    run = run_fixture.start("jr_2")
    assert copy(run) == ["m02.csv"]
    run.commit()
    run_fixture.clock.advance(seconds=3)
    run = run_fixture.start("jr_3")
    assert copy(run) == []
    run.commit()
    assert run_fixture.evidence("jr_3")["bookmark"]["sequence_after"] == 2
    assert run_fixture.evidence("jr_3")["writes"][0]["objects"] == []


@pytest.mark.parametrize("option", ["job-bookmark-pause", "job-bookmark-disable"])
def test_a_paused_or_disabled_bookmark_does_not_move(run_fixture, option):
    run_fixture.land("m01.csv")
    run = run_fixture.start(job_bookmark_option=option)
    assert copy(run) == ["m01.csv"]
    run.commit()
    assert run_fixture.bookmark_keys() == []
    assert run_fixture.evidence()["bookmark"]["option"] == option


def test_the_bookmark_does_not_move_when_verification_fails(run_fixture):
    run_fixture.land("m01.csv")
    run = run_fixture.start()
    run_fixture.engine.algorithm, run_fixture.engine.key = "AES256", ""
    with pytest.raises(RefusedError, match="GS-S3-004") as caught:
        copy(run)
    run.close(caught.value)
    assert run_fixture.bookmark_keys() == []
    evidence = run_fixture.evidence()
    assert evidence["outcome"] == "refused"
    assert evidence["error"]["type"] == "RefusedError"
    assert evidence["error"]["control"] == "GS-S3-004"
    assert "AES256" in evidence["error"]["message"]
    assert evidence["bookmark"]["sequence_after"] == 0
    run_fixture.engine.algorithm = run_fixture.engine.key = None
    assert copy(run_fixture.start("jr_2")) == ["m01.csv"]


def test_a_script_that_catches_a_refused_write_cannot_commit(run_fixture):
    run_fixture.land("m01.csv")
    run = run_fixture.start()
    run_fixture.engine.algorithm, run_fixture.engine.key = "AES256", ""
    with pytest.raises(RefusedError):
        copy(run)
    run_fixture.engine.algorithm = run_fixture.engine.key = None
    run_fixture.clock.advance(seconds=3)
    run.writer.write_s3(["again"], TARGET, format="parquet")
    with pytest.raises(RefusedError) as caught:
        run.commit()
    assert caught.value.control == "GS-S3-004"
    assert run_fixture.bookmark_keys() == []
    evidence = run_fixture.evidence()
    assert evidence["outcome"] == "refused"
    assert "FAIL" in {each["verdict"] for each in evidence["controls"] if each["control"] == "GS-S3-004"}


def test_the_evidence_has_the_type_of_a_foreign_error_and_not_its_text(run_fixture):
    run_fixture.land("m01.csv")
    run = run_fixture.start()
    run.reader.read_s3(SOURCE, format="csv", transformation_ctx="flights")
    run.close(ZeroDivisionError("a row says hunter2"))
    evidence = run_fixture.evidence()
    assert (evidence["outcome"], evidence["error"]) == ("failed", {"type": "ZeroDivisionError"})
    assert run_fixture.bookmark_keys() == []


def test_the_evidence_shows_that_a_run_ended_without_commit(run_fixture):
    run_fixture.start().close(outcome="ended without job.commit()")
    assert run_fixture.evidence()["outcome"] == "ended without job.commit()"


def test_a_run_that_ends_without_commit_is_verified_and_keeps_its_bookmark(run_fixture):
    run_fixture.land("m01.csv")
    run = run_fixture.start()
    copy(run)
    run_fixture.objects.put(S3Uri("curated", "native/part-0"), algorithm="aws:kms", key=str(run_fixture.key))
    run_fixture.engine.native = UnmanagedWriteReport((UnmanagedWrite("s3a://curated/native", "csv", 1),))
    assert run.end_without_commit()
    evidence = run_fixture.evidence()
    assert (evidence["outcome"], run_fixture.bookmark_keys()) == ("ended without job.commit()", [])
    assert [write["kind"] for write in evidence["writes"]] == ["s3", "unmanaged"]
    with pytest.raises(UsageError, match="has ended"):
        run.commit()


def test_a_run_without_a_bookmark_loses_nothing_if_it_ends_without_commit(run_fixture):
    run = run_fixture.start(job_bookmark_option="job-bookmark-disable")
    run_fixture.land("m01.csv")
    copy(run)
    assert not run.end_without_commit()
    assert not run_fixture.start("jr_2").end_without_commit()


def test_gs_s3_004_a_run_that_ends_without_commit_is_refused_like_one_that_commits(run_fixture):
    run = run_fixture.start()
    run_fixture.objects.put(S3Uri("curated", "native/part-0"), algorithm="AES256")
    run_fixture.engine.native = UnmanagedWriteReport((UnmanagedWrite("s3a://curated/native", "csv", 1),))
    with pytest.raises(RefusedError, match="GS-S3-004"):
        run.end_without_commit()
    assert run_fixture.evidence()["outcome"] == "refused"


def test_evidence_is_written_once(run_fixture):
    run = run_fixture.start()
    run.commit()
    run.close(RuntimeError("later"))
    assert run_fixture.evidence_keys() == ["runs/job=curate/run=jr_1/evidence.json"]
    assert run_fixture.evidence()["outcome"] == "succeeded"


def test_a_second_attempt_does_not_overwrite_the_first_evidence(run_fixture):
    run_fixture.start().close(RuntimeError("first attempt"))
    first = run_fixture.evidence()
    run_fixture.start().commit()
    third = run_fixture.start()
    third.commit()
    assert run_fixture.evidence_keys() == [
        "runs/job=curate/run=jr_1/evidence-2.json",
        "runs/job=curate/run=jr_1/evidence-3.json",
        "runs/job=curate/run=jr_1/evidence.json",
    ]
    assert run_fixture.evidence() == first
    assert run_fixture.evidence(name="evidence-2.json")["outcome"] == "succeeded"
    assert str(third.evidence_uri).endswith("evidence-3.json")


@pytest.mark.parametrize("end", ["commit", "close"])
@pytest.mark.parametrize(
    "call",
    [
        lambda run: run.reader.read_s3(SOURCE, format="csv"),
        lambda run: run.writer.write_s3(["a"], TARGET, format="parquet"),
        lambda run: run.reader.read_jdbc("ops", "airlines"),
        lambda run: run.catalog_reader.read_table("db", "t"),
        lambda run: run.reader.jdbc_conf("ops"),
        lambda run: run.commit(),
    ],
)
def test_nothing_is_read_or_written_after_the_end(run_fixture, end, call):
    run = run_fixture.start()
    assert run.is_open
    run.commit() if end == "commit" else run.close(RuntimeError("x"))
    assert not run.is_open
    before = list(run_fixture.engine.calls)
    with pytest.raises(UsageError, match="has ended"):
        call(run)
    assert run_fixture.engine.calls == before


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DENIED, "AccessDenied"),
        (
            ServiceError("answered AES256", code="EncryptionMismatch", operation="PutObject"),
            "EncryptionMismatch",
        ),
    ],
)
def test_gs_evd_001_a_successful_run_without_evidence_ends_with_exit_code_4(run_fixture, error, code):
    run = run_fixture.start()
    run_fixture.objects.fail_next("PutObject", error)
    with pytest.raises(VerificationError) as caught:
        run.commit()
    assert (caught.value.control, caught.value.exit_code) == ("GS-EVD-001", 4)
    assert caught.value.aws_code == code
    assert caught.value.resource == "s3://evidence/runs/"


def test_gs_evd_001_shows_the_type_of_a_foreign_error_and_not_its_text(run_fixture):
    run = run_fixture.start()
    run_fixture.engine.settings_fail = RuntimeError("hunter2")
    with pytest.raises(VerificationError) as caught:
        run.commit()
    assert caught.value.control == "GS-EVD-001"
    assert caught.value.found == "RuntimeError"


def test_an_error_of_the_evidence_does_not_hide_the_error_of_the_run(run_fixture):
    run_fixture.land("m01.csv")
    run = run_fixture.start()
    run_fixture.objects.fail_next("PutObject", DENIED, times=2)
    with pytest.raises(VerificationError) as caught:
        copy(run)
        run.commit()
    assert caught.value.control == "GS-BKM-006"
    assert run_fixture.evidence_keys() == []
    run = run_fixture.start("jr_2")
    run_fixture.objects.fail_next("PutObject", DENIED)
    run.close(ValueError("the job's own"))
    assert run.evidence_uri is None
    assert run_fixture.evidence_keys() == []


def test_gs_evd_001_a_run_whose_evidence_cannot_be_written_stops_before_it_reads_or_writes(run_fixture):
    run_fixture.land("m01.csv")
    run_fixture.objects.fail_next("PutObject", DENIED)
    with pytest.raises(VerificationError, match="stopped before it read or wrote data") as caught:
        run_fixture.start()
    assert caught.value.control == "GS-EVD-001"
    assert run_fixture.engine.asked("read_s3") == run_fixture.engine.asked("write_s3") == []
    assert run_fixture.bookmark_keys() == []


def test_the_record_of_the_start_stays_when_a_run_is_killed(run_fixture):
    run_fixture.start()
    (key,) = (key for key in run_fixture.objects.keys("evidence") if "/_chain/" not in key)
    assert key.endswith("/run=jr_1/_started.json")
    record = json.loads(run_fixture.objects.read(S3Uri("evidence", key)).body)
    assert (record["job"], record["run_id"]) == ("curate", "jr_1")
    assert run_fixture.objects.encryption(S3Uri("evidence", key)).algorithm == "aws:kms"


def test_gs_bkm_005_the_run_that_commits_second_names_the_first(run_fixture):
    run_fixture.land("m01.csv")
    loser, winner = run_fixture.start("jr_1"), run_fixture.start("jr_2")
    copy(loser)
    copy(winner)
    winner.commit()
    with pytest.raises(BookmarkConflictError) as caught:
        loser.commit()
    assert caught.value.control == "GS-BKM-005"
    assert "jr_2" in str(caught.value)
    assert run_fixture.evidence("jr_1")["outcome"] == "refused"
    assert run_fixture.evidence("jr_2")["outcome"] == "succeeded"


def test_a_changed_bookmark_stops_the_next_run_and_the_evidence_has_the_control(run_fixture):
    run_fixture.land("m01.csv")
    run = run_fixture.start()
    copy(run)
    run.commit()
    current = next(key for key in run_fixture.bookmark_keys() if key.endswith("/current"))
    run_fixture.objects.put(S3Uri("state", current), b"not a message")
    with pytest.raises(RefusedError) as caught:
        run_fixture.start("jr_2")
    assert caught.value.control == "GS-BKM-001"
    evidence = run_fixture.evidence("jr_2")
    assert (evidence["outcome"], evidence["error"]["control"]) == ("refused", "GS-BKM-001")
    assert evidence["reads"] == evidence["writes"] == []


@pytest.mark.parametrize("setting", ["fs.s3a.encryption.algorithm", "fs.s3.serverSideEncryption.kms.keyId"])
def test_gs_s3_001_settings_that_were_applied_but_are_not_in_force_stop_the_run(run_fixture, setting):
    run_fixture.engine.ignores = {setting}
    with pytest.raises(RefusedError) as caught:
        run_fixture.start()
    assert caught.value.control == "GS-S3-001"
    assert run_fixture.evidence()["error"]["control"] == "GS-S3-001"


def test_gs_s3_003_a_setting_for_one_bucket_stops_the_run(run_fixture):
    run_fixture.engine.settings["fs.s3a.bucket.curated.encryption.algorithm"] = "AES256"
    with pytest.raises(RefusedError, match="GS-S3-003"):
        run_fixture.start()


def test_a_failed_preflight_uses_neither_engine_nor_buckets(run_fixture):
    run_fixture.configure(s3=(EncryptionSetting("SSE-S3"),))
    run_fixture.objects.calls.clear()
    with pytest.raises(RefusedError, match="GS-SEC-003"):
        run_fixture.start()
    assert run_fixture.engine.calls == []
    assert run_fixture.engine.settings == {}
    assert run_fixture.objects.calls == []


@pytest.mark.parametrize("missing", ["glue-secure-evidence-uri", "glue-secure-bookmark-uri"])
def test_a_missing_location_is_a_usage_error(run_fixture, missing):
    del run_fixture.arguments[missing]
    with pytest.raises(UsageError, match=missing):
        run_fixture.start()


def test_disabled_bookmarks_need_no_location(run_fixture):
    del run_fixture.arguments["glue-secure-bookmark-uri"]
    run_fixture.start(job_bookmark_option="job-bookmark-disable").commit()
    assert run_fixture.evidence()["bookmark"]["uri"] == ""


def test_secrets_among_the_settings_are_not_in_the_evidence(run_fixture):
    run_fixture.engine.settings |= {
        "fs.s3a.secret.key": "hunter2",
        "fs.s3a.proxy.host": "https://me:hunter2@127.0.0.1:5000",
    }
    run_fixture.start().commit()
    assert "hunter2" not in str(run_fixture.evidence()["settings"])


def test_the_evidence_shows_which_account_the_endpoints_belong_to(run_fixture):
    run_fixture.environment = replace(run_fixture.environment, kind="custom-endpoint")
    run_fixture.start().commit()
    assert run_fixture.evidence()["account"] == "custom-endpoint"


def test_a_run_whose_jvm_stopped_leaves_evidence(run_fixture, monkeypatch):
    run = run_fixture.start()

    def gone():
        raise ConnectionResetError

    monkeypatch.setattr(run_fixture.engine, "settings_in_force", gone)
    run.close(RuntimeError("the JVM is gone"))
    evidence = run_fixture.evidence()
    assert (evidence["outcome"], evidence["settings"]) == ("failed", {})
    assert "GS-SEC-001" in {finding["control"] for finding in evidence["controls"]}


def test_a_fork_does_not_end_its_parents_run(run_fixture, monkeypatch):
    run = run_fixture.start()
    monkeypatch.setattr("glue_secure.run.state.os.getpid", lambda: -1)
    run.close()
    monkeypatch.undo()
    assert run.is_open
    run.commit()
    assert run_fixture.evidence()["outcome"] == "succeeded"


def test_a_commit_in_a_forked_process_changes_nothing(run_fixture, monkeypatch):
    run_fixture.land("m01.csv")
    run = run_fixture.start()
    copy(run)
    monkeypatch.setattr("glue_secure.run.state.os.getpid", lambda: -1)
    with pytest.raises(UsageError, match="forked from the job's process"):
        run.commit()
    monkeypatch.undo()
    assert run_fixture.bookmark_keys() == run_fixture.evidence_keys() == []
    run.commit()
    assert run_fixture.evidence()["outcome"] == "succeeded"


def test_gs_spk_unknown_worker_encryption_is_reported_and_is_no_pass(run_fixture, caplog):
    run_fixture.engine.workers = {"spark.master": "jes"}
    run_fixture.start().commit()
    verdicts = {finding["control"]: finding["verdict"] for finding in run_fixture.evidence()["controls"]}
    assert (verdicts["GS-SPK-001"], verdicts["GS-SPK-002"]) == ("UNKNOWN", "UNKNOWN")
    assert "GS-SPK-001 is UNKNOWN" in caplog.text


@pytest.mark.parametrize(
    ("workers", "control"),
    [
        ({"spark.master": "jes", "spark.io.encryption.enabled": "true"}, "GS-SPK-001"),
        ({"spark.master": "local[2]"}, "GS-SPK-002"),
    ],
)
def test_gs_spk_stops_a_run_that_requires_it(run_fixture, workers, control):
    run_fixture.engine.workers = workers
    with pytest.raises(VerificationError, match=control):
        run_fixture.start(glue_secure_worker_encryption="required")
    assert run_fixture.evidence()["outcome"] == "refused"
    assert run_fixture.engine.asked("write_s3") == []


def test_gs_spk_passes_if_worker_encryption_is_set(run_fixture):
    run_fixture.start(glue_secure_worker_encryption="required").commit()
    verdicts = {finding["control"]: finding["verdict"] for finding in run_fixture.evidence()["controls"]}
    assert (verdicts["GS-SPK-001"], verdicts["GS-SPK-002"]) == ("PASS", "PASS")
