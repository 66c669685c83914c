"""The one redactor: what logs, errors and evidence pass through."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

REDACTED = "*********(redacted)"

# Names whose values are secrets whatever they hold, in Hadoop, Spark, JDBC and Glue spelling.
_SECRET_NAME = re.compile(
    r"passw|pwd|secret(?!_?id\b)|token|credential(?!s\.provider)|access[._-]?key|private[._-]?key|api[._-]?key|authorization",
    re.IGNORECASE,
)
# Names whose values are KMS key names when all is well, and key material (SSE-C, client side) when not.
_KEY_NAME = re.compile(r"encryption[.-]key|cse\.kms|kms\.key", re.IGNORECASE)
_KMS_KEY = re.compile(
    r"(?:arn:aws[a-z-]*:kms:[a-z0-9-]{1,32}:\d{12}:(?:key|alias)/[A-Za-z0-9/_-]{1,256}"
    r"|alias/[A-Za-z0-9/_-]{1,256}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32}|)\Z"
)
# Values that are secrets whatever their name.
_SECRET_VALUE = re.compile(
    # Up to the last '@' of the word: a password that nobody encoded may hold '@' and '/'. HOST:PORT/ is none.
    r"(?P<url>(?<=://)[^/\s:@?#]*:(?!\d{1,5}[/?#])[^\s\"'<>]{1,4096}(?=@))"
    r"|(?P<name>(?:passw(?:or)?d|passphrase|pwd|secret|token|(?:access|private|api|secret)[._-]?key|x-amz-signature"
    r"|authorization)[\"']?[ \t]*[=:][ \t]*)"
    r"(?:\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|\{[^}\n]*\}|(?:bearer|basic)[ \t]+\S|[^&;\s])[^&;\s]*"
    r"|(?P<aws>\b(?:AKIA|ASIA)[A-Z0-9]{16}\b)"
    r"|(?P<known>\bgh[pousr]_\w{36,}|\bxox[abeprs]-[\w-]{10,}|\bsk_live_\w{10,}|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+)"
    r"|(?P<pem>-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z))",
    re.IGNORECASE | re.DOTALL,
)


def redacting_logger(name: str) -> logging.LoggerAdapter[logging.Logger]:
    """The logger of a module of this package: what it says passes the redactor."""
    return _Redacting(logging.getLogger(name), {})


class _Redacting(logging.LoggerAdapter):  # type: ignore[type-arg]
    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Said when somebody listens."""
        if self.isEnabledFor(level):
            self.logger.log(level, "%s", redact_text(str(msg) % args if args else str(msg)), **kwargs)


def is_secret_name(name: str) -> bool:
    """Whether a setting of this name holds a secret."""
    return _SECRET_NAME.search(name) is not None


def redact_text(text: str) -> str:
    """``text`` with embedded credentials replaced: in URLs, key-value pairs, access keys, private keys."""
    return _SECRET_VALUE.sub(lambda match: (match["name"] or "") + REDACTED, text)


def shown_key(value: str) -> str:
    """The name of a KMS key as it is; anything else may be key material and is not shown."""
    return value if _KMS_KEY.match(value) else f"a value that names no KMS key, {REDACTED}"


def redact_settings(settings: Mapping[str, str]) -> dict[str, str]:
    """``settings`` with secret values replaced, by name first and by content second."""
    return {name: redact_setting(name, value) for name, value in settings.items()}


def redact_setting(name: str, value: str) -> str:
    """The value of one setting, replaced when its name or its content makes it a secret."""
    if is_secret_name(name):
        return REDACTED
    return shown_key(value) if _KEY_NAME.search(name) else redact_text(value)
