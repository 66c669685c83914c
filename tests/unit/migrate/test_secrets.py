"""A script that contains a secret needs a decision, before and after its edits."""

import json

import pytest
from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.migrate.script import LINE

HEAD = f"{LINE}\nfrom awsglue.context import GlueContext\nfrom pyspark.context import SparkContext\n\n"
HEAD += "glueContext = GlueContext(SparkContext.getOrCreate())\nspark = glueContext.spark_session\n"
OPTIONS = '{"url": "jdbc:postgresql://crm.internal/crm", "dbtable": "t", "user": "etl", "password": %s}'
READ = f'glueContext.create_dynamic_frame.from_options("postgresql", {OPTIONS})\n'


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(text, *words):
        (tmp_path / "a.py").write_text(text)
        result = CliRunner().invoke(app, ["migrate", "a.py", "--json", *words])
        (file,) = json.loads(result.stdout)["files"]
        assert "hunter2x" not in result.stdout
        return result.exit_code, [(one["rule"], one["kind"], one["line"]) for one in file["findings"]]

    return run


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('spark.read.format("jdbc").option("password", "hunter2x").load()\n', 7),
        ('spark.read.jdbc(url, "t", properties={"user": "etl", "password": "hunter2x"})\n', 7),
        ('conf = {"password": "hunter2x"}\n\nspark.read.format("jdbc").options(**conf).load()\n', 7),
        ('spark.read.jdbc("jdbc:postgresql://etl:hunter2x@db/crm", "t")\n', 7),
        ('x = 1\npassword = "hunter2x"\n', 8),
    ],
)
def test_a_secret_is_a_decision_also_of_spark_jdbc(call, text, line):
    code, findings = call(HEAD + text, "--check")
    assert code == 3
    assert ("hard-coded-secret", "decision", line) in findings


def test_a_secret_that_the_edit_leaves_is_still_a_decision(call, tmp_path):
    text = HEAD + 'password = "hunter2x"\n' + READ % "password"
    words = ("--connection", "crm.internal=crm-db")
    assert call(text, *words)[1] == [("hard-coded-secret", "decision", 7), ("password", "changed", 8)]
    call(text, "--write", *words)
    written = (tmp_path / "a.py").read_text()
    assert "crm-db" in written
    assert call(written, "--check") == (3, [("hard-coded-secret", "decision", 7)])


def test_a_secret_that_the_edit_removes_is_none_and_a_login_is_reported_once(call):
    text = HEAD + READ % '"hunter2x"'
    assert call(text, "--connection", "crm-db")[1] == [("password", "changed", 7)]
    assert call(text)[1] == [("password", "decision", 7)]


def test_a_secret_that_a_comment_accepts_is_none(call):
    comment = "  # glue-secure: allow hard-coded-secret a local test server"
    assert call(f'{HEAD}password = "hunter2x"{comment}\n', "--check") == (0, [])


def test_lines_after_the_edits_are_those_of_the_written_file(call, tmp_path):
    text = HEAD.removeprefix(f"{LINE}\n") + 'password = "hunter2x"\n'
    assert call(text)[1] == [("import", "changed", 1), ("hard-coded-secret", "decision", 6)]
    assert call(text, "--write")[1] == [("import", "changed", 1), ("hard-coded-secret", "decision", 7)]
    assert (tmp_path / "a.py").read_text().splitlines()[6] == 'password = "hunter2x"'
