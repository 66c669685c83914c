"""The preflight: each control that fails, and each answer that is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import RefusedError, VerificationError
from glue_secure.core.findings import Verdict
from glue_secure.core.security_configuration import EncryptionSetting
from glue_secure.core.service import NotFound, ServiceError
from glue_secure.preflight.establish import establish

DENIED = ServiceError("Get: AccessDeniedException: no", code="AccessDeniedException", operation="Get")


@pytest.fixture
def preflight(run_fixture):
    def run(identity=None, **arguments):
        services = run_fixture.services()
        return establish(
            identity or run_fixture.identity(),
            JobArguments(arguments),
            services,
        )

    return run


@pytest.fixture
def refused(preflight):
    def run(control, *, kind=RefusedError, **more):
        with pytest.raises(kind) as caught:
            preflight(**more)
        assert caught.value.control == control, str(caught.value)
        assert type(caught.value) is kind
        return caught.value

    return run


def test_a_compliant_run_passes_every_control_of_the_preflight(preflight, run_fixture):
    made = preflight()
    assert made.configuration.name == "strict"
    assert made.keys.by_purpose() == {
        "s3": run_fixture.key,
        "job-bookmarks": run_fixture.bookmark_key,
        "cloudwatch": run_fixture.key,
    }
    assert made.keys.s3 == made.plan.key == run_fixture.key
    assert (made.account, made.region) == ("123456789012", "eu-west-1")
    assert {finding.verdict for finding in made.findings} == {Verdict.PASS}
    assert {finding.control for finding in made.findings} == {
        "GS-SEC-001",
        "GS-SEC-003",
        "GS-SEC-004",
        "GS-SEC-005",
        "GS-SEC-009",
        "GS-SEC-011",
        "GS-KMS-001",
        "GS-KMS-002",
        "GS-KMS-003",
        "GS-KMS-004",
        "GS-KMS-005",
        "GS-KMS-006",
    }


def test_an_alias_in_the_configuration_becomes_the_keys_arn(preflight, run_fixture):
    alias = "arn:aws:kms:eu-west-1:123456789012:alias/glue"
    run_fixture.configure(s3=(EncryptionSetting("SSE-KMS", alias),))
    service = run_fixture.key_service
    service._aliases[alias] = str(run_fixture.other_key)
    services = run_fixture.services()
    made = establish(
        run_fixture.identity(),
        JobArguments({}),
        replace(services, keys=service),
    )
    assert made.plan.key == run_fixture.other_key


def test_gs_sec_001_a_job_without_a_configuration(refused, run_fixture):
    run_fixture.control_plane.run_attachments.clear()
    run_fixture.control_plane.job_attachments["curate"] = None
    error = refused("GS-SEC-001")
    assert "no security configuration" in str(error)


def test_gs_sec_001_a_configuration_that_does_not_exist(refused, run_fixture):
    run_fixture.control_plane.configurations.clear()
    assert refused("GS-SEC-001").found == "strict, which does not exist"


def test_gs_sec_001_the_configuration_of_the_run_overrides_that_of_the_job(refused, run_fixture):
    run_fixture.control_plane.run_attachments["curate", "jr_1"] = "gone"
    assert refused("GS-SEC-001").found.startswith("gone")


def test_gs_sec_002_another_configuration_in_the_arguments(refused, run_fixture):
    error = refused("GS-SEC-002", identity=run_fixture.identity(claimed="lax"))
    assert error.found == "--SECURITY_CONFIGURATION lax"


@pytest.mark.parametrize("bad", [(), (EncryptionSetting("SSE-S3"),), (EncryptionSetting("DISABLED"),)])
def test_gs_sec_003_s3_that_is_not_sse_kms(refused, run_fixture, bad):
    run_fixture.configure(s3=bad)
    refused("GS-SEC-003")


@pytest.mark.parametrize(
    ("control", "member"), [("GS-SEC-004", "cloudwatch"), ("GS-SEC-005", "job_bookmarks")]
)
@pytest.mark.parametrize("bad", [None, EncryptionSetting("DISABLED")])
def test_gs_sec_004_and_005_other_modes(refused, run_fixture, control, member, bad):
    run_fixture.configure(**{member: bad})
    refused(control)


def test_gs_sec_006_data_quality_that_is_disabled(refused, run_fixture):
    run_fixture.configure(data_quality=EncryptionSetting("DISABLED"))
    refused("GS-SEC-006")


def test_every_failing_control_of_a_configuration_is_named(refused, run_fixture):
    run_fixture.configure(s3=(), cloudwatch=None, job_bookmarks=None)
    assert refused("GS-SEC-003").also == ("GS-SEC-004", "GS-SEC-005")


@pytest.mark.parametrize("call", ["attached_configuration", "security_configuration"])
@pytest.mark.parametrize("answer", [DENIED, ServiceError("GetJob: no answer", code="", operation="GetJob")])
def test_gs_sec_008_a_control_plane_that_does_not_answer_is_no_pass(
    refused, run_fixture, monkeypatch, call, answer
):
    def fail(self, *_):
        raise answer

    monkeypatch.setattr(type(run_fixture.control_plane), call, fail)
    error = refused("GS-SEC-008", kind=VerificationError)
    assert error.aws_code == answer.code


def test_gs_sec_008_a_run_that_the_control_plane_does_not_know(refused, run_fixture):
    run_fixture.control_plane.run_attachments.clear()
    run_fixture.control_plane.job_attachments.clear()
    error = refused("GS-SEC-008", kind=VerificationError)
    assert error.fix.startswith("glue-secure run SCRIPT --JOB_NAME curate;")
    run_fixture.environment = replace(run_fixture.environment, kind="aws")
    error = refused("GS-SEC-008", kind=VerificationError)
    assert error.found == "no job of this name in account 123456789012, region eu-west-1"
    assert "pass the name of a deployed job as --JOB_NAME" in error.fix
    assert "glue:" not in str(error)


def test_gs_sec_008_a_run_id_that_the_job_does_not_have(refused, run_fixture, monkeypatch):
    def attached(self, job, run_id):
        if run_id is not None:
            raise NotFound("no such run", code="EntityNotFoundException", operation="GetJobRun")
        return "strict"

    monkeypatch.setattr(type(run_fixture.control_plane), "attached_configuration", attached)
    run_fixture.environment = replace(run_fixture.environment, kind="aws")
    error = refused("GS-SEC-008", kind=VerificationError)
    assert "the job exists" in error.found
    assert "omit --JOB_RUN_ID" in error.fix


def test_gs_sec_008_an_account_that_cannot_be_read(refused, run_fixture):
    class Nowhere:
        region, kind = "eu-west-1", "aws"

        @property
        def account(self):
            raise DENIED

    run_fixture.environment = Nowhere()
    assert "sts:GetCallerIdentity" in refused("GS-SEC-008", kind=VerificationError).fix


def test_gs_sec_009_the_legacy_argument(refused):
    refused("GS-SEC-009", **{"encryption-type": "sse-s3"})


def test_gs_kms_001_a_key_that_does_not_exist(refused, run_fixture):
    run_fixture.keys = [key for key in run_fixture.keys if key.arn != run_fixture.key]
    refused("GS-KMS-001")


@pytest.mark.parametrize("error", [DENIED, ServiceError("no answer", code="", operation="DescribeKey")])
def test_gs_kms_001_a_key_that_cannot_be_described_is_no_pass(refused, run_fixture, monkeypatch, error):
    def fail(self, key):
        raise error

    monkeypatch.setattr(type(run_fixture.key_service), "describe", fail)
    assert refused("GS-KMS-001", kind=VerificationError).aws_code == error.code


@pytest.mark.parametrize("which", ["key", "bookmark_key"])
@pytest.mark.parametrize(
    ("control", "changes"),
    [
        ("GS-KMS-002", {"state": "Disabled"}),
        ("GS-KMS-002", {"state": "PendingDeletion", "deletion_date": "2026-02-01"}),
        ("GS-KMS-003", {"manager": "AWS"}),
        ("GS-KMS-002", {"state": "PendingImport"}),
        ("GS-KMS-002", {"state": "Unavailable"}),
        ("GS-KMS-002", {"state": ""}),
        ("GS-KMS-004", {"usage": "SIGN_VERIFY", "spec": "RSA_2048"}),
        ("GS-KMS-004", {"usage": "ENCRYPT_DECRYPT", "spec": "RSA_4096"}),
        ("GS-KMS-004", {"usage": "KEY_AGREEMENT", "spec": "ECC_NIST_P256"}),
        ("GS-KMS-004", {"usage": "GENERATE_VERIFY_MAC", "spec": "HMAC_256"}),
    ],
)
def test_gs_kms_002_to_004_an_unsuitable_key(refused, run_fixture, which, control, changes):
    arn = getattr(run_fixture, which)
    run_fixture.change_key(arn, **changes)
    assert str(arn) in refused(control).resource


@pytest.mark.parametrize("location", [{"region": "us-east-1"}, {"account": "210987654321"}])
def test_gs_kms_005_a_key_elsewhere(refused, run_fixture, location):
    run_fixture.environment = replace(run_fixture.environment, **location)
    refused("GS-KMS-005")


def test_a_failing_key_is_reported_before_one_that_cannot_be_described(refused, run_fixture, monkeypatch):
    run_fixture.change_key(run_fixture.bookmark_key, state="Disabled")
    describe = type(run_fixture.key_service).describe

    def sometimes(self, key):
        if key == str(run_fixture.key):
            raise DENIED
        return describe(self, key)

    monkeypatch.setattr(type(run_fixture.key_service), "describe", sometimes)
    error = refused("GS-KMS-002")
    assert error.also == ("GS-KMS-001",)


@pytest.mark.parametrize("which", ["key", "bookmark_key"])
def test_gs_kms_006_a_key_that_generates_no_data_key(refused, run_fixture, which):
    run_fixture.unusable = {str(getattr(run_fixture, which)): DENIED}
    error = refused("GS-KMS-006", kind=VerificationError)
    assert str(getattr(run_fixture, which)) in error.resource
    assert error.aws_code == "AccessDeniedException"


def test_the_configuration_is_checked_before_the_keys(refused, run_fixture):
    run_fixture.configure(s3=(EncryptionSetting("SSE-S3"),))
    run_fixture.keys = []
    assert not {c for c in refused("GS-SEC-003").also if c.startswith("GS-KMS")}


def test_a_missing_configuration_is_a_fail_and_not_unknown(refused, run_fixture, monkeypatch):
    def gone(self, name):
        raise NotFound("no", code="EntityNotFoundException", operation="GetSecurityConfiguration")

    monkeypatch.setattr(type(run_fixture.control_plane), "security_configuration", gone)
    refused("GS-SEC-001")
