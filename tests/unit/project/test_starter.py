"""A new project: its files, its errors, and its atomic creation."""

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
from glue_secure.project import starter
from glue_secure.project.project_file import read
from glue_secure.project.starter import create, current_requirement, starter_files

RUFF = Path(sys.executable).with_name("ruff")
LINE = "glue-secure[demo]==0.1.0"


@pytest.fixture
def made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["init", "orders", "--requirement", LINE])
    assert done.exit_code == 0, done.output + repr(done.exception)
    assert "next: cd orders && python -m pytest" in done.stdout
    return tmp_path / "orders"


def test_the_project_is_complete_and_its_file_gives_a_template(made, tmp_path):
    files = {str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()}
    assert files == {
        ".github/workflows/test.yml", ".gitignore", "README.md", "glue_secure.toml", "jobs/carriers.py",
        "pyproject.toml", "requirements.txt", "tests/test_carriers.py",
    }  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["orders"]
    project = read(made / "glue_secure.toml")
    assert (project.name, list(project.jobs)) == ("orders", ["orders"])
    assert (made / project.jobs["orders"].script).is_file()
    assert LINE in (made / "requirements.txt").read_text().splitlines()
    template = ["template", "cloudformation", "--project", str(made / "glue_secure.toml")]
    assert "OrdersJob" in json.loads(CliRunner().invoke(app, template).stdout)["Resources"]


def test_the_project_passes_its_own_linter_and_ours(made):
    ours = ["--config", str(Path(__file__).parents[3] / "pyproject.toml")]
    for words in (["check"], ["format", "--check"], ["check", *ours], ["format", "--check", *ours]):
        done = subprocess.run(
            [RUFF, *words, "--no-cache", "."], cwd=made, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


def test_ci_runs_the_commands_of_the_readme(made):
    flow = yaml.safe_load((made / ".github/workflows/test.yml").read_text())
    assert flow["permissions"] == {"contents": "read"}
    runs = [step["run"] for step in flow["jobs"]["test"]["steps"] if "run" in step]
    readme = (made / "README.md").read_text()
    assert [command for command in runs if command in readme] == [
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
def test_a_name_that_is_invalid_for_buckets_or_jobs_is_rejected(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["init", "--", name])
    assert isinstance(done.exception, UsageError)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["abc", "x" * 31, "sthreeorders", "a-1"])
def test_the_shortest_and_longest_names_are_accepted(name):
    assert starter_files(name, LINE)


@pytest.mark.parametrize("line", ["", "  ", "glue-secure\nevil"])
def test_a_requirement_is_one_line(line):
    with pytest.raises(UsageError, match="requirement"):
        starter_files("orders", line)


def test_existing_files_and_folders_are_not_changed(tmp_path):
    files = starter_files("orders", LINE)
    file, full, link = tmp_path / "file", tmp_path / "full", tmp_path / "link"
    file.write_text("mine")
    full.mkdir()
    (full / ".hidden").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    link.symlink_to(tmp_path / "elsewhere")
    for path in (file, full, link):
        with pytest.raises(UsageError, match="exists already"):
            create(path, files)
    assert file.read_text() == "mine"
    assert [path.name for path in full.iterdir()] == [".hidden"]
    assert list((tmp_path / "elsewhere").iterdir()) == []
    (tmp_path / "empty").mkdir()
    create(tmp_path / "empty", files)
    assert (tmp_path / "empty" / "glue_secure.toml").is_file()


@pytest.mark.parametrize("fault", [OSError("no space"), KeyboardInterrupt()])
def test_no_file_remains_after_an_interrupted_creation(tmp_path, monkeypatch, fault):
    written = []

    def write(path, text, encoding):
        if len(written) == 3:
            raise fault
        written.append(path)

    monkeypatch.setattr(Path, "write_text", write)
    with pytest.raises((UsageError, KeyboardInterrupt)):
        create(tmp_path / "orders", starter_files("orders", LINE))
    assert len(written) == 3
    assert list(tmp_path.iterdir()) == []


def test_a_missing_parent_folder_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="FileNotFoundError"):
        create(tmp_path / "nowhere" / "orders", starter_files("orders", LINE))


def test_of_two_concurrent_creations_one_succeeds(tmp_path):
    gate, outcomes = threading.Barrier(2), []

    def attempt(line):
        gate.wait()
        try:
            create(tmp_path / "orders", starter_files("orders", line))
            outcomes.append(line)
        except UsageError:
            outcomes.append("refused")

    threads = [threading.Thread(target=attempt, args=(line,)) for line in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = set(outcomes) - {"refused"}
    assert sorted(outcomes) == sorted([winner, "refused"])
    assert winner in (tmp_path / "orders" / "requirements.txt").read_text().splitlines()
    assert [path.name for path in tmp_path.iterdir()] == ["orders"]


@pytest.mark.parametrize(
    ("text", "line", "described"),
    [
        (None, f"glue-secure[demo]=={starter.__version__}", "index"),
        ({"url": "https://x.example/g.git", "vcs_info": {"vcs": "git", "commit_id": "ab12"}},
         "glue-secure[demo] @ git+https://x.example/g.git@ab12", "commit"),
        ({"url": "file:///home/me/clone", "dir_info": {"editable": True}},
         "glue-secure[demo] @ file:///home/me/clone", "and CI, use"),
        ({"url": "https://x.example/g.whl", "archive_info": {}},
         "glue-secure[demo] @ https://x.example/g.whl", "archive"),
    ],
)  # fmt: skip
def test_the_requirement_is_the_source_of_the_running_copy(monkeypatch, text, line, described):
    class Installed:
        def read_text(self, name):
            assert name == "direct_url.json"
            return None if text is None else json.dumps(text)

    monkeypatch.setattr(starter, "installed", Installed)
    requirement, origin = current_requirement()
    assert requirement == line
    assert described in origin
    lines = starter_files("orders", requirement, origin)["requirements.txt"].splitlines()
    assert next(text for text in lines if not text.startswith("#")) == line
