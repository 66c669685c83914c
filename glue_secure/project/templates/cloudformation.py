"""The CloudFormation template of a project, in JSON.

A stack needs CAPABILITY_NAMED_IAM, because roles have fixed names. Keys, buckets, logs and secrets are
retained when the stack is deleted.

CloudFormation's security configuration has no DataQualityEncryption.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-glue-securityconfiguration.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from glue_secure import __version__
from glue_secure.core.errors import UsageError
from glue_secure.governance import policies
from glue_secure.governance.policies import Policy, PolicyScope
from glue_secure.project.model import Bucket, Connection, Job, Project, Vpc
from glue_secure.project.project_file import FILE_NAME
from glue_secure.project.templates import design
from glue_secure.project.templates.design import References

SCOPE = PolicyScope("${AWS::Region}", "${AWS::AccountId}", "${AWS::Partition}", "${AWS::URLSuffix}")
_ACCESS_LOGS = "AccessLogsBucket"
_ATTRIBUTE = re.compile(r"\$\{([A-Za-z0-9]+)\.([A-Za-z0-9]+)\}\Z")
_REFERENCE = re.compile(r"\$\{([A-Za-z0-9:]+)\}\Z")
# In China, these services have other names of endpoints than the other services have:
# https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
_CHINA = "InChina"
_KEYS = {"data": "DataKey", "bookmarks": "BookmarkKey", "logs": "LogsKey", "catalog": "CatalogKey"}
Resources = dict[str, Any]


def cloudformation(project: Project) -> dict[str, Any]:
    """Return the template as JSON values.

    Raises:
        UsageError: Two names of the project give the same logical id.
    """
    refs = _references(project)
    resources: Resources = {}
    for part in _parts(project, refs):
        for name, resource in part.items():
            if name in resources:
                raise UsageError(
                    FILE_NAME,
                    found=f"two names with the logical id {name}",
                    required="names that differ in letters or digits",
                )
            resources[name] = resource
    china = {_CHINA: {"Fn::Equals": [{"Ref": "AWS::Partition"}, "aws-cn"]}}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Secured AWS Glue jobs of {project.name} (glue-secure {__version__})",
        **({"Conditions": china} if "sts" in design.interface_endpoints(project) else {}),
        "Resources": resources,
        "Outputs": _outputs(project),
    }


def _parts(project: Project, refs: References) -> Iterator[Resources]:
    for name, policy in design.key_policies(project, refs).items():
        yield _key(project, name, policy)
    yield _configuration(project)
    if project.catalog_settings:
        yield _catalog(refs)
    for group in design.all_log_groups(project):
        yield _log_group(group)
    if design.created_buckets(project):
        yield _access_logs(project)
    for bucket in design.created_buckets(project):
        yield _bucket(project, bucket, refs)
    yield _network(project)
    for connection in project.connections.values():
        yield _connection(project, connection, refs)
    for job in project.jobs.values():
        yield _job(project, job, refs)
    for name, text, parts in design.managed_policies(project, refs):
        for number, policy in enumerate(parts):
            properties = {"Description": text, "PolicyDocument": _document(policy)}
            logical = f"{name.title()}Policy{number + 1 if number else ''}"
            yield {logical: {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}}


def _references(project: Project) -> References:
    vpc = project.vpc
    created = tuple(f"${{Subnet{number}}}" for number in range(1, len(design.subnet_addresses(project)) + 1))
    return References(
        SCOPE,
        role=lambda job: f"${{{logical_id(job.name)}Role.Arn}}",
        key=lambda purpose: f"${{{_key_id(purpose)}.Arn}}",
        secret=lambda connection: f"${{{logical_id(connection.name)}Secret}}",
        vpc=(vpc.id or "${Vpc}") if vpc else "",
        subnets=(vpc.subnets or created) if vpc else (),
        security_group="${JobSecurityGroup.GroupId}" if vpc else "",
    )


def _key_id(purpose: str) -> str:
    return _KEYS.get(purpose) or f"{logical_id(purpose)}Key"


def logical_id(name: str) -> str:
    """Return a name as part of a logical id, for example ``OrdersDaily`` for ``orders_daily``."""
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", name))


def resolve(value: Any) -> Any:
    """Replace texts with ``${...}`` by CloudFormation functions, in nested values as well."""
    if isinstance(value, dict):
        return {name: resolve(member) for name, member in value.items()}
    if isinstance(value, list):
        return [resolve(item) for item in value]
    if not isinstance(value, str) or "${" not in value:
        return value
    if match := _ATTRIBUTE.match(value):
        return {"Fn::GetAtt": [match[1], match[2]]}
    if match := _REFERENCE.match(value):
        return {"Ref": match[1]}
    return {"Fn::Sub": value}


def _document(policy: Policy) -> Any:
    return resolve(policy.to_json())


def _retained(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "Type": kind,
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": properties,
    }


def _key(project: Project, name: str, policy: Policy) -> Resources:
    logical, use = _key_id(name), design.key_use(name)
    # AWS KMS does not rotate asymmetric keys.
    kind = (
        {"EnableKeyRotation": True, "KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT"}
        if name in _KEYS
        else {"KeySpec": design.SIGNING_SPEC, "KeyUsage": "SIGN_VERIFY"}
    )
    return {
        logical: _retained(
            "AWS::KMS::Key",
            {"Description": f"{project.name}: {use}", **kind, "KeyPolicy": _document(policy)},
        ),
        f"{logical}Alias": {
            "Type": "AWS::KMS::Alias",
            "Properties": {"AliasName": f"alias/{project.name}-{name}", "TargetKeyId": {"Ref": logical}},
        },
    }


def _arn(logical: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [logical, "Arn"]}


def _configuration(project: Project) -> Resources:
    return {
        "SecurityConfiguration": {
            "Type": "AWS::Glue::SecurityConfiguration",
            "Properties": {
                "Name": project.configuration,
                "EncryptionConfiguration": {
                    "S3Encryptions": [{"S3EncryptionMode": "SSE-KMS", "KmsKeyArn": _arn("DataKey")}],
                    "CloudWatchEncryption": {
                        "CloudWatchEncryptionMode": "SSE-KMS",
                        "KmsKeyArn": _arn("LogsKey"),
                    },
                    "JobBookmarksEncryption": {
                        "JobBookmarksEncryptionMode": "CSE-KMS",
                        "KmsKeyArn": _arn("BookmarkKey"),
                    },
                },
            },
        }
    }


def _catalog(refs: References) -> Resources:
    key = resolve(refs.key("catalog"))
    return {
        "CatalogEncryption": {
            "Type": "AWS::Glue::DataCatalogEncryptionSettings",
            "Properties": {
                "CatalogId": {"Ref": "AWS::AccountId"},
                "DataCatalogEncryptionSettings": {
                    "EncryptionAtRest": {"CatalogEncryptionMode": "SSE-KMS", "SseAwsKmsKeyId": key},
                    "ConnectionPasswordEncryption": {
                        "ReturnConnectionPasswordEncrypted": True,
                        "KmsKeyId": key,
                    },
                },
            },
        }
    }


def _log_group(name: str) -> Resources:
    properties = {"LogGroupName": name, "KmsKeyId": _arn("LogsKey"), "RetentionInDays": design.LOG_DAYS}
    return {
        f"Logs{logical_id(name.removeprefix('/aws-glue/jobs/'))}": _retained(
            "AWS::Logs::LogGroup", properties
        )
    }


_NO_PUBLIC_ACCESS = {
    "BlockPublicAcls": True,
    "BlockPublicPolicy": True,
    "IgnorePublicAcls": True,
    "RestrictPublicBuckets": True,
}


def _bucket(project: Project, bucket: Bucket, refs: References) -> Resources:
    logical = f"{logical_id(bucket.alias)}Bucket"
    encryption = {
        "BucketKeyEnabled": True,
        "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": _arn("DataKey")},
    }
    properties: dict[str, Any] = {
        "BucketName": bucket.name,
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [encryption]},
        "LoggingConfiguration": {
            "DestinationBucketName": {"Ref": _ACCESS_LOGS},
            "LogFilePrefix": f"{bucket.alias}/",
        },
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "PublicAccessBlockConfiguration": _NO_PUBLIC_ACCESS,
        "VersioningConfiguration": {"Status": "Enabled"},
    }
    if mode := design.object_lock(project, bucket):
        retention = {"Mode": mode, "Days": project.evidence.days}
        properties["ObjectLockEnabled"] = True
        properties["ObjectLockConfiguration"] = {
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": retention},
        }
    return {
        logical: _retained("AWS::S3::Bucket", properties),
        f"{logical}Policy": _bucket_policy(logical, design.bucket_policy(project, bucket, refs)),
    }


def _bucket_policy(logical: str, policy: Policy) -> dict[str, Any]:
    return {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {"Bucket": {"Ref": logical}, "PolicyDocument": _document(policy)},
    }


def _access_logs(project: Project) -> Resources:
    """Return the bucket for access logs, including its own. The logs expire."""
    sources = [SCOPE.bucket(bucket.name) for bucket in design.created_buckets(project)]
    logs = SCOPE.bucket(f"${{{_ACCESS_LOGS}}}")
    policy = policies.access_log_bucket(SCOPE, f"${{{_ACCESS_LOGS}}}", *sources, logs)
    encryption = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    expire = {"Id": "Expire", "Status": "Enabled", "ExpirationInDays": design.LOG_DAYS}
    properties = {
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [encryption]},
        "LifecycleConfiguration": {"Rules": [expire]},
        "LoggingConfiguration": {"LogFilePrefix": "access-logs/"},
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "PublicAccessBlockConfiguration": _NO_PUBLIC_ACCESS,
        "VersioningConfiguration": {"Status": "Enabled"},
    }
    return {
        _ACCESS_LOGS: _retained("AWS::S3::Bucket", properties),
        f"{_ACCESS_LOGS}Policy": _bucket_policy(_ACCESS_LOGS, policy),
    }


def _network(project: Project) -> Resources:
    vpc = project.vpc
    if vpc is None:
        return {}
    resources: Resources = {}
    vpc_id: Any = vpc.id or {"Ref": "Vpc"}
    subnets: list[Any] = list(vpc.subnets)
    routes: list[Any] = list(vpc.route_tables)
    if not vpc.id:
        resources["Vpc"] = {
            "Type": "AWS::EC2::VPC",
            "Properties": {"CidrBlock": vpc.cidr, "EnableDnsHostnames": True, "EnableDnsSupport": True},
        }
        resources["RouteTable"] = {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": vpc_id}}
        routes = [{"Ref": "RouteTable"}]
        for number, block in enumerate(design.subnet_addresses(project), start=1):
            resources |= _subnet(vpc, number, block)
            subnets.append({"Ref": f"Subnet{number}"})
    resources |= _security_group(project, vpc_id)
    for service in design.interface_endpoints(project):
        resources[f"{logical_id(service)}Endpoint"] = {
            "Type": "AWS::EC2::VPCEndpoint",
            "Properties": {
                "VpcEndpointType": "Interface",
                "ServiceName": _service_name(service),
                "VpcId": vpc_id,
                "SubnetIds": subnets,
                "SecurityGroupIds": [{"Fn::GetAtt": ["JobSecurityGroup", "GroupId"]}],
                "PrivateDnsEnabled": True,
            },
        }
    for service in design.gateway_endpoints(project):
        resources[f"{logical_id(service)}Endpoint"] = {
            "Type": "AWS::EC2::VPCEndpoint",
            "Properties": {
                "VpcEndpointType": "Gateway",
                "ServiceName": _service_name(service),
                "VpcId": vpc_id,
                "RouteTableIds": routes,
            },
        }
    if any(not job.connections for job in project.jobs.values()):
        resources["NetworkConnection"] = _glue_connection(project, project.network_connection, "NETWORK", {})
    return resources


def _service_name(service: str) -> Any:
    name = {"Fn::Sub": f"com.amazonaws.${{AWS::Region}}.{service}"}
    if service not in design.CHINESE_ENDPOINTS:
        return name
    return {"Fn::If": [_CHINA, {"Fn::Sub": f"cn.com.amazonaws.${{AWS::Region}}.{service}"}, name]}


def _subnet(vpc: Vpc, number: int, block: str) -> Resources:
    zone: Any = {"Fn::Select": [number - 1, {"Fn::GetAZs": ""}]}
    return {
        f"Subnet{number}": {
            "Type": "AWS::EC2::Subnet",
            "Properties": {
                "VpcId": {"Ref": "Vpc"},
                "CidrBlock": block,
                "AvailabilityZone": vpc.availability_zones[number - 1] if vpc.availability_zones else zone,
                "MapPublicIpOnLaunch": False,
            },
        },
        f"Subnet{number}Route": {
            "Type": "AWS::EC2::SubnetRouteTableAssociation",
            "Properties": {"SubnetId": {"Ref": f"Subnet{number}"}, "RouteTableId": {"Ref": "RouteTable"}},
        },
    }


def _security_group(project: Project, vpc: Any) -> Resources:
    group = {"Fn::GetAtt": ["JobSecurityGroup", "GroupId"]}
    all_ports = {"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535}
    egress = [
        {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIp": block, "Description": text}
        for text, block, port in design.egress(project)
    ]
    return {
        "JobSecurityGroup": {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {
                "GroupDescription": f"Jobs of {project.name} and the endpoints that they call",
                "VpcId": vpc,
                "SecurityGroupEgress": egress,
            },
        },
        # Glue requires a self-referencing rule for all TCP ports:
        # https://docs.aws.amazon.com/glue/latest/dg/setup-vpc-for-glue-access.html
        "JobSecurityGroupIngress": {
            "Type": "AWS::EC2::SecurityGroupIngress",
            "Properties": {
                "GroupId": group,
                "SourceSecurityGroupId": group,
                **all_ports,
                "Description": "between workers and endpoints",
            },
        },
        "JobSecurityGroupEgress": {
            "Type": "AWS::EC2::SecurityGroupEgress",
            "Properties": {
                "GroupId": group,
                "DestinationSecurityGroupId": group,
                **all_ports,
                "Description": "between workers and endpoints",
            },
        },
    }


def _connection(project: Project, connection: Connection, refs: References) -> Resources:
    secret = f"{logical_id(connection.name)}Secret"
    properties = design.connection_properties(connection, resolve(refs.secret(connection)))
    generate = {
        # The database owner creates a user with this name and stores its password here.
        "SecretStringTemplate": '{"username": "glue"}',
        "GenerateStringKey": "password",
        "PasswordLength": 32,
        "ExcludePunctuation": True,
    }
    value = {
        "Name": connection.secret,
        "KmsKeyId": _arn("DataKey"),
        "GenerateSecretString": generate,
    }
    return {
        secret: _retained("AWS::SecretsManager::Secret", value),
        f"{logical_id(connection.name)}Connection": _glue_connection(
            project, connection.name, "JDBC", properties
        ),
    }


def _glue_connection(project: Project, name: str, kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    connection: dict[str, Any] = {
        "Name": name,
        "ConnectionType": kind,
        "ConnectionProperties": properties,
    }
    if project.vpc:
        subnet = project.vpc.subnets[0] if project.vpc.id else {"Ref": "Subnet1"}
        zone: Any = {"Fn::GetAtt": ["Subnet1", "AvailabilityZone"]}
        # Without a zone, jobs fail with CONNECTION_LIST_CONNECTION_WITH_AZ_NULL.
        connection["PhysicalConnectionRequirements"] = {
            "AvailabilityZone": project.vpc.availability_zones[0] if project.vpc.id else zone,
            "SubnetId": subnet,
            "SecurityGroupIdList": [{"Fn::GetAtt": ["JobSecurityGroup", "GroupId"]}],
        }
    return {
        "Type": "AWS::Glue::Connection",
        "Properties": {"CatalogId": {"Ref": "AWS::AccountId"}, "ConnectionInput": connection},
    }


def _job(project: Project, job: Job, refs: References) -> Resources:
    name = logical_id(job.name)
    properties: dict[str, Any] = {
        "Name": job.name,
        "Role": _arn(f"{name}Role"),
        "Command": {"Name": "glueetl", "PythonVersion": "3", "ScriptLocation": project.script_uri(job)},
        "GlueVersion": job.glue,
        "WorkerType": job.worker_type,
        "NumberOfWorkers": job.workers,
        "Timeout": job.timeout,
        "ExecutionProperty": {"MaxConcurrentRuns": 1},
        "SecurityConfiguration": {"Ref": "SecurityConfiguration"},
        "DefaultArguments": _arguments(project, job),
        "NonOverridableArguments": project.fixed_arguments(job),
    }
    if project.connections_of(job):
        logical = [f"{logical_id(connection)}Connection" for connection in job.connections] or [
            "NetworkConnection"
        ]
        properties["Connections"] = {"Connections": [{"Ref": connection} for connection in logical]}
    return {
        f"{name}Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": project.role(job),
                "AssumeRolePolicyDocument": policies.trust().to_json(),
            },
        },
        # Not inside the role: the policy refers to resources under keys whose policies refer to the role.
        f"{name}Access": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "PolicyName": "job",
                "PolicyDocument": _document(design.role_policy(project, job, refs)),
                "Roles": [{"Ref": f"{name}Role"}],
            },
        },
        f"{name}Job": {
            "Type": "AWS::Glue::Job",
            "DependsOn": [f"{name}Access"],
            "Properties": properties,
        },
    }


def _arguments(project: Project, job: Job) -> dict[str, Any]:
    """Return the default arguments, with the region of the stack in ``--conf``."""
    region = "\0"
    arguments: dict[str, Any] = project.default_arguments(job, region)
    for name, value in arguments.items():
        if region in value:
            # ``${!`` is a literal ``${`` in Fn::Sub.
            text = value.replace("${", "${!").replace(region, "${AWS::Region}")
            arguments[name] = {"Fn::Sub": text}
    return arguments


def _outputs(project: Project) -> dict[str, Any]:
    outputs: dict[str, Any] = {
        "SecurityConfiguration": {"Value": {"Ref": "SecurityConfiguration"}},
        "DataKeyArn": {"Value": _arn("DataKey")},
        "BookmarkKeyArn": {"Value": _arn("BookmarkKey")},
        "DeployerPolicyArn": {
            "Description": "Policy for the deployer",
            "Value": {"Ref": "DeployerPolicy"},
        },
    }
    for job in project.jobs.values():
        outputs[f"{logical_id(job.name)}RoleArn"] = {"Value": _arn(f"{logical_id(job.name)}Role")}
    return outputs
