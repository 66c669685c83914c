"""What a run says of its bookmark, for the evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ContextFacts:
    """What one source did in this run.

    Attributes:
        selected: objects selected; None of a table, whose rows are counted elsewhere.
        deferred: new objects left for a later run (``maxFilesInBand``, ``boundedFiles``, ``boundedSize``).
        watermark: last modification time of the newest object ever read, or the last key values of a table,
            as text; None before the first.
        listed: objects that the listing held; None of a table.
        listed_after: of the source's locations, how many were listed from a key on, not from their beginning
            (``keysAscending``).
        untracked: why no bookmark tracks the source though it has a name; ``""`` when one does.
    """

    selected: int | None
    deferred: int
    watermark: datetime | str | None
    listed: int | None = None
    listed_after: int = 0
    untracked: str = ""

    def as_mapping(self) -> dict[str, Any]:
        """For the evidence."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class BookmarkFacts:
    """The bookmark's part of the evidence.

    Attributes:
        option: ``job-bookmark-enable``, ``-pause`` or ``-disable``.
        uri: the bookmark object, ``""`` when the option is disable.
        sequence_before: sequence number that the run started from, 0 for none.
        sequence_after: sequence number now; the same when nothing was committed.
        digest_before: SHA-256 of the sealed state the run started from, ``""`` for none.
        digest_after: SHA-256 of the sealed state now.
        recorded: whether the history holds the state now in force.
        contexts: what each tracked source did, by ``transformation_ctx``.
        from_run: the run up to which input is left out (``--job-bookmark-from``), or ``""``.
        to_run: the run up to which input is read (``--job-bookmark-to``), or ``""``.
    """

    option: str
    uri: str
    sequence_before: int
    sequence_after: int
    digest_before: str
    digest_after: str
    recorded: bool
    contexts: dict[str, ContextFacts] = field(default_factory=dict)
    from_run: str = ""
    to_run: str = ""

    def as_mapping(self) -> dict[str, Any]:
        """For the evidence: plain names and values, times as datetime."""
        contexts = {name: facts.as_mapping() for name, facts in sorted(self.contexts.items())}
        return {name: getattr(self, name) for name in self.__slots__} | {"contexts": contexts}
