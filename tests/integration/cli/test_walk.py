"""A walk through ordinary mistakes and tasks: exit code, message, and nothing left behind.

Runs with Spark are in tests/jobs and tests/docs.
"""

import json
import multiprocessing
import os
import sys
from pathlib import Path

import pytest

from glue_secure import __version__
from glue_secure.cli.main import run
from glue_secure.embedded.account_setup import BOOKMARKS_URI, EVIDENCE_URI, provision
from glue_secure.embedded.seed import ensure_job
from glue_secure.project.starter import starter_files

SCRIPT = "import sys\nfrom awsglue.utils import getResolvedOptions\nprint(1)\n"
GLUE_JOB = "from awsglue.context import GlueContext\ncontext = GlueContext(None)\n"
POLICY = 'schema = 1\nname = "p"\n'
PERMISSIONS = """\
schema = 1
[settings]
close_defaults = true
[principals]
analyst = "arn:aws:iam::123456789012:role/analyst"
"""
# Words of the command line (STATE: the account's folder), exit code, and a part of the message.
MISTAKES = [
    ("statsu", 2, "No such command 'statsu'"),
    ("run", 2, "Missing argument"),
    ("run nope.py --state STATE", 2, "nope.py: no such file"),
    ("run --state STATE nope.py", 2, "nope.py: no such file"),
    ("run --state STATE .", 2, "no such file"),
    ("run --state empty job.py", 2, "glue-secure local up"),
    ("run --json job.py", 2, "--remote"),
    ("run --state STATE --conf x job.py", 2, "x"),
    ("run --state STATE --jars nope.jar job.py", 2, "nope.jar"),
    ("run --state STATE --py-files nope.zip job.py", 2, "nope.zip"),
    ("run --state STATE job.py --extra-py-files nope.zip", 2, "nope.zip"),
    ("run --state STATE job.py --datalake-formats icebreg", 2, "icebreg"),
    ("run --state STATE --job absent job.py", 2, "no such job in account"),
    ("run --remote absent", 2, "absent"),
    ("run --remote --follow jr_1 --stop jr_1 absent", 2, "--follow"),
    ("migrate", 2, "Missing argument"),
    ("migrate nope", 2, "no such file or folder"),
    ("migrate job.py --check --write", 2, "one of them"),
    ("migrate job.py --format pdf", 2, "'pdf' is not one of"),
    ("pull absent", 2, "no such job in account"),
    ("init Bad_Name", 2, "lower-case"),
    ("init taken", 2, "exists already"),
    ("template cloudformation --project nope.toml", 2, "glue-secure init NAME"),
    ("template cloudformation --project job.py", 2, "TOML"),
    ("deploy --project wrong.toml", 2, "wrong.toml: project"),
    ("preflight --job-name absent", 2, "absent"),
    ("controls show GS-XX-001", 2, "GS-XX-001"),
    ("policy-file lint nope.toml", 2, "nope.toml"),
    ("policy-file lint wrong.toml", 3, "invalid"),
    ("policy-file init policy.toml", 2, "an existing file"),
    ("policy-file explain orders policy.toml", 2, "DATABASE.TABLE"),
    ("lakeformation lint nope.toml", 2, "nope.toml"),
    ("lakeformation plan wrong.toml", 2, "wrong.toml"),
    ("bookmark show absent --uri s3://absent-bucket/x/", 2, "absent"),
    ("bookmark show JOB --uri nope", 2, "nope"),
    ("evidence show s3://glue-secure-evidence/nope.json", 4, "nope.json"),
    ("evidence list --in nope", 2, "nope"),
    ("quality convert nope.dqdl", 2, "nope.dqdl"),
    ("columns", 2, "Usage"),
    ("local table add orders --location s3://b/ --columns x --state STATE", 2, "DATABASE.TABLE"),
    ("local table add a.b --location here --columns id:int --state STATE", 2, "not an S3 location"),
    ("local table add a.b --location here --columns x.int --state STATE", 2, "NAME TYPE"),
    ("local connection add ? --state STATE", 2, "invalid name"),
    ("local connection add ops --user etl --state STATE", 2, "--url"),
    ("local import --database absent --state STATE", 2, "no such database"),
    ("local status --state empty", 1, "not running"),
    ("local env --state empty", 2, "glue-secure local up"),
    ("remediate s3://absent-bucket/ --job JOB", 4, "create bucket absent-bucket, or correct its name"),
]
# Words of the command line and a part of standard output. All end with exit code 0.
TASKS = [
    ("--version", __version__),
    ("--help", "migrate"),
    ("controls list", "GS-S3-004"),
    ("controls show GS-TLS-002", "GS-TLS-002"),
    ("init orders --requirement glue-secure", "orders/jobs/carriers.py"),
    ("template cloudformation --project taken/glue_secure.toml", "AWS::Glue::Job"),
    ("template terraform --project taken/glue_secure.toml", "aws_glue_job"),
    ("migrate glue.py", "1 script: 0 runs as is, 1 to rewrite"),
    ("migrate glue.py --diff", "+import glue_secure.as_awsglue"),
    ("migrate . --json", '"not a Glue script"'),
    ("pull JOB --out pulled.py", "[jobs.JOB]"),
    ("local status --state STATE", "embedded account: running"),
    ("local env --state STATE", "export AWS_ENDPOINT_URL="),
    ("local env --unset", "unset "),
    (
        "local table add walk.orders --location s3://walk/orders/ --columns id:bigint --state STATE",
        "walk.orders",
    ),
    ("local connection add walk --state STATE", "jdbc:postgresql://localhost"),
    ("preflight --connection walk", "walk: OK, postgresql"),
    ("policy-file init new.toml", "new.toml written"),
    ("policy-file show policy.toml", "exception days"),
    ("policy-file explain s3://bucket/x policy.toml", "the default"),
    ("lakeformation lint lake.toml", "0 errors"),
    ("catalog plan", "SSE-KMS"),
    ("bookmark show JOB --uri BOOKMARKS", "JOB"),
    ("evidence list --in EVIDENCE", ""),
]


@pytest.fixture(scope="module")
def job(glue_account):
    """A job with a script in the account."""
    name = "walk-job"
    script = Path(glue_account.scratch, f"{name}.py")
    script.write_text(SCRIPT)
    provision(glue_account)
    ensure_job(glue_account, name, script)
    script.unlink()
    return name


@pytest.fixture
def command(glue_account, job, tmp_path, monkeypatch, capsys):
    files = {
        "job.py": SCRIPT,
        "glue.py": GLUE_JOB,
        "policy.toml": POLICY,
        "lake.toml": PERMISSIONS,
        "wrong.toml": "[projct]\nname = 1\n",
        "empty/.keep": "",
    }
    files |= {f"taken/{name}": text for name, text in starter_files("taken", "glue-secure").items()}
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    names = {
        "STATE": str(glue_account.state),
        "JOB": job,
        "BOOKMARKS": BOOKMARKS_URI,
        "EVIDENCE": EVIDENCE_URI,
    }

    def call(line):
        # A colon stands for the space inside of a word.
        words = [names.get(word, word) for word in line.split()]
        words = [word.replace("id:", "id ") for word in words]
        monkeypatch.setattr(sys, "argv", ["glue-secure", *words])
        with pytest.raises(SystemExit) as ended:
            run()
        output = capsys.readouterr()
        assert "Traceback" not in output.err + output.out
        return ended.value.code or 0, output

    return call


def files_below(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize(("line", "code", "message"), MISTAKES, ids=[mistake[0] for mistake in MISTAKES])
def test_a_mistake_has_an_exit_code_and_a_message_and_leaves_nothing(command, tmp_path, line, code, message):
    before, environment = files_below(tmp_path), dict(os.environ)
    found, output = command(line)
    text = output.err + output.out
    assert (found, message in text) == (code, True), text
    assert len(text.splitlines()) < 60
    assert files_below(tmp_path) == before
    assert (dict(os.environ), multiprocessing.active_children()) == (environment, [])


@pytest.mark.parametrize(("line", "message"), TASKS, ids=[task[0] for task in TASKS])
def test_a_task_succeeds(command, job, line, message):
    code, output = command(line)
    assert (code, message.replace("JOB", job) in output.out) == (0, True), output.err + output.out


def test_a_mistake_with_json_is_a_document(command):
    code, output = command("controls show GS-XX-001 --json")
    assert (code, json.loads(output.out)["error"]["exit_code"]) == (2, 2)
