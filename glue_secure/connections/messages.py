"""Text of a connection that a message may show. Text of any other form may be a secret and is not shown."""

from __future__ import annotations

import re

NOT_SHOWN = "(not shown)"


def shown_name(text: str) -> str:
    """Return the name of an option or property, or ``(not shown)`` if it has an unusual form."""
    return text if re.fullmatch(r"[A-Za-z0-9._-]{1,60}", text) else NOT_SHOWN


def shown_value(text: str) -> str:
    """Return a value if it is a mode, a flag or a class name, else ``(not shown)``."""
    return text if re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{0,80}|[01]?", text) else NOT_SHOWN
