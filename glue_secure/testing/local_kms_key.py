"""A master key for the AWS Encryption SDK that needs no AWS KMS."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import Any

import attr
from aws_encryption_sdk.exceptions import DecryptKeyError, GenerateKeyError
from aws_encryption_sdk.key_providers.base import MasterKey, MasterKeyConfig
from aws_encryption_sdk.structures import DataKey, EncryptedDataKey, MasterKeyInfo
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_PROVIDER = "aws-kms"


@attr.s(hash=True)
class _Config(MasterKeyConfig):  # type: ignore[misc]
    provider_id = _PROVIDER


class LocalKmsKey(MasterKey):  # type: ignore[misc]
    """Wraps data keys with AES-GCM under a key derived from ``key_id``, as AWS KMS would under that key.

    Attributes:
        errors: KMS operation (``GenerateDataKey``, ``Decrypt``) → error that the operation fails with.
        binds_context: whether the encryption context is authenticated, as AWS KMS does. False shows that the
            caller compares the context itself.
    """

    provider_id = _PROVIDER
    _config_class = _Config
    errors: Mapping[str, Exception] = {}
    binds_context = True

    def _generate_data_key(self, algorithm: Any, encryption_context: Mapping[str, str]) -> DataKey:
        if error := self.errors.get("GenerateDataKey"):
            raise GenerateKeyError("GenerateDataKey failed") from error
        plaintext = os.urandom(algorithm.kdf_input_len)
        return DataKey(self.key_provider, plaintext, self._wrap(plaintext, encryption_context))

    def _encrypt_data_key(
        self,
        data_key: Any,
        algorithm: Any,  # noqa: ARG002 - the SDK's signature
        encryption_context: Mapping[str, str],
    ) -> EncryptedDataKey:
        wrapped = self._wrap(data_key.data_key, encryption_context)
        return EncryptedDataKey(MasterKeyInfo(_PROVIDER, self.key_id), wrapped)

    def _decrypt_data_key(
        self,
        encrypted_data_key: Any,
        algorithm: Any,  # noqa: ARG002 - the SDK's signature
        encryption_context: Mapping[str, str],
    ) -> DataKey:
        if error := self.errors.get("Decrypt"):
            raise DecryptKeyError("Decrypt failed") from error
        wrapped = encrypted_data_key.encrypted_data_key
        try:
            plaintext = self._cipher().decrypt(wrapped[:12], wrapped[12:], self._aad(encryption_context))
        except (InvalidTag, ValueError) as error:
            raise DecryptKeyError("the data key cannot be decrypted with this key") from error
        return DataKey(self.key_provider, plaintext, wrapped)

    def _cipher(self) -> AESGCM:
        return AESGCM(hashlib.sha256(self.key_id).digest())

    def _wrap(self, plaintext: bytes, context: Mapping[str, str]) -> bytes:
        nonce = os.urandom(12)
        return nonce + self._cipher().encrypt(nonce, plaintext, self._aad(context))

    def _aad(self, context: Mapping[str, str]) -> bytes | None:
        return repr(sorted(context.items())).encode() if self.binds_context else None
