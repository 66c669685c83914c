"""A record of the newest bookmark outside its bucket: how far it ever got, and which state that was.

Who can write the bucket can delete a newer state with its history and put an older one back; no check of
the bucket sees that. The mark lies elsewhere and only grows.

The order of a commit is ``current``, then the mark, then the history. The mark comes second, because a
mark ahead of a write that then fails would lock the job out. A crash between the two leaves ``current``
exactly one ahead, naming the marked state as the one it was committed on; nobody without the bookmark
key can make such a state, so it is accepted and the mark caught up. The mark comes before the history,
so that no later step can succeed without it. Before the first commit a mark of sequence 0 is put: a crash
in that commit is then one ahead like any other, and a state with no mark at all is never accepted.
"""

from __future__ import annotations

from dataclasses import dataclass

from glue_secure.bookmarks import errors
from glue_secure.core.errors import RefusedError, VerificationError
from glue_secure.core.high_water import HighWaterMark
from glue_secure.core.ports import HighWaterMarkStore
from glue_secure.core.service import PreconditionFailed, ServiceError

BEGINNING = HighWaterMark(0, "")


@dataclass(frozen=True, slots=True)
class Watch:
    """A bookmark's mark, with the errors that a store raises of it.

    Attributes:
        keeper: where the mark lies.
        job: the job's name.
        resource: URI of the bookmark object.
    """

    keeper: HighWaterMarkStore
    job: str
    resource: str

    def read(self) -> HighWaterMark | None:
        """The mark. Raises VerificationError (GS-BKM-006)."""
        try:
            return self.keeper.read()
        except ServiceError as error:
            raise storage_said(self.keeper.location, error, "reading the high-water mark") from error

    def behind(self, mark: HighWaterMark | None, current: HighWaterMark, previous_digest: str) -> bool:
        """:func:`behind` for this bookmark."""
        place = self.keeper.location
        return behind(mark, current, previous_digest, job=self.job, resource=self.resource, place=place)

    def advance(self, wanted: HighWaterMark) -> None:
        """Move the mark. One that is there already, or further because somebody followed, is fine.

        Raises:
            RefusedError: GS-BKM-004: it records another state of that sequence.
            VerificationError: GS-BKM-006.
        """
        try:
            self.keeper.advance(wanted)
        except ServiceError as error:
            # Somebody else caught it up, or the answer of a write that took effect was lost.
            there = self.read()
            if there == wanted:
                return
            if not isinstance(error, PreconditionFailed) or there is None or there.sequence < wanted.sequence:
                raise storage_said(self.keeper.location, error, "moving the high-water mark") from error
            if there.sequence == wanted.sequence:
                found = f"{self.keeper.location} records another state as sequence {wanted.sequence}"
                raise errors.rolled_back(self.resource, found, f"SHA-256 {wanted.digest}") from error


def behind(
    mark: HighWaterMark | None,
    current: HighWaterMark,
    previous_digest: str,
    *,
    job: str,
    resource: str,
    place: str,
) -> bool:
    """Whether the mark is to be caught up with ``current``, which is as the mark requires.

    Args:
        mark: what is recorded.
        current: the state that lies in the bucket; :data:`BEGINNING` for none.
        previous_digest: of the state it was committed on.
        job: the job's name.
        resource: URI of the bookmark object.
        place: where the mark lies.

    Raises:
        RefusedError: GS-BKM-003 (gone), GS-BKM-004 (older, another, or further ahead than a commit gets).
    """
    if mark is None:
        if current == BEGINNING:
            return False
        raise _unmarked(resource, f"sequence {current.sequence}, and no mark in {place}", "its mark", job)
    if current == mark:
        return False
    required = f"sequence {mark.sequence}, SHA-256 {mark.digest}, which {place} records"
    if current == BEGINNING:
        raise RefusedError(
            "GS-BKM-003",
            resource=resource,
            found=f"no object, though {place} records sequence {mark.sequence}",
            required=required,
            fix="restore it and history/ from the bucket's versions, and find out who deleted it",
        )
    if current.sequence <= mark.sequence:
        older = current.sequence < mark.sequence
        raise RefusedError(
            "GS-BKM-004",
            resource=resource,
            found=f"sequence {current.sequence}" if older else f"another state of sequence {mark.sequence}",
            required=required,
            fix="restore that state from the bucket's versions or history/, and find out who wrote here; "
            "to go back on purpose: `glue-secure bookmark rewind` then, which deletes nothing",
        )
    if current.sequence == mark.sequence + 1 and previous_digest == mark.digest:
        return True
    raise _unmarked(
        resource,
        f"sequence {current.sequence}",
        f"{required}, or the one state committed on it",
        job,
    )


def storage_said(place: str, error: ServiceError, doing: str) -> VerificationError:
    """GS-BKM-006 for an answer, or no answer, of the mark's keeper."""
    return errors.unavailable(
        place,
        found=f"{doing}: {error.operation} said {error.code or 'no answer'}",
        required="the bookmark's high-water mark can be read and moved on",
        fix="allow the job's role dynamodb:DescribeTable, dynamodb:GetItem and dynamodb:UpdateItem on the "
        "table and the use of its key; then start the job again",
        aws_code=error.code,
    )


def _unmarked(resource: str, found: str, required: str, job: str) -> RefusedError:
    return RefusedError(
        "GS-BKM-004",
        resource=resource,
        found=found,
        required=required,
        fix="look at `glue-secure bookmark history`; if that state is the job's newest, record it: "
        f"`glue-secure bookmark verify {job} --adopt`",
    )
