"""Receipts: Amazon S3's own answers to the requests that stored or deleted objects.

A receipt is taken from the response of a request, by the guard in the S3 clients of the JVMs
(``engines.spark.request_guard``) or in botocore's clients (``aws.botocore_guard``). It proves how the object
was encrypted when it was stored, without a listing and without HeadObject.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from threading import Lock

from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectEncryption

STORED, UPLOAD_CREATED, DELETED, UNANSWERED = "stored", "upload-created", "deleted", "unanswered"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to one request.

    Attributes:
        outcome: ``stored`` (the object exists now), ``upload-created`` (of a multipart upload, nothing is
            stored yet), ``deleted``, or ``unanswered`` (a storing request without a response: the object may
            exist).
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
        stage: Spark's stage that sent the request, None if it is not known.
        task: Spark's task attempt that sent the request, None if it is not known.
        time: milliseconds since 1970 by the clock of the client, when the response arrived.
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
    stage: int | None = None
    task: int | None = None
    time: int = 0

    def encryption(self) -> ObjectEncryption:
        """Return the encryption of the stored object, as S3 answered it."""
        return ObjectEncryption(self.uri, self.algorithm, self.key, self.bucket_key, self.size or 0)


class ReceiptBook:
    """The receipts of a run, reduced to the objects that they leave. Thread-safe.

    A later receipt of a location replaces an earlier one; a deletion removes it. The response to the
    completion of a multipart upload gets the encryption of the response that created the upload, if it does
    not say it itself.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._objects: dict[S3Uri, Receipt] = {}
        self._uploads: dict[str, Receipt] = {}

    def add(self, receipts: Iterable[Receipt]) -> None:
        """Add receipts in the order in which the responses arrived."""
        with self._lock:
            for receipt in receipts:
                self._add(receipt)

    def take_below(self, location: S3Uri | None) -> tuple[Receipt, ...]:
        """Remove and return the receipts of the objects that are left at or below a location, sorted.

        Args:
            location: a prefix; None for every receipt.
        """
        with self._lock:
            taken = [
                receipt
                for uri, receipt in self._objects.items()
                if location is None or uri.is_below(location)
            ]
            for receipt in taken:
                del self._objects[receipt.uri]
        return tuple(sorted(taken, key=lambda receipt: str(receipt.uri)))

    def remaining(self) -> tuple[Receipt, ...]:
        """Return the receipts that were not taken, in the order in which they arrived."""
        with self._lock:
            return tuple(self._objects.values())

    def _add(self, receipt: Receipt) -> None:
        if receipt.outcome == UPLOAD_CREATED:
            self._uploads[receipt.upload] = receipt
            return
        if receipt.outcome == DELETED:
            self._objects.pop(receipt.uri, None)
            return
        created = self._uploads.pop(receipt.upload, None) if receipt.upload else None
        if created is not None and not receipt.algorithm:
            receipt = replace(
                receipt, algorithm=created.algorithm, key=created.key, bucket_key=created.bucket_key
            )
        self._objects.pop(receipt.uri, None)  # a replaced object is the newest
        self._objects[receipt.uri] = receipt
