"""Run a job script as Glue runs it: start a job run, resolve the job's arguments, and call spark-submit."""

from __future__ import annotations

import itertools
import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any

from glue_secure.aws.errors import translate_errors
from glue_secure.core.arguments import EVIDENCE_URI, JobArguments, without_dashes
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.job_parameters import CONF, JobParameter, without_effect
from glue_secure.core.service import NotFound
from glue_secure.embedded import job_files
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.clients import clients
from glue_secure.embedded.environment import overlay
from glue_secure.embedded.folders import write_private
from glue_secure.embedded.installed_spark import installed_spark
from glue_secure.embedded.seed import ensure_job
from glue_secure.run import breakpoints

_SCRIPT = "GLUE_SECURE_SCRIPT"
# Processes that the script starts have the variable too, and run something else.
_START_OF_SCRIPT = f"""
import os, sys
if os.environ.get({_SCRIPT!r}) in map(os.path.abspath, sys.argv[:1]):
    import glue_secure.as_awsglue
    from glue_secure.run.job_process import enter
    enter()
"""


@dataclass(frozen=True, slots=True)
class Submission:
    """A command that runs a script against the embedded account.

    Attributes:
        command: ``spark-submit`` and its arguments.
        environment: the complete environment of the process.
        run_id: id of the job run that was started for the script.
        job: the job's name.
        evidence: S3 prefix under which the run writes its evidence, None if none is configured.
        directory: the working directory of the script; None for the current directory.
        temporary: folder to remove after the run, None if there is none.
        without_effect: arguments of Glue on the command line that have no effect in the embedded account.
            Those of the job's definition are the ones of a deployed job, and are not listed.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    run_id: str
    job: str
    evidence: str | None
    directory: Path | None = None
    temporary: Path | None = None
    without_effect: tuple[JobParameter, ...] = ()


class RunInterrupted(SystemExit):
    """SIGTERM or SIGINT ended a run. It also ends this process, unless it is caught.

    Attributes:
        run_code: exit code of the run.
    """

    def __init__(self, number: int, run_code: int) -> None:
        super().__init__(128 + number)
        self.run_code = run_code


def prepare(
    account: EmbeddedAccount,
    script: Path,
    arguments: Sequence[str] = (),
    *,
    master: str = "local[2]",
    verbose: bool = False,
    submit: job_files.SubmitOptions | None = None,
    progress: Callable[[str], None] | None = None,
    as_awsglue: bool = False,
    terminal: bool = False,
) -> Submission:
    """Start a job run in the embedded account, and return the command that runs the script for it.

    As in Glue, ``arguments`` override the job's default arguments, and the job's non-overridable arguments
    override both. ``JOB_NAME``, ``JOB_RUN_ID`` and ``SECURITY_CONFIGURATION`` are added.
    A job that does not exist in the account is created with the strict security configuration.

    Args:
        account: a running embedded account.
        script: the job script.
        arguments: the script's arguments (``["--JOB_NAME", "x"]``). The default job name is the script's.
            Words that belong to no ``--name``, such as ``-m x``, reach the script after the others.
        master: Spark's master.
        verbose: print Spark's log at level INFO.
        submit: further options of spark-submit.
        progress: called with messages about downloads and installations.
        as_awsglue: whether ``import awsglue`` gives glue-secure, in the driver and in Spark's Python workers.
        terminal: whether the standard input of the run is a terminal, so that a debugger can be used.

    Raises:
        UsageError: the script or a file that an argument names does not exist, or an argument is invalid.
    """
    if not script.is_file():
        raise UsageError("a job script", found=f"{script}: no such file", required="a Python file")
    given = JobArguments.parse(["", *arguments])
    run_arguments = dict(given.values)
    if CONF in run_arguments:
        run_arguments[CONF] = _every_conf(arguments)
    job_name = run_arguments.setdefault("JOB_NAME", script.stem)
    glue = clients(account)("glue")
    job = ensure_job(account, job_name, script)
    started = glue.start_job_run(
        JobName=job_name,
        Arguments={f"--{name}": value for name, value in run_arguments.items() if name != "JOB_NAME"},
    )
    values = {
        **without_dashes(job.get("DefaultArguments")),
        **run_arguments,
        **without_dashes(job.get("NonOverridableArguments")),
        "JOB_RUN_ID": started["JobRunId"],
    }
    if job.get("SecurityConfiguration"):
        values["SECURITY_CONFIGURATION"] = job["SecurityConfiguration"]
    parsed = JobArguments(values)
    needed = job_files.prepare(account, parsed, submit, progress=progress)
    # getResolvedOptions reads an empty value only in the form --name=.
    words = [
        word
        for name, value in values.items()
        for word in ((f"--{name}", value) if value else (f"--{name}=",))
    ]
    environment = {**overlay(os.environ, account, master=master), **needed.environment}
    if not terminal:
        environment.setdefault("PYTHONBREAKPOINT", breakpoints.HOOK)
    folder = needed.folder or Path(tempfile.mkdtemp(prefix="job-files-", dir=account.scratch))
    python = _driver_python(folder)
    if os.access(python, os.X_OK):  # not if the file system is mounted with noexec
        environment["PYSPARK_DRIVER_PYTHON"] = str(python)
        environment["GLUE_SECURE_STREAMS"] = f"glue-secure-{secrets.token_hex(8)}:{secrets.token_hex(16)}"
    if verbose:
        environment["GLUE_SECURE_SPARK_LOG_LEVEL"] = "info"
    if needed.python_path:
        environment["PYTHONPATH"] = job_files.joined_path(
            needed.python_path, environment.get("PYTHONPATH", "")
        )
    if as_awsglue:
        environment["PYTHONPATH"] = job_files.joined_path(
            [_awsglue_folder(account)], environment.get("PYTHONPATH", "")
        )
        environment[_SCRIPT] = str(script.absolute())
    if _replaces_standard_library(script.absolute().parent):
        environment["PYTHONSAFEPATH"] = "1"
    path = script.absolute() if needed.working_directory else script
    return Submission(
        command=(
            *spark_submit(),
            # Glue starts a session with Hive support too; it cannot be added to a session.
            *(("--conf", "spark.sql.catalogImplementation=hive") if parsed.uses_data_catalog() else ()),
            *needed.options,
            str(path),
            *words,
            *given.others,
        ),
        environment=environment,
        run_id=started["JobRunId"],
        job=job_name,
        evidence=values.get(EVIDENCE_URI) or None,
        directory=needed.working_directory,
        temporary=folder,
        without_effect=without_effect(given),
    )


def _replaces_standard_library(folder: Path) -> bool:
    """Return whether Python would import a module of this folder instead of one of its own.

    Python searches the folder of a script first. In Glue, the script is alone in its folder.
    """
    return any(
        entry.stem in sys.stdlib_module_names
        for entry in folder.iterdir()
        if entry.suffix == ".py" or (entry / "__init__.py").is_file()
    )


def _every_conf(arguments: Sequence[str]) -> str:
    """Return the settings of every ``--conf`` of the command line as one value, as Glue has them."""
    values = [word.partition("=")[2] for word in arguments if word.startswith(f"--{CONF}=")]
    pairs = itertools.pairwise(arguments)
    values += [value for word, value in pairs if word == f"--{CONF}" and not value.startswith("--")]
    return " --conf ".join(values)


def _awsglue_folder(account: EmbeddedAccount) -> Path:
    """Return a folder for ``PYTHONPATH`` with a module ``awsglue`` that replaces itself by glue-secure.

    A job may use Spark alone, without awsglue. Its process therefore gets the hooks of glue-secure when
    Python starts.
    """
    folder = account.scratch / "as-awsglue"
    folder.mkdir(mode=0o700, exist_ok=True)
    write_private(folder / "awsglue.py", "import glue_secure.as_awsglue\n")
    write_private(folder / "sitecustomize.py", _START_OF_SCRIPT)
    return folder


def _driver_python(folder: Path) -> Path:
    """Return a program that runs a job script with the streams of the run; see ``job_streams.py``.

    Args:
        folder: of the run. Another run may have another Python.
    """
    program = folder / "driver-python"
    words = [sys.executable, "-I", "-S", str(Path(__file__).with_name("job_streams.py"))]
    write_private(program, f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', 0o700)
    return program


def run(
    submission: Submission,
    *,
    stdin: IO[str] | int | None = subprocess.DEVNULL,
    stdout: IO[str] | int | None = None,
    stderr: IO[str] | int | None = None,
) -> Any:
    """Run a submission to its end, and return the completed process, whose streams are text.

    The script has these streams; Spark prints its messages to ``stderr``.

    ``process_group_supervisor.py`` ends the run if this process ends for any reason. If called from the main
    thread, this function forwards SIGTERM and SIGINT to the run, which then has time to write its evidence.

    Raises:
        RunInterrupted: SIGTERM or SIGINT was received, and the run has ended.
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

    supervise = (
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
        # The signals are blocked while the process is created and in the new process, so that none is lost.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, handled)
        try:
            process = subprocess.Popen(
                (*supervise, *submission.command),
                env=dict(submission.environment),
                cwd=submission.directory,
                stdout=stdout,
                stderr=stderr,
                text=True,
                stdin=stdin,
                start_new_session=True,
            )
            send()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        try:
            out, err = process.communicate()
        finally:
            if process.returncode is None or process.returncode < 0:  # the supervisor was killed
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if submission.temporary is not None:
            shutil.rmtree(submission.temporary, ignore_errors=True)
    if received:
        raise RunInterrupted(received[0], process.returncode)
    return subprocess.CompletedProcess(submission.command, process.returncode, out, err)


def read_evidence(account: EmbeddedAccount, submission: Submission) -> tuple[str, dict[str, Any]] | None:
    """Return the URI and the content of the run's evidence; None if the run wrote none.

    Raises:
        ServiceError: the account does not answer.
    """
    if submission.evidence is None:
        return None
    location = S3Uri.parse(submission.evidence).child(
        f"job={submission.job}/run={submission.run_id}/evidence.json"
    )
    s3 = clients(account)("s3")
    try:
        with translate_errors("GetObject"):
            body = s3.get_object(Bucket=location.bucket, Key=location.key)["Body"].read()
    except NotFound:
        return None
    return str(location), json.loads(body)


def spark_submit() -> tuple[str, ...]:
    """Return the spark-submit of the installed pyspark."""
    return (str(installed_spark().folder / "bin" / "spark-submit"),)
