"""The test mode: a GlueContext of a user's test works without ``job.init`` and without a deployed job.

The pytest plugin turns it on, for the embedded account only: each run's job is registered there when the run
starts. The checks of a run are the same as without it, except that Spark may write to files of this machine,
outside glue-secure: the evidence lists them as not verified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glue_secure.core.arguments import JobArguments
from glue_secure.core.evidence import ENDED_WITHOUT_COMMIT

if TYPE_CHECKING:
    from glue_secure.run.run import Run

# A test passes made-up values of what Glue passes to a run that it has started.
_NOT_OF_A_TEST = ("JOB_RUN_ID", "JOB_ID", "SECURITY_CONFIGURATION")


@dataclass(frozen=True, slots=True)
class TestMode:
    """How tests start runs.

    Attributes:
        job: name of the job of a run that has no name.
        register: registers a job in the embedded account, unless it exists.
        defaults: arguments of each run that does not have them.
    """

    __test__ = False  # not a class of tests

    job: str
    register: Callable[[str], object]
    defaults: Mapping[str, str]


_modes: list[TestMode] = []


@contextmanager
def enabled(mode: TestMode) -> Iterator[None]:
    """Turn the test mode on during the block."""
    _modes.append(mode)
    try:
        yield
    finally:
        _modes.remove(mode)


def is_enabled() -> bool:
    """Return whether the test mode is on."""
    return bool(_modes)


def prepared(arguments: JobArguments, job_name: str | None) -> JobArguments:
    """Return the arguments of a run, whose job is registered in the test mode; otherwise ``arguments``."""
    if not _modes:
        return arguments
    mode = _modes[-1]
    values = {name: value for name, value in arguments.values.items() if name not in _NOT_OF_A_TEST}
    name = job_name or arguments.get("JOB_NAME") or mode.job
    mode.register(name)
    return JobArguments({**values, "JOB_NAME": arguments.get("JOB_NAME") or name}).with_defaults(
        mode.defaults
    )


def end(run: Run | None) -> None:
    """End the open run of a context whose next run starts, in the test mode."""
    if _modes and run is not None and run.is_open:
        run.close(outcome=ENDED_WITHOUT_COMMIT)
