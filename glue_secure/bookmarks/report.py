"""The bookmark's part of the evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ContextReport:
    """One source of a run.

    Attributes:
        selected: objects selected; None for a table, whose rows the read record counts.
        deferred: new objects left for a later run (``maxFilesInBand``, ``boundedFiles``, ``boundedSize``).
        watermark: last modification time of the newest object ever read, or the last key values of a table,
            as text; None before the first.
        listed: objects in the listing; None for a table.
        listed_after: number of the source's locations that were listed from a key on (``keysAscending``).
        untracked: the reason why a named source is not tracked; ``""`` if it is.
        late: objects among ``selected`` that appeared with a time before the floor.
        unchecked: why such objects could not be noticed in this run; ``""`` if they could.
    """

    selected: int | None
    deferred: int
    watermark: datetime | str | None
    listed: int | None = None
    listed_after: int = 0
    untracked: str = ""
    late: int = 0
    unchecked: str = ""

    def as_mapping(self) -> dict[str, Any]:
        """Return names and values for the evidence."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class BookmarkReport:
    """The bookmark's part of the evidence.

    Attributes:
        option: ``job-bookmark-enable``, ``-pause`` or ``-disable``.
        uri: the bookmark object, ``""`` if the option is disable.
        sequence_before: sequence number that the run started from; 0 without a state.
        sequence_after: sequence number now; the same if nothing was committed.
        digest_before: SHA-256 of the encrypted state that the run started from; ``""`` without a state.
        digest_after: SHA-256 of the encrypted state now.
        recorded: whether the history contains the present state.
        contexts: each named source, by ``transformation_ctx``.
        from_run: the run whose input, and all before it, is excluded (``--job-bookmark-from``), or ``""``.
        to_run: the last run whose input is included (``--job-bookmark-to``), or ``""``.
    """

    option: str
    uri: str
    sequence_before: int
    sequence_after: int
    digest_before: str
    digest_after: str
    recorded: bool
    contexts: dict[str, ContextReport] = field(default_factory=dict)
    from_run: str = ""
    to_run: str = ""

    def as_mapping(self) -> dict[str, Any]:
        """Return names and values for the evidence, times as datetime."""
        contexts = {name: context.as_mapping() for name, context in sorted(self.contexts.items())}
        return {name: getattr(self, name) for name in self.__slots__} | {"contexts": contexts}
