"""AWS KMS: what a key is, whether it works, and the master key provider of the bookmark envelope."""

from __future__ import annotations

from typing import Any

from glue_secure.aws.errors import translate_errors
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.kms_key import KmsKey
from glue_secure.core.log_suppression import suppress_client_logs
from glue_secure.core.service import ServiceError

_PROBE_CONTEXT = {"glue-secure:purpose": "probe"}


class KmsKeyService:
    """Describes and tries keys. Satisfies ``ports.KeyService``."""

    def __init__(self, *, client: Any) -> None:
        self._client = client

    def describe(self, key: str) -> KmsKey:
        """DescribeKey; aliases and ids resolve to the key's ARN."""
        with translate_errors("DescribeKey"):
            answer = self._client.describe_key(KeyId=key)
        return KmsKey.from_api(answer["KeyMetadata"])

    def probe(self, key: KmsKeyArn) -> None:
        """GenerateDataKey, then Decrypt of the same data key: what S3 and the envelope will ask for."""
        with translate_errors("GenerateDataKey"), suppress_client_logs():
            made = self._client.generate_data_key(
                KeyId=str(key), KeySpec="AES_256", EncryptionContext=_PROBE_CONTEXT
            )
        with translate_errors("Decrypt"), suppress_client_logs():
            opened = self._client.decrypt(
                KeyId=str(key), CiphertextBlob=made["CiphertextBlob"], EncryptionContext=_PROBE_CONTEXT
            )
        if (
            made["KeyId"] != str(key)
            or opened["KeyId"] != str(key)
            or opened["Plaintext"] != made["Plaintext"]
        ):
            raise ServiceError("the data key did not come back", code="ProbeMismatch", operation="Decrypt")


def strict_master_key_provider(key: KmsKeyArn, *, botocore_session: Any) -> Any:
    """The AWS Encryption SDK's strict KMS provider for exactly one key, no discovery."""
    from aws_encryption_sdk import StrictAwsKmsMasterKeyProvider

    return StrictAwsKmsMasterKeyProvider(key_ids=[str(key)], botocore_session=botocore_session)
