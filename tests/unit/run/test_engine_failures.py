"""An error of the engine in a script's own call: a few lines with the script's line, and exit code 1."""

import atexit
import sys
from bdb import BdbQuit

import pytest

from glue_secure.core.errors import EngineError, RefusedError, UsageError
from glue_secure.run import breakpoints, process_hooks


class JvmError(Exception):
    """What the engine raises."""


@pytest.fixture
def hook(run_fixture, monkeypatch):
    """The hook of a process with one open run."""
    monkeypatch.setattr(sys, "excepthook", lambda *error: print("Python's own hook", file=sys.stderr))
    monkeypatch.setattr(atexit, "register", lambda function: None)
    monkeypatch.setattr(process_hooks, "expect_init", lambda: None)
    monkeypatch.setattr(process_hooks, "_handle_sigterm", lambda: None)
    monkeypatch.setattr(process_hooks, "_installed", False)
    monkeypatch.setattr(process_hooks, "_open_runs", [])
    run = run_fixture.start()

    def failure_of(error, resource):
        return EngineError(resource, cause=str(error.args[1])) if isinstance(error, JvmError) else None

    run_fixture.engine.failure_of = failure_of
    process_hooks.end_at_exit(run)
    process_hooks.install_process_hooks()
    return sys.excepthook


def raised(error, tmp_path):
    """Return the error as a script raises it."""
    script = tmp_path / "job.py"
    script.write_text("def count(error):\n    raise error\n")
    names = {}
    exec(compile(script.read_text(), str(script), "exec"), names)
    try:
        names["count"](error)
    except Exception as caught:
        return type(caught), caught, caught.__traceback__.tb_next


def test_the_line_of_the_script_and_the_cause_are_printed(hook, run_fixture, tmp_path, capsys):
    kind, error, trace = raised(JvmError("150 lines", "not a gzip file"), tmp_path)
    with pytest.raises(SystemExit) as ended:
        hook(kind, error, trace)
    printed = capsys.readouterr().err
    assert ended.value.code == 1
    assert printed.splitlines()[1] == "  cause:    not a gzip file"
    assert "150 lines" not in printed
    assert len(printed.splitlines()) < 10
    assert run_fixture.evidence()["error"] == {"type": "JvmError"}


def test_a_missing_column_of_a_source_without_objects_names_the_source(hook, run_fixture, tmp_path, capsys):
    (run,) = (run for _, run in process_hooks._open_runs)
    run.reader.read_s3("s3://landing/nothing/", format="csv", transformation_ctx="flights")
    unresolved = "[UNRESOLVED_COLUMN.WITHOUT_SUGGESTION] A column named `delay` cannot be resolved."
    with pytest.raises(SystemExit):
        hook(*raised(JvmError("", unresolved), tmp_path))
    printed = capsys.readouterr().err
    assert printed.startswith(f"{tmp_path}/job.py, line 2: raise error failed\n")
    assert "S3 has no object below s3://landing/nothing/ (bookmark 'flights')" in printed
    assert "UNRESOLVED" not in printed


def test_a_missing_column_of_other_frames_is_sparks_message(hook, tmp_path, capsys):
    with pytest.raises(SystemExit):
        hook(*raised(JvmError("", "[UNRESOLVED_COLUMN] `dleay`. Did you mean `delay`?"), tmp_path))
    assert "Did you mean `delay`?" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [
        UsageError("write mode", found="appendd", required="append"),
        RefusedError("GS-S3-004", resource="s3://b/", found="AES256", required="aws:kms", fix="x"),
    ],
    ids=["usage", "refusal"],
)
def test_a_refusal_names_the_line_of_the_script(hook, tmp_path, capsys, error):
    with pytest.raises(SystemExit):
        hook(*raised(error, tmp_path))
    assert capsys.readouterr().err.endswith(f"  script:   {tmp_path}/job.py, line 2\n")


def test_another_error_is_printed_as_python_prints_it(hook, tmp_path, capsys):
    hook(*raised(ZeroDivisionError("x"), tmp_path))
    assert capsys.readouterr().err == "Python's own hook\n"


def test_the_evidence_does_not_quote_the_cause(run_fixture):
    run = run_fixture.start()
    run.close(EngineError("read of s3://landing/", cause="The value 'Jane Doe' cannot be cast"))
    assert run_fixture.evidence()["error"] == {
        "type": "EngineError",
        "message": "read of s3://landing/ failed",
    }


def test_a_commit_after_an_error_of_the_engine_repeats_its_cause(run_fixture):
    run = run_fixture.start()
    with pytest.raises(EngineError), run.operation():
        raise EngineError("read of s3://landing/", cause="not a gzip file", fix="replace it")
    with pytest.raises(EngineError, match="the script continued; nothing is committed") as caught:
        run.commit()
    assert "not a gzip file" in str(caught.value)
    assert run_fixture.evidence()["error"] == {
        "type": "EngineError",
        "message": "read of s3://landing/ failed",
    }


@pytest.mark.parametrize(
    ("error", "call"), [(EOFError("EOF when reading a line"), "input()"), (BdbQuit(), "a debugger")]
)
def test_a_question_without_a_terminal_names_the_way_to_debug(
    hook, tmp_path, capsys, monkeypatch, error, call
):
    hook(*raised(error, tmp_path))
    assert capsys.readouterr().err == "Python's own hook\n", "only in a process of glue-secure run"
    monkeypatch.setenv("PYTHONBREAKPOINT", breakpoints.HOOK)
    with pytest.raises(SystemExit) as ended:
        hook(*raised(error, tmp_path))
    printed = capsys.readouterr().err
    assert ended.value.code == 2
    assert printed.startswith(f"{call}\n")
    assert "fix:      start glue-secure run in a terminal" in printed


def test_an_interruption_says_that_nothing_was_committed(hook, run_fixture, tmp_path, capsys):
    ended = raised_interruption()
    with pytest.raises(SystemExit) as code:
        hook(*ended)
    assert code.value.code == 130
    first, *lines = capsys.readouterr().err.splitlines()
    assert first == "interrupted"
    assert "  outcome:  nothing was committed; the next run reads the same input again" in lines
    assert lines[-1].startswith("  evidence: s3://")
    assert run_fixture.evidence()["error"] == {"type": "KeyboardInterrupt"}


def raised_interruption():
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt as error:
        return type(error), error, error.__traceback__
