"""Writes to S3: checked when they are called, verified afterwards."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from run_fixture import target_keys

from glue_secure.columns.enforcer import ColumnPolicyEnforcer
from glue_secure.connections.manager import ConnectionManager
from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.receipt_book import ReceiptBook
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.request_guard import RequestPolicy
from glue_secure.core.service import ServiceError
from glue_secure.core.spark_conf import plan_settings
from glue_secure.io.read_objects import ReadObjects
from glue_secure.io.writer import MODES, DataWriter
from glue_secure.verification.bucket_policy_proof import BucketPolicyProver
from glue_secure.verification.object_verifier import ObjectVerifier
from glue_secure.verification.s3_requests import S3Requests
from glue_secure.verification.target_guard import TargetGuard

TARGET = "s3://curated/flights/"


@pytest.fixture
def recorder(run_fixture) -> RunRecorder:
    return RunRecorder(started=run_fixture.clock.now())


@pytest.fixture
def read_objects(run_fixture) -> ReadObjects:
    return ReadObjects(run_fixture.engine)


@pytest.fixture
def writer(run_fixture, recorder, read_objects) -> DataWriter:
    plan = plan_settings(run_fixture.key, s3_endpoint="https://s3.eu-west-1.amazonaws.com")
    engine, objects = run_fixture.engine, run_fixture.objects
    engine.apply_settings(plan)
    targets = target_keys(run_fixture.key, recorder)
    verifier = ObjectVerifier(targets=targets, objects=objects, engine=engine, recorder=recorder)
    return DataWriter(
        run_id="jr_1",
        engine=engine,
        guard=TargetGuard(plan=plan, engine=engine, objects=objects, recorder=recorder),
        verifier=verifier,
        requests=S3Requests(
            targets=targets,
            policy=RequestPolicy("jr_1", plan.rules, (), plan.s3_endpoint, S3Uri("evidence", "runs")),
            engine=engine,
            verifier=verifier,
            receipts=ReceiptBook(),
            recorder=recorder,
        ),
        prover=BucketPolicyProver(rules=plan.rules, objects=objects, recorder=recorder, seed=""),
        connections=ConnectionManager(
            catalog=run_fixture.control_plane,
            objects=objects,
            secrets=run_fixture.secrets,
            engine=engine,
            clock=run_fixture.clock,
            recorder=recorder,
        ),
        columns=ColumnPolicyEnforcer(
            location=None,
            objects=objects,
            source=run_fixture.columns,
            engine=engine,
            recorder=recorder,
            operation=nullcontext,
        ),
        recorder=recorder,
        read_objects=read_objects,
        operation=nullcontext,
    )


@pytest.fixture
def rejected(writer, run_fixture, recorder):
    """Write, and expect an error; ``written`` is whether the engine was called."""

    def run(control, frame=("a",), target=TARGET, *, kind=RefusedError, written=False, **more):
        with pytest.raises(kind, match=control) as caught:
            writer.write_s3(list(frame), target, format="parquet", **more)
        assert caught.value.control == control
        assert bool(run_fixture.engine.asked("write_s3")) is written
        assert recorder.writes == []
        return caught.value

    return run


def test_a_write_is_recorded_object_by_object(writer, run_fixture, recorder):
    record = writer.write_s3(
        ["a", "b"], TARGET, format="parquet", partition_by=["month"], options={"compression": "snappy"}
    )
    assert [(o.uri.key, o.algorithm, o.key) for o in record.objects] == [
        ("flights/a.parquet", "aws:kms", str(run_fixture.key)),
        ("flights/b.parquet", "aws:kms", str(run_fixture.key)),
    ]
    assert (record.rows, record.target, record.format) == (2, TARGET, "parquet")
    assert record.verified_seconds >= 0
    assert recorder.writes == [record]
    assert run_fixture.engine.asked("write_s3") == [(TARGET, "append", ("month",), {"compression": "snappy"})]
    assert {f.control for f in recorder.findings} == {"GS-S3-001", "GS-S3-002", "GS-S3-008", "GS-S3-004"}


def test_only_new_objects_are_verified(writer, run_fixture):
    run_fixture.objects.put(S3Uri("curated", "flights/old.parquet"), algorithm="AES256")
    run_fixture.objects.put(S3Uri("curated", "flights-beside/x"), algorithm="AES256")
    run_fixture.clock.advance(seconds=3)
    record = writer.write_s3(["a"], TARGET, format="parquet")
    assert [o.uri.key for o in record.objects] == ["flights/a.parquet"]


def test_an_object_of_the_two_seconds_before_a_write_is_verified(writer, run_fixture):
    """The clocks of S3's servers may differ, so it may be an object of the write."""
    run_fixture.objects.put(S3Uri("curated", "flights/b.parquet"), algorithm="AES256")
    run_fixture.clock.advance(seconds=2)
    with pytest.raises(RefusedError, match=r"GS-S3-004.*flights/b\.parquet"):
        writer.write_s3(["a"], TARGET, format="parquet")


def test_an_object_of_an_earlier_write_is_recorded_once(writer, run_fixture):
    first = writer.write_s3(["a"], TARGET, format="parquet")
    run_fixture.clock.advance(seconds=1)
    second = writer.write_s3(["b"], TARGET, format="parquet")
    names = [[encryption.uri.key for encryption in record.objects] for record in (first, second)]
    assert names == [["flights/a.parquet"], ["flights/b.parquet"]]


def test_a_write_lists_its_target_once_before_and_once_after(writer, run_fixture):
    for number in range(5):
        run_fixture.objects.put(S3Uri("curated", f"flights/{number}.parquet"), algorithm="AES256")
    run_fixture.clock.advance(seconds=3)
    run_fixture.objects.calls.clear()
    writer.write_s3(["a"], TARGET, format="parquet")
    operations = [name for name, _ in run_fixture.objects.calls]
    assert operations.count("ListObjectsV2") == 2
    assert operations.count("HeadObject") == 1


def test_a_target_that_cannot_be_listed_stops_the_write_before_it_starts(writer, run_fixture):
    run_fixture.objects.fail_next(
        "ListObjectsV2", ServiceError("denied", code="AccessDenied", operation="ListObjectsV2")
    )
    with pytest.raises(VerificationError, match="GS-S3-007"):
        writer.write_s3(["a"], TARGET, format="parquet")
    assert run_fixture.engine.asked("write_s3") == []


def test_an_overwritten_object_is_verified_again(writer, run_fixture):
    run_fixture.objects.put(
        S3Uri("curated", "flights/a.parquet"), b"rows", algorithm="aws:kms", key=str(run_fixture.key)
    )
    record = writer.write_s3(["a"], TARGET, format="parquet", mode="overwrite")
    assert [o.uri.key for o in record.objects] == ["flights/a.parquet"]


def test_many_objects_are_all_verified(writer):
    assert len(writer.write_s3([f"part-{n}" for n in range(100)], TARGET, format="parquet").objects) == 100


def test_gs_s3_004_an_object_with_sse_s3(rejected, run_fixture):
    run_fixture.engine.algorithm, run_fixture.engine.key = "AES256", ""
    error = rejected("GS-S3-004", written=True)
    assert error.resource == "s3://curated/flights/a.parquet"
    assert error.found == "AES256"


def test_gs_s3_004_an_object_under_another_key(rejected, run_fixture):
    run_fixture.engine.key = str(run_fixture.other_key)
    assert str(run_fixture.other_key) in rejected("GS-S3-004", written=True).found


def test_gs_s3_004_one_wrong_object_among_many(rejected, run_fixture, monkeypatch):
    write = type(run_fixture.engine).write_s3

    def and_one_more(self, frame, target, **more):
        rows = write(self, frame, target, **more)
        self.objects.put(target.child("zz.parquet"), algorithm="AES256")
        return rows

    monkeypatch.setattr(type(run_fixture.engine), "write_s3", and_one_more)
    error = rejected("GS-S3-004", [f"part-{n}" for n in range(40)], written=True)
    assert error.resource.endswith("/zz.parquet")


def test_gs_s3_004_is_reported_before_an_object_without_an_answer(rejected, run_fixture):
    run_fixture.engine.algorithm = "AES256"
    run_fixture.objects.fail_next("HeadObject", ServiceError("Head: 403", code="403", operation="HeadObject"))
    assert rejected("GS-S3-004", ["a", "b"], written=True).also == ("GS-S3-007",)


def test_gs_s3_007_a_denied_head_request(rejected, run_fixture):
    run_fixture.objects.fail_next("HeadObject", ServiceError("Head: 403", code="403", operation="HeadObject"))
    assert rejected("GS-S3-007", kind=VerificationError, written=True).aws_code == "403"


@pytest.mark.parametrize("rows", [3, None])
def test_gs_s3_007_rows_without_an_object(rejected, run_fixture, rows):
    run_fixture.engine.rows = lambda frame: rows
    # A frame that is not certainly empty, and of which nothing appears.
    run_fixture.engine.is_certainly_empty = lambda frame: False
    rejected("GS-S3-007", [], kind=VerificationError, written=True)


def test_a_write_of_no_rows_may_write_no_object(writer, run_fixture):
    run_fixture.engine.is_certainly_empty = lambda frame: False
    assert writer.write_s3([], TARGET, format="parquet").objects == ()


@pytest.mark.parametrize("first", [True, False])
def test_gs_s3_007_a_denied_listing(rejected, run_fixture, monkeypatch, first):
    denied = ServiceError("List: AccessDenied", code="AccessDenied", operation="ListObjectsV2")
    if first:
        run_fixture.objects.fail_next("ListObjectsV2", denied)
    else:
        write = type(run_fixture.engine).write_s3

        def then_denied(self, *arguments, **more):
            self.objects.fail_next("ListObjectsV2", denied)
            return write(self, *arguments, **more)

        monkeypatch.setattr(type(run_fixture.engine), "write_s3", then_denied)
    error = rejected("GS-S3-007", kind=VerificationError, written=not first)
    assert error.aws_code == "AccessDenied"


@pytest.mark.parametrize(
    "option",
    ["fs.s3a.encryption.algorithm", "endpoint", "sse", "kmsKeyId", "spark.hadoop.fs.s3a.endpoint"],
)
def test_gs_s3_005_an_option_that_changes_encryption(rejected, option):
    assert option in rejected("GS-S3-005", options={option: "x"}).found


@pytest.mark.parametrize(
    "target", ["/tmp/a", "file:///tmp/a", "hdfs://host/a", "gs://bucket/a", "curated/a", "", "https://s3/a"]
)
def test_gs_s3_006_a_target_that_is_not_s3(rejected, target):
    rejected("GS-S3-006", target=target)


@pytest.mark.parametrize("target", ["s3://curated/../other", "s3://curated//a"])
def test_an_ambiguous_target_is_rejected(writer, run_fixture, target):
    with pytest.raises(UsageError, match="interpret differently"):
        writer.write_s3(["a"], target, format="parquet")
    assert run_fixture.engine.calls == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fs.s3a.encryption.algorithm", "AES256"),
        ("fs.s3a.encryption.key", ""),
        ("fs.s3a.connection.ssl.enabled", "false"),
        ("fs.s3.enableServerSideEncryption", "false"),
    ],
)
def test_gs_s3_001_settings_changed_since_they_were_applied(rejected, run_fixture, name, value):
    run_fixture.engine.settings[name] = value
    run_fixture.engine.client = ("SSE-KMS", str(run_fixture.key))
    rejected("GS-S3-001")


def test_gs_s3_002_an_endpoint_without_tls(rejected, run_fixture):
    run_fixture.engine.settings["fs.s3a.endpoint"] = "http://127.0.0.1:5000"
    rejected("GS-S3-002")


def test_gs_s3_003_a_bucket_with_other_settings(rejected, run_fixture):
    run_fixture.engine.settings["fs.s3a.bucket.curated.encryption.algorithm"] = "AES256"
    rejected("GS-S3-003")


@pytest.mark.parametrize("client", [("", ""), ("AES256", ""), ("SSE-KMS", "another")])
def test_gs_s3_008_a_client_that_was_created_before_the_run(rejected, run_fixture, client):
    run_fixture.engine.client = client
    assert "curated" in rejected("GS-S3-008").resource


def test_an_append_of_an_empty_frame_writes_nothing(writer, run_fixture, recorder):
    record = writer.write_s3([], TARGET, format="parquet")
    assert (record.rows, record.objects) == (0, ())
    assert run_fixture.engine.asked("write_s3") == []
    assert recorder.writes == [record]


def test_an_overwrite_by_an_empty_frame_deletes_nothing(writer, run_fixture, recorder):
    record = writer.write_s3([], TARGET, format="parquet", mode="overwrite")
    assert (record.rows, record.objects) == (0, ())
    assert run_fixture.engine.asked("write_s3") == []
    assert recorder.writes == [record]


def test_an_overwrite_by_an_empty_frame_deletes_the_target_on_request(writer, run_fixture):
    writer.write_s3([], TARGET, format="parquet", mode="overwrite", overwrite_with_nothing=True)
    assert len(run_fixture.engine.asked("write_s3")) == 1


def test_a_frame_of_an_empty_selection_is_computed_before_an_overwrite(writer, run_fixture, read_objects):
    run_fixture.engine.is_certainly_empty = lambda frame: False
    read_objects.record_read("s3://landing/flights/", (), "scan")
    assert writer.write_s3([], TARGET, format="parquet", mode="overwrite").rows == 0
    assert run_fixture.engine.asked("write_s3") == []


def test_a_frame_is_not_computed_twice_if_every_read_selected_objects(writer, run_fixture, read_objects):
    read_objects.record_read("s3://landing/flights/", [S3Uri("landing", "flights/a.csv")], "scan")
    writer.write_s3(["a"], TARGET, format="parquet", mode="overwrite")
    assert run_fixture.engine.asked("is_empty") == []


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "overwrite"])
def test_overwrite_with_nothing_is_for_overwrite_alone(writer, run_fixture, mode):
    with pytest.raises(UsageError, match="overwrite_with_nothing"):
        writer.write_s3(
            [], TARGET, format="parquet", mode=mode, partition_by=["x"], overwrite_with_nothing=True
        )
    assert run_fixture.engine.calls == []


@pytest.mark.parametrize(
    "source",
    ["flights/a.csv", "flights", "", "flights/month=1/a.csv"],
    ids=["object", "same", "parent", "child"],
)
def test_an_overwrite_of_what_the_frame_reads_deletes_nothing(writer, run_fixture, recorder, source):
    run_fixture.engine.sources = (S3Uri("landing", "x.csv"), S3Uri("curated", source))
    with pytest.raises(UsageError, match="overwrite of s3://curated/flights/") as caught:
        writer.write_s3(["a"], TARGET, format="parquet", mode="overwrite")
    assert caught.value.exit_code == 2
    assert f"s3://curated/{source}" in caught.value.found
    assert run_fixture.engine.asked("write_s3") == []
    assert recorder.writes == []


@pytest.mark.parametrize("mode", ["append", "overwrite_partitions", "error", "ignore"])
def test_other_modes_may_read_their_target(writer, run_fixture, mode):
    run_fixture.engine.sources = (S3Uri("curated", "flights/a.csv"),)
    record = writer.write_s3(["a"], TARGET, format="parquet", mode=mode, partition_by=["month"])
    assert record.rows == 1


def test_overwrite_partitions_is_a_dynamic_partition_overwrite_of_spark(writer, run_fixture):
    writer.write_s3(["a"], TARGET, format="parquet", mode="overwrite_partitions", partition_by=["month"])
    assert run_fixture.engine.asked("write_s3") == [
        (TARGET, "overwrite", ("month",), {"partitionOverwriteMode": "dynamic"})
    ]


@pytest.mark.parametrize(
    ("partition_by", "options", "text"),
    [
        ((), {}, "without partition columns"),
        (("month",), {"partitionOverwriteMode": "static"}, "partitionOverwriteMode 'static'"),
    ],
)
def test_overwrite_partitions_needs_partition_columns_and_no_other_mode(
    writer, run_fixture, partition_by, options, text
):
    with pytest.raises(UsageError, match=text):
        writer.write_s3(
            ["a"], TARGET, format="parquet", mode="overwrite_partitions", partition_by=partition_by,
            options=options,
        )  # fmt: skip
    assert run_fixture.engine.calls == []


def test_an_empty_frame_is_checked_too(rejected, run_fixture):
    run_fixture.engine.settings["fs.s3a.encryption.algorithm"] = "AES256"
    run_fixture.engine.client = ("SSE-KMS", str(run_fixture.key))
    rejected("GS-S3-001", [])


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "overwrite_partitions"])
def test_every_mode_of_spark_is_passed_to_the_engine(writer, run_fixture, mode):
    writer.write_s3(["a"], TARGET, format="parquet", mode=mode)
    assert run_fixture.engine.asked("write_s3")[0][1] == mode


@pytest.mark.parametrize("mode", ["", "Append", "replace", "complete"])
def test_an_unknown_mode_is_rejected(writer, run_fixture, mode):
    with pytest.raises(UsageError, match="write mode"):
        writer.write_s3(["a"], TARGET, format="parquet", mode=mode)
    assert run_fixture.engine.calls == []


def test_a_failed_write_leaves_no_record(writer, run_fixture, recorder):
    run_fixture.engine.fails = RuntimeError("executor lost")
    with pytest.raises(RuntimeError, match="executor lost"):
        writer.write_s3(["a"], TARGET, format="parquet")
    assert recorder.writes == []


def test_a_frame_of_a_stream_is_written_under_the_settings_of_its_session(writer, run_fixture):
    run_fixture.engine.foreign = True
    run_fixture.engine.stream_settings = dict(run_fixture.engine.settings)
    assert writer.write_s3(["a"], TARGET, format="parquet").rows == 1


def test_gs_s3_001_a_stream_with_other_settings(rejected, run_fixture):
    run_fixture.engine.foreign = True
    run_fixture.engine.stream_settings = {
        **run_fixture.engine.settings, "fs.s3a.encryption.algorithm": "AES256"
    }  # fmt: skip
    rejected("GS-S3-001")


def test_gs_s3_010_a_frame_of_another_session(rejected, run_fixture):
    run_fixture.engine.foreign = True
    rejected("GS-S3-010")


@pytest.mark.parametrize(
    ("partition_by", "text"),
    [
        (["year", "mnth"], "write month instead of mnth"),
        (["zzz"], "correct partition_by, or add the column"),
        (["year", "MONTH", "flights"], "at least one column for the files"),
    ],
)
def test_partition_columns_are_columns_of_the_frame(writer, run_fixture, partition_by, text):
    run_fixture.engine.column_names = ("year", "month", "flights")
    with pytest.raises(UsageError, match=text):
        writer.write_s3(["a"], TARGET, format="parquet", partition_by=partition_by)
    assert not run_fixture.engine.asked("write_s3")
