"""Identify processes by process id and start time, because the kernel reuses process ids."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process of this machine.

    Attributes:
        pid: the process id.
        started: start time in clock ticks after boot (field 22 of ``/proc/PID/stat``, proc(5)).
    """

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity:
        """Identify a running process.

        Raises:
            ProcessLookupError: there is no such process, or it is a zombie.
        """
        started = _start_time(pid)
        if started is None:
            raise ProcessLookupError(pid)
        return cls(pid, started)

    @property
    def alive(self) -> bool:
        """Whether the process still runs. False for a zombie, and for another process with the same id."""
        return _start_time(self.pid) == self.started

    def wait(self, seconds: float) -> bool:
        """Wait for the process to end. Return whether it has ended."""
        until = time.monotonic() + seconds
        while True:
            # A child of this process stays a zombie until it is reaped; other processes cannot be reaped.
            with suppress(ChildProcessError):
                os.waitpid(self.pid, os.WNOHANG)
            if not self.alive:
                return True
            if time.monotonic() >= until:
                return False
            time.sleep(0.02)

    def end(self, seconds: float) -> None:
        """Send SIGTERM, and SIGKILL if the process has not ended after ``seconds``."""
        for number, timeout in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5.0)):
            if not self.alive:
                return
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)
            if self.wait(timeout):
                return


def _start_time(pid: int) -> int | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, in parentheses, may contain spaces and parentheses: count from the last parenthesis.
    fields = text[text.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else int(fields[19])
