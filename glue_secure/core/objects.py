"""S3 objects as the guard sees them: what a listing says, and what a HEAD says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from glue_secure.core.identifiers import S3Uri


@dataclass(frozen=True, slots=True)
class ObjectSummary:
    """One entry of a listing.

    Attributes:
        uri: where it lies.
        size: bytes.
        last_modified: time of the last PUT, UTC, at S3's resolution of one second.
        etag: the entity tag without its quotes; it changes when the content does.
        storage_class: as S3 names it (``STANDARD``, ``GLACIER``).
    """

    uri: S3Uri
    size: int
    last_modified: datetime
    etag: str
    storage_class: str = "STANDARD"


@dataclass(frozen=True, slots=True)
class ObjectEncryption:
    """What S3 says of one object's encryption at rest.

    Attributes:
        uri: where it lies.
        algorithm: ``aws:kms``, ``AES256``, ``aws:kms:dsse`` or ``""``.
        key: ARN (or id) of the KMS key, ``""`` where none is named.
        bucket_key: whether an S3 Bucket Key was used.
        size: bytes.
    """

    uri: S3Uri
    algorithm: str
    key: str
    bucket_key: bool
    size: int


@dataclass(frozen=True, slots=True)
class BucketRules:
    """What decides how a bucket's uploads are encrypted.

    Attributes:
        bucket: its name.
        algorithm: of its default encryption, ``""`` where it has none or several.
        key: of its default encryption, as the bucket names it.
        policy: its policy, word for word; ``""`` where it has none.
    """

    bucket: str
    algorithm: str
    key: str
    policy: str


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object's bytes with the entity tag that a conditional write needs."""

    body: bytes
    etag: str
