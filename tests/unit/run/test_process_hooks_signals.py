"""SIGTERM unwinds a script; a forked process closes only its own runs."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

HEADER = """
import os, signal, sys, threading
from types import SimpleNamespace
from glue_secure.run import process_hooks

class Run:
    is_open, awaits_init = True, False
    identity = SimpleNamespace(run_id="jr_1", job="curate")
    call_site = evidence_uri = ""
    def close(self, error=None, *, outcome=None):
        self.is_open = False
        print("closed", type(error).__name__, outcome, flush=True)
    def end_without_commit(self):
        self.is_open = False
        print("verified", flush=True)

def terminate(pid=None):
    os.kill(pid or os.getpid(), signal.SIGTERM)
    signal.pause()
"""


def script(body: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", HEADER + textwrap.dedent(body)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_sigterm_unwinds_the_script_and_writes_evidence():
    ended = script(
        """
        process_hooks.install_process_hooks()
        process_hooks.end_at_exit(Run())
        try:
            terminate()
        finally:
            print("unwound", flush=True)
        """
    )
    assert ended.returncode == 143
    assert ended.stdout == "unwound\nclosed NoneType terminated by SIGTERM\n"
    assert ended.stderr == ""


def test_a_block_distinguishes_sigterm_from_other_exits():
    ended = script(
        """
        process_hooks.install_process_hooks()
        try:
            terminate()
        except SystemExit as error:
            print(type(error).__name__, error, error.code)
        """
    )
    assert ended.stdout == "Terminated terminated by SIGTERM 143\n"


def test_a_second_sigterm_does_not_interrupt_the_evidence():
    ended = script(
        """
        class Slow(Run):
            def close(self, error=None, *, outcome=None):
                os.kill(os.getpid(), signal.SIGTERM)
                super().close(error, outcome=outcome)
        process_hooks.install_process_hooks()
        process_hooks.end_at_exit(Slow())
        terminate()
        """
    )
    assert (ended.returncode, ended.stdout) == (143, "closed NoneType terminated by SIGTERM\n")


@pytest.mark.parametrize(
    "handler", ["signal.SIG_IGN", "lambda *_: print('mine', flush=True)"], ids=["ignored", "own"]
)
def test_a_handler_of_the_script_is_not_replaced(handler):
    ended = script(
        f"""
        signal.signal(signal.SIGTERM, {handler})
        process_hooks.install_process_hooks()
        process_hooks.end_at_exit(Run())
        os.kill(os.getpid(), signal.SIGTERM)
        print("went on", flush=True)
        """
    )
    assert ended.returncode == 0
    assert ended.stdout.splitlines()[-2:] == ["went on", "verified"]


def test_the_main_thread_sets_the_handler_after_another_thread_could_not():
    ended = script(
        """
        other = threading.Thread(target=process_hooks.install_process_hooks)
        other.start()
        other.join()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        process_hooks.install_process_hooks()
        process_hooks.end_at_exit(Run())
        terminate()
        """
    )
    assert (ended.returncode, ended.stdout) == (143, "closed NoneType terminated by SIGTERM\n")


@pytest.mark.parametrize("end", ["sys.exit(0)", "1 / 0"])
def test_a_fork_does_not_close_its_parents_run(end):
    ended = script(
        f"""
        process_hooks.install_process_hooks()
        process_hooks.end_at_exit(Run())
        child = os.fork()
        if not child:
            {end}
        os.waitpid(child, 0)
        print("parent", flush=True)
        """
    )
    assert ended.returncode == 0
    assert ended.stdout == "parent\nverified\n"


def test_a_fork_closes_the_run_that_it_started_itself():
    ended = script(
        """
        process_hooks.install_process_hooks()
        child = os.fork()
        if not child:
            process_hooks.install_process_hooks()
            process_hooks.end_at_exit(Run())
            sys.exit(0)
        os.waitpid(child, 0)
        """
    )
    assert ended.stdout == "verified\n"


def test_sigterm_ends_a_forked_process():
    ended = script(
        """
        process_hooks.install_process_hooks()
        process_hooks.end_at_exit(Run())
        child = os.fork()
        if not child:
            try:
                terminate()
            finally:
                print("unwound", flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        """
    )
    assert ended.stdout == "-15\nverified\n"
