"""Check a bookmark against its high-water mark, which is stored outside the bookmark's bucket.

Anyone who can write to the bucket can delete the newest states and their history, and restore an older state.
No check of the bucket alone detects that. The mark is the sequence number and SHA-256 of the newest committed
state. It is stored outside the bucket, and its sequence number only grows.

A commit writes the object ``current``, then the mark, then the history object:

- ``current`` is written before the mark. If the mark were written first and the write of ``current`` failed,
  the mark would be newer than the state, and no later run would be accepted. A crash after the write of
  ``current`` leaves a state that is the direct successor of the marked state: its sequence number is one
  higher, and it contains the digest of the marked state. Only a principal that may use the bookmark key can
  create such a state, so it is accepted, and the mark is advanced.
- The mark is written before the history, so that a commit whose mark could not be written also has no history
  object.
- A mark with sequence 0 is written before the first ``current``. A crash in the first commit is therefore
  handled like a crash in any other commit, and a state without a mark is never accepted.
"""

from __future__ import annotations

from dataclasses import dataclass

from glue_secure.bookmarks import findings
from glue_secure.core.findings import Finding, error_of, failed, passed
from glue_secure.core.high_water import HighWaterMark
from glue_secure.core.ports import HighWaterMarkStore
from glue_secure.core.service import PreconditionFailed, ServiceError

BEGINNING = HighWaterMark(0, "")
"""The mark before the first commit."""


@dataclass(frozen=True, slots=True)
class HighWaterMarkGuard:
    """Reads, checks and advances the mark of one bookmark.

    Attributes:
        store: where the mark is stored.
        job: the job's name.
        resource: URI of the bookmark object.
    """

    store: HighWaterMarkStore
    job: str
    resource: str

    def read(self) -> HighWaterMark | None:
        """Return the mark, None if none is stored. Raises VerificationError (GS-BKM-006)."""
        try:
            return self.store.read()
        except ServiceError as error:
            raise error_of(
                mark_unavailable(self.store.location, error, "reading the high-water mark")
            ) from error

    def check(
        self, mark: HighWaterMark | None, current: HighWaterMark, previous_digest: str
    ) -> tuple[Finding, ...]:
        """Return the findings of :func:`check_mark` for this bookmark."""
        return check_mark(
            mark,
            current,
            previous_digest,
            job=self.job,
            resource=self.resource,
            location=self.store.location,
        )

    def advance(self, mark: HighWaterMark) -> None:
        """Store the mark. Does nothing if the same mark is stored, or if another run stored a newer one.

        Raises:
            RefusedError: GS-BKM-004, the store records another state with the same sequence number.
            VerificationError: GS-BKM-006, the store cannot be read or written.
        """
        location = self.store.location
        try:
            self.store.advance(mark)
        except ServiceError as error:
            # Another run advanced the mark, or the response of a successful write was lost.
            stored = self.read()
            if stored == mark:
                return
            if not isinstance(error, PreconditionFailed) or stored is None or stored.sequence < mark.sequence:
                raise error_of(mark_unavailable(location, error, "advancing the high-water mark")) from error
            if stored.sequence == mark.sequence:
                found = f"{location} records another state as sequence {mark.sequence}"
                required = f"SHA-256 {mark.digest}"
                finding = findings.history_changed(self.resource, found, required, job=self.job)
                raise error_of(finding) from error


def is_behind(mark: HighWaterMark | None, current: HighWaterMark) -> bool:
    """Return whether a mark that passed :func:`check_mark` must be advanced to ``current``."""
    return mark is not None and mark.sequence < current.sequence


def check_mark(
    mark: HighWaterMark | None,
    current: HighWaterMark,
    previous_digest: str,
    *,
    job: str,
    resource: str,
    location: str,
) -> tuple[Finding, ...]:
    """Check that the current state is the marked state or its direct successor.

    Args:
        mark: the stored mark; None if none is stored.
        current: sequence number and digest of the state in the bucket; :data:`BEGINNING` if there is none.
        previous_digest: digest of the predecessor, as ``current`` records it.
        job: the job's name.
        resource: URI of the bookmark object.
        location: where the mark is stored.

    Returns:
        GS-BKM-003 (the state exists) and GS-BKM-004 (it is not older than the mark), both passed; or the
        control that failed.
    """
    if mark is None:
        if current == BEGINNING:
            return _passed(resource, f"no bookmark, and no mark in {location}")
        return (
            _not_recorded(
                resource,
                f"sequence {current.sequence}, and no mark in {location}",
                f"a mark in {location}",
                job,
            ),
        )
    if current == mark:
        return _passed(resource, f"sequence {current.sequence}, as {location} records")
    required = f"sequence {mark.sequence}, SHA-256 {mark.digest}, which {location} records"
    if current == BEGINNING:
        return (
            failed(
                "GS-BKM-003",
                resource,
                found=f"no object, though {location} records sequence {mark.sequence}",
                required=required,
                fix=f"restore the object and those below history/: {findings.versions_command(resource)} "
                f"lists its versions. To continue without them: {findings.command('repair', job)}. Find out "
                "who deleted them",
            ),
        )
    if current.sequence <= mark.sequence:
        older = current.sequence < mark.sequence
        return (
            failed(
                "GS-BKM-004",
                resource,
                found=f"sequence {current.sequence}"
                if older
                else f"another state of sequence {mark.sequence}",
                required=required,
                fix=f"restore the state of sequence {mark.sequence} from the bucket's versions or history/, "
                "and find out who wrote this object; to return to an older state on purpose, restore first, "
                f"then run {findings.command('rewind', job, '--to-sequence', 'N')}. To continue from the "
                f"newest state that is left: {findings.command('repair', job)}",
            ),
        )
    if current.sequence == mark.sequence + 1 and previous_digest == mark.digest:
        return _passed(
            resource,
            f"sequence {current.sequence}, the direct successor of the state that {location} records",
        )
    return (
        _not_recorded(
            resource,
            f"sequence {current.sequence}",
            f"{required}, or the direct successor of that state",
            job,
        ),
    )


def mark_unavailable(location: str, error: ServiceError, action: str) -> Finding:
    """Return GS-BKM-006: the store of the mark returned an error during ``action``."""
    return findings.unavailable(
        location,
        found=f"{action}: {error.operation} returned {error.code or 'no answer'}",
        required="the bookmark's high-water mark can be read and advanced",
        fix="allow the job's role dynamodb:DescribeTable, dynamodb:GetItem and dynamodb:UpdateItem on the "
        "table and the use of its key; then start the job again",
        aws_code=error.code,
    )


def _passed(resource: str, found: str) -> tuple[Finding, ...]:
    return passed("GS-BKM-003", resource, found), passed("GS-BKM-004", resource, found)


def _not_recorded(resource: str, found: str, required: str, job: str) -> Finding:
    """Return GS-BKM-004 for a state that the mark does not record, and that is not older than the mark."""
    return failed(
        "GS-BKM-004",
        resource,
        found=found,
        required=required,
        fix=f"read {findings.command('history', job)}; if the state above is the newest state of the job, "
        f"record it as the mark: {findings.command('verify', job, '--adopt')}; to continue from the newest "
        f"state that is left: {findings.command('repair', job)}",
    )
