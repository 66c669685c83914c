"""Commands of the README and of pages run, excerpts are in their files, and example tests pass.

A comment above a block marks it: ``from FILE`` (an excerpt; ``from init: FILE``: of a file that ``init``
writes), ``run: account`` (commands to run in order, with an embedded account), ``run: pytest`` (a test that
runs here), ``tested by FILE`` (a test reads the block from the page), ``not run: REASON``. test_tutorials.py
has further marks.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from page_blocks import Block, blocks, commands, first_line_without

from glue_secure.core import errors
from glue_secure.embedded import lifecycle
from glue_secure.embedded.clients import clients
from glue_secure.project.starter import starter_files

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += sorted((ROOT / "docs").rglob("*.md"))
TYPED = ("tutorials", "how-to")  # folders whose pages test_tutorials.py types
BLOCKS = [(page, block) for page in PAGES for block in blocks(page.read_text(encoding="utf-8"))]

# Commands that other files run: command and file. CI runs `.ci/run`.
ELSEWHERE = {
    "make demo": ".ci/run",
    "make test": ".ci/run",
    "make lint": "Makefile",
    "glue-secure policy-file init policy.toml --name data-platform": "tests/unit/cli/test_policy_file.py",
    "glue-secure policy-file lint policy.toml": "tests/unit/cli/test_policy_file.py",
}


def of_mark(mark: str) -> list[str]:
    """Return the blocks of all pages with a mark."""
    return [block.text for _, block in BLOCKS if block.mark == mark]


ACCOUNT = of_mark("run: account")


def is_run_elsewhere(block: Block) -> bool:
    return block.language == "sh" and all(command in ELSEWHERE for command in commands(block.text))


def test_every_block_is_run_or_compared_or_has_the_reason():
    marks = r"from .+|run: account|run: pytest|output: (account|demo)|tested by .+|not run: \S.+"
    typed_marks = r"run|run: exit code [\d or]+|output|file: .+"
    for page, block in BLOCKS:
        known = rf"{marks}|{typed_marks}" if page.parent.name in TYPED else marks
        assert re.fullmatch(known, block.mark) or is_run_elsewhere(block), f"{page.name}: {block.text}"
        # Commands are run, or shown as text with a reason.
        if block.language in ("sh", "bash", "console"):
            assert block.mark.startswith("run") or is_run_elsewhere(block), f"{page.name}: {block.text}"


def test_a_block_that_names_its_test_is_read_by_it():
    for page, block in BLOCKS:
        if block.mark.startswith("tested by "):
            test = (ROOT / block.mark.removeprefix("tested by ")).read_text(encoding="utf-8")
            assert page.name in test, f"{page.name}: {block.mark}"


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
    assert re.search(r"^test:.*\n(#.*\n|\t.*\n)*?\t.* lint$", makefile, re.M)


@pytest.fixture
def state(tmp_path):
    """A state folder for the commands of a test."""
    folder = tmp_path / "a state"
    yield folder
    lifecycle.down(folder)


def shell(script: str, state: Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a script in the project's folder, with this Python's commands on the path."""
    environment = {**os.environ, "GLUE_SECURE_LOCAL_STATE": str(state)}
    # The page adds the environment of make to the path; the tests use their own environment.
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


@pytest.mark.long  # the first job of the tutorials and `make demo` run the same commands
def test_the_commands_for_the_embedded_account(state):
    down = next(text for text in ACCOUNT if "local down" in text)
    assert ACCOUNT[-1] == down
    done = shell("".join(ACCOUNT[:-1]), state)
    assert done.returncode == 0, done.stderr
    assert re.search(r"embedded account: running\n  endpoint    https://localhost:\d+\n", done.stdout)
    for shown in of_mark("output: account"):
        assert first_line_without(done.stdout, shown) == "", done.stdout
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


FIRST_JOB = (ROOT / "docs" / "tutorials" / "first-job.md").read_text(encoding="utf-8")
START = "".join(block.text for block in blocks(FIRST_JOB) if block.mark == "run")


def test_the_first_job_needs_few_commands():
    assert len(commands(START)) <= 9


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
    (example,) = of_mark("run: pytest")
    namespace: dict[str, object] = {}
    exec(compile(example, "testing.md", "exec"), namespace)
    (test,) = [value for name, value in namespace.items() if name.startswith("test_")]
    test(glue_job)  # type: ignore[operator]


def test_excerpts_are_in_their_files_in_order():
    created = starter_files("orders", "glue-secure")
    excerpts = [block for _, block in BLOCKS if block.mark.startswith("from ")]
    assert len(excerpts) >= 3
    for block in excerpts:
        name = block.mark.removeprefix("from ")
        if name.startswith("init: "):
            source = created[name.removeprefix("init: ")]
        else:
            source = (ROOT / name).read_text(encoding="utf-8")
        position = 0
        for part in block.text.split("...\n"):
            position = source.find(part, position)
            assert position >= 0, part
            position += len(part)


def test_the_exit_codes_are_those_of_the_errors():
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    table = dict(re.findall(r"^\| ([0-4]) \| (.*?) \|$", page, re.M))
    assert sorted(table) == ["0", "1", "2", "3", "4"]
    kinds = (errors.GlueSecureError, errors.UsageError, errors.RefusedError, errors.VerificationError)
    assert [kind.exit_code for kind in kinds] == [1, 2, 3, 4]


def test_a_quoted_refusal_has_the_format_of_refusals():
    shown = "".join(of_mark("output: demo"))
    text = re.sub(r"^ +", "", shown, flags=re.M)
    quoted = re.findall(
        r"^(GS-\S+) refused: (.*)\nfound:    (.*)\nrequired: (.*)\nfix:      (.*)\nmore: ", text, re.M
    )
    assert len(quoted) >= 2
    for control, resource, found, required, fix in quoted:
        refusal = errors.RefusedError(control, resource=resource, found=found, required=required, fix=fix)
        assert re.sub(r"^ +", "", str(refusal), flags=re.M) in text


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 150


def test_every_action_of_the_adapters_is_in_the_table_of_permissions():
    actions: set[str] = set()
    for path in (ROOT / "glue_secure" / "aws").glob("*.py"):
        actions |= set(re.findall(r'translate_errors\("(\w+)"\)', path.read_text(encoding="utf-8")))
    assert len(actions) >= 12
    other_names = {"HeadObject": "GetObject", "ListObjectsV2": "ListBucket", "CopyObject": "PutObject",
                   "HeadBucket": "ListBucket", "ListObjectVersions": "ListBucketVersions"}  # fmt: skip
    other_names["generate_db_auth_token"] = "connect"
    page = (ROOT / "docs" / "permissions.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`[a-z0-9-]+:(\w+)`", page))
    assert {other_names.get(action, action) for action in actions} <= named
