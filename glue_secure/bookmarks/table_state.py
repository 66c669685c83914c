"""The state of one table of Iceberg, Delta Lake or Hudi: the commit up to which it was read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from glue_secure.bookmarks.parsing import BookmarkStateError, as_text, require_fields

FORMATS = ("iceberg", "delta", "hudi")
MOST_TEXT = 512
_POSITION = re.compile(r"[0-9]{1,20}\Z")


@dataclass(frozen=True, slots=True)
class TableSourceState:
    """How far one table has been read.

    Attributes:
        format: one of :data:`FORMATS`.
        table: ``database.table``, or the table's location if the Data Catalog does not have it.
        table_id: the id that the format gave to the table, so that another table of the same name is
            noticed.
        position: snapshot id of Iceberg, version of Delta Lake, completion time of Hudi's instant.
    """

    format: str
    table: str
    table_id: str
    position: str

    kind: ClassVar[str] = "table"

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise BookmarkStateError(f"format: not one of {', '.join(FORMATS)}")
        if not all(0 < len(text) <= MOST_TEXT for text in (self.table, self.table_id)):
            raise BookmarkStateError("table, table_id: empty or too long")
        if not _POSITION.match(self.position):
            raise BookmarkStateError("position: not a number")

    @property
    def watermark(self) -> str:
        """The commit that the evidence and the command line show."""
        return f"{self.format} {self.position}"

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "kind": self.kind,
            "format": self.format,
            "table": self.table,
            "table_id": self.table_id,
            "position": self.position,
        }

    @classmethod
    def from_json(cls, shape: Mapping[str, Any], where: str) -> TableSourceState:
        """Read the JSON form. Raises BookmarkStateError."""
        names = ("format", "table", "table_id", "position")
        require_fields(shape, {"kind", *names}, where)
        return cls(*(as_text(shape[name], f"{where}.{name}") for name in names))
