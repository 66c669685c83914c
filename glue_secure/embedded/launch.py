"""Starting a job script the way Glue would: a job run, the job's arguments, and spark-submit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any

from glue_secure.core.arguments import EVIDENCE_URI, JobArguments, without_dashes
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.clients import clients, error_code
from glue_secure.embedded.environment import overlay
from glue_secure.embedded.seed import ensure_job


@dataclass(frozen=True, slots=True)
class Submission:
    """A command that runs a script against the embedded account.

    Attributes:
        command: ``spark-submit`` and its words.
        environment: the whole environment of the process.
        run_id: of the job run that was started for it.
        job: the job's name.
        evidence: the prefix that the run was told to leave evidence under, None when it was told none.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    run_id: str
    job: str
    evidence: str | None


class RunInterrupted(SystemExit):
    """SIGTERM or SIGINT ended a run, and ends this process too unless it is caught.

    Attributes:
        run_code: what the run itself ended with.
    """

    def __init__(self, number: int, run_code: int) -> None:
        super().__init__(128 + number)
        self.run_code = run_code


def prepare(
    account: EmbeddedAccount,
    script: Path,
    words: Sequence[str] = (),
    *,
    master: str = "local[2]",
    verbose: bool = False,
) -> Submission:
    """Start a job run in the embedded account and say how to run the script for it.

    The job's default arguments come first, ``words`` over them, and its non-overridable arguments over
    both, as in Glue; Glue's own ``JOB_NAME``, ``JOB_RUN_ID`` and ``SECURITY_CONFIGURATION`` are added.
    A job that the account does not know is registered there, under the strict configuration.

    Args:
        account: a running embedded account.
        script: the job script.
        words: the script's arguments (``["--JOB_NAME", "x"]``); without a job name, it is the script's.
        master: Spark's master.
        verbose: keep Spark's own log on the terminal.

    Raises:
        UsageError: the script does not exist.
    """
    if not script.is_file():
        raise UsageError("a job script", found=f"{script}: no such file", required="a Python file")
    given = dict(JobArguments.parse(["", *words]).values)
    name = given.setdefault("JOB_NAME", script.stem)
    glue = clients(account)("glue")
    job = ensure_job(account, name, script)
    started = glue.start_job_run(
        JobName=name, Arguments={f"--{n}": v for n, v in given.items() if n != "JOB_NAME"}
    )
    values = {
        **without_dashes(job.get("DefaultArguments")),
        **given,
        **without_dashes(job.get("NonOverridableArguments")),
        "JOB_RUN_ID": started["JobRunId"],
    }
    if job.get("SecurityConfiguration"):
        values["SECURITY_CONFIGURATION"] = job["SecurityConfiguration"]
    # An empty value goes with its name, or getResolvedOptions would find none.
    arguments = [
        word for n, value in values.items() for word in ((f"--{n}", value) if value else (f"--{n}=",))
    ]
    environment = overlay(os.environ, account, master=master)
    if verbose:
        environment["GLUE_SECURE_SPARK_LOG_LEVEL"] = "info"
    return Submission(
        command=(*spark_submit(), str(script), *arguments),
        environment=environment,
        run_id=started["JobRunId"],
        job=name,
        evidence=values.get(EVIDENCE_URI) or None,
    )


def run(
    submission: Submission, *, stdout: IO[str] | int | None = None, stderr: IO[str] | int | None = None
) -> Any:
    """Run a submission to its end; the completed process, with text streams.

    The run ends when this process does, however that comes about (``process_group_supervisor.py`` sees to it). Called from
    the main thread, SIGTERM and SIGINT go to the run, which gets time to write its evidence.

    Raises:
        RunInterrupted: one of the two came; the run has ended.
    """
    received: list[int] = []
    unsent: list[int] = []
    process: subprocess.Popen[str] | None = None

    def forward(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        unsent.append(number)
        send()

    def send() -> None:
        while process is not None and unsent:
            process.send_signal(unsent.pop(0))

    keep = (
        sys.executable,
        "-I",
        "-S",
        str(Path(__file__).with_name("process_group_supervisor.py")),
        str(os.getpid()),
    )
    handled = (signal.SIGTERM, signal.SIGINT)
    in_main_thread = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, forward) for number in handled} if in_main_thread else {}
    try:
        # Blocked while the process is made, and born blocked in it: none is lost on the way.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, handled)
        try:
            process = subprocess.Popen(
                (*keep, *submission.command),
                env=dict(submission.environment),
                stdout=stdout,
                stderr=stderr,
                text=True,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            send()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        try:
            out, err = process.communicate()
        finally:
            if process.returncode is None or process.returncode < 0:  # the keeper could not do its work
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        raise RunInterrupted(received[0], process.returncode)
    return subprocess.CompletedProcess(submission.command, process.returncode, out, err)


def read_evidence(account: EmbeddedAccount, submission: Submission) -> tuple[str, dict[str, Any]] | None:
    """Where the run's evidence lies and what it says; None when the run left none."""
    if submission.evidence is None:
        return None
    place = S3Uri.parse(submission.evidence).child(
        f"job={submission.job}/run={submission.run_id}/evidence.json"
    )
    s3 = clients(account)("s3")
    try:
        body = s3.get_object(Bucket=place.bucket, Key=place.key)["Body"].read()
    except s3.exceptions.ClientError as error:
        if error_code(error) not in ("NoSuchKey", "NoSuchBucket"):
            raise
        return None
    return str(place), json.loads(body)


def spark_submit() -> tuple[str, ...]:
    """The spark-submit of the pyspark that this Python imports."""
    import pyspark

    return (str(Path(pyspark.__file__).parent / "bin" / "spark-submit"),)
