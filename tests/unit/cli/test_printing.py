"""Output, questions and exit codes of all commands."""

import os

import pytest
import typer

from glue_secure.cli import app as commands
from glue_secure.cli import main, printing
from glue_secure.cli.progress import StepProgress
from glue_secure.core.errors import GlueSecureError, RefusedError, UsageError, VerificationError


def test_control_characters_and_markup_are_printed_literally(capsys):
    printing.print_line("a\x1b[2Jb")
    printing.print_table(["name"], [["[red]x[/red]\x07"]])
    assert capsys.readouterr().out.split() == ["a\\x1b[2Jb", "name", "[red]x[/red]\\x07"]


def test_without_a_terminal_a_confirmation_needs_yes(monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    printing.confirm("deploy", yes=True)
    with pytest.raises(UsageError, match="add --yes"):
        printing.confirm("deploy", yes=False)


def test_the_embedded_account_replaces_aws_variables_and_no_others(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("OTHER", "1")
    monkeypatch.setattr(printing.lifecycle, "status", lambda _: "account")
    monkeypatch.setattr(
        printing.environment,
        "overlay",
        lambda present, _: {**{n: v for n, v in present.items() if n != "AWS_PROFILE"}, "AWS_REGION": "x"},
    )
    monkeypatch.setenv("AWS_REGION", "before")
    monkeypatch.delenv("GLUE_SECURE_LOCAL_STATE", raising=False)
    printing.use_embedded_account(None)
    assert os.environ["AWS_REGION"] == "before"
    printing.use_embedded_account("state")
    assert (os.environ["AWS_REGION"], os.environ["OTHER"]) == ("x", "1")
    assert "AWS_PROFILE" not in os.environ


def test_the_state_variable_selects_the_embedded_account(monkeypatch, tmp_path):
    used = []
    monkeypatch.setattr(printing.environment, "use", used.append)
    monkeypatch.setenv("GLUE_SECURE_LOCAL_STATE", str(tmp_path))
    with pytest.raises(UsageError, match=f"not running in {tmp_path}, the folder of GLUE_SECURE_LOCAL_STATE"):
        printing.use_embedded_account(None)
    monkeypatch.setattr(printing.lifecycle, "status", lambda _: "account")
    printing.use_embedded_account(None)
    assert used == ["account"]


def test_progress_prints_lines_where_it_is_asked_to_and_none_otherwise(capsys):
    for lines in (False, True):
        with StepProgress(lines=lines) as progress:
            progress("step [1]")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "... step [1]\n")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (GlueSecureError("x"), 1),
        (UsageError("x", found="a", required="b"), 2),
        (RefusedError("GS-S3-004", resource="r", found="a", required="b", fix="c"), 3),
        (VerificationError("GS-S3-007", resource="r", found="a", required="b", fix="c"), 4),
        (KeyboardInterrupt(), 130),
        (typer.Exit(3), 3),
    ],
)
def test_an_error_becomes_its_message_and_exit_code(error, code, monkeypatch, capsys):
    def fail():
        raise error if not isinstance(error, typer.Exit) else SystemExit(error.exit_code)

    monkeypatch.setattr(commands, "app", fail)
    with pytest.raises(SystemExit) as exited:
        main.run()
    assert exited.value.code == code
    assert "Traceback" not in capsys.readouterr().err
