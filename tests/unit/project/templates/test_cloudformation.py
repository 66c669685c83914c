"""CloudFormation templates: linters, a stack in moto, and the access that their policies grant."""

import json
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
from generated_documents import arn, as_policy, of_cloudformation
from policy_linter import lint

from glue_secure.governance.policies import PolicyDecision, Request, evaluate
from glue_secure.project.templates import cloudformation, with_parameters

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def templates(projects):
    return {name: cloudformation(project) for name, project in projects.items()}


@pytest.fixture(scope="module")
def files(templates, projects, tmp_path_factory):
    folder = tmp_path_factory.mktemp("templates")
    for name, template in templates.items():
        (folder / f"{name}.json").write_text(json.dumps(template, indent=2))
    for name in ("full", "joined"):
        template = with_parameters(templates[name], projects[name])
        (folder / f"{name}-parameters.json").write_text(json.dumps(template, indent=2))
    return sorted(folder.iterdir())


@pytest.mark.parametrize(
    "names",
    [
        ["full", "audited"],
        pytest.param(["alone", "joined", "outside", "reused", "small", "whole"], marks=pytest.mark.long),
        pytest.param(["full-parameters", "joined-parameters"], marks=pytest.mark.long),
    ],
)
def test_cfn_lint_has_no_findings(files, names):
    """FULL and AUDITED have every key of the file; the other projects repeat its resource types."""
    # W3010 concerns the zones that two of the projects name.
    words = [BIN / "cfn-lint", "--ignore-checks", "W3010", "--"]
    words += [file for file in files if file.stem in names]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_cloudformation_still_has_no_encryption_of_data_quality(tmp_path):
    """When CloudFormation supports it, as Glue's API does, this test fails, and the template must set it."""
    modes = {
        "DataQualityEncryption": {"DataQualityEncryptionMode": "SSE-KMS", "KmsKeyArn": arn("kms", "key/data")}
    }
    properties = {"Name": "strict", "EncryptionConfiguration": modes}
    resource = {"Type": "AWS::Glue::SecurityConfiguration", "Properties": properties}
    (tmp_path / "t.json").write_text(json.dumps({"Resources": {"SecurityConfiguration": resource}}))
    done = subprocess.run([BIN / "cfn-lint", tmp_path / "t.json"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "E3002" in done.stdout and "DataQualityEncryption" in done.stdout


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
        # moto cannot describe a key whose policy comes from a template; the embedded account corrects this.
        aliases = boto3.client("kms", **region).list_aliases()["Aliases"]
        keys = {alias["AliasName"]: alias.get("TargetKeyId", "") for alias in aliases}
        data = f"arn:aws:kms:us-east-1:123456789012:key/{keys['alias/orders-data']}"
        roles = boto3.client("iam").list_roles()["Roles"]
        assert {"orders-orders_daily", "orders-orders_report"} <= {role["RoleName"] for role in roles}
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


# parliament does not know these condition keys, which AWS's guides have.
UNKNOWN_TO_PARLIAMENT = (
    "aws:ViaAWSService", "glue:CredentialIssuingService", "s3:ObjectCreationOperation", "s3:if-none-match"
)  # fmt: skip


def test_parliament_has_no_findings_for_the_policies_of_a_template(templates, name):
    documents = of_cloudformation(templates[name])
    assert len(documents) >= 6
    for label, parts in documents.items():
        for document in parts if not label.startswith("trust ") else ():
            for statement in document["Statement"]:
                if "Principal" in statement and statement.get("Resource") == ["*"]:
                    # In a key policy, "*" is the key itself.
                    statement["Resource"] = [arn("kms", "key/k"), arn("kms", "alias/a")]
            # An auditor reads every resource of the account.
            accepted = (*UNKNOWN_TO_PARLIAMENT, *(("RESOURCE_STAR",) if label == "audit" else ()))
            findings = [text for text in lint(document) if not any(key in text for key in accepted)]
            assert findings == [], label


def test_a_role_has_no_s3_permissions_on_a_bucket_that_lake_formation_governs(whole):
    buckets = {**whole.buckets, "landing": replace(whole.buckets["landing"], lake_formation=True)}
    for project, decision, action in (
        (whole, PolicyDecision.ALLOWED, PolicyDecision.NOT_ALLOWED),
        (replace(whole, buckets=buckets), PolicyDecision.NOT_ALLOWED, PolicyDecision.ALLOWED),
    ):
        template = cloudformation(project)
        (document,) = of_cloudformation(template)["role orders-orders_daily"]
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
        if "SecurityConfiguration" not in resources:  # an existing one
            continue
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


def test_a_created_bucket_has_default_encryption_a_policy_and_no_public_access(templates, name):
    resources = templates[name]["Resources"]
    buckets = {
        logical: resource["Properties"]
        for logical, resource in resources.items()
        if resource["Type"] == "AWS::S3::Bucket"
    }
    assert len(buckets) >= 2
    for logical, bucket in buckets.items():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
        assert rules["AbortUploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
        assert resources[f"{logical}Policy"]["Properties"]["Bucket"] == {"Ref": logical}
        # S3 delivers its logs with SSE-S3 only; the two others are tested with the settings of the file.
        if logical in ("AccessLogsBucket", "CentralBucket", "OpenBucket") or name == "reused":
            continue
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["BucketKeyEnabled"] is True
        assert rule["ServerSideEncryptionByDefault"] == {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": {"Fn::GetAtt": ["DataKey", "Arn"]},
        }


def test_a_network_has_endpoints_and_a_self_referencing_security_group(templates, projects, name):
    resources = templates[name]["Resources"]
    endpoints = [
        resource["Properties"]
        for resource in resources.values()
        if resource["Type"] == "AWS::EC2::VPCEndpoint"
    ]
    vpc = projects[name].vpc
    if vpc is None:
        assert endpoints == []
        return
    existing = vpc.existing_endpoints
    kinds = {service_of(endpoint): endpoint["VpcEndpointType"] for endpoint in endpoints}
    expected = dict.fromkeys(("glue", "kms", "secretsmanager", "logs", "sts"), "Interface") | {
        "s3": "Gateway"
    }
    expected |= {"dynamodb": "Gateway"} if name == "full" else {}
    assert kinds == {service: kind for service, kind in expected.items() if service not in existing}
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


def service_of(endpoint):
    """Return the service of an endpoint; of one with another name in China, its name elsewhere."""
    name = endpoint["ServiceName"]
    if "Fn::If" in name:
        condition, china, elsewhere = name["Fn::If"]
        assert (condition, china["Fn::Sub"]) == ("InChina", f"cn.{elsewhere['Fn::Sub']}")
        name = elsewhere
    return name["Fn::Sub"].removeprefix("com.amazonaws.${AWS::Region}.")


def test_only_the_endpoint_of_sts_has_another_name_in_china(templates):
    template = templates["whole"]
    assert template["Conditions"] == {"InChina": {"Fn::Equals": [{"Ref": "AWS::Partition"}, "aws-cn"]}}
    other = [
        logical
        for logical, resource in template["Resources"].items()
        if resource["Type"] == "AWS::EC2::VPCEndpoint" and "Fn::If" in resource["Properties"]["ServiceName"]
    ]
    assert other == ["StsEndpoint"]


def test_every_connection_in_a_vpc_has_a_zone(templates, name):
    connections = [
        resource["Properties"]["ConnectionInput"]
        for resource in templates[name]["Resources"].values()
        if resource["Type"] == "AWS::Glue::Connection"
    ]
    in_vpc = [
        c["PhysicalConnectionRequirements"] for c in connections if "PhysicalConnectionRequirements" in c
    ]
    assert all(location["AvailabilityZone"] for location in in_vpc)
    if name == "joined":
        assert [location["AvailabilityZone"] for location in in_vpc] == ["eu-west-1a"]


def test_a_job_knows_its_region_and_has_logging_where_scanners_search(templates):
    properties = templates["full"]["Resources"]["ReportJob"]["Properties"]
    arguments = properties["DefaultArguments"]
    assert arguments["--conf"] == {
        "Fn::Sub": "spark.io.encryption.enabled=true "
        "--conf spark.hadoop.fs.s3a.endpoint.region=${AWS::Region}"
    }
    for members in (arguments, properties["NonOverridableArguments"]):
        assert members["--enable-continuous-cloudwatch-log"] == "true"
    assert arguments["--text"] == "${x} %{y}"


def test_a_users_setting_with_a_reference_stays_literal_and_its_endpoint_wins(whole):
    job = whole.jobs["orders_report"]
    given = replace(job, arguments={"conf": "spark.a=${b}"})
    arguments = arguments_of(replace(whole, jobs={"orders_report": given}))
    assert arguments["--conf"]["Fn::Sub"].startswith("spark.a=${!b} --conf ")
    own = replace(job, arguments={"conf": "spark.hadoop.fs.s3a.endpoint=s3.example.org"})
    conf = arguments_of(replace(whole, jobs={"orders_report": own}))["--conf"]
    assert "endpoint.region" not in conf


def arguments_of(project):
    return cloudformation(project)["Resources"]["OrdersReportJob"]["Properties"]["DefaultArguments"]


def test_evidence_is_locked_and_signed_if_the_project_says_so(templates):
    resources = templates["full"]["Resources"]
    bucket = resources["EvidenceBucket"]["Properties"]
    assert bucket["ObjectLockEnabled"] is True
    assert bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"] == {
        "Mode": "GOVERNANCE",
        "Days": 365,
    }
    assert "ObjectLockEnabled" not in resources["CuratedBucket"]["Properties"]
    signing = resources["EvidenceLoadKey"]["Properties"]
    assert (signing["KeySpec"], signing["KeyUsage"]) == ("ECC_NIST_P256", "SIGN_VERIFY")
    fixed = resources["LoadJob"]["Properties"]["NonOverridableArguments"]
    assert (
        fixed["--glue-secure-evidence-signing-key"]
        == resources["EvidenceLoadKeyAlias"]["Properties"]["AliasName"]
    )
    assert fixed["--glue-secure-columns"] == "s3://acme-lake-artifacts/policies/columns.toml"
    assert fixed["--glue-secure-worker-encryption"] == "required"
    assert fixed["--glue-secure-bookmark-high-water"] == "dynamodb:marks"
    assert fixed["--glue-secure-bookmarks"] == "portable"
