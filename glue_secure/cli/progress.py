"""The progress of long work, on standard error."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class StepProgress:
    """Shows the current step: a spinner with the elapsed time on a terminal, lines or no output elsewhere.

    Args:
        lines: Print each step as a line where standard error is not a terminal.
        spinner: Show the spinner on a terminal; without it each step is a line there as well.
    """

    def __init__(self, *, lines: bool = False, spinner: bool = True) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._lines = lines
        self._progress: Progress | None = None
        if self._console.is_terminal and spinner:
            self._progress = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
                # Output goes to standard output, unchanged where that is not a terminal.
                redirect_stdout=sys.stdout.isatty(),
                redirect_stderr=False,
            )
            self._task = self._progress.add_task("")

    @property
    def is_interactive(self) -> bool:
        """Whether the spinner is shown."""
        return self._progress is not None

    def __enter__(self) -> StepProgress:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def __call__(self, step: str) -> None:
        """Show a step."""
        if self._progress is not None:
            self._progress.update(self._task, description=step)
        elif self._lines:
            self._console.print(f"... {step}", style="dim", markup=False, soft_wrap=True)
