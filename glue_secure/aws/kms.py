"""AWS KMS: properties and a probe of a key, and the master key provider of bookmarks."""

from __future__ import annotations

from typing import Any

from glue_secure.aws.errors import translate_errors
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.kms_key import KmsKey
from glue_secure.core.log_suppression import suppress_client_logs
from glue_secure.core.service import ServiceError

_PROBE_CONTEXT = {"glue-secure:purpose": "probe"}


class KmsKeyService:
    """Describes and probes keys. Implements ``ports.KeyService``."""

    def __init__(self, *, client: Any) -> None:
        self._client = client

    def describe(self, key: str) -> KmsKey:
        """Return the key that an ARN, id or alias names (DescribeKey)."""
        with translate_errors("DescribeKey"):
            answer = self._client.describe_key(KeyId=key)
        return KmsKey.from_api(answer["KeyMetadata"])

    def probe(self, key: KmsKeyArn) -> None:
        """Generate a data key and decrypt it, as S3 and the bookmark will."""
        with translate_errors("GenerateDataKey"), suppress_client_logs():
            generated = self._client.generate_data_key(
                KeyId=str(key), KeySpec="AES_256", EncryptionContext=_PROBE_CONTEXT
            )
        with translate_errors("Decrypt"), suppress_client_logs():
            decrypted = self._client.decrypt(
                KeyId=str(key), CiphertextBlob=generated["CiphertextBlob"], EncryptionContext=_PROBE_CONTEXT
            )
        if (
            generated["KeyId"] != str(key)
            or decrypted["KeyId"] != str(key)
            or decrypted["Plaintext"] != generated["Plaintext"]
        ):
            raise ServiceError("Decrypt returned another data key", code="ProbeMismatch", operation="Decrypt")


def strict_master_key_provider(key: KmsKeyArn, *, botocore_session: Any) -> Any:
    """Return the AWS Encryption SDK's strict provider for exactly one key, without discovery."""
    from aws_encryption_sdk import StrictAwsKmsMasterKeyProvider

    return StrictAwsKmsMasterKeyProvider(key_ids=[str(key)], botocore_session=botocore_session)
