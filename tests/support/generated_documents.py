"""The policy documents of both templates, with references resolved to the same literal names.

A document is named by the alias of its key, ``bucket NAME``, ``role NAME``, ``trust NAME``, ``deployer`` or
``operator``. The last two may have several parts.
"""

import json
import re

from glue_secure.core.policy_documents import (
    ANY_PRINCIPAL,
    Policy,
    PolicyCondition,
    PolicyDecision,
    Principal,
    Request,
    Statement,
    evaluate,
)
from glue_secure.project.templates import cloudformation, terraform

ACCOUNT, REGION, PARTITION = "111122223333", "eu-west-1", "aws"
_PSEUDO = {"AccountId": ACCOUNT, "Region": REGION, "Partition": PARTITION, "URLSuffix": "amazonaws.com"}


def arn(service, resource, account=ACCOUNT):
    return f"arn:{PARTITION}:{service}:{REGION}:{account}:{resource}"


def role(name, account=ACCOUNT):
    return f"arn:{PARTITION}:iam::{account}:role/{name}"


def secret(name):
    return arn("secretsmanager", f"secret:{name}-AbCdEf")


def as_policy(document):
    def many(value):
        return tuple(value) if isinstance(value, list) else (value,)

    def principal(value):
        if value is None:
            return None
        if value == "*":
            return ANY_PRINCIPAL
        ((kind, names),) = value.items()
        return Principal(kind, many(names))

    return Policy(
        tuple(
            Statement(
                item["Sid"],
                item["Effect"],
                many(item["Action"]),
                many(item.get("Resource", [])),
                principal(item.get("Principal")),
                tuple(
                    PolicyCondition(operator, name, many(values))
                    for operator, block in item.get("Condition", {}).items()
                    for name, values in block.items()
                ),
            )
            for item in document["Statement"]
        )
    )


def of_cloudformation(template):
    """Return the documents of a CloudFormation template by name."""
    resources = template["Resources"]
    aliases = {
        resource["Properties"]["TargetKeyId"]["Ref"]: resource["Properties"]["AliasName"].partition("/")[2]
        for resource in resources.values()
        if resource["Type"] == "AWS::KMS::Alias"
    }

    def word(name):
        logical, _, _attribute = name.partition(".")
        if name.startswith("AWS::"):
            return _PSEUDO[name.removeprefix("AWS::")]
        properties = resources[logical].get("Properties", {})
        return {
            "AWS::KMS::Key": lambda: arn("kms", f"key/{aliases[logical]}"),
            "AWS::IAM::Role": lambda: role(properties.get("Path", "/")[1:] + properties["RoleName"]),
            "AWS::SecretsManager::Secret": lambda: secret(properties["Name"]),
            "AWS::S3::Bucket": lambda: "access-logs",
            "AWS::SNS::Topic": lambda: arn("sns", properties["TopicName"]),
            "AWS::EC2::VPC": lambda: "vpc-jobs",
            "AWS::EC2::Subnet": lambda: f"subnet-{int(logical.removeprefix('Subnet')) - 1}",
            "AWS::EC2::SecurityGroup": lambda: "sg-jobs",
            "AWS::EC2::VPCEndpoint": lambda: f"vpce-{logical.removesuffix('Endpoint').lower()}",
        }[resources[logical]["Type"]]()

    def literal(value):
        if isinstance(value, list):
            return [literal(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "Ref" in value:
            return word(value["Ref"])
        if "Fn::GetAtt" in value:
            return word(".".join(value["Fn::GetAtt"]))
        if "Fn::Sub" in value:
            return re.sub(r"\$\{([^}]+)\}", lambda match: word(match[1]), value["Fn::Sub"])
        return {name: literal(member) for name, member in value.items()}

    documents = {}
    for logical, resource in resources.items():
        kind, properties = resource["Type"], resource["Properties"]
        if kind == "AWS::KMS::Key":
            documents[aliases[logical]] = [properties["KeyPolicy"]]
        elif kind == "AWS::S3::BucketPolicy":
            bucket = resources[properties["Bucket"]["Ref"]]["Properties"].get("BucketName", "access-logs")
            documents[f"bucket {bucket}"] = [properties["PolicyDocument"]]
        elif kind == "AWS::SNS::TopicPolicy":
            topic = resources[properties["Topics"][0]["Ref"]]["Properties"]["TopicName"]
            documents[f"topic {topic}"] = [properties["PolicyDocument"]]
        elif kind == "AWS::IAM::Policy":
            name = resources[properties["Roles"][0]["Ref"]]["Properties"].get("RoleName", "flow-logs")
            documents[f"role {name}"] = [properties["PolicyDocument"]]
        elif kind == "AWS::IAM::Role":
            documents[f"trust {properties.get('RoleName', 'flow-logs')}"] = [
                properties["AssumeRolePolicyDocument"]
            ]
        elif kind == "AWS::IAM::ManagedPolicy":
            name = re.sub(r"Policy\d*$", "", logical).lower()
            documents.setdefault(name, []).append(properties["PolicyDocument"])
    return {name: [literal(part) for part in parts] for name, parts in documents.items()}


def of_terraform(configuration):
    """Return the documents of a Terraform configuration by name."""
    resources = configuration["resource"]

    def word(match):
        kind, label, *attribute = match[1].split(".")
        if kind == "data":
            name = attribute[-1]
            return {"account_id": ACCOUNT, "region": REGION, "partition": PARTITION}.get(
                name, "amazonaws.com"
            )
        properties = resources[kind][label]
        return {
            "aws_kms_key": lambda: arn("kms", f"key/{resources['aws_kms_alias'][label]['name'][6:]}"),
            "aws_iam_role": lambda: role(properties.get("path", "/")[1:] + properties["name"]),
            "aws_secretsmanager_secret": lambda: secret(properties["name"]),
            "aws_sns_topic": lambda: arn("sns", properties["name"]),
            "aws_s3_bucket": lambda: properties.get("bucket", "access-logs"),
            "aws_vpc": lambda: "vpc-jobs",
            "aws_subnet": lambda: f"subnet-{label[1:]}",
            "aws_security_group": lambda: "sg-jobs",
            "aws_vpc_endpoint": lambda: f"vpce-{label}",
        }[kind]()

    def literal(text):
        return json.loads(re.sub(r"\$\{([^}]+)\}", word, text))

    documents = {}
    for label, properties in resources.get("aws_kms_key", {}).items():
        name = resources["aws_kms_alias"][label]["name"].partition("/")[2]
        documents[name] = [literal(properties["policy"])]
    for properties in resources["aws_s3_bucket_policy"].values():
        bucket = re.sub(r"\$\{([^}]+)\}", word, properties["bucket"])
        documents[f"bucket {bucket}"] = [literal(properties["policy"])]
    for label, properties in resources.get("aws_sns_topic_policy", {}).items():
        topic = resources["aws_sns_topic"][label]["name"]
        documents[f"topic {topic}"] = [literal(properties["policy"])]
    for label, properties in resources.get("aws_iam_role", {}).items():
        name = properties.get("name", "flow-logs")
        documents[f"trust {name}"] = [literal(properties["assume_role_policy"])]
        documents[f"role {name}"] = [literal(resources["aws_iam_role_policy"][label]["policy"])]
    for label, properties in resources["aws_iam_policy"].items():
        documents.setdefault(label.rstrip("0123456789"), []).append(literal(properties["policy"]))
    return documents


class GeneratedAccess:
    """Decides calls in an account that has the documents of one template.

    A key without a document delegates to IAM.

    Args:
        documents: of ``of_cloudformation`` or ``of_terraform``.
    """

    def __init__(self, documents):
        self.policies = {name: [as_policy(part) for part in parts] for name, parts in documents.items()}

    def allows(self, caller, identity, action, resource, context):
        """Return whether AWS would allow a call.

        A key policy that names the caller allows by itself; one that names the account, only together with an
        identity policy. Elsewhere, either policy is enough within the account.

        Args:
            caller: ARN of the principal, or the name of a service.
            identity: the caller's policies: names of documents, or ``*`` for an administrator.
            action: of the call.
            resource: ARN of the resource.
            context: condition key → its values.
        """
        own = ANYTHING if identity == "*" else [part for name in identity for part in self.policies[name]]
        always = {"aws:SecureTransport": ("true",), "aws:PrincipalArn": (caller,)}
        request = Request(action, resource, caller, {**always, **context})
        by_identity = evaluate(own, request)
        resource_policies = self._resource_policies(resource)
        by_resource = evaluate(resource_policies, request)
        if PolicyDecision.DENIED in (by_identity, by_resource):
            return False
        allowed = by_identity is PolicyDecision.ALLOWED
        named = evaluate(list(map(_without_account, resource_policies)), request) is PolicyDecision.ALLOWED
        local = f"::{ACCOUNT}:" in caller
        if resource.startswith("arn:aws:kms:"):
            return named or (by_resource is PolicyDecision.ALLOWED and allowed and local)
        return named or (allowed and local)

    def _resource_policies(self, resource):
        if resource.startswith("arn:aws:kms:"):
            return self.policies.get(resource.partition("key/")[2], [DELEGATION])
        if resource.startswith("arn:aws:sns:"):
            return self.policies.get(f"topic {resource.rpartition(':')[2]}", [])
        bucket = resource.removeprefix("arn:aws:s3:::").partition("/")[0]
        return self.policies.get(f"bucket {bucket}", [])


DELEGATION = Policy(
    (Statement("Delegate", "Allow", ("kms:*",), ("*",), Principal("AWS", (f"arn:aws:iam::{ACCOUNT}:root",))),)
)
ANYTHING = [Policy((Statement("Everything", "Allow", ("*",), ("*",)),))]


def _without_account(policy):
    """Return a resource policy whose Allow statements name no account."""

    def names_it(statement):
        return statement.principal is not None and any(
            name.endswith(":root") for name in statement.principal.names
        )

    statements = [
        statement if not (statement.effect == "Allow" and names_it(statement)) else _replace_names(statement)
        for statement in policy.statements
    ]
    return Policy(tuple(statements))


def _replace_names(statement):
    names = tuple(name for name in statement.principal.names if not name.endswith(":root"))
    return Statement(
        statement.sid,
        statement.effect,
        statement.actions,
        statement.resources,
        Principal(statement.principal.kind, names),
        statement.conditions,
    )


def both(project):
    """Return the documents of both templates of a project."""
    return {
        "cloudformation": of_cloudformation(cloudformation(project)),
        "terraform": of_terraform(terraform(project)),
    }
