"""A new project: what is in it, what it is refused for, and that it is there whole or not at all."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.core.errors import UsageError
from glue_secure.project import starter as room
from glue_secure.project.project_file import read
from glue_secure.project.starter import own_requirement, start, starter

RUFF = Path(sys.executable).with_name("ruff")
LINE = "glue-secure[demo]==0.1.0"


@pytest.fixture
def made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["init", "orders", "--requirement", LINE])
    assert done.exit_code == 0, done.output + repr(done.exception)
    assert "next: cd orders && python -m pytest" in done.stdout
    return tmp_path / "orders"


def test_the_project_has_all_that_it_needs_and_its_file_makes_a_template(made, tmp_path):
    there = {str(one.relative_to(made)) for one in made.rglob("*") if one.is_file()}
    assert there == {
        ".github/workflows/test.yml", ".gitignore", "README.md", "glue_secure.toml", "jobs/carriers.py",
        "pyproject.toml", "requirements.txt", "tests/test_carriers.py",
    }  # fmt: skip
    assert [one.name for one in tmp_path.iterdir()] == ["orders"]
    project = read(made / "glue_secure.toml")
    assert (project.name, list(project.jobs)) == ("orders", ["orders"])
    assert (made / project.jobs["orders"].script).is_file()
    assert LINE in (made / "requirements.txt").read_text().splitlines()
    template = ["template", "cloudformation", "--project", str(made / "glue_secure.toml")]
    assert "OrdersJob" in json.loads(CliRunner().invoke(app, template).stdout)["Resources"]


def test_the_project_is_clean_for_its_own_linter_and_for_ours(made):
    ours = ["--config", str(Path(__file__).parents[3] / "pyproject.toml")]
    for words in (["check"], ["format", "--check"], ["check", *ours], ["format", "--check", *ours]):
        done = subprocess.run(
            [RUFF, *words, "--no-cache", "."], cwd=made, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


def test_ci_runs_what_the_readme_says(made):
    flow = yaml.safe_load((made / ".github/workflows/test.yml").read_text())
    assert flow["permissions"] == {"contents": "read"}
    runs = [step["run"] for step in flow["jobs"]["test"]["steps"] if "run" in step]
    readme = (made / "README.md").read_text()
    assert [one for one in runs if one in readme] == [
        "python -m pip install -r requirements.txt",
        "python -m pytest",
        "glue-secure template cloudformation --out build/template.json",
    ]
    assert len(runs) == 4


@pytest.mark.parametrize(
    "name",
    ["", "a", "ab", "Orders", "orders_daily", "-x", "x-", "a--b", "1st", "../up", "a/b", ".", "a b",
     "x" * 32, "sthree-orders", "sthree", "amzn-s3-demo", "ördér", "orders\n"],
)  # fmt: skip
def test_a_name_that_buckets_or_jobs_could_not_have_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["init", "--", name])
    assert isinstance(done.exception, UsageError)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["abc", "x" * 31, "sthreeorders", "a-1"])
def test_a_name_at_the_edge_is_taken(name):
    assert starter(name, LINE)


@pytest.mark.parametrize("line", ["", "  ", "glue-secure\nevil"])
def test_a_requirement_is_one_line(line):
    with pytest.raises(UsageError, match="requirement"):
        starter("orders", line)


def test_what_is_there_already_is_not_touched(tmp_path):
    files = starter("orders", LINE)
    file, full, link = tmp_path / "file", tmp_path / "full", tmp_path / "link"
    file.write_text("mine")
    full.mkdir()
    (full / ".hidden").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    link.symlink_to(tmp_path / "elsewhere")
    for path in (file, full, link):
        with pytest.raises(UsageError, match="there already"):
            start(path, files)
    assert file.read_text() == "mine"
    assert [one.name for one in full.iterdir()] == [".hidden"]
    assert list((tmp_path / "elsewhere").iterdir()) == []
    (tmp_path / "empty").mkdir()
    start(tmp_path / "empty", files)
    assert (tmp_path / "empty" / "glue_secure.toml").is_file()


@pytest.mark.parametrize("fault", [OSError("no space"), KeyboardInterrupt()])
def test_nothing_is_left_when_it_ends_in_the_middle(tmp_path, monkeypatch, fault):
    written = []

    def write(path, text, encoding):
        if len(written) == 3:
            raise fault
        written.append(path)

    monkeypatch.setattr(Path, "write_text", write)
    with pytest.raises((UsageError, KeyboardInterrupt)):
        start(tmp_path / "orders", starter("orders", LINE))
    assert len(written) == 3
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_said(tmp_path):
    with pytest.raises(UsageError, match="FileNotFoundError"):
        start(tmp_path / "nowhere" / "orders", starter("orders", LINE))


def test_of_two_at_once_one_wins_and_the_other_is_refused(tmp_path):
    gate, outcomes = threading.Barrier(2), []

    def one(line):
        gate.wait()
        try:
            start(tmp_path / "orders", starter("orders", line))
            outcomes.append(line)
        except UsageError:
            outcomes.append("refused")

    threads = [threading.Thread(target=one, args=(line,)) for line in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = set(outcomes) - {"refused"}
    assert sorted(outcomes) == sorted([winner, "refused"])
    assert winner in (tmp_path / "orders" / "requirements.txt").read_text().splitlines()
    assert [path.name for path in tmp_path.iterdir()] == ["orders"]


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        (None, f"glue-secure[demo]=={room.__version__}", "index"),
        ({"url": "https://x.example/g.git", "vcs_info": {"vcs": "git", "commit_id": "ab12"}},
         "glue-secure[demo] @ git+https://x.example/g.git@ab12", "commit"),
        ({"url": "file:///home/me/clone", "dir_info": {"editable": True}},
         "glue-secure[demo] @ file:///home/me/clone", "in CI, name"),
        ({"url": "https://x.example/g.whl", "archive_info": {}},
         "glue-secure[demo] @ https://x.example/g.whl", "archive"),
    ],
)  # fmt: skip
def test_the_requirement_says_where_the_running_copy_came_from(monkeypatch, text, line, told):
    class Installed:
        def read_text(self, name):
            assert name == "direct_url.json"
            return None if text is None else json.dumps(text)

    monkeypatch.setattr(room, "installed", Installed)
    requirement, origin = own_requirement()
    assert requirement == line
    assert told in origin
    lines = starter("orders", requirement, origin)["requirements.txt"].splitlines()
    assert next(one for one in lines if not one.startswith("#")) == line
