"""The Python processes that a job starts: their S3 calls are guarded, and the run has their receipts."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import boto3
import pytest

from glue_secure.aws import botocore_guard
from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.core.identifiers import KmsKeyArn, RunId, S3Uri
from glue_secure.core.receipt_book import ReceiptBook
from glue_secure.core.receipts import UNANSWERED
from glue_secure.core.target_encryption import EncryptionRules
from glue_secure.run.state import RunState
from glue_secure.testing.fakes import FakeKeyService
from glue_secure.verification.child_processes import ChildProcesses
from glue_secure.verification.driver_s3 import DriverS3Recorder

KEY = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111")
# A client whose requests are answered in the process. ``ready`` and ``go`` are files to wait with.
CLIENT = """
import boto3, io, os, pathlib, sys, time
from botocore.awsrequest import AWSResponse
class Body(io.BytesIO):
    def stream(self, **_): yield self.read()
def answer(request, **_):
    print(request.headers.get("x-amz-server-side-encryption-aws-kms-key-id"), flush=True)
    if len(sys.argv) > 1:
        pathlib.Path(sys.argv[1]).touch()
        while not pathlib.Path(sys.argv[1] + ".go").exists(): time.sleep(0.01)
    headers = {"x-amz-server-side-encryption": "aws:kms",
               "x-amz-server-side-encryption-aws-kms-key-id": KEY}
    return AWSResponse(request.url, 200, headers, Body())
client = boto3.client("s3", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
client.meta.events.register("before-send.s3", answer)
"""
PUT = "client.put_object(Bucket='curated', Key='out/a', Body=b'x')\n"


class Botocore:
    """Guards botocore, as the session of a run does."""

    def guarded(self, guard):
        return guard

    def guard_process(self, guard):
        botocore_guard.guard_process(guard)


class ARun:
    """The parts of a run that guard its processes."""

    def __init__(self, run: str = "jr_1") -> None:
        self.state, self.receipts = RunState(RunId(run)), ReceiptBook()
        self.guard = DriverS3Recorder(
            run=run,
            rules=EncryptionRules.of_key(KEY),
            keys=FakeKeyService(),
            source=Botocore(),
            endpoint="https://s3.eu-west-1.amazonaws.com",
            reserved=[S3Uri("state", "bookmarks/")],
            receipts=self.receipts,
            operation=self.state.operation,
            is_open=lambda: self.state.is_open,
            children=ChildProcesses(),
        )
        self.guard.guard_process()

    def end(self):
        self.guard.close()
        self.guard._children.remove()

    def written(self):
        return [(receipt.uri.key, receipt.key) for receipt in self.guard.receipts()]


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setattr(botocore_guard, "_guards", [])
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    run = ARun()
    yield run
    run.end()


def program(text):
    return CLIENT.replace("KEY}", f"{str(KEY)!r}}}") + textwrap.dedent(text)


def child(text, *arguments):
    return subprocess.run(
        [sys.executable, "-c", program(text), *arguments], capture_output=True, text=True, timeout=60
    )


def started(text, ready):
    process = subprocess.Popen(
        [sys.executable, "-c", program(text), str(ready)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    wait = threading.Event()
    while not ready.exists() and process.poll() is None:
        wait.wait(0.02)
    return process


def test_a_subprocess_writes_under_the_key_and_the_run_has_its_receipt(run):
    result = child(PUT)
    assert result.stdout.split() == [f"b'{KEY}'"], result.stderr
    run.guard.collect()
    assert run.written() == [("out/a", str(KEY))]


def test_gs_s3_005_a_rejected_call_of_a_subprocess_fails_the_run(run):
    result = child("client.put_object(Bucket='b', Key='a', Body=b'x', ServerSideEncryption='AES256')")
    assert result.stdout == ""
    assert "GS-S3-005" in result.stderr
    with pytest.raises(RefusedError, match="GS-S3-005"):
        run.guard.collect()


def test_gs_s3_009_a_subprocess_does_not_touch_bookmarks(run):
    assert "GS-S3-009" in child("client.put_object(Bucket='state', Key='bookmarks/x')").stderr


def test_after_the_commit_began_a_subprocess_stores_nothing(run):
    run.guard.collect()
    result = child(PUT)
    assert result.stdout == ""
    assert "run has ended" in result.stderr
    assert child("client.head_object(Bucket='curated', Key='a')").returncode == 0


def test_a_commit_is_rejected_while_a_subprocess_stores_an_object(run, tmp_path):
    process = started(PUT, tmp_path / "ready")
    with pytest.raises(UsageError, match=f"in progress in processes {process.pid}"):
        run.guard.collect()
    (tmp_path / "ready.go").touch()
    process.communicate()


def test_the_object_of_a_killed_subprocess_is_read_back(run, tmp_path):
    process = started(PUT, tmp_path / "ready")
    process.kill()
    process.communicate()
    run.guard.collect()
    assert [(receipt.outcome, receipt.uri.key) for receipt in run.guard.receipts()] == [(UNANSWERED, "out/a")]


def test_a_running_subprocess_that_stores_nothing_does_not_hinder_the_commit(run, tmp_path):
    process = started(PUT + "import time; time.sleep(60)\n", tmp_path / "ready")
    (tmp_path / "ready.go").touch()
    wait = threading.Event()
    for _ in range(200):
        if run.guard._children.collect("none").in_progress == []:
            break
        wait.wait(0.02)
    run.guard.collect()
    assert process.poll() is None
    process.kill()
    process.communicate()


def test_a_spawned_process_of_multiprocessing_writes_under_the_key(run, tmp_path):
    script = tmp_path / "job.py"
    body = program("def put():\n    " + PUT)
    script.write_text(
        body + "if __name__ == '__main__':\n"
        "    import multiprocessing\n"
        "    process = multiprocessing.get_context('spawn').Process(target=put)\n"
        "    process.start(); process.join()\n"
    )
    result = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60)
    assert f"b'{KEY}'" in result.stdout, result.stderr
    run.guard.collect()
    assert run.written() == [("out/a", str(KEY))]


def test_a_forked_process_writes_under_the_key(run, monkeypatch, tmp_path):
    def put():
        exec(program(PUT), {})

    monkeypatch.setattr(sys, "argv", ["job.py"])
    boto3.session.Session()
    process = os.fork()
    if process == 0:
        code = 1
        try:
            put()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(process, 0)[1] == 0
    assert not run.guard.receipts()
    run.guard.collect()
    assert run.written() == [("out/a", str(KEY))]


def test_another_sitecustomize_still_runs(run, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("print('mine')\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([os.environ["PYTHONPATH"], str(tmp_path)]))
    result = subprocess.run([sys.executable, "-c", "import json"], capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("mine\n", "")


def test_a_python_process_without_botocore_imports_nothing_of_it(run):
    code = "import sys; print([name for name in sys.modules if name.startswith(('glue_secure', 'boto'))])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]"


def test_the_folder_is_private_and_has_no_secret(run, monkeypatch):
    folder = Path(run.guard._children.folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    secret = "do-not-store-this"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    child(PUT)
    assert not [file for file in folder.rglob("*") if file.is_file() and secret.encode() in file.read_bytes()]


def test_the_receipts_of_one_run_are_not_those_of_the_next(run):
    child(PUT)
    report = run.guard._children.collect("jr_2")
    assert report.receipts == []


def test_the_newest_of_nested_runs_decides_about_a_subprocess(run):
    run.guard.collect()  # the outer job has ended
    inner = ARun("jr_2")
    result = child(PUT)
    assert result.returncode == 0, result.stderr
    inner.guard.collect()
    assert inner.written() == [("out/a", str(KEY))]
    inner.end()


def test_a_process_that_tests_jobs_starts_unguarded_processes_again(run):
    run.guard.collect()
    run.guard._children.forget_ended_run()
    assert child(PUT).stdout.split() == ["None"]


def test_the_folder_is_removed_after_the_run_has_ended_and_not_before(run):
    folder, children = Path(run.guard._children.folder), run.guard._children
    children.remove()
    assert folder.is_dir()
    run.guard.collect()
    children.remove()
    assert not folder.exists()


def on_an_executor(run, folder):
    """Return the environment of a Python worker whose folder an executor has made as ``folder``."""
    files = run.guard._children.on_executors()
    for name in ("tasks", "requests"):
        (folder / name).mkdir(parents=True)
    (folder / "policy.json").write_text(files["policy"])
    text = files["sitecustomize"]
    assert repr(files["folder"]) in text
    (folder / "sitecustomize.py").write_text(text.replace(repr(files["folder"]), repr(str(folder))))
    return {**os.environ, "PYTHONPATH": str(folder)}


def in_a_worker(text, environment):
    return subprocess.run(
        [sys.executable, "-c", program(text)], env=environment, capture_output=True, text=True, timeout=60
    )


def sent_by_the_executor(run, folder, ending=""):
    """Copy the files of an executor's folder as its request guard does."""
    requests = Path(run.guard._children.on_executors()["requests"])
    for file in (folder / "requests").iterdir():
        (requests / f"{file.stem}-executor7.jsonl").write_text(file.read_text() + ending)


def test_the_run_has_the_receipts_of_a_worker_on_another_machine(run, tmp_path):
    environment = on_an_executor(run, tmp_path / "folder")
    (tmp_path / "folder" / "tasks" / "executor7").touch()
    result = in_a_worker(PUT, environment)
    assert result.stdout.split() == [f"b'{KEY}'"], result.stderr
    sent_by_the_executor(run, tmp_path / "folder")
    run.guard.collect()
    assert run.written() == [("out/a", str(KEY))]


def test_a_worker_on_another_machine_stores_nothing_while_no_task_runs(run, tmp_path):
    environment = on_an_executor(run, tmp_path / "folder")
    result = in_a_worker(PUT, environment)
    assert result.stdout == ""
    assert "a write after the run has ended or begun to commit" in result.stderr


@pytest.mark.parametrize(("ending", "written"), [('{"gone": true}\n', [UNANSWERED]), ("", None)])
def test_a_call_that_a_worker_on_another_machine_did_not_end(run, tmp_path, ending, written):
    environment = on_an_executor(run, tmp_path / "folder")
    (tmp_path / "folder" / "tasks" / "executor7").touch()
    killed = "client.meta.events.register_first('before-send.s3', lambda **_: os.kill(os.getpid(), 9))\n"
    in_a_worker(killed + PUT, environment)
    sent_by_the_executor(run, tmp_path / "folder", ending)
    if written is None:
        with pytest.raises(UsageError, match="S3 writes in progress"):
            run.guard.collect()
    else:
        run.guard.collect()
        assert [receipt.outcome for receipt in run.guard.receipts()] == written


def test_a_process_without_the_package_cannot_import_botocore(run, tmp_path):
    environment = on_an_executor(run, tmp_path / "folder")
    site = tmp_path / "folder" / "sitecustomize.py"
    package = str(Path(botocore_guard.__file__).parents[2])
    site.write_text(site.read_text().replace(repr(package), repr("/nowhere")))
    twice = "for _ in range(2):\n  try: import botocore.client\n  except ImportError as error: print(error)\n"
    hidden = "import sys; sys.modules['glue_secure'] = None\n"
    result = subprocess.run(
        [sys.executable, "-c", hidden + twice], env=environment, capture_output=True, text=True, cwd="/"
    )
    assert result.stdout.count("glue-secure cannot guard botocore in this process of a run") == 2, (
        result.stderr
    )
    assert "--extra-py-files" in result.stdout
