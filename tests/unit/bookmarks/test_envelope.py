from __future__ import annotations

import logging

import aws_encryption_sdk
import pytest
from aws_encryption_sdk import CommitmentPolicy
from aws_encryption_sdk.identifiers import Algorithm
from botocore.exceptions import EndpointConnectionError

from glue_secure.bookmarks import envelope as module
from glue_secure.core.errors import RefusedError, UsageError, VerificationError

URI = "s3://state/bookmarks/123456789012/eu-west-1/curate/current"
BODY = b'{"a state": 1}'


def refused(envelope, message, error=RefusedError):
    with pytest.raises(error) as caught:
        envelope.open(message, resource=URI)
    assert caught.value.resource == URI
    return caught.value


def client(**options):
    return aws_encryption_sdk.EncryptionSDKClient(**options)


def test_a_sealed_body_can_be_opened(make_envelope):
    message = make_envelope().seal(BODY, resource=URI)
    assert BODY not in message
    assert make_envelope().open(message, resource=URI).body == BODY
    assert message != make_envelope().seal(BODY, resource=URI), "a fresh data key each time"


def test_the_sdk_alone_can_decrypt_the_message(make_envelope):
    envelope = make_envelope()
    body, header = client().decrypt(source=envelope.seal(BODY, resource=URI), key_provider=envelope.provider)
    assert body == BODY
    assert header.algorithm is Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
    assert header.encryption_context == {
        "glue-secure:purpose": "job-bookmark",
        "glue-secure:job": "curate",
        "glue-secure:account": "123456789012",
        "glue-secure:region": "eu-west-1",
        "glue-secure:schema": "1",
    }


def test_gs_bkm_001_truncation_at_every_byte(make_envelope):
    envelope = make_envelope()
    message = envelope.seal(BODY, resource=URI)
    for length in range(len(message)):
        assert refused(envelope, message[:length]).control == "GS-BKM-001", length


def test_gs_bkm_001_a_bit_flipped_in_every_byte(make_envelope):
    envelope = make_envelope()
    message = envelope.seal(BODY, resource=URI)
    for position in range(len(message)):
        damaged = bytearray(message)
        damaged[position] ^= 1 << position % 8
        refusal = refused(envelope, bytes(damaged))
        assert (refusal.control, refusal.exit_code) == ("GS-BKM-001", 3), position


@pytest.mark.parametrize("message", [b"", b"{}", b"\x02" * 600, b"\x00" * 600])
def test_gs_bkm_001_bytes_that_are_not_a_message(make_envelope, message):
    refusal = refused(make_envelope(), message)
    assert refusal.control == "GS-BKM-001"
    assert "`glue-secure bookmark repair " in refusal.fix


def test_gs_bkm_001_bytes_behind_the_message(make_envelope):
    envelope = make_envelope()
    refusal = refused(envelope, envelope.seal(BODY, resource=URI) + b"x")
    assert (refusal.control, refusal.found) == ("GS-BKM-001", "1 bytes behind the message's end")


def test_gs_bkm_001_a_message_under_another_key_names_both(make_envelope, other_key):
    foreign = make_envelope(key=other_key)
    refusal = refused(make_envelope(), foreign.seal(BODY, resource=URI))
    assert refusal.control == "GS-BKM-001"
    assert str(other_key) in refusal.found
    assert str(make_envelope().key) in refusal.required


@pytest.mark.parametrize(
    "algorithm",
    [Algorithm.AES_256_GCM_IV12_TAG16_HKDF_SHA256, Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384],
)
def test_gs_bkm_001_another_algorithm_suite(make_envelope, algorithm):
    envelope = make_envelope()
    message, _ = client(
        commitment_policy=CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT
        if algorithm.message_format_version == 1
        else CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
    ).encrypt(
        source=BODY,
        key_provider=envelope.provider,
        algorithm=algorithm,
        encryption_context=envelope.context.as_encryption_context(),
    )
    assert refused(envelope, message).control == "GS-BKM-001"


def test_gs_bkm_001_two_encrypted_data_keys(make_envelope, other_key):
    envelope, second = make_envelope(), make_envelope(key=other_key)
    provider = make_envelope().provider
    provider._members.append(second.provider)
    provider.master_keys_for_encryption = lambda *_a, **_k: (provider, [provider, second.provider])
    message, _ = client().encrypt(
        source=BODY, key_provider=provider, algorithm=Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
        encryption_context=envelope.context.as_encryption_context(),
    )  # fmt: skip
    assert refused(envelope, message).control == "GS-BKM-001"


def test_gs_bkm_001_too_large_to_be_a_bookmark(make_envelope, monkeypatch):
    monkeypatch.setattr(module, "MAX_MESSAGE", 100)
    assert "more than the 100" in refused(make_envelope(), b"x" * 101).found
    with pytest.raises(UsageError, match="maxFilesInBand"):
        make_envelope().seal(BODY, resource=URI)


@pytest.mark.parametrize("field", ["job", "account", "region", "schema"])
def test_gs_bkm_002_a_message_of_another(make_envelope, field):
    value = {"job": "other", "account": "210987654321", "region": "us-east-1", "schema": 2}[field]
    foreign = make_envelope(**{field: value})
    refusal = refused(make_envelope(), foreign.seal(BODY, resource=URI))
    assert refusal.control == "GS-BKM-002"
    assert refusal.found == f"glue-secure:{field}={str(value)!r}"
    assert f"glue-secure:{field}=" in refusal.required


def test_gs_bkm_002_an_extra_context_field(make_envelope):
    envelope = make_envelope()
    message, _ = client().encrypt(
        source=BODY, key_provider=envelope.provider, algorithm=Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
        encryption_context=envelope.context.as_encryption_context() | {"more": "x"},
    )  # fmt: skip
    assert refused(envelope, message).control == "GS-BKM-002"


def test_gs_bkm_002_when_a_key_policy_denies_the_foreign_context(make_envelope, aws_error):
    message = make_envelope("other").seal(BODY, resource=URI)
    denied = make_envelope(error=aws_error("AccessDeniedException", "Decrypt"))
    assert refused(denied, message).control == "GS-BKM-002"


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "DisabledException", "KMSInvalidStateException", "NotFoundException"]
)
def test_gs_bkm_006_kms_denies(make_envelope, aws_error, code):
    message = make_envelope().seal(BODY, resource=URI)
    refusal = refused(make_envelope(error=aws_error(code, "Decrypt")), message, VerificationError)
    assert isinstance(refusal, VerificationError)
    assert (refusal.control, refusal.aws_code, refusal.exit_code) == ("GS-BKM-006", code, 4)
    assert code in refusal.found
    with pytest.raises(VerificationError) as caught:
        make_envelope(error=aws_error(code, "GenerateDataKey")).seal(BODY, resource=URI)
    assert (caught.value.control, caught.value.aws_code) == ("GS-BKM-006", code)


def test_gs_bkm_006_kms_does_not_answer(make_envelope):
    message = make_envelope().seal(BODY, resource=URI)
    refusal = refused(
        make_envelope(error=EndpointConnectionError(endpoint_url="https://kms.invalid")),
        message,
        VerificationError,
    )
    assert (refusal.control, refusal.aws_code) == ("GS-BKM-006", None)
    assert "no answer (EndpointConnectionError)" in refusal.found


def test_a_further_key_opens_but_does_not_seal(make_envelope, other_key):
    old = make_envelope(key=other_key)
    message = old.seal(BODY, resource=URI)
    new = module.Envelope(old.provider, make_envelope().key, old.context, also_opens=(other_key,))
    assert new.open(message, resource=URI).body == BODY


def test_a_failure_is_not_logged_besides_being_raised(make_envelope, aws_error, caplog):
    message = make_envelope().seal(BODY, resource=URI)
    with caplog.at_level(logging.DEBUG):
        refused(
            make_envelope(error=aws_error("AccessDeniedException", "Decrypt")), message, VerificationError
        )
    assert caplog.records == []
    assert logging.getLogger("aws_encryption_sdk").level == logging.NOTSET


def test_neither_provider_nor_key_material_is_in_the_repr(make_envelope):
    assert "provider" not in repr(make_envelope())
