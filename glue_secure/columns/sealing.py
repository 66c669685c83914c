"""Tokens (deterministic) and sealed values (randomised) under one data key.

Each use has a key of its own, derived with HMAC-SHA256 as a pseudorandom function (NIST SP 800-108).
What each mode gives away stands in docs/threat-model.md.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from glue_secure.core.errors import UsageError

PREFIX = "gsc1."
_SALT, _NONCE, _TAG = 16, 12, 16
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def tokens(values: Iterable[str | None], *, data_key: bytes, domain: str) -> list[str | None]:
    """HMAC-SHA256 of each value, 43 characters of base64url: equal within a domain, whatever the table.

    A null stays null.
    """
    # The domain's length goes before it, so that no domain and value read as another pair.
    named = domain.encode()
    first, second = _hmac_states(_derived(data_key, b"tokenise"), len(named).to_bytes(4, "big") + named)
    digests = bytearray()
    given = list(values)
    for value in given:
        if value is not None:
            inner, outer = first(), second()
            inner.update(value.encode("utf-8", "surrogatepass"))
            outer.update(inner.digest())
            digests += outer.digest() + b"\0"  # 33 bytes are 44 characters, the last one the zero's
    text = base64.b64encode(digests).translate(_URL_SAFE).decode()
    return _with_nulls(given, (text[at : at + 43] for at in range(0, len(text), 44)))


def seal(values: Sequence[str | None], *, data_key: bytes, policy: str, column: str) -> list[str | None]:
    """AES-256-GCM of each value, bound to the policy's name and the column's path; a null stays null.

    The values of one call share a key that is derived from a random salt: GCM's bound of 2**32 random
    nonces under one key (NIST SP 800-38D) holds for a call, not for everything ever written.
    """
    salt = os.urandom(_SALT)
    cipher, context = _cipher(data_key, salt), _context(policy, column)
    nonces = os.urandom(_NONCE * len(values))

    def sealed(at: int, value: str) -> str:
        nonce = nonces[at * _NONCE : (at + 1) * _NONCE]
        body = cipher.encrypt(nonce, value.encode("utf-8", "surrogatepass"), context)
        return PREFIX + base64.urlsafe_b64encode(salt + nonce + body).decode()

    return [None if value is None else sealed(at, value) for at, value in enumerate(values)]


def unseal(values: Iterable[str | None], *, data_key: bytes, policy: str, column: str) -> list[str | None]:
    """What :func:`seal` sealed.

    Raises:
        UsageError: a value that is none, or was sealed by another key, for another policy or column, or has
            been changed. No value is told.
    """
    context, ciphers = _context(policy, column), (b"", AESGCM(bytes(32)))
    opened: list[str | None] = []
    for at, value in enumerate(values):
        if value is None:
            opened.append(None)
            continue
        raw = _raw(value, at, column)
        salt, nonce, body = raw[:_SALT], raw[_SALT : _SALT + _NONCE], raw[_SALT + _NONCE :]
        if salt != ciphers[0]:  # neighbours share a salt
            ciphers = (salt, _cipher(data_key, salt))
        try:
            opened.append(ciphers[1].decrypt(nonce, body, context).decode("utf-8", "surrogatepass"))
        except InvalidTag:
            raise UsageError(
                f"value {at + 1} of column {column}",
                found="a sealed value that does not open: of another column, policy or key, or changed since",
                required=f"one that was sealed for {column} under the policy {policy} and its wrapped_key",
                fix="name the column as the run's evidence does, and the policy whose digest stands there",
            ) from None
    return opened


def _raw(value: str, at: int, column: str) -> bytes:
    try:
        if not value.startswith(PREFIX):
            raise ValueError
        raw = base64.b64decode(value[len(PREFIX) :].encode("ascii"), altchars=b"-_", validate=True)
        if len(raw) < _SALT + _NONCE + _TAG:
            raise ValueError
    except ValueError:
        raise UsageError(
            f"value {at + 1} of column {column}",
            found="text that was never sealed, or is cut off",
            required=f"{PREFIX} and base64url, as encrypt writes it; a token does not open at all",
        ) from None
    return raw


def _with_nulls(values: Sequence[str | None], made: Iterator[str]) -> list[str | None]:
    return [None if value is None else next(made) for value in values]


def _hmac_states(key: bytes, begin: bytes) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Copies of the two SHA-256 states that HMAC begins with, ``begin`` taken in already.

    RFC 2104, section 4: they are the key's alone, so that they are made once and not for each value.
    """
    block = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
    inner.update(begin)
    return inner.copy, hashlib.sha256(bytes(byte ^ 0x5C for byte in block)).copy


def _cipher(data_key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(_derived(data_key, b"encrypt" + salt))


def _derived(data_key: bytes, label: bytes) -> bytes:
    return hmac.digest(data_key, b"glue-secure columns 1 " + label, "sha256")


def _context(policy: str, column: str) -> bytes:
    return json.dumps(["glue-secure columns 1", policy, column.casefold()], separators=(",", ":")).encode()
