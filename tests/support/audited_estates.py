"""An estate that violates every control of an audit, and its corrected twin."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

from recorded_account import ACCOUNT, REGION, RecordedAccount

from glue_secure.audit.collection import collect
from glue_secure.audit.estate import Estate
from glue_secure.audit.evaluation import CHECKS, evaluate
from glue_secure.audit.model import AuditFinding
from glue_secure.governance.policies.buckets import data_bucket
from glue_secure.governance.policies.documents import PolicyScope
from glue_secure.governance.policies.network import network_denies

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=timezone.utc)
BEFORE = datetime(2026, 11, 1, tzinfo=timezone.utc)
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-1111-1111-1111-111111111111"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/glue-etl"
AUDITOR = f"arn:aws:iam::{ACCOUNT}:role/audits/auditor"


def configuration(name: str, s3: str = "SSE-KMS", logs: str = "SSE-KMS", bookmarks: str = "CSE-KMS",
                  quality: str | None = "SSE-KMS", key: str = KEY) -> dict[str, Any]:  # fmt: skip
    """Return a security configuration with these modes."""
    encryption: dict[str, Any] = {
        "S3Encryption": [_setting("S3EncryptionMode", s3, key)],
        "CloudWatchEncryption": _setting("CloudWatchEncryptionMode", logs, key),
        "JobBookmarksEncryption": _setting("JobBookmarksEncryptionMode", bookmarks, key),
    }
    if quality is not None:
        encryption["DataQualityEncryption"] = _setting("DataQualityEncryptionMode", quality, key)
    return {"Name": name, "EncryptionConfiguration": encryption}


def _setting(member: str, mode: str, key: str) -> dict[str, str]:
    return {member: mode, "KmsKeyArn": key} if mode.endswith("KMS") else {member: mode}


def key_policy(principal: str) -> dict[str, str]:
    """Return the answer of GetKeyPolicy with one statement that allows the principal."""
    return {"Policy": json.dumps({"Statement": [_statement(principal, "kms:*", Sid="use")]})}


def _statement(principal: str, action: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, "Resource": "*", **more}


def bucket_policy(name: str, key: str = KEY) -> dict[str, str]:
    """Return the answer of GetBucketPolicy with the policy that glue-secure prints."""
    scope = PolicyScope(REGION, ACCOUNT)
    return {"Policy": json.dumps(data_bucket(scope, name, key).to_json())}


def default_encryption(algorithm: str, key: str = "") -> dict[str, Any]:
    """Return the answer of GetBucketEncryption."""
    default = {"SSEAlgorithm": algorithm} | ({"KMSMasterKeyID": key} if key else {})
    rules = [{"ApplyServerSideEncryptionByDefault": default}]
    return {"ServerSideEncryptionConfiguration": {"Rules": rules}}


def blocked(*settings: str) -> dict[str, Any]:
    """Return the answer of GetPublicAccessBlock with these settings."""
    return {"PublicAccessBlockConfiguration": dict.fromkeys(settings, True)}


BLOCKED = blocked("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
RETAINED = {
    "ObjectLockConfiguration": {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 365}},
    }
}
BUCKETS = ("scripts", "temp", "evidence", "lake")


def described(arn: str, **more: Any) -> dict[str, Any]:
    """Return the answer of DescribeKey for an enabled symmetric key of the customer."""
    metadata = {
        "KeyId": arn.rpartition("/")[2],
        "Arn": arn,
        "KeyState": "Enabled",
        "KeyManager": "CUSTOMER",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "Origin": "AWS_KMS",
    }
    return {"KeyMetadata": metadata | more}


START_BY_SCHEDULE = "arn:aws:scheduler:::aws-sdk:glue:startJobRun"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:pipeline"
VERSION = f"{MACHINE}:1"


def schedule(**parameters: Any) -> dict[str, Any]:
    """Return the answer of GetSchedule for a start of a job with these parameters."""
    role = f"arn:aws:iam::{ACCOUNT}:role/scheduler"
    target = {"Arn": START_BY_SCHEDULE, "RoleArn": role, "Input": json.dumps(parameters)}
    return {"Name": "hourly", "GroupName": "default", "State": "ENABLED", "Target": target}


def machine(*states: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    """Return the answer of DescribeStateMachine for a start of a job, or for these states."""
    resource = "arn:aws:states:::glue:startJobRun.sync"
    own = states or ({"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True},)
    named = {f"Load{number}": state for number, state in enumerate(own)}
    return {
        "stateMachineArn": MACHINE,
        "name": "pipeline",
        "type": "STANDARD",
        "creationDate": BEFORE,
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/pipeline",
        "definition": json.dumps({"StartAt": "Load0", "States": named}),
    }


def script(text: str) -> dict[str, Any]:
    """Return the answer of GetObject for a script, with a body for every call."""
    return {"Body": text.encode("utf-8")}


def _allow(actions: Any, resources: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


ENDPOINTS = ("glue", "kms", "logs", "secretsmanager")


def endpoint(service: str, kind: str, **more: Any) -> dict[str, Any]:
    """Return an endpoint of the VPC."""
    name = f"com.amazonaws.{REGION}.{service}"
    base = {"VpcEndpointId": f"vpce-{service}", "VpcId": "vpc-1", "State": "available"}
    return {**base, "ServiceName": name, "VpcEndpointType": kind, **more}


IAM_ALLOWED = "IAM_ALLOWED_PRINCIPALS"


def caller(arn: str) -> dict[str, str]:
    """Return the answer of GetCallerIdentity."""
    return {"Account": ACCOUNT, "UserId": "AROA" + "0" * 12, "Arn": arn}


def granted(principal: str, permission: str) -> dict[str, Any]:
    """Return a grant on the table flights.legs."""
    table = {"Table": {"CatalogId": ACCOUNT, "DatabaseName": "flights", "Name": "legs"}}
    identifier = {"DataLakePrincipalIdentifier": principal}
    return {"Principal": identifier, "Resource": table, "Permissions": [permission]}


def document(*statements: dict[str, Any]) -> str:
    """Return a policy document as IAM returns it in the shape of an answer."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(**principal: Any) -> str:
    """Return a trust policy with one statement."""
    return document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})


def role(name: str, trusted: str, *statements: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a role with one inline policy."""
    policies = [{"PolicyName": "inline", "PolicyDocument": document(*statements)}] if statements else []
    arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    base = {"Path": "/", "RoleName": name, "RoleId": "AROA" + "0" * 12, "Arn": arn, "CreateDate": BEFORE}
    return {**base, "AssumeRolePolicyDocument": trusted, "RolePolicyList": policies, **more}


def managed_policy(name: str, *statements: dict[str, Any]) -> dict[str, Any]:
    """Return a customer managed policy with one version."""
    version = {"Document": document(*statements), "VersionId": "v1", "IsDefaultVersion": True}
    arn = f"arn:aws:iam::{ACCOUNT}:policy/{name}"
    return {"PolicyName": name, "PolicyId": "ANPA" + "0" * 12, "Arn": arn, "PolicyVersionList": [version]}


def attached(policy: dict[str, Any]) -> dict[str, str]:
    """Return the attachment of a managed policy."""
    return {"PolicyName": policy["PolicyName"], "PolicyArn": policy["Arn"]}


_GLUE = f"arn:aws:glue:{REGION}:{ACCOUNT}"
_IAM = f"arn:aws:iam::{ACCOUNT}"
_READS_TABLE = _allow(
    ["glue:GetTable", "glue:GetPartitions"],
    [f"{_GLUE}:catalog", f"{_GLUE}:database/flights", f"{_GLUE}:table/flights/*"],
)
_ASSOCIATES = _allow(
    "logs:AssociateKmsKey", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws-glue/jobs/*-strict*"
)
_DENIES = [statement.to_json() for statement in network_denies(["vpc-1"])]
_CREATOR = managed_policy(
    "creators",
    _allow(["glue:CreateJob", "glue:UpdateJob", "glue:StartJobRun"], f"{_GLUE}:job/etl"),
    _allow("iam:PassRole", ROLE, Condition={"StringEquals": {"iam:PassedToService": "glue.amazonaws.com"}}),
    *_DENIES,
)


def corrected() -> dict[str, Any]:
    """Return the responses of an estate in which every control passes."""
    return {
        "GetJobs": [
            {
                "Name": "etl",
                "Role": ROLE,
                "GlueVersion": "5.1",
                "LastModifiedOn": BEFORE,
                "SecurityConfiguration": "strict",
                "Command": {"Name": "glueetl", "ScriptLocation": "s3://scripts/etl.py"},
                "Connections": {"Connections": ["ops"]},
                "DefaultArguments": {
                    "--TempDir": "s3://temp/etl/",
                    "--conf": "spark.authenticate=true --conf spark.network.crypto.enabled=true "
                    "--conf spark.io.encryption.enabled=true",
                },
                "NonOverridableArguments": {
                    "--enable-continuous-cloudwatch-log": "true",
                    "--glue-secure-evidence-uri": "s3://evidence/runs/",
                },
            }
        ],
        "GetJobRuns": {
            "etl": [
                {
                    "Id": "jr_1",
                    "JobName": "etl",
                    "StartedOn": NOW,
                    "SecurityConfiguration": "strict",
                    "Arguments": {"--day": "2026-11-29"},
                }
            ]
        },
        "GetCrawlers": [
            {
                "Name": "lake",
                "Role": "glue-etl",
                "CrawlerSecurityConfiguration": "strict",
                "Targets": {"S3Targets": [{"Path": "s3://lake/flights/"}]},
            }
        ],
        "GetDevEndpoints": [{"EndpointName": "dev", "SecurityConfiguration": "strict"}],
        "ListSessions": [{"Id": "s1", "Status": "READY", "SecurityConfiguration": "strict"}],
        "GetMLTransforms": [
            {
                "TransformId": "tfm-1",
                "Name": "match",
                "TransformEncryption": {
                    "MlUserDataEncryption": {"MlUserDataEncryptionMode": "SSE-KMS", "KmsKeyId": KEY},
                    "TaskRunSecurityConfigurationName": "strict",
                },
            }
        ],
        "GetTriggers": [
            {
                "Name": "nightly",
                "Type": "SCHEDULED",
                "Actions": [{"JobName": "etl", "Arguments": {"--day": "today"}}],
            }
        ],
        "ListColumnStatisticsTaskRuns": ["cs-1"],
        "GetColumnStatisticsTaskRun": {
            "cs-1": {
                "ColumnStatisticsTaskRun": {
                    "DatabaseName": "flights",
                    "TableName": "legs",
                    "SecurityConfiguration": "strict",
                }
            }
        },
        "GetColumnStatisticsTaskSettings": {
            "flights/legs": {"ColumnStatisticsTaskSettings": {"SecurityConfiguration": "strict"}}
        },
        "ListSchedules": [
            {"Name": "hourly", "GroupName": "default", "Target": {"Arn": START_BY_SCHEDULE}},
            {"Name": "other", "GroupName": "default", "Target": {"Arn": "arn:aws:sqs:::queue"}},
        ],
        "GetSchedule": {"default/hourly": schedule(JobName="etl", Arguments={"--day": "today"})},
        "ListStateMachines": [
            {"stateMachineArn": MACHINE, "name": "pipeline", "type": "STANDARD", "creationDate": BEFORE}
        ],
        "DescribeStateMachine": {MACHINE: machine(JobName="etl"), VERSION: machine(JobName="etl")},
        "ListStateMachineVersions": {MACHINE: [{"stateMachineVersionArn": VERSION, "creationDate": BEFORE}]},
        "ListStateMachineAliases": {
            MACHINE: [{"stateMachineAliasArn": f"{MACHINE}:prod", "creationDate": BEFORE}]
        },
        "DescribeStateMachineAlias": {
            f"{MACHINE}:prod": {"routingConfiguration": [{"stateMachineVersionArn": VERSION, "weight": 100}]}
        },
        "ListDataQualityRulesets": [{"Name": "rules"}],
        "GetDataQualityRuleset": {"rules": {"Name": "rules", "DataQualitySecurityConfiguration": "strict"}},
        "ListDataQualityRuleRecommendationRuns": [{"RunId": "dqr-1"}],
        "GetDataQualityRuleRecommendationRun": {
            "dqr-1": {"RunId": "dqr-1", "DataQualitySecurityConfiguration": "strict"}
        },
        "GetSecurityConfigurations": [configuration("strict")],
        "GetDataCatalogEncryptionSettings": {
            "DataCatalogEncryptionSettings": {
                "EncryptionAtRest": {"CatalogEncryptionMode": "SSE-KMS", "SseAwsKmsKeyId": KEY},
                "ConnectionPasswordEncryption": {
                    "ReturnConnectionPasswordEncrypted": True,
                    "AwsKmsKeyId": KEY,
                },
            }
        },
        "GetResourcePolicies": [
            {
                "PolicyInJson": json.dumps(
                    {"Statement": [_statement(f"arn:aws:iam::{ACCOUNT}:root", "glue:*")]}
                )
            }
        ],
        "GetConnections": [
            {
                "Name": "ops",
                "ConnectionType": "JDBC",
                "ConnectionProperties": {
                    "JDBC_CONNECTION_URL": "jdbc:postgresql://db.example.com:5432/ops",
                    "JDBC_ENFORCE_SSL": "true",
                    "SECRET_ID": "ops/postgres",
                },
                "PhysicalConnectionRequirements": {
                    "SubnetId": "subnet-1",
                    "SecurityGroupIdList": ["sg-1"],
                    "AvailabilityZone": "eu-west-1a",
                },
            },
            {
                "Name": "events",
                "ConnectionType": "KAFKA",
                "ConnectionProperties": {"KAFKA_BOOTSTRAP_SERVERS": "b1.example.com:9094"},
            },
            {
                "Name": "stored",
                "ConnectionType": "JDBC",
                "ConnectionProperties": {
                    "JDBC_CONNECTION_URL": "jdbc:mysql://db.example.com:3306/ops",
                    "JDBC_ENFORCE_SSL": "true",
                    "USERNAME": "etl",
                },
            },
        ],
        "DescribeKey": {KEY: described(KEY)},
        "GetKeyRotationStatus": {KEY: {"KeyRotationEnabled": True, "RotationPeriodInDays": 365}},
        "GetKeyPolicy": {KEY: key_policy(f"arn:aws:iam::{ACCOUNT}:root")},
        "ListGrants": {
            KEY: [{"GrantId": "g1", "GranteePrincipal": ROLE, "Operations": ["Decrypt"]}],
        },
        "ListBuckets": [{"Name": name} for name in BUCKETS],
        "GetBucketEncryption": {name: default_encryption("aws:kms", KEY) for name in BUCKETS},
        "GetBucketPolicy": {name: bucket_policy(name) for name in BUCKETS},
        # The settings of the bucket scripts and of the account complement one another.
        "GetPublicAccessBlock": {**dict.fromkeys(BUCKETS, BLOCKED), "scripts": blocked("BlockPublicAcls")},
        "s3control.GetPublicAccessBlock": {
            ACCOUNT: blocked("IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        },
        "GetObjectLockConfiguration": {"evidence": RETAINED},
        "iam.GetAccountAuthorizationDetails.RoleDetailList": [
            role("glue-etl", trust(Service="glue.amazonaws.com"), _READS_TABLE, _ASSOCIATES),
            role("administrators", trust(AWS=f"arn:aws:iam::{ACCOUNT}:root"), _allow("*")),
            role(
                "auditor",
                trust(AWS=f"arn:aws:iam::{ACCOUNT}:root"),
                _allow(
                    "kms:Decrypt", KEY, Condition={"StringLike": {"kms:ViaService": "glue.*.amazonaws.com"}}
                ),
            ),
            role(
                "delivery",
                trust(AWS=f"arn:aws:iam::{ACCOUNT}:root"),
                _allow("iam:CreateRole"),
                AttachedManagedPolicies=[attached(_CREATOR)],
                PermissionsBoundary={
                    "PermissionsBoundaryType": "Policy",
                    "PermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/limit",
                },
            ),
        ],
        "iam.GetAccountAuthorizationDetails.UserDetailList": [
            {
                "Path": "/",
                "UserName": "ada",
                "UserId": "AIDA" + "0" * 12,
                "GroupList": ["engineers"],
                "Arn": f"arn:aws:iam::{ACCOUNT}:user/ada",
            },
        ],
        "iam.GetAccountAuthorizationDetails.GroupDetailList": [
            {
                "Path": "/",
                "GroupName": "engineers",
                "GroupId": "AGPA" + "0" * 12,
                "Arn": f"arn:aws:iam::{ACCOUNT}:group/engineers",
                "AttachedManagedPolicies": [attached(_CREATOR)],
            },
        ],
        "iam.GetAccountAuthorizationDetails.Policies": [
            _CREATOR,
            managed_policy(
                "limit",
                _allow(["glue:*", "iam:PassRole"]),
                _allow(
                    ["iam:CreateRole", "iam:PutRolePolicy"],
                    Condition={"StringEquals": {"iam:PermissionsBoundary": f"{_IAM}:policy/limit"}},
                ),
            ),
        ],
        "DescribeSubnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1", "AvailabilityZone": "eu-west-1a"}],
        "DescribeSecurityGroups": [
            {
                "GroupId": "sg-1",
                "VpcId": "vpc-1",
                "IpPermissions": [
                    {
                        "IpProtocol": "tcp",
                        "FromPort": 0,
                        "ToPort": 65535,
                        "UserIdGroupPairs": [{"GroupId": "sg-1"}],
                    }
                ],
            }
        ],
        "DescribeRouteTables": [
            {"RouteTableId": "rtb-0", "VpcId": "vpc-1", "Associations": [{"Main": True}]},
            {"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Associations": [{"SubnetId": "subnet-1"}]},
        ],
        "DescribeVpcEndpoints": [
            endpoint("s3", "Gateway", RouteTableIds=["rtb-1"]),
            *(endpoint(name, "Interface", PrivateDnsEnabled=True) for name in ENDPOINTS),
        ],
        "GetDatabases": [{"Name": "flights", "CreateTableDefaultPermissions": []}],
        "GetDataLakeSettings": {
            "DataLakeSettings": {
                "DataLakeAdmins": [
                    {"DataLakePrincipalIdentifier": f"arn:aws:iam::{ACCOUNT}:role/administrators"}
                ],
                "ReadOnlyAdmins": [{"DataLakePrincipalIdentifier": AUDITOR}],
                "CreateDatabaseDefaultPermissions": [],
                "CreateTableDefaultPermissions": [],
            }
        },
        "GetCallerIdentity": caller(f"arn:aws:sts::{ACCOUNT}:assumed-role/auditor/session"),
        "ListResources": [{"ResourceArn": "arn:aws:s3:::lake", "HybridAccessEnabled": False}],
        "ListPermissions": [granted(ROLE, "SELECT")],
        "GetObject": {"scripts/etl.py": script("import glue_secure.as_awsglue\n")},
        "DescribeLogGroups": {
            "/aws-glue/": [
                {"logGroupName": "/aws-glue/jobs/logs-v2-strict", "kmsKeyId": KEY},
                {"logGroupName": "/aws-glue/crawlers-role/glue-etl-strict", "kmsKeyId": KEY},
            ]
        },
    }


OTHER_KEY = "arn:aws:kms:eu-central-1:999999999999:key/22222222-2222-2222-2222-222222222222"
RSA_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/33333333-3333-3333-3333-333333333333"
OWN_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/44444444-4444-4444-4444-444444444444"
GONE_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/55555555-5555-5555-5555-555555555555"


def violating() -> dict[str, Any]:
    """Return the responses of an estate that violates every control."""
    estate = corrected()
    job = estate["GetJobs"][0]
    estate["GetJobs"].append(job | {"Name": "load", "SecurityConfiguration": "foreign"})
    del job["SecurityConfiguration"]
    job["GlueVersion"] = "2.0"
    job["DefaultArguments"] = {
        "--TempDir": "s3://temp/etl/",
        "--encryption-type": "sse-s3",
        "--db_password": "correct horse",
        "--write-shuffle-files-to-s3": "true",
        "--enable-spark-ui": "true",
        "--spark-event-logs-path": "s3://bucket-of-another-account/logs/",
    }
    job["NonOverridableArguments"] = {"--glue-secure-evidence-uri": "s3://evidence/runs/"}
    estate["GetJobRuns"]["etl"][0] |= {
        "SecurityConfiguration": "loose",
        "Arguments": {"--encryption-type": "sse-s3", "--token": "ghp_" + "a" * 36},
    }
    del estate["GetCrawlers"][0]["CrawlerSecurityConfiguration"]
    del estate["GetDevEndpoints"][0]["SecurityConfiguration"]
    del estate["ListSessions"][0]["SecurityConfiguration"]
    estate["GetMLTransforms"][0]["TransformEncryption"] = {
        "MlUserDataEncryption": {"MlUserDataEncryptionMode": "DISABLED"}
    }
    estate["GetSchedule"]["default/hourly"] = schedule(JobName="etl", SecurityConfiguration="none")
    estate["DescribeStateMachine"][MACHINE] = machine(JobName="etl", Arguments={"--token": "ghp_" + "a" * 36})
    estate["DescribeStateMachine"][VERSION] = machine(JobName="etl", SecurityConfiguration="absent")
    estate["GetDataQualityRuleset"]["rules"] = {"Name": "rules"}
    estate["GetDataQualityRuleRecommendationRun"]["dqr-1"] = {"RunId": "dqr-1"}
    estate["GetSecurityConfigurations"] = [
        configuration("loose", "SSE-S3", "DISABLED", "DISABLED", "DISABLED"),
        configuration("foreign", key=OTHER_KEY),
        configuration("rsa", key=RSA_KEY),
        configuration("deleted", key=OWN_KEY),
        configuration("gone", key=GONE_KEY),
    ]
    estate["GetDataCatalogEncryptionSettings"] = {"DataCatalogEncryptionSettings": {}}
    public = _statement("*", "glue:GetTable", Sid="everyone")
    estate["GetResourcePolicies"] = [{"PolicyInJson": json.dumps({"Statement": public})}]
    estate["GetConnections"] = [
        {
            "Name": "ops",
            "ConnectionType": "JDBC",
            "ConnectionProperties": {
                "JDBC_CONNECTION_URL": "jdbc:postgresql://db.example.com:5432/ops?sslmode=prefer",
                "SKIP_CUSTOM_JDBC_CERT_VALIDATION": "true",
                "JDBC_ENFORCE_SSL": "TRUE",
                "JDBC_DRIVER_JAR_URI": "s3://jars/driver.jar",
                "USERNAME": "etl",
            },
            "PhysicalConnectionRequirements": {"SubnetId": "subnet-1", "SecurityGroupIdList": ["sg-1"]},
        },
        {
            "Name": "ambiguous",
            "ConnectionType": "JDBC",
            "ConnectionProperties": {
                "JDBC_CONNECTION_URL": "jdbc:postgresql://a.example.com,b.example.com/ops",
                "KAFKA_SSL_ENABLED": "true",
            },
        },
        {
            "Name": "events",
            "ConnectionType": "KAFKA",
            "ConnectionProperties": {
                "KAFKA_BOOTSTRAP_SERVERS": "b1.example.com:9092",
                "KAFKA_SSL_ENABLED": "false",
                "KAFKA_SASL_PLAIN_PASSWORD": "hunter2",
            },
        },
    ]
    estate["DescribeKey"] = {
        OTHER_KEY: described(OTHER_KEY),
        RSA_KEY: described(RSA_KEY, KeySpec="RSA_2048"),
        OWN_KEY: described(OWN_KEY, KeyState="PendingDeletion", DeletionDate=NOW, KeyManager="AWS"),
    }
    estate["GetKeyRotationStatus"] = {OWN_KEY: {"KeyRotationEnabled": False}}
    estate["GetKeyPolicy"] = {RSA_KEY: key_policy("*"), OWN_KEY: key_policy("*")}
    stranger = {
        "GrantId": "g2",
        "GranteePrincipal": "arn:aws:iam::999999999999:root",
        "Operations": ["Decrypt"],
    }
    estate["ListGrants"] = {RSA_KEY: [], OWN_KEY: [stranger]}
    estate["GetBucketEncryption"] = {}
    estate["GetBucketPolicy"] = {}
    estate["GetPublicAccessBlock"] = {}
    estate["s3control.GetPublicAccessBlock"] = {}
    estate["GetObjectLockConfiguration"] = {}
    estate["DescribeLogGroups"]["/aws-glue/"] = [{"logGroupName": "/aws-glue/jobs/error"}]
    estate["iam.GetAccountAuthorizationDetails.RoleDetailList"] = [
        role(
            "glue-etl",
            trust(
                Service=["glue.amazonaws.com", "lambda.amazonaws.com"], AWS="arn:aws:iam::999999999999:root"
            ),
            _allow("glue:GetTable", f"{_GLUE}:table/flights/*"),
            _allow(["iam:PutRolePolicy", "iam:PassRole", "s3:*"]),
        )
    ]
    estate["iam.GetAccountAuthorizationDetails.GroupDetailList"][0] |= {
        "AttachedManagedPolicies": [],
        "GroupPolicyList": [
            {
                "PolicyName": "everything",
                "PolicyDocument": document(
                    _allow(
                        ["glue:*", "iam:PassRole"],
                        Condition={"ForAnyValue:StringEquals": {"glue:VpcIds": ["vpc-1"]}},
                    )
                ),
            }
        ],
    }
    estate["DescribeSecurityGroups"][0]["IpPermissions"] = [
        {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ]
    estate["DescribeVpcEndpoints"] = []
    everyone = [{"Principal": {"DataLakePrincipalIdentifier": IAM_ALLOWED}, "Permissions": ["ALL"]}]
    estate["GetDataLakeSettings"]["DataLakeSettings"] = {
        "DataLakeAdmins": [{"DataLakePrincipalIdentifier": ROLE}],
        "CreateTableDefaultPermissions": everyone,
        "AllowExternalDataFiltering": True,
        "ExternalDataFilteringAllowList": [{"DataLakePrincipalIdentifier": "999999999999"}],
    }
    estate["ListResources"][0]["HybridAccessEnabled"] = True
    estate["ListPermissions"] = [granted(IAM_ALLOWED, "ALL")]
    estate["GetObject"]["scripts/etl.py"] = script("import boto3\nboto3.client('s3', verify=False)\n")
    return estate


def estate_of(account: RecordedAccount) -> Estate:
    """Return what an audit of the account collects."""
    return collect(
        [check.requests for check in CHECKS],
        account.client_of,
        account=ACCOUNT,
        region=REGION,
        partition="aws",
        now=NOW,
        workers=4,
    )


def audit(account: RecordedAccount) -> list[AuditFinding]:
    """Return the findings of all checks."""
    return evaluate(CHECKS, estate_of(account))
