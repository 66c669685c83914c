"""Parameters and variables: with their defaults, the documents are those without parameters."""

import json
import re

import pytest

from glue_secure.project.templates import cloudformation, stacks, terraform, with_parameters, with_variables
from glue_secure.project.templates.parameters import parameters


def substituted(value, values, known):
    """Return a template in which parameters have the values; ``known`` are the other names of Fn::Sub."""
    if isinstance(value, list):
        return [substituted(item, values, known) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"} and value["Ref"] in values:
        return values[value["Ref"]]
    if set(value) == {"Fn::Sub"} and isinstance(value["Fn::Sub"], str):
        text = re.sub(r"\$\{(\w+)\}", lambda match: str(values.get(match[1], match[0])), value["Fn::Sub"])
        is_plain = not re.search(r"\$\{(?!!)", text)
        return text.replace("${!", "${") if is_plain else {"Fn::Sub": text}
    return {name: substituted(member, values, known) for name, member in value.items()}


def test_a_template_with_the_defaults_is_the_template_without_parameters(projects, name):
    template = cloudformation(projects[name])
    made = with_parameters(template, projects[name])
    values = {parameter: given["Default"] for parameter, given in made["Parameters"].items()}
    assert substituted(made["Resources"], values, set()) == template["Resources"]
    assert set(values) == {parameter.logical_id for parameter in parameters(projects[name])}
    assert not set(values) & set(template["Resources"])


def test_every_name_of_a_bucket_follows_its_parameter(projects):
    made = with_parameters(cloudformation(projects["full"]), projects["full"])
    values = {**{p: given["Default"] for p, given in made["Parameters"].items()}, "RawBucketName": "prod-raw"}
    text = json.dumps(substituted(made["Resources"], values, set()))
    assert "acme-lake-raw" not in text
    assert "arn:${AWS::Partition}:s3:::prod-raw/*" in text
    curated = "arn:${AWS::Partition}:s3:::acme-lake-curated/*"
    assert curated in text


def test_the_names_of_buckets_in_patterns_of_events_follow_their_variables(projects):
    made = with_variables(terraform(projects["full"]), projects["full"])["resource"]
    pattern = json.loads(made["aws_cloudwatch_event_rule"]["bucket-changes"]["event_pattern"])
    names = pattern["detail"]["requestParameters"]["bucketName"]
    assert len(names) >= 5 and all(name.startswith("${var.") for name in names)


def test_stacks_declare_the_parameters_that_they_use(projects):
    for name, template in stacks(projects["full"]).items():
        made = with_parameters(template, projects["full"])
        text = json.dumps(made["Resources"])
        for parameter in made.get("Parameters", {}):
            assert f'"Ref": "{parameter}"' in text or f"${{{parameter}}}" in text, name
        declared = {**made.get("Parameters", {}), **made["Resources"]}
        for reference in re.findall(r'"Ref": "(\w+)"', text):
            assert reference in declared, name


def test_a_configuration_with_the_defaults_is_the_configuration_without_variables(projects, name):
    configuration = terraform(projects[name])
    made = with_variables(configuration, projects[name])
    text = json.dumps(made["resource"])
    for variable, given in made["variable"].items():
        value = given["default"] if given["type"] == "string" else f"{given['default']}"
        assert f"${{var.{variable}}}" in text
        number = f'"${{var.{variable}}}"'
        text = text.replace(number, value) if given["type"] == "number" else text
        text = text.replace(f"${{var.{variable}}}", value)
    assert json.loads(text) == configuration["resource"]
    assert "provider" not in made
    assert made["terraform"]["required_providers"]["aws"]["version"] == "~> 6.0"


@pytest.mark.parametrize("kind", ["cloudformation", "terraform"])
def test_ids_of_an_existing_vpc_are_parameters(projects, kind):
    project = projects["joined"]
    ids = {"vpc-0123456789abcdef0", "subnet-0123456789abcdef0", "rtb-0123456789abcdef0", "eu-west-1a"}
    if kind == "cloudformation":
        made = with_parameters(cloudformation(project), project)
        defaults = {given["Default"] for given in made["Parameters"].values()}
        assert made["Resources"]["JobSecurityGroup"]["Properties"]["VpcId"] == {"Ref": "VpcId"}
    else:
        made = with_variables(terraform(project), project)
        defaults = {given["default"] for given in made["variable"].values()}
        assert made["resource"]["aws_security_group"]["jobs"]["vpc_id"] == "${var.vpc_id}"
    assert ids <= defaults
    assert not [value for value in ids if value in json.dumps(made.get("Resources") or made["resource"])]
