"""Bucket-policy proofs in a run: only in AWS, and only if rules and sample are unchanged."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from glue_secure.core.errors import RefusedError, VerificationError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import BucketRules
from glue_secure.core.receipts import STORED, Receipt
from glue_secure.core.service import ServiceError
from glue_secure.governance.policies import PolicyScope, data_bucket
from glue_secure.testing.fakes import FakeEnvironment
from glue_secure.verification.bucket_policy_proof import SAMPLE_FROM, SAMPLE_LEAST

TARGET = "s3://curated/flights/"
FRAME = [f"part-{n:05}" for n in range(SAMPLE_FROM)]


@pytest.fixture
def aws(run_fixture):
    """Return a run in AWS that writes to a bucket with the template's policy."""
    run_fixture.environment = FakeEnvironment(kind="aws")
    policy = json.dumps(
        data_bucket(PolicyScope("eu-west-1", "123456789012"), "curated", str(run_fixture.key)).to_json()
    )
    run_fixture.objects.bucket_rules["curated"] = BucketRules(
        "curated", "aws:kms", str(run_fixture.key), policy
    )
    return run_fixture


def heads(run_fixture):
    heads = [uri for operation, uri in run_fixture.objects.calls if operation == "HeadObject"]
    return [uri for uri in heads if uri.startswith("s3://curated/")]


def write(run_fixture, frame=FRAME, **more):
    run = run_fixture.start(**more)
    try:
        record = run.writer.write_s3(frame, TARGET, format="parquet")
    except RefusedError as error:
        run.close(error)
        raise
    run.commit()
    return record


def test_a_proved_write_is_sampled_and_the_evidence_has_the_rules(aws):
    record = write(aws)
    assert len(heads(aws)) == len(record.objects) == SAMPLE_LEAST
    assert len(record.proved) == len(FRAME) - SAMPLE_LEAST
    evidence = aws.evidence()
    (recorded,) = evidence["writes"]
    assert recorded["objects_in_parts"] + len(recorded["objects"]) == SAMPLE_LEAST
    assert recorded["proved_in_parts"] + len(recorded["proved"]) == len(FRAME) - SAMPLE_LEAST
    assert evidence["proofs"] == {
        recorded["proof"]: {
            "bucket": "curated",
            "algorithm": "aws:kms",
            "key": str(aws.key),
            "policy": aws.objects.bucket_rules["curated"].policy,
        }
    }
    texts = [finding["found"] for finding in evidence["controls"] if finding["control"] == "GS-S3-004"]
    assert any(recorded["proof"] in text for text in texts)


def whole(run_fixture):
    record = write(run_fixture)
    assert len(heads(run_fixture)) == len(record.objects) == len(FRAME)
    assert (record.proved, record.proof) == ((), "")
    assert run_fixture.evidence()["proofs"] == {}


@pytest.mark.parametrize("kind", ["embedded", "custom-endpoint"])
def test_a_server_other_than_s3_gives_no_proof(aws, kind):
    """moto and other servers accept a policy and do not enforce it."""
    aws.environment = FakeEnvironment(kind=kind)
    whole(aws)
    assert not any(operation == "GetBucketPolicy" for operation, _ in aws.objects.calls)


@pytest.mark.parametrize("change", [{"policy": ""}, {"algorithm": "AES256"}, {"key": "alias/data"}])
def test_without_a_proof_every_object_is_read_back(aws, change):
    aws.objects.bucket_rules["curated"] = replace(aws.objects.bucket_rules["curated"], **change)
    whole(aws)


def test_a_role_that_may_not_read_the_rules_gets_every_object_read_back(aws):
    denied = ServiceError("GetBucketPolicy: AccessDenied", code="AccessDenied", operation="GetBucketPolicy")
    aws.objects.fail_next("GetBucketPolicy", denied, times=2)
    whole(aws)


def test_rules_that_change_during_the_write_give_no_proof(aws):
    real = aws.engine.write_s3

    def write_s3(*arguments, **options):
        rules = aws.objects.bucket_rules["curated"]
        aws.objects.bucket_rules["curated"] = replace(rules, policy=rules.policy + " ")
        return real(*arguments, **options)

    aws.engine.write_s3 = write_s3
    whole(aws)


def test_rules_that_changed_after_the_first_write_of_the_run_give_no_proof(aws):
    good = aws.objects.bucket_rules["curated"]
    aws.objects.bucket_rules["curated"] = replace(good, policy="")
    run = aws.start()
    run.writer.write_s3(["a"], TARGET, format="parquet")
    aws.objects.bucket_rules["curated"] = good
    assert run.writer.write_s3(FRAME, TARGET, format="parquet").proved == ()
    run.close()


def test_few_objects_are_all_read_back(aws):
    assert write(aws, FRAME[1:]).proved == ()


def test_gs_s3_004_a_wrong_object_in_the_sample_fails_the_run_and_every_object_is_read_back(aws):
    aws.engine.algorithm, aws.engine.key = "AES256", ""
    with pytest.raises(RefusedError, match="GS-S3-004"):
        write(aws)
    assert set(heads(aws)) == {f"{TARGET}{name}.parquet" for name in FRAME}
    assert (aws.evidence()["outcome"], aws.evidence()["proofs"], aws.bookmark_keys()) == ("refused", {}, [])


def test_gs_s3_004_a_wrong_sample_fails_even_if_the_second_read_back_passes(aws):
    real, inspected = aws.objects.encryption, []

    def first_is_wrong(uri):
        encryption = real(uri)
        inspected.append(uri)
        is_first = len(inspected) == 1 and uri.bucket == "curated"
        return replace(encryption, algorithm="AES256") if is_first else encryption

    aws.objects.encryption = first_is_wrong
    with pytest.raises(RefusedError, match="GS-S3-004"):
        write(aws)
    assert aws.bookmark_keys() == []


def test_gs_s3_007_a_sample_without_an_answer_stops_the_run(aws):
    denied = ServiceError("HeadObject: 403", code="403", operation="HeadObject")
    aws.objects.fail_next("HeadObject", denied, times=2)
    with pytest.raises(VerificationError, match="GS-S3-007"):
        write(aws)


def test_unmanaged_writes_are_never_proved(aws):
    """They are known only afterwards, so the rules were not read before the first one."""
    run = aws.start()
    for name in FRAME:
        aws.objects.put(S3Uri("curated", f"native/{name}"), algorithm="aws:kms", key=str(aws.key))
    silent = [Receipt(STORED, S3Uri("curated", f"native/{name}"), "PutObject", "boto3") for name in FRAME]
    run.requests.receipts.add(silent)
    run.unmanaged_writes.verify_boto3_writes()
    assert len(heads(aws)) == len(FRAME)
    run.close()
