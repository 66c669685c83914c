"""Check a bookmark against its high-water mark, which is stored outside the bookmark's bucket.

Anyone who can write the bucket can delete a newer state with its history and restore an older one; no check
of the bucket alone detects that. The mark is stored elsewhere and its sequence only grows.

A commit writes ``current``, then the mark, then the history:

- The mark comes second, because a mark ahead of a write that then fails would lock the job out. A crash
  between the two leaves ``current`` exactly one ahead, and it names the marked state as its predecessor.
  Such a state can only be made with the bookmark key, so it is accepted and the mark is advanced.
- The mark comes before the history, so that no later step succeeds without it.
- Before the first commit a mark with sequence 0 is stored. A crash in that commit then appears like any
  other, and a state without any mark is never accepted.
"""

from __future__ import annotations

from dataclasses import dataclass

from glue_secure.bookmarks import findings
from glue_secure.core.findings import Finding, error_of, failed, passed
from glue_secure.core.high_water import HighWaterMark
from glue_secure.core.ports import HighWaterMarkStore
from glue_secure.core.service import PreconditionFailed, ServiceError

BEGINNING = HighWaterMark(0, "")


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
        """Return the mark, None where none was ever stored. Raises VerificationError (GS-BKM-006)."""
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
        """Store the mark. The same mark, or one that another run advanced further, is accepted.

        Raises:
            RefusedError: GS-BKM-004: the store records another state of that sequence.
            VerificationError: GS-BKM-006.
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
                raise error_of(findings.rolled_back(self.resource, found, required)) from error


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
    """Check that the current state is the marked one, or the one state that was committed on it.

    Args:
        mark: the stored mark; None where none was ever stored.
        current: the state in the bucket; :data:`BEGINNING` where there is none.
        previous_digest: of the state that ``current`` was committed on.
        job: the job's name.
        resource: URI of the bookmark object.
        location: where the mark is stored.

    Returns:
        GS-BKM-003 (the state exists) and GS-BKM-004 (it is not older than the mark) if both pass, else the
        one that fails.
    """
    if mark is None:
        if current == BEGINNING:
            return _passed(resource, f"no bookmark, and no mark in {location}")
        return (
            _unmarked(resource, f"sequence {current.sequence}, and no mark in {location}", "its mark", job),
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
                fix="restore it and history/ from the bucket's versions, and find out who deleted it",
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
                fix="restore that state from the bucket's versions or history/, and find out who wrote this "
                "object; to go back on purpose, run `glue-secure bookmark rewind` then, which deletes "
                "nothing",
            ),
        )
    if current.sequence == mark.sequence + 1 and previous_digest == mark.digest:
        return _passed(resource, f"sequence {current.sequence}, committed on the one that {location} records")
    return (
        _unmarked(
            resource, f"sequence {current.sequence}", f"{required}, or the one state committed on it", job
        ),
    )


def mark_unavailable(location: str, error: ServiceError, action: str) -> Finding:
    """Return GS-BKM-006 for an error of the mark's store during ``action``."""
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


def _unmarked(resource: str, found: str, required: str, job: str) -> Finding:
    return failed(
        "GS-BKM-004",
        resource,
        found=found,
        required=required,
        fix="read `glue-secure bookmark history`; if that state is the job's newest, record it: "
        f"`glue-secure bookmark verify {job} --adopt`",
    )
