"""The sealed form is the AWS Encryption SDK's: published vectors decrypt, and independent code can read it.

The decryption here knows the published message format and no line of the SDK.
https://docs.aws.amazon.com/encryption-sdk/latest/developer-guide/message-format.html
https://docs.aws.amazon.com/encryption-sdk/latest/developer-guide/body-aad-reference.html
"""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from glue_secure.bookmarks import envelope as project
from glue_secure.bookmarks.state import BookmarkState

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors/encryption_sdk/commitment.json").read_text(encoding="utf-8")
)
GOOD, BAD_COMMITMENT = VECTORS
SUITE = b"\x04\x78"


class Reader:
    """Bytes taken from the front."""

    def __init__(self, body: bytes) -> None:
        self.body, self.at = body, 0

    def take(self, size: int) -> bytes:
        part = self.body[self.at : self.at + size]
        assert len(part) == size, "the message ends early"
        self.at += size
        return part

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def counted(self) -> bytes:
        return self.take(self.number(2))


def derived(data_key: bytes, message_id: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA512(), length=32, salt=message_id, info=info).derive(data_key)


def decrypted(message: bytes, data_key: bytes) -> tuple[bytes, dict[str, str]]:
    """Plaintext and encryption context of a framed message, format version 2, suite 0x0478."""
    reader = Reader(message)
    assert reader.take(1) == b"\x02"
    assert reader.take(2) == SUITE
    message_id = reader.take(32)
    pairs = Reader(reader.counted())
    count = pairs.number(2) if pairs.body else 0
    context = {pairs.counted().decode(): pairs.counted().decode() for _ in range(count)}
    for _ in range(reader.number(2)):  # encrypted data keys: provider, its information, the ciphertext
        for _ in range(3):
            reader.counted()
    assert reader.take(1) == b"\x02", "not framed"
    frame_length = reader.number(4)
    commitment = reader.take(32)
    header = message[: reader.at]
    if derived(data_key, message_id, b"COMMITKEY") != commitment:
        raise ValueError("commitment")
    cipher = AESGCM(derived(data_key, message_id, SUITE + b"DERIVEKEY"))
    cipher.decrypt(bytes(12), reader.take(16), header)
    plain, sequence = b"", 0
    while True:
        sequence += 1
        first = reader.take(4)
        final = first == b"\xff" * 4
        number = reader.take(4) if final else first
        assert int.from_bytes(number, "big") == sequence
        nonce = reader.take(12)
        size = reader.number(4) if final else frame_length
        kind = b"AWSKMSEncryptionClient Final Frame" if final else b"AWSKMSEncryptionClient Frame"
        aad = message_id + kind + number + size.to_bytes(8, "big")
        plain += cipher.decrypt(nonce, reader.take(size + 16), aad)
        if final:
            assert reader.at == len(message)
            return plain, context


def bytes_of(vector: dict, name: str) -> bytes:
    return base64.b64decode(vector[name])


def opened_by_the_project(vector: dict) -> bytes:
    """The client and manager of the envelope, the data key given, no key provider asked."""
    from aws_encryption_sdk.structures import DataKey, MasterKeyInfo

    key = DataKey(MasterKeyInfo("ProviderName", b"KeyId"), bytes_of(vector, "decrypted-dek"), b"")
    manager = project._manager_class()(None, lambda request: key)
    return bytes(project._decrypted(io.BytesIO(bytes_of(vector, "ciphertext")), manager)[0])


def test_the_client_decrypts_a_published_vector():
    assert opened_by_the_project(GOOD).decode() == "".join(GOOD["plaintext-frames"])


def test_the_client_rejects_the_published_wrong_commitment():
    with pytest.raises(Exception, match=r"(?i)commitment"):
        opened_by_the_project(BAD_COMMITMENT)


def test_the_independent_decryption_agrees_with_the_vectors():
    key = bytes_of(GOOD, "decrypted-dek")
    assert decrypted(bytes_of(GOOD, "ciphertext"), key) == (b"GoodCommitment", {})
    message_id = bytes_of(GOOD, "message-id")
    assert derived(key, message_id, SUITE + b"DERIVEKEY") == bytes_of(GOOD, "content-encryption-key")
    assert derived(key, message_id, b"COMMITKEY") == bytes_of(GOOD, "commitment")
    with pytest.raises(ValueError, match="commitment"):
        decrypted(bytes_of(BAD_COMMITMENT, "ciphertext"), bytes_of(BAD_COMMITMENT, "decrypted-dek"))


def recorded_data_keys(envelope, monkeypatch) -> list[bytes]:
    data_keys: list[bytes] = []
    kind = type(envelope.provider)
    generate = kind._generate_data_key

    def keep(self, algorithm, encryption_context):
        key = generate(self, algorithm, encryption_context)
        data_keys.append(key.data_key)
        return key

    monkeypatch.setattr(kind, "_generate_data_key", keep)
    return data_keys


def test_independent_code_decrypts_a_sealed_state(make_envelope, monkeypatch):
    envelope = make_envelope()
    data_keys = recorded_data_keys(envelope, monkeypatch)
    state = BookmarkState.after(None, previous_digest="", job="curate", run_id="jr_1", attempt=0, contexts={})
    sealed = envelope.seal(state.to_bytes(), resource="here")
    body, context = decrypted(sealed, data_keys[0])
    assert BookmarkState.from_bytes(body) == state
    assert context == envelope.context.as_encryption_context()
    with pytest.raises(InvalidTag):
        decrypted(sealed[:-1] + bytes([sealed[-1] ^ 1]), data_keys[0])


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 200_000])
def test_independent_code_decrypts_messages_of_several_frames(make_envelope, monkeypatch, size):
    envelope = make_envelope()
    data_keys = recorded_data_keys(envelope, monkeypatch)
    body = bytes(index % 251 for index in range(size))
    assert decrypted(envelope.seal(body, resource="here"), data_keys[0])[0] == body
