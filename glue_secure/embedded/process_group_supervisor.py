"""Run a command, and end all of its processes on a signal or when the parent process ends.

Run as ``python -I -S process_group_supervisor.py PARENT_PID PROGRAM [ARGUMENT ...]`` in a new session. The
script imports nothing of the project.

spark-submit becomes a JVM. Its children are the job's Python process and, in another process group, the
daemon of the Python workers. They do not notice when the parent process ends, but all belong to one session.
The job's Python process gets the signal first, because it needs the JVM to write its evidence. The JVM ends
after it.

The command's standard input is empty. The job's Python process gets the standard streams of this process
from the abstract socket that ``GLUE_SECURE_STREAMS`` names (``NAME:TOKEN``); see ``job_streams.py``.
"""

import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
PARENT_ENDED = signal.SIGHUP
END_SIGNALS = (signal.SIGTERM, signal.SIGINT, PARENT_ENDED)
SECONDS = (15.0, 5.0)
"""Time limits after the signal: of the job, then of its JVM. After them, the processes are killed."""
TOKEN_SECONDS = 10.0
"""Time limit for each part of a process's token. Other processes wait meanwhile."""


def main() -> int:
    """Run the command. Return its exit code, or 128 + N if signal N ended it."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    signal.pthread_sigmask(signal.SIG_BLOCK, (*END_SIGNALS, signal.SIGCHLD))
    _signal_when_parent_ends(PARENT_ENDED)
    if os.getppid() != parent:
        return 1
    name, _, token = os.environ.get("GLUE_SECURE_STREAMS", "").partition(":")
    if name and token:
        _offer_streams(name, token.encode())
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_unblock)
    code = _wait(child)
    return code if code >= 0 else 128 - code


def _offer_streams(name: str, token: bytes) -> None:
    """Send the standard streams of this process to the first process of this user that sends the token.

    Every process can connect to an abstract socket, whose name is in ``/proc/net/unix``.
    """
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"\0{name}")
    listener.listen()

    def send() -> None:
        with suppress(OSError), listener:
            while True:
                connection, _ = listener.accept()
                # A process that ends its connection early does not end the offer.
                with suppress(OSError), connection:
                    if _is_from_job(connection, token):
                        socket.send_fds(connection, [b"0"], [0, 1, 2])
                        return

    threading.Thread(target=send, daemon=True).start()


def _is_from_job(connection: socket.socket, token: bytes) -> bool:
    # unix(7): process, user and group.
    peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    if struct.unpack("3i", peer)[1] != os.getuid():
        return False
    connection.settimeout(TOKEN_SECONDS)
    received = b""
    while len(received) < len(token):
        part = connection.recv(len(token) - len(received))
        if not part:
            return False
        received += part
    return received == token


def _wait(child: "subprocess.Popen[bytes]") -> int:
    steps = 0
    until = None
    while True:
        code = child.poll()
        if code is not None:
            if steps:
                _signal(_others(child.pid), signal.SIGKILL)
            return code
        timeout = 3600.0 if until is None else max(0.0, until - time.monotonic())
        received = signal.sigtimedwait((*END_SIGNALS, signal.SIGCHLD), timeout)
        if received is not None and received.si_signo == signal.SIGCHLD:
            continue
        if received is None and (until is None or time.monotonic() < until):
            continue
        # A signal was received, or the time limit is over: take the next step.
        number = (
            signal.SIGTERM if received is None or received.si_signo == PARENT_ENDED else received.si_signo
        )
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
    """Return id and process group of this session's processes, except this process and the child."""
    processes = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in (os.getpid(), child):
            continue
        with suppress(OSError):
            text = (entry / "stat").read_text(encoding="utf-8", errors="replace")
            # proc(5); the name before the last parenthesis may contain any character.
            state, _, group, session = text[text.rindex(")") + 2 :].split()[:4]
            if int(session) == os.getsid(0) and state not in "ZX":
                processes.append((int(entry.name), int(group)))
    return processes


def _signal(processes: "list[tuple[int, int]]", number: int) -> None:
    for pid, _ in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _signal_when_parent_ends(number: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        sys.exit("prctl(PR_SET_PDEATHSIG) failed")


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (*END_SIGNALS, signal.SIGCHLD))
    _signal_when_parent_ends(signal.SIGKILL)  # in case this process is killed


if __name__ == "__main__":
    sys.exit(main())
