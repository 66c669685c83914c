"""docs/ci.md: the pipelines are valid YAML, their commands exist, and a trust policy admits one pipeline."""

import json
import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml

from glue_secure.cli.app import app

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "ci.md").read_text(encoding="utf-8")
PIPELINES = [yaml.safe_load(text) for text in re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.S | re.M)]
TRUST = [json.loads(text) for text in re.findall(r"^```json\n(.*?)^```$", PAGE, re.S | re.M)]


def texts(value):
    if isinstance(value, dict):
        return [text for member in value.values() for text in texts(member)]
    if isinstance(value, list):
        return [text for member in value for text in texts(member)]
    return [value] if isinstance(value, str) else []


def commands(pipeline):
    """Return the words of each call of glue-secure."""
    calls = re.findall(r"\bglue-secure ((?:deploy|preflight)[^;\n]*)", "\n".join(texts(pipeline)))
    return [shlex.split(call) for call in calls]


@pytest.mark.parametrize("pipeline", PIPELINES, ids=["github", "gitlab", "codebuild"])
def test_a_pipeline_deploys_finds_drift_and_checks_with_commands_that_exist(pipeline):
    calls = commands(pipeline)
    assert {(words[0], *(word for word in words if word in ("--yes", "--plan"))) for words in calls} == {
        ("deploy", "--yes"), ("deploy", "--plan"), ("preflight",)
    }  # fmt: skip
    group = typer.main.get_command(app)
    for name, *words in calls:
        command = group.commands[name]
        command.make_context(name, words)  # raises for an unknown option


def test_the_schedule_finds_drift_and_does_not_deploy():
    github, gitlab, codebuild = PIPELINES
    steps = github["jobs"]["deploy"]["steps"]
    (deploys,) = [step for step in steps if "--yes" in step.get("run", "")]
    assert deploys["if"] == "github.event_name == 'push'"
    assert github[True]["schedule"]  # YAML 1.1 reads the key "on" as true
    assert [line for line in gitlab["drift"]["script"] if "--yes" in line] == []
    case = next(text for text in texts(codebuild) if "--yes" in text)
    assert re.search(r"rule/\*\) ;;\n", case)


def test_a_pipeline_has_no_access_key_and_an_identity_token():
    for pipeline in PIPELINES:
        assert not re.search(r"AKIA|SECRET_ACCESS_KEY|secrets\.", json.dumps(texts(pipeline)))
    assert PIPELINES[0]["permissions"]["id-token"] == "write"
    assert PIPELINES[1]["default"]["id_tokens"]["AWS_TOKEN"]["aud"] == "https://gitlab.com"


@pytest.mark.parametrize("document", TRUST, ids=["github", "gitlab"])
def test_a_trust_policy_admits_one_audience_and_one_subject(document):
    (statement,) = document["Statement"]
    provider = statement["Principal"]["Federated"].partition("oidc-provider/")[2]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    conditions = statement["Condition"]["StringEquals"]
    assert set(conditions) == {f"{provider}:aud", f"{provider}:sub"}
    assert "*" not in json.dumps(conditions)
    assert "acme/orders" in conditions[f"{provider}:sub"]
