"""Tokens (deterministic) and sealed values (randomised) under one data key. No Spark, no boto3.

Each use has a separate key, derived with HMAC-SHA256 as the pseudorandom function (NIST SP 800-108).
docs/threat-model.md describes what each mode reveals.
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
    """Return the HMAC-SHA256 of each value, as 43 characters of base64url.

    Equal values have equal tokens within a domain, in every table. Nulls stay null.
    """
    # The domain is prefixed with its length, so that two different pairs of domain and value never
    # concatenate to the same bytes.
    encoded = domain.encode()
    prefix = len(encoded).to_bytes(4, "big") + encoded
    inner_state, outer_state = _hmac_states(_derive(data_key, b"tokenise"), prefix)
    digests = bytearray()
    values = list(values)
    for value in values:
        if value is not None:
            inner, outer = inner_state(), outer_state()
            inner.update(value.encode("utf-8", "surrogatepass"))
            outer.update(inner.digest())
            digests += outer.digest() + b"\0"  # 33 bytes are 44 characters; the last is only the zero byte's
    text = base64.b64encode(digests).translate(_URL_SAFE).decode()
    return _with_nulls(values, (text[at : at + 43] for at in range(0, len(text), 44)))


def seal(values: Sequence[str | None], *, data_key: bytes, policy: str, column: str) -> list[str | None]:
    """Return each value encrypted with AES-256-GCM, bound to the policy's name and the column's path.

    Nulls stay null. The values of one call share a key that is derived from a random salt, so that the limit
    of 2**32 random nonces under one key (NIST SP 800-38D) applies to one call.
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
    """Return the values that :func:`seal` encrypted.

    Raises:
        UsageError: a text is not a sealed value, or it was changed, or sealed under another key, policy or
            column. The error names the value's position, not the value.
    """
    context, cipher_salt, cipher = _context(policy, column), b"", AESGCM(bytes(32))
    decrypted: list[str | None] = []
    for at, value in enumerate(values):
        if value is None:
            decrypted.append(None)
            continue
        raw = _raw(value, at, column)
        salt, nonce, body = raw[:_SALT], raw[_SALT : _SALT + _NONCE], raw[_SALT + _NONCE :]
        if salt != cipher_salt:  # consecutive values usually share a salt
            cipher_salt, cipher = salt, _cipher(data_key, salt)
        try:
            decrypted.append(cipher.decrypt(nonce, body, context).decode("utf-8", "surrogatepass"))
        except InvalidTag:
            raise UsageError(
                f"value {at + 1} of column {column}",
                found="a sealed value that cannot be decrypted: changed, or of another column, policy or key",
                required=f"a value sealed for {column} under the policy {policy} and its wrapped_key",
                fix="pass the column of the written value, and the policy with the digest in the evidence",
            ) from None
    return decrypted


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
            found="a text that is not a sealed value, or is truncated",
            required=f"{PREFIX} and base64url, as encrypt writes it; tokens cannot be decrypted",
        ) from None
    return raw


def _with_nulls(values: Sequence[str | None], results: Iterator[str]) -> list[str | None]:
    return [None if value is None else next(results) for value in values]


def _hmac_states(key: bytes, prefix: bytes) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Return functions that copy HMAC's two SHA-256 states, the inner one after ``prefix``.

    RFC 2104, section 4: the states depend on the key only, so that they are computed once and not for each
    value.
    """
    block = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
    inner.update(prefix)
    return inner.copy, hashlib.sha256(bytes(byte ^ 0x5C for byte in block)).copy


def _cipher(data_key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(_derive(data_key, b"encrypt" + salt))


def _derive(data_key: bytes, label: bytes) -> bytes:
    return hmac.digest(data_key, b"glue-secure columns 1 " + label, "sha256")


def _context(policy: str, column: str) -> bytes:
    return json.dumps(["glue-secure columns 1", policy, column.casefold()], separators=(",", ":")).encode()
