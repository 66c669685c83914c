"""AWS KMS."""

from __future__ import annotations

from typing import Protocol

from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.kms_key import KmsKey


class KeyService(Protocol):
    """The operations of AWS KMS that a run uses."""

    def describe(self, key: str) -> KmsKey:
        """Return the key that an ARN, id or alias names. Raises NotFound, ServiceError."""

    def probe(self, key: KmsKeyArn) -> None:
        """Generate a data key and decrypt it. Raises ServiceError."""

    def sign(self, key: KmsKeyArn, algorithm: str, message: bytes) -> bytes:
        """Return the signature, or the HMAC, of at most 4096 bytes. Raises ServiceError.

        Args:
            key: the key.
            algorithm: one of :data:`~glue_secure.core.evidence_keys.SIGNING_ALGORITHMS`.
            message: the message itself, not its digest.
        """
