"""Parameters of a CloudFormation template and variables of a Terraform configuration.

The documents are generated with the values of the project file. This module replaces what differs between
environments by references: names of buckets, ids of an existing VPC, and the retention of logs. The values of
the file are the defaults.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from glue_secure.project.model import Project
from glue_secure.project.templates import design

# The last one is a list of names in the pattern of an event.
_BUCKET_KEYS = ("BucketName", "bucket", "bucketName")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that differs between environments.

    Attributes:
        words: its name, as words.
        default: the value of the project file.
        kind: type of the parameter in CloudFormation.
        text: what it replaces inside of texts, None for nothing.
        keys: members whose whole value it replaces.
    """

    words: tuple[str, ...]
    default: str | int
    kind: str
    text: re.Pattern[str] | None = None
    keys: tuple[str, ...] = ()

    @property
    def logical_id(self) -> str:
        """Its name in CloudFormation, for example ``CuratedBucketName``."""
        return "".join(word[:1].upper() + word[1:] for word in self.words)

    @property
    def variable(self) -> str:
        """Its name in Terraform, for example ``curated_bucket_name``."""
        return "_".join(self.words)


def parameters(project: Project) -> tuple[Parameter, ...]:
    """Return the parameters of a project's templates."""
    found = []
    for bucket in project.buckets.values():
        # In ARNs, locations and as a value of JSON only: elsewhere, the name could be a part of another one.
        name = rf"(?:(?<=:s3:::)|(?<=s3://)|(?<=\")){re.escape(bucket.name)}(?![a-z0-9.-])"
        words = (*bucket.alias.split("_"), "bucket", "name")
        found.append(Parameter(words, bucket.name, "String", re.compile(name), _BUCKET_KEYS))
    vpc = project.vpc
    if vpc is not None and vpc.id:
        ids: list[tuple[tuple[str, ...], str, str]] = [(("vpc", "id"), vpc.id, "AWS::EC2::VPC::Id")]
        ids += [
            ((f"subnet{number}", "id"), subnet, "AWS::EC2::Subnet::Id")
            for number, subnet in enumerate(vpc.subnets, start=1)
        ]
        ids += [
            (("route", f"table{number}", "id"), table, "String")
            for number, table in enumerate(vpc.route_tables, start=1)
        ]
        ids += [
            (("endpoint", f"{number}", "id"), endpoint, "String")
            for number, endpoint in enumerate(vpc.endpoint_ids, start=1)
        ]
        found += [
            Parameter(words, value, kind, re.compile(rf"{re.escape(value)}(?![0-9a-f])"))
            for words, value, kind in ids
        ]
        keys, kind = ("AvailabilityZone", "availability_zone"), "AWS::EC2::AvailabilityZone::Name"
        found.append(Parameter(("zone", "name"), vpc.availability_zones[0], kind, None, keys))
    if design.created_log_groups(project):
        keys = ("RetentionInDays", "retention_in_days")
        found.append(Parameter(("log", "retention", "days"), design.LOG_DAYS, "Number", None, keys))
    return tuple(found)


def with_parameters(template: dict[str, Any], project: Project) -> dict[str, Any]:
    """Return a CloudFormation template, of the project or of one of its stacks, with parameters."""
    given = parameters(project)
    used: set[str] = set()

    def text(value: str) -> str:
        for parameter in given:
            if parameter.text is not None:
                value, count = parameter.text.subn(f"${{{parameter.logical_id}}}", value)
                used.update([parameter.logical_id] * min(count, 1))
        return value

    def replaced(value: Any, key: str = "") -> Any:
        for parameter in given:
            if key in parameter.keys and value == parameter.default:
                used.add(parameter.logical_id)
                return {"Ref": parameter.logical_id}
        if isinstance(value, str):
            # ``${!`` is a literal ``${`` in Fn::Sub.
            changed = text(value.replace("${", "${!"))
            if reference := re.fullmatch(r"\$\{(\w+)\}", changed):
                return {"Ref": reference[1]}
            return value if changed == value.replace("${", "${!") else {"Fn::Sub": changed}
        if isinstance(value, list):
            return [replaced(item, key) for item in value]
        if not isinstance(value, dict):
            return value
        if set(value) == {"Fn::Sub"}:
            sub = value["Fn::Sub"]
            return {"Fn::Sub": text(sub) if isinstance(sub, str) else [text(sub[0]), sub[1]]}
        return {name: replaced(member, name) for name, member in value.items()}

    resources = {name: replaced(resource) for name, resource in template["Resources"].items()}
    declared = {
        parameter.logical_id: {"Type": parameter.kind, "Default": parameter.default}
        for parameter in given
        if parameter.logical_id in used
    }
    return {**template, **({"Parameters": declared} if declared else {}), "Resources": resources}


def with_variables(configuration: dict[str, Any], project: Project) -> dict[str, Any]:
    """Return a Terraform configuration with variables."""
    given = parameters(project)

    def replaced(value: Any, key: str = "") -> Any:
        for parameter in given:
            if key in parameter.keys and value == parameter.default:
                return f"${{var.{parameter.variable}}}"
        if isinstance(value, str):
            for parameter in given:
                if parameter.text is not None:
                    value = parameter.text.sub(f"${{var.{parameter.variable}}}", value)
            return value
        if isinstance(value, list):
            return [replaced(item) for item in value]
        if isinstance(value, dict):
            return {name: replaced(member, name) for name, member in value.items()}
        return value

    variables = {
        parameter.variable: {
            "type": "number" if parameter.kind == "Number" else "string",
            "default": parameter.default,
        }
        for parameter in given
    }
    return {**configuration, "variable": variables, "resource": replaced(configuration["resource"])}
