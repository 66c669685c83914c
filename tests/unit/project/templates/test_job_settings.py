"""Tags, paths, boundaries, schedules, retries and other settings of a project, in both templates."""

import pytest

from glue_secure.project.templates import cloudformation, terraform


@pytest.fixture(scope="module")
def stack(projects):
    return cloudformation(projects["full"])["Resources"]


@pytest.fixture(scope="module")
def configuration(projects):
    return terraform(projects["full"])["resource"]


def test_every_resource_that_can_have_tags_has_those_of_the_project(stack, configuration):
    untagged = {"AWS::KMS::Alias", "AWS::S3::BucketPolicy", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"}
    untagged |= {f"AWS::Glue::{name}" for name in ("Connection", "SecurityConfiguration")}
    untagged |= {f"AWS::EC2::{name}" for name in ("SecurityGroupIngress", "SecurityGroupEgress")}
    untagged |= {"AWS::EC2::SubnetRouteTableAssociation", "AWS::SecretsManager::RotationSchedule"}
    untagged |= {"AWS::Glue::DataCatalogEncryptionSettings", "AWS::SNS::TopicPolicy"}
    for resource in stack.values():
        tags = resource["Properties"].get("Tags", {})
        given = tags if isinstance(tags, dict) else {tag["Key"]: tag["Value"] for tag in tags}
        expected = set() if resource["Type"] in untagged else {"team", "cost center"}
        assert set(given) == expected, resource["Type"]
    for kind in ("aws_kms_key", "aws_s3_bucket", "aws_iam_role", "aws_iam_policy", "aws_vpc", "aws_flow_log"):
        for resource in configuration[kind].values():
            assert resource["tags"]["cost center"] == "42"


def test_a_jobs_own_tag_replaces_that_of_the_project(stack, configuration):
    assert stack["LoadJob"]["Properties"]["Tags"]["team"] == "orders"
    assert stack["ReportJob"]["Properties"]["Tags"]["team"] == "data"
    assert configuration["aws_glue_job"]["load"]["tags"]["team"] == "orders"
    assert configuration["aws_glue_job"]["report"]["tags"]["team"] == "data"


def test_every_role_has_the_path_and_the_permissions_boundary(stack, configuration):
    roles = [resource["Properties"] for resource in stack.values() if resource["Type"] == "AWS::IAM::Role"]
    assert len(roles) == len(configuration["aws_iam_role"]) == 4
    boundary = "arn:aws:iam::111122223333:policy/boundary"
    assert {(role["Path"], role["PermissionsBoundary"]) for role in roles} == {("/glue/lake/", boundary)}
    for role in configuration["aws_iam_role"].values():
        assert (role["path"], role["permissions_boundary"]) == ("/glue/lake/", boundary)


def test_a_role_has_the_further_policies_of_its_job_and_jobs_reach_further_ports(stack, configuration):
    arn = "arn:aws:iam::111122223333:policy/kinesis-orders"
    assert stack["LoadRole"]["Properties"]["ManagedPolicyArns"] == [arn]
    assert "ManagedPolicyArns" not in stack["ReportRole"]["Properties"]
    (attachment,) = configuration["aws_iam_role_policy_attachment"].values()
    assert attachment == {"role": "${aws_iam_role.load.id}", "policy_arn": arn}
    egress = stack["JobSecurityGroup"]["Properties"]["SecurityGroupEgress"]
    expected = {(443, "0.0.0.0/0"), (2484, "10.0.0.0/8"), (9094, "10.0.0.0/8")}
    assert {(rule["FromPort"], rule["CidrIp"]) for rule in egress} == expected
    rules = configuration["aws_vpc_security_group_egress_rule"].values()
    assert expected <= {(rule["from_port"], rule.get("cidr_ipv4")) for rule in rules}


def test_a_job_has_its_retries_class_modules_and_schedule(stack, configuration):
    job, other = stack["LoadJob"]["Properties"], stack["ReportJob"]["Properties"]
    assert (job["MaxRetries"], job["ExecutionClass"]) == (2, "FLEX")
    assert "MaxRetries" not in other and "ExecutionClass" not in other
    modules = job["NonOverridableArguments"]["--extra-py-files"]
    assert modules == "s3://acme-lake-artifacts/scripts/load.modules.zip"
    trigger = stack["LoadSchedule"]["Properties"]
    assert (trigger["Type"], trigger["Schedule"]) == ("SCHEDULED", "cron(15 3 * * ? *)")
    assert trigger["Actions"] == [{"JobName": {"Ref": "LoadJob"}}]
    assert "ReportSchedule" not in stack
    written = configuration["aws_glue_trigger"]["load"]
    assert (written["schedule"], written["actions"]) == (
        "cron(15 3 * * ? *)", [{"job_name": "${aws_glue_job.load.name}"}]
    )  # fmt: skip
    assert configuration["aws_glue_job"]["load"]["max_retries"] == 2


def test_a_crawler_has_the_security_configuration_of_the_project(stack, configuration):
    crawler = stack["RawCrawler"]["Properties"]
    assert crawler["CrawlerSecurityConfiguration"] == {"Ref": "SecurityConfiguration"}
    paths = ["s3://acme-lake-raw/", "s3://acme-shared/"]
    assert [target["Path"] for target in crawler["Targets"]["S3Targets"]] == paths
    assert crawler["Schedule"] == {"ScheduleExpression": "cron(0 2 * * ? *)"}
    written = configuration["aws_glue_crawler"]["raw-crawler"]
    assert written["security_configuration"] == "${aws_glue_security_configuration.strict.name}"
    assert [target["path"] for target in written["s3_target"]] == paths


def test_a_secret_rotates_but_not_before_its_owner_has_set_the_password(stack, configuration):
    rotation = stack["OrdersDbSecretRotation"]["Properties"]
    assert rotation["RotationRules"] == {"AutomaticallyAfterDays": 14}
    assert rotation["RotateImmediatelyOnUpdate"] is False
    written = configuration["aws_secretsmanager_secret_rotation"]["orders-db"]
    assert written["rotation_lambda_arn"] == rotation["RotationLambdaARN"]
    assert written["rotate_immediately"] is False


def test_a_created_vpc_logs_its_traffic_under_the_logs_key(stack, configuration):
    flows = stack["FlowLog"]["Properties"]
    group = stack[flows["LogGroupName"]["Ref"]]["Properties"]
    assert group["LogGroupName"] == "/glue-secure/lake/flow-logs"
    assert group["KmsKeyId"] == {"Fn::GetAtt": ["LogsKey", "Arn"]}
    assert (flows["ResourceId"], flows["TrafficType"]) == ({"Ref": "Vpc"}, "ALL")
    assert configuration["aws_flow_log"]["jobs"]["vpc_id"] == "${aws_vpc.jobs.id}"
    assert configuration["aws_cloudwatch_log_group"]["flow-logs"]["kms_key_id"] == "${aws_kms_key.logs.arn}"


def test_a_buckets_default_encryption_is_what_the_file_says(stack, configuration):
    def default(name):
        (rule,) = stack[name]["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        return rule["ServerSideEncryptionByDefault"]

    central = "arn:aws:kms:eu-west-1:999900001111:key/0000ce47-12ab-34cd-56ef-1234567890ab"
    assert default("OpenBucket") == {"SSEAlgorithm": "AES256"}
    assert default("CentralBucket") == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": central}
    rules = configuration["aws_s3_bucket_server_side_encryption_configuration"]
    (rule,) = rules["central"]["rule"]
    assert rule["apply_server_side_encryption_by_default"][0]["kms_master_key_id"] == central
    (rule,) = rules["open"]["rule"]
    assert rule["apply_server_side_encryption_by_default"] == [{"sse_algorithm": "AES256"}]
