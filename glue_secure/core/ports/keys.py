"""AWS KMS."""

from __future__ import annotations

from typing import Protocol

from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.kms_key import KmsKey


class KeyService(Protocol):
    """The operations of AWS KMS that preflight uses."""

    def describe(self, key: str) -> KmsKey:
        """Return the key that an ARN, id or alias names. Raises NotFound, ServiceError."""

    def probe(self, key: KmsKeyArn) -> None:
        """Generate a data key and decrypt it. Raises ServiceError."""
