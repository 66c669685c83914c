"""Where a run keeps its data quality gates: loaded by name, because the default wheel has none."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any

from glue_secure.core.arguments import QUARANTINE, SUITES, JobArguments
from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.ports import ObjectStore
from glue_secure.core.recorder import RunRecorder
from glue_secure.io.writer import DataWriter

_ROOM = "glue_secure.quality.gate"


def gate_of(
    arguments: JobArguments, *, objects: ObjectStore, recorder: RunRecorder, writer: DataWriter, run: str
) -> Any:
    """The run's gate (``quality.gate.Gate``), its suites read and understood; None where it names none.

    Raises:
        RefusedError: GS-DQ-003, the package or the room is missing, or a suite cannot be read.
        UsageError: a suite cannot be meant as it stands.
    """
    named = arguments.suites()
    if not named:
        return None
    try:
        room = import_module(_ROOM)
    except ModuleNotFoundError as error:
        raise RefusedError(
            "GS-DQ-003",
            resource=f"--{SUITES}",
            found=f"a wheel without gates (no module {error.name})",
            required="glue_secure with its gates, and great-expectations",
            fix="glue-secure package --with great-expectations; a job that deploy makes gets it",
        ) from error
    gate = room.Gate(
        objects=objects, recorder=recorder, funnel=writer, run=run, quarantine=arguments.location(QUARANTINE)
    )
    gate.load(named)
    return gate


class Gated:
    """The part of a run that holds frames against suites."""

    _gate: Any
    call: Callable[..., AbstractContextManager[None]]

    def gate(
        self,
        frame: Any,
        sink: str,
        *,
        expect: str,
        on_failure: str = "block",
        quarantine: str | S3Uri | None = None,
    ) -> Any:
        """The frame's rows that may go to ``sink``; see ``quality.gate.Gate.let_through``."""
        with self.call():
            if self._gate is None:
                raise UsageError(
                    f"expect={expect!r}",
                    found=f"no --{SUITES}",
                    required="every suite named when the run starts, so that a missing one stops it there",
                    fix=f"--{SUITES} {expect}",
                )
            return self._gate.let_through(
                frame, sink, expect=expect, on_failure=on_failure, quarantine=quarantine
            )
