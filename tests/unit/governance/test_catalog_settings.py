"""The Data Catalog's encryption settings: plan, apply, verify (GS-CAT, GS-KMS)."""

from dataclasses import replace

import pytest

from glue_secure.core.catalog_encryption import CatalogEncryption, check_metadata, check_passwords
from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.core.findings import Verdict
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.kms_key import KmsKey
from glue_secure.core.service import ServiceError
from glue_secure.governance import catalog
from glue_secure.testing.fakes import FakeKeyService

ACCOUNT, REGION = "123456789012", "eu-west-1"
ONE = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/one"
TWO = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/two"
OFF = CatalogEncryption()
ON = CatalogEncryption("SSE-KMS", ONE, "", True, ONE)


class FakeSettings:
    """A catalog's settings. A put ignores the members in ``ignored``."""

    def __init__(self, settings=OFF, ignored=(), denied=()):
        self.settings, self.ignored, self.denied, self.puts = settings, ignored, denied, 0

    def catalog_encryption(self, catalog_id=None):
        self._request("Get")
        return self.settings

    def put_catalog_encryption(self, settings):
        self._request("Put")
        self.puts += 1
        ignored = {name: getattr(self.settings, name) for name in self.ignored}
        self.settings = replace(settings, **ignored)

    def _request(self, operation):
        if operation in self.denied:
            raise ServiceError("no", code="AccessDeniedException", operation=operation)


def key(arn, **changes):
    valid = KmsKey(KmsKeyArn.parse(arn), "Enabled", "CUSTOMER", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT")
    return replace(valid, **changes)


def plan(settings, *keys, **options):
    service = FakeKeyService(*(keys or (key(ONE), key(TWO))), aliases={"alias/glue-catalog": ONE})
    return catalog.plan(settings, service, account=ACCOUNT, region=REGION, **options)


def test_an_unencrypted_catalog_gets_one_key_for_metadata_and_passwords():
    settings = FakeSettings()
    planned = plan(settings, key=ONE)
    assert (planned.before, planned.after) == (OFF, ON)
    assert [finding.verdict for finding in planned.findings] == [Verdict.FAIL, Verdict.FAIL]
    catalog.apply(settings, planned)
    assert settings.settings == ON
    again = plan(settings)
    assert again.changes == ()
    catalog.apply(settings, again)
    assert settings.puts == 1


def test_metadata_and_passwords_can_have_different_keys_and_glue_a_role():
    role = f"arn:aws:iam::{ACCOUNT}:role/catalog"
    planned = plan(FakeSettings(), key="alias/glue-catalog", password_key=TWO, role=role)
    assert planned.after == CatalogEncryption("SSE-KMS-WITH-SERVICE-ROLE", ONE, role, True, TWO)
    assert plan(FakeSettings(planned.after)).changes == ()


def test_a_plan_without_a_key_is_a_usage_error():
    with pytest.raises(UsageError, match="--key"):
        plan(FakeSettings())


@pytest.mark.parametrize(
    ("changes", "control"),
    [
        ({"state": "Disabled"}, "GS-KMS-002"),
        ({"manager": "AWS"}, "GS-KMS-003"),
        ({"spec": "RSA_2048"}, "GS-KMS-004"),
    ],
)
@pytest.mark.parametrize("which", ["key", "password_key"])
def test_a_key_that_fails_its_checks_is_rejected(which, changes, control):
    with pytest.raises(RefusedError, match=control):
        plan(FakeSettings(), key(ONE), key(TWO, **changes), **{"key": ONE} | {which: TWO})


def test_gs_cat_004_settings_that_changed_since_the_plan_are_not_written():
    settings = FakeSettings()
    planned = plan(settings, key=ONE)
    settings.settings = replace(OFF, passwords=True, password_key=TWO)
    with pytest.raises(RefusedError, match="GS-CAT-004"):
        catalog.apply(settings, planned)
    assert settings.puts == 0


@pytest.mark.parametrize("member", ["mode", "key", "passwords", "password_key"])
def test_gs_cat_004_a_setting_without_effect_is_refused(member):
    settings = FakeSettings(ignored=[member])
    with pytest.raises(RefusedError, match="GS-CAT-004"):
        catalog.apply(settings, plan(settings, key=ONE))


@pytest.mark.parametrize(("denied", "control"), [("Get", "GS-CAT-003"), ("Put", "GS-CAT-004")])
def test_a_denied_request_is_a_verification_error(denied, control):
    settings = FakeSettings()
    planned = plan(settings, key=ONE)
    settings.denied = [denied]
    with pytest.raises(VerificationError, match=control):
        catalog.apply(settings, planned)


def test_settings_are_converted_from_and_to_the_api():
    shape = {
        "EncryptionAtRest": {"CatalogEncryptionMode": "SSE-KMS", "SseAwsKmsKeyId": ONE},
        "ConnectionPasswordEncryption": {"ReturnConnectionPasswordEncrypted": True, "AwsKmsKeyId": ONE},
    }
    assert CatalogEncryption.from_api(shape) == ON
    assert ON.to_api() == shape
    assert CatalogEncryption.from_api({}) == OFF


@pytest.mark.parametrize("text", ["true", 1, None, "false"])
def test_passwords_are_encrypted_only_if_the_value_is_true(text):
    shape = {"ConnectionPasswordEncryption": {"ReturnConnectionPasswordEncrypted": text, "AwsKmsKeyId": ONE}}
    assert check_passwords(CatalogEncryption.from_api(shape), ACCOUNT).verdict is Verdict.FAIL


@pytest.mark.parametrize("mode", ["", "SSE-S3", "sse-kms", "DISABLED"])
def test_gs_cat_001_an_unknown_mode_is_no_encryption(mode):
    shape = {"EncryptionAtRest": {"CatalogEncryptionMode": mode, "SseAwsKmsKeyId": ONE}}
    assert check_metadata(CatalogEncryption.from_api(shape), ACCOUNT).verdict is Verdict.FAIL
