"""``glue-secure columns``: a new key from the embedded account, and sealed values back."""

from __future__ import annotations

import io
import json

import pytest

from glue_secure.aws.columns import ColumnSource
from glue_secure.cli.columns import decrypt, new_key
from glue_secure.columns.sealing import seal
from glue_secure.core.columns import ColumnPolicy
from glue_secure.core.errors import CannotVerify, GlueSecureError, UsageError
from glue_secure.local.clients import clients

RULE = '\n[[columns]]\ncolumn = "iban"\naction = "encrypt"\n'


@pytest.fixture
def policy(glue_account, foundation, tmp_path, capsys):
    new_key("people", foundation.data_key)
    path = tmp_path / "columns.toml"
    path.write_text(capsys.readouterr().out + RULE)
    return path


@pytest.fixture
def sealed(glue_account, policy):
    read = ColumnPolicy.parse(policy.read_text(), what="p")
    key = ColumnSource(clients=clients(glue_account)).open_key(read.key)
    return seal(["one", None, "tw\no"], data_key=key, policy="people", column="iban")


def typed(monkeypatch, lines):
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line or ''}\n" for line in lines)))


def test_what_was_sealed_under_a_new_key_is_decrypted_line_by_line(policy, sealed, monkeypatch, capsys):
    typed(monkeypatch, sealed)
    decrypt(str(policy), "iban")
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == ["one", None, "tw\no"]


def test_nothing_is_printed_when_one_value_does_not_open(policy, sealed, monkeypatch, capsys):
    typed(monkeypatch, [*sealed, "gsc1.AAAA"])
    with pytest.raises(GlueSecureError, match="value 4 of column iban"):
        decrypt(str(policy), "iban")
    assert capsys.readouterr().out == ""


def test_a_policy_under_another_name_does_not_open_the_key(policy, sealed, monkeypatch):
    policy.write_text(policy.read_text().replace('"people"', '"others"'))
    typed(monkeypatch, sealed)
    with pytest.raises(CannotVerify) as error:
        decrypt(str(policy), "iban")
    assert error.value.control == "GS-COL-002"


def test_a_policy_that_is_not_there_is_wrong_usage(glue_account, tmp_path):
    with pytest.raises(UsageError, match="none"):
        decrypt(str(tmp_path / "none.toml"), "iban")
