"""The key columns of a table's bookmark, and the options that name them.

https://docs.aws.amazon.com/glue/latest/dg/monitor-continuations.html
https://docs.aws.amazon.com/glue/latest/dg/programming-etl-connect-bookmarks.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glue_secure.bookmarks.jdbc_state import MOST_KEYS, ORDERS
from glue_secure.core.errors import UsageError

KEYS, ORDER = "jobBookmarkKeys", "jobBookmarkKeysSortOrder"
ORDER_OF_SAMPLES = "jobBookmarksKeysSortOrder"
"""The spelling of ``ORDER`` in samples of AWS's documentation."""


@dataclass(frozen=True, slots=True)
class RequestedKeys:
    """The key that a call requests.

    Attributes:
        names: the columns, in order; empty if the call names none.
        order: ``asc`` or ``desc``.
    """

    names: tuple[str, ...] = ()
    order: str = "asc"


@dataclass(frozen=True, slots=True)
class Key:
    """One key column.

    Attributes:
        name: the column's name in the database.
        type: the database's name of its type.
        kind: kind of its values, of ``jdbc_state.KINDS``; None if a bookmark cannot store them.
        collation: the collation that a literal of a text needs; ``""`` if it needs none.
        reason: why ``kind`` is None, if the type has a reason of its own; a clause for error messages.
    """

    name: str
    type: str
    kind: str | None
    collation: str = ""
    reason: str = ""


def requested_keys(options: Mapping[str, Any]) -> tuple[RequestedKeys, dict[str, Any]]:
    """Return the keys that the options of a call name, and the other options.

    Raises:
        UsageError: the keys are not a list of columns, or the order is neither ``asc`` nor ``desc``.
    """
    known = {KEYS.lower(): KEYS, ORDER.lower(): ORDER, ORDER_OF_SAMPLES.lower(): ORDER}
    named = {known[name.lower()]: value for name, value in options.items() if name.lower() in known}
    others = {name: value for name, value in options.items() if name.lower() not in known}
    names, order = named.get(KEYS, ()), named.get(ORDER, "asc")
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) and name for name in names):
        raise UsageError(KEYS, found=repr(names), required="a list of columns, for instance ['id']")
    if KEYS in named and not names:
        raise UsageError(KEYS, found="no column", required="at least one column, or no such option")
    if len(set(names)) < len(names) or len(names) > MOST_KEYS:
        raise UsageError(KEYS, found=", ".join(names), required=f"different columns, at most {MOST_KEYS}")
    if str(order).lower() not in ORDERS:
        raise UsageError(ORDER, found=repr(order), required=" or ".join(ORDERS))
    return RequestedKeys(tuple(names), str(order).lower()), others
