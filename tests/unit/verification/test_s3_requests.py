"""With the request guard, writes are verified with S3's responses, without listings."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest

from glue_secure.core.errors import RefusedError, VerificationError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.receipts import DELETED, STORED, UNANSWERED, Receipt
from glue_secure.core.request_guard import RequestReport
from glue_secure.core.service import ServiceError
from glue_secure.core.unmanaged_writes import UnmanagedWrite, UnmanagedWriteReport

TARGET = "s3://curated/flights/"


@pytest.fixture
def run(run_fixture):
    run_fixture.engine.guard = ""
    return run_fixture.start()


def stored(run_fixture, key, *, algorithm="aws:kms", kms_key=None, in_s3=True, **values):
    """Return the receipt of an object, which is also stored unless ``in_s3`` is False."""
    uri = S3Uri("curated", key)
    kms_key = str(run_fixture.key) if kms_key is None else kms_key
    if in_s3:
        run_fixture.objects.put(uri, b"rows", algorithm=algorithm, key=kms_key)
    return Receipt(STORED, uri, "PutObject", "driver", algorithm, kms_key, size=4, **values)


def calls(run_fixture, operation, below=TARGET):
    return [uri for name, uri in run_fixture.objects.calls if name == operation and uri.startswith(below)]


def test_a_write_is_verified_without_a_listing(run, run_fixture):
    for number in range(20):
        run_fixture.objects.put(S3Uri("curated", f"flights/old-{number}"))

    record = run.writer.write_s3([f"part-{n}" for n in range(10)], TARGET, format="parquet")

    assert len(record.objects) == 10
    assert {(each.algorithm, each.key, each.size) for each in record.objects} == {
        ("aws:kms", str(run_fixture.key), 4)
    }
    assert record.verified_by == "receipts"
    assert calls(run_fixture, "ListObjectsV2") == []
    assert len(calls(run_fixture, "HeadObject")) == 3


@pytest.mark.parametrize(("guard", "most"), [("", 3), ("no JVM", 350 * 1.1 + 2)])
def test_the_requests_of_the_guard_are_at_most_eleven_for_ten_objects(run_fixture, guard, most):
    run_fixture.engine.guard = guard
    run = run_fixture.start()
    for number in range(20):
        run_fixture.objects.put(S3Uri("curated", f"flights/old-{number}"))
    run_fixture.clock.advance(seconds=60)
    run_fixture.objects.calls.clear()
    run.writer.write_s3([f"part-{n}" for n in range(350)], TARGET, format="parquet")
    assert len(run_fixture.objects.calls) <= most, Counter(name for name, _ in run_fixture.objects.calls)


def test_the_result_of_every_report_is_used(run, run_fixture, monkeypatch):
    reports = [
        RequestReport((stored(run_fixture, "t/a"),), has_more=True),
        RequestReport((stored(run_fixture, "t/b"),)),
    ]
    monkeypatch.setattr(run_fixture.engine, "take_requests", lambda: reports.pop(0))
    run.requests.collect()
    assert [receipt.uri.key for receipt in run.requests.receipts.unattributed()] == ["t/a", "t/b"]


def test_an_object_with_another_encryption_fails_the_run(run, run_fixture):
    run_fixture.engine.algorithm, run_fixture.engine.key = "AES256", ""

    with pytest.raises(RefusedError) as raised:
        run.writer.write_s3(["part"], TARGET, format="parquet")

    assert raised.value.control == "GS-S3-004"
    with pytest.raises(RefusedError):
        run.commit()
    assert run_fixture.evidence()["outcome"] == "refused"


def test_a_receipt_that_s3_contradicts_fails_the_run(run, run_fixture):
    run_fixture.engine.requests = RequestReport((stored(run_fixture, "flights/a"),))
    run_fixture.objects.put(S3Uri("curated", "flights/a"), b"rows", algorithm="AES256")

    with pytest.raises(RefusedError, match="GS-S3-004"):
        run.commit()


def test_gs_s3_007_a_file_that_another_writer_removed_before_its_rename_fails_the_run(run, run_fixture):
    """Two writes of Spark to one target have one work folder, which the first to commit deletes."""
    lost = stored(run_fixture, "flights/_temporary/0/task_1/part-1", in_s3=False)
    left = stored(run_fixture, "flights/_temporary/0/task_0/part-0")
    run_fixture.engine.requests = RequestReport((stored(run_fixture, "flights/part-0"), left, lost))
    run.requests.collect()
    written = run.requests.receipts.attribute_below(S3Uri.parse(TARGET))
    with pytest.raises(VerificationError, match=r"(?s)GS-S3-007.*task_1/part-1.*deleted by another program"):
        run.requests.verify(written)
    run_fixture.objects.put(lost.uri, b"rows", algorithm="aws:kms", key=str(run_fixture.key))
    run.requests.verify(written)


def test_rows_without_a_receipt_are_not_verified(run, run_fixture):
    with pytest.raises(VerificationError, match="GS-S3-007"):
        run.writer.write_custom(TARGET, format="text", perform=lambda: 5, by_spark=True)


@pytest.mark.parametrize("outcome", [STORED, UNANSWERED])
def test_an_object_whose_receipt_says_nothing_is_read_back(run, run_fixture, outcome):
    uri = S3Uri("curated", "flights/a")
    run_fixture.objects.put(uri, b"rows", algorithm="AES256")
    receipt = Receipt(outcome, uri, "CompleteMultipartUpload", "executor 1", upload="u1")
    run_fixture.engine.requests = RequestReport((receipt,))

    with pytest.raises(RefusedError, match="GS-S3-004"):
        run.commit()


def test_a_request_that_was_stopped_fails_the_run_even_if_the_script_continues(run, run_fixture):
    refusal = RefusedError(
        "GS-S3-005", resource="PutObject to s3://curated/x", found="AES256", required="aws:kms", fix="remove"
    )
    run_fixture.engine.requests = RequestReport(refusals=(refusal,))

    with pytest.raises(RefusedError, match="GS-S3-005"):
        run.commit()

    assert run_fixture.evidence()["error"]["control"] == "GS-S3-005"
    assert run_fixture.evidence()["bookmark"]["sequence_after"] == 0


def test_the_refusal_of_a_request_replaces_the_error_of_spark(run, run_fixture):
    refusal = RefusedError(
        "GS-S3-009", resource="PutObject to s3://evidence/runs/x", found="x", required="y", fix="z"
    )

    def fail(*_arguments, **_options):
        run_fixture.engine.requests = RequestReport(refusals=(refusal,))
        raise RuntimeError("a hundred lines of the JVM")

    with pytest.raises(RefusedError, match="GS-S3-009"):
        run.writer.write_custom(TARGET, format="text", perform=fail, by_spark=True)


def test_objects_that_no_plan_names_are_verified_and_recorded_by_folder(run, run_fixture):
    run_fixture.engine.requests = RequestReport(
        (stored(run_fixture, "model/metadata/part-0"), stored(run_fixture, "t/day=1/hour=2/part-0"))
    )
    run.commit()

    writes = {write["target"]: write for write in run_fixture.evidence()["writes"]}
    assert set(writes) == {"s3://curated/model/metadata", "s3://curated/t"}
    assert writes["s3://curated/t"]["objects"][0]["uri"] == "s3://curated/t/day=1/hour=2/part-0"
    assert writes["s3://curated/t"]["kind"] == "unmanaged"


def test_a_plan_names_the_objects_below_its_location(run, run_fixture):
    run_fixture.engine.native = UnmanagedWriteReport((UnmanagedWrite("s3a://curated/t", "parquet", 9),))
    run_fixture.engine.requests = RequestReport((stored(run_fixture, "t/day=1/part-0"),))
    run.commit()

    (write,) = run_fixture.evidence()["writes"]
    assert (write["target"], write["format"], write["rows"]) == ("s3://curated/t", "parquet", 9)
    assert write["verified_by"] == "receipts"
    assert calls(run_fixture, "ListObjectsV2", "s3://curated") == []


def test_a_work_table_that_is_deleted_before_the_commit_is_no_failure(run, run_fixture):
    receipt = stored(run_fixture, "staging/part-0", in_s3=False)
    deletion = Receipt(DELETED, receipt.uri, "DeleteObject", "driver")
    run_fixture.engine.native = UnmanagedWriteReport((UnmanagedWrite("s3a://curated/staging", "parquet", 9),))
    run_fixture.engine.requests = RequestReport((receipt, deletion))
    run.commit()

    (write,) = run_fixture.evidence()["writes"]
    assert (write["target"], write["objects"]) == ("s3://curated/staging", [])


def test_a_file_write_to_an_unknown_location_is_verified_by_its_receipts(run, run_fixture):
    unknown = UnmanagedWrite("", "rdd", problem="an RDD save", stores_files=True)
    run_fixture.engine.native = UnmanagedWriteReport((unknown,))
    run_fixture.engine.requests = RequestReport((stored(run_fixture, "text/part-0"),))
    run.commit()

    assert [write["target"] for write in run_fixture.evidence()["writes"]] == ["s3://curated/text"]


def test_a_write_to_an_unknown_service_is_still_unverified(run, run_fixture):
    unknown = UnmanagedWrite("", "mongo", problem="a write by MongoTable, whose location is unknown")
    run_fixture.engine.native = UnmanagedWriteReport((unknown,))

    with pytest.raises(VerificationError, match="GS-S3-012"):
        run.commit()


def test_a_lost_executor_makes_the_run_use_listings(run, run_fixture):
    run_fixture.engine.requests = RequestReport(gaps=("driver: executor 3 was lost",))
    record = run.writer.write_s3(["part"], TARGET, format="parquet")
    run.commit()

    assert [str(each.uri) for each in record.objects] == [f"{TARGET}part.parquet"]
    assert record.verified_by == "HeadObject"
    assert run_fixture.evidence()["request_guard"] == {
        "verification": "listings",
        "reason": "driver: executor 3 was lost",
        "python_workers": "not guarded",
    }


def test_the_evidence_says_why_receipts_are_not_used(run_fixture):
    run_fixture.engine.guard = "spark.plugins does not contain gluesecure.guard.GuardPlugin"
    run_fixture.start().commit()

    assert run_fixture.evidence()["request_guard"] == {
        "verification": "listings",
        "reason": "spark.plugins does not contain gluesecure.guard.GuardPlugin",
        "python_workers": "not guarded",
    }


def test_the_evidence_has_the_digest_of_the_guard(run_fixture, tmp_path):
    jar = tmp_path / "guard.jar"
    jar.write_bytes(b"classes")
    run_fixture.engine.guard, run_fixture.engine.jar = "", jar
    run_fixture.start().commit()

    digest = hashlib.sha256(b"classes").hexdigest()
    assert run_fixture.evidence()["request_guard"] == {
        "verification": "receipts",
        "jar_sha256": digest,
        "python_workers": "not guarded",
    }


def test_the_policy_reserves_bookmarks_and_evidence_and_names_the_service(run, run_fixture):
    (policy,) = run_fixture.engine.asked("guard_requests")
    message = policy.message(scheme="s3a", settings={"fs.s3a.endpoint": "x"})

    assert set(message["reserved"]) == {"evidence/runs/", "state/bookmarks/"}
    assert ".amazonaws.com" in message["hosts"]
    assert message["rules"][0]["key"] == str(run_fixture.key)
    assert message["probe"].startswith("s3a://evidence/runs")


def test_a_denied_audit_of_a_receipt_is_not_verified(run, run_fixture):
    run_fixture.objects.fail_next("HeadObject", ServiceError("denied", code="AccessDenied", operation="x"))

    with pytest.raises(VerificationError, match="GS-S3-007"):
        run.writer.write_s3(["part"], TARGET, format="parquet")


def test_a_file_write_to_an_unknown_location_may_be_outside_s3_if_bytes_went_elsewhere(run, run_fixture):
    unknown = UnmanagedWrite("", "rdd", problem="an RDD save", stores_files=True)
    run_fixture.engine.native = UnmanagedWriteReport((unknown,))
    run_fixture.engine.requests = RequestReport(
        (stored(run_fixture, "text/part-0"),), other_schemes=("file",)
    )
    with pytest.raises(VerificationError, match="GS-S3-012"):
        run.commit()


def test_gs_s3_011_bytes_in_another_file_system_that_no_write_names_fail_the_run(run, run_fixture):
    run_fixture.engine.requests = RequestReport(other_schemes=("file", "hdfs"))
    with pytest.raises(RefusedError, match="GS-S3-011") as raised:
        run.commit()
    assert "hdfs://" in str(raised.value)
    assert run_fixture.evidence()["request_guard"]["other_file_systems"] == "file, hdfs"


def test_bytes_on_the_local_disk_are_named_in_the_evidence(run, run_fixture):
    run_fixture.engine.requests = RequestReport(other_schemes=("file",))
    run.commit()
    assert run_fixture.evidence()["request_guard"]["other_file_systems"] == "file"


def test_a_file_write_without_any_receipt_is_unverified(run, run_fixture):
    unknown = UnmanagedWrite("", "rdd", problem="an RDD save", stores_files=True)
    run_fixture.engine.native = UnmanagedWriteReport((unknown,))

    with pytest.raises(VerificationError, match="GS-S3-012"):
        run.commit()


NOTHING_TO_DO = UnmanagedWrite(
    "", "CALL expire_snapshots", problem="CALL expire_snapshots", stores_files=True, may_store_nothing=True
)


def test_a_statement_that_found_nothing_to_do_and_stored_nothing_is_no_write(run, run_fixture):
    run_fixture.engine.native = UnmanagedWriteReport((NOTHING_TO_DO,))
    run.commit()
    assert run_fixture.evidence()["writes"] == []


@pytest.mark.parametrize(
    "report",
    [RequestReport(other_schemes=("file",)), RequestReport(gaps=("driver: executor 3 was lost",))],
    ids=["bytes elsewhere", "without receipts"],
)
def test_gs_s3_012_whether_a_statement_stored_nothing_is_not_known(run, run_fixture, report):
    run_fixture.engine.native = UnmanagedWriteReport((NOTHING_TO_DO,))
    run_fixture.engine.requests = report
    with pytest.raises(VerificationError, match="GS-S3-012"):
        run.commit()


def test_a_procedure_that_stored_nothing_at_its_table_is_verified(run, run_fixture):
    located = UnmanagedWrite("s3a://curated/t", "table", table="lake.db.t")
    run_fixture.engine.native = UnmanagedWriteReport((located,))
    run.commit()
    (write,) = run_fixture.evidence()["writes"]
    assert (write["target"], write["objects"]) == ("s3://curated/t", [])


def test_a_custom_write_by_another_client_is_verified_with_listings(run, run_fixture):
    other = S3Uri("curated", "flights/by-another-client")

    def save():
        run_fixture.objects.put(other, b"rows", algorithm="AES256")

    with pytest.raises(RefusedError, match="GS-S3-004"):
        run.writer.write_custom(TARGET, format="lance", perform=save)


def test_a_request_in_progress_at_the_commit_is_not_verified(run, run_fixture):
    run_fixture.engine.in_progress = ("PutObject of s3://curated/flights/late",)

    with pytest.raises(VerificationError, match="GS-S3-012") as raised:
        run.commit()
    assert "PutObject of s3://curated/flights/late" in raised.value.found


def test_receipts_are_taken_after_the_last_request_has_ended(run, run_fixture):
    uri = "flights/late"

    def store_and_end(_seconds):
        run_fixture.engine.requests = RequestReport((stored(run_fixture, uri),))
        return ()

    run_fixture.engine.end_writes = store_and_end
    run.commit()

    (write,) = run_fixture.evidence()["writes"]
    assert [entry["uri"] for entry in write["objects"]] == [f"s3://curated/{uri}"]
