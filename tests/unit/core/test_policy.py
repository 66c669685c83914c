"""Every check's pass and fail, and how findings become a refusal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.core.findings import Verdict, enforce, failed, passed, stop, unknown
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectEncryption
from glue_secure.core.policy import (
    check_arguments,
    check_attachment,
    check_configuration,
    check_key,
    check_object,
)
from glue_secure.core.security_configuration import EncryptionSetting
from glue_secure.core.target_encryption import EncryptionRules

PASS, FAIL = Verdict.PASS, Verdict.FAIL
OBJECT = S3Uri("curated", "flights/part-0.parquet")


def fail(control: str, resource: str = "r"):
    return failed(control, resource, found="f", required="q", fix="x")


def undecided(control: str, resource: str = "r"):
    return unknown(control, resource, found="f", required="q", fix="x", aws_code="AccessDeniedException")


def test_enforce_returns_findings_that_all_pass():
    findings = (passed("GS-SEC-001", "r", "f"), passed("GS-SEC-002", "r", "f"))
    assert enforce(iter(findings)) == findings
    assert enforce([]) == ()


def test_a_fail_takes_precedence_over_an_unknown():
    with pytest.raises(RefusedError) as caught:
        enforce([undecided("GS-KMS-001"), passed("GS-SEC-001", "r", "f"), fail("GS-KMS-002", "the key")])
    error = caught.value
    assert not isinstance(error, VerificationError)
    assert (error.control, error.resource, error.found, error.required, error.fix) == (
        "GS-KMS-002",
        "the key",
        "f",
        "q",
        "x",
    )
    assert error.also == ("GS-KMS-001",)


def test_the_error_names_the_first_fail():
    with pytest.raises(RefusedError) as caught:
        enforce(
            [fail("GS-SEC-003", "one"), fail("GS-SEC-003", "two"), fail("GS-SEC-004"), fail("GS-SEC-004")]
        )
    assert caught.value.resource == "one"
    assert caught.value.also == ("GS-SEC-004",)


def test_an_unknown_finding_raises_with_the_services_error_code():
    with pytest.raises(VerificationError) as caught:
        enforce([passed("GS-SEC-001", "r", "f"), undecided("GS-KMS-001"), undecided("GS-KMS-006")])
    assert caught.value.exit_code == 4
    assert caught.value.aws_code == "AccessDeniedException"
    assert caught.value.also == ("GS-KMS-006",)


def test_stop_rejects_a_finding_that_passes():
    with pytest.raises(AssertionError):
        stop(passed("GS-SEC-001", "r", "f"))
    with pytest.raises(RefusedError):
        stop(fail("GS-SEC-001"))


@pytest.mark.parametrize("attached", [None, ""])
def test_gs_sec_001_fails_without_a_configuration(attached, make_identity, verdicts):
    assert verdicts(check_attachment(make_identity(), attached)) == {"GS-SEC-001": FAIL}


@pytest.mark.parametrize(
    ("claimed", "expected"),
    [
        (None, {"GS-SEC-001": PASS}),
        ("strict", {"GS-SEC-001": PASS, "GS-SEC-002": PASS}),
        ("lax", {"GS-SEC-001": PASS, "GS-SEC-002": FAIL}),
        ("STRICT", {"GS-SEC-001": PASS, "GS-SEC-002": FAIL}),
    ],
)
def test_gs_sec_002_compares_the_claim_with_the_attached_configuration(
    claimed, expected, make_identity, verdicts
):
    assert verdicts(check_attachment(make_identity(claimed_configuration=claimed), "strict")) == expected


@pytest.mark.parametrize("spelling", ["encryption-type", "encryption_type"])
def test_gs_sec_009_fails_for_the_legacy_argument(spelling, make_identity, verdicts):
    arguments = JobArguments({spelling: "sse-s3"})
    found = verdicts(check_arguments(make_identity(), arguments))
    assert found == {"GS-SEC-009": FAIL, "GS-SEC-011": PASS}
    assert verdicts(check_arguments(make_identity(), JobArguments({})))["GS-SEC-009"] is PASS


def test_a_strict_configuration_passes_every_control(make_configuration, verdicts):
    assert verdicts(check_configuration(make_configuration())) == {
        "GS-SEC-003": PASS,
        "GS-SEC-004": PASS,
        "GS-SEC-005": PASS,
        "GS-SEC-006": PASS,
    }


BAD_SETTINGS = [
    EncryptionSetting("DISABLED"),
    EncryptionSetting("DISABLED", "arn:aws:kms:eu-west-1:123456789012:key/abc"),
    EncryptionSetting("SSE-KMS"),
    EncryptionSetting("CSE-KMS"),
    EncryptionSetting("sse-kms", "arn:aws:kms:eu-west-1:123456789012:key/abc"),
    EncryptionSetting("", "arn:aws:kms:eu-west-1:123456789012:key/abc"),
    EncryptionSetting("SSE-S3"),
]


@pytest.mark.parametrize("bad", BAD_SETTINGS)
@pytest.mark.parametrize(
    ("control", "member"),
    [("GS-SEC-004", "cloudwatch"), ("GS-SEC-005", "job_bookmarks"), ("GS-SEC-006", "data_quality")],
)
def test_gs_sec_004_to_006_fail_for_every_other_mode(control, member, bad, make_configuration, verdicts):
    found = verdicts(check_configuration(make_configuration(**{member: bad})))
    assert found.pop(control) is FAIL
    assert set(found.values()) == {PASS}


@pytest.mark.parametrize("bad", BAD_SETTINGS)
def test_gs_sec_003_fails_for_every_other_mode(bad, make_configuration, verdicts):
    good = make_configuration().s3[0]
    for entries in ((bad,), (good, bad), (bad, good)):
        assert verdicts(check_configuration(make_configuration(s3=entries)))["GS-SEC-003"] is FAIL


def test_gs_sec_003_fails_without_any_s3_entry(make_configuration, verdicts):
    assert verdicts(check_configuration(make_configuration(s3=())))["GS-SEC-003"] is FAIL


def test_gs_sec_003_fails_for_two_keys_because_the_objects_key_would_be_a_guess(
    make_configuration, other_key_arn, verdicts
):
    good = make_configuration().s3[0]
    two = (good, replace(good, key=str(other_key_arn)))
    assert verdicts(check_configuration(make_configuration(s3=two)))["GS-SEC-003"] is FAIL
    assert verdicts(check_configuration(make_configuration(s3=(good, good))))["GS-SEC-003"] is PASS


def test_absent_members_fail_except_data_quality(make_configuration, verdicts):
    bare = make_configuration(cloudwatch=None, job_bookmarks=None, data_quality=None)
    assert verdicts(check_configuration(bare)) == {
        "GS-SEC-003": PASS,
        "GS-SEC-004": FAIL,
        "GS-SEC-005": FAIL,
    }


def test_a_finding_has_the_found_and_the_required_value(make_configuration):
    finding = check_configuration(make_configuration(cloudwatch=EncryptionSetting("SSE-KMS")))[1]
    assert finding.found == "SSE-KMS without a key"
    assert finding.required.startswith("SSE-KMS")
    assert "immutable" in finding.fix


def test_a_good_key_passes_every_control(make_key, verdicts):
    assert verdicts(check_key("s3", make_key(), region="eu-west-1", account="123456789012")) == {
        "GS-KMS-002": PASS,
        "GS-KMS-003": PASS,
        "GS-KMS-004": PASS,
        "GS-KMS-005": PASS,
    }


@pytest.mark.parametrize(
    ("control", "changes"),
    [
        ("GS-KMS-002", {"state": "Disabled"}),
        ("GS-KMS-002", {"state": "PendingDeletion", "deletion_date": "2026-02-01"}),
        ("GS-KMS-002", {"state": "PendingImport"}),
        ("GS-KMS-002", {"state": "Unavailable"}),
        ("GS-KMS-002", {"state": ""}),
        ("GS-KMS-003", {"manager": "AWS"}),
        ("GS-KMS-003", {"manager": ""}),
        ("GS-KMS-004", {"usage": "SIGN_VERIFY", "spec": "RSA_2048"}),
        ("GS-KMS-004", {"spec": "RSA_2048"}),
        ("GS-KMS-004", {"usage": "GENERATE_VERIFY_MAC", "spec": "HMAC_256"}),
        ("GS-KMS-004", {"usage": "", "spec": ""}),
    ],
)
def test_gs_kms_002_to_004_fail_one_by_one(control, changes, make_key, verdicts):
    found = verdicts(check_key("s3", make_key(**changes), region="eu-west-1", account="123456789012"))
    assert found.pop(control) is FAIL
    assert set(found.values()) == {PASS}


@pytest.mark.parametrize("place", [{"region": "eu-west-2"}, {"account": "210987654321"}])
def test_gs_kms_005_fails_for_a_key_elsewhere(place, make_key, verdicts):
    here = {"region": "eu-west-1", "account": "123456789012", **place}
    assert verdicts(check_key("s3", make_key(), **here))["GS-KMS-005"] is FAIL


def test_a_key_pending_deletion_fails_with_its_date_and_the_fix(make_key):
    key = make_key(state="PendingDeletion", deletion_date="2026-02-01")
    finding = check_key("s3", key, region="eu-west-1", account="123456789012")[0]
    assert finding.found == "PendingDeletion, to be deleted on 2026-02-01"
    assert "cancel-key-deletion" in finding.fix
    assert key.arn.key_id in finding.fix


def test_gs_s3_004_passes_under_exactly_the_expected_key(key_arn):
    assert (
        check_object(
            ObjectEncryption(OBJECT, "aws:kms", str(key_arn), True, 1), EncryptionRules.of_key(key_arn)
        ).verdict
        is PASS
    )


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("key/", "alias/"),
        ("eu-west-1", "eu-west-2"),
        ("eu-west-1", "us-east-1"),
        ("123456789012", "210987654321"),
        ("arn:aws:", "arn:aws-cn:"),
    ],
)
def test_gs_s3_004_only_the_expected_keys_own_arn_passes(key_arn, there, instead):
    reported = str(key_arn).replace(there, instead, 1)
    assert reported != str(key_arn)
    assert (
        check_object(
            ObjectEncryption(OBJECT, "aws:kms", reported, False, 1), EncryptionRules.of_key(key_arn)
        ).verdict
        is FAIL
    )


@pytest.mark.parametrize(
    ("algorithm", "key", "found"),
    [
        ("AES256", "", "AES256"),
        ("", "", "no encryption named"),
        ("aws:kms", "", "aws:kms"),
        ("aws:kms:dsse", "same", "aws:kms:dsse under "),
        ("aws:kms", "11111111-1111-1111-1111-111111111111", "aws:kms under 11111111"),
        ("aws:kms", "other", "aws:kms under arn"),
    ],
)
def test_gs_s3_004_fails_for_everything_else(algorithm, key, found, key_arn, other_key_arn):
    key = {"same": str(key_arn), "other": str(other_key_arn)}.get(key, key)
    finding = check_object(
        ObjectEncryption(OBJECT, algorithm, key, False, 1), EncryptionRules.of_key(key_arn)
    )
    assert (finding.control, finding.verdict, finding.resource) == ("GS-S3-004", FAIL, str(OBJECT))
    assert finding.found.startswith(found)
    assert str(key_arn) in finding.required
    assert "the bookmark did not move" in finding.fix


SECRETS = [
    ("password", "hunter2"),
    ("db_password", "hunter2"),
    ("dbPassword", "hunter2"),
    ("api-key", "abc"),
    ("secret", "hunter2"),
    ("redshift_secret", "wJalrXUtnFEMI/K7MDENG/bPxRfiCY"),
    ("client-secret", "k7a2h9/q8b3"),
    ("password", "prod/redshift/etl"),
    ("token", "12345"),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI"),
    ("url", "jdbc:postgresql://host/db?user=me&password=hunter2"),
    ("url", "postgresql://me:hunter2@host/db"),
    ("conf", "spark.hadoop.fs.s3a.secret.key=hunter2"),
    ("key", "AKIAIOSFODNN7EXAMPLE"),
    ("note", "-----BEGIN PRIVATE KEY-----\nhunter2"),
    ("session", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.hunter2"),
]


@pytest.mark.parametrize(("name", "value"), SECRETS)
def test_gs_sec_011_fails_for_a_secret_in_an_argument_and_does_not_show_it(
    name, value, make_identity, verdicts
):
    findings = check_arguments(make_identity(), JobArguments({"source": "s3://a/b", name: value}))
    assert verdicts(findings) == {"GS-SEC-009": PASS, "GS-SEC-011": FAIL}
    assert f"--{name}" in findings[1].found
    assert value not in repr(findings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("source", "s3://landing/flights/"),
        ("TempDir", "s3://bucket/tmp/"),
        ("db_secret_name", "ops/postgres"),
        ("secretName", "ops/postgres"),
        ("secret-arn", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ops-abc"),
        ("secret", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ops-abc"),
        ("secret_id", "ops/postgres"),
        ("secret", "ops/postgres"),
        ("redshift_secret", "prod/redshift/etl"),
        ("dbSecret", "Prod/Redshift/etl-user2"),
        ("token_column", "token"),
        ("token_limit", "100"),
        ("with_password", "true"),
        ("password", ""),
        ("url", "jdbc:postgresql://host:5432/db?sslmode=verify-full"),
        ("glue-secure-bookmark-decrypt-keys", "arn:aws:kms:eu-west-1:123456789012:key/1"),
        ("SECURITY_CONFIGURATION", "strict"),
        ("connection", "ops-postgres"),
    ],
)
def test_gs_sec_011_passes_references_to_a_secret(name, value, make_identity, verdicts):
    assert verdicts(check_arguments(make_identity(), JobArguments({name: value})))["GS-SEC-011"] is PASS


def test_gs_sec_011_passes_an_argument_that_is_declared_to_name_a_secret(make_identity, verdicts):
    arguments = JobArguments({"api_token": "crm-production", "glue-secure-secret-names": "api_token"})
    findings = check_arguments(make_identity(), arguments)
    assert verdicts(findings)["GS-SEC-011"] is PASS
    assert "--glue-secure-secret-names declares --api_token" in findings[1].found


def test_gs_sec_011_fails_for_the_text_of_a_secret_in_a_declared_argument(make_identity, verdicts):
    arguments = JobArguments(
        {"login": "postgresql://me:hunter2@host/db", "glue-secure-secret-names": "login"}
    )
    findings = check_arguments(make_identity(), arguments)
    assert verdicts(findings)["GS-SEC-011"] is FAIL
    assert "hunter2" not in repr(findings)


def test_a_declared_argument_that_the_run_does_not_have_is_a_usage_error(make_identity):
    arguments = JobArguments({"glue-secure-secret-names": "api_token"})
    with pytest.raises(UsageError, match="'api_token'"):
        check_arguments(make_identity(), arguments)
