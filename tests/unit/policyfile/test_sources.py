"""What a run notes of its sources, and what the policy file requires of reads outside glue-secure."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from run_fixture import KEY, OTHER_KEY, run_fixture, server

from glue_secure.core.driver_s3 import receipts_of
from glue_secure.core.errors import RefusedError, VerificationError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.receipts import READ, STORED, Receipt
from glue_secure.core.request_guard import report_of
from glue_secure.core.service import ServiceError
from glue_secure.core.target_encryption import EncryptionRules
from glue_secure.engines.spark import lake_tables
from glue_secure.report.page import sections

__all__ = ["run_fixture", "server"]

FILE = S3Uri("config", "policy.toml")
SOURCE = 'schema = 1\n[[sources]]\nname = "landing"\nprefix = "s3://landing/"\n'
REQUIRED = SOURCE + 'encryption = ["SSE-KMS"]\nkeys = ["run"]\n'
LAKE = SOURCE + "lake_formation_only = true\n"
PART = S3Uri("landing", "flights/a.csv")
DENIED = ServiceError("HeadObject: denied", code="AccessDenied", operation="HeadObject")


def start(run_fixture, text, **arguments):
    run_fixture.objects.put(FILE, text.encode(), algorithm="aws:kms", key=str(KEY))
    return run_fixture.start(glue_secure_policy=str(FILE), **arguments)


def findings(run_fixture):
    return [
        (finding["verdict"], finding["found"])
        for finding in run_fixture.evidence()["controls"]
        if finding["control"] == "GS-S3-014"
    ]


def heads(run_fixture):
    calls = run_fixture.objects.calls
    return [uri for operation, uri in calls if operation == "HeadObject" and uri.startswith("s3://landing/")]


def observe(run_fixture, *receipts):
    run_fixture.engine.guard = ""
    report = run_fixture.engine.requests
    run_fixture.engine.requests = replace(report, receipts=(*report.receipts, *receipts))


def read_of(uri=PART, algorithm="AES256", key=""):
    return Receipt(READ, uri, "GetObject", "executor 1", algorithm, key)


@pytest.mark.parametrize(("number", "expected"), [(0, 0), (1, 1), (2, 2), (200, 3)])
def test_without_a_policy_file_the_evidence_has_the_encryption_of_a_few_objects(
    run_fixture, number, expected
):
    for at in range(number):
        run_fixture.objects.put(
            S3Uri("landing", f"flights/{at}.csv"), algorithm="aws:kms", key=str(OTHER_KEY)
        )
    run = run_fixture.start()
    run.reader.read_s3("s3://landing/flights/", format="csv", schema="a string")
    assert len(heads(run_fixture)) == expected
    run.commit()
    (read,) = run_fixture.evidence()["reads"]
    kinds = [{"algorithm": "aws:kms", "key": str(OTHER_KEY), "objects": expected}]
    assert read["encryption"] == (kinds if number else [])
    (row,) = next(table for table in sections(run_fixture.evidence()) if table.title == "Read").rows
    assert row[-1] == (f"{expected} aws:kms {OTHER_KEY}" if number else "")


def test_an_object_whose_encryption_s3_does_not_return_is_unknown_and_read(run_fixture):
    run_fixture.objects.put(PART)
    run_fixture.objects.fail_next("HeadObject", DENIED)
    run = run_fixture.start()
    run.reader.read_s3("s3://landing/flights/", format="csv")
    run.commit()
    (read,) = run_fixture.evidence()["reads"]
    assert read["encryption"] == [{"algorithm": "unknown", "key": "", "objects": 1}]
    assert findings(run_fixture) == []


def test_objects_that_a_requirement_inspects_are_noted_without_further_requests(run_fixture):
    for at in range(5):
        run_fixture.objects.put(S3Uri("landing", f"flights/{at}.csv"), algorithm="aws:kms", key=str(KEY))
    second = (
        REQUIRED.removeprefix("schema = 1\n")
        .replace('"landing"', '"flights"')
        .replace("landing/", "landing/flights/")
    )
    run = start(run_fixture, REQUIRED + second)
    run.reader.read_s3("s3://landing/flights/", format="csv")
    assert len(heads(run_fixture)) == 5
    run.commit()
    (read,) = run_fixture.evidence()["reads"]
    assert read["encryption"] == [{"algorithm": "aws:kms", "key": str(KEY), "objects": 5}]


def test_a_read_by_awsglue_is_noted_by_one_listing(run_fixture):
    for at in range(9):
        run_fixture.objects.put(S3Uri("landing", f"flights/{at}.csv"))
    run = run_fixture.start()
    run.reader.read_custom(["s3://landing/flights/"], format="csv", perform=list)
    assert len(heads(run_fixture)) == 3
    run.commit()
    (read,) = run_fixture.evidence()["reads"]
    assert read["encryption"] == [{"algorithm": "AES256", "key": "", "objects": 3}]


@pytest.mark.parametrize(
    ("receipt", "is_met"),
    [
        (read_of(algorithm="aws:kms", key=str(KEY)), True),
        (read_of(algorithm="aws:kms", key=str(OTHER_KEY)), False),
        (read_of(), False),
        (read_of(algorithm=""), False),
        (read_of(S3Uri("landing-zone", "a")), True),
        (read_of(S3Uri("other", "landing/a")), True),
    ],
    ids=str,
)
def test_gs_s3_014_reads_of_spark_outside_glue_secure_are_checked_by_s3s_responses(
    run_fixture, receipt, is_met
):
    run_fixture.engine.guard = ""
    run = start(run_fixture, REQUIRED)
    observe(run_fixture, receipt)
    if is_met:
        run.commit()
        assert [verdict for verdict, _ in findings(run_fixture)] == (["PASS"] if receipt.uri == PART else [])
    else:
        with pytest.raises(RefusedError, match="GS-S3-014"):
            run.commit()
        assert run_fixture.bookmark_keys() == []
    assert heads(run_fixture) == []


def test_a_response_about_an_object_that_was_checked_before_is_not_checked_again(run_fixture):
    run_fixture.engine.guard = ""
    run_fixture.objects.put(PART, algorithm="aws:kms", key=str(KEY))
    run = start(run_fixture, REQUIRED)
    run.reader.read_s3("s3://landing/flights/", format="csv")
    observe(run_fixture, read_of(algorithm="aws:kms", key=str(KEY)))
    run.commit()
    assert run_fixture.evidence()["policy"]["used"] == {"landing": 1}


def test_gs_s3_014_is_unknown_for_reads_of_spark_that_no_guard_records(run_fixture):
    run_fixture.engine.guard = "the JAR of the request guard is not on Spark's class path"
    run = start(run_fixture, REQUIRED)
    run.commit()
    assert findings(run_fixture) == [("UNKNOWN", f"not known: {run_fixture.engine.guard}")]


@pytest.mark.parametrize("text", [SOURCE, "schema = 1\n"])
def test_nothing_is_unknown_if_nothing_is_required(run_fixture, text):
    run_fixture.engine.guard = "no guard"
    run = start(run_fixture, text)
    run.commit()
    assert findings(run_fixture) == []


def test_gs_s3_014_the_source_of_a_copy_is_read_back(run_fixture):
    run_fixture.engine.guard = ""
    run_fixture.objects.put(PART)
    target = S3Uri("curated", "a")
    run_fixture.objects.put(target, algorithm="aws:kms", key=str(KEY))
    run = start(run_fixture, REQUIRED)
    copy = Receipt(STORED, target, "CopyObject", "boto3", "aws:kms", str(KEY), source="landing/flights/a.csv")
    run.requests.receipts.add([copy])
    with pytest.raises(RefusedError, match="GS-S3-014"):
        run.commit()


def test_the_guard_of_botocore_records_reads_of_sources_in_an_open_run_only(run_fixture):
    run_fixture.engine.guard = ""
    run = start(run_fixture, REQUIRED)
    guard = run.driver_s3
    assert guard.records_read(PART)
    assert not guard.records_read(S3Uri("landing-zone", "a"))
    parameters = {"Bucket": PART.bucket, "Key": PART.key}
    with guard.request("GetObject", parameters, None) as record:
        record(200, {"ServerSideEncryption": "AES256"}, is_certain=True)
    with guard.request("GetObject", parameters, None) as record:
        record(404, {}, is_certain=True)
    assert [one.algorithm for one in run.requests.receipts.reads()] == ["AES256"]
    with pytest.raises(RefusedError, match="GS-S3-014"):
        run.commit()
    assert not guard.records_read(PART)


def test_a_read_is_no_write(run_fixture):
    run_fixture.engine.guard = ""
    run = start(run_fixture, REQUIRED)
    response = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": str(KEY)}
    parameters = {"Bucket": PART.bucket, "Key": PART.key}
    run.requests.receipts.add(receipts_of("GetObject", parameters, response, size=None, time=1))
    run.commit()
    assert run_fixture.evidence()["writes"] == []


def test_rules_keep_the_sources_in_other_processes_and_jvms(run_fixture):
    run_fixture.engine.guard = ""
    run = start(run_fixture, REQUIRED)
    rules = run.preflight.plan.rules
    assert EncryptionRules.from_mapping(rules.as_mapping()) == rules
    (policy,) = [one for name, one in run_fixture.engine.calls if name == "guard_requests"]
    assert policy.message(scheme="s3", settings={})["sources"] == ["landing/"]
    line = '{"event":"read","bucket":"landing","key":"a","operation":"GetObject","algorithm":"AES256"}'
    (receipt,) = report_of([line]).receipts
    assert (receipt.outcome, receipt.uri, receipt.algorithm) == (READ, S3Uri("landing", "a"), "AES256")


@pytest.mark.parametrize("read", ["read_s3", "read_custom"])
def test_gs_s3_014_lake_formation_only_refuses_the_permissions_of_the_role(run_fixture, read):
    run_fixture.objects.put(PART, algorithm="aws:kms", key=str(KEY))
    run = start(run_fixture, LAKE)
    options = {"perform": list} if read == "read_custom" else {}
    source = "s3://landing/flights/"
    with pytest.raises(RefusedError, match="a read with the S3 permissions of the job's role"):
        getattr(run.reader, read)([source], format="csv", **options)
    assert not [call for call in run_fixture.engine.calls if call[0] == "read_s3"]


def test_gs_s3_014_lake_formation_only_is_unknown_in_full_table_access_of_emrfs(run_fixture):
    run_fixture.objects.put(PART)
    resolver = "com.amazonaws.glue.accesscontrol.AWSLakeFormationCredentialResolver"
    conf = f"spark.hadoop.fs.s3.credentialsResolverClass={resolver}"
    run = start(run_fixture, LAKE, conf=conf)
    with pytest.raises(VerificationError, match="does not show whose credentials"):
        run.reader.read_custom(["s3://landing/flights/"], format="csv", perform=list)


def test_gs_s3_014_lake_formation_only_finds_a_read_outside_glue_secure(run_fixture):
    run_fixture.engine.guard = ""
    run = start(run_fixture, LAKE)
    observe(run_fixture, read_of(algorithm="aws:kms", key=str(KEY)))
    with pytest.raises(RefusedError, match="GS-S3-014"):
        run.commit()


@pytest.mark.parametrize("is_registered", [True, False])
@pytest.mark.parametrize("setting", ["true", "false"])
def test_gs_s3_014_lake_formation_only_passes_for_iceberg_with_credentials_of_lake_formation(
    run_fixture, monkeypatch, is_registered, setting
):
    run_fixture.engine.guard = ""
    run = start(run_fixture, LAKE)
    monkeypatch.setattr(lake_tables, "_iceberg_catalog", lambda *_: "glue_catalog")
    settings = {"spark.sql.catalog.glue_catalog.glue.lakeformation-enabled": setting}
    reader = SimpleNamespace(options=lambda **_: SimpleNamespace(table=lambda _: ["frame"]))
    spark = SimpleNamespace(read=reader, conf=SimpleNamespace(get=settings.get))
    table = lake_tables.LakeTable("d", "t", "s3://landing/flights", "iceberg", in_lake=is_registered)
    if is_registered and setting == "true":
        assert table.read(run, spark, {}, "") == ["frame"]
        observe(run_fixture, read_of())
        run.commit()
        assert [verdict for verdict, _ in findings(run_fixture)] == ["PASS"]
    else:
        with pytest.raises(RefusedError, match="GS-S3-014"):
            table.read(run, spark, {}, "")


def test_a_source_elsewhere_is_not_restricted(run_fixture):
    run_fixture.engine.guard = ""
    run = start(run_fixture, LAKE.replace("s3://landing/", "s3://lake/"))
    run_fixture.objects.put(PART)
    run.reader.read_s3("s3://landing/flights/", format="csv")
    run.commit()
    assert findings(run_fixture) == []
