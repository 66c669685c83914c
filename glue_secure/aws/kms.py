"""AWS KMS: properties and a probe of a key, and the master key provider of bookmarks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from glue_secure.aws.errors import translate_errors
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.kms_key import KmsKey
from glue_secure.core.log_suppression import suppress_client_logs
from glue_secure.core.service import ServiceError

_PROBE_CONTEXT = {"glue-secure:purpose": "probe"}


class KmsKeyService:
    """Describes and probes keys. Implements ``ports.KeyService``.

    Args:
        client: a boto3 client of AWS KMS.
        in_region: returns the client of another AWS Region; None if every key is in the client's.
    """

    def __init__(self, *, client: Any, in_region: Callable[[str], Any] | None = None) -> None:
        self._client, self._in_region = client, in_region

    def describe(self, key: str) -> KmsKey:
        """Return the key that an ARN, id or alias names (DescribeKey). An ARN names the key's region."""
        with translate_errors("DescribeKey"):
            answer = self._client_of(key).describe_key(KeyId=key)
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

    def sign(self, key: KmsKeyArn, algorithm: str, message: bytes) -> bytes:
        """Return the signature of a message (Sign), or its HMAC (GenerateMac)."""
        client = self._client_of(str(key))
        if algorithm.startswith("HMAC_"):
            with translate_errors("GenerateMac"):
                answer = client.generate_mac(KeyId=str(key), Message=message, MacAlgorithm=algorithm)
            return bytes(answer["Mac"])
        with translate_errors("Sign"):
            answer = client.sign(
                KeyId=str(key), Message=message, MessageType="RAW", SigningAlgorithm=algorithm
            )
        return bytes(answer["Signature"])

    def verify_mac(self, key: KmsKeyArn, algorithm: str, message: bytes, mac: bytes) -> bool:
        """Return whether an HMAC is the one of the message (VerifyMac)."""
        try:
            with translate_errors("VerifyMac"):
                answer = self._client_of(str(key)).verify_mac(
                    KeyId=str(key), Message=message, MacAlgorithm=algorithm, Mac=mac
                )
        except ServiceError as error:
            if error.code == "KMSInvalidMacException":
                return False
            raise
        return bool(answer["MacValid"])

    def public_key(self, key: KmsKeyArn) -> bytes:
        """Return the public key of an asymmetric key, DER (GetPublicKey)."""
        with translate_errors("GetPublicKey"):
            return bytes(self._client_of(str(key)).get_public_key(KeyId=str(key))["PublicKey"])

    def _client_of(self, key: str) -> Any:
        """Return the client of the region that an ARN names."""
        parts = key.split(":")
        is_elsewhere = len(parts) > 3 and parts[3] != self._client.meta.region_name
        return self._in_region(parts[3]) if self._in_region is not None and is_elsewhere else self._client


def strict_master_key_provider(key: KmsKeyArn, *, botocore_session: Any) -> Any:
    """Return the AWS Encryption SDK's strict provider for exactly one key, without discovery."""
    from aws_encryption_sdk import StrictAwsKmsMasterKeyProvider

    return StrictAwsKmsMasterKeyProvider(key_ids=[str(key)], botocore_session=botocore_session)
