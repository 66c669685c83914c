"""``glue-secure run --remote``: interrupted, it leaves the run alone and says how to come back."""

import pytest
import typer

from glue_secure.aws.job_runs import RunState
from glue_secure.cli import remote as page
from glue_secure.core.errors import UsageError
from glue_secure.project.deploy import deployment_account, remote

RUN = remote.Remote("daily", "jr_1", (), None)


@pytest.fixture
def nobody(monkeypatch):
    monkeypatch.setattr(deployment_account, "deployment_account", lambda: (object(), "1 in x (aws)"))
    monkeypatch.setattr(deployment_account, "job_runs", lambda: object())
    monkeypatch.setattr(deployment_account, "job_logs", lambda: object())


def command(*words, **given):
    page.command("daily", words, None, **{"follow": None, "stop": None, "as_json": False, **given})


@pytest.mark.usefixtures("nobody")
def test_an_interrupt_leaves_the_run_and_says_how_to_follow_and_stop_it(monkeypatch, capsys):
    def interrupted(*_, **given):
        given["on_state"](RunState("RUNNING"))
        given["on_line"]("a line\x1b[2J")
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


@pytest.mark.usefixtures("nobody")
def test_an_interrupt_while_it_starts_says_that_it_may_have_begun(monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(remote, "begin", interrupted)
    with pytest.raises(typer.Exit):
        command()
    assert "may have begun" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "given"),
    [
        (["s3://stray"], {}),
        (["--source", "x", "stray"], {}),
        (["--source", "x"], {"follow": "jr_1"}),
        ([], {"follow": "jr_1", "stop": "jr_1"}),
    ],
)
def test_words_that_mean_nothing_are_refused(words, given):
    with pytest.raises(UsageError, match="run --remote"):
        command(*words, **given)
