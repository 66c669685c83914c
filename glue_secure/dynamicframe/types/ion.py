"""Parsing of Amazon Ion, text or binary, into records. Needs the package amazon.ion.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-format-ion-home.html
https://amazon-ion.github.io/ion-docs/docs/spec.html
"""

from __future__ import annotations

import bz2
import datetime
import gzip
import io
from decimal import Decimal
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.types.json_text import MAX_DEPTH

_GZIP, _BZIP2 = b"\x1f\x8b", b"BZh"


def require_library() -> None:
    """Raise UsageError if the package amazon.ion is not installed."""
    try:
        import amazon.ion.simpleion  # noqa: F401
    except ImportError:
        raise UsageError(
            "format ion",
            found="the package amazon.ion is not installed",
            required="amazon.ion",
            fix="python -m pip install 'amazon.ion>=0.13,<1'",
        ) from None


def read(data: bytes) -> tuple[list[Any], str, bool]:
    """Return the records of an object, the problem with it or ``""``, and False: Spark has no such parser.

    A struct is one record, a list of structs several. Records before a malformed position are returned.
    Annotations are dropped. A symbol is a string, a clob binary, an S-expression a list.

    Args:
        data: the object, which may be compressed with gzip or bzip2.
    """
    from amazon.ion import simpleion
    from amazon.ion.exceptions import IonException

    found: list[Any] = []
    problem = ""
    try:
        stream = io.BytesIO(_decompressed(bytes(data)))
        values = simpleion.load(stream, single_value=False, parse_eagerly=False)
        for value in values:
            plain = _plain(value, 0)
            for record in plain if isinstance(plain, list) else (plain,):
                if isinstance(record, dict):
                    found.append(record)
                else:
                    problem = problem or "a value that is not an Ion struct"
    except RecursionError:
        problem = "malformed Ion: nested too deeply"
    except (IonException, ValueError, EOFError, OSError) as error:
        # Its message may quote the data.
        problem = f"malformed Ion: {type(error).__name__}"
    return found, problem, False


def _decompressed(data: bytes) -> bytes:
    if data.startswith(_GZIP):
        return gzip.decompress(data)
    return bz2.decompress(data) if data.startswith(_BZIP2) else data


def _plain(value: Any, depth: int) -> Any:
    """Return an Ion value as a dict, a list or an atomic Python value."""
    from amazon.ion.core import IonType
    from amazon.ion.simple_types import IonPyNull

    if depth > MAX_DEPTH:
        raise RecursionError
    if value is None or isinstance(value, IonPyNull):
        return None
    if hasattr(value, "items"):
        return {str(name): _plain(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner, depth + 1) for inner in value]
    kind = getattr(value, "ion_type", None)
    if kind is IonType.BOOL:
        return bool(value)
    if kind is IonType.SYMBOL:
        return value.text
    simple: tuple[Any, ...] = (int, float, Decimal, bytes, str)
    for kind in simple:
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, datetime.datetime):
        return datetime.datetime(
            value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond,
            value.tzinfo,
        )  # fmt: skip
    raise ValueError("an unknown type")
