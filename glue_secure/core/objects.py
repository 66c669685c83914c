"""S3 objects as values: entries of a listing, encryption, and content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from glue_secure.core.identifiers import S3Uri

CLOCK_DIFFERENCE = timedelta(minutes=15)
"""The largest difference between S3's clock, which sets ``LastModified``, and a client's clock: S3 rejects
requests with a larger one (RequestTimeTooSkewed).
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""


@dataclass(frozen=True, slots=True)
class ObjectSummary:
    """One entry of a listing.

    Attributes:
        uri: location of the object.
        size: bytes.
        last_modified: time of the last PUT in UTC; S3's resolution is one second.
        etag: the entity tag without quotes.
        storage_class: S3's name (``STANDARD``, ``GLACIER``).
    """

    uri: S3Uri
    size: int
    last_modified: datetime
    etag: str
    storage_class: str = "STANDARD"


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One entry of a listing of versions.

    Attributes:
        uri: location of the object.
        last_modified: time of the PUT, or of the deletion, UTC; S3's resolution is one second.
        is_latest: whether a read without a version id returns it.
        is_delete_marker: whether it is the marker of a deletion.
        version: its version id; ``null`` for an object that was stored without versioning.
    """

    uri: S3Uri
    last_modified: datetime
    is_latest: bool
    is_delete_marker: bool
    version: str = "null"


@dataclass(frozen=True, slots=True)
class ObjectEncryption:
    """The encryption at rest of one object.

    Attributes:
        uri: location of the object.
        algorithm: ``aws:kms``, ``AES256``, ``aws:kms:dsse`` or ``""``.
        key: ARN or id of the KMS key, ``""`` without one.
        bucket_key: whether an S3 Bucket Key was used.
        size: bytes; None if S3's answer to the request that stored the object does not say.
        version: version id, ``""`` if S3's answer has none.
        etag: entity tag without quotes, ``""`` if it is not known.
        checksum: checksum as in S3's answer (``CRC64NVME:...``, Base64), ``""`` if it has none.
    """

    uri: S3Uri
    algorithm: str
    key: str
    bucket_key: bool
    size: int | None
    version: str = field(default="", compare=False)
    etag: str = field(default="", compare=False)
    checksum: str = field(default="", compare=False)


def checksum_in(answer: Mapping[str, Any]) -> str:
    """Return the checksum in an answer of S3, as botocore parses it: ``CRC32:...``, ``""`` if it has none."""
    found = (
        (name.removeprefix("Checksum"), value)
        for name, value in sorted(answer.items())
        if name.startswith("Checksum") and name != "ChecksumType" and value
    )
    return next((f"{name}:{value}" for name, value in found), "")


@dataclass(frozen=True, slots=True)
class BucketRules:
    """The settings that decide how uploads to a bucket are encrypted.

    Attributes:
        bucket: name of the bucket.
        algorithm: of the default encryption, ``""`` if there is none or more than one.
        key: of the default encryption, as the bucket names it.
        policy: text of the bucket policy; ``""`` without one.
    """

    bucket: str
    algorithm: str
    key: str
    policy: str


@dataclass(frozen=True, slots=True)
class StoredObject:
    """The content of an object.

    Attributes:
        body: its bytes.
        etag: its entity tag without quotes, for a conditional write.
        version: its version id, ``""`` without one.
        algorithm: as in :class:`ObjectEncryption`.
        key: as in :class:`ObjectEncryption`.
    """

    body: bytes
    etag: str
    version: str = ""
    algorithm: str = ""
    key: str = ""
