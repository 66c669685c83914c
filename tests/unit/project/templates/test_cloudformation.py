"""CloudFormation templates: linters, a stack in moto, and the access that their policies grant."""

import json
import os
import re
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
from policy_linter import lint

from glue_secure.core.errors import UsageError
from glue_secure.core.policy_documents import Policy, PolicyCondition, Principal, Statement
from glue_secure.governance.policies import PolicyDecision, Request, evaluate
from glue_secure.project.templates import cloudformation

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


def test_cfn_lint_has_no_findings(files):
    done = subprocess.run([BIN / "cfn-lint", *files], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_cloudformation_still_has_no_encryption_of_data_quality(tmp_path):
    """When CloudFormation supports it, as Glue's API does, this test fails, and the template must set it."""
    modes = {"DataQualityEncryption": {"DataQualityEncryptionMode": "SSE-KMS", "KmsKeyArn": word("DataKey")}}
    properties = {"Name": "strict", "EncryptionConfiguration": modes}
    resource = {"Type": "AWS::Glue::SecurityConfiguration", "Properties": properties}
    (tmp_path / "t.json").write_text(json.dumps({"Resources": {"SecurityConfiguration": resource}}))
    done = subprocess.run([BIN / "cfn-lint", tmp_path / "t.json"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "E3002" in done.stdout and "DataQualityEncryption" in done.stdout


@pytest.mark.long
def test_checkov_has_no_findings_and_skips_nothing(files, tmp_path):
    """Checkov has an environment of its own, because its pins conflict with this project's."""
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


def test_moto_creates_a_stack_of_the_types_that_it_supports(templates, monkeypatch):
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
        # moto cannot describe a key whose policy comes from a template; the aliases have the key ids.
        aliases = boto3.client("kms", **region).list_aliases()["Aliases"]
        keys = {alias["AliasName"]: alias.get("TargetKeyId", "") for alias in aliases}
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
        assert {endpoint["ServiceName"].rpartition(".")[2] for endpoint in endpoints} == {
            "glue", "kms", "secretsmanager", "logs", "sts", "s3"
        }  # fmt: skip


# Values of the template's pseudo parameters.
WORDS = {"AWS::Region": "eu-west-1", "AWS::AccountId": "111122223333", "AWS::Partition": "aws"}


def literal(value):
    """Return a value of a template with its references resolved to names."""
    if isinstance(value, list):
        return [literal(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "Ref" in value:
        return word(value["Ref"])
    if "Fn::GetAtt" in value:
        return word(".".join(value["Fn::GetAtt"]))
    if "Fn::Sub" in value:
        return re.sub(r"\$\{([^}]+)\}", lambda match: word(match[1]), value["Fn::Sub"])
    return {name: literal(member) for name, member in value.items()}


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
    """Return the policy documents of a template by logical id, with references resolved."""
    documents = {}
    for name, resource in template["Resources"].items():
        for key in ("PolicyDocument", "KeyPolicy"):
            if key in resource["Properties"]:
                documents[name] = literal(resource["Properties"][key])
    return documents


def as_policy(document):
    def many(value):
        return tuple(value) if isinstance(value, list) else (value,)

    return Policy(
        tuple(
            Statement(
                item["Sid"],
                item["Effect"],
                tuple(item["Action"]),
                tuple(item["Resource"]),
                None
                if "Principal" not in item or item["Principal"] == "*"
                else Principal(*next((kind, many(names)) for kind, names in item["Principal"].items())),
                tuple(
                    PolicyCondition(operator, key, many(values))
                    for operator, block in item.get("Condition", {}).items()
                    for key, values in block.items()
                ),
            )
            for item in document["Statement"]
        )
    )


def test_parliament_has_no_findings_for_the_policies_of_a_template(templates, name):
    documents = policies_of(templates[name])
    assert len(documents) >= 7
    for logical, document in documents.items():
        if logical.endswith("Key"):
            for statement in document["Statement"]:  # its "*" is the key itself
                statement["Resource"] = [
                    f"arn:aws:kms:eu-west-1:111122223333:{resource}" for resource in ("key/k", "alias/a")
                ]
        assert lint(document) == [], logical


def test_the_deployer_is_denied_other_networks_and_a_job_has_no_access_to_the_data_of_others(templates):
    documents = policies_of(templates["whole"])
    deployer, daily, report = (
        as_policy(documents[name]) for name in ("DeployerPolicy", "OrdersDailyAccess", "OrdersReportAccess")
    )
    job = "arn:aws:glue:eu-west-1:111122223333:job/orders_daily"
    project_network = {
        "glue:VpcIds": ("vpc",),
        "glue:SubnetIds": ("subnet1", "subnet2"),
        "glue:SecurityGroupIds": ("jobsecuritygroup",),
    }
    for context, decision in (
        (project_network, PolicyDecision.ALLOWED),
        ({}, PolicyDecision.DENIED),
        ({**project_network, "glue:VpcIds": ("vpc", "vpc-9")}, PolicyDecision.DENIED),
    ):
        assert evaluate([deployer], Request("glue:CreateJob", job, "", context)) is decision
    for action, resource in (
        ("glue:BatchStopJobRun", job),
        ("glue:GetConnection", "arn:aws:glue:eu-west-1:111122223333:connection/orders-db"),
        ("glue:GetDataCatalogEncryptionSettings", "arn:aws:glue:eu-west-1:111122223333:catalog"),
        ("kms:DescribeKey", word("BookmarkKey")),
        ("kms:DescribeKey", word("LogsKey")),
        ("logs:DescribeLogGroups", "arn:aws:logs:eu-west-1:111122223333:log-group:x"),
    ):
        assert evaluate([deployer], Request(action, resource)) is PolicyDecision.ALLOWED, action
    landing = Request("s3:GetObject", "arn:aws:s3:::acme-landing/orders/a.csv")
    assert evaluate([daily], landing) is PolicyDecision.ALLOWED
    assert evaluate([report], landing) is PolicyDecision.NOT_ALLOWED
    secret = Request("secretsmanager:GetSecretValue", word("OrdersDbSecret"))
    assert evaluate([daily], secret) is PolicyDecision.ALLOWED
    assert evaluate([report], secret) is PolicyDecision.NOT_ALLOWED


def test_a_role_has_no_s3_permissions_on_a_bucket_that_lake_formation_governs(whole):
    buckets = {**whole.buckets, "landing": replace(whole.buckets["landing"], lake_formation=True)}
    for project, decision, action in (
        (whole, PolicyDecision.ALLOWED, PolicyDecision.NOT_ALLOWED),
        (replace(whole, buckets=buckets), PolicyDecision.NOT_ALLOWED, PolicyDecision.ALLOWED),
    ):
        template = cloudformation(project)
        document = policies_of(template)["OrdersDailyAccess"]
        assert lint(document) == []
        policy = as_policy(document)
        for name, resource in (
            ("s3:GetObject", "arn:aws:s3:::acme-landing/orders/2026.csv"),
            ("s3:ListBucket", "arn:aws:s3:::acme-landing"),
        ):
            allowed = evaluate([policy], Request(name, resource))
            # The CA certificate is in this bucket, and a role that may list it sees a missing object as such.
            assert allowed is (PolicyDecision.ALLOWED if name == "s3:ListBucket" else decision)
        assert evaluate([policy], Request("s3:PutObject", "arn:aws:s3:::acme-orders-curated/x")) is (
            PolicyDecision.ALLOWED
        )
        assert evaluate([policy], Request("lakeformation:GetDataAccess")) is action
        services = {name for name in template["Resources"] if name.endswith("Endpoint")}
        assert ("LakeformationEndpoint" in services) == (action is PolicyDecision.ALLOWED)


def test_a_job_has_its_configuration_and_fixed_arguments(templates, whole):
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


def test_every_mode_of_the_configuration_is_strict_and_resources_with_data_are_retained(templates):
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


def test_a_role_may_associate_the_key_with_its_own_log_groups_only(templates, projects, name):
    """Without logs:AssociateKmsKey, Glue silently disables continuous logging."""
    documents = policies_of(templates[name])
    for job in projects[name].jobs.values():
        logical = next(
            document
            for document in documents
            if document.lower() == job.name.replace("_", "").lower() + "access"
        )
        policy = as_policy(documents[logical])
        for group in projects[name].log_groups(job):
            arn = f"arn:aws:logs:eu-west-1:111122223333:log-group:{group}"
            assert evaluate([policy], Request("logs:AssociateKmsKey", arn)) is PolicyDecision.ALLOWED
            assert group in {
                resource["Properties"]["LogGroupName"]
                for resource in templates[name]["Resources"].values()
                if resource["Type"] == "AWS::Logs::LogGroup" and resource["Properties"]["KmsKeyId"]
            }
        other = "arn:aws:logs:eu-west-1:111122223333:log-group:/other"
        assert evaluate([policy], Request("logs:AssociateKmsKey", other)) is PolicyDecision.NOT_ALLOWED


def test_a_role_may_use_the_data_key_through_services_only_and_the_bookmark_key_directly(templates, name):
    documents = policies_of(templates[name])
    role = next(map(str, literal(roles_of(templates[name]))))
    key = as_policy(documents["BookmarkKey"])
    data = as_policy(documents["DataKey"])
    for action in ("kms:GenerateDataKey", "kms:Decrypt", "kms:Encrypt"):
        assert evaluate([key], Request(action, "*", role)) is PolicyDecision.ALLOWED
        assert evaluate([data], Request(action, "*", role)) is PolicyDecision.NOT_ALLOWED
        through = {"kms:ViaService": ("s3.eu-west-1.amazonaws.com",)}
        assert evaluate([data], Request(action, "*", role, through)) is PolicyDecision.ALLOWED


def roles_of(template):
    """Return references to the roles of the jobs."""
    return [
        {"Fn::GetAtt": [name, "Arn"]}
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role"
    ]


def test_a_created_bucket_has_default_encryption_a_policy_and_no_public_access(templates, name):
    resources = templates[name]["Resources"]
    documents = policies_of(templates[name])
    buckets = {
        logical: resource["Properties"]
        for logical, resource in resources.items()
        if resource["Type"] == "AWS::S3::Bucket"
    }
    for logical, bucket in buckets.items():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        policy = as_policy(documents[f"{logical}Policy"])
        arn = f"arn:aws:s3:::{literal(bucket.get('BucketName', {'Ref': logical}))}"
        plain = {"aws:SecureTransport": ("false",)}
        assert evaluate([policy], Request("s3:GetObject", f"{arn}/a", "x", plain)) is PolicyDecision.DENIED
        if logical == "AccessLogsBucket":  # S3 delivers its logs with SSE-S3 only
            continue
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["BucketKeyEnabled"] is True
        assert rule["ServerSideEncryptionByDefault"] == {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": {"Fn::GetAtt": ["DataKey", "Arn"]},
        }
        other = {"s3:x-amz-server-side-encryption": ("aws:kms",),
                 "s3:x-amz-server-side-encryption-aws-kms-key-id": (word("OtherKey"),)}  # fmt: skip
        assert evaluate([policy], Request("s3:PutObject", f"{arn}/a", "x", other)) is PolicyDecision.DENIED
        expected = {**other, "s3:x-amz-server-side-encryption-aws-kms-key-id": (word("DataKey"),)}
        assert (
            evaluate([policy], Request("s3:PutObject", f"{arn}/a", "x", expected))
            is PolicyDecision.NOT_ALLOWED
        )
    assert len(buckets) >= 3


def test_a_network_has_endpoints_and_a_self_referencing_security_group(templates, projects, name):
    resources = templates[name]["Resources"]
    endpoints = [
        resource["Properties"]
        for resource in resources.values()
        if resource["Type"] == "AWS::EC2::VPCEndpoint"
    ]
    if projects[name].vpc is None:
        assert endpoints == []
        return
    kinds = {
        endpoint["ServiceName"]["Fn::Sub"].rpartition(".")[2]: endpoint["VpcEndpointType"]
        for endpoint in endpoints
    }
    interfaces = ("glue", "kms", "secretsmanager", "logs", "sts")
    assert kinds == {**dict.fromkeys(interfaces, "Interface"), "s3": "Gateway"}
    group = {"Fn::GetAtt": ["JobSecurityGroup", "GroupId"]}
    for endpoint in endpoints:
        if endpoint["VpcEndpointType"] == "Interface":
            assert endpoint["PrivateDnsEnabled"] is True
            assert endpoint["SecurityGroupIds"] == [group]
            assert endpoint["SubnetIds"]
        else:
            assert endpoint["RouteTableIds"]
    ingress = resources["JobSecurityGroupIngress"]["Properties"]
    assert ingress["GroupId"] == ingress["SourceSecurityGroupId"] == group
    assert (ingress["FromPort"], ingress["ToPort"]) == (0, 65535)
    denies = [
        statement
        for statement in policies_of(templates[name])["DeployerPolicy"]["Statement"]
        if statement["Effect"] == "Deny"
    ]
    assert {next(iter(deny["Condition"])) for deny in denies} == {"ForAnyValue:StringNotEquals", "Null"}
    assert {key for deny in denies for key in next(iter(deny["Condition"].values()))} == {
        "glue:VpcIds", "glue:SubnetIds", "glue:SecurityGroupIds"
    }  # fmt: skip


def test_two_names_with_the_same_logical_id_are_rejected(whole):
    other_job = replace(whole.jobs["orders_daily"], name="orders-daily")
    with pytest.raises(UsageError, match="OrdersDaily"):
        cloudformation(replace(whole, jobs={**whole.jobs, "orders-daily": other_job}))
