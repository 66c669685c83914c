"""Redaction of secrets in logs, errors and evidence."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any, TypeVar

_Value = TypeVar("_Value")

REDACTED = "*********(redacted)"

# Names whose values are always secrets, in the spelling of Hadoop, Spark, JDBC and Glue.
_SECRET_NAME = re.compile(
    r"passw|pwd|secret(?!_?id\b)|token|credential(?!s\.provider)|access[._-]?key|private[._-]?key|api[._-]?key|authorization",
    re.IGNORECASE,
)
# Names whose values are names of KMS keys, or key material (SSE-C, client-side encryption).
_KEY_NAME = re.compile(r"encryption[.-]key|cse\.kms|kms\.key", re.IGNORECASE)
_KMS_KEY = re.compile(
    r"(?:arn:aws[a-z-]*:kms:[a-z0-9-]{1,32}:\d{12}:(?:key|alias)/[A-Za-z0-9/_-]{1,256}"
    r"|alias/[A-Za-z0-9/_-]{1,256}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32}|)\Z"
)
# Values that are always secrets.
_SECRET_VALUE = re.compile(
    # Up to the last '@' of the word: a password that is not encoded may contain '@' and '/'. HOST:PORT/ is
    # not one.
    r"(?P<url>(?<=://)[^/\s:@?#]*:(?!\d{1,5}[/?#])[^\s\"'<>]{1,4096}(?=@))"
    r"|(?P<name>(?:passw(?:or)?d|passphrase|pwd|secret|token|(?:access|private|api|secret)[._-]?key|x-amz-signature"
    r"|authorization)[\"']?[ \t]*[=:][ \t]*)"
    r"(?:\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|\{[^}\n]*\}|(?:bearer|basic)[ \t]+\S|[^&;\s])[^&;\s]*"
    r"|(?P<aws>\b(?:AKIA|ASIA)[A-Z0-9]{16}\b)"
    r"|(?P<known>\bgh[pousr]_\w{36,}|\bxox[abeprs]-[\w-]{10,}|\bsk_live_\w{10,}|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+)"
    r"|(?P<pem>-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z))",
    re.IGNORECASE | re.DOTALL,
)
# Control characters without the line end, line separators, directions of writing, unpaired surrogates.
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def redacting_logger(name: str) -> logging.LoggerAdapter[logging.Logger]:
    """Return the logger of a module of this package, which redacts every message."""
    return _Redacting(logging.getLogger(name), {})


class _Redacting(logging.LoggerAdapter):  # type: ignore[type-arg]
    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Log the redacted message if the level is enabled."""
        if self.isEnabledFor(level):
            self.logger.log(level, "%s", redact_text(str(msg) % args if args else str(msg)), **kwargs)


class SecretOptions(dict[str, _Value]):
    """Options with a login, for ``**options``. ``repr`` and ``str`` show no secret.

    A copy (``dict(options)``, ``{**options}``) is an ordinary dictionary, and shows them.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        """Return the options as a dictionary, secret values replaced."""
        return repr({name: redact_setting(name, str(value)) for name, value in self.items()})

    __str__ = __repr__


def is_secret_name(name: str) -> bool:
    """Return whether the value of a setting with this name is a secret."""
    return _SECRET_NAME.search(name) is not None


def redact_text(text: str) -> str:
    """Return ``text`` without credentials in URLs, key-value pairs, access keys and private keys."""
    return _SECRET_VALUE.sub(lambda match: (match["name"] or "") + REDACTED, text)


def secret_kinds(text: str) -> frozenset[str]:
    """Return the kinds of secrets in a text: ``url``, ``name``, ``aws``, ``known`` and ``pem``."""
    return frozenset(match.lastgroup for match in _SECRET_VALUE.finditer(text) if match.lastgroup)


def escape_controls(text: str) -> str:
    """Return a text with its control characters escaped, except line ends.

    They could move the cursor of a terminal, and an error may contain the name of an object.
    """
    return _CONTROLS.sub(lambda match: repr(match[0])[1:-1], text)


def escape_unprintable(text: str) -> str:
    """Return a text with its control characters and line ends escaped."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def escape_surrogates(text: str) -> str:
    """Return a text with its lone surrogates escaped: JSON can contain them, and UTF-8 cannot encode them."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def shown_key(value: str) -> str:
    """Return the name of a KMS key. Any other value may be key material and is replaced."""
    return value if _KMS_KEY.match(value) else f"a value that is not the name of a KMS key, {REDACTED}"


def redact_settings(settings: Mapping[str, str]) -> dict[str, str]:
    """Return ``settings`` with secret values replaced, by name and by content."""
    return {name: redact_setting(name, value) for name, value in settings.items()}


def redact_setting(name: str, value: str) -> str:
    """Return the value of one setting, replaced if its name or its content makes it a secret."""
    if is_secret_name(name):
        return REDACTED
    return shown_key(value) if _KEY_NAME.search(name) else redact_text(value)
