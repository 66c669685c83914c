"""Wrong command lines, files and AWS settings end with a message and an exit code, without a traceback."""

import json
import os
import socket
import subprocess
import sys

import boto3
import pytest
from botocore.config import Config

from glue_secure import __version__
from glue_secure.cli.main import run
from glue_secure.core.errors import UsageError
from glue_secure.embedded import launch
from glue_secure.governance.lakeformation.file import parse

DIGITS = "9" * 5000
DEEP = "[" * 100_000 + "]" * 100_000
FILES = {
    "digits.toml": f"a = {DIGITS}\n",
    "deep.toml": f"a = {DEEP}\n",
    "digits.json": f'{{"a": {DIGITS}}}',
    "deep.json": '{"a":' * 50_000 + "1" + "}" * 50_000,
    "plain.txt": "x",
    "job.py": "print(1)\n",
}
AWS = {
    "AWS_ACCESS_KEY_ID": "example",
    "AWS_SECRET_ACCESS_KEY": "example",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """``command(*words, **environment)``: the exit code and standard error of the console script."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "GLUE_SECURE")):
            monkeypatch.delenv(name)
    for name, value in {**AWS, "AWS_CONFIG_FILE": str(tmp_path / "none")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)

    def call(*words, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["glue-secure", *words])
        with pytest.raises(SystemExit) as ended:
            run()
        text = capsys.readouterr().err
        assert text
        assert "Traceback" not in text
        return ended.value.code, text

    return call


COMMANDS = [("catalog", "plan"), ("bookmark", "show", "j"), ("preflight", "--job-name", "j")]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({"AWS_PROFILE": "nope"}, "the AWS configuration"),
        ({"AWS_ENDPOINT_URL": "not a url"}, "Invalid endpoint"),
        ({"AWS_ENDPOINT_URL": "https://[::1"}, "https://HOST"),
        ({"AWS_ENDPOINT_URL": "https://127.0.0.1:99999"}, "Port out of range"),
        ({"AWS_DEFAULT_REGION": "no region!"}, "no region!"),
    ],
    ids=["profile", "no URL", "open bracket", "port", "region"],
)
def test_aws_settings_that_cannot_be_used_are_named(command, words, environment, found):
    code, text = command(*words, **environment)
    assert (code, found in text) == (2, True), text


def test_a_request_without_an_answer_is_one_line_and_exit_code_4(command):
    endpoint = "https://127.0.0.1:1"
    code, text = command("catalog", "plan", AWS_ENDPOINT_URL=endpoint, AWS_MAX_ATTEMPTS="1")
    assert (code, text.count("\n")) == (4, 1)
    assert "GetCallerIdentity" in text


def test_missing_credentials_are_named_with_the_way_to_get_them(command):
    code, text = command("catalog", "plan", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert (code, text.splitlines()[0]) == (2, "no AWS credentials")
    assert "fix:      export AWS_PROFILE=NAME" in text


@pytest.mark.parametrize("name", ["digits.toml", "deep.toml", "digits.json", "deep.json", "plain.txt"])
@pytest.mark.parametrize(
    "words",
    [
        ("lakeformation", "apply", "--plan"),
        ("quality", "convert"),
        ("template", "terraform", "--project"),
        ("deploy", "--project"),
    ],
    ids=" ".join,
)
def test_files_that_python_cannot_parse_are_named(command, words, name):
    code, text = command(*words, name)
    assert code in (2, 3), text


@pytest.mark.parametrize("name", ["digits.toml", "deep.toml", "digits.json", "deep.json"])
def test_permissions_files_that_python_cannot_parse_are_named(name):
    with pytest.raises(UsageError, match=name):
        parse(FILES[name], name, as_json=name.endswith("json"))


@pytest.mark.parametrize("state", ["plain.txt", "plain.txt/below", "/proc/nothing"])
@pytest.mark.parametrize("words", [("local", "up"), ("run", "job.py"), ("demo",)], ids=" ".join)
def test_a_state_folder_that_cannot_be_one_is_named(command, words, state):
    code, text = command(words[0], *words[1:2], "--state", state, *words[2:])
    assert code == 2, text


@pytest.mark.parametrize("number", [DIGITS, "-1", "1e5"], ids=["many digits", "negative", "float"])
def test_numbers_that_are_none_are_rejected(command, number):
    code, _ = command("bookmark", "rewind", "j", "--to-sequence", number, "--yes")
    assert code in (2, 4)


def test_control_characters_of_a_name_are_escaped(command):
    _, text = command("bookmark", "show", "j", "--uri", "s3://b/\x1b[31m\u202e")
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_an_account_that_stops_during_a_run_is_one_line_and_exit_code_4(command, monkeypatch):
    """What the script prints about it stands above that line."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"https://127.0.0.1:{server.getsockname()[1]}"
    settings = Config(retries={"total_max_attempts": 1})
    submission = launch.Submission(("true",), {}, "jr_1", "job", "s3://evidence/runs/")
    monkeypatch.setattr("glue_secure.cli.run.running_account", lambda _state: None)
    monkeypatch.setattr(launch, "prepare", lambda *_, **__: submission)
    monkeypatch.setattr(launch, "run", lambda _, **__: subprocess.CompletedProcess(("true",), 4))
    monkeypatch.setattr(
        launch,
        "clients",
        lambda _account: lambda name: boto3.client(name, endpoint_url=endpoint, config=settings),
    )
    code, text = command("run", "job.py", "--JOB_NAME", "job")
    assert code == 4
    (line,) = text.splitlines()
    assert line.startswith("cannot verify: the embedded account stopped during the run, whose exit code is 4")


def test_the_document_of_an_error_has_its_parts(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["glue-secure", "controls", "show", "GS-XX-001", "--json"])
    with pytest.raises(SystemExit):
        run()
    error = json.loads(capsys.readouterr().out)["error"]
    assert error.pop("message").startswith("controls show")
    assert error == {
        "type": "UsageError",
        "exit_code": 2,
        "resource": "controls show",
        "found": "GS-XX-001",
        "required": "the id of a control, or of a check that maps to one",
        "fix": "glue-secure controls list",
    }


@pytest.mark.parametrize("words", [["--version"], ["version"]])
def test_the_version_is_printed(monkeypatch, capsys, words):
    monkeypatch.setattr(sys, "argv", ["glue-secure", *words])
    with pytest.raises(SystemExit) as ended:
        run()
    assert (ended.value.code, capsys.readouterr().out) == (0, f"{__version__}\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_commands_are_completed_in_every_shell(shell):
    line = {
        "_GLUE_SECURE_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": "glue-secure evi",
        "COMP_CWORD": "1",
        "_TYPER_COMPLETE_ARGS": "glue-secure evi",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    script = "import sys; sys.argv = ['glue-secure']; from glue_secure.cli.main import run; run()"
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, **line}, capture_output=True, text=True, check=True
    )
    assert "evidence" in done.stdout


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(28, "No space left on device"), "No space left on device\n"),
        (OSError(30, "Read-only file system", "out.json"), "out.json: Read-only file system\n"),
        (OSError(98, "Address already in use"), "Address already in use\n"),
        (PermissionError(13, "Permission denied", "/state"), "/state: Permission denied\n"),
    ],
)
def test_an_error_of_the_operating_system_is_one_line(command, monkeypatch, error, text):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("glue_secure.cli.printing.print_table", fail)
    assert command("controls", "list") == (1, text)


@pytest.mark.parametrize(
    ("target", "expected"),
    [("/dev/full", "No space left on device\n"), ("pipe", "")],
)
@pytest.mark.parametrize("words", [("controls", "list"), ("version",)], ids=" ".join)
def test_output_that_cannot_be_written_is_one_line(words, target, expected):
    script = (
        f"import sys; sys.argv = ['glue-secure', *{words!r}]; from glue_secure.cli.main import run; run()"
    )
    if target == "pipe":
        reading, writing = os.pipe()
        os.close(reading)
    else:
        writing = os.open(target, os.O_WRONLY)
    done = subprocess.run([sys.executable, "-c", script], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, expected)
