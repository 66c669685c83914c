"""The state of one database table or query."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from glue_secure.bookmarks.parsing import BookmarkStateError, as_text, require_fields

ORDERS = ("asc", "desc")
MOST_KEYS = 32
"""Most columns of a key: PostgreSQL's limit for an index."""
MOST_TEXT = 1024
"""Most characters of a string value, so that the state stays small."""
_DAY = r"[0-9]{4,7}-[0-9]{2}-[0-9]{2}"
_MOMENT = _DAY + r" [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
_FORMS = {
    "integer": r"0|-?[1-9][0-9]{0,19}",  # an unsigned bigint of MySQL has 20 digits
    "decimal": r"-?(?:0|[1-9][0-9]{0,999})(?:\.[0-9]{1,999})?",
    "date": _DAY,
    "timestamp": _MOMENT,
    "timestamptz": _MOMENT,  # in UTC
    "string": rf"[^\x00]{{0,{MOST_TEXT}}}",
    "uuid": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
}
KINDS = {kind: re.compile(form, re.DOTALL) for kind, form in _FORMS.items()}
"""Kinds of key values, and the form of their text. Infinity and NaN have no such text."""
# The evidence shows times of key values. Other values may be personal data.
_SHOWN = ("date", "timestamp", "timestamptz")


@dataclass(frozen=True, slots=True)
class JdbcSourceState:
    """How far one table or query has been read. The repr shows no value.

    Attributes:
        table: the database's name of the table, ``schema.table``; ``""`` for a query.
        keys: names of the key's columns, in order.
        order: ``asc`` or ``desc``.
        types: the kinds of the values, of :data:`KINDS`.
        values: text of the key of the last row that was read.
        connection: the Glue connection's name; ``""`` in a state of an older version, which any database
            continues.
        location: JDBC URL without options, so engine, host, port and database; ``""`` together with
            ``connection``.
    """

    table: str
    keys: tuple[str, ...]
    order: str
    types: tuple[str, ...]
    values: tuple[str, ...]
    connection: str = ""
    location: str = ""

    kind: ClassVar[str] = "jdbc"

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise BookmarkStateError(f"order: not one of {', '.join(ORDERS)}")
        if not 0 < len(self.keys) == len(self.values) == len(self.types) <= MOST_KEYS:
            raise BookmarkStateError("keys, values, types: not of one length, or empty, or too many")
        if len(set(self.keys)) < len(self.keys) or not all(self.keys):
            raise BookmarkStateError("keys: a column without a name, or twice")
        if bool(self.connection) != bool(self.location):
            raise BookmarkStateError("connection, location: only one of them")
        for kind, value in zip(self.types, self.values, strict=True):
            if kind not in KINDS:
                raise BookmarkStateError(f"types: not one of {', '.join(KINDS)}")
            if not KINDS[kind].fullmatch(value):
                raise BookmarkStateError(f"values: not of the form of type {kind}")

    def __repr__(self) -> str:
        return f"JdbcSourceState({self.table!r}, {self.order}, {self.watermark})"

    @property
    def is_bound(self) -> bool:
        """Whether the state names the database that it belongs to."""
        return bool(self.connection)

    @property
    def watermark(self) -> str:
        """The key values that are shown: times; of other values only their type."""
        return ", ".join(
            f"{key}={value}{' UTC' if kind == 'timestamptz' else ''}"
            if kind in _SHOWN
            else f"{key}=({kind}, not shown)"
            for key, kind, value in zip(self.keys, self.types, self.values, strict=True)
        )

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form. Without a database it is the form of older versions."""
        database = {"connection": self.connection, "location": self.location} if self.is_bound else {}
        return {
            **database,
            "kind": self.kind,
            "table": self.table,
            "keys": list(self.keys),
            "order": self.order,
            "types": list(self.types),
            "values": list(self.values),
        }

    @classmethod
    def from_json(cls, shape: Mapping[str, Any], where: str) -> JdbcSourceState:
        """Read the JSON form. Raises BookmarkStateError."""
        bound = ("connection", "location") if "connection" in shape else ()
        require_fields(shape, {*bound, "kind", "table", "keys", "order", "types", "values"}, where)
        lists: dict[str, tuple[str, ...]] = {}
        for name in ("keys", "types", "values"):
            if not isinstance(shape[name], list):
                raise BookmarkStateError(f"{where}.{name}: not a list")
            lists[name] = tuple(as_text(item, f"{where}.{name}") for item in shape[name])
        names = ("table", "order", *bound)
        table, order, *database = (as_text(shape[name], f"{where}.{name}") for name in names)
        connection, location = database or ("", "")
        return cls(table, lists["keys"], order, lists["types"], lists["values"], connection, location)
