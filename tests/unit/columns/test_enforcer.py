"""A run with a column policy: read at the start, applied at every sink, recorded in the evidence."""

from __future__ import annotations

import json

import pytest

from glue_secure.core.columns import Tag, TagKind
from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.receipts import STORED, Receipt
from glue_secure.core.request_guard import RequestReport
from glue_secure.core.service import ServiceError
from glue_secure.core.unmanaged_writes import UnmanagedWrite, UnmanagedWriteReport

KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111"
POLICY = S3Uri("config", "columns.json")
PII = Tag(TagKind.LF_TAG, "pii", "true")
GOOD = {
    "name": "customers",
    "kms_key": KEY,
    "wrapped_key": "AAAA",
    "tables": ["crm.customers"],
    "columns": [{"lf_tag": "pii=true", "action": "tokenise"}],
}


@pytest.fixture
def start(run_fixture):
    run_fixture.columns.tables["crm", "customers"] = {"email": frozenset([PII])}

    def start(policy=GOOD, **changes):
        body = policy if isinstance(policy, bytes) else json.dumps(policy | changes).encode()
        run_fixture.objects.put(POLICY, body)
        return run_fixture.start(glue_secure_columns=str(POLICY))

    return start


def test_the_protected_frame_is_written(run_fixture, start):
    run = start()
    run.writer.write_s3(["a"], "s3://curated/t/", format="parquet")
    run.commit()
    assert run_fixture.objects.keys("curated") == ["t/protected-a.parquet"]
    (column,) = run_fixture.evidence()["columns"]
    assert (column["column"], column["action"], column["rule"]) == ("email", "tokenise", "lf_tag pii=true")
    assert (column["policy"], len(column["digest"])) == ("customers", 64)


@pytest.mark.parametrize(
    ("rules", "warnings"),
    [
        ([("email", "mask")], []),
        ([("email", "mask"), ("iban", "mask")], []),
        ([("iban", "mask")], ["no rule of the column policy customers matched a written column: "]),
        ([("emial", "mask")], ["no rule of the column policy customers", "did you mean email?"]),
    ],
)
def test_a_rule_that_seems_misspelt_or_a_policy_without_effect_is_a_warning(start, caplog, rules, warnings):
    columns = [{"column": name, "action": action} for name, action in rules]
    run = start({"name": "customers", "columns": columns})
    run.writer.write_s3(["a"], "s3://curated/t/", format="parquet")
    run.commit()
    found = [record.getMessage() for record in caplog.records if "column policy" in record.getMessage()]
    assert len(found) == len(warnings)
    assert all(text in message for text, message in zip(warnings, found, strict=True))


def test_the_protected_frame_is_written_to_a_database(run_fixture, start, server):
    run = start()
    run.writer.write_jdbc(["a"], "ops", "people")
    assert run_fixture.engine.asked("protect_columns") == [("email",)]
    assert run_fixture.engine.asked("write_jdbc")


def test_a_protected_frame_is_not_protected_again(run_fixture, start):
    run = start()
    run.writer.write_s3(run.columns.protect(["a"], "s3://curated/t/"), "s3://curated/t/", format="parquet")
    assert run_fixture.objects.keys("curated") == ["t/protected-a.parquet"]


def test_a_tagged_column_without_an_action_stops_the_write(run_fixture, start):
    run = start(columns=[{"column": "id", "action": "mask"}], tagged=[{"lf_tag": "pii=true"}])
    for write in (
        lambda: run.writer.write_s3(["a"], "s3://curated/t/", format="parquet"),
        lambda: run.writer.write_jdbc(["a"], "ops", "people"),
    ):
        with pytest.raises(RefusedError) as error:
            write()
        assert error.value.control == "GS-COL-001"
    assert run_fixture.objects.keys("curated") == []


def test_a_sink_that_cannot_be_protected_is_rejected(run_fixture, start):
    run = start()
    with pytest.raises(RefusedError) as error:
        run.writer.write_custom("s3://curated/t/", format="parquet", perform=lambda: 1)
    assert error.value.control == "GS-COL-005"


@pytest.mark.parametrize(
    "write",
    [
        UnmanagedWrite("s3a://curated/out", "parquet", 3),
        UnmanagedWrite("s3a://curated/out", "parquet", failed=True),
        UnmanagedWrite("s3a://curated/cp", "checkpoint"),
        UnmanagedWrite("jdbc: JdbcRelationProvider", "jdbc"),
        UnmanagedWrite("", "rdd", problem="an RDD save"),
    ],
    ids=["files", "failed", "checkpoint", "database", "no location"],
)
def test_gs_col_006_an_unmanaged_write_fails_the_commit_and_moves_no_bookmark(run_fixture, start, write):
    run = start()
    run_fixture.engine.native = UnmanagedWriteReport((write,))
    with pytest.raises(RefusedError) as error:
        run.commit()
    assert error.value.control == "GS-COL-006"
    assert "job.write.s3" in error.value.fix
    bookmark = run_fixture.evidence()["bookmark"]
    assert bookmark["sequence_after"] == bookmark["sequence_before"]


def maintained(run_fixture, start, content, *keys):
    """Commit a guarded run whose maintenance of a table stored objects with ``content``."""
    run_fixture.engine.guard = ""
    run = start()
    receipts = []
    for key in keys:
        uri, encrypted = S3Uri("curated", key), ("aws:kms", str(run_fixture.key))
        run_fixture.objects.put(uri, algorithm=encrypted[0], key=encrypted[1])
        receipts.append(Receipt(STORED, uri, "PutObject", "driver", *encrypted, size=4))
    table = UnmanagedWrite("s3a://curated/t", "delta", is_maintenance=True, content=content)
    run_fixture.engine.native = UnmanagedWriteReport((table,))
    run_fixture.engine.requests = RequestReport(tuple(receipts))
    run.commit()
    return run_fixture.evidence()


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        ("metadata", ["t/_delta_log/1.json", "t/metadata/v2.json"]),
        ("metadata", []),
        ("current rows", ["t/_delta_log/1.json", "t/day=1/part-0"]),
    ],
)
def test_maintenance_of_a_table_under_a_policy_commits(run_fixture, start, content, keys):
    evidence = maintained(run_fixture, start, content, *keys)
    assert evidence["outcome"] == "succeeded"
    assert [len(write["objects"]) for write in evidence["writes"]] == [len(keys)]


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        ("metadata", ["t/_delta_log/1.json", "t/part-0"]),
        ("metadata", ["metadata/part-0"]),
        ("current rows", ["elsewhere/part-0"]),
        ("rows", ["t/_delta_log/1.json"]),
        ("rows", []),
    ],
    ids=["data", "above the table", "elsewhere", "other rows", "other rows without objects"],
)
def test_gs_col_006_maintenance_of_a_table_explains_no_other_objects(run_fixture, start, content, keys):
    with pytest.raises(RefusedError, match="GS-COL-006"):
        maintained(run_fixture, start, content, *keys)


def test_gs_col_006_a_write_before_the_run_stops_its_start(run_fixture, start):
    run_fixture.engine.native = UnmanagedWriteReport((UnmanagedWrite("s3a://curated/cp", "checkpoint"),))
    with pytest.raises(RefusedError, match="GS-COL-006"):
        start()


def test_gs_col_006_staged_rdds_fail_too(run_fixture, start):
    run = start()
    run.writer.verify_at_commit("s3://curated/staged/", format="checkpoint")
    run_fixture.engine.native = UnmanagedWriteReport((UnmanagedWrite("", "rdd", problem="an RDD save"),))
    with pytest.raises(RefusedError, match="GS-COL-006"):
        run.commit()


def test_a_key_that_cannot_be_decrypted_stops_the_start(run_fixture, start):
    run_fixture.columns.failure = ServiceError("denied", code="AccessDeniedException", operation="Decrypt")
    with pytest.raises(VerificationError) as error:
        start()
    assert (error.value.control, error.value.aws_code) == ("GS-COL-002", "AccessDeniedException")
    assert run_fixture.evidence()["outcome"] != "succeeded"


def test_unreadable_tags_stop_the_start(run_fixture, start):
    run_fixture.columns.tables.clear()
    with pytest.raises(VerificationError) as error:
        start()
    assert error.value.control == "GS-COL-004"


def test_an_unreadable_policy_stops_the_start(run_fixture):
    with pytest.raises(VerificationError) as error:
        run_fixture.start(glue_secure_columns="s3://config/none.json")
    assert error.value.control == "GS-COL-004"


@pytest.mark.parametrize("body", [b"\xff", b"", b"{}", b"x"])
def test_an_invalid_policy_stops_the_start(start, body):
    with pytest.raises(UsageError, match=r"s3://config/columns\.json"):
        start(body)


def test_without_a_policy_frames_are_not_changed(run_fixture):
    run = run_fixture.start()
    run.writer.write_s3(["a"], "s3://curated/t/", format="parquet")
    assert run_fixture.engine.asked("protect_columns") == []


def test_two_policies_for_one_run_are_rejected(run_fixture):
    from glue_secure.core.arguments import JobArguments

    both = JobArguments({"glue-secure-columns": "s3://a/b", "glue_secure_columns": ""})
    with pytest.raises(UsageError, match="glue-secure-columns"):
        both.require_no_conflicts()
