"""The one redactor: what logs, errors and evidence pass through."""

from __future__ import annotations

import re
from collections.abc import Mapping

REDACTED = "*********(redacted)"

# Names whose values are secrets whatever they hold, in Hadoop, Spark, JDBC and Glue spelling.
_SECRET_NAME = re.compile(
    r"passw|pwd|secret(?!_?id\b)|token|credential(?!s\.provider)|access[._-]?key|private[._-]?key|api[._-]?key|authorization",
    re.IGNORECASE,
)
# Values that are secrets whatever their name.
_SECRET_VALUE = re.compile(
    # Up to the last '@' of the word: a password that nobody encoded may hold '@' and '/'. HOST:PORT/ is none.
    r"(?P<url>(?<=://)[^/\s:@?#]*:(?!\d{1,5}[/?#])[^\s\"'<>]{1,4096}(?=@))"
    r"|(?P<name>(?:passw(?:or)?d|passphrase|pwd|secret|token|(?:access|private|api|secret)[._-]?key|x-amz-signature"
    r"|authorization)[\"']?[ \t]*[=:][ \t]*)"
    r"(?:\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|\{[^}\n]*\}|(?:bearer|basic)[ \t]+\S|[^&;\s])[^&;\s]*"
    r"|(?P<aws>\b(?:AKIA|ASIA)[A-Z0-9]{16}\b)"
    r"|(?P<pem>-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z))",
    re.IGNORECASE | re.DOTALL,
)


def is_secret_name(name: str) -> bool:
    """Whether a setting of this name holds a secret."""
    return _SECRET_NAME.search(name) is not None


def redact_text(text: str) -> str:
    """``text`` with embedded credentials replaced: in URLs, key-value pairs, access keys, private keys."""
    return _SECRET_VALUE.sub(lambda match: (match["name"] or "") + REDACTED, text)


def redact_settings(settings: Mapping[str, str]) -> dict[str, str]:
    """``settings`` with secret values replaced, by name first and by content second."""
    return {
        name: REDACTED if is_secret_name(name) else redact_text(value) for name, value in settings.items()
    }
