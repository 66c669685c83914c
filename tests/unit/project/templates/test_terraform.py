"""Terraform configurations: held against the provider's schema, and against the CloudFormation template.

``terraform validate`` needs the provider's binary, which no package registry has; the schema stands in.
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

from glue_secure.core.errors import UsageError
from glue_secure.project.templates import cloudformation, terraform

SCHEMA = Path(__file__).parents[3] / "vectors" / "terraform" / "aws-6.69.1.json"
META = {"lifecycle", "depends_on"}


@pytest.fixture(scope="module")
def made(projects):
    return {name: terraform(project) for name, project in projects.items()}


@pytest.fixture(scope="module")
def schema():
    return json.loads(SCHEMA.read_text())


def faults(given, block, where):
    """What the schema does not know, and what it misses."""
    known, required = block["arguments"], block["required"]
    found = [f"{where}.{name}: unknown" for name in given if name not in known and name not in META]
    found += [f"{where}.{name}: missing" for name in required if name not in given]
    for name, nested in block["blocks"].items():
        for one in given.get(name, ()):
            found += faults(one, nested, f"{where}.{name}")
    return found


def test_every_resource_has_the_arguments_of_the_providers_schema(made, schema, name):
    found = []
    for kind, resources in made[name]["resource"].items():
        for label, given in resources.items():
            found += faults(given, schema[kind], f"{kind}.{label}")
    assert found == []


def test_the_provider_still_has_no_encryption_of_data_quality(schema):
    """As in CloudFormation: the day it has, the template has to say it."""
    modes = schema["aws_glue_security_configuration"]["blocks"]["encryption_configuration"]["arguments"]
    assert modes == ["cloudwatch_encryption", "job_bookmarks_encryption", "s3_encryption"]


def test_the_schema_notices_a_wrong_argument(schema):
    given = {"name": "x", "role": "y", "command": [{"script": "s3://x"}]}
    assert faults(given, schema["aws_glue_job"], "job") == [
        "job.role: unknown",
        "job.role_arn: missing",
        "job.command.script: unknown",
        "job.command.script_location: missing",
    ]


def test_every_reference_leads_to_something_that_is_made(made, name):
    document = made[name]
    there = {f"{kind}.{label}" for kind, some in document["resource"].items() for label in some}
    there |= {f"data.{kind}.{label}" for kind, some in document["data"].items() for label in some}
    named = set()
    for path in re.findall(r"\$\{([^}]+)\}", json.dumps(document)):
        parts = path.split(".")
        named.add(".".join(parts[:3] if parts[0] == "data" else parts[:2]))
    assert named <= there
    assert {"data.aws_region.current", "aws_kms_key.data"} <= named


def policies_in(value):
    """Every policy document in a template, whatever its place: the shape of its statements."""
    if isinstance(value, str) and value.startswith("{") and '"Statement"' in value:
        value = json.loads(value)
    if isinstance(value, dict) and "Statement" in value:
        yield tuple(
            (one["Sid"], one["Effect"], tuple(one["Action"]), tuple(sorted(one.get("Condition", ()))))
            for one in value["Statement"]
        )
    elif isinstance(value, dict):
        for one in value.values():
            yield from policies_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from policies_in(one)


def test_both_templates_have_the_same_policies(projects, made, name):
    """Names and order differ, statements do not."""
    stack = sorted(policies_in(cloudformation(projects[name])))
    assert stack == sorted(policies_in(made[name]))
    assert len(stack) >= 9


def test_both_templates_say_the_same_of_jobs(projects, made):
    stack = cloudformation(projects["whole"])["Resources"]
    job = stack["OrdersDailyJob"]["Properties"]
    twin = made["whole"]["resource"]["aws_glue_job"]["orders_daily"]
    assert twin["non_overridable_arguments"] == job["NonOverridableArguments"]
    assert twin["default_arguments"] == job["DefaultArguments"]
    assert twin["security_configuration"] == "${aws_glue_security_configuration.strict.name}"


def test_both_templates_make_the_same_endpoints_and_encrypt_buckets_alike(projects, made, name):
    resources = made[name]["resource"]
    endpoints = resources.get("aws_vpc_endpoint", {})
    stack = cloudformation(projects[name])["Resources"].values()
    assert len(endpoints) == sum(one["Type"] == "AWS::EC2::VPCEndpoint" for one in stack)
    assert {one["vpc_endpoint_type"] for label, one in endpoints.items() if label == "s3"} <= {"Gateway"}
    for label, one in resources["aws_s3_bucket_server_side_encryption_configuration"].items():
        (rule,) = one["rule"]
        (default,) = rule["apply_server_side_encryption_by_default"]
        if label == "access-logs":
            assert default == {"sse_algorithm": "AES256"}
        else:
            assert rule["bucket_key_enabled"] is True
            assert default == {"sse_algorithm": "aws:kms", "kms_master_key_id": "${aws_kms_key.data.arn}"}
    for one in resources["aws_s3_bucket_public_access_block"].values():
        assert [value for key, value in one.items() if key != "bucket"] == [True] * 4


def test_no_secret_value_gets_into_terraforms_state(made):
    assert "aws_secretsmanager_secret_version" not in made["whole"]["resource"]
    assert "PASSWORD" not in json.dumps(made["whole"])


def test_a_name_twice_is_refused(whole):
    connection = replace(whole.connections["orders-db"], name="orders-network")
    with pytest.raises(UsageError, match="orders-network"):
        terraform(replace(whole, connections={**whole.connections, "orders-network": connection}))


def schema_of(package: zipfile.ZipFile, kind: str):
    """Arguments, required ones and nested blocks of a resource type, from its generated class."""
    module = kind.removeprefix("aws_")
    name = next(
        one
        for one in (
            f"cdktn_provider_aws/{module}/__init__.py",
            f"cdktn_provider_aws/{module}_resource/__init__.py",
        )
        if one in package.namelist()
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # escapes in its documentation strings
        tree = ast.parse(package.read(name).decode())
    classes = {one.name: one for one in tree.body if isinstance(one, ast.ClassDef)}

    root = next(
        name for name, one in classes.items() if "TerraformResource" in "".join(map(ast.unparse, one.bases))
    )

    def block(class_name):
        (init,) = [
            one
            for one in classes[class_name].body
            if isinstance(one, ast.FunctionDef) and one.name == "__init__"
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
def test_the_schema_is_what_the_package_says(schema, tmp_path):
    words = ["--no-deps", "--quiet", "--dest", tmp_path, "cdktn-provider-aws==25.8.1"]
    subprocess.run([sys.executable, "-m", "pip", "download", *words], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as package:
        assert {kind: schema_of(package, kind) for kind in schema} == schema
