"""The project as a CloudFormation template, JSON.

Roles, groups and keys have names of their own, so a stack of it needs CAPABILITY_NAMED_IAM. What would be
lost with the stack (keys, buckets, logs, secrets) is retained.

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
from glue_secure.project.project_file import FILE_NAME, Bucket, Connection, Job, Project
from glue_secure.project.templates import design
from glue_secure.project.templates.design import References

SCOPE = PolicyScope("${AWS::Region}", "${AWS::AccountId}", "${AWS::Partition}")
_ACCESS_LOGS = "AccessLogsBucket"
_ATTRIBUTE = re.compile(r"\$\{([A-Za-z0-9]+)\.([A-Za-z0-9]+)\}\Z")
_REFERENCE = re.compile(r"\$\{([A-Za-z0-9:]+)\}\Z")
_KEYS = {
    "data": ("DataKey", "objects and secrets"),
    "bookmarks": ("BookmarkKey", "job bookmarks, sealed by the jobs themselves"),
    "logs": ("LogsKey", "CloudWatch Logs"),
    "catalog": ("CatalogKey", "Data Catalog"),
}
Resources = dict[str, Any]


def cloudformation(project: Project) -> dict[str, Any]:
    """The template, as JSON's values.

    Raises:
        UsageError: two names of the project that CloudFormation's logical ids cannot tell apart.
    """
    refs = _references(project)
    resources: Resources = {}
    for part in _parts(project, refs):
        for name, resource in part.items():
            if name in resources:
                raise UsageError(
                    FILE_NAME,
                    found=f"two things that both become the resource {name}",
                    required="names that differ in letters and digits",
                )
            resources[name] = resource
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Secured AWS Glue jobs of {project.name} (glue-secure {__version__})",
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
    if design.made_buckets(project):
        yield _access_logs(project)
    for bucket in design.made_buckets(project):
        yield _bucket(bucket, refs)
    yield _network(project)
    for connection in project.connections.values():
        yield _connection(project, connection, refs)
    for job in project.jobs.values():
        yield _job(project, job, refs)
    deployer = {
        "Description": f"Deploys and runs the jobs of {project.name}, in their network only",
        "PolicyDocument": _document(design.deployer_policy(project, refs)),
    }
    yield {"DeployerPolicy": {"Type": "AWS::IAM::ManagedPolicy", "Properties": deployer}}


def _references(project: Project) -> References:
    vpc = project.vpc
    made = tuple(f"${{Subnet{number}}}" for number in range(1, len(design.subnet_addresses(project)) + 1))
    return References(
        SCOPE,
        role=lambda job: f"${{{_id(job.name)}Role.Arn}}",
        key=lambda purpose: f"${{{_KEYS[purpose][0]}.Arn}}",
        secret=lambda connection: f"${{{_id(connection.name)}Secret}}",
        vpc=(vpc.id or "${Vpc}") if vpc else "",
        subnets=(vpc.subnets or made) if vpc else (),
        security_group="${JobSecurityGroup.GroupId}" if vpc else "",
    )


def _id(name: str) -> str:
    """A name as part of a logical id: ``orders_daily`` → ``OrdersDaily``."""
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", name))


def resolve(value: Any) -> Any:
    """Texts with ``${...}`` as CloudFormation's functions, in the whole value."""
    if isinstance(value, dict):
        return {name: resolve(one) for name, one in value.items()}
    if isinstance(value, list):
        return [resolve(one) for one in value]
    if not isinstance(value, str) or "${" not in value:
        return value
    if match := _ATTRIBUTE.match(value):
        return {"Fn::GetAtt": [match[1], match[2]]}
    if match := _REFERENCE.match(value):
        return {"Ref": match[1]}
    return {"Fn::Sub": value}


def _document(policy: Policy) -> Any:
    return resolve(policy.to_json())


def _kept(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "Type": kind,
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": properties,
    }


def _key(project: Project, name: str, policy: Policy) -> Resources:
    logical, use = _KEYS[name]
    return {
        logical: _kept(
            "AWS::KMS::Key",
            {
                "Description": f"{project.name}: {use}",
                "EnableKeyRotation": True,
                "KeySpec": "SYMMETRIC_DEFAULT",
                "KeyUsage": "ENCRYPT_DECRYPT",
                "KeyPolicy": _document(policy),
            },
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
    return {f"Logs{_id(name.removeprefix('/aws-glue/jobs/'))}": _kept("AWS::Logs::LogGroup", properties)}


_SHUT = {
    "BlockPublicAcls": True,
    "BlockPublicPolicy": True,
    "IgnorePublicAcls": True,
    "RestrictPublicBuckets": True,
}


def _bucket(bucket: Bucket, refs: References) -> Resources:
    logical = f"{_id(bucket.alias)}Bucket"
    encryption = {
        "BucketKeyEnabled": True,
        "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": _arn("DataKey")},
    }
    properties = {
        "BucketName": bucket.name,
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [encryption]},
        "LoggingConfiguration": {
            "DestinationBucketName": {"Ref": _ACCESS_LOGS},
            "LogFilePrefix": f"{bucket.alias}/",
        },
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "PublicAccessBlockConfiguration": _SHUT,
        "VersioningConfiguration": {"Status": "Enabled"},
    }
    return {
        logical: _kept("AWS::S3::Bucket", properties),
        f"{logical}Policy": _bucket_policy(logical, design.bucket_policy(bucket, refs)),
    }


def _bucket_policy(logical: str, policy: Policy) -> dict[str, Any]:
    return {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {"Bucket": {"Ref": logical}, "PolicyDocument": _document(policy)},
    }


def _access_logs(project: Project) -> Resources:
    """The bucket of S3's access logs; its own go into it as well, and all of them expire."""
    sources = [SCOPE.bucket(bucket.name) for bucket in design.made_buckets(project)]
    own = SCOPE.bucket(f"${{{_ACCESS_LOGS}}}")
    policy = policies.access_log_bucket(SCOPE, f"${{{_ACCESS_LOGS}}}", *sources, own)
    encryption = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    expire = {"Id": "Expire", "Status": "Enabled", "ExpirationInDays": design.LOG_DAYS}
    properties = {
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [encryption]},
        "LifecycleConfiguration": {"Rules": [expire]},
        "LoggingConfiguration": {"LogFilePrefix": "access-logs/"},
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "PublicAccessBlockConfiguration": _SHUT,
        "VersioningConfiguration": {"Status": "Enabled"},
    }
    return {
        _ACCESS_LOGS: _kept("AWS::S3::Bucket", properties),
        f"{_ACCESS_LOGS}Policy": _bucket_policy(_ACCESS_LOGS, policy),
    }


def _network(project: Project) -> Resources:
    vpc = project.vpc
    if vpc is None:
        return {}
    made: Resources = {}
    the_vpc: Any = vpc.id or {"Ref": "Vpc"}
    subnets: list[Any] = list(vpc.subnets)
    routes: list[Any] = list(vpc.route_tables)
    if not vpc.id:
        made["Vpc"] = {
            "Type": "AWS::EC2::VPC",
            "Properties": {"CidrBlock": vpc.cidr, "EnableDnsHostnames": True, "EnableDnsSupport": True},
        }
        made["RouteTable"] = {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": the_vpc}}
        routes = [{"Ref": "RouteTable"}]
        for number, block in enumerate(design.subnet_addresses(project), start=1):
            made |= _subnet(number, block)
            subnets.append({"Ref": f"Subnet{number}"})
    made |= _security_group(project, the_vpc)
    for service in design.INTERFACE_ENDPOINTS:
        made[f"{_id(service)}Endpoint"] = {
            "Type": "AWS::EC2::VPCEndpoint",
            "Properties": {
                "VpcEndpointType": "Interface",
                "ServiceName": {"Fn::Sub": f"com.amazonaws.${{AWS::Region}}.{service}"},
                "VpcId": the_vpc,
                "SubnetIds": subnets,
                "SecurityGroupIds": [{"Fn::GetAtt": ["JobSecurityGroup", "GroupId"]}],
                "PrivateDnsEnabled": True,
            },
        }
    made["S3Endpoint"] = {
        "Type": "AWS::EC2::VPCEndpoint",
        "Properties": {
            "VpcEndpointType": "Gateway",
            "ServiceName": {"Fn::Sub": "com.amazonaws.${AWS::Region}.s3"},
            "VpcId": the_vpc,
            "RouteTableIds": routes,
        },
    }
    if any(not job.connections for job in project.jobs.values()):
        made["NetworkConnection"] = _glue_connection(project, project.network_connection, "NETWORK", {})
    return made


def _subnet(number: int, block: str) -> Resources:
    return {
        f"Subnet{number}": {
            "Type": "AWS::EC2::Subnet",
            "Properties": {
                "VpcId": {"Ref": "Vpc"},
                "CidrBlock": block,
                "AvailabilityZone": {"Fn::Select": [number - 1, {"Fn::GetAZs": ""}]},
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
    out = [
        {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIp": block, "Description": why}
        for why, block, port in design.egress(project)
    ]
    return {
        "JobSecurityGroup": {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {
                "GroupDescription": f"Jobs of {project.name} and the endpoints that they call",
                "VpcId": vpc,
                "SecurityGroupEgress": out,
            },
        },
        # Glue wants a group that lets its own members in on all TCP ports:
        # https://docs.aws.amazon.com/glue/latest/dg/setup-vpc-for-glue-access.html
        "JobSecurityGroupIngress": {
            "Type": "AWS::EC2::SecurityGroupIngress",
            "Properties": {
                "GroupId": group,
                "SourceSecurityGroupId": group,
                **all_ports,
                "Description": "workers and endpoints among themselves",
            },
        },
        "JobSecurityGroupEgress": {
            "Type": "AWS::EC2::SecurityGroupEgress",
            "Properties": {
                "GroupId": group,
                "DestinationSecurityGroupId": group,
                **all_ports,
                "Description": "workers and endpoints among themselves",
            },
        },
    }


def _connection(project: Project, connection: Connection, refs: References) -> Resources:
    secret = f"{_id(connection.name)}Secret"
    properties = design.connection_properties(connection, refs.secret(connection))
    generate = {
        # The owner of the database makes a user of this name and puts its password here.
        "SecretStringTemplate": '{"username": "glue"}',
        "GenerateStringKey": "password",
        "PasswordLength": 32,
        "ExcludePunctuation": True,
    }
    kept = {"Name": connection.secret, "KmsKeyId": _arn("DataKey"), "GenerateSecretString": generate}
    return {
        secret: _kept("AWS::SecretsManager::Secret", kept),
        f"{_id(connection.name)}Connection": _glue_connection(project, connection.name, "JDBC", properties),
    }


def _glue_connection(project: Project, name: str, kind: str, properties: dict[str, str]) -> dict[str, Any]:
    given: dict[str, Any] = {
        "Name": name,
        "ConnectionType": kind,
        "ConnectionProperties": resolve(properties),
    }
    if project.vpc:
        subnet = project.vpc.subnets[0] if project.vpc.id else {"Ref": "Subnet1"}
        place: dict[str, Any] = {
            "SubnetId": subnet,
            "SecurityGroupIdList": [{"Fn::GetAtt": ["JobSecurityGroup", "GroupId"]}],
        }
        if not project.vpc.id:
            place["AvailabilityZone"] = {"Fn::GetAtt": ["Subnet1", "AvailabilityZone"]}
        given["PhysicalConnectionRequirements"] = place
    return {
        "Type": "AWS::Glue::Connection",
        "Properties": {"CatalogId": {"Ref": "AWS::AccountId"}, "ConnectionInput": given},
    }


def _job(project: Project, job: Job, refs: References) -> Resources:
    name = _id(job.name)
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
        "DefaultArguments": project.default_arguments(job),
        "NonOverridableArguments": project.fixed_arguments(job),
    }
    if project.connections_of(job):
        logical = [f"{_id(one)}Connection" for one in job.connections] or ["NetworkConnection"]
        properties["Connections"] = {"Connections": [{"Ref": one} for one in logical]}
    return {
        f"{name}Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": project.role(job),
                "AssumeRolePolicyDocument": policies.trust().to_json(),
            },
        },
        # Apart from the role: the policy names what is encrypted under keys, whose policies name the role.
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


def _outputs(project: Project) -> dict[str, Any]:
    found: dict[str, Any] = {
        "SecurityConfiguration": {"Value": {"Ref": "SecurityConfiguration"}},
        "DataKeyArn": {"Value": _arn("DataKey")},
        "BookmarkKeyArn": {"Value": _arn("BookmarkKey")},
        "DeployerPolicyArn": {
            "Description": "Attach it to whoever deploys",
            "Value": {"Ref": "DeployerPolicy"},
        },
    }
    for job in project.jobs.values():
        found[f"{_id(job.name)}RoleArn"] = {"Value": _arn(f"{_id(job.name)}Role")}
    return found
