"""Which process is meant: a number is used again, a number and a start time are not."""

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
        pid: its number.
        started: its start time in clock ticks after boot (field 22 of ``/proc/PID/stat``, proc(5)).
    """

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity:
        """Identify a living process.

        Raises:
            ProcessLookupError: no such process, or it has ended and waits to be reaped.
        """
        started = _start_time(pid)
        if started is None:
            raise ProcessLookupError(pid)
        return cls(pid, started)

    @property
    def alive(self) -> bool:
        """Whether this very process still runs. One that ended and was not reaped does not."""
        return _start_time(self.pid) == self.started

    def wait(self, seconds: float) -> bool:
        """Wait for its end. True when it has ended."""
        until = time.monotonic() + seconds
        while True:
            # A child of ours stays in the process table until it is reaped; others are not ours to reap.
            with suppress(ChildProcessError):
                os.waitpid(self.pid, os.WNOHANG)
            if not self.alive:
                return True
            if time.monotonic() >= until:
                return False
            time.sleep(0.02)

    def end(self, seconds: float) -> None:
        """Ask it to end, and make it end when it has not within the seconds given."""
        for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5.0)):
            if not self.alive:
                return
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)
            if self.wait(patience):
                return


def _start_time(pid: int) -> int | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, in parentheses, may itself hold spaces and parentheses: count from the last one.
    fields = text[text.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else int(fields[19])
