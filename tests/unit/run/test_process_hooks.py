"""How a script ends: exit code and error text."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

HEADER = """
from glue_secure.core.errors import *
from glue_secure.run import process_hooks
process_hooks.install_process_hooks()
process_hooks.install_process_hooks()
FACTS = dict(resource="https://me:hunter2@host/", found="AES256", required="aws:kms", fix="fix it")
"""
RUN = """
from types import SimpleNamespace
class Run:
    is_open = True
    identity = SimpleNamespace(run_id="jr_1", job="curate")
    call_site, evidence_uri = "job.py:7", "s3://evidence/runs/e.json"
    error = None
    is_pending = awaits_init = False
    def close(self, error=None, *, outcome=None):
        self.is_open = False
        print("closed", type(error).__name__, outcome, flush=True)
    def end_without_commit(self):
        self.is_open = False
        print("verified", flush=True)
        if self.error:
            raise self.error
        return self.is_pending
process_hooks.end_at_exit(Run())
"""


def script(body: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", HEADER + textwrap.dedent(body)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("raised", "code", "first"),
    [
        ('RefusedError("GS-S3-004", **FACTS)', 3, "GS-S3-004 refused: "),
        ('BookmarkConflictError("GS-BKM-005", **FACTS)', 3, "GS-BKM-005 refused: "),
        ('VerificationError("GS-KMS-001", **FACTS)', 4, "GS-KMS-001 cannot verify: "),
        ('UsageError("write mode", found="x", required="y")', 2, "write mode"),
        ('GlueSecureError("cannot list")', 1, "cannot list"),
    ],
)
def test_an_error_of_glue_secure_ends_a_script_with_its_text_and_exit_code(raised, code, first):
    ended = script(f"raise {raised}")
    assert ended.returncode == code
    assert ended.stderr.startswith(first)
    assert ended.stderr.count(first) == 1
    assert "Traceback" not in ended.stderr
    assert "hunter2" not in ended.stderr
    assert ended.stdout == ""


def test_a_missing_argument_before_job_init_is_a_plain_error_with_exit_code_2():
    code = "from glue_secure.utils import getResolvedOptions; getResolvedOptions(['job.py'], ['source'])"
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2
    assert "--source" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_error_raised_from_another_prints_neither_its_cause_nor_a_traceback():
    ended = script(
        """
        try:
            raise ValueError("a cause with hunter2")
        except ValueError as error:
            raise RefusedError("GS-S3-004", **FACTS) from error
        """
    )
    assert ended.returncode == 3
    assert "hunter2" not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_other_errors_keep_pythons_traceback_and_exit_code():
    ended = script('raise ZeroDivisionError("mine")')
    assert ended.returncode == 1
    assert ended.stderr.startswith("Traceback")
    assert ended.stderr.rstrip().endswith("ZeroDivisionError: mine")


@pytest.mark.parametrize("code", [0, 7])
def test_an_exit_code_of_the_script_is_not_changed(code):
    assert script(f"raise SystemExit({code})").returncode == code


def test_a_successful_script_prints_nothing():
    ended = script("")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_an_open_run_is_closed_with_the_scripts_error():
    ended = script(RUN + 'raise RefusedError("GS-S3-004", **FACTS)')
    assert ended.returncode == 3
    assert ended.stdout.splitlines()[0] == "closed RefusedError None"


def test_an_open_run_is_closed_with_a_foreign_error():
    ended = script(RUN + "1 / 0")
    assert ended.returncode == 1
    assert ended.stdout.splitlines()[0] == "closed ZeroDivisionError None"


@pytest.mark.parametrize("end", ["", "raise SystemExit(0)", "raise SystemExit(5)"])
def test_a_run_whose_script_does_not_commit_is_verified_and_reported(end):
    ended = script(RUN + end)
    assert ended.returncode == (5 if "5" in end else 0)
    assert ended.stdout == "verified\n"
    assert ended.stderr.startswith("warning: job.commit() was not called\n")
    assert "job.py:7" in ended.stderr
    assert "s3://evidence/runs/e.json" in ended.stderr


@pytest.mark.parametrize("end", ["", "raise SystemExit(0)"])
def test_a_script_that_leaves_its_bookmark_behind_ends_with_exit_code_1(end):
    ended = script(RUN + "Run.is_pending = True\n" + end)
    assert ended.returncode == 1
    assert ended.stderr.startswith("job.commit() was not called\n")
    assert "the next run reads it again" in ended.stderr


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        ('RefusedError("GS-S3-004", **FACTS)', 3, "GS-S3-004"),
        ('VerificationError("GS-S3-012", **FACTS)', 4, "GS-S3-012"),
        ('ConnectionError("secret")', 1, "could not be verified (ConnectionError)"),
    ],
)
def test_a_run_that_cannot_be_verified_at_exit_changes_the_exit_code(error, code, text):
    ended = script(
        RUN + f"Run.error = {error}\nimport atexit\natexit.register(print, 'others', flush=True)\n"
    )
    assert (ended.returncode, ended.stdout) == (code, "others\nverified\n")
    assert text in ended.stderr
    assert not {"hunter2", "secret", "Traceback"} & set(ended.stderr.replace("(", " ").split())


def test_log_records_are_written_before_the_exit_code_changes(tmp_path):
    ended = script(
        f"""
        import logging, logging.handlers
        target = logging.FileHandler("{tmp_path}/log")
        logging.getLogger().addHandler(logging.handlers.MemoryHandler(10, target=target))
        """
        + textwrap.indent(RUN, "        ")
        + """
        Run.is_pending = True
        logging.getLogger().warning("buffered")
        """
    )
    assert ended.returncode == 1
    assert (tmp_path / "log").read_text() == "buffered\n"


def test_a_run_that_cannot_be_ended_does_not_prevent_others_from_ending():
    ended = script(
        RUN
        + """
class Broken(Run):
    error = RuntimeError("no bucket")
process_hooks.end_at_exit(Broken())
"""
    )
    assert (ended.returncode, ended.stdout) == (1, "verified\nverified\n")


def test_open_runs_of_a_test_process_are_closed_without_verification():
    ended = script(RUN + "process_hooks.close_open_runs()")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "closed NoneType ended without job.commit()\n"


def test_the_line_of_the_script_that_started_the_run_is_known():
    ended = script("""
        def start():
            return process_hooks.script_line()
        print(start())
    """)
    assert ended.stdout == "<string>:9\n"


def test_an_ended_run_is_released():
    ended = script(
        """
        import gc, weakref
        """
        + textwrap.indent(RUN.replace("process_hooks.end_at_exit(Run())", ""), "        ")
        + """
        over = Run()
        process_hooks.end_at_exit(over)
        over.is_open = False
        reference = weakref.ref(over)
        del over
        process_hooks.end_at_exit(Run())
        gc.collect()
        print("referenced" if reference() else "gone")
        """
    )
    assert ended.stdout == "gone\nverified\n"
