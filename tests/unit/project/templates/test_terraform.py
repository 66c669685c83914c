"""Terraform configurations, compared with the provider's schema and with the CloudFormation template.

``terraform validate`` needs the provider's binary, which no package registry has; the schema replaces it.
"""

import ast
import json
import re
import subprocess
import sys
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from glue_secure.project.templates import cloudformation, terraform

SCHEMA = Path(__file__).parents[3] / "vectors" / "terraform" / "aws-6.69.1.json"
META = {"lifecycle", "depends_on"}


@pytest.fixture(scope="module")
def configurations(projects):
    return {name: terraform(project) for name, project in projects.items()}


@pytest.fixture(scope="module")
def schema():
    return json.loads(SCHEMA.read_text())


def schema_errors(arguments, block, location):
    """Return unknown and missing arguments of a resource or a nested block."""
    known, required = block["arguments"], block["required"]
    errors = [f"{location}.{name}: unknown" for name in arguments if name not in known and name not in META]
    errors += [f"{location}.{name}: missing" for name in required if name not in arguments]
    for name, nested in block["blocks"].items():
        for member in arguments.get(name, ()):
            errors += schema_errors(member, nested, f"{location}.{name}")
    return errors


def test_every_resource_matches_the_providers_schema(configurations, schema, name):
    errors = []
    for kind, resources in configurations[name]["resource"].items():
        for label, arguments in resources.items():
            errors += schema_errors(arguments, schema[kind], f"{kind}.{label}")
    assert errors == []


def test_the_provider_still_has_no_encryption_of_data_quality(schema):
    """When the provider supports it, this test fails, and the template must set it."""
    modes = schema["aws_glue_security_configuration"]["blocks"]["encryption_configuration"]["arguments"]
    assert modes == ["cloudwatch_encryption", "job_bookmarks_encryption", "s3_encryption"]


def test_the_schema_notices_a_wrong_argument(schema):
    arguments = {"name": "x", "role": "y", "command": [{"script": "s3://x"}]}
    assert schema_errors(arguments, schema["aws_glue_job"], "job") == [
        "job.role: unknown",
        "job.role_arn: missing",
        "job.command.script: unknown",
        "job.command.script_location: missing",
    ]


def test_every_reference_has_a_target(configurations, name):
    document = configurations[name]
    targets = {f"{kind}.{label}" for kind, labels in document["resource"].items() for label in labels}
    targets |= {f"data.{kind}.{label}" for kind, labels in document["data"].items() for label in labels}
    references = set()
    for path in re.findall(r"(?<!\$)\$\{([^}]+)\}", json.dumps(document)):
        parts = path.partition(" ")[0].split(".")
        references.add(".".join(parts[:3] if parts[0] == "data" else parts[:2]))
    assert references <= targets
    assert {"data.aws_region.current", "aws_s3_bucket.access-logs"} <= references


def test_both_templates_define_the_same_job(projects, configurations):
    stack = cloudformation(projects["whole"])["Resources"]
    job = stack["OrdersDailyJob"]["Properties"]
    terraform_job = configurations["whole"]["resource"]["aws_glue_job"]["orders_daily"]
    assert terraform_job["non_overridable_arguments"] == job["NonOverridableArguments"]
    given = {name: resolved(value) for name, value in job["DefaultArguments"].items()}
    assert terraform_job["default_arguments"] == given
    assert terraform_job["security_configuration"] == "${aws_glue_security_configuration.strict.name}"


def resolved(value):
    """Return a value of CloudFormation with Terraform's reference to the region."""
    text = value["Fn::Sub"] if isinstance(value, dict) else value
    return text.replace("${AWS::Region}", "${data.aws_region.current.region}")


def test_references_in_arguments_and_urls_stay_literal(projects, configurations):
    job = configurations["full"]["resource"]["aws_glue_job"]["report"]
    assert job["default_arguments"]["--text"] == "$${x} %%{y}"
    assert "${data.aws_region.current.region}" in job["default_arguments"]["--conf"]
    whole = projects["whole"]
    connection = replace(whole.connections["orders-db"], url="jdbc:sqlserver://h:1433;databaseName={${x}}")
    project = replace(whole, connections={"orders-db": connection})
    properties = terraform(project)["resource"]["aws_glue_connection"]["orders-db"]["connection_properties"]
    assert properties["JDBC_CONNECTION_URL"].endswith("{$${x}}")
    stack = cloudformation(project)["Resources"]["OrdersDbConnection"]["Properties"]["ConnectionInput"]
    assert stack["ConnectionProperties"]["JDBC_CONNECTION_URL"] == connection.url


def test_both_templates_have_the_same_endpoints_and_bucket_encryption(projects, configurations, name):
    resources = configurations[name]["resource"]
    endpoints = resources.get("aws_vpc_endpoint", {})
    stack = cloudformation(projects[name])["Resources"].values()
    assert len(endpoints) == sum(resource["Type"] == "AWS::EC2::VPCEndpoint" for resource in stack)
    gateways = {label for label, endpoint in endpoints.items() if endpoint["vpc_endpoint_type"] == "Gateway"}
    assert gateways == {"s3", "dynamodb"} & set(endpoints)
    for label, encryption in resources["aws_s3_bucket_server_side_encryption_configuration"].items():
        (rule,) = encryption["rule"]
        (default,) = rule["apply_server_side_encryption_by_default"]
        if label == "access-logs":
            assert default == {"sse_algorithm": "AES256"}
        elif label not in ("central", "open") and name != "reused":
            assert rule["bucket_key_enabled"] is True
            assert default == {"sse_algorithm": "aws:kms", "kms_master_key_id": "${aws_kms_key.data.arn}"}
    lifecycles = resources["aws_s3_bucket_lifecycle_configuration"]
    assert set(lifecycles) == set(resources["aws_s3_bucket"])
    for lifecycle in lifecycles.values():
        assert lifecycle["rule"][0]["abort_incomplete_multipart_upload"] == [{"days_after_initiation": 7}]
    for block in resources["aws_s3_bucket_public_access_block"].values():
        assert [value for key, value in block.items() if key != "bucket"] == [True] * 4


def test_a_new_zone_of_the_region_moves_no_subnet(configurations):
    for subnet in configurations["alone"]["resource"]["aws_subnet"].values():
        assert subnet["lifecycle"] == {"ignore_changes": ["availability_zone"]}
    for subnet in configurations["full"]["resource"]["aws_subnet"].values():
        assert subnet["availability_zone"].startswith("eu-west-1")


def test_terraforms_state_contains_no_secret_value(configurations):
    assert "aws_secretsmanager_secret_version" not in configurations["whole"]["resource"]
    assert "PASSWORD" not in json.dumps(configurations["whole"])


def schema_of(package: zipfile.ZipFile, kind: str):
    """Return arguments, required arguments and nested blocks of a resource type, from its generated class."""
    module = kind.removeprefix("aws_")
    name = next(
        path
        for path in (
            f"cdktn_provider_aws/{module}/__init__.py",
            f"cdktn_provider_aws/{module}_resource/__init__.py",
        )
        if path in package.namelist()
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # escapes in its documentation strings
        tree = ast.parse(package.read(name).decode())
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}

    root = next(
        name for name, node in classes.items() if "TerraformResource" in "".join(map(ast.unparse, node.bases))
    )

    def block(class_name):
        (init,) = [
            node
            for node in classes[class_name].body
            if isinstance(node, ast.FunctionDef) and node.name == "__init__"
        ]
        names = [argument.arg for argument in init.args.kwonlyargs]
        needed = [name for name, default in zip(names, init.args.kw_defaults, strict=True) if default is None]
        nested = {}
        for argument in init.args.kwonlyargs:
            inner = re.findall(r"'(\w+)'", ast.unparse(argument.annotation))
            if inner and inner[0] in classes:
                nested[argument.arg] = block(inner[0])
        return {"arguments": sorted(names), "required": sorted(needed), "blocks": nested}

    return block(root)


@pytest.mark.long
def test_the_schema_is_that_of_the_published_package(schema, tmp_path):
    words = ["--no-deps", "--quiet", "--dest", tmp_path, "cdktn-provider-aws==25.8.1"]
    subprocess.run([sys.executable, "-m", "pip", "download", *words], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as package:
        assert {kind: schema_of(package, kind) for kind in schema} == schema
