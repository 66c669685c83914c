"""``run --watch`` runs again when a Python file of the script's folder changes, and only then."""

import os

import pytest

from glue_secure.cli import run
from glue_secure.core.errors import UsageError


def test_a_change_of_a_python_file_starts_another_run(tmp_path, monkeypatch, capsys):
    script, other = tmp_path / "job.py", tmp_path / "notes.txt"
    script.write_text("1")
    seen: list[str] = []

    def change(_seconds):
        seen.append("wait")
        if len(seen) == 2:
            other.write_text("no Python file")
        elif len(seen) == 3:
            os.utime(script, ns=(1, 1))

    def run_once():
        seen.append("run")
        if seen.count("run") == 2:
            raise KeyboardInterrupt
        raise UsageError("a job script", found="a mistake", required="none")

    monkeypatch.setattr(run.time, "sleep", change)
    with pytest.raises(KeyboardInterrupt):
        run._watch(tmp_path, run_once)
    assert seen == ["run", "wait", "wait", "run"]
    errors = capsys.readouterr().err
    assert "a mistake" in errors and f"watching {tmp_path}; Ctrl-C ends" in errors


@pytest.mark.parametrize(
    ("text", "is_warned"),
    [
        ("from awsglue.context import GlueContext\n", True),
        ("try:\n    import awsgluedq\nexcept ImportError:\n    pass\n", True),
        ("import glue_secure.as_awsglue\nfrom awsglue.context import GlueContext\n", False),
        ("from glue_secure.context import GlueContext\n", False),
        ("import awsglue_tools\n", False),
        ("print 'Python 2'\n", False),
    ],
)
def test_a_script_that_imports_awsglue_alone_is_named_before_it_runs(tmp_path, capsys, text, is_warned):
    script = tmp_path / "my job.py"
    script.write_text(text)
    run._warn_of_awsglue(script)
    errors = capsys.readouterr().err
    assert ("imports awsglue, so that glue-secure does not guard it here" in errors) == is_warned
    for remedy in ("migrate '{}' --write", "run --as-awsglue '{}' ..."):
        assert (f"  glue-secure {remedy.format(script)}\n" in errors) == is_warned
