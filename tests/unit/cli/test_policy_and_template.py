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
    bookmark_key = ["--bookmark-key", KEY.replace("1234abcd", "ffffffff")]
    bucket = printed("policy", "bucket", "evidence", *ACCOUNT, *project, "--key", KEY, *bookmark_key)
    assert KEY in json.dumps(bucket) and bookmark_key[1] in json.dumps(bucket)


def test_the_partition_is_that_of_the_region(project):
    beijing = ["--account", "123456789012", "--region", "cn-north-1"]
    table = printed("policy", "iam", *beijing, "--table", "db1.books")
    assert table["Statement"][0]["Resource"][0] == "arn:aws-cn:glue:cn-north-1:123456789012:catalog"
    logs = json.dumps(printed("policy", "key", "logs", *beijing, *project))
    assert '"logs.cn-north-1.amazonaws.com.cn"' in logs and "arn:aws:" not in logs
    sovereign = ["--account", "123456789012", "--region", "eusc-de-east-1", "--table", "a.b"]
    assert "arn:aws-eusc:glue" in json.dumps(printed("policy", "iam", *sovereign))
    unknown = ["--account", "123456789012", "--region", "eu-west-9", "--table", "a.b"]
    assert "eu-west-9" in error_of("policy", "iam", *unknown)
    assert "arn:aws:glue:eu-west-9" in json.dumps(printed("policy", "iam", *unknown, "--partition", "aws"))
    assert "aws-cn, the partition" in error_of(
        "policy", "iam", *beijing, "--table", "a.b", "--partition", "aws"
    )
    assert "aws-us-gov" in error_of("policy", "iam", *unknown, "--partition", "aws-mars")


def test_invalid_options_are_rejected(project, tmp_path):
    assert "--job" in error_of("policy", "iam", *ACCOUNT, *project)
    assert "'other'" in error_of("policy", "iam", *ACCOUNT, *project, "--job", "other")
    assert "--key" in error_of("policy", "iam", *ACCOUNT, *project, "--deployer")
    assert "DATABASE.TABLE" in error_of("policy", "iam", *ACCOUNT, "--table", "books")
    assert "twelve digits" in error_of("policy", "key", "data", *project, "--account", "1", "--region", "x")
    assert "bookmarks" in error_of("policy", "key", "other", *ACCOUNT, *project)
    assert "evidence" in error_of("policy", "bucket", "other", *ACCOUNT, *project, "--key", KEY)
    assert "KMS key" in error_of("policy", "bucket", "artifacts", *ACCOUNT, *project, "--key", "alias/x")
    assert "--bookmark-key" in error_of("policy", "bucket", "evidence", *ACCOUNT, *project, "--key", KEY)
    assert "operators" in error_of("policy", "iam", *ACCOUNT, *project, "--operator", "--key", KEY)
    assert "--part" in error_of(
        "policy", "iam", *ACCOUNT, *project, "--deployer", "--key", KEY, "--part", "2"
    )
    path = tmp_path / "network.toml"
    path.write_text(FILE + "[vpc]\ncidr = '10.20.0.0/16'\n")
    assert "--subnet" in error_of("policy", "iam", *ACCOUNT, "--project", str(path), "--job", "small")
