"""Proof by a bucket's rules, in a run: in AWS alone, while the rules stay, never past a bad sample."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from glue_secure.core.errors import RefusedError, VerificationError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import BucketRules
from glue_secure.core.service import ServiceError
from glue_secure.governance.policies import PolicyScope, data_bucket
from glue_secure.testing.fakes import FakeEnvironment
from glue_secure.verification.bucket_policy_proof import SAMPLE_FROM, SAMPLE_LEAST

TARGET = "s3://curated/flights/"
FRAME = [f"part-{n:05}" for n in range(SAMPLE_FROM)]


@pytest.fixture
def aws(run_fixture):
    """A run in AWS whose bucket is the template's."""
    run_fixture.environment = FakeEnvironment(kind="aws")
    policy = json.dumps(
        data_bucket(PolicyScope("eu-west-1", "123456789012"), "curated", str(run_fixture.key)).to_json()
    )
    run_fixture.objects.bucket_rules["curated"] = BucketRules(
        "curated", "aws:kms", str(run_fixture.key), policy
    )
    return run_fixture


def heads(run_fixture):
    asked = [uri for operation, uri in run_fixture.objects.calls if operation == "HeadObject"]
    return [uri for uri in asked if uri.startswith("s3://curated/")]


def write(run_fixture, frame=FRAME, **more):
    run = run_fixture.start(**more)
    try:
        record = run.writer.write_s3(frame, TARGET, format="parquet")
    except RefusedError as error:
        run.close(error)
        raise
    run.commit()
    return record


def test_a_proved_write_is_sampled_and_the_evidence_says_by_what(aws):
    record = write(aws)
    assert len(heads(aws)) == len(record.objects) == SAMPLE_LEAST
    assert len(record.proved) == len(FRAME) - SAMPLE_LEAST
    evidence = aws.evidence()
    (told,) = evidence["writes"]
    assert {one["uri"] for one in told["objects"]} | set(told["proved"]) == {
        f"{TARGET}{name}.parquet" for name in FRAME
    }
    assert evidence["proofs"] == {
        told["proof"]: {
            "bucket": "curated",
            "algorithm": "aws:kms",
            "key": str(aws.key),
            "policy": aws.objects.bucket_rules["curated"].policy,
        }
    }
    found = [one["found"] for one in evidence["controls"] if one["control"] == "GS-S3-004"]
    assert any(told["proof"] in one for one in found)


def whole(run_fixture):
    record = write(run_fixture)
    assert len(heads(run_fixture)) == len(record.objects) == len(FRAME)
    assert (record.proved, record.proof) == ((), "")
    assert run_fixture.evidence()["proofs"] == {}


@pytest.mark.parametrize("kind", ["embedded", "custom-endpoint"])
def test_a_server_that_is_not_s3_proves_nothing(aws, kind):
    """moto and others take a policy and do not keep to it."""
    aws.environment = FakeEnvironment(kind=kind)
    whole(aws)
    assert not any(operation == "GetBucketPolicy" for operation, _ in aws.objects.calls)


@pytest.mark.parametrize("change", [{"policy": ""}, {"algorithm": "AES256"}, {"key": "alias/data"}])
def test_rules_that_prove_nothing_leave_every_object_to_be_read_back(aws, change):
    aws.objects.bucket_rules["curated"] = replace(aws.objects.bucket_rules["curated"], **change)
    whole(aws)


def test_a_role_that_may_not_read_the_rules_reads_every_object_back(aws):
    denied = ServiceError("GetBucketPolicy: AccessDenied", code="AccessDenied", operation="GetBucketPolicy")
    aws.objects.fail_next("GetBucketPolicy", denied, times=2)
    whole(aws)


def test_rules_that_change_during_the_write_prove_nothing(aws):
    real = aws.engine.write_s3

    def write_s3(*given, **named):
        rules = aws.objects.bucket_rules["curated"]
        aws.objects.bucket_rules["curated"] = replace(rules, policy=rules.policy + " ")
        return real(*given, **named)

    aws.engine.write_s3 = write_s3
    whole(aws)


def test_rules_that_were_good_only_after_the_first_write_of_the_run_prove_nothing(aws):
    good = aws.objects.bucket_rules["curated"]
    aws.objects.bucket_rules["curated"] = replace(good, policy="")
    run = aws.start()
    run.writer.write_s3(["a"], TARGET, format="parquet")
    aws.objects.bucket_rules["curated"] = good
    assert run.writer.write_s3(FRAME, TARGET, format="parquet").proved == ()
    run.close()


def test_few_objects_are_all_read_back(aws):
    assert write(aws, FRAME[1:]).proved == ()


def test_gs_s3_004_a_bad_object_in_the_sample_fails_the_run_and_every_object_is_looked_at(aws):
    aws.engine.algorithm, aws.engine.key = "AES256", ""
    with pytest.raises(RefusedError, match="GS-S3-004"):
        write(aws)
    assert set(heads(aws)) == {f"{TARGET}{name}.parquet" for name in FRAME}
    assert (aws.evidence()["outcome"], aws.evidence()["proofs"], aws.bookmark_keys()) == ("refused", {}, [])


def test_gs_s3_004_a_sample_that_was_bad_once_fails_also_when_all_are_good_at_the_second_look(aws):
    real, seen = aws.objects.encryption, []

    def encryption(uri):
        found = real(uri)
        seen.append(uri)
        return replace(found, algorithm="AES256") if len(seen) == 1 and uri.bucket == "curated" else found

    aws.objects.encryption = encryption
    with pytest.raises(RefusedError, match="GS-S3-004"):
        write(aws)
    assert aws.bookmark_keys() == []


def test_gs_s3_007_a_sample_without_an_answer_is_no_pass(aws):
    denied = ServiceError("HeadObject: 403", code="403", operation="HeadObject")
    aws.objects.fail_next("HeadObject", denied, times=2)
    with pytest.raises(VerificationError, match="GS-S3-007"):
        write(aws)


def test_native_writes_are_never_proved(aws):
    """They are known after the fact, so nobody looked at the rules before the first of them."""
    run = aws.start()
    for name in FRAME:
        aws.objects.put(S3Uri("curated", f"native/{name}"), algorithm="aws:kms", key=str(aws.key))
    run.unmanaged_writes.verify_boto3_writes([S3Uri("curated", f"native/{name}") for name in FRAME])
    assert len(heads(aws)) == len(FRAME)
    run.close()
