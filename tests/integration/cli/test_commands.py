"""The command line with an embedded account of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from glue_secure.cli.main import run as run_command
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.account_setup import provision
from glue_secure.embedded.clients import clients

ROOT = Path(__file__).resolve().parents[3]
COMMAND = Path(sys.executable).with_name("glue-secure")


def glue_secure(*words, state, cwd=ROOT, **environment):
    environ = {**os.environ, "GLUE_SECURE_LOCAL_STATE": str(state), **environment}
    return subprocess.run(
        [COMMAND, *words], cwd=cwd, env=environ, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def runs(pid):
    """Return whether a process is running. A zombie process has no command line."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """A running account in a folder with a space in its name."""
    folder = tmp_path_factory.mktemp("a state") / "folder"
    up = glue_secure("local", "up", state=folder)
    assert up.returncode == 0, up.stderr
    yield folder
    assert glue_secure("local", "down", state=folder).returncode == 0


def test_up_does_not_change_a_running_account(state):
    before = json.loads(glue_secure("local", "status", "--json", state=state).stdout)
    again = glue_secure("local", "up", "--json", state=state)
    assert again.returncode == 0
    assert json.loads(again.stdout) == before
    assert before["running"] is True


def test_up_defines_the_tables_of_the_lake_formation_example(state):
    words = ("lakeformation", "explain", "arn:aws:iam::123456789012:role/analyst")
    for table in ("sales.customers", "sales.orders"):
        explained = glue_secure(*words, table, "--state", str(state), state=state)
        assert explained.returncode == 0, explained.stderr
        assert explained.stdout.startswith("IAM decides alone")


def test_down_ends_all_processes(tmp_path):
    assert glue_secure("local", "up", state=tmp_path / "s").returncode == 0
    pid = json.loads(glue_secure("local", "status", "--json", state=tmp_path / "s").stdout)["process"]
    assert glue_secure("local", "down", state=tmp_path / "s").stdout.strip() == "stopped"
    assert not runs(pid)
    assert glue_secure("local", "down", state=tmp_path / "s").stdout.strip() == "not running"
    assert glue_secure("local", "status", state=tmp_path / "s").returncode == 1


def test_a_script_runs_and_its_exit_code_is_that_of_the_command(state, tmp_path):
    script = tmp_path / "my job.py"
    script.write_text(
        "from glue_secure import SecureJob\n"
        "with SecureJob.from_argv('target') as job:\n"
        "    record = job.write.s3(job.spark.range(3), job.args.target, format='parquet')\n"
        "    print('wrote', record.rows)\n"
    )
    done = glue_secure("run", str(script), "--target", "s3://glue-secure-curated/mine/", state=state)
    assert (done.returncode, "wrote 3" in done.stdout) == (0, True), done.stderr[-2000:]
    refused = glue_secure("run", str(script), "--target", "file:///tmp/mine", state=state)
    assert refused.returncode == 3
    assert "GS-S3-006 refused" in refused.stderr
    assert "exit code 3, stopped by GS-S3-006; evidence: s3://" in refused.stderr
    assert "Traceback" not in refused.stdout + refused.stderr
    wrong = glue_secure("run", str(script), state=state)
    assert wrong.returncode == 2
    assert "--target" in wrong.stderr


def test_a_script_that_ends_without_commit_is_verified_and_ends_with_exit_code_1(state, tmp_path):
    account = EmbeddedAccount.load(state)
    key, s3 = provision(account).data_key, clients(account)("s3")
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    s3.put_object(Bucket="glue-secure-landing", Key="uncommitted/a.csv", Body=b"id\n1\n2\n", **encryption)
    script = tmp_path / "uncommitted.py"
    script.write_text(
        "import sys\n"
        "from glue_secure import SecureJob\n"
        "job = SecureJob.from_argv()\n"
        "rows = job.read.s3('s3://glue-secure-landing/uncommitted/', format='csv', bookmark='rows')\n"
        "rows.write.mode('overwrite').parquet('s3a://glue-secure-curated/uncommitted/')\n"
        "sys.exit(0)\n"
    )
    bookmark = ("--job-bookmark-option", "job-bookmark-enable")
    ended = glue_secure("run", str(script), *bookmark, state=state)
    assert ended.returncode == 1, ended.stderr[-2000:]
    assert "job.commit() was not called" in ended.stderr
    assert f"{script}:3" in ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
    prefix = {"Bucket": "glue-secure-evidence", "Prefix": "evidence/job=uncommitted/"}
    entry = s3.list_objects_v2(**prefix)["Contents"][-1]  # the first is the record of the start
    body = s3.get_object(Bucket="glue-secure-evidence", Key=entry["Key"])["Body"]
    evidence = json.loads(body.read())
    assert evidence["outcome"] == "ended without job.commit()"
    assert [(write["kind"], write["rows"]) for write in evidence["writes"]] == [("unmanaged", 2)]
    assert evidence["bookmark"]["sequence_after"] == 0


@pytest.fixture
def sleeping_run(state, tmp_path):
    """A ``glue-secure run`` with a sleeping job; pids of the job, the JVM and the Python worker daemon."""
    script = tmp_path / "sleeper.py"
    script.write_text(
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from glue_secure import SecureJob\n"
        "with SecureJob.from_argv('target') as job:\n"
        "    daemon = job.spark.sparkContext.parallelize([0], 1).map(lambda _: os.getppid()).collect()[0]\n"
        "    Path('pids.new').write_text(f'{os.getpid()} {os.getppid()} {daemon}')\n"
        "    os.rename('pids.new', 'pids')\n"
        "    time.sleep(600)\n"
    )
    environ = {**os.environ, "GLUE_SECURE_LOCAL_STATE": str(state)}
    words = ["run", str(script), "--target", "s3://glue-secure-curated/mine/"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen([COMMAND, *words], cwd=tmp_path, env=environ, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 120
        while not (tmp_path / "pids").exists():
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < until
            time.sleep(0.1)
        pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        assert all(map(runs, pids))
        yield process, pids
    finally:
        process.kill()
        process.wait()


def ended(pids, seconds=30):
    until = time.monotonic() + seconds
    while left := [pid for pid in pids if runs(pid)]:
        if time.monotonic() > until:
            return left
        time.sleep(0.1)
    return []


# tests/unit/embedded/test_launch.py sends both signals to a run without Spark.
@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_and_its_evidence_is_written(sleeping_run, tmp_path, number):
    process, pids = sleeping_run
    process.send_signal(number)
    assert process.wait(30) == 128 + number
    assert ended(pids) == []
    log = (tmp_path / "log").read_text()
    assert f"exit code {128 + number}; evidence: s3://" in "".join(log.splitlines()[-2:]), log[-2000:]


def test_killing_the_command_ends_the_run(sleeping_run):
    process, pids = sleeping_run
    process.kill()
    assert ended(pids) == []


def test_spark_submit_works_with_the_variables_of_local_env(state, tmp_path):
    script = tmp_path / "plain.py"
    script.write_text(
        "from glue_secure import SecureJob\n"
        "with SecureJob.from_argv(spark=None) as job:\n"
        "    target = 's3://glue-secure-curated/plain/'\n"
        "    print('wrote', job.write.s3(job.spark.range(3), target, format='csv').rows)\n"
    )
    submit = Path(sys.executable).with_name("spark-submit")
    uris = " ".join(
        f"--glue-secure-{what}-uri s3://glue-secure-evidence/{what}/" for what in ("bookmark", "evidence")
    )
    line = f'eval "$("{COMMAND}" local env)" && "{submit}" "{script}" --JOB_NAME flights_curated {uris}'
    environ = {**os.environ, "GLUE_SECURE_LOCAL_STATE": str(state)}
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert (done.returncode, "wrote 3" in done.stdout) == (0, True), done.stderr[-2000:]


def test_commands_without_an_account_print_how_to_start_it(tmp_path):
    for words in (("local", "env"), ("run", "jobs/flights_curated.py")):
        done = glue_secure(*words, state=tmp_path / "none")
        assert done.returncode == 2
        assert "glue-secure local up" in done.stderr


@pytest.mark.parametrize(
    "words", [("run",), ("nonsense",), ("local", "nonsense"), ("demo", "--script", "none.py")]
)
def test_wrong_usage_ends_with_exit_code_2(words, tmp_path, monkeypatch):
    monkeypatch.setenv("GLUE_SECURE_LOCAL_STATE", str(tmp_path / "none"))
    monkeypatch.setattr(sys, "argv", ["glue-secure", *words])
    with pytest.raises(SystemExit) as ended:
        run_command()
    assert ended.value.code == 2


def test_a_failed_import_never_selects_the_runtime(state, tmp_path):
    script = tmp_path / "job.py"
    script.write_text("from glue_secure import SecureJob\nSecureJob.from_argv()\n")
    line = f'eval "$("{COMMAND}" local env)" && unset GLUE_SECURE_RUNTIME && '
    line += f'"{sys.executable}" "{script}" --JOB_NAME x'
    environ = {**os.environ, "GLUE_SECURE_LOCAL_STATE": str(state)}
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert done.returncode == 2
    assert "GLUE_SECURE_RUNTIME" in done.stderr
