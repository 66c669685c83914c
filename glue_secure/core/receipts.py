"""Receipts: Amazon S3's own answers to the requests that stored or deleted objects.

A receipt is taken from the response of a request, by the guard in the S3 clients of the JVMs
(``engines.spark.request_guard``) or in botocore's clients (``aws``). It proves how the object was encrypted
when it was stored, without a listing and without HeadObject.
"""

from __future__ import annotations

from dataclasses import dataclass

from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectEncryption

STORED, UPLOAD_CREATED, DELETED, UNANSWERED = "stored", "upload-created", "deleted", "unanswered"
UPLOAD_ABORTED = "upload-aborted"
READ = "read"
BOTO3 = "boto3"
"""Client of the receipts of botocore's clients."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to one request.

    Attributes:
        outcome: ``stored`` (the object exists now), ``upload-created`` (of a multipart upload, nothing is
            stored yet), ``upload-aborted``, ``deleted``, or ``unanswered`` (a storing request without a
            response: the object may exist). ``read``: an object below a source of the policy file was read.
        uri: location of the object.
        operation: S3's API operation (``PutObject``).
        client: which client sent the request: ``driver``, ``executor 3`` or ``boto3``.
        algorithm: ``aws:kms``, ``AES256``, ``aws:kms:dsse``; ``""`` if the response does not say.
        key: ARN of the KMS key in the response, ``""`` without one.
        bucket_key: whether an S3 Bucket Key was used.
        size: bytes, None if the request does not say.
        version: version id, ``""`` without one.
        etag: entity tag without quotes, ``""`` without one.
        upload: id of the multipart upload, ``""`` without one.
        source: ``bucket/key`` of the object that was copied, ``""`` if the request is no copy.
        stage: Spark's stage that sent the request, None if it is not known.
        task: Spark's task attempt that sent the request, None if it is not known.
        time: milliseconds since 1970 by the clock of the client, when the response arrived.
        checksum: as in :class:`~glue_secure.core.objects.ObjectEncryption`.
    """

    outcome: str
    uri: S3Uri
    operation: str
    client: str
    algorithm: str = ""
    key: str = ""
    bucket_key: bool = False
    size: int | None = None
    version: str = ""
    etag: str = ""
    upload: str = ""
    source: str = ""
    stage: int | None = None
    task: int | None = None
    time: int = 0
    checksum: str = ""

    def encryption(self) -> ObjectEncryption:
        """Return the encryption of the stored object, as S3 answered it."""
        return ObjectEncryption(
            self.uri,
            self.algorithm,
            self.key,
            self.bucket_key,
            self.size,
            self.version,
            self.etag,
            self.checksum,
        )
