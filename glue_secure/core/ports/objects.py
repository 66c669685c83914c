"""Amazon S3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Protocol

from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.objects import (
    BucketRules,
    ObjectEncryption,
    ObjectSummary,
    ObjectVersion,
    StoredObject,
)
from glue_secure.core.target_encryption import EncryptionRule


class ObjectStore(Protocol):
    """The operations of Amazon S3 that a run uses. Every method raises ServiceError."""

    def list(self, prefix: S3Uri, *, start_after: str = "") -> Iterator[ObjectSummary]:
        """Yield every object below the prefix, or the object of that name, in key order, lazily."""

    def first(self, prefix: S3Uri) -> S3Uri | None:
        """Return the first object below the prefix in key order, None if there is none. One request."""

    def versions(self, prefix: S3Uri) -> Iterator[ObjectVersion]:
        """Yield every version and delete marker below the prefix, in no given order."""

    def metadata(self, uri: S3Uri) -> Mapping[str, str]:
        """Return the user metadata of an object (HeadObject). Raises NotFound."""

    def time(self, bucket: str) -> datetime:
        """Return S3's time in UTC, by the second: the ``Date`` of its answer, also of a refusal."""

    def encryption(self, uri: S3Uri) -> ObjectEncryption:
        """Return how an object is encrypted (HeadObject). Raises NotFound."""

    def rules(self, bucket: str) -> BucketRules:
        """Return the default encryption and the policy of a bucket."""

    def region(self, bucket: str) -> str:
        """Return the AWS Region of a bucket (HeadBucket)."""

    def read(self, uri: S3Uri, *, most: int | None = None) -> StoredObject:
        """Return an object, or its first ``most`` bytes. Raises NotFound."""

    def write(
        self,
        uri: S3Uri,
        body: bytes,
        *,
        key: KmsKeyArn,
        content_type: str = "application/json",
        if_match: str | None = None,
        if_none_match: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Put an object with SSE-KMS under ``key`` and user metadata. Return its entity tag.

        Raises:
            ServiceError: code ``EncryptionMismatch`` where the response names another algorithm or key, as
                a server does that ignores the headers.
            PreconditionFailed: the condition of ``if_match`` or ``if_none_match`` is not met.
        """

    def write_as(self, uri: S3Uri, body: bytes, *, rule: EncryptionRule, content_type: str) -> None:
        """Put an object encrypted as ``rule`` writes. The caller verifies it."""

    def remove(self, uri: S3Uri, *, etag: str) -> None:
        """Delete an object. Raises PreconditionFailed where its entity tag has changed."""

    def copy_onto_itself(self, uri: S3Uri, storage_class: str, *, rule: EncryptionRule, etag: str) -> None:
        """Copy an object onto itself into another storage class, encrypted as ``rule`` writes.

        Raises PreconditionFailed where its entity tag has changed.
        """
