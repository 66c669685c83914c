"""What each operation of Amazon S3 does to the bytes of objects: the table of the request guard."""

from __future__ import annotations

from importlib.resources import files

_TABLE = "engines/spark/jvm/resources/gluesecure/guard/s3_operations.txt"
_LINES = files("glue_secure").joinpath(_TABLE).read_text(encoding="utf-8").splitlines()

KINDS = {
    operation: kind
    for operation, _, kind in (line.partition(" ") for line in _LINES if not line.startswith("#"))
}
"""Operation → ``store``, ``create``, ``part``, ``complete``, ``delete``, ``refuse`` or ``other``."""


def of_kind(*kinds: str) -> frozenset[str]:
    """Return the operations of these kinds."""
    return frozenset(operation for operation, kind in KINDS.items() if kind in kinds)


def kind_of(operation: str) -> str:
    """Return the kind of an operation.

    An operation that is not in the table is ``refuse``, unless its name says that it reads.
    """
    is_read = operation.startswith(("Get", "Head", "List"))
    return KINDS.get(operation, "other" if is_read else "refuse")
