"""CloudFormation templates: linted, scanned, deployed as far as moto goes, and looked into."""

import copy
import json
import os
import re
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.delivery.templates import cloudformation
from glue_secure.governance.policies import Decision, Request, evaluate
from glue_secure.governance.policies.documents import Condition, Policy, Principal, Statement

BIN = Path(sys.executable).parent
CHECKOV_PINS = Path(__file__).parents[3] / "constraints-checkov.txt"


@pytest.fixture(scope="module")
def templates(projects):
    return {name: cloudformation(project) for name, project in projects.items()}


@pytest.fixture(scope="module")
def files(templates, tmp_path_factory):
    folder = tmp_path_factory.mktemp("templates")
    for name, template in templates.items():
        (folder / f"{name}.json").write_text(json.dumps(template, indent=2))
    return sorted(folder.iterdir())


def test_cfn_lint_finds_nothing(files):
    done = subprocess.run([BIN / "cfn-lint", *files], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_cloudformation_still_has_no_encryption_of_data_quality(templates, tmp_path):
    """Glue's API has it; the day CloudFormation takes it, this fails and the template has to say it."""
    template = copy.deepcopy(templates["small"])
    modes = template["Resources"]["SecurityConfiguration"]["Properties"]["EncryptionConfiguration"]
    key = modes["CloudWatchEncryption"]["KmsKeyArn"]
    modes["DataQualityEncryption"] = {"DataQualityEncryptionMode": "SSE-KMS", "KmsKeyArn": key}
    (tmp_path / "t.json").write_text(json.dumps(template))
    done = subprocess.run([BIN / "cfn-lint", tmp_path / "t.json"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "E3002" in done.stdout and "DataQualityEncryption" in done.stdout


@pytest.mark.long
def test_checkov_finds_nothing_and_nothing_is_skipped(files, tmp_path):
    """Checkov's pins contradict this project's, so it has an environment of its own."""
    checkov = os.environ.get("CHECKOV")
    if not checkov:
        subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
        pip = [tmp_path / "venv/bin/python", "-m", "pip", "install", "--quiet", "-c", CHECKOV_PINS, "checkov"]
        subprocess.run(pip, check=True)
        checkov = str(tmp_path / "venv/bin/checkov")
    for file in files:
        words = ["-f", file, "--framework", "cloudformation", "--skip-download", "-o", "json"]
        done = subprocess.run([checkov, *words], capture_output=True, text=True)
        summary = json.loads(done.stdout)["summary"]
        assert (summary["failed"], summary["skipped"], summary["parsing_errors"]) == (0, 0, 0), done.stdout
        assert summary["passed"] > 30


def test_a_stack_of_it_is_made_as_far_as_moto_knows_the_types(templates, monkeypatch):
    import boto3
    from moto import mock_aws

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Tried to parse .* but it's not supported")
        region = {"region_name": "us-east-1"}
        stacks = boto3.client("cloudformation", **region)
        stacks.create_stack(
            StackName="orders",
            TemplateBody=json.dumps(templates["whole"]),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        assert stacks.describe_stacks(StackName="orders")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
        # moto cannot describe a key whose policy came in a template, so the aliases tell the keys.
        aliases = boto3.client("kms", **region).list_aliases()["Aliases"]
        keys = {one["AliasName"]: one.get("TargetKeyId", "") for one in aliases}
        data = f"arn:aws:kms:us-east-1:123456789012:key/{keys['alias/orders-data']}"
        roles = boto3.client("iam").list_roles()["Roles"]
        assert {role["RoleName"] for role in roles} == {"orders-orders_daily", "orders-orders_report"}
        rule = boto3.client("s3", **region).get_bucket_encryption(Bucket="acme-orders-curated")
        (default,) = rule["ServerSideEncryptionConfiguration"]["Rules"]
        assert default["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == data
        groups = boto3.client("logs", **region).describe_log_groups()["logGroups"]
        assert "/aws-glue/jobs/orders-strict-role/orders-orders_daily/error" in {
            g["logGroupName"] for g in groups
        }
        endpoints = boto3.client("ec2", **region).describe_vpc_endpoints()["VpcEndpoints"]
        assert {one["ServiceName"].rpartition(".")[2] for one in endpoints} == {
            "glue", "kms", "secretsmanager", "logs", "sts", "s3"
        }  # fmt: skip


# What the template's references stand for, to read its policies with.
WORDS = {"AWS::Region": "eu-west-1", "AWS::AccountId": "111122223333", "AWS::Partition": "aws"}


def literal(value):
    """A template's value with every reference as a name that can be read."""
    if isinstance(value, list):
        return [literal(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "Ref" in value:
        return word(value["Ref"])
    if "Fn::GetAtt" in value:
        return word(".".join(value["Fn::GetAtt"]))
    if "Fn::Sub" in value:
        return re.sub(r"\$\{([^}]+)\}", lambda match: word(match[1]), value["Fn::Sub"])
    return {name: literal(one) for name, one in value.items()}


def word(name):
    if name in WORDS:
        return WORDS[name]
    logical = name.partition(".")[0]
    kind = {
        "Role": f"arn:aws:iam::111122223333:role/{logical}",
        "Key": f"arn:aws:kms:eu-west-1:111122223333:key/{logical}",
        "Secret": f"arn:aws:secretsmanager:eu-west-1:111122223333:secret:{logical}-AbCdEf",
    }
    return next((text for end, text in kind.items() if logical.endswith(end)), logical.lower())


def policies_of(template):
    """Every policy document in the template, by logical id, with readable names."""
    found = {}
    for name, resource in template["Resources"].items():
        for key in ("PolicyDocument", "KeyPolicy"):
            if key in resource["Properties"]:
                found[name] = literal(resource["Properties"][key])
    return found


def as_policy(document):
    def many(value):
        return tuple(value) if isinstance(value, list) else (value,)

    return Policy(
        tuple(
            Statement(
                one["Sid"],
                one["Effect"],
                tuple(one["Action"]),
                tuple(one["Resource"]),
                None
                if "Principal" not in one or one["Principal"] == "*"
                else Principal(*next((kind, many(names)) for kind, names in one["Principal"].items())),
                tuple(
                    Condition(operator, key, many(values))
                    for operator, block in one.get("Condition", {}).items()
                    for key, values in block.items()
                ),
            )
            for one in document["Statement"]
        )
    )


def test_a_linter_finds_nothing_in_the_policies_of_a_template(templates, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        from parliament import analyze_policy_string

    documents = policies_of(templates[name])
    assert len(documents) >= 7
    for logical, document in documents.items():
        if logical.endswith("Key"):
            for statement in document["Statement"]:  # its "*" is the key itself
                statement["Resource"] = [
                    f"arn:aws:kms:eu-west-1:111122223333:{one}" for one in ("key/k", "alias/a")
                ]
        found = analyze_policy_string(json.dumps(document)).findings
        assert [f"{one.issue} {one.detail}" for one in found] == [], logical


def test_the_deployer_is_denied_other_networks_and_the_jobs_role_the_other_jobs_data(templates):
    documents = policies_of(templates["whole"])
    deployer, daily, report = (
        as_policy(documents[name]) for name in ("DeployerPolicy", "OrdersDailyAccess", "OrdersReportAccess")
    )
    job = "arn:aws:glue:eu-west-1:111122223333:job/orders_daily"
    home = {
        "glue:VpcIds": ("vpc",),
        "glue:SubnetIds": ("subnet1", "subnet2"),
        "glue:SecurityGroupIds": ("jobsecuritygroup",),
    }
    for context, decision in (
        (home, Decision.ALLOWED),
        ({}, Decision.DENIED),
        ({**home, "glue:VpcIds": ("vpc", "vpc-9")}, Decision.DENIED),
    ):
        assert evaluate([deployer], Request("glue:CreateJob", job, "", context)) is decision
    landing = Request("s3:GetObject", "arn:aws:s3:::acme-landing/orders/a.csv")
    assert evaluate([daily], landing) is Decision.ALLOWED
    assert evaluate([report], landing) is Decision.NOT_ALLOWED
    secret = Request("secretsmanager:GetSecretValue", word("OrdersDbSecret"))
    assert evaluate([daily], secret) is Decision.ALLOWED
    assert evaluate([report], secret) is Decision.NOT_ALLOWED


def test_a_job_is_pinned_to_its_configuration_code_and_places(templates, whole):
    job = templates["whole"]["Resources"]["OrdersDailyJob"]["Properties"]
    assert job["SecurityConfiguration"] == {"Ref": "SecurityConfiguration"}
    assert job["NonOverridableArguments"] == whole.fixed_arguments(whole.jobs["orders_daily"])
    assert job["Connections"] == {"Connections": [{"Ref": "OrdersDbConnection"}]}
    report = templates["whole"]["Resources"]["OrdersReportJob"]["Properties"]
    assert report["Connections"] == {"Connections": [{"Ref": "NetworkConnection"}]}
    assert "Connections" not in templates["small"]["Resources"]["SmallJob"]["Properties"]
    connection = templates["whole"]["Resources"]["OrdersDbConnection"]["Properties"]["ConnectionInput"]
    assert connection["ConnectionProperties"]["JDBC_ENFORCE_SSL"] == "true"
    assert connection["ConnectionProperties"]["SECRET_ID"] == {"Ref": "OrdersDbSecret"}
    assert "PASSWORD" not in connection["ConnectionProperties"]


def test_every_mode_of_the_configuration_is_strict_and_what_holds_data_is_retained(templates):
    for template in templates.values():
        resources = template["Resources"]
        encryption = resources["SecurityConfiguration"]["Properties"]["EncryptionConfiguration"]
        assert encryption["S3Encryptions"][0]["S3EncryptionMode"] == "SSE-KMS"
        assert encryption["CloudWatchEncryption"]["CloudWatchEncryptionMode"] == "SSE-KMS"
        assert encryption["JobBookmarksEncryption"]["JobBookmarksEncryptionMode"] == "CSE-KMS"
        for resource in resources.values():
            if resource["Type"] in ("AWS::KMS::Key", "AWS::S3::Bucket", "AWS::SecretsManager::Secret"):
                assert resource["DeletionPolicy"] == "Retain"
    assert "CatalogEncryption" in templates["small"]["Resources"]
    assert "CatalogEncryption" not in templates["joined"]["Resources"]
    assert "Vpc" not in templates["joined"]["Resources"]


def test_names_that_logical_ids_cannot_tell_apart_are_refused(whole):
    twin = replace(whole.jobs["orders_daily"], name="orders-daily")
    with pytest.raises(UsageError, match="OrdersDaily"):
        cloudformation(replace(whole, jobs={**whole.jobs, "orders-daily": twin}))
