"""A run ends with the process that started it. A small Python script replaces the JVM of spark-submit."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from glue_secure.embedded import launch
from glue_secure.embedded.processes import ProcessIdentity
from glue_secure.utils import getResolvedOptions

RUNNER = """
import sys
from glue_secure.embedded.launch import Submission, run
completed = run(Submission((sys.executable, *sys.argv[1:]), {}, "jr", "job", None))
sys.exit(completed.returncode)
"""
# Like spark-submit's JVM: it starts the job, and a daemon in another process group.
JVM = """
import os, signal, subprocess, sys
from pathlib import Path
folder, stubborn = Path(sys.argv[1]), sys.argv[3] == "stubborn"
if stubborn:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
else:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: (folder / "jvm-signalled").touch())
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


class StartedRun:
    def __init__(self, folder: Path, behaviour: str) -> None:
        for name, text in (("jvm.py", JVM), ("job.py", JOB)):
            (folder / name).write_text(text)
        words = [folder / "jvm.py", folder, folder / "job.py", behaviour]
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
def start_run(tmp_path):
    runs = []

    def start(behaviour="ends on signals"):
        runs.append(StartedRun(tmp_path, behaviour))
        return runs[-1]

    yield start
    for run in runs:
        run.runner.kill()
        run.runner.wait()
        for process in run.processes:
            if process.alive:
                process.end(0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_and_the_job_ends_first(start_run, tmp_path, number):
    run = start_run()
    run.runner.send_signal(number)
    assert run.runner.wait(10) == 128 + number
    assert run.all_ended()
    assert (tmp_path / "evidence").exists()
    assert not (tmp_path / "jvm-signalled").exists()


def test_no_run_continues_after_its_parent_was_killed(start_run, tmp_path):
    run = start_run()
    run.runner.kill()
    assert run.all_ended()
    assert (tmp_path / "evidence").exists()


def test_a_run_that_ignores_signals_is_killed(start_run, tmp_path):
    run = start_run("stubborn")
    until = time.monotonic() + 20
    # Every further signal triggers the next step before its time limit.
    while run.runner.poll() is None and time.monotonic() < until:
        run.runner.terminate()
        time.sleep(0.1)
    # -SIGTERM: the signal was received after the handlers had been restored.
    assert run.runner.returncode in (143, -signal.SIGTERM)
    assert run.all_ended()
    assert not (tmp_path / "evidence").exists()


def test_no_run_continues_after_its_supervisor_was_killed(start_run):
    run = start_run()
    (supervisor,) = Path(f"/proc/{run.runner.pid}/task/{run.runner.pid}/children").read_text().split()
    os.kill(int(supervisor), signal.SIGKILL)
    run.processes[0].wait(10)
    run.runner.wait(10)
    assert [process.alive for process in (run.processes[0], run.processes[2])] == [False, False]


def test_exit_code_and_output_are_those_of_the_command():
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"
    script = (
        "import subprocess, sys\nfrom glue_secure.embedded.launch import Submission, run\n"
        f"submission = Submission((sys.executable, '-c', {code!r}), {{}}, 'jr', 'job', None)\n"
        "completed = run(submission, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)\n"
        "assert (completed.returncode, sorted(completed.stdout.split())) == (7, ['err', 'out']), completed\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)


# Like spark-submit: the script's standard input is a pipe without a writer, and its error joins its output.
SPARK_SUBMIT = """
import os, subprocess, sys
print("spark", file=sys.stderr)
job = subprocess.Popen([os.environ["PYSPARK_DRIVER_PYTHON"], *sys.argv[1:]], stdin=subprocess.PIPE,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
sys.stdout.buffer.write(job.stdout.read())
sys.stdout.flush()
sys.exit(job.wait())
"""

TOKEN = "0123456789abcdef"
# Other processes of the user, which know the name of the socket.
OTHERS = """
import os, socket
name = os.environ["GLUE_SECURE_STREAMS"].partition(":")[0]
for word in (b"", b"0123", b"fedcba9876543210"):
    for waits in (False, True):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect("\\0" + name)
            connection.sendall(word)
            if waits:
                connection.shutdown(socket.SHUT_WR)
                assert socket.recv_fds(connection, 1, 3)[:2] == (b"", [])
"""


@pytest.fixture
def submission(tmp_path):
    """Return a function that submits a script's text, as ``prepare`` does."""

    def submit(text, before="", **variables):
        (tmp_path / "submit.py").write_text(before + SPARK_SUBMIT)
        (tmp_path / "a job.py").write_text(text)
        driver = launch._driver_python(tmp_path)
        names = {"PYSPARK_DRIVER_PYTHON": str(driver), "GLUE_SECURE_STREAMS": f"test-{os.getpid()}:{TOKEN}"}
        command = (sys.executable, str(tmp_path / "submit.py"), str(tmp_path / "a job.py"))
        return launch.Submission(command, {**os.environ, **names, **variables}, "jr", "job", None)

    return submit


def test_a_script_has_the_standard_streams_of_the_run(submission, tmp_path):
    submitted = submission(
        "import os, subprocess, sys\n"
        "print('data', sys.stdin.read().split(), 'GLUE_SECURE_STREAMS' in os.environ, flush=True)\n"
        "print('refused', file=sys.stderr)\n"
        "subprocess.run(['sh', '-c', 'echo child; echo problem >&2'])\n"
        "sys.exit(3)\n"
    )
    (tmp_path / "input").write_text("1\n2\n")
    with (tmp_path / "input").open() as rows:
        done = launch.run(submitted, stdin=rows, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert (done.returncode, done.stdout) == (3, "data ['1', '2'] False\nchild\n")
    assert done.stderr.splitlines() == ["spark", "refused", "problem"]


def test_a_script_without_the_streams_of_a_run_keeps_its_own(submission):
    submitted = submission("import sys\nprint('data')\nprint('refused', file=sys.stderr)\n",
                           GLUE_SECURE_STREAMS="")  # fmt: skip
    done = launch.run(submitted, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert (done.returncode, sorted(done.stdout.split()), done.stderr) == (0, ["data", "refused"], "spark\n")


def test_the_streams_go_to_no_process_without_the_token(submission):
    submitted = submission("print('data')\n", before=OTHERS)
    done = launch.run(submitted, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "data\n", "spark\n")


def test_a_debugger_works_in_a_terminal(submission):
    terminal, end = pty.openpty()
    submitted = submission("amount = 6 * 7\nbreakpoint()\nprint('continued')\n", PYTHONBREAKPOINT="")
    try:
        os.write(terminal, b"print('amount', amount)\ncontinue\n")
        done = launch.run(submitted, stdin=end, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    finally:
        os.close(terminal)
        os.close(end)
    assert done.returncode == 0, done.stderr
    assert "(Pdb) amount 42\n(Pdb) continued\n" in done.stdout


class FakeGlue:
    """A Glue client that can only start job runs."""

    def start_job_run(self, **request):
        self.request = request
        return {"JobRunId": "jr_1"}


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """Return a function that prepares a run of a job."""
    script = tmp_path / "load.py"
    script.touch()

    def prepare(defaults, arguments):
        job = {"DefaultArguments": defaults, "NonOverridableArguments": {"--pinned": ""}}
        monkeypatch.setattr(launch, "clients", lambda account: lambda name: FakeGlue())
        monkeypatch.setattr(launch, "ensure_job", lambda account, name, script: job)
        monkeypatch.setattr(launch, "overlay", lambda environ, account, master: {})
        monkeypatch.setattr(launch, "spark_submit", lambda: ("spark-submit",))
        return launch.prepare(SimpleNamespace(scratch=tmp_path), script, arguments)

    return prepare


@pytest.fixture
def script_arguments(prepared, tmp_path):
    """Return a function that prepares a run of a job, and returns the arguments of its script."""

    def prepare(defaults, arguments):
        program, path, *words = prepared(defaults, arguments).command
        assert (program, path) == ("spark-submit", str(tmp_path / "load.py"))
        return words

    return prepare


def test_each_run_has_its_own_program_for_python_and_removes_it(prepared, monkeypatch, tmp_path):
    first = prepared({}, [])
    monkeypatch.setattr(sys, "executable", "/another/python")
    second = prepared({}, [])
    monkeypatch.undo()
    programs = [Path(one.environment["PYSPARK_DRIVER_PYTHON"]) for one in (first, second)]
    assert ["/another/python" in program.read_text() for program in programs] == [False, True]
    assert [program.parent.stat().st_mode & 0o777 for program in programs] == [0o700, 0o700]
    done = launch.run(replace(second, command=(sys.executable, "-c", "")))
    assert done.returncode == 0
    assert [program.exists() for program in programs] == [True, False]


def test_an_empty_argument_reaches_the_script_as_an_empty_text(script_arguments):
    words = script_arguments(
        {"--partition": "", "--limit": "5", "--pinned": "no"}, ["--filter=", "--verbose"]
    )
    assert {"--partition=", "--filter=", "--verbose=", "--pinned="} <= set(words)
    names = ["JOB_NAME", "partition", "limit", "filter", "verbose", "pinned"]
    resolved = getResolvedOptions(["load.py", *words], names)
    assert {name: resolved[name] for name in names} == {
        "JOB_NAME": "load", "partition": "", "limit": "5", "filter": "", "verbose": "", "pinned": "",
    }  # fmt: skip


def test_an_empty_argument_does_not_take_the_next_argument_as_its_value(script_arguments):
    words = script_arguments({"--first": "", "--second": "x"}, [])
    assert words[words.index("--second") + 1] == "x"
    assert getResolvedOptions(["load.py", *words], ["first", "second"])["first"] == ""


@pytest.mark.parametrize(
    ("name", "replaces"),
    [("select.py", True), ("json/__init__.py", True), ("job.py", False), ("select", False)],
)
def test_a_module_beside_the_script_that_replaces_one_of_python_is_noticed(tmp_path, name, replaces):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    assert launch._replaces_standard_library(tmp_path) is replaces
