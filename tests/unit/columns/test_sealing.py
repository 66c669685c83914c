"""Tokens and sealed values: which are equal, and which cannot be decrypted."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue_secure.columns.sealing import PREFIX, seal, tokens, unseal
from glue_secure.core.errors import UsageError

KEY, OTHER = b"k" * 32, b"o" * 32
HOW = {"data_key": KEY, "policy": "p", "column": "email"}


def test_equal_values_have_equal_tokens_within_a_domain_only():
    a, b, none = tokens(["x", "x", None], data_key=KEY, domain="d")
    assert (a, none) == (b, None)
    assert tokens(["x"], data_key=KEY, domain="e") != [a]
    assert tokens(["x"], data_key=OTHER, domain="d") != [a]
    assert tokens(["dx"], data_key=KEY, domain="") != tokens(["x"], data_key=KEY, domain="d")


def test_a_token_is_as_documented():
    derived = hmac.digest(KEY, b"glue-secure columns 1 tokenise", "sha256")
    expected = hmac.new(derived, b"\x00\x00\x00\x01dx", hashlib.sha256).digest()
    assert tokens(["x"], data_key=KEY, domain="d") == [
        base64.urlsafe_b64encode(expected).decode().rstrip("=")
    ]


@given(st.lists(st.none() | st.text()), st.binary(min_size=32, max_size=32), st.text())
def test_tokens_are_the_standard_librarys_hmac(values, key, domain):
    named = domain.encode()
    derived = hmac.digest(key, b"glue-secure columns 1 tokenise", "sha256")
    begin = len(named).to_bytes(4, "big") + named
    assert tokens(values, data_key=key, domain=domain) == [
        value
        if value is None
        else base64.urlsafe_b64encode(hmac.digest(derived, begin + value.encode(), "sha256"))
        .decode()
        .rstrip("=")
        for value in values
    ]


@given(st.lists(st.none() | st.text()))
def test_sealed_values_decrypt_to_the_same_values(values):
    assert unseal(seal(values, **HOW), **HOW) == values


def test_equal_values_have_different_sealed_values():
    assert len(set(seal(["x"] * 100, **HOW) + seal(["x"] * 100, **HOW))) == 200


@pytest.mark.parametrize("other", [{"data_key": OTHER}, {"policy": "q"}, {"column": "phone"}])
def test_another_key_policy_or_column_cannot_decrypt_a_value(other):
    with pytest.raises(UsageError, match=r"value 1 of column .*\n.*cannot be decrypted"):
        unseal(seal(["secret"], **HOW), **(HOW | other))


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_a_changed_value_cannot_be_decrypted(at, change):
    (sealed,) = seal(["secret"], **HOW)
    raw = bytearray(base64.urlsafe_b64decode(sealed[len(PREFIX) :]))
    raw[at % len(raw)] ^= change
    with pytest.raises(UsageError) as error:
        unseal([PREFIX + base64.urlsafe_b64encode(raw).decode()], **HOW)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    "value", ["", "plain", "gsc1.", "gsc1.!!!!", "gsc1.AAAA", "gsc1." + "A" * 56, "gsc1.é", "gsc2.AAAA"]
)
def test_a_text_that_is_not_a_sealed_value_is_rejected(value):
    with pytest.raises(UsageError, match="not a sealed value, or is truncated"):
        unseal([value], **HOW)
