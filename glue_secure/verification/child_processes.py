"""botocore's clients in the Python processes that a job starts.

These are subprocesses, processes of multiprocessing (forked and spawned), and Spark's Python workers. A
private folder connects them with the run; it contains no secret:

- ``policy.json``: what calls must satisfy, and whether the run is open. A process reads it for each call.
- ``requests/PID-TOKEN.jsonl``: what one process has sent. The run reads these files when it commits.
- ``sitecustomize.py``: guards botocore in a new Python process. ``PYTHONPATH`` names the folder.

A process locks its file, so the lock shows whether it is still running. It writes that a call begins before
it reads the policy, and the run closes the policy before it reads the files: a commit misses no call.

The executors of a cluster make a folder of their own on their machine (``PythonWorkers.java``). It also has
``tasks/EXECUTOR``, which exists while the executor runs a task of the run: calls at other times are refused.
When a task ends, the executor sends what the files have got to the run's folder, as
``requests/PID-TOKEN-EXECUTOR.jsonl``. A line ``{"gone": true}`` says that the process has ended.

Python processes that ignore ``PYTHONPATH`` (``-I``, ``-E``) or have another environment are not guarded, nor
are other programs.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, NoReturn

import glue_secure
from glue_secure.aws import botocore_guard
from glue_secure.core.driver_s3 import READING, unanswered
from glue_secure.core.errors import ControlError, RefusedError, UsageError, VerificationError
from glue_secure.core.files import replace_file
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.kms_key import KmsKey
from glue_secure.core.ports.driver_s3 import CallGuard, ChildPolicy, Recorder
from glue_secure.core.receipts import Receipt
from glue_secure.core.target_encryption import EncryptionRules
from glue_secure.verification.driver_s3 import S3CallGuard, now

_POLICY, _REQUESTS, _TASKS = "policy.json", "requests", "tasks"
_ON_EXECUTORS = "-executors"
_SITECUSTOMIZE = '''\
"""Guards botocore in the Python processes of a job. Written by glue-secure; removed when the job ends."""

import os
import sys
from importlib.machinery import PathFinder

FOLDER, PACKAGE = {folder!r}, {package!r}
sys.path[:] = [entry for entry in sys.path if entry != FOLDER]


class GuardOnImport:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in ("botocore", "aiobotocore") or "." not in name:
            return None
        sys.meta_path.remove(self)
        entries = list(sys.path)
        sys.path.append(PACKAGE)
        try:
            from glue_secure.verification.child_processes import guard_this_process
        except ModuleNotFoundError as error:
            sys.meta_path.insert(0, self)
            raise ImportError(
                "glue-secure cannot guard botocore in this process of a run: module " + str(error.name)
                + " is missing. In AWS Glue, pass the wheel of glue-secure with --extra-py-files"
            ) from error
        finally:
            sys.path[:] = entries
        guard_this_process(FOLDER)
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                return spec
        return None


spec = PathFinder.find_spec("sitecustomize")
if spec is not None:
    from importlib.util import module_from_spec

    spec.loader.exec_module(module_from_spec(spec))

# After the other module, which may be the one of an outer job: the guard that is called first decides.
if os.path.isdir(FOLDER):
    sys.meta_path.insert(0, GuardOnImport())
'''


@dataclass(slots=True)
class ChildReport:
    """What other processes sent since the last report.

    Attributes:
        receipts: of their requests, in the order of each process.
        refusals: errors of calls that were rejected.
        in_progress: ids of the processes that are storing an object now.
    """

    receipts: list[Receipt] = field(default_factory=list)
    refusals: list[ControlError] = field(default_factory=list)
    in_progress: list[int] = field(default_factory=list)


class ChildProcesses:
    """The folder of this process, as the run uses it."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._policy: ChildPolicy | None = None
        self._lines: dict[Path, int] = {}
        self._owner = 0

    @property
    def folder(self) -> str:
        """The path of the folder; ``""`` before the first run."""
        return "" if self._folder is None else str(self._folder)

    def on_executors(self) -> dict[str, str]:
        """Return what an executor needs to guard its Python workers; ``{}`` before the first run.

        ``folder`` is the path of the executor's folder, ``requests`` of the run's files; ``sitecustomize``
        and ``policy`` are texts of files.
        """
        if self._folder is None or self._policy is None:
            return {}
        folder = f"{self._folder}{_ON_EXECUTORS}"
        return {
            "folder": folder,
            "requests": str(self._folder / _REQUESTS),
            "sitecustomize": _sitecustomize(folder),
            "policy": _policy_text(self._policy),
        }

    def open(self, policy: ChildPolicy) -> None:
        """Guard the processes that start from now on, and those that an earlier run has guarded."""
        if self._folder is None:
            self._folder, self._owner = _new_folder(), os.getpid()
            atexit.register(self.remove)
        self._write(policy)
        entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        if str(self._folder) not in entries:
            os.environ["PYTHONPATH"] = os.pathsep.join([str(self._folder), *filter(None, entries)])

    def close(self, run: str) -> None:
        """Reject storing calls of other processes, if no other run has started."""
        if self._policy is not None and self._policy.run == run and self._policy.is_open:
            with suppress(FileNotFoundError):  # without the folder, a process stores nothing
                self._write(replace(self._policy, is_open=False))

    def remove(self) -> None:
        """Remove the folder when this process ends, unless a run is still open or this is a forked process.

        ``run.process_hooks`` ends open runs when the process ends, and calls this method afterwards.
        """
        is_open = self._policy is not None and self._policy.is_open
        if self._folder is not None and not is_open and os.getpid() == self._owner:
            shutil.rmtree(self._folder, ignore_errors=True)
            # Executors of a cluster on this machine that were killed have left theirs.
            shutil.rmtree(f"{self._folder}{_ON_EXECUTORS}", ignore_errors=True)

    def forget_ended_run(self) -> None:
        """Start further processes without a guard, for processes that test jobs, if no run is open."""
        if self._policy is not None and not self._policy.is_open:
            entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
            os.environ["PYTHONPATH"] = os.pathsep.join(
                entry for entry in entries if entry != str(self._folder)
            )

    def collect(self, run: str) -> ChildReport:
        """Return what other processes sent for a run since the last call."""
        report = ChildReport()
        if self._folder is None:
            return report
        if not (self._folder / _REQUESTS).is_dir():
            report.refusals.append(
                VerificationError(
                    "GS-S3-007",
                    resource="S3 calls of the processes that the job started",
                    found=f"the folder {self._folder} was removed during the run",
                    required="the folder, until the run ends",
                    fix="do not delete temporary files of a running job",
                )
            )
            return report
        for file in sorted((self._folder / _REQUESTS).iterdir()):
            process = int(file.name.partition("-")[0])
            events = [json.loads(line) for line in file.read_text().split("\n") if line.endswith("}")]
            for event in events[self._lines.get(file, 0) :]:
                if event.get("run") != run:
                    continue
                report.receipts.extend(map(_receipt, event.get("receipts", ())))
                if "refused" in event:
                    report.refusals.append(_error(event["refused"]))
            self._lines[file] = len(events)
            begun = {event["begin"] for event in events if "begin" in event}
            ended = {event["end"] for event in events if "end" in event}
            of_executor = file.stem.count("-") > 1
            if begun - ended and (of_executor or process != os.getpid()):
                has_ended = "gone" in events[-1] if of_executor else not _is_running(file)
                if not has_ended:
                    report.in_progress.append(process)
                else:
                    for event in events:
                        if event.get("run") == run and event.get("begin") in begun - ended:
                            report.receipts.extend(map(_receipt, event.get("pending", ())))
        return report

    def in_child(self) -> CallGuard | None:
        """Return the guard of a forked process; None before the first run."""
        return None if self._folder is None else ChildGuard(self._folder)

    def _write(self, policy: ChildPolicy) -> None:
        assert self._folder is not None  # noqa: S101 - open() created it
        replace_file(self._folder / _POLICY, _policy_text(policy), mode=0o644)
        self._policy = policy


CHILD_PROCESSES = ChildProcesses()
"""The processes that this process starts."""


class ChildGuard:
    """Decides about the calls of one process by the folder's policy. Implements ``CallGuard``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = _RequestLog(folder / _REQUESTS)
        self._recorders: dict[str, _ChildRecorder] = {}

    @property
    def is_open(self) -> bool:
        """Whether the run is open."""
        policy = _read(self._folder)
        return policy is not None and policy.is_open

    def records_read(self, location: S3Uri) -> bool:
        """Return whether the response to a read of an object is recorded."""
        return _read(self._folder) is not None and self._recorder().records_read(location)

    def refuse(self, error: RefusedError) -> NoReturn:
        """Raise the error; the run can no longer commit."""
        self._recorder().refuse(error)

    def check_call(
        self, operation: str, parameters: Mapping[str, Any], endpoint: str, *, presigned: bool
    ) -> Mapping[str, str | bool]:
        """Return the parameters to add to an S3 call; see :meth:`S3CallGuard.check_call`."""
        return self._recorder().check_call(operation, parameters, endpoint, presigned=presigned)

    def request(
        self, operation: str, parameters: Mapping[str, Any], size: int | None
    ) -> AbstractContextManager[Recorder]:
        """Return the context of one request; see :meth:`S3CallGuard.request`."""
        return self._recorder().request(operation, parameters, size)

    def in_child(self) -> CallGuard:
        """Return the guard of a forked process, which has its own file."""
        return ChildGuard(self._folder)

    def _recorder(self) -> _ChildRecorder:
        policy = _read(self._folder)
        if policy is None:
            raise _ended()
        if policy.run not in self._recorders:
            self._recorders[policy.run] = _ChildRecorder(policy, self._folder, self._log)
        return self._recorders[policy.run]


class _ChildRecorder(S3CallGuard):
    """The guard of a process under the policy of one run. Receipts are written to the process's file."""

    def __init__(self, policy: ChildPolicy, folder: Path, log: _RequestLog) -> None:
        super().__init__(
            rules=policy.rules,
            describe=partial(_describe, KmsKeyArn.parse(policy.rules.default.written.key).region),
            endpoint=policy.endpoint,
            reserved=policy.reserved,
            add=self._write_receipts,
            operation=self._run_operation,
            is_open=self._run_is_open,
        )
        self._run, self._folder, self._log = policy.run, folder, log

    @contextmanager
    def request(self, operation: str, parameters: Mapping[str, Any], size: int | None) -> Iterator[Recorder]:
        if operation in READING:  # a commit does not wait for reads
            with super().request(operation, parameters, size) as record:
                yield record
            return
        # If this process ends during the request, the object may exist.
        pending = unanswered(operation, parameters, time=now())
        with self._logged(pending), super().request(operation, parameters, size) as record:
            yield record

    def _run_is_open(self) -> bool:
        policy = _read(self._folder)
        return policy is not None and policy.is_open and policy.run == self._run

    @contextmanager
    def _run_operation(self, _fails_run_on: type[BaseException] = BaseException, /) -> Iterator[None]:
        """Run one call. A rejected call fails the run; other errors are the process's own."""
        with self._logged(()):
            if not self._run_is_open():
                raise _ended()
            try:
                yield
            except ControlError as error:
                self._log.append(run=self._run, refused=_error_document(error))
                raise

    @contextmanager
    def _logged(self, pending: Sequence[Receipt]) -> Iterator[None]:
        token = uuid.uuid4().hex
        self._log.append(run=self._run, begin=token, pending=list(map(_document, pending)))
        try:
            yield
        finally:
            self._log.append(run=self._run, end=token)

    def _write_receipts(self, receipts: Sequence[Receipt]) -> None:
        if receipts:
            self._log.append(run=self._run, receipts=list(map(_document, receipts)))


def _describe(region: str, key: str) -> KmsKey:
    from glue_secure.aws.kms import KmsKeyService
    from glue_secure.aws.session import AwsSession

    session = AwsSession.from_chain(region=region, requests_ca_bundle=os.environ.get("REQUESTS_CA_BUNDLE"))
    return KmsKeyService(client=session.client("kms")).describe(key)


class _RequestLog:
    """The file of this process, created at its first entry."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock, self._file = folder, Lock(), -1

    def append(self, **event: Any) -> None:
        line = json.dumps(event).encode() + b"\n"
        with self._lock:
            if self._file < 0:
                path = self._folder / f"{os.getpid()}-{uuid.uuid4().hex}.jsonl"
                try:
                    self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
                except FileNotFoundError:
                    raise _ended() from None
                fcntl.flock(self._file, fcntl.LOCK_EX)
            os.write(self._file, line)


def guard_this_process(folder: str) -> None:
    """Guard botocore's clients in a process that a job has started. ``sitecustomize.py`` calls it."""
    botocore_guard.guard_before_run(ChildGuard(Path(folder)))


def _new_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="glue-secure-"))
    (folder / _REQUESTS).mkdir(mode=0o700)
    (folder / "sitecustomize.py").write_text(_sitecustomize(str(folder)))
    return folder


def _sitecustomize(folder: str) -> str:
    package = str(Path(glue_secure.__file__).parents[1])
    return _SITECUSTOMIZE.format(folder=folder, package=package)


def _read(folder: Path) -> ChildPolicy | None:
    try:
        values = json.loads((folder / _POLICY).read_text())
    except FileNotFoundError:
        return None
    return ChildPolicy(
        run=values["run"],
        rules=EncryptionRules.from_mapping(values["rules"]),
        reserved=tuple(S3Uri.parse(location) for location in values["reserved"]),
        endpoint=values["endpoint"],
        is_open=values["open"] and _runs_a_task(folder),
    )


def _runs_a_task(folder: Path) -> bool:
    """Return whether an executor of this machine runs a task; True in the folder of the driver."""
    try:
        with os.scandir(folder / _TASKS) as tasks:
            return any(tasks)
    except FileNotFoundError:
        return True


def _policy_text(policy: ChildPolicy) -> str:
    return json.dumps(
        {
            "run": policy.run,
            "rules": policy.rules.as_mapping(),
            "reserved": [str(location) for location in policy.reserved],
            "endpoint": policy.endpoint,
            "open": policy.is_open,
        }
    )


def _is_running(file: Path) -> bool:
    """Return whether the process that writes a file is running: the file is locked until it ends."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _document(receipt: Receipt) -> dict[str, Any]:
    return {**asdict(receipt), "uri": str(receipt.uri)}


def _receipt(document: Mapping[str, Any]) -> Receipt:
    bucket, _, key = str(document["uri"]).removeprefix("s3://").partition("/")
    return Receipt(**{**document, "uri": S3Uri(bucket, key)})


def _error_document(error: ControlError) -> dict[str, Any]:
    return {
        "control": error.control,
        "verified": isinstance(error, RefusedError),
        "resource": error.resource,
        "found": error.found,
        "required": error.required,
        "fix": error.fix,
    }


def _error(document: Mapping[str, Any]) -> ControlError:
    kind = RefusedError if document["verified"] else VerificationError
    return kind(
        document["control"],
        resource=f"{document['resource']} (in another process of the job)",
        found=document["found"],
        required=document["required"],
        fix=document["fix"],
    )


def _ended() -> UsageError:
    return UsageError(
        "an S3 call of a process that a job started",
        found="a write after the run has ended or begun to commit",
        required="all writes before job.commit()",
        fix="wait for the process before job.commit(); the evidence does not cover later calls",
    )
