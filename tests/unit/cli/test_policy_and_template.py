"""The commands ``template`` and ``policy``: output and errors."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.core.errors import UsageError

ACCOUNT = ["--account", "123456789012", "--region", "us-west-2"]
KEY = "arn:aws:kms:us-west-2:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PURPOSES = ("bookmarks", "logs", "catalog", "evidence-small")
OTHER_KEYS = {purpose: KEY.replace("1234abcd", f"0000000{n}") for n, purpose in enumerate(PURPOSES)}
EVERY_KEY = [word for name, arn in OTHER_KEYS.items() for word in ("--key", f"{name}={arn}")] + ["--key", KEY]
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
    deployer = printed("policy", "iam", *ACCOUNT, *project, "--deployer", *EVERY_KEY)
    assert "arn:aws:iam::123456789012:role/small-small" in json.dumps(deployer)
    logs = printed("policy", "key", "logs", *ACCOUNT, *project)
    assert "logs.us-west-2.amazonaws.com" in json.dumps(logs)
    keys = ["--key", KEY, "--key", f"bookmarks={OTHER_KEYS['bookmarks']}"]
    bucket = printed("policy", "bucket", "evidence", *ACCOUNT, *project, *keys)
    assert KEY in json.dumps(bucket) and OTHER_KEYS["bookmarks"] in json.dumps(bucket)


def test_a_printed_deployers_policy_uses_the_data_key_and_describes_each_other_key(project):
    document = printed("policy", "iam", *ACCOUNT, *project, "--deployer", *EVERY_KEY)
    statements = {statement["Sid"]: statement for statement in document["Statement"]}
    assert statements["UseKey"]["Resource"] == [KEY]
    assert sorted(statements["DescribeKeys"]["Resource"]) == sorted([KEY, *OTHER_KEYS.values()])


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


def test_the_policies_of_people_need_no_key_of_alerts(project):
    named = FILE.replace("[project]", '[project]\noperators = ["arn:aws:iam::123456789012:role/o"]')
    Path(project[1]).write_text(named + "[audit]\nalerts = true\n")
    for option in ("--deployer", "--operator"):
        printed("policy", "iam", *ACCOUNT, *project, option, *EVERY_KEY)
        alerts = error_of("policy", "iam", *ACCOUNT, *project, option, *EVERY_KEY, "--key", f"alerts={KEY}")
        assert "a key of alerts" in alerts


def test_an_endpoint_that_the_policy_would_not_name_is_rejected(project, tmp_path):
    endpoint = ["--endpoint", "vpce-0123456789abcdef0"]
    required = "endpoints_required = true"
    assert required in error_of("policy", "iam", *ACCOUNT, *project, "--job", "small", *endpoint)
    path = tmp_path / "network.toml"
    path.write_text(FILE + "[vpc]\ncidr = '10.20.0.0/16'\nendpoints_required = true\n")
    ids = ["--project", str(path), "--vpc", "vpc-1", "--subnet", "subnet-1", "--security-group", "sg-1"]
    job = printed("policy", "iam", *ACCOUNT, *ids, "--job", "small", *endpoint)
    assert "vpce-0123456789abcdef0" in json.dumps(job)
    assert required in error_of("policy", "iam", *ACCOUNT, *ids, "--deployer", *endpoint)


def test_invalid_options_are_rejected(project, tmp_path):
    assert "--job" in error_of("policy", "iam", *ACCOUNT, *project)
    assert "'other'" in error_of("policy", "iam", *ACCOUNT, *project, "--job", "other")
    missing = error_of("policy", "iam", *ACCOUNT, *project, "--deployer", "--key", KEY)
    assert "no key of bookmarks, logs, catalog, evidence-small" in missing
    assert "--key ARN --key bookmarks=ARN" in missing
    twice = error_of(
        "policy", "bucket", "artifacts", *ACCOUNT, *project, "--key", KEY, "--key", f"data={KEY}"
    )
    assert "two keys of data" in twice
    other = error_of("policy", "bucket", "artifacts", *ACCOUNT, *project, *EVERY_KEY)
    assert "a key of bookmarks" in other
    assert "DATABASE.TABLE" in error_of("policy", "iam", *ACCOUNT, "--table", "books")
    assert "twelve digits" in error_of("policy", "key", "data", *project, "--account", "1", "--region", "x")
    assert "bookmarks" in error_of("policy", "key", "other", *ACCOUNT, *project)
    assert "evidence" in error_of("policy", "bucket", "other", *ACCOUNT, *project, "--key", KEY)
    assert "KMS key" in error_of("policy", "bucket", "artifacts", *ACCOUNT, *project, "--key", "alias/x")
    assert "--key bookmarks=ARN" in error_of("policy", "bucket", "evidence", *ACCOUNT, *project, "--key", KEY)
    assert "operators" in error_of("policy", "iam", *ACCOUNT, *project, "--operator", *EVERY_KEY)
    assert "--part" in error_of("policy", "iam", *ACCOUNT, *project, "--deployer", *EVERY_KEY, "--part", "2")
    path = tmp_path / "network.toml"
    path.write_text(FILE + "[vpc]\ncidr = '10.20.0.0/16'\n")
    assert "--subnet" in error_of("policy", "iam", *ACCOUNT, "--project", str(path), "--job", "small")


def test_a_template_warns_of_undeclared_buckets_and_says_when_it_needs_a_bucket(project, tmp_path):
    path = Path(project[1])
    path.write_text(FILE + 'arguments = { source = "s3://acme-other/" }\n', encoding="utf-8")
    template = ["template", "cloudformation", *project, "--out", str(tmp_path / "t.json")]
    result = CliRunner().invoke(app, template)
    assert result.exit_code == 0
    assert "warning: jobs.small.arguments.source" in result.stderr
    assert "--s3-bucket" not in result.stderr
    jobs = "".join(f'[jobs.job{n}]\nscript = "x.py"\n' for n in range(8))
    path.write_text(FILE + jobs, encoding="utf-8")
    result = CliRunner().invoke(app, template)
    assert "more than the 51,200 of a request: add --s3-bucket" in result.stderr
    assert "warning" not in result.stderr


def test_the_key_of_evidence_is_one_of_each_job(project):
    result = CliRunner().invoke(app, ["policy", "key", "evidence", *project, *ACCOUNT])
    assert isinstance(result.exception, UsageError)
    assert "evidence-JOB" in str(result.exception)
