"""S3 calls of botocore's clients: checked when they are made, and proved by S3's responses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from threading import Lock
from typing import TYPE_CHECKING, Any, NoReturn

from glue_secure.core.driver_s3 import (
    STORING,
    WRITES,
    guarded_parameters,
    is_checked,
    is_storing,
    locations,
    receipts_of,
    require_known_service,
    unanswered,
)
from glue_secure.core.errors import ControlError, RefusedError, UsageError, VerificationError
from glue_secure.core.findings import enforce
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.kms_key import KmsKey
from glue_secure.core.policy import check_reserved_location
from glue_secure.core.ports import DriverS3, Engine, KeyService, Operation
from glue_secure.core.ports.driver_s3 import CallGuard, ChildPolicy, Recorder
from glue_secure.core.receipt_book import ReceiptBook, ReceiptGroup
from glue_secure.core.receipts import BOTO3, Receipt
from glue_secure.core.service import ServiceError
from glue_secure.core.target_encryption import EncryptionRules

if TYPE_CHECKING:
    from boto3.session import Session

    from glue_secure.verification.child_processes import ChildProcesses


class S3CallGuard:
    """Adds a key to the S3 writes of botocore's clients, rejects other encryption, and gives receipts.

    Implements ``ports.driver_s3.CallGuard``, but for forked processes.

    Args:
        rules: how stored objects must be encrypted.
        describe: returns the KMS key that an alias names (DescribeKey).
        endpoint: URL that the run's own S3 requests go to.
        reserved: locations of bookmarks and evidence, which no call may touch.
        add: receives the receipts.
        operation: each storing request is an operation of the run; a rejected call fails the run.
        is_open: whether the run is open.
    """

    def __init__(
        self,
        *,
        rules: EncryptionRules,
        describe: Callable[[str], KmsKey],
        endpoint: str,
        reserved: Sequence[S3Uri],
        add: Callable[[Sequence[Receipt]], None],
        operation: Operation,
        is_open: Callable[[], bool],
    ) -> None:
        self._rules, self._describe, self._endpoint = rules, describe, endpoint
        self._reserved, self._add = tuple(reserved), add
        self._operation, self._is_open = operation, is_open
        self._lock = Lock()
        self._resolved: dict[str, KmsKeyArn] = {}
        # The sizes of an upload's parts by number, until it is completed.
        self._parts: dict[str, dict[int, int | None]] = {}

    @property
    def is_open(self) -> bool:
        """Whether the run is open."""
        return self._is_open()

    def records_read(self, location: S3Uri) -> bool:
        """Return whether the response to a read of an object is recorded: below a source, in an open run."""
        return self._rules.records_read(location) and self.is_open

    def refuse(self, error: RefusedError) -> NoReturn:
        """Raise the error; the run can no longer commit."""
        # Outside of an open run, operation() raises UsageError. The control's error says more.
        with suppress(UsageError), self._operation():
            raise error
        raise error

    def check_call(
        self, operation: str, parameters: Mapping[str, Any], endpoint: str, *, presigned: bool
    ) -> Mapping[str, str | bool]:
        """Return the parameters to add to an S3 call, before it is sent or signed.

        Raises:
            RefusedError: GS-S3-002, GS-S3-005, GS-S3-009.
            VerificationError: AWS KMS did not say which key an alias names.
            UsageError: the call stores something, and the run is over.
        """
        storing = is_storing(operation, parameters)
        if not is_checked(operation) or not (storing or self.is_open):
            return {}
        with self._operation():
            added = guarded_parameters(operation, parameters, self._rules, self._key_named)
            if storing:
                bucket = str(parameters.get("Bucket", ""))
                require_known_service(operation, bucket, endpoint, self._endpoint)
            action = f"{operation} to" if storing else f"{operation} of"
            enforce(
                check_reserved_location(uri, action, self._reserved)
                for uri in locations(operation, parameters)
            )
            if presigned and operation in WRITES:
                # Another program may use the URL while the run is open.
                self._add(unanswered("PutObject", parameters, time=now()))
            return added

    @contextmanager
    def request(self, operation: str, parameters: Mapping[str, Any], size: int | None) -> Iterator[Recorder]:
        """Record the response to one S3 request. A storing request is an operation of the run.

        A request without a response may have stored its object. An error response of S3 that the script
        handles does not fail the run, because nothing was stored.
        """
        answered = False

        def record(status: int, response: Mapping[str, Any], *, is_certain: bool) -> None:
            nonlocal answered
            answered = status < 300 or (status < 500 and is_certain)
            if status < 300:
                self._record(operation, parameters, response, size)

        with self._operation(ControlError) if operation in STORING else nullcontext():
            try:
                yield record
            finally:
                if not answered:
                    self._add(unanswered(operation, parameters, time=now()))

    def _record(
        self, operation: str, parameters: Mapping[str, Any], response: Mapping[str, Any], size: int | None
    ) -> None:
        upload = str(parameters.get("UploadId", ""))
        if operation in ("UploadPart", "UploadPartCopy"):
            with self._lock:
                parts = self._parts.setdefault(upload, {})
                parts[int(parameters.get("PartNumber", 0))] = size if operation == "UploadPart" else None
            return
        if operation in ("CompleteMultipartUpload", "AbortMultipartUpload"):
            with self._lock:
                sizes = list(self._parts.pop(upload, {}).values())
            known = [part for part in sizes if part is not None]
            size = sum(known) if known and len(known) == len(sizes) else None
        elif operation != "PutObject":
            size = None
        self._add(receipts_of(operation, parameters, response, size=size, time=now()))

    def _key_named(self, text: str) -> KmsKeyArn:
        """Return the key that an alias, id or ARN names. Each text is resolved once."""
        with self._lock:
            known = self._resolved.get(text)
        if known is not None:
            return known
        try:
            arn = self._describe(text).arn
        except ServiceError as error:
            raise VerificationError(
                "GS-S3-005",
                resource=f"SSEKMSKeyId={text!r}",
                found=str(error),
                required=f"the run's key {self._rules.default.written.key}",
                fix="remove SSEKMSKeyId: the run's key is added to every write",
                aws_code=error.code,
            ) from error
        with self._lock:
            self._resolved[text] = arn
        return arn


class DriverS3Recorder(S3CallGuard):
    """The guard of the run's own process, and of the Python processes that it starts.

    Args:
        run: id of the run.
        rules: as in :class:`S3CallGuard`.
        keys: AWS KMS.
        source: guards the process, and creates guarded sessions; None if the run has no AWS session.
        endpoint: as in :class:`S3CallGuard`.
        reserved: as in :class:`S3CallGuard`.
        receipts: the run's receipts.
        operation: as in :class:`S3CallGuard`.
        is_open: as in :class:`S3CallGuard`.
        children: the other processes of the job.
    """

    def __init__(
        self,
        *,
        run: str,
        rules: EncryptionRules,
        keys: KeyService,
        source: DriverS3 | None,
        endpoint: str,
        reserved: Sequence[S3Uri],
        receipts: ReceiptBook,
        operation: Operation,
        is_open: Callable[[], bool],
        children: ChildProcesses,
    ) -> None:
        super().__init__(
            rules=rules,
            describe=keys.describe,
            endpoint=endpoint,
            reserved=reserved,
            add=receipts.add,
            operation=operation,
            is_open=is_open,
        )
        self._source, self._receipts, self._children = source, receipts, children
        self._policy = ChildPolicy(run, rules, self._reserved, endpoint)
        self._session: Session | None = None

    def guard_process(self) -> None:
        """Guard every botocore client of this process, and of the Python processes that it starts.

        When the run has ended, storing calls are rejected.
        """
        if self._source is not None:
            self._source.guard_process(self)
            self._children.open(self._policy)

    def guard_python_workers(self, engine: Engine) -> str:
        """Guard botocore in the engine's Python workers; see :meth:`Engine.guard_python_workers`."""
        if self._source is None:
            return ""
        return engine.guard_python_workers(self._children.folder, self._children.on_executors())

    @property
    def session(self) -> Session:
        """The run's boto3 session, created once.

        Raises:
            UsageError: the run has no AWS session.
        """
        with self._lock:
            if self._session is None:
                if self._source is None:
                    raise UsageError(
                        "boto3_session",
                        found="services without a boto3 session",
                        required="services.driver_s3",
                    )
                self._session = self._source.guarded(self)
            return self._session

    def in_child(self) -> CallGuard:
        """Return the guard of a forked process."""
        return self._children.in_child() or self

    def collect(self) -> None:
        """Reject storing calls of other processes from now on, and add the receipts of those they sent.

        Raises:
            RefusedError, VerificationError: a call of another process was rejected.
            UsageError: another process is storing an object now.
        """
        self.close()
        report = self._children.collect(self._policy.run)
        self._receipts.add(report.receipts)
        for refusal in report.refusals:
            raise refusal
        if report.in_progress:
            raise UsageError(
                f"commit of run {self._policy.run}",
                found=f"S3 writes in progress in processes {', '.join(map(str, report.in_progress))}",
                required="none",
                fix="wait for these processes before job.commit()",
            )

    def close(self) -> None:
        """Reject storing calls of other processes from now on."""
        self._children.close(self._policy.run)

    def receipts(self) -> ReceiptGroup:
        """Return the receipts of the objects that calls left, or may have left, and no write has claimed."""
        return self._receipts.unattributed(client=BOTO3)

    def incomplete_uploads(self) -> tuple[Receipt, ...]:
        """Return the multipart uploads that calls began and neither completed nor aborted."""
        return self._receipts.incomplete_uploads(client=BOTO3)


def now() -> int:
    """Return the milliseconds since 1970."""
    return time.time_ns() // 1_000_000
