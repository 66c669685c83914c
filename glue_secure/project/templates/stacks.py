"""Stacks of a project that is too large for one template: the platform, and one stack for each job.

CloudFormation accepts 1 MiB in S3, and 51,200 bytes in a request.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""

from __future__ import annotations

import re
from typing import Any

from glue_secure.project.model import Project
from glue_secure.project.templates.cloudformation import (
    logical_id,
    require_accepted,
    whole_template,
)

PLATFORM = "platform"
_VARIABLE = re.compile(r"\$\{(?!!)([A-Za-z0-9]+)(\.[A-Za-z0-9]+)?\}")
# Types whose Ref is the name that the template sets.
_NAMES = {
    "AWS::Glue::Connection": ("ConnectionInput", "Name"),
    "AWS::Glue::SecurityConfiguration": ("Name",),
    "AWS::IAM::Role": ("RoleName",),
}


def stacks(project: Project) -> dict[str, dict[str, Any]]:
    """Return templates by the name of their file: ``platform``, to create first, and one for each job.

    The stack of a job has its policy, its log groups, the connections that no other job uses, and the Glue
    job. It imports the keys and the network from the platform, whose stack can be changed or deleted only
    while no job imports what it removes.

    Raises:
        UsageError: As :func:`cloudformation`, or the platform is larger than CloudFormation accepts.
    """
    template = whole_template(project)
    resources = template["Resources"]
    parts: dict[str, dict[str, Any]] = {}
    for job in project.jobs.values():
        name = logical_id(job.name)
        groups = tuple(f"/{project.role(job)}/{stream}" for stream in ("error", "output"))
        own = {
            f"{logical_id(connection)}{kind}"
            for connection in job.connections
            if [connection in other.connections for other in project.jobs.values()].count(True) == 1
            for kind in ("Connection", "Secret", "SecretRotation")
        }
        parts[job.name] = {
            logical: resource
            for logical, resource in resources.items()
            if logical in {f"{name}Access", f"{name}Job", f"{name}Schedule", *own}
            or str(resource["Properties"].get("LogGroupName", "")).endswith(groups)
        }
    moved = {logical for part in parts.values() for logical in part}
    exports: dict[str, Any] = {}
    outputs = dict(template["Outputs"])
    documents = {
        name: _document(
            template,
            f"Job {name} of {project.name}",
            _Importer(project, resources, part, exports),
            {role: outputs.pop(role) for role in (f"{logical_id(name)}RoleArn",)},
        )
        for name, part in parts.items()
    }
    rest = {logical: resource for logical, resource in resources.items() if logical not in moved}
    platform = {**template, "Resources": rest, "Outputs": {**outputs, **exports}}
    for name, document in {PLATFORM: platform, **documents}.items():
        require_accepted(document, f"the template {name}", "divide the project")
    return {PLATFORM: platform, **documents}


class _Importer:
    """Replaces references to resources of another stack."""

    def __init__(
        self, project: Project, resources: dict[str, Any], own: dict[str, Any], exports: dict[str, Any]
    ) -> None:
        self.project, self.resources, self.own, self.exports = project, resources, own, exports

    def value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "Ref" in value:
            return self._reference(value["Ref"], "")
        if "Fn::GetAtt" in value:
            logical, attribute = value["Fn::GetAtt"]
            return self._reference(logical, f".{attribute}")
        if "Fn::Sub" in value:
            return self._text(value["Fn::Sub"])
        return {name: self.value(member) for name, member in value.items()}

    def _text(self, text: str) -> Any:
        variables: dict[str, Any] = {}

        def replace(match: re.Match[str]) -> str:
            logical, attribute = match[1], match[2] or ""
            if logical in self.own:
                return match[0]
            variables[f"{logical}{attribute[1:]}"] = self._reference(logical, attribute)
            return f"${{{logical}{attribute[1:]}}}"

        replaced = _VARIABLE.sub(replace, text)
        return {"Fn::Sub": [replaced, variables] if variables else replaced}

    def _reference(self, logical: str, attribute: str) -> Any:
        if logical in self.own or logical not in self.resources:  # of this stack, or a pseudo parameter
            return {"Fn::GetAtt": [logical, attribute[1:]]} if attribute else {"Ref": logical}
        resource = self.resources[logical]
        if path := _NAMES.get(resource["Type"]):
            name = resource["Properties"]
            for member in path:
                name = name[member]
            if not attribute:
                return name
            role = f"role{resource['Properties'].get('Path', '/')}{name}"
            return {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:{role}"}
        export = f"{self.project.name}-{logical}{attribute.replace('.', '-')}"
        source = {"Fn::GetAtt": [logical, attribute[1:]]} if attribute else {"Ref": logical}
        self.exports[f"Export{logical}{attribute[1:]}"] = {"Value": source, "Export": {"Name": export}}
        return {"Fn::ImportValue": export}


def _document(
    template: dict[str, Any], description: str, importer: _Importer, outputs: dict[str, Any]
) -> dict[str, Any]:
    return {
        "AWSTemplateFormatVersion": template["AWSTemplateFormatVersion"],
        "Description": description,
        "Resources": {
            logical: {**resource, "Properties": importer.value(resource["Properties"])}
            for logical, resource in importer.own.items()
        },
        "Outputs": importer.value(outputs),
    }
