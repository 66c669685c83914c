"""Parts of the evidence of a run, of any version of the schema, as the pages show them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from glue_secure.core.redaction import escape_surrogates

Document = Mapping[str, Any]


def records(document: Document, name: str) -> Sequence[Any]:
    """Return the records of a part of the evidence; none if the document does not have the part."""
    value = document.get(name)
    return value if isinstance(value, list) else ()


def count(record: Document, *names: str) -> int:
    """Return how many items some properties of a record have, those in the parts of the evidence included."""
    in_parts = [record.get(f"{name}_in_parts") for name in names]
    listed = sum(len(records(record, name)) for name in names)
    return listed + sum(number for number in in_parts if isinstance(number, int))


def encryptions(write: Document, document: Document) -> Counter[str]:
    """Return each combination of algorithm and key that objects of a write have, and their number."""
    found: Counter[str] = Counter()
    # Earlier versions counted nothing and listed every object.
    for group in records(write, "encryption") or records(write, "objects"):
        number = group.get("objects", 1)
        found[f"{group.get('algorithm') or 'none'} {group.get('key') or ''}".strip()] += number
    if proved := count(write, "proved"):
        rules = (document.get("proofs") or {}).get(write.get("proof"), {})
        found[f"{rules.get('algorithm', '')} {rules.get('key', '')} (bucket rules)".strip()] += proved
    return found


def text(value: object) -> str:
    """Return a value as text that UTF-8 can encode: a list with commas, None as ``""``."""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return escape_surrogates(", ".join(map(str, _flat(value))))
    return escape_surrogates(str(value))


def parse_time(value: object) -> datetime | None:
    """Return a time in ISO 8601, UTC without an offset; None for anything else."""
    try:
        moment = datetime.fromisoformat(text(value).replace("Z", "+00:00"))
        return moment.astimezone(timezone.utc) if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        return None


def _flat(values: Iterable[object]) -> Iterator[object]:
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _flat(value)
        else:
            yield value
