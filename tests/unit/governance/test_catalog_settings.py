"""The Data Catalog's encryption settings: planned, applied, read back (GS-CAT, GS-KMS)."""

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


class Settings:
    """A catalog's settings; ``drops`` names members that a put does not take over."""

    def __init__(self, held=OFF, drops=(), denied=()):
        self.held, self.drops, self.denied, self.puts = held, drops, denied, 0

    def catalog_encryption(self, catalog_id=None):
        self._ask("Get")
        return self.held

    def put_catalog_encryption(self, settings):
        self._ask("Put")
        self.puts += 1
        kept = {name: getattr(self.held, name) for name in self.drops}
        self.held = replace(settings, **kept)

    def _ask(self, what):
        if what in self.denied:
            raise ServiceError("no", code="AccessDeniedException", operation=what)


def key(arn, **changes):
    good = KmsKey(KmsKeyArn.parse(arn), "Enabled", "CUSTOMER", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT")
    return replace(good, **changes)


def plan(settings, *keys, **wanted):
    service = FakeKeyService(*(keys or (key(ONE), key(TWO))), aliases={"alias/glue-catalog": ONE})
    return catalog.plan(settings, service, account=ACCOUNT, region=REGION, **wanted)


def test_a_catalog_that_is_not_encrypted_gets_one_key_for_both():
    settings = Settings()
    planned = plan(settings, key=ONE)
    assert (planned.before, planned.after) == (OFF, ON)
    assert [one.verdict for one in planned.findings] == [Verdict.FAIL, Verdict.FAIL]
    catalog.apply(settings, planned)
    assert settings.held == ON
    again = plan(settings)
    assert again.changes == ()
    catalog.apply(settings, again)
    assert settings.puts == 1


def test_each_may_have_its_own_key_and_glue_a_role_of_its_own():
    role = f"arn:aws:iam::{ACCOUNT}:role/catalog"
    planned = plan(Settings(), key="alias/glue-catalog", password_key=TWO, role=role)
    assert planned.after == CatalogEncryption("SSE-KMS-WITH-SERVICE-ROLE", ONE, role, True, TWO)
    assert plan(Settings(planned.after)).changes == ()


def test_without_any_key_there_is_nothing_to_plan():
    with pytest.raises(UsageError, match="--key"):
        plan(Settings())


@pytest.mark.parametrize(
    ("changes", "control"),
    [
        ({"state": "Disabled"}, "GS-KMS-002"),
        ({"manager": "AWS"}, "GS-KMS-003"),
        ({"spec": "RSA_2048"}, "GS-KMS-004"),
    ],
)
@pytest.mark.parametrize("which", ["key", "password_key"])
def test_no_setting_is_planned_under_a_key_that_does_not_hold(which, changes, control):
    with pytest.raises(RefusedError, match=control):
        plan(Settings(), key(ONE), key(TWO, **changes), **{"key": ONE} | {which: TWO})


def test_gs_cat_004_settings_that_moved_since_the_plan_are_left_alone():
    settings = Settings()
    planned = plan(settings, key=ONE)
    settings.held = replace(OFF, passwords=True, password_key=TWO)
    with pytest.raises(RefusedError, match="GS-CAT-004"):
        catalog.apply(settings, planned)
    assert settings.puts == 0


@pytest.mark.parametrize("lost", ["mode", "key", "passwords", "password_key"])
def test_gs_cat_004_a_setting_that_does_not_come_back_is_refused(lost):
    settings = Settings(drops=[lost])
    with pytest.raises(RefusedError, match="GS-CAT-004"):
        catalog.apply(settings, plan(settings, key=ONE))


@pytest.mark.parametrize(("denied", "control"), [("Get", "GS-CAT-003"), ("Put", "GS-CAT-004")])
def test_denied_is_cannot_verify(denied, control):
    settings = Settings()
    planned = plan(settings, key=ONE)
    settings.denied = [denied]
    with pytest.raises(VerificationError, match=control):
        catalog.apply(settings, planned)


def test_what_the_api_answers_is_read_and_written_alike():
    shape = {
        "EncryptionAtRest": {"CatalogEncryptionMode": "SSE-KMS", "SseAwsKmsKeyId": ONE},
        "ConnectionPasswordEncryption": {"ReturnConnectionPasswordEncrypted": True, "AwsKmsKeyId": ONE},
    }
    assert CatalogEncryption.from_api(shape) == ON
    assert ON.to_api() == shape
    assert CatalogEncryption.from_api({}) == OFF


@pytest.mark.parametrize("text", ["true", 1, None, "false"])
def test_only_true_is_on(text):
    shape = {"ConnectionPasswordEncryption": {"ReturnConnectionPasswordEncrypted": text, "AwsKmsKeyId": ONE}}
    assert check_passwords(CatalogEncryption.from_api(shape), ACCOUNT).verdict is Verdict.FAIL


@pytest.mark.parametrize("mode", ["", "SSE-S3", "sse-kms", "DISABLED"])
def test_gs_cat_001_an_unknown_mode_is_no_encryption(mode):
    shape = {"EncryptionAtRest": {"CatalogEncryptionMode": mode, "SseAwsKmsKeyId": ONE}}
    assert check_metadata(CatalogEncryption.from_api(shape), ACCOUNT).verdict is Verdict.FAIL
