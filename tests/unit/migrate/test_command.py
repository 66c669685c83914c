"""The command ``migrate``: report, check, difference, and edits that never damage a file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.core.errors import UsageError
from glue_secure.migrate import folder
from glue_secure.migrate.model import RULES
from glue_secure.migrate.script import LINE

JOB = """\
from awsglue.context import GlueContext
from pyspark.context import SparkContext

context = GlueContext(SparkContext.getOrCreate())
"""
SHARED = (
    "from pyspark.sql import SparkSession\n\ndef session():\n    return SparkSession.builder.getOrCreate()\n"
)
HELPER = "from awsglue.dynamicframe import DynamicFrame\n\ndef clean(frame):\n    return frame\n"


@pytest.fixture
def scripts(tmp_path):
    files = {
        "jobs/a.py": JOB,
        "jobs/uses_helper.py": "from lib.helper import clean\n\nclean(1)\n",
        "jobs/lib/__init__.py": "",
        "jobs/lib/helper.py": HELPER,
        "jobs/lib/shared.py": SHARED,
        "jobs/decide.py": f"{LINE}\n{JOB}spark.read.jdbc(url, 'x')\n",
        "jobs/other.py": "print('<b>')\n",
        "jobs/.venv/x.py": JOB,
        "jobs/._a.py": "\0",  # attributes of a.py, which macOS adds to archives
        "env/pyvenv.cfg": "",
        "env/y.py": JOB,
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.fixture
def call(scripts, monkeypatch):
    monkeypatch.chdir(scripts)

    def run(*words):
        result = CliRunner().invoke(app, ["migrate", *words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stdout

    return run


def test_the_report_has_each_result_and_changes_no_file(call, scripts):
    before = {path: path.read_bytes() for path in scripts.rglob("*.py")}
    code, text = call(".")
    assert code == 0
    assert "jobs/a.py:1: to change: " in text
    assert "jobs/decide.py:6: decide: Spark's JDBC source" in text
    assert "7 scripts: 2 runs as is, 2 to rewrite, 1 needs a decision, 2 not a Glue script" in text
    assert {path: path.read_bytes() for path in scripts.rglob("*.py")} == before


def test_a_written_folder_passes_the_next_check_except_for_decisions(call, scripts):
    assert call("jobs", "--check")[0] == 3
    code, text = call("jobs", "--write")
    assert (code, "jobs/a.py:1: changed: " in text) == (0, True)
    assert ": 2 runs as is, 2 rewritten, 1 needs a decision" in text
    assert (scripts / "jobs/a.py").read_text() == f"{LINE}\n{JOB}"
    assert (scripts / "jobs/uses_helper.py").read_text().startswith(f"{LINE}\n")
    assert (scripts / "jobs/lib/helper.py").read_text() == HELPER
    assert call("jobs", "--check")[0] == 3  # the decision
    (scripts / "jobs/decide.py").unlink()
    assert call("jobs", "--check")[0] == 0


def test_the_difference_is_one_that_patch_applies(call, scripts):
    (scripts / "jobs/a.py").write_text(JOB.rstrip("\n"))
    _, text = call("jobs", "--diff")
    assert f"+{LINE}\n" in text and "--- jobs/a.py\n+++ jobs/a.py\n" in text
    done = subprocess.run(["patch", "-p0"], input=text, text=True, cwd=scripts, capture_output=True)
    assert done.returncode == 0, done.stdout
    assert (scripts / "jobs/a.py").read_text() == f"{LINE}\n{JOB}".rstrip("\n")


def test_the_difference_is_followed_by_decisions_and_summary_on_standard_error(scripts, monkeypatch):
    monkeypatch.chdir(scripts)
    result = CliRunner().invoke(app, ["migrate", "jobs", "--diff"])
    assert "decide" not in result.stdout and "2 to rewrite" not in result.stdout
    assert "jobs/decide.py:6: decide: Spark's JDBC source" in result.stderr
    assert "to change:" not in result.stderr
    assert ": 2 runs as is, 2 to rewrite, 1 needs a decision" in result.stderr
    assert result.stderr.endswith("no file was changed; --write makes the edits\n")


def test_json_sarif_and_html_have_the_same_findings(call):
    document = json.loads(call("jobs", "--json")[1])
    assert document["counts"] == {
        "runs as is": 2,
        "rewritten": 2,
        "needs a decision": 1,
        "not a Glue script": 2,
    }
    found = {(one["file"], finding["line"]) for one in document["files"] for finding in one["findings"]}
    (run,) = json.loads(call("jobs", "--format", "sarif")[1])["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == list(RULES)
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert {(one["artifactLocation"]["uri"], one["region"]["startLine"]) for one in places} == found
    page = call("jobs", "--format", "html")[1]
    assert page.startswith("<!doctype html>") and "jobs/decide.py" in page and "Spark&#39;s JDBC" in page
    assert "Content-Security-Policy" in page and "from the scripts." in page and "evidence" not in page


def test_a_file_with_the_name_of_a_module_of_glue_or_python_is_no_import():
    texts = {
        "jobs/job.py": JOB,
        "jobs/types.py": JOB,
        "jobs/b.py": "import types\nfrom awsglue.job import Job\n",
    }
    migrations = folder.migrate_all({Path(name): text.encode() for name, text in texts.items()})
    assert [LINE in migration.after.decode() for migration in migrations.values()][:2] == [True, True]


def test_a_file_keeps_its_mode_and_a_link_its_target(call, scripts):
    target = scripts / "jobs/a.py"
    target.chmod(0o751)
    (scripts / "link.py").symlink_to(target)
    call("link.py", "--write")
    assert (scripts / "link.py").is_symlink()
    assert (target.read_text(), target.stat().st_mode & 0o777) == (f"{LINE}\n{JOB}", 0o751)


def test_a_file_that_changes_in_between_is_not_overwritten(scripts):
    path = scripts / "jobs/a.py"
    (migration,) = folder.migrate_all(folder.read_all([path])).values()
    path.write_text("changed")
    with pytest.raises(UsageError, match="changed by another program"):
        folder.write(path, migration)
    assert path.read_text() == "changed"
    assert not list(path.parent.glob(".a.py*"))


def test_a_file_that_cannot_be_replaced_stays_and_the_error_names_it(scripts, monkeypatch):
    path = scripts / "jobs/a.py"
    (migration,) = folder.migrate_all(folder.read_all([path])).values()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UsageError, match=r"a\.py.*\n.*No space left on device; the file is as before"):
        folder.write(path, migration)
    assert path.read_text() == JOB
    assert not list(path.parent.glob(".a.py*"))


@pytest.mark.parametrize(
    ("words", "message"),
    [(("nope",), "nope"), ((".", "--check", "--write"), "--check and --write"),
     ((".", "--connection", 'a"b'), "HOST=NAME")],
)  # fmt: skip
def test_wrong_usage_names_the_word(call, words, message):
    with pytest.raises(UsageError, match=message):
        call(*words)


def test_a_migrated_script_imports_glue_secure_first(call, scripts):
    call("jobs/a.py", "--write")
    code = (
        "import runpy, sys\nsys.modules['pyspark'] = None\ntry:\n    runpy.run_path('jobs/a.py')\n"
        "except ImportError:\n    print(sys.modules['awsglue'].__name__)"
    )
    environment = {**os.environ, "GLUE_SECURE_RUNTIME": "spark"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=scripts, env=environment, text=True, capture_output=True
    )
    assert done.stdout == "glue_secure\n", done.stderr
