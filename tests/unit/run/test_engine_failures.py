"""An error of the engine in a script's own call: a few lines with the script's line, and exit code 1."""

import atexit
import sys

import pytest

from glue_secure.core.errors import EngineError
from glue_secure.run import process_hooks


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
        return EngineError(resource, cause="not a gzip file") if isinstance(error, JvmError) else None

    run_fixture.engine.failure_of = failure_of
    process_hooks.end_at_exit(run)
    process_hooks.install_process_hooks()
    return sys.excepthook


def raised(error, tmp_path):
    """Return the error as a script raises it through a library."""
    script = tmp_path / "job.py"
    script.write_text("def count(fail):\n    return fail()\n")
    names = {}
    exec(compile(script.read_text(), str(script), "exec"), names)

    def fail():
        raise error

    try:
        names["count"](fail)
    except Exception as caught:
        return type(caught), caught, caught.__traceback__.tb_next


def test_the_line_of_the_script_and_the_cause_are_printed(hook, run_fixture, tmp_path, capsys):
    kind, error, trace = raised(JvmError("150 lines"), tmp_path)
    with pytest.raises(SystemExit) as ended:
        hook(kind, error, trace)
    printed = capsys.readouterr().err
    assert ended.value.code == 1
    assert printed.splitlines()[1] == "  cause:    not a gzip file"
    assert "150 lines" not in printed
    assert len(printed.splitlines()) < 10
    assert run_fixture.evidence()["error"] == {"type": "JvmError"}


def test_another_error_is_printed_as_python_prints_it(hook, tmp_path, capsys):
    hook(*raised(ZeroDivisionError("x"), tmp_path))
    assert capsys.readouterr().err == "Python's own hook\n"


def test_the_evidence_does_not_quote_the_cause(run_fixture):
    run = run_fixture.start()
    run.close(EngineError("read of s3://landing/", cause="The value 'Jane Doe' cannot be cast"))
    assert run_fixture.evidence()["error"] == {"type": "EngineError"}


def test_a_commit_after_an_error_of_the_engine_repeats_its_cause(run_fixture):
    run = run_fixture.start()
    with pytest.raises(EngineError), run.operation():
        raise EngineError("read of s3://landing/", cause="not a gzip file", fix="replace it")
    with pytest.raises(EngineError, match="the script continued; nothing is committed") as caught:
        run.commit()
    assert "not a gzip file" in str(caught.value)
    assert run_fixture.evidence()["error"] == {"type": "EngineError"}
