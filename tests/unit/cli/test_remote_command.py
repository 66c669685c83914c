"""``glue-secure run --remote``: an interruption does not stop the run, and usage errors."""

import pytest
import typer

from glue_secure.aws.job_runs import RunState
from glue_secure.cli import remote as remote_command
from glue_secure.core.errors import UsageError
from glue_secure.project.deploy import deployment_account, remote

RUN = remote.RemoteRun("daily", "jr_1", (), None)


@pytest.fixture
def account(monkeypatch):
    monkeypatch.setattr(deployment_account, "deployment_account", lambda: (object(), "1 in x (aws)"))
    monkeypatch.setattr(deployment_account, "job_runs", lambda: object())
    monkeypatch.setattr(deployment_account, "job_logs", lambda: object())


def command(*words, **options):
    remote_command.command(
        "daily",
        words,
        None,
        **{"follow": None, "stop": None, "session_policy": None, "as_json": False, **options},
    )


@pytest.mark.usefixtures("account")
def test_an_interrupt_does_not_stop_the_run_and_prints_how_to_follow_and_stop_it(monkeypatch, capsys):
    def interrupted(*_, **callbacks):
        callbacks["on_state"](RunState("RUNNING"))
        callbacks["on_line"]("a line\x1b[2J")
        raise KeyboardInterrupt

    monkeypatch.setattr(remote, "begin", lambda *_, **__: RUN)
    monkeypatch.setattr(remote, "follow", interrupted)
    with pytest.raises(typer.Exit) as ended:
        command()
    assert ended.value.exit_code == 130
    out, err = capsys.readouterr()
    assert out == "a line\\x1b[2J\n"
    assert "daily RUNNING" in err
    assert "glue-secure run --remote --follow jr_1 daily" in err
    assert "glue-secure run --remote --stop jr_1 daily" in err


@pytest.mark.usefixtures("account")
def test_an_interrupt_during_the_start_says_that_a_run_may_have_started(monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(remote, "begin", interrupted)
    with pytest.raises(typer.Exit):
        command()
    assert "may have started" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["s3://stray"], {}),
        (["--source", "x", "stray"], {}),
        (["--source", "x"], {"follow": "jr_1"}),
        ([], {"follow": "jr_1", "stop": "jr_1"}),
    ],
)
def test_invalid_words_are_rejected(words, options):
    with pytest.raises(UsageError, match="run --remote"):
        command(*words, **options)


def test_a_session_policy_is_for_a_new_run_and_its_file_must_exist(tmp_path):
    with pytest.raises(UsageError, match=r"--session-policy(.|\n)*a new run"):
        command(follow="jr_1", session_policy=tmp_path / "run.json")
    with pytest.raises(UsageError, match=r"run\.json"):
        command(session_policy=tmp_path / "run.json")


@pytest.mark.usefixtures("account")
def test_the_policy_of_the_file_is_given_to_the_run(monkeypatch, tmp_path):
    given = []

    def begin(*_, **options):
        given.append(options["policy"])
        raise KeyboardInterrupt

    monkeypatch.setattr(remote, "begin", begin)
    (tmp_path / "run.json").write_text('{ "Statement": [ {} ] }')
    with pytest.raises(typer.Exit):
        command(session_policy=tmp_path / "run.json")
    assert given == ['{"Statement":[{}]}']
