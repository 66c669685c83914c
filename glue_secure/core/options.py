"""Values of options that scripts pass as Python values or as text."""

from __future__ import annotations

from typing import Any

from glue_secure.core.errors import UsageError

# int() of Python rejects a longer text.
_MOST_DIGITS = 4300


def truth(name: str, value: Any) -> bool:
    """Return the value of a boolean option: True, False, or either as text in any case.

    Raises:
        UsageError: the value is neither; the message names the option.
    """
    text = str(value).strip().lower()
    if text not in ("true", "false"):
        raise UsageError(name, found=repr(value), required="true or false")
    return text == "true"


def whole_number(name: str, value: Any, *, least: int = 0, most: int | None = None) -> int:
    """Return the value of an integer option, given as a number or as decimal digits.

    Raises:
        UsageError: the value is not a whole number from ``least`` to ``most``; the message names the option.
    """
    text = str(value).strip()
    is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    if is_number and int(text) >= least and (most is None or int(text) <= most):
        return int(text)
    upper = "on" if most is None else f"to {most}"
    raise UsageError(name, found=repr(value), required=f"a whole number from {least} {upper}")


def option_text(value: object) -> str:
    """Return the value of an option as text; booleans as ``true`` and ``false``."""
    return str(value).lower() if isinstance(value, bool) else str(value)
