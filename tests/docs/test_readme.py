"""The README's commands run, its excerpts are in their files, and its example test passes.

A comment above a block marks it: ``from FILE`` (an excerpt), ``run: account`` (commands to run in order, with
an embedded account), ``run: pytest`` (a test that runs here), ``run: start`` (commands that create a project,
which run in an empty folder).
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from glue_secure.core import errors
from glue_secure.embedded import lifecycle
from glue_secure.embedded.clients import clients
from glue_secure.project.starter import create, starter_files

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += sorted((ROOT / "docs").rglob("*.md"))

# Commands that other files run: command and file. CI runs `.ci/run`.
ELSEWHERE = {
    "make demo": ".ci/run",
    "make test": ".ci/run",
    "make lint": "Makefile",
    "glue-secure policy-file init policy.toml --name data-platform": "tests/unit/cli/test_policy_file.py",
    "glue-secure policy-file lint policy.toml": "tests/unit/cli/test_policy_file.py",
}


@dataclass(frozen=True)
class Block:
    language: str
    mark: str
    text: str


def blocks(text: str) -> list[Block]:
    """Return every fenced block, with the comment above it."""
    matches = re.finditer(r"(?:<!-- (.*?) -->\n)?```(\w*)\n(.*?)^```$", text, re.S | re.M)
    return [Block(language=match[2], mark=match[1] or "", text=match[3]) for match in matches]


def commands(script: str) -> list[str]:
    """Return the commands of a block, with continued lines joined."""
    return [line for line in re.sub(r"\\\n\s*", "", script).splitlines() if line.strip()]


ACCOUNT = [block.text for block in blocks(README) if block.mark == "run: account"]


def test_every_command_is_run_by_a_test_or_another_file():
    for page in PAGES:
        for block in blocks(page.read_text(encoding="utf-8")):
            is_run_here = block.mark in ("run: account", "run: start")
            if block.language in ("sh", "bash", "console") and not is_run_here:
                for command in commands(block.text):
                    assert command in ELSEWHERE, f"{page.name}: {command}"


def test_commands_of_other_files_are_run_by_them():
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert {command for command, file in ELSEWHERE.items() if file == ".ci/run"} <= set(run)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command, file in ELSEWHERE.items():
        if command.startswith("make "):
            assert re.search(rf"^{command.removeprefix('make ')}:", makefile, re.M)
        else:
            # Such a test reads the commands from the page.
            assert "docs" in (ROOT / file).read_text(encoding="utf-8")
    assert re.search(r"^test:.* lint\b", makefile, re.M)


@pytest.fixture
def state(tmp_path):
    """A state folder for the commands of a test."""
    folder = tmp_path / "a state"
    yield folder
    lifecycle.down(folder)


def shell(script: str, state: Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a script in the project's folder, with this Python's commands on the path."""
    environment = {**os.environ, "GLUE_SECURE_LOCAL_STATE": str(state)}
    # The README adds the environment of make to the path; the tests use their own environment.
    script = script.replace("$PWD/.venv/bin", str(Path(sys.executable).parent))
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=280,
    )


def test_the_commands_for_the_embedded_account(state):
    down = next(text for text in ACCOUNT if "local down" in text)
    assert ACCOUNT[-1] == down
    done = shell("".join(ACCOUNT[:-1]), state)
    assert done.returncode == 0, done.stderr
    assert re.search(r"embedded account: running\n  endpoint    https://localhost:\d+\n", done.stdout)
    account = lifecycle.status(state)
    assert account is not None
    s3 = clients(account)("s3")
    listed = s3.list_objects_v2(Bucket="glue-secure-evidence", Prefix="evidence/")["Contents"]
    bodies = [
        s3.get_object(Bucket="glue-secure-evidence", Key=entry["Key"])["Body"].read()
        for entry in listed
        if entry["Key"].endswith("/evidence.json")
    ]
    runs = sorted((json.loads(body) for body in bodies), key=lambda run: run["started"])
    assert [run["outcome"] for run in runs] == ["succeeded", "succeeded"]
    assert [run["reads"][0]["rows"] for run in runs] == [308_641, 0]
    assert [run["bookmark"]["sequence_after"] for run in runs] == [1, 1]
    set_path = ACCOUNT[0].splitlines()[0]
    assert set_path.startswith("export PATH=")
    done = shell(f"{set_path}\n{down}", state)
    assert (done.returncode, done.stdout) == (0, "stopped\n"), done.stderr
    assert account.supervisor.wait(20)
    assert account.postgres.process.wait(20)
    assert list(state.iterdir()) == []


START = next(block.text for block in blocks(README) if block.mark == "run: start")


def test_a_new_project_needs_at_most_six_commands_and_its_test_passes(glue_job, tmp_path, monkeypatch):
    assert len(commands(START)) <= 6
    create(tmp_path / "orders", starter_files("orders", "glue-secure"))
    for name, path in (("jobs.carriers", "jobs/carriers.py"), ("a_test", "tests/test_carriers.py")):
        spec = importlib.util.spec_from_file_location(name, tmp_path / "orders" / path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "jobs", ModuleType("jobs"))
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
    (test,) = [value for name, value in vars(module).items() if name.startswith("test_")]
    test(glue_job)


@pytest.mark.long
def test_the_commands_from_an_empty_folder_to_a_template_take_under_five_minutes(state, tmp_path):
    """Takes more than a minute, because it starts a second account and two Spark sessions."""
    folder = tmp_path / "an empty folder"
    folder.mkdir()
    started = time.monotonic()
    done = shell(f'export PATH="$PWD/.venv/bin:$PATH"\n{START}', state, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - started < 300
    assert "1 passed" in done.stdout
    template = json.loads((folder / "orders" / "build" / "template.json").read_text())
    assert "OrdersJob" in template["Resources"]
    account = lifecycle.status(state)
    assert account is not None
    listed = clients(account)("s3").list_objects_v2(Bucket="glue-secure-curated", Prefix="orders/")
    assert any(entry["Key"].endswith(".parquet") for entry in listed["Contents"])


def test_the_example_test_passes(glue_job):
    (example,) = [block.text for block in blocks(README) if block.mark == "run: pytest"]
    namespace: dict[str, object] = {}
    exec(compile(example, "README.md", "exec"), namespace)
    (test,) = [value for name, value in namespace.items() if name.startswith("test_")]
    test(glue_job)  # type: ignore[operator]


def test_excerpts_are_in_their_files_in_order():
    excerpts = [block for block in blocks(README) if block.mark.startswith("from ")]
    assert {block.mark for block in excerpts} == {
        "from jobs/flights_curated.py",
        "from jobs/flights_curated_glue.py",
    }
    for block in excerpts:
        source = (ROOT / block.mark.removeprefix("from ")).read_text(encoding="utf-8")
        position = 0
        for part in block.text.split("...\n"):
            position = source.find(part, position)
            assert position >= 0, part
            position += len(part)


def test_the_exit_codes_are_those_of_the_errors():
    table = dict(re.findall(r"^\| ([0-4]) \| (.*?) \|$", README, re.M))
    assert sorted(table) == ["0", "1", "2", "3", "4"]
    kinds = (errors.GlueSecureError, errors.UsageError, errors.RefusedError, errors.VerificationError)
    assert [kind.exit_code for kind in kinds] == [1, 2, 3, 4]


def test_a_quoted_refusal_has_the_format_of_refusals():
    quoted = re.findall(
        r"^ *(GS-\S+) refused: (.*)\n *found:    (.*)\n *required: (.*)\n *fix:      (.*)\n *more: ",
        README,
        re.M,
    )
    assert len(quoted) >= 2
    text = re.sub(r"^ +", "", README, flags=re.M)
    for control, resource, found, required, fix in quoted:
        refusal = errors.RefusedError(control, resource=resource, found=found, required=required, fix=fix)
        assert re.sub(r"^ +", "", str(refusal), flags=re.M) in text


def test_every_action_of_the_adapters_is_in_the_table_of_permissions():
    actions: set[str] = set()
    for path in (ROOT / "glue_secure" / "aws").glob("*.py"):
        actions |= set(re.findall(r'translate_errors\("(\w+)"\)', path.read_text(encoding="utf-8")))
    assert len(actions) >= 12
    other_names = {"HeadObject": "GetObject", "ListObjectsV2": "ListBucket", "CopyObject": "PutObject",
                   "HeadBucket": "ListBucket", "ListObjectVersions": "ListBucketVersions"}  # fmt: skip
    other_names["generate_db_auth_token"] = "connect"
    named = set(
        re.findall(
            r"`(?:dynamodb|ecr|glue|iam|kinesis|kms|lakeformation|logs|rds-db|s3|secretsmanager|sts):(\w+)`",
            README,
        )
    )
    assert {other_names.get(action, action) for action in actions} <= named
