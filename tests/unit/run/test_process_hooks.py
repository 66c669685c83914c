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
class Run:
    is_open = True
    def close(self, error=None, *, outcome=None):
        print("closed", type(error).__name__, outcome, flush=True)
process_hooks.close_at_exit(Run())
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


@pytest.mark.parametrize("end", ["", "raise SystemExit(5)"])
def test_an_open_run_is_closed_when_the_script_ends(end):
    ended = script(RUN + end)
    assert ended.returncode == (5 if end else 0)
    assert ended.stdout == "closed NoneType ended without job.commit()\n"
    assert ended.stderr == ""


def test_a_run_that_cannot_be_closed_does_not_prevent_others_from_closing():
    ended = script(
        """
        class Broken:
            is_open = True
            def close(self, error=None, *, outcome=None):
                raise RuntimeError("no bucket")
        process_hooks.close_at_exit(Broken())
        """
        + textwrap.indent(RUN, "        ")
    )
    assert ended.stdout == "closed NoneType ended without job.commit()\n"
    assert ended.returncode == 0


def test_an_ended_run_is_released():
    ended = script(
        """
        import gc, weakref
        """
        + textwrap.indent(RUN.replace("process_hooks.close_at_exit(Run())", ""), "        ")
        + """
        over = Run()
        process_hooks.close_at_exit(over)
        over.is_open = False
        reference = weakref.ref(over)
        del over
        process_hooks.close_at_exit(Run())
        gc.collect()
        print("referenced" if reference() else "gone")
        """
    )
    assert ended.stdout == "gone\nclosed NoneType ended without job.commit()\n"
