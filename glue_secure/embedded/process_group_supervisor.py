"""Run a command and keep its processes together: they end when asked to, and when the parent is gone.

Run as ``python -I -S process_group_supervisor.py PARENT_PID PROGRAM [ARGUMENT ...]`` in a session of its own. It stands
alone and imports nothing of the project.

spark-submit becomes a JVM, whose children are the job's Python and, in a process group of its own, the
daemon of Python workers. None of them notices the end of another's parent. The session is what all of
them share. The job's Python is asked first: its evidence needs the JVM, which then ends by itself.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
PARENT_IS_GONE = signal.SIGHUP
ASKED = (signal.SIGTERM, signal.SIGINT, PARENT_IS_GONE)
SECONDS = (15.0, 5.0)
"""How long the job has after it was asked, and how long its JVM; then they are killed."""


def main() -> int:
    """The command's exit code; 128 + N where signal N ended it."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    signal.pthread_sigmask(signal.SIG_BLOCK, (*ASKED, signal.SIGCHLD))
    _die_with_parent(PARENT_IS_GONE)
    if os.getppid() != parent:
        return 1
    child = subprocess.Popen(command, preexec_fn=_unblock)
    code = _wait(child)
    return code if code >= 0 else 128 - code


def _wait(child: "subprocess.Popen[bytes]") -> int:
    steps = 0
    until = None
    while True:
        code = child.poll()
        if code is not None:
            if steps:
                _signal(_others(child.pid), signal.SIGKILL)
            return code
        patience = 3600.0 if until is None else max(0.0, until - time.monotonic())
        came = signal.sigtimedwait((*ASKED, signal.SIGCHLD), patience)
        if came is not None and came.si_signo == signal.SIGCHLD:
            continue
        if came is None and (until is None or time.monotonic() < until):
            continue
        # Somebody asked, asked again, or the time given is over: the next step.
        number = signal.SIGTERM if came is None or came.si_signo == PARENT_IS_GONE else came.si_signo
        job = [pid for pid, group in _others(child.pid) if group == os.getpgid(0)]
        if steps == 0 and job:
            _signal([(pid, 0) for pid in job], number)
            steps, until = 1, time.monotonic() + SECONDS[0]
        elif steps <= 1:
            _signal([*_others(child.pid), (child.pid, 0)], signal.SIGTERM if steps else number)
            steps, until = 2, time.monotonic() + SECONDS[1]
        else:
            _signal([*_others(child.pid), (child.pid, 0)], signal.SIGKILL)
            steps, until = 3, time.monotonic() + 1.0


def _others(child: int) -> "list[tuple[int, int]]":
    """Processes of this session beside this one and the child, each with its process group."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in (os.getpid(), child):
            continue
        with suppress(OSError):
            text = (entry / "stat").read_text(encoding="utf-8", errors="replace")
            # proc(5); the name before the last parenthesis may hold anything.
            state, _, group, session = text[text.rindex(")") + 2 :].split()[:4]
            if int(session) == os.getsid(0) and state not in "ZX":
                found.append((int(entry.name), int(group)))
    return found


def _signal(processes: "list[tuple[int, int]]", number: int) -> None:
    for pid, _ in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _die_with_parent(number: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        sys.exit("prctl(PR_SET_PDEATHSIG) failed")


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (*ASKED, signal.SIGCHLD))
    _die_with_parent(signal.SIGKILL)  # should this process itself be killed


if __name__ == "__main__":
    sys.exit(main())
