"""Examples of pages: files are read as commands read them, Python compiles, and options of commands exist.

Blocks with the mark ``tested by tests/docs/test_examples.py`` are in audit.md, bookmarks.md, check.md,
columns.md, jdbc.md, job-arguments.md, lake-formation.md, policy.md, quality.md and tables.md.
"""

import ast
import importlib
import json
import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml
from page_blocks import blocks, commands

from glue_secure.audit.baseline import read_baseline
from glue_secure.cli.app import app
from glue_secure.columns.policy import ColumnPolicy
from glue_secure.core.arguments import JobArguments
from glue_secure.core.typed_arguments import parse_arguments
from glue_secure.governance.lakeformation.file import parse as parse_permissions
from glue_secure.policyfile.reader import parse_policy
from glue_secure.project.project_file import read
from glue_secure.project.templates import cloudformation

ROOT = Path(__file__).resolve().parents[2]
MARK = "tested by tests/docs/test_examples.py"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def examples(name, language):
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    return [block.text for block in blocks(text) if (block.mark, block.language) == (MARK, language)]


def with_head(text):
    return text if text.startswith("schema") else f'schema = 1\nname = "example"\n\n{text}'


@pytest.mark.parametrize("text", examples("policy.md", "toml"))
def test_a_part_of_the_policy_file_is_accepted(text):
    policy = parse_policy(with_head(text), "policy.md")
    assert any((policy.targets, policy.sources, policy.exceptions, policy.connectors, policy.delegations))


def test_the_column_policy_is_accepted():
    (text,) = examples("columns.md", "toml")
    assert ColumnPolicy.parse(text.replace("AQIDAHh...", "AQIDAHh0"), source="columns.md").name == "customers"


def test_the_arguments_of_a_job_have_the_types_of_the_page():
    (text,) = examples("job-arguments.md", "python")
    module = {"__name__": "monthly"}
    exec(compile(text, "monthly.py", "exec"), module)
    words = "monthly.py --source a --since 2013-12-31 --batch-rows 500 --dry_run true --carriers UA,AA"
    args = parse_arguments(JobArguments.parse(words.split()), module["Arguments"])
    assert (args.since.isoformat(), args.batch_rows, args.share) == ("2013-12-31", 500, 0.5)
    assert (args.dry_run, args.carriers) == (True, ["UA", "AA"])


def test_the_baseline_file_is_accepted():
    (text,) = examples("audit.md", "toml")
    assert [entry.control for entry in read_baseline(text, "audit.md")] == ["GS-BKT-006"]


def test_the_exception_of_the_permissions_file_is_accepted():
    (text,) = examples("lake-formation.md", "toml")
    assert parse_permissions(f"schema = 1\n{text}", "lake-formation.md").exceptions


def test_the_pre_commit_configuration_names_the_hook():
    (text,) = examples("check.md", "yaml")
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert [item["id"] for item in yaml.safe_load(text)["repos"][0]["hooks"]] == [hook["id"]]


def test_the_job_with_a_table_is_accepted_in_a_project_file(tmp_path):
    (text,) = examples("tables.md", "toml")
    buckets = {name: f"acme-orders-{name}" for name in ("artifacts", "evidence", "landing", "curated")}
    lines = [
        "[project]",
        'name = "orders"',
        "[buckets]",
        *(f'{key} = "{name}"' for key, name in buckets.items()),
    ]
    file = tmp_path / "glue_secure.toml"
    file.write_text("\n".join([*lines, text]))
    job = cloudformation(read(file))["Resources"]["OrdersDailyJob"]["Properties"]
    settings = job["DefaultArguments"]["--conf"]["Fn::Sub"].split(" --conf ")
    assert "spark.sql.catalog.glue_catalog.warehouse=s3://acme-orders-curated/lake/" in settings
    assert all(re.fullmatch(r"spark\.[\w.-]+=\S+", setting) for setting in settings)
    assert job["DefaultArguments"]["--datalake-formats"] == "iceberg"


PYTHON = [
    (page, block.text)
    for page in PAGES
    for block in blocks(page.read_text(encoding="utf-8"))
    if block.language == "python" and not block.mark.startswith("from ")
]


@pytest.mark.parametrize(("page", "text"), PYTHON, ids=[page.name for page, _ in PYTHON])
def test_python_compiles_and_its_imports_of_the_package_exist(page, text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("glue_secure"):
            module = importlib.import_module(str(node.module))
            assert all(hasattr(module, alias.name) for alias in node.names), page.name


def test_json_and_toml_and_yaml_are_valid():
    tomllib = pytest.importorskip("tomllib")
    seen = 0
    for page in PAGES:
        for block in blocks(page.read_text(encoding="utf-8")):
            if block.language == "json":
                text = block.text if block.text.startswith("{") else f"{{{block.text}}}"
                json.loads(text)
            elif block.language == "toml":
                tomllib.loads(block.text)
            elif block.language == "yaml":
                yaml.safe_load(block.text)
            else:
                continue
            seen += 1
    assert seen > 15


def command_lines():
    """Yield page, command and words of each line of a block that calls a command."""
    for page in PAGES:
        for block in blocks(page.read_text(encoding="utf-8")):
            if block.language in ("text", "sh"):
                for line in commands(block.text):
                    line = line.strip().removeprefix("$ ")
                    if line.startswith("glue-secure "):
                        yield page, line


def test_commands_in_blocks_have_the_options_that_they_name():
    top = typer.main.get_command(app)
    seen = 0
    for page, line in command_lines():
        words = shlex.split(re.sub(r"[\[\]]", "", line), comments=True)
        command, context = top, typer.Context(top, info_name="glue-secure")
        position = 1
        while getattr(command, "commands", None) and position < len(words):
            found = command.get_command(context, words[position])
            assert found is not None, f"{page.name}: {line}"
            command, position = found, position + 1
            context = typer.Context(command, info_name=words[position - 1], parent=context)
        known = {name for item in command.get_params(context) for name in (*item.opts, *item.secondary_opts)}
        for word in words[position:]:
            if command.name == "run" and not word.startswith("-"):
                break  # a script: what follows are arguments of the job
            if word in ("|", ">", "<"):
                break
            if word.startswith("--"):
                assert word.partition("=")[0] in known, f"{page.name}: {line}: {word}"
        seen += 1
    assert seen > 100
