"""Receipts: Amazon S3's own answers to the requests that stored or deleted objects.

A receipt is taken from the response of a request, by the guard in the S3 clients of the JVMs
(``engines.spark.request_guard``) or in botocore's clients (``aws``). It proves how the object was encrypted
when it was stored, without a listing and without HeadObject.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from threading import Lock

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
            self.size or 0,
            self.version,
            self.etag,
            self.checksum,
        )


@dataclass(slots=True, eq=False)
class _Left:
    """An object that is left, and whether a write of the run or a verification has claimed it."""

    receipt: Receipt
    number: int
    is_attributed: bool = False


class ReceiptBook:
    """The receipts of a run, reduced to the objects that they leave. Thread-safe.

    A later receipt of a location replaces an earlier one; a deletion removes it. The completion of a
    multipart upload has the encryption with which the upload was created, if its own response does not say.
    A copy has the size of its source. Receipts of reads are separate from them.

    Args:
        records_read: returns whether the reads of an object are recorded; its copies are then, too.
    """

    def __init__(self, records_read: Callable[[S3Uri], bool] = lambda _: False) -> None:
        self._lock = Lock()
        self._records_read = records_read
        self._reads: dict[tuple[S3Uri, str, str], ObjectEncryption] = {}
        self._copied: dict[S3Uri, None] = {}
        self._number = 0
        self._objects: dict[S3Uri, _Left] = {}
        self._uploads: dict[str, Receipt] = {}
        self._folders: dict[S3Uri, int] = {}
        self._emptied: set[S3Uri] = set()

    @property
    def number(self) -> int:
        """The number of receipts so far: the receipts of a write are those with higher numbers."""
        return self._number

    def add(self, receipts: Iterable[Receipt]) -> None:
        """Add receipts in the order in which the responses arrived."""
        with self._lock:
            for receipt in receipts:
                self._add(receipt)

    def attribute_below(self, location: S3Uri | None, *, since: int = 0) -> tuple[Receipt, ...]:
        """Return the receipts of the objects left at or below a location, sorted, and attribute them.

        Two writes to one location at a time both get the objects of both.

        Args:
            location: a prefix; None for every object.
            since: the value of :attr:`number` when the write started.
        """
        with self._lock:
            found = [
                left
                for uri, left in self._objects.items()
                if left.number > since and (location is None or uri.is_below(location))
            ]
            for left in found:
                left.is_attributed = True
        return tuple(sorted((left.receipt for left in found), key=lambda receipt: str(receipt.uri)))

    def unattributed(self) -> tuple[Receipt, ...]:
        """Return the receipts of the objects left that nothing has claimed, in the order of their arrival."""
        with self._lock:
            return tuple(left.receipt for left in self._objects.values() if not left.is_attributed)

    def attribute(self, receipts: Iterable[Receipt]) -> None:
        """Attribute the objects of receipts that :meth:`unattributed` returned."""
        with self._lock:
            for receipt in receipts:
                left = self._objects.get(receipt.uri)
                if left is not None and left.receipt is receipt:
                    left.is_attributed = True

    def has_stored_below(self, location: S3Uri, *, since: int = 0) -> bool:
        """Return whether an object was stored at or below a location, even if it was deleted afterwards.

        Args:
            location: a prefix.
            since: as in :meth:`attribute_below`.
        """
        with self._lock:
            folders = [folder for folder, number in self._folders.items() if number > since]
            return location in self._objects or any(folder.is_below(location) for folder in folders)

    def has_deleted_below(self, location: S3Uri) -> bool:
        """Return whether an object at or below a location was deleted."""
        with self._lock:
            return any(folder.is_below(location) for folder in self._emptied)

    def reads(self) -> tuple[ObjectEncryption, ...]:
        """Return each object that was read, once for each encryption that S3 answered."""
        with self._lock:
            return tuple(self._reads.values())

    def copied(self) -> tuple[S3Uri, ...]:
        """Return the objects below a source that S3 copied. Its answer is about the copy."""
        with self._lock:
            return tuple(self._copied)

    def incomplete_uploads(self) -> tuple[Receipt, ...]:
        """Return the multipart uploads that were neither completed nor aborted. They store no object."""
        with self._lock:
            return tuple(self._uploads.values())

    def _add(self, receipt: Receipt) -> None:
        if receipt.outcome == READ:
            self._reads[receipt.uri, receipt.algorithm, receipt.key] = receipt.encryption()
            return
        source = S3Uri(*receipt.source.lstrip("/").split("/", 1)) if "/" in receipt.source[1:] else None
        if source is not None and self._records_read(source):
            self._copied[source] = None
        self._number += 1
        if receipt.outcome == UPLOAD_CREATED:
            self._uploads[receipt.upload] = receipt
            return
        if receipt.outcome == UPLOAD_ABORTED:
            self._uploads.pop(receipt.upload, None)
            return
        if receipt.outcome == DELETED:
            self._objects.pop(receipt.uri, None)
            self._emptied.add(_folder_of(receipt.uri))
            return
        created = self._uploads.pop(receipt.upload, None) if receipt.upload else None
        if created is not None and receipt.outcome == STORED and not receipt.algorithm:
            receipt = replace(
                receipt, algorithm=created.algorithm, key=created.key, bucket_key=created.bucket_key
            )
        if source is not None and receipt.size is None:
            copied = self._objects.get(source)
            receipt = replace(receipt, size=copied.receipt.size if copied is not None else None)
        self._objects.pop(receipt.uri, None)  # a replaced object is the newest
        self._objects[receipt.uri] = _Left(receipt, self._number)
        self._folders[_folder_of(receipt.uri)] = self._number


def _folder_of(uri: S3Uri) -> S3Uri:
    return S3Uri(uri.bucket, uri.key[: uri.key.rfind("/") + 1])
