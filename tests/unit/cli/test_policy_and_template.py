"""The commands ``template`` and ``policy``: what they print, and how they refuse."""

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


def refused(*words):
    done = CliRunner().invoke(app, [*words])
    assert isinstance(done.exception, UsageError), done.output + repr(done.exception)
    return str(done.exception)


def test_a_template_is_printed_or_written_whole(project, tmp_path):
    shown = printed("template", "cloudformation", *project)
    assert "SmallJob" in shown["Resources"]
    out = tmp_path / "folder" / "template.json"
    CliRunner().invoke(app, ["template", "cloudformation", *project, "--out", str(out)])
    assert json.loads(out.read_text()) == shown


def test_policies_are_the_templates_own_for_one_account(project):
    table = printed("policy", "iam", *ACCOUNT, "--table", "db1.books")
    assert len(table["Statement"][0]["Action"]) == 18
    job = printed("policy", "iam", *ACCOUNT, *project, "--job", "small")
    assert {"ReadOwnJob", "ReadObjects"} <= {one["Sid"] for one in job["Statement"]}
    deployer = printed("policy", "iam", *ACCOUNT, *project, "--deployer", "--key", KEY)
    assert "arn:aws:iam::123456789012:role/small-small" in json.dumps(deployer)
    logs = printed("policy", "key", "logs", *ACCOUNT, *project)
    assert "logs.us-west-2.amazonaws.com" in json.dumps(logs)
    bucket = printed("policy", "bucket", "evidence", *ACCOUNT, *project, "--key", KEY)
    assert KEY in json.dumps(bucket)


def test_what_cannot_be_meant_is_refused(project, tmp_path):
    assert "--job" in refused("policy", "iam", *ACCOUNT, *project)
    assert "'other'" in refused("policy", "iam", *ACCOUNT, *project, "--job", "other")
    assert "--key" in refused("policy", "iam", *ACCOUNT, *project, "--deployer")
    assert "DATABASE.TABLE" in refused("policy", "iam", *ACCOUNT, "--table", "books")
    assert "twelve digits" in refused("policy", "key", "data", *project, "--account", "1", "--region", "x")
    assert "bookmarks" in refused("policy", "key", "other", *ACCOUNT, *project)
    assert "evidence" in refused("policy", "bucket", "other", *ACCOUNT, *project, "--key", KEY)
    assert "KMS key" in refused("policy", "bucket", "evidence", *ACCOUNT, *project, "--key", "alias/x")
    path = tmp_path / "network.toml"
    path.write_text(FILE + "[vpc]\ncidr = '10.20.0.0/16'\n")
    assert "--subnet" in refused("policy", "iam", *ACCOUNT, "--project", str(path), "--job", "small")
