"""The Terraform configuration of a project, in JSON syntax (``main.tf.json``), for the AWS provider 6.

https://developer.hashicorp.com/terraform/language/syntax/json
Policies are texts in which Terraform resolves ``${...}``. Secrets are created without a value, because
Terraform would store it in its state.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.governance import policies
from glue_secure.governance.policies import Policy, PolicyScope
from glue_secure.project.model import SSE_KMS, Bucket, Connection, Crawler, Job, Project, Vpc
from glue_secure.project.project_file import FILE_NAME
from glue_secure.project.templates import design
from glue_secure.project.templates.design import References

SCOPE = PolicyScope(
    "${data.aws_region.current.region}",
    "${data.aws_caller_identity.current.account_id}",
    "${data.aws_partition.current.partition}",
    "${data.aws_partition.current.dns_suffix}",
)
_GROUP = "${aws_security_group.jobs.id}"
# Types with the argument ``tags``.
_TAGGED = (
    "aws_cloudwatch_event_rule", "aws_cloudwatch_log_group", "aws_default_security_group", "aws_flow_log",
    "aws_glue_connection",
    "aws_glue_crawler", "aws_glue_job", "aws_glue_trigger", "aws_iam_policy", "aws_iam_role", "aws_kms_key",
    "aws_route_table",
    "aws_s3_bucket", "aws_secretsmanager_secret", "aws_security_group", "aws_sns_topic", "aws_subnet",
    "aws_vpc",
    "aws_vpc_endpoint", "aws_vpc_security_group_egress_rule", "aws_vpc_security_group_ingress_rule",
)  # fmt: skip
_RETAINED = {"lifecycle": {"prevent_destroy": True}}


class _Resources:
    """Resources by type and name."""

    def __init__(self, tags: Mapping[str, str]) -> None:
        self.by_type: dict[str, dict[str, Any]] = {}
        self._tags = tags

    def add(self, kind: str, label: str, /, **arguments: Any) -> str:
        """Add a resource and return its address.

        Raises:
            UsageError: The type has a resource with this name.
        """
        resources = self.by_type.setdefault(kind, {})
        if label in resources:
            raise UsageError(FILE_NAME, found=f"two resources named {label}", required="distinct names")
        tags = {**self._tags, **arguments.get("tags", {})}
        resources[label] = {**arguments, **({"tags": tags} if tags and kind in _TAGGED else {})}
        return f"{kind}.{label}"


def terraform(project: Project) -> dict[str, Any]:
    """Return the configuration as JSON values.

    Raises:
        UsageError: Two names of the project give the same resource name.
    """
    refs = _references(project)
    into = _Resources(project.tags)
    for name, policy in design.created_keys(project, refs).items():
        _key(into, project, name, policy)
    _configuration(into, project, refs)
    for number, group in enumerate(design.created_log_groups(project)):
        into.add(
            "aws_cloudwatch_log_group",
            "flow-logs" if group == design.flow_logs(project) else f"logs{number}",
            name=group,
            kms_key_id=refs.key("logs"),
            retention_in_days=design.LOG_DAYS,
        )
    _buckets(into, project, refs)
    _network(into, project)
    for connection in project.connections.values():
        _connection(into, project, connection, refs)
    for job in project.jobs.values():
        _job(into, project, job, refs)
    for crawler in project.crawlers.values():
        _crawler(into, project, crawler, refs)
    outputs = _audit(into, project, refs)
    managed: dict[str, list[str]] = {}
    for kind, text, parts in design.managed_policies(project, refs):
        for number, policy in enumerate(parts):
            label = f"{kind}{number + 1 if number else ''}"
            address = into.add(
                "aws_iam_policy",
                label,
                name=f"{project.name}-{label}",
                description=text,
                policy=_text(policy),
            )
            managed.setdefault(f"{kind}_policies", []).append(f"${{{address}.arn}}")
    data: dict[str, Any] = {
        name: {"current": {}} for name in ("aws_caller_identity", "aws_partition", "aws_region")
    }
    if design.subnet_addresses(project) and project.vpc and not project.vpc.availability_zones:
        data["aws_availability_zones"] = {"available": {"state": "available"}}
    return {
        # No provider: this configuration can be a module, which gets the provider of its caller. No
        # required_version: Checkov 3.3 cannot parse it in JSON, and would check nothing.
        "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws", "version": "~> 6.0"}}},
        "data": data,
        "resource": into.by_type,
        "output": {name: {"value": value} for name, value in {**managed, **outputs}.items()},
    }


def _audit(into: _Resources, project: Project, refs: References) -> dict[str, str]:
    """Add the policy of the job that audits the account, and the topic and rules of alerts.

    Returns:
        Outputs by name.
    """
    for number, policy in enumerate(design.audit_policies(project, refs.scope)):
        label = f"audit{number + 1 if number else ''}"
        address = into.add(
            "aws_iam_policy",
            label,
            name=f"{project.name}-{label}",
            description="Reads what an audit of the account needs",
            policy=_text(policy),
        )
        into.add(
            "aws_iam_role_policy_attachment",
            label,
            role=f"${{aws_iam_role.{_name(project.audit.job)}.name}}",
            policy_arn=f"${{{address}.arn}}",
        )
    if not project.audit.alerts:
        return {}
    name = project.alerts_topic
    topic = into.add("aws_sns_topic", "alerts", name=name, kms_master_key_id=refs.key("alerts"))
    arn = f"${{{topic}.arn}}"
    into.add("aws_sns_topic_policy", "alerts", arn=arn, policy=_text(policies.alerts_topic(arn)))
    for label, pattern in design.alert_rules(project).items():
        rule = into.add(
            "aws_cloudwatch_event_rule",
            label,
            name=f"{project.name}-{label}",
            description=f"Reports to {name}",
            event_pattern=json.dumps(pattern),
            state="ENABLED",
        )
        into.add("aws_cloudwatch_event_target", label, rule=f"${{{rule}.name}}", target_id="alerts", arn=arn)
    return {"alerts_topic": arn}


def _references(project: Project) -> References:
    vpc = project.vpc
    created = tuple(
        f"${{aws_subnet.s{number}.id}}" for number in range(len(design.subnet_addresses(project)))
    )
    return References(
        SCOPE,
        role=lambda job: job.role or f"${{aws_iam_role.{_name(job.name)}.arn}}",
        key=lambda purpose: project.keys.get(purpose) or f"${{aws_kms_key.{_name(purpose)}.arn}}",
        secret=lambda connection: (
            f"${{aws_secretsmanager_secret.{_name(connection.name)}.arn}}"
            if connection.has_own_secret
            else connection.secret
        ),
        crawler=lambda crawler: f"${{aws_iam_role.{_name(crawler.name)}-crawler.arn}}",
        vpc=(vpc.id or "${aws_vpc.jobs.id}") if vpc else "",
        subnets=(vpc.subnets or created) if vpc else (),
        security_group=_GROUP if vpc else "",
        endpoints=(
            *(f"${{aws_vpc_endpoint.{service}.id}}" for service in design.data_endpoints(project)),
            *(vpc.endpoint_ids if vpc else ()),
        ),
    )


def _name(text: str) -> str:
    """Return a name of the project file as a Terraform name."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)


def _literal(text: str) -> str:
    """Return a text in which Terraform resolves nothing."""
    return text.replace("${", "$${").replace("%{", "%%{")


def _literals(values: Mapping[str, str]) -> dict[str, str]:
    return {name: _literal(value) for name, value in values.items()}


def _text(policy: Policy) -> str:
    return json.dumps(policy.to_json(), indent=2)


def _key(into: _Resources, project: Project, name: str, policy: Policy) -> None:
    signs = name.startswith("evidence-")
    address = into.add(
        "aws_kms_key",
        _name(name),
        description=f"{project.name}: {design.key_use(name)}",
        # AWS KMS does not rotate asymmetric keys.
        **({} if signs else {"enable_key_rotation": True}),
        key_usage="SIGN_VERIFY" if signs else "ENCRYPT_DECRYPT",
        customer_master_key_spec=design.SIGNING_SPEC if signs else "SYMMETRIC_DEFAULT",
        policy=_text(policy),
        **_RETAINED,
    )
    into.add(
        "aws_kms_alias",
        _name(name),
        name=f"alias/{project.name}-{name}",
        target_key_id=f"${{{address}.key_id}}",
    )


def _configuration(into: _Resources, project: Project, refs: References) -> None:
    modes = {
        "cloudwatch_encryption": {"cloudwatch_encryption_mode": "SSE-KMS", "kms_key_arn": refs.key("logs")},
        "job_bookmarks_encryption": {
            "job_bookmarks_encryption_mode": "CSE-KMS",
            "kms_key_arn": refs.key("bookmarks"),
        },
        "s3_encryption": {"s3_encryption_mode": "SSE-KMS", "kms_key_arn": refs.key("data")},
    }
    encryption = {name: [value] for name, value in modes.items()}
    if not project.existing_configuration:
        into.add(
            "aws_glue_security_configuration",
            "strict",
            name=project.configuration,
            encryption_configuration=[encryption],
        )
    if project.catalog_settings:
        key = refs.key("catalog")
        settings = {
            "connection_password_encryption": [
                {"aws_kms_key_id": key, "return_connection_password_encrypted": True}
            ],
            "encryption_at_rest": [{"catalog_encryption_mode": "SSE-KMS", "sse_aws_kms_key_id": key}],
        }
        into.add(
            "aws_glue_data_catalog_encryption_settings",
            "catalog",
            data_catalog_encryption_settings=[settings],
        )


def _buckets(into: _Resources, project: Project, refs: References) -> None:
    buckets = design.created_buckets(project)
    if not buckets:
        return
    logs = into.add("aws_s3_bucket", "access-logs", bucket_prefix=f"{project.name}-access-logs-", **_RETAINED)
    name = f"${{{logs}.id}}"
    sources = [SCOPE.bucket(bucket.name) for bucket in buckets]
    policy = policies.access_log_bucket(SCOPE, name, *sources, SCOPE.bucket(name))
    _secure_bucket(
        into,
        "access-logs",
        name,
        policy,
        prefix="access-logs/",
        default={"sse_algorithm": "AES256"},
        expiration={"expiration": [{"days": design.LOG_DAYS}]},
    )
    for bucket in buckets:
        _bucket(into, project, bucket, refs)


def _bucket(into: _Resources, project: Project, bucket: Bucket, refs: References) -> None:
    mode = design.object_lock(project, bucket)
    lock = {"object_lock_enabled": True} if mode else {}
    address = into.add("aws_s3_bucket", bucket.alias, bucket=bucket.name, **lock, **_RETAINED)
    if mode:
        retention = {"mode": mode, "days": project.evidence.days}
        into.add(
            "aws_s3_bucket_object_lock_configuration",
            bucket.alias,
            bucket=f"${{{address}.id}}",
            rule=[{"default_retention": [retention]}],
        )
    default = (
        {"sse_algorithm": "aws:kms", "kms_master_key_id": bucket.key or refs.key("data")}
        if bucket.encryption == SSE_KMS
        else {"sse_algorithm": "AES256"}
    )
    policy = design.bucket_policy(project, bucket, refs)
    _secure_bucket(
        into, bucket.alias, f"${{{address}.id}}", policy, prefix=f"{bucket.alias}/", default=default
    )


def _secure_bucket(
    into: _Resources,
    alias: str,
    name: str,
    policy: Policy,
    *,
    prefix: str,
    default: dict[str, str],
    expiration: Mapping[str, Any] | None = None,
) -> None:
    """Add encryption, policy, lifecycle, versioning, access logs and the public access block of a bucket."""
    rule = {"apply_server_side_encryption_by_default": [default], "bucket_key_enabled": len(default) > 1}
    into.add("aws_s3_bucket_server_side_encryption_configuration", alias, bucket=name, rule=[rule])
    into.add("aws_s3_bucket_policy", alias, bucket=name, policy=_text(policy))
    into.add("aws_s3_bucket_versioning", alias, bucket=name, versioning_configuration=[{"status": "Enabled"}])
    logs = "${aws_s3_bucket.access-logs.id}"
    into.add("aws_s3_bucket_logging", alias, bucket=name, target_bucket=logs, target_prefix=prefix)
    abort = [{"days_after_initiation": design.UPLOAD_DAYS}]
    lifecycle = {
        "id": "lifecycle",
        "status": "Enabled",
        "filter": [{}],
        "abort_incomplete_multipart_upload": abort,
        **(expiration or {}),
    }
    into.add("aws_s3_bucket_lifecycle_configuration", alias, bucket=name, rule=[lifecycle])
    ownership = [{"object_ownership": "BucketOwnerEnforced"}]
    into.add("aws_s3_bucket_ownership_controls", alias, bucket=name, rule=ownership)
    into.add(
        "aws_s3_bucket_public_access_block",
        alias,
        bucket=name,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
    )


def _network(into: _Resources, project: Project) -> None:
    vpc = project.vpc
    if vpc is None:
        return
    vpc_id, subnets, routes = vpc.id, list(vpc.subnets), list(vpc.route_tables)
    policy = design.endpoint_policy(project, SCOPE)
    restricted = {"policy": _text(policy)} if policy else {}
    if not vpc.id:
        into.add("aws_vpc", "jobs", cidr_block=vpc.cidr, enable_dns_hostnames=True, enable_dns_support=True)
        vpc_id = "${aws_vpc.jobs.id}"
        into.add("aws_route_table", "jobs", vpc_id=vpc_id)
        # The default group, which resources without a group belong to, allows no traffic.
        into.add("aws_default_security_group", "default", vpc_id=vpc_id)
        if vpc.flow_logs:
            _flow_logs(into, project)
        routes = ["${aws_route_table.jobs.id}"]
        for number, block in enumerate(design.subnet_addresses(project)):
            subnet = into.add(
                "aws_subnet",
                f"s{number}",
                vpc_id=vpc_id,
                cidr_block=block,
                availability_zone=_zone(vpc, number),
                map_public_ip_on_launch=False,
                # A zone that AWS adds must not move a subnet to another zone.
                **(
                    {} if vpc.availability_zones else {"lifecycle": {"ignore_changes": ["availability_zone"]}}
                ),
            )
            subnets.append(f"${{{subnet}.id}}")
            into.add(
                "aws_route_table_association", f"s{number}", subnet_id=subnets[-1], route_table_id=routes[0]
            )
    _security_group(into, project, vpc_id)
    for service in design.interface_endpoints(project):
        into.add(
            "aws_vpc_endpoint",
            service,
            vpc_id=vpc_id,
            service_name=_service_name(service),
            vpc_endpoint_type="Interface",
            subnet_ids=subnets,
            security_group_ids=[_GROUP],
            private_dns_enabled=True,
            **restricted,
        )
    for service in design.gateway_endpoints(project):
        into.add(
            "aws_vpc_endpoint",
            service,
            vpc_id=vpc_id,
            service_name=_service_name(service),
            vpc_endpoint_type="Gateway",
            route_table_ids=routes,
            **restricted,
        )
    if any(not job.connections for job in project.jobs.values()):
        _glue_connection(into, project, project.network_connection, "NETWORK", {})


def _flow_logs(into: _Resources, project: Project) -> None:
    role = _role(into, project, "_flow_logs", policies.flow_log_trust(SCOPE), {"name_prefix": "flow-logs-"})
    access = into.add(
        "aws_iam_role_policy",
        "_flow_logs",
        name="flow-logs",
        role=f"${{{role}.id}}",
        policy=_text(design.flow_log_policy(project, SCOPE)),
    )
    into.add(
        "aws_flow_log",
        "jobs",
        vpc_id="${aws_vpc.jobs.id}",
        traffic_type="ALL",
        log_destination_type="cloud-watch-logs",
        log_destination="${aws_cloudwatch_log_group.flow-logs.arn}",
        iam_role_arn=f"${{{role}.arn}}",
        depends_on=[access],
    )


def _role(into: _Resources, project: Project, label: str, trust: Policy, arguments: Mapping[str, Any]) -> str:
    boundary = project.permissions_boundary
    return into.add(
        "aws_iam_role",
        label,
        **arguments,
        assume_role_policy=_text(trust),
        **({"path": project.role_path} if project.role_path != "/" else {}),
        **({"permissions_boundary": boundary} if boundary else {}),
    )


def _zone(vpc: Vpc, number: int) -> str:
    if vpc.availability_zones:
        return vpc.availability_zones[number]
    return f"${{data.aws_availability_zones.available.names[{number}]}}"


def _service_name(service: str) -> str:
    prefix = "com.amazonaws"
    if service in design.CHINESE_ENDPOINTS:
        prefix = f'${{{SCOPE.partition[2:-1]} == "aws-cn" ? "cn.com.amazonaws" : "com.amazonaws"}}'
    return f"{prefix}.{SCOPE.region}.{service}"


def _security_group(into: _Resources, project: Project, vpc: str) -> None:
    description = f"Jobs of {project.name} and the endpoints that they call"
    into.add("aws_security_group", "jobs", name=f"{project.name}-jobs", description=description, vpc_id=vpc)
    internal = {
        "security_group_id": _GROUP,
        "referenced_security_group_id": _GROUP,
        "ip_protocol": "tcp",
        "from_port": 0,
        "to_port": 65535,
        "description": "between workers and endpoints",
    }
    into.add("aws_vpc_security_group_ingress_rule", "internal", **internal)
    into.add("aws_vpc_security_group_egress_rule", "internal", **internal)
    for number, (text, block, port) in enumerate(design.egress(project)):
        into.add(
            "aws_vpc_security_group_egress_rule",
            f"egress{number}",
            security_group_id=_GROUP,
            cidr_ipv4=block,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            description=text,
        )


def _connection(into: _Resources, project: Project, connection: Connection, refs: References) -> None:
    if connection.has_own_secret:
        secret = into.add(
            "aws_secretsmanager_secret",
            _name(connection.name),
            name=connection.secret,
            description=f"username and password of {connection.name}",
            kms_key_id=refs.key("data"),
            **_RETAINED,
        )
        if connection.rotation:
            into.add(
                "aws_secretsmanager_secret_rotation",
                _name(connection.name),
                secret_id=f"${{{secret}.id}}",
                rotation_lambda_arn=connection.rotation,
                rotation_rules=[{"automatically_after_days": connection.rotation_days}],
                # There is no password until the owner of the database stores one.
                rotate_immediately=False,
            )
    literal = replace(connection, url=_literal(connection.url), certificate=_literal(connection.certificate))
    properties = design.connection_properties(literal, refs.secret(connection))
    _glue_connection(into, project, connection.name, "JDBC", properties)


def _glue_connection(
    into: _Resources, project: Project, name: str, kind: str, properties: dict[str, str]
) -> None:
    vpc = project.vpc
    location: dict[str, Any] = {}
    if vpc:
        requirements: dict[str, Any] = {
            "subnet_id": vpc.subnets[0] if vpc.id else "${aws_subnet.s0.id}",
            "security_group_id_list": [_GROUP],
            "availability_zone": vpc.availability_zones[0]
            if vpc.id
            else "${aws_subnet.s0.availability_zone}",
        }
        location = {"physical_connection_requirements": [requirements]}
    optional = {"connection_properties": properties} if properties else {}
    into.add("aws_glue_connection", _name(name), name=name, connection_type=kind, **optional, **location)


def _job(into: _Resources, project: Project, job: Job, refs: References) -> None:
    name = _name(job.name)
    depends_on = []
    if not job.role:
        role = _role(into, project, name, policies.trust(), {"name": project.role(job)})
        policy = _text(design.role_policy(project, job, refs))
        access = into.add("aws_iam_role_policy", name, name="job", role=f"${{{role}.id}}", policy=policy)
        depends_on.append(access)
        for number, arn in enumerate(job.policies):
            attachment = into.add(
                "aws_iam_role_policy_attachment", f"p{number}-{name}", role=f"${{{role}.id}}", policy_arn=arn
            )
            depends_on.append(attachment)
    connections = [
        f"${{aws_glue_connection.{_name(connection)}.name}}" for connection in project.connections_of(job)
    ]
    created = into.add(
        "aws_glue_job",
        name,
        name=job.name,
        role_arn=refs.role(job),
        command=[{"name": "glueetl", "python_version": "3", "script_location": project.script_uri(job)}],
        glue_version=job.glue,
        worker_type=job.worker_type,
        number_of_workers=job.workers,
        timeout=job.timeout,
        execution_property=[{"max_concurrent_runs": 1}],
        security_configuration=project.existing_configuration
        or "${aws_glue_security_configuration.strict.name}",
        default_arguments=_arguments(project, job),
        non_overridable_arguments=_literals(project.fixed_arguments(job)),
        tags=job.tags,
        **({"depends_on": depends_on} if depends_on else {}),
        **({"connections": connections} if connections else {}),
        **({"max_retries": job.retries} if job.retries is not None else {}),
        **({"execution_class": job.execution_class} if job.execution_class else {}),
    )
    if job.schedule:
        into.add(
            "aws_glue_trigger",
            name,
            name=f"{job.name}-schedule",
            type="SCHEDULED",
            schedule=job.schedule,
            start_on_creation=True,
            actions=[{"job_name": f"${{{created}.name}}"}],
        )


def _crawler(into: _Resources, project: Project, crawler: Crawler, refs: References) -> None:
    label = f"{_name(crawler.name)}-crawler"
    role = _role(into, project, label, policies.trust(), {"name": project.crawler_role(crawler)})
    access = into.add(
        "aws_iam_role_policy",
        label,
        name="crawler",
        role=f"${{{role}.id}}",
        policy=_text(design.crawler_policy(project, crawler, refs)),
    )
    into.add(
        "aws_glue_crawler",
        label,
        name=crawler.name,
        role=f"${{{role}.arn}}",
        database_name=crawler.database,
        security_configuration=project.existing_configuration
        or "${aws_glue_security_configuration.strict.name}",
        s3_target=[{"path": path} for path in design.crawler_paths(project, crawler)],
        schema_change_policy=[{"delete_behavior": "LOG", "update_behavior": "UPDATE_IN_DATABASE"}],
        depends_on=[access],
        **({"schedule": crawler.schedule} if crawler.schedule else {}),
    )


def _arguments(project: Project, job: Job) -> dict[str, str]:
    """Return the default arguments, with the provider's region in ``--conf``."""
    region = "\0"
    arguments = _literals(project.default_arguments(job, region))
    return {name: value.replace(region, SCOPE.region) for name, value in arguments.items()}
