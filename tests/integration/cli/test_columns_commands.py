"""``glue-secure columns``: a new key from the embedded account, and decryption of sealed values."""

from __future__ import annotations

import io
import json

import pytest

from glue_secure.aws.columns import ColumnSource
from glue_secure.cli.columns import decrypt, new_key
from glue_secure.cli.progress import StepProgress
from glue_secure.columns.policy import ColumnPolicy
from glue_secure.columns.sealing import seal
from glue_secure.core.errors import GlueSecureError, UsageError, VerificationError
from glue_secure.core.service import ServiceError
from glue_secure.embedded.clients import clients

RULE = '\n[[columns]]\ncolumn = "iban"\naction = "encrypt"\n'


@pytest.fixture
def policy(glue_account, provisioned, tmp_path, capsys):
    new_key("people", provisioned.data_key)
    path = tmp_path / "columns.toml"
    path.write_text(capsys.readouterr().out + RULE)
    return path


@pytest.fixture
def sealed(glue_account, policy):
    parsed = ColumnPolicy.parse(policy.read_text(), source="p")
    key = ColumnSource(clients=clients(glue_account)).open_key(parsed.key)
    return seal(["one", None, "tw\no"], data_key=key, policy="people", column="iban")


def type_lines(monkeypatch, lines):
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line or ''}\n" for line in lines)))


def test_values_sealed_under_a_new_key_are_decrypted_line_by_line(policy, sealed, monkeypatch, capsys):
    type_lines(monkeypatch, sealed)
    decrypt(str(policy), "iban")
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == ["one", None, "tw\no"]


def test_nothing_is_printed_if_one_value_cannot_be_decrypted(policy, sealed, monkeypatch, capsys):
    type_lines(monkeypatch, [*sealed, "gsc1.AAAA"])
    with pytest.raises(GlueSecureError, match="value 4 of column iban"):
        decrypt(str(policy), "iban")
    assert capsys.readouterr().out == ""


def test_a_large_input_shows_its_progress(policy, sealed, monkeypatch, capsys):
    monkeypatch.setattr("glue_secure.cli.columns._PROGRESS_INTERVAL", 2)
    type_lines(monkeypatch, sealed)
    steps = []
    monkeypatch.setattr(StepProgress, "__call__", lambda _, step: steps.append(step))
    decrypt(str(policy), "iban")
    assert steps == ["reading", "2 values decrypted"]
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_without_a_terminal_only_values_are_printed(policy, sealed, monkeypatch, capsys):
    monkeypatch.setattr("glue_secure.cli.columns._PROGRESS_INTERVAL", 1)
    type_lines(monkeypatch, sealed)
    decrypt(str(policy), "iban")
    assert capsys.readouterr().err == ""


def test_a_denied_decryption_names_the_missing_permission(policy, sealed, monkeypatch, capsys):
    def denied(*_):
        raise ServiceError("not authorized", code="AccessDeniedException", operation="Decrypt")

    monkeypatch.setattr(ColumnSource, "open_key", denied)
    type_lines(monkeypatch, sealed)
    with pytest.raises(VerificationError) as error:
        decrypt(str(policy), "iban")
    assert (error.value.control, error.value.exit_code) == ("GS-COL-002", 4)
    assert error.value.aws_code == "AccessDeniedException"
    assert (
        "kms:Decrypt on the key, with the encryption context glue-secure:policy = people" in error.value.fix
    )
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("column", "lines", "found"),
    [
        ("phone", [], "cannot be decrypted: changed, or of another column"),
        ("iban", ["gsc1.AAAA"], "truncated"),
        ("iban", ["plain text"], "not a sealed value"),
        ("iban", ["\udcff"], "not a sealed value"),
    ],
)
def test_another_column_and_invalid_text_have_different_errors(
    policy, sealed, monkeypatch, column, lines, found
):
    type_lines(monkeypatch, [*lines, *sealed])
    with pytest.raises(UsageError) as error:
        decrypt(str(policy), column)
    assert found in error.value.found
    assert f"value 1 of column {column}" in str(error.value)


def test_values_of_another_key_cannot_be_decrypted(
    policy, sealed, provisioned, tmp_path, monkeypatch, capsys
):
    new_key("people", provisioned.data_key)
    other = tmp_path / "other.toml"
    other.write_text(capsys.readouterr().out + RULE)
    type_lines(monkeypatch, sealed)
    with pytest.raises(UsageError, match="cannot be decrypted"):
        decrypt(str(other), "iban")


def test_bytes_that_are_not_utf_8_are_rejected(policy, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\n"), encoding="utf-8"))
    with pytest.raises(UsageError, match="not UTF-8"):
        decrypt(str(policy), "iban")


def test_a_renamed_policy_cannot_decrypt_its_key(policy, sealed, monkeypatch):
    policy.write_text(policy.read_text().replace('"people"', '"others"'))
    type_lines(monkeypatch, sealed)
    with pytest.raises(VerificationError) as error:
        decrypt(str(policy), "iban")
    assert error.value.control == "GS-COL-002"
    assert "columns new-key printed together" in error.value.fix


def test_a_missing_policy_file_is_a_usage_error(glue_account, tmp_path):
    with pytest.raises(UsageError, match="none"):
        decrypt(str(tmp_path / "none.toml"), "iban")
