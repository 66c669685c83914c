"""Descriptions and probes of keys."""

from __future__ import annotations

from datetime import datetime, timezone
from types import SimpleNamespace

import botocore.session
import pytest
from botocore.stub import Stubber

from glue_secure.aws.kms import KmsKeyService, strict_master_key_provider
from glue_secure.core.service import NotFound, ServiceError

CONTEXT = {"glue-secure:purpose": "probe"}
OTHER = "arn:aws:kms:eu-west-1:123456789012:key/22222222-2222-2222-2222-222222222222"


@pytest.fixture
def kms(stubbed) -> tuple[KmsKeyService, Stubber]:
    client, stubber = stubbed("kms")
    return KmsKeyService(client=client), stubber


def test_an_alias_is_described_as_the_key_behind_it(kms, key):
    service, stubber = kms
    metadata = {
        "KeyId": key.key_id,
        "Arn": str(key),
        "KeyState": "PendingDeletion",
        "KeyManager": "CUSTOMER",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "DeletionDate": datetime(2026, 2, 1, tzinfo=timezone.utc),
    }
    stubber.add_response("describe_key", {"KeyMetadata": metadata}, {"KeyId": "alias/glue"})
    described = service.describe("alias/glue")
    assert (described.arn, described.state, described.deletion_date) == (key, "PendingDeletion", "2026-02-01")


@pytest.mark.parametrize(
    ("code", "kind"), [("AccessDeniedException", ServiceError), ("NotFoundException", NotFound)]
)
def test_access_denied_and_not_found_are_distinguished(kms, code, kind):
    service, stubber = kms
    stubber.add_client_error("describe_key", code)
    with pytest.raises(ServiceError) as caught:
        service.describe("alias/glue")
    assert type(caught.value) is kind


def made(key_id, plain=b"p" * 32):
    return {"KeyId": key_id, "Plaintext": plain, "CiphertextBlob": b"sealed"}


def test_a_key_that_generates_and_decrypts_a_data_key_passes(kms, key):
    service, stubber = kms
    stubber.add_response(
        "generate_data_key",
        made(str(key)),
        {"KeyId": str(key), "KeySpec": "AES_256", "EncryptionContext": CONTEXT},
    )
    stubber.add_response(
        "decrypt",
        {"KeyId": str(key), "Plaintext": b"p" * 32},
        {"KeyId": str(key), "CiphertextBlob": b"sealed", "EncryptionContext": CONTEXT},
    )
    service.probe(key)


@pytest.mark.parametrize(
    ("made_by", "opened_by", "plain"),
    [(OTHER, None, b"p" * 32), (None, OTHER, b"p" * 32), (None, None, b"q" * 32)],
)
def test_another_data_key_than_the_generated_one_is_an_error(kms, key, made_by, opened_by, plain):
    service, stubber = kms
    stubber.add_response("generate_data_key", made(made_by or str(key)))
    stubber.add_response("decrypt", {"KeyId": opened_by or str(key), "Plaintext": plain})
    with pytest.raises(ServiceError) as caught:
        service.probe(key)
    assert caught.value.code == "ProbeMismatch"
    assert "qqq" not in str(caught.value)


@pytest.mark.parametrize("operation", ["generate_data_key", "decrypt"])
@pytest.mark.parametrize("code", ["AccessDeniedException", "DisabledException", "KMSInvalidStateException"])
def test_the_error_has_the_code_of_the_service(kms, key, operation, code):
    service, stubber = kms
    if operation == "decrypt":
        stubber.add_response("generate_data_key", made(str(key)))
    stubber.add_client_error(operation, code)
    with pytest.raises(ServiceError) as caught:
        service.probe(key)
    assert caught.value.code == code


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_bookmarks_provider_accepts_exactly_one_key(key):
    session = botocore.session.get_session()
    session.set_config_variable("region", "eu-west-1")
    provider = strict_master_key_provider(key, botocore_session=session)
    assert type(provider).__name__ == "StrictAwsKmsMasterKeyProvider"
    assert list(provider.config.key_ids) == [str(key)]


def test_a_key_of_another_region_is_described_there(stubbed, key):
    client = SimpleNamespace(meta=SimpleNamespace(region_name="eu-west-1"))
    other, stubber = stubbed("kms")
    other_key = str(key).replace(":eu-west-1:", ":us-west-2:")
    regions = []
    metadata = {"KeyId": key.key_id, "Arn": other_key, "KeyState": "Enabled"}
    stubber.add_response("describe_key", {"KeyMetadata": metadata}, {"KeyId": other_key})
    service = KmsKeyService(client=client, in_region=lambda region: regions.append(region) or other)
    assert str(service.describe(other_key).arn) == other_key
    assert regions == ["us-west-2"]
