"""The commands ``template`` and ``policy``: output and errors."""

import json

import pytest
from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.core.errors import UsageError

ACCOUNT = ["--account", "123456789012", "--region", "us-west-2"]
KEY = "arn:aws:kms:us-west-2:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
FILE = """
[project]
name = "small"
[buckets]
artifacts = "acme-artifacts"
evidence = "acme-evidence"
[jobs.small]
script = "jobs/small.py"
"""


@pytest.fixture
def project(tmp_path):
    path = tmp_path / "glue_secure.toml"
    path.write_text(FILE)
    return ["--project", str(path)]


def printed(*words):
    done = CliRunner().invoke(app, [*words])
    assert done.exit_code == 0, done.output + repr(done.exception)
    return json.loads(done.stdout)


def error_of(*words):
    done = CliRunner().invoke(app, [*words])
    assert isinstance(done.exception, UsageError), done.output + repr(done.exception)
    return str(done.exception)


def test_a_template_is_printed_or_written(project, tmp_path):
    shown = printed("template", "cloudformation", *project)
    assert "SmallJob" in shown["Resources"]
    out = tmp_path / "folder" / "template.json"
    CliRunner().invoke(app, ["template", "cloudformation", *project, "--out", str(out)])
    assert json.loads(out.read_text()) == shown


def test_policies_are_those_of_the_template_for_one_account(project):
    table = printed("policy", "iam", *ACCOUNT, "--table", "db1.books")
    assert len(table["Statement"][0]["Action"]) == 18
    job = printed("policy", "iam", *ACCOUNT, *project, "--job", "small")
    assert {"ReadOwnJob", "ReadObjects"} <= {statement["Sid"] for statement in job["Statement"]}
    deployer = printed("policy", "iam", *ACCOUNT, *project, "--deployer", "--key", KEY)
    assert "arn:aws:iam::123456789012:role/small-small" in json.dumps(deployer)
    logs = printed("policy", "key", "logs", *ACCOUNT, *project)
    assert "logs.us-west-2.amazonaws.com" in json.dumps(logs)
    bucket = printed("policy", "bucket", "evidence", *ACCOUNT, *project, "--key", KEY)
    assert KEY in json.dumps(bucket)


def test_invalid_options_are_rejected(project, tmp_path):
    assert "--job" in error_of("policy", "iam", *ACCOUNT, *project)
    assert "'other'" in error_of("policy", "iam", *ACCOUNT, *project, "--job", "other")
    assert "--key" in error_of("policy", "iam", *ACCOUNT, *project, "--deployer")
    assert "DATABASE.TABLE" in error_of("policy", "iam", *ACCOUNT, "--table", "books")
    assert "twelve digits" in error_of("policy", "key", "data", *project, "--account", "1", "--region", "x")
    assert "bookmarks" in error_of("policy", "key", "other", *ACCOUNT, *project)
    assert "evidence" in error_of("policy", "bucket", "other", *ACCOUNT, *project, "--key", KEY)
    assert "KMS key" in error_of("policy", "bucket", "evidence", *ACCOUNT, *project, "--key", "alias/x")
    path = tmp_path / "network.toml"
    path.write_text(FILE + "[vpc]\ncidr = '10.20.0.0/16'\n")
    assert "--subnet" in error_of("policy", "iam", *ACCOUNT, "--project", str(path), "--job", "small")
