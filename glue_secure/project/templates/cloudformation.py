"""The CloudFormation template of a project, in JSON.

A stack needs CAPABILITY_NAMED_IAM, because roles have fixed names. Keys, buckets, logs and secrets are
retained when the stack is deleted.

CloudFormation's security configuration has no DataQualityEncryption.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-glue-securityconfiguration.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from glue_secure import __version__
from glue_secure.core.errors import UsageError
from glue_secure.governance import policies
from glue_secure.governance.policies import Policy, PolicyScope
from glue_secure.project.model import SSE_KMS, Bucket, Connection, Crawler, Job, Project, Vpc
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
_KEYS = {
    "data": "DataKey",
    "bookmarks": "BookmarkKey",
    "logs": "LogsKey",
    "catalog": "CatalogKey",
    "alerts": "AlertsKey",
}
# Types with tags. Tags of a stack reach the others that can have some.
_TAGGED = (
    "AWS::EC2::FlowLog",
    "AWS::EC2::RouteTable",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::Subnet",
    "AWS::EC2::VPC",
    "AWS::EC2::VPCEndpoint",
    "AWS::Events::Rule",
    "AWS::Glue::Crawler",
    "AWS::Glue::Job",
    "AWS::Glue::Trigger",
    "AWS::IAM::Role",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SecretsManager::Secret",
)
Resources = dict[str, Any]
BODY_BYTES = 51_200
"""Most bytes of a template in a request (``--template-body``)."""
MOST_BYTES = 1024 * 1024
"""Most bytes of a template in S3."""
MOST_RESOURCES, MOST_OUTPUTS = 500, 200


def cloudformation(project: Project) -> dict[str, Any]:
    """Return the template as JSON values.

    Raises:
        UsageError: Two names of the project give the same logical id, or the template is larger than
            CloudFormation accepts.
    """
    template = whole_template(project)
    require_accepted(template, "the template", "use --split FOLDER, which writes one template for each job")
    return template


def require_accepted(template: dict[str, Any], name: str, fix: str) -> None:
    """Raise UsageError if a template is larger than CloudFormation accepts.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    """
    for found, most, unit in (
        (len(template["Resources"]), MOST_RESOURCES, "resources"),
        (len(template["Outputs"]), MOST_OUTPUTS, "outputs"),
        (len(as_text(template).encode()), MOST_BYTES, "bytes"),
    ):
        if found > most:
            required = f"{most} {unit} at most, a limit of CloudFormation"
            raise UsageError(name, found=f"{found} {unit}", required=required, fix=fix)


def whole_template(project: Project) -> dict[str, Any]:
    """Return the template, which may be larger than CloudFormation accepts.

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
            resources[name] = _tagged(project, resource)
    china = {_CHINA: {"Fn::Equals": [{"Ref": "AWS::Partition"}, "aws-cn"]}}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Secured AWS Glue jobs of {project.name} (glue-secure {__version__})",
        **({"Conditions": china} if "sts" in design.interface_endpoints(project) else {}),
        "Resources": resources,
        "Outputs": _outputs(project, refs),
    }


def as_text(template: dict[str, Any]) -> str:
    """Return a template as JSON text; one that is too long for a request, with one resource in a line."""
    text = json.dumps(template, indent=2, ensure_ascii=False) + "\n"
    if len(text.encode()) <= BODY_BYTES:
        return text
    members = []
    for name, value in template.items():
        if name in ("Resources", "Outputs"):
            lines = ",\n".join(f"{json.dumps(key)}:{_compact(member)}" for key, member in value.items())
            members.append(f"{json.dumps(name)}:{{\n{lines}\n}}")
        else:
            members.append(f"{json.dumps(name)}:{_compact(value)}")
    return "{\n" + ",\n".join(members) + "\n}\n"


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _parts(project: Project, refs: References) -> Iterator[Resources]:
    for name, policy in design.created_keys(project, refs).items():
        yield _key(project, name, policy)
    if not project.existing_configuration:
        yield _configuration(project, refs)
    if project.catalog_settings:
        yield _catalog(refs)
    for group in design.created_log_groups(project):
        yield _log_group(group, refs)
    if design.created_buckets(project):
        yield _access_logs(project)
    for bucket in design.created_buckets(project):
        yield _bucket(project, bucket, refs)
    yield _network(project)
    for connection in project.connections.values():
        yield _connection(project, connection, refs)
    for job in project.jobs.values():
        yield _job(project, job, refs)
    for crawler in project.crawlers.values():
        yield _crawler(project, crawler, refs)
    yield from _audit(project, refs)
    for name, text, parts in design.managed_policies(project, refs):
        for number, policy in enumerate(parts):
            yield _managed_policy(name, text, number, policy)


def _managed_policy(name: str, text: str, number: int, policy: Policy, *roles: dict[str, str]) -> Resources:
    logical = f"{name.title()}Policy{number + 1 if number else ''}"
    properties = {"Description": text, "PolicyDocument": _document(policy)}
    if roles:
        properties["Roles"] = list(roles)
    return {logical: {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}}


def _audit(project: Project, refs: References) -> Iterator[Resources]:
    """Yield the policy of the job that audits the account, and the topic and rules of alerts."""
    for number, policy in enumerate(design.audit_policies(project, refs.scope)):
        role = {"Ref": f"{logical_id(project.audit.job)}Role"}
        yield _managed_policy("audit", "Reads what an audit of the account needs", number, policy, role)
    if not project.audit.alerts:
        return
    topic = {"Ref": "AlertsTopic"}
    key = resolve(refs.key("alerts"))
    properties = {"TopicName": project.alerts_topic, "KmsMasterKeyId": key}
    document = _document(policies.alerts_topic("${AlertsTopic}"))
    yield {
        "AlertsTopic": {"Type": "AWS::SNS::Topic", "Properties": properties},
        "AlertsTopicPolicy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {"Topics": [topic], "PolicyDocument": document},
        },
    }
    for name, pattern in design.alert_rules(project).items():
        rule = {
            "Name": f"{project.name}-{name}",
            "Description": f"Reports to {project.alerts_topic}",
            "EventPattern": pattern,
            "State": "ENABLED",
            "Targets": [{"Id": "alerts", "Arn": topic}],
        }
        yield {f"{logical_id(name)}Rule": {"Type": "AWS::Events::Rule", "Properties": rule}}


def _references(project: Project) -> References:
    vpc = project.vpc
    created = tuple(f"${{Subnet{number}}}" for number in range(1, len(design.subnet_addresses(project)) + 1))
    return References(
        SCOPE,
        role=lambda job: job.role or f"${{{logical_id(job.name)}Role.Arn}}",
        key=lambda purpose: project.keys.get(purpose) or f"${{{_key_id(purpose)}.Arn}}",
        secret=lambda connection: (
            f"${{{logical_id(connection.name)}Secret}}" if connection.has_own_secret else connection.secret
        ),
        crawler=lambda crawler: f"${{{logical_id(crawler.name)}CrawlerRole.Arn}}",
        vpc=(vpc.id or "${Vpc}") if vpc else "",
        subnets=(vpc.subnets or created) if vpc else (),
        security_group="${JobSecurityGroup.GroupId}" if vpc else "",
        endpoints=(
            *(f"${{{logical_id(service)}Endpoint}}" for service in design.data_endpoints(project)),
            *(vpc.endpoint_ids if vpc else ()),
        ),
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


def _tagged(project: Project, resource: dict[str, Any]) -> dict[str, Any]:
    """Return a resource with the tags of the project, if CloudFormation has tags for its type."""
    own = resource["Properties"].get("Tags", {})
    tags = {**project.tags, **own}
    if not tags or resource["Type"] not in _TAGGED:
        return resource
    as_map = resource["Type"].startswith("AWS::Glue::")
    listed = [{"Key": name, "Value": value} for name, value in sorted(tags.items())]
    return {**resource, "Properties": {**resource["Properties"], "Tags": tags if as_map else listed}}


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


def _configuration(project: Project, refs: References) -> Resources:
    key = {purpose: resolve(refs.key(purpose)) for purpose in ("data", "bookmarks", "logs")}
    return {
        "SecurityConfiguration": {
            "Type": "AWS::Glue::SecurityConfiguration",
            "Properties": {
                "Name": project.configuration,
                "EncryptionConfiguration": {
                    "S3Encryptions": [{"S3EncryptionMode": "SSE-KMS", "KmsKeyArn": key["data"]}],
                    "CloudWatchEncryption": {
                        "CloudWatchEncryptionMode": "SSE-KMS",
                        "KmsKeyArn": key["logs"],
                    },
                    "JobBookmarksEncryption": {
                        "JobBookmarksEncryptionMode": "CSE-KMS",
                        "KmsKeyArn": key["bookmarks"],
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


def _log_group(name: str, refs: References) -> Resources:
    key = resolve(refs.key("logs"))
    properties = {"LogGroupName": name, "KmsKeyId": key, "RetentionInDays": design.LOG_DAYS}
    return {
        _log_group_id(name): _retained("AWS::Logs::LogGroup", properties),
    }


def _log_group_id(name: str) -> str:
    return f"Logs{logical_id(name.removeprefix('/aws-glue/jobs/'))}"


_NO_PUBLIC_ACCESS = {
    "BlockPublicAcls": True,
    "BlockPublicPolicy": True,
    "IgnorePublicAcls": True,
    "RestrictPublicBuckets": True,
}


_ABORT_UPLOADS = {
    "Id": "AbortUploads",
    "Status": "Enabled",
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": design.UPLOAD_DAYS},
}


def _bucket(project: Project, bucket: Bucket, refs: References) -> Resources:
    logical = f"{logical_id(bucket.alias)}Bucket"
    key = resolve(bucket.key or refs.key("data"))
    encryption = (
        {
            "BucketKeyEnabled": True,
            "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key},
        }
        if bucket.encryption == SSE_KMS
        else {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    )
    properties: dict[str, Any] = {
        "BucketName": bucket.name,
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [encryption]},
        "LoggingConfiguration": {
            "DestinationBucketName": {"Ref": _ACCESS_LOGS},
            "LogFilePrefix": f"{bucket.alias}/",
        },
        "LifecycleConfiguration": {"Rules": [_ABORT_UPLOADS]},
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
        "LifecycleConfiguration": {"Rules": [expire, _ABORT_UPLOADS]},
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
    policy = design.endpoint_policy(project, SCOPE)
    document = {"PolicyDocument": _document(policy)} if policy else {}
    vpc_id: Any = vpc.id or {"Ref": "Vpc"}
    subnets: list[Any] = list(vpc.subnets)
    routes: list[Any] = list(vpc.route_tables)
    if not vpc.id:
        resources["Vpc"] = {
            "Type": "AWS::EC2::VPC",
            "Properties": {"CidrBlock": vpc.cidr, "EnableDnsHostnames": True, "EnableDnsSupport": True},
        }
        resources["RouteTable"] = {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": vpc_id}}
        if vpc.flow_logs:
            resources |= _flow_logs(project)
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
                **document,
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
                **document,
            },
        }
    if any(not job.connections for job in project.jobs.values()):
        resources["NetworkConnection"] = _glue_connection(project, project.network_connection, "NETWORK", {})
    return resources


def _flow_logs(project: Project) -> Resources:
    name = design.flow_logs(project)
    return {
        "FlowLogRole": _role(project, {}, policies.flow_log_trust(SCOPE)),
        "FlowLogAccess": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "PolicyName": "flow-logs",
                "PolicyDocument": _document(design.flow_log_policy(project, SCOPE)),
                "Roles": [{"Ref": "FlowLogRole"}],
            },
        },
        "FlowLog": {
            "Type": "AWS::EC2::FlowLog",
            "DependsOn": ["FlowLogAccess"],
            "Properties": {
                "ResourceId": {"Ref": "Vpc"},
                "ResourceType": "VPC",
                "TrafficType": "ALL",
                "LogDestinationType": "cloud-watch-logs",
                "LogGroupName": {"Ref": _log_group_id(name)},
                "DeliverLogsPermissionArn": _arn("FlowLogRole"),
            },
        },
    }


def _role(project: Project, properties: dict[str, Any], trust: Policy) -> dict[str, Any]:
    boundary = project.permissions_boundary
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            **properties,
            **({"Path": project.role_path} if project.role_path != "/" else {}),
            **({"PermissionsBoundary": boundary} if boundary else {}),
            "AssumeRolePolicyDocument": _document(trust),
        },
    }


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
        "KmsKeyId": resolve(refs.key("data")),
        "GenerateSecretString": generate,
    }
    rotation = {
        "SecretId": {"Ref": secret},
        "RotationLambdaARN": connection.rotation,
        "RotationRules": {"AutomaticallyAfterDays": connection.rotation_days},
        # The password is random until the owner of the database stores the right one.
        "RotateImmediatelyOnUpdate": False,
    }
    resources = {secret: _retained("AWS::SecretsManager::Secret", value)} if connection.has_own_secret else {}
    if connection.rotation:
        resources[f"{secret}Rotation"] = {
            "Type": "AWS::SecretsManager::RotationSchedule",
            "Properties": rotation,
        }
    return {
        **resources,
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
        "Role": resolve(refs.role(job)),
        "Command": {"Name": "glueetl", "PythonVersion": "3", "ScriptLocation": project.script_uri(job)},
        "GlueVersion": job.glue,
        "WorkerType": job.worker_type,
        "NumberOfWorkers": job.workers,
        "Timeout": job.timeout,
        "ExecutionProperty": {"MaxConcurrentRuns": 1},
        "SecurityConfiguration": project.existing_configuration or {"Ref": "SecurityConfiguration"},
        "DefaultArguments": _arguments(project, job),
        "NonOverridableArguments": project.fixed_arguments(job),
        **({"MaxRetries": job.retries} if job.retries is not None else {}),
        **({"ExecutionClass": job.execution_class} if job.execution_class else {}),
        **({"Tags": dict(job.tags)} if job.tags else {}),
    }
    if project.connections_of(job):
        logical = [f"{logical_id(connection)}Connection" for connection in job.connections] or [
            "NetworkConnection"
        ]
        properties["Connections"] = {"Connections": [{"Ref": connection} for connection in logical]}
    scheduled = {
        f"{name}Schedule": {
            "Type": "AWS::Glue::Trigger",
            "Properties": {
                "Name": f"{job.name}-schedule",
                "Type": "SCHEDULED",
                "Schedule": job.schedule,
                "StartOnCreation": True,
                "Actions": [{"JobName": {"Ref": f"{name}Job"}}],
            },
        }
    }
    resource: dict[str, Any] = {"Type": "AWS::Glue::Job", "Properties": properties}
    parts = {f"{name}Job": resource, **(scheduled if job.schedule else {})}
    if job.role:
        return parts
    resource["DependsOn"] = [f"{name}Access"]
    return {
        f"{name}Role": _role(
            project,
            {
                "RoleName": project.role(job),
                **({"ManagedPolicyArns": list(job.policies)} if job.policies else {}),
            },
            policies.trust(),
        ),
        # Not inside the role: the policy refers to resources under keys whose policies refer to the role.
        f"{name}Access": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "PolicyName": "job",
                "PolicyDocument": _document(design.role_policy(project, job, refs)),
                "Roles": [{"Ref": f"{name}Role"}],
            },
        },
        **parts,
    }


def _crawler(project: Project, crawler: Crawler, refs: References) -> Resources:
    name = f"{logical_id(crawler.name)}Crawler"
    schedule = {"Schedule": {"ScheduleExpression": crawler.schedule}} if crawler.schedule else {}
    return {
        f"{name}Role": _role(project, {"RoleName": project.crawler_role(crawler)}, policies.trust()),
        f"{name}Access": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "PolicyName": "crawler",
                "PolicyDocument": _document(design.crawler_policy(project, crawler, refs)),
                "Roles": [{"Ref": f"{name}Role"}],
            },
        },
        name: {
            "Type": "AWS::Glue::Crawler",
            "DependsOn": [f"{name}Access"],
            "Properties": {
                "Name": crawler.name,
                "Role": _arn(f"{name}Role"),
                "DatabaseName": crawler.database,
                "CrawlerSecurityConfiguration": project.existing_configuration
                or {"Ref": "SecurityConfiguration"},
                "Targets": {"S3Targets": [{"Path": path} for path in design.crawler_paths(project, crawler)]},
                # Deleted objects do not delete tables.
                "SchemaChangePolicy": {"DeleteBehavior": "LOG", "UpdateBehavior": "UPDATE_IN_DATABASE"},
                **schedule,
            },
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


def _outputs(project: Project, refs: References) -> dict[str, Any]:
    configuration = project.existing_configuration or {"Ref": "SecurityConfiguration"}
    outputs: dict[str, Any] = {
        "SecurityConfiguration": {"Value": configuration},
        "DataKeyArn": {"Value": resolve(refs.key("data"))},
        "BookmarkKeyArn": {"Value": resolve(refs.key("bookmarks"))},
        "DeployerPolicyArn": {
            "Description": "Policy for the deployer",
            "Value": {"Ref": "DeployerPolicy"},
        },
    }
    if project.audit.alerts:
        outputs["AlertsTopicArn"] = {"Description": "Topic to subscribe to", "Value": {"Ref": "AlertsTopic"}}
    for job in project.jobs.values():
        outputs[f"{logical_id(job.name)}RoleArn"] = {"Value": resolve(refs.role(job))}
    return outputs
