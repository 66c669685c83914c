"""Conversion between DynamoDB's attribute values and Python values.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
"""

from __future__ import annotations

import base64
import datetime
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_LONG = range(-(2**63), 2**63)


def from_item(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return an item as a record.

    A number is an int if it fits a ``long``, a float if a float has all of its digits, and otherwise the
    text of the number. Sets are lists.
    """
    return {name: from_attribute(value) for name, value in item.items()}


def from_attribute(value: Mapping[str, Any]) -> Any:
    """Return one attribute value; see :func:`from_item`."""
    ((kind, content),) = value.items()
    if kind == "N":
        return _number(content)
    if kind == "NULL":
        return None
    if kind == "L":
        return [from_attribute(element) for element in content]
    if kind == "M":
        return from_item(content)
    if kind == "NS":
        return [_number(text) for text in content]
    if kind == "SS":
        return list(content)
    if kind == "B":
        return bytes(content)
    if kind == "BS":
        return [bytes(element) for element in content]
    return content


def as_json(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return an item in DynamoDB JSON, as an export stores it: ``{"id": {"S": "a"}}``, bytes in base64."""
    return {name: _json_attribute(value) for name, value in item.items()}


def to_item(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record as an item. Fields without a value are left out.

    Raises:
        TypeError: DynamoDB has no type for a value. The message contains no value.
    """
    return {name: to_attribute(value) for name, value in record.items() if value is not None}


def to_attribute(value: Any) -> dict[str, Any]:
    """Return one attribute value; dates and times are texts, as Spark writes them.

    Raises:
        TypeError: as :func:`to_item`.
    """
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, (int, Decimal)):
        return {"N": str(value)}
    if isinstance(value, float):
        if not math.isfinite(value):
            raise TypeError("a number that is not finite, which DynamoDB cannot store")
        return {"N": str(Decimal(repr(value)))}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, (bytes, bytearray)):
        return {"B": bytes(value)}
    if isinstance(value, datetime.date):
        return {"S": str(value)}
    if isinstance(value, Mapping):
        return {"M": to_item(value)}
    if isinstance(value, (list, tuple)):
        return {"L": [to_attribute(element) for element in value]}
    raise TypeError(f"a {type(value).__name__}, which DynamoDB cannot store")


def _number(text: str) -> int | float | str:
    number = Decimal(text)
    if number == number.to_integral_value() and int(number) in _LONG:
        return int(number)
    nearest = float(text)
    if math.isfinite(nearest) and Decimal(repr(nearest)) == number:
        return nearest
    return text


def _json_attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, content),) = value.items()
    if kind == "L":
        return {kind: [_json_attribute(element) for element in content]}
    if kind == "M":
        return {kind: as_json(content)}
    if kind == "B":
        return {kind: base64.b64encode(bytes(content)).decode()}
    if kind == "BS":
        return {kind: [base64.b64encode(bytes(element)).decode() for element in content]}
    return {kind: content}
