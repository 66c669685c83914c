"""The plan of a deployment on a terminal and in a pipe."""

import re
from types import SimpleNamespace

import pytest

from glue_secure.cli.deploy import show
from glue_secure.project.deploy import Change, DeploymentPlan
from glue_secure.project.deploy.plan import CREATE, KEEP, UPDATE, UPLOAD

PLAN = DeploymentPlan(
    SimpleNamespace(name="orders"),
    SimpleNamespace(),
    (
        Change(KEEP, "security configuration", "orders-strict"),
        Change(UPLOAD, "object", "s3://acme-artifacts/scripts/daily.py", (("sha256", "", "5f0c"),)),
        Change(UPDATE, "job", "daily", (("Timeout", "60", "[red]90\x1b[2J"),)),
        Change(CREATE, "job", "hourly"),
    ),
)
PLAIN = """\
  keep   security configuration orders-strict
+ upload object s3://acme-artifacts/scripts/daily.py
      sha256: - -> 5f0c
~ update job daily
      Timeout: 60 -> [red]90\\x1b[2J
+ create job hourly
3 to change, 1 unchanged
"""
GREEN, YELLOW, RED = "\x1b[32m", "\x1b[33m", "\x1b[31m"


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")


def test_a_plan_in_a_pipe_is_plain(capsys, monkeypatch):
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    show(PLAN)
    assert capsys.readouterr().out == PLAIN


@pytest.mark.usefixtures("terminal")
def test_a_plan_on_a_terminal_has_the_same_text_in_colours(capsys):
    show(PLAN)
    shown = capsys.readouterr().out
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown) == PLAIN
    lines = shown.splitlines()
    assert lines[1].startswith(f"{GREEN}+ upload")
    assert lines[3].startswith(f"{YELLOW}~ update")
    assert f"{RED}60\x1b[0m" in lines[4]
    assert f"{GREEN}[red]90" in lines[4]


@pytest.mark.usefixtures("terminal")
def test_no_color_makes_a_plan_on_a_terminal_plain(capsys, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    show(PLAN)
    assert capsys.readouterr().out == PLAIN
