"""SQL statements that a script passes in one text, separated by semicolons."""

from __future__ import annotations

import re

# Quoted texts, quoted names, dollar quotes and comments, whose semicolons separate nothing.
_PART = re.compile(
    r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"]|\"\")*\"|(\$\w*\$).*?\1|--[^\n]*|/\*.*?\*/|;|[^;'\"$/-]+|.", re.DOTALL
)


def split_statements(text: str) -> tuple[str, ...]:
    """Return the statements of a text, without empty ones."""
    statements, current = [], ""
    for match in _PART.finditer(text):
        if match[0] == ";":
            statements.append(current)
            current = ""
        else:
            current += match[0]
    return tuple(each.strip() for each in (*statements, current) if each.strip())
