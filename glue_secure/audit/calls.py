"""Every API call of an audit. ``glue-secure policy iam audit`` prints the policy that allows them.

All of them read. The actions that allow a call are those of the Service Authorization Reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from glue_secure.audit.state_machines import with_tasks_alone
from glue_secure.check.checker import check_bytes
from glue_secure.check.script import imported_modules


@dataclass(frozen=True, slots=True)
class Call:
    """An API call.

    Attributes:
        service: boto3's name of the service.
        operation: the API operation.
        permission: the IAM action that allows it.
        key: member of the request that names the resource, ``""`` without one; two members, separated by a
            slash, take the parts of the resource's name before and after its first separator.
        items: member of the response with the results of a listing, ``""`` if the call returns one resource.
        arguments: further members of the request.
        token: members of the response and of the request with the position of the next page.
        absent: error codes that mean that the resource does not exist.
        members: members of a result that the audit uses, so that it stores no others; empty for all.
        reduce: returns what the audit stores of an answer, given the answer and the resource's name; None to
            store the answer.
        separator: divides the resource's name among two members.
        limit: member of the request with the number of results of a page.
        name: the call's name in an estate: ``s3.GetBucketPolicy``.
    """

    service: str
    operation: str
    permission: str
    key: str = ""
    items: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)
    token: tuple[str, str] = ("NextToken", "NextToken")
    absent: frozenset[str] = frozenset({"EntityNotFoundException"})
    members: frozenset[str] = frozenset()
    reduce: Callable[[Mapping[str, Any], str], Mapping[str, Any]] | None = field(default=None, hash=False)
    separator: str = "/"
    limit: str = "MaxResults"
    name: str = field(init=False)

    def __post_init__(self) -> None:
        """Set the name, which the answers of an estate share."""
        parts = (self.service, self.operation, self.items)
        object.__setattr__(self, "name", ".".join(filter(None, parts)))


@dataclass(frozen=True, slots=True)
class Request:
    """One call about one resource.

    Attributes:
        call: the call.
        key: the resource's name, ``""`` without one.
        region: the AWS Region, ``""`` for the audit's.
        most: number of results after which a listing ends, 0 for all of them.
    """

    call: Call
    key: str = ""
    region: str = ""
    most: int = 0

    @property
    def name(self) -> tuple[str, str]:
        """The names of the call and the resource in an estate."""
        return self.call.name, self.key


def _glue(operation: str, *, key: str = "", items: str = "", **arguments: Any) -> Call:
    return Call("glue", operation, f"glue:{operation}", key, items, arguments)


JOBS = _glue("GetJobs", items="Jobs", MaxResults=200)
JOB_RUNS = Call(
    "glue",
    "GetJobRuns",
    "glue:GetJobRuns",
    key="JobName",
    items="JobRuns",
    members=frozenset({"Id", "StartedOn", "JobRunState", "SecurityConfiguration", "Arguments"}),
)
CRAWLERS = _glue("GetCrawlers", items="Crawlers", MaxResults=200)
ENDPOINTS = _glue("GetDevEndpoints", items="DevEndpoints", MaxResults=200)
SESSIONS = _glue("ListSessions", items="Sessions", MaxResults=200)
TRANSFORMS = _glue("GetMLTransforms", items="Transforms", MaxResults=200)
TRIGGERS = _glue("GetTriggers", items="Triggers", MaxResults=200)
RULESETS = _glue("ListDataQualityRulesets", items="Rulesets", MaxResults=200)
RULESET = _glue("GetDataQualityRuleset", key="Name")
RECOMMENDATIONS = _glue("ListDataQualityRuleRecommendationRuns", items="Runs", MaxResults=200)
RECOMMENDATION = _glue("GetDataQualityRuleRecommendationRun", key="RunId")
STATISTICS = Call(
    "glue",
    "ListColumnStatisticsTaskRuns",
    "glue:ListColumnStatisticsTaskRuns",
    items="ColumnStatisticsTaskRunIds",
    arguments={"MaxResults": 200},
)
STATISTICS_RUN = _glue("GetColumnStatisticsTaskRun", key="ColumnStatisticsTaskRunId")
STATISTICS_SETTINGS = Call(
    "glue",
    "GetColumnStatisticsTaskSettings",
    "glue:GetColumnStatisticsTaskSettings",
    key="DatabaseName/TableName",
    separator="\n",  # Names of databases and tables have one line, and can contain a slash.
)
SCHEDULES = Call(
    "scheduler",
    "ListSchedules",
    "scheduler:ListSchedules",
    items="Schedules",
    arguments={"MaxResults": 100},
)
SCHEDULE = Call(
    "scheduler",
    "GetSchedule",
    "scheduler:GetSchedule",
    key="GroupName/Name",
    absent=frozenset({"ResourceNotFoundException"}),
)
STATE_MACHINES = Call(
    "stepfunctions",
    "ListStateMachines",
    "states:ListStateMachines",
    items="stateMachines",
    arguments={"maxResults": 1000},
    token=("nextToken", "nextToken"),
)
STATE_MACHINE = Call(
    "stepfunctions",
    "DescribeStateMachine",
    "states:DescribeStateMachine",
    key="stateMachineArn",
    absent=frozenset({"StateMachineDoesNotExist"}),
    reduce=with_tasks_alone,
)
MACHINE_VERSIONS = Call(
    "stepfunctions",
    "ListStateMachineVersions",
    "states:ListStateMachineVersions",
    key="stateMachineArn",
    items="stateMachineVersions",
    token=("nextToken", "nextToken"),
    absent=frozenset({"StateMachineDoesNotExist"}),
    limit="maxResults",
)
MACHINE_ALIASES = Call(
    "stepfunctions",
    "ListStateMachineAliases",
    "states:ListStateMachineAliases",
    key="stateMachineArn",
    items="stateMachineAliases",
    arguments={"maxResults": 1000},
    token=("nextToken", "nextToken"),
    absent=frozenset({"StateMachineDoesNotExist", "StateMachineDeleting", "ResourceNotFound"}),
)
MACHINE_ALIAS = Call(
    "stepfunctions",
    "DescribeStateMachineAlias",
    "states:DescribeStateMachineAlias",
    key="stateMachineAliasArn",
    absent=frozenset({"ResourceNotFound"}),
)
CONFIGURATIONS = _glue("GetSecurityConfigurations", items="SecurityConfigurations", MaxResults=200)

CATALOG_SETTINGS = _glue("GetDataCatalogEncryptionSettings")
RESOURCE_POLICY = _glue("GetResourcePolicy")
RESOURCE_POLICIES = _glue("GetResourcePolicies", items="GetResourcePoliciesResponseList")
CONNECTIONS = _glue("GetConnections", items="ConnectionList", HidePassword=True, MaxResults=200)

_NO_KEY = frozenset({"NotFoundException"})


def _kms(operation: str, *, items: str = "", **arguments: Any) -> Call:
    return Call(
        "kms", operation, f"kms:{operation}", "KeyId", items, arguments, ("NextMarker", "Marker"), _NO_KEY
    )


KEY = _kms("DescribeKey")
ROTATION = _kms("GetKeyRotationStatus")
KEY_POLICY = _kms("GetKeyPolicy", PolicyName="default")
GRANTS = _kms("ListGrants", items="Grants")


def _s3(operation: str, permission: str, *absent: str) -> Call:
    return Call("s3", operation, f"s3:{permission}", "Bucket", absent=frozenset(absent))


BUCKETS = Call(
    "s3",
    "ListBuckets",
    "s3:ListAllMyBuckets",
    items="Buckets",
    arguments={"MaxBuckets": 1000},
    token=("ContinuationToken", "ContinuationToken"),
)
BUCKET_ENCRYPTION = _s3(
    "GetBucketEncryption", "GetEncryptionConfiguration", "ServerSideEncryptionConfigurationNotFoundError"
)
BUCKET_POLICY = _s3("GetBucketPolicy", "GetBucketPolicy", "NoSuchBucketPolicy")
PUBLIC_ACCESS = _s3(
    "GetPublicAccessBlock", "GetBucketPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration"
)
OBJECT_LOCK = _s3(
    "GetObjectLockConfiguration", "GetBucketObjectLockConfiguration", "ObjectLockConfigurationNotFoundError"
)
ACCOUNT_PUBLIC_ACCESS = Call(
    "s3control",
    "GetPublicAccessBlock",
    "s3:GetAccountPublicAccessBlock",
    "AccountId",
    absent=frozenset({"NoSuchPublicAccessBlockConfiguration"}),
)
LOG_GROUPS = Call(
    "logs",
    "DescribeLogGroups",
    "logs:DescribeLogGroups",
    "logGroupNamePrefix",
    items="logGroups",
    token=("nextToken", "nextToken"),
    absent=frozenset({"ResourceNotFoundException"}),
)


def _iam(items: str, *kinds: str) -> Call:
    return Call(
        "iam",
        "GetAccountAuthorizationDetails",
        "iam:GetAccountAuthorizationDetails",
        items=items,
        arguments={"Filter": list(kinds), "MaxItems": 1000},
        token=("Marker", "Marker"),
    )


ROLES = _iam("RoleDetailList", "Role")
USERS = _iam("UserDetailList", "User")
GROUPS = _iam("GroupDetailList", "Group")
POLICIES = _iam("Policies", "LocalManagedPolicy", "AWSManagedPolicy")


def _ec2(operation: str, items: str, most: int = 1000) -> Call:
    return Call("ec2", operation, f"ec2:{operation}", items=items, arguments={"MaxResults": most})


SUBNETS = _ec2("DescribeSubnets", "Subnets")
SECURITY_GROUPS = _ec2("DescribeSecurityGroups", "SecurityGroups")
ROUTE_TABLES = _ec2("DescribeRouteTables", "RouteTables", 100)
ENDPOINTS_OF_VPC = _ec2("DescribeVpcEndpoints", "VpcEndpoints")

DATABASES = _glue("GetDatabases", items="DatabaseList", MaxResults=100)
CALLER = Call("sts", "GetCallerIdentity", "sts:GetCallerIdentity")
LAKE_SETTINGS = Call("lakeformation", "GetDataLakeSettings", "lakeformation:GetDataLakeSettings")
LAKE_LOCATIONS = Call(
    "lakeformation",
    "ListResources",
    "lakeformation:ListResources",
    items="ResourceInfoList",
    arguments={"MaxResults": 1000},
)
LAKE_PERMISSIONS = Call(
    "lakeformation",
    "ListPermissions",
    "lakeformation:ListPermissions",
    items="PrincipalResourcePermissions",
    arguments={"MaxResults": 1000},
    members=frozenset({"Principal", "Resource", "Permissions"}),
)


_SCRIPT_NAME = "script"
LARGEST_SCRIPT = 2_000_000
"""Bytes of the largest script that is read and parsed."""


def _checked_script(answer: Mapping[str, Any], _: str) -> Mapping[str, Any]:
    """Return the findings of ``glue-secure check`` and the imported packages in place of the script's text.

    The check does not get the object's name: it leaves out rules for files that pytest runs by their name,
    and Glue runs the script of a job whatever its name is.
    """
    content = answer["Body"].read(LARGEST_SCRIPT + 1)
    if len(content) > LARGEST_SCRIPT:
        return {"Findings": (), "Packages": None, "Unchecked": f"more than {LARGEST_SCRIPT:,} bytes"}
    modules = imported_modules(content)
    packages = None if modules is None else {sys.intern(name.partition(".")[0]) for name in modules}
    return {
        "Findings": check_bytes(content, _SCRIPT_NAME),
        "Packages": None if packages is None else tuple(sorted(packages)),
    }


SCRIPT = Call(
    "s3",
    "GetObject",
    "s3:GetObject",
    "Bucket/Key",
    absent=frozenset({"NoSuchKey", "NoSuchBucket"}),
    reduce=_checked_script,
)

CALLS: tuple[Call, ...] = (
    JOBS,
    JOB_RUNS,
    CRAWLERS,
    ENDPOINTS,
    SESSIONS,
    TRANSFORMS,
    TRIGGERS,
    RULESETS,
    RULESET,
    RECOMMENDATIONS,
    RECOMMENDATION,
    STATISTICS,
    STATISTICS_RUN,
    STATISTICS_SETTINGS,
    SCHEDULES,
    SCHEDULE,
    STATE_MACHINES,
    STATE_MACHINE,
    MACHINE_VERSIONS,
    MACHINE_ALIASES,
    MACHINE_ALIAS,
    CONFIGURATIONS,
    CATALOG_SETTINGS,
    RESOURCE_POLICIES,
    RESOURCE_POLICY,
    CONNECTIONS,
    KEY,
    ROTATION,
    KEY_POLICY,
    GRANTS,
    BUCKETS,
    BUCKET_ENCRYPTION,
    BUCKET_POLICY,
    PUBLIC_ACCESS,
    OBJECT_LOCK,
    ACCOUNT_PUBLIC_ACCESS,
    LOG_GROUPS,
    SCRIPT,
    ROLES,
    USERS,
    GROUPS,
    POLICIES,
    SUBNETS,
    SECURITY_GROUPS,
    ROUTE_TABLES,
    ENDPOINTS_OF_VPC,
    DATABASES,
    CALLER,
    LAKE_SETTINGS,
    LAKE_LOCATIONS,
    LAKE_PERMISSIONS,
)
"""Every call that an audit makes. ``sts:GetCallerIdentity`` needs no permission."""
