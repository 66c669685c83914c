"""The state of a source whose present input was taken as processed, by ``glue-secure bookmark skip``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from glue_secure.bookmarks.parsing import format_time, parse_time, require_fields


@dataclass(frozen=True, slots=True)
class SkippedSourceState:
    """A source that continues after what exists, whatever kind of source it is.

    A command knows neither the locations nor the database of a source. For S3, everything that was last
    modified before ``at`` is finished. For a table, the next run finishes the rows that it finds.

    Attributes:
        at: time of the command, UTC, in whole seconds, like the times of S3.
    """

    at: datetime

    kind: ClassVar[str] = "skipped"

    @property
    def watermark(self) -> datetime:
        """The time that the evidence and the command line show."""
        return self.at

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"kind": self.kind, "at": format_time(self.at)}

    @classmethod
    def from_json(cls, shape: Mapping[str, Any], where: str) -> SkippedSourceState:
        """Read the JSON form. Raises BookmarkStateError."""
        require_fields(shape, {"kind", "at"}, where)
        return cls(parse_time(shape["at"], f"{where}.at"))
