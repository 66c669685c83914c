"""A run ends with who started it: its JVM's place is taken by a small Python, its job is real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from glue_secure.embedded import launch
from glue_secure.embedded.processes import ProcessIdentity
from glue_secure.utils import getResolvedOptions

RUNNER = """
import sys
from glue_secure.embedded.launch import Submission, run
done = run(Submission((sys.executable, *sys.argv[1:]), {}, "jr", "job", None))
sys.exit(done.returncode)
"""
# Like spark-submit's JVM: it starts the job, and a daemon in a process group of its own.
JVM = """
import os, signal, subprocess, sys
from pathlib import Path
folder, stubborn = Path(sys.argv[1]), sys.argv[3] == "stubborn"
if stubborn:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
else:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: (folder / "jvm-asked").touch())
daemon = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], preexec_fn=os.setpgrp)
job = subprocess.Popen([sys.executable, sys.argv[2], str(folder)])
(folder / "pids.new").write_text(f"{os.getpid()} {daemon.pid} {job.pid}")
code = job.wait()
os._exit(code if code >= 0 else 128 - code)
"""
JOB = """
import signal, sys, time
from pathlib import Path
folder = Path(sys.argv[1])
def end(number, frame):
    raise SystemExit(128 + number)
if signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN:
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
while not (folder / "pids.new").exists() or not (folder / "pids.new").read_text():
    time.sleep(0.01)
(folder / "pids.new").rename(folder / "pids")
try:
    time.sleep(600)
finally:
    time.sleep(0.2)
    (folder / "evidence").touch()
"""


class Started:
    def __init__(self, folder: Path, kind: str) -> None:
        for name, text in (("jvm.py", JVM), ("job.py", JOB)):
            (folder / name).write_text(text)
        words = [folder / "jvm.py", folder, folder / "job.py", kind]
        self.runner = subprocess.Popen([sys.executable, "-c", RUNNER, *map(str, words)])
        until = time.monotonic() + 30
        while not (folder / "pids").exists():
            assert time.monotonic() < until
            time.sleep(0.02)
        self.processes = [ProcessIdentity.of(int(pid)) for pid in (folder / "pids").read_text().split()]

    def all_ended(self, seconds: float = 10.0) -> bool:
        until = time.monotonic() + seconds
        while any(process.alive for process in self.processes):
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True


@pytest.fixture
def started(tmp_path):
    made = []

    def start(kind="willing"):
        made.append(Started(tmp_path, kind))
        return made[-1]

    yield start
    for one in made:
        one.runner.kill()
        one.runner.wait()
        for process in one.processes:
            if process.alive:
                process.end(0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_and_the_job_goes_first(started, tmp_path, number):
    run = started()
    run.runner.send_signal(number)
    assert run.runner.wait(10) == 128 + number
    assert run.all_ended()
    assert (tmp_path / "evidence").exists()
    assert not (tmp_path / "jvm-asked").exists()


def test_a_killed_parent_leaves_no_run_behind(started, tmp_path):
    run = started()
    run.runner.kill()
    assert run.all_ended()
    assert (tmp_path / "evidence").exists()


def test_a_run_that_does_not_listen_is_killed(started, tmp_path):
    run = started("stubborn")
    until = time.monotonic() + 20
    # Every further signal is the next step, so that nobody has to wait for the time the run is given.
    while run.runner.poll() is None and time.monotonic() < until:
        run.runner.terminate()
        time.sleep(0.1)
    # A signal that comes when all is done and the handlers are back ends it by itself.
    assert run.runner.returncode in (143, -signal.SIGTERM)
    assert run.all_ended()
    assert not (tmp_path / "evidence").exists()


def test_the_keeper_killed_alone_leaves_no_run_behind(started):
    run = started()
    (keeper,) = Path(f"/proc/{run.runner.pid}/task/{run.runner.pid}/children").read_text().split()
    os.kill(int(keeper), signal.SIGKILL)
    run.processes[0].wait(10)
    run.runner.wait(10)
    assert [process.alive for process in (run.processes[0], run.processes[2])] == [False, False]


def test_an_exit_code_and_output_come_through():
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"
    script = (
        "import subprocess, sys\nfrom glue_secure.embedded.launch import Submission, run\n"
        f"made = Submission((sys.executable, '-c', {code!r}), {{}}, 'jr', 'job', None)\n"
        "done = run(made, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)\n"
        "assert (done.returncode, sorted(done.stdout.split())) == (7, ['err', 'out']), done\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)


class Service:
    """The embedded account's Glue, as far as a run is started there."""

    def start_job_run(self, **request):
        self.request = request
        return {"JobRunId": "jr_1"}


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """Prepare a script's run for a job with these default arguments; the words that the script gets."""
    script = tmp_path / "load.py"
    script.touch()

    def words(defaults, given):
        job = {"DefaultArguments": defaults, "NonOverridableArguments": {"--pinned": ""}}
        monkeypatch.setattr(launch, "clients", lambda account: lambda name: Service())
        monkeypatch.setattr(launch, "ensure_job", lambda account, name, script: job)
        monkeypatch.setattr(launch, "overlay", lambda environ, account, master: {})
        monkeypatch.setattr(launch, "spark_submit", lambda: ("spark-submit",))
        front, place, *rest = launch.prepare(None, script, given).command
        assert (front, place) == ("spark-submit", str(script))
        return rest

    return words


def test_an_empty_argument_reaches_the_script_as_an_empty_text(prepared):
    words = prepared({"--partition": "", "--limit": "5", "--pinned": "no"}, ["--filter=", "--verbose"])
    assert {"--partition=", "--filter=", "--verbose=", "--pinned="} <= set(words)
    asked = ["JOB_NAME", "partition", "limit", "filter", "verbose", "pinned"]
    resolved = getResolvedOptions(["load.py", *words], asked)
    assert {name: resolved[name] for name in asked} == {
        "JOB_NAME": "load", "partition": "", "limit": "5", "filter": "", "verbose": "", "pinned": "",
    }  # fmt: skip


def test_an_empty_argument_is_not_taken_for_the_next_one(prepared):
    words = prepared({"--first": "", "--second": "x"}, [])
    assert words[words.index("--second") + 1] == "x"
    assert getResolvedOptions(["load.py", *words], ["first", "second"])["first"] == ""
