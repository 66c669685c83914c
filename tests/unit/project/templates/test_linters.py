"""Linters and tools that need an environment of their own, because they install much: long tests."""

import json
import os
import platform
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from generated_documents import of_cloudformation

from glue_secure.project.templates import cloudformation, terraform, with_variables

PINS = Path(__file__).parents[3] / "constraints-linters.txt"
CHECKOV_PINS = Path(__file__).parents[3] / "constraints-checkov.txt"
pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]


def environment(variable, folder, pins, *packages):
    """Return the folder of programs of an environment with packages; ``variable`` names an existing one."""
    if given := os.environ.get(variable):
        return Path(given)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [folder / "bin/python", "-m", "pip", "install", "--quiet", "-c", pins, *packages]
    subprocess.run(pip, check=True)
    return folder / "bin"


@pytest.fixture(scope="module")
def linters(tmp_path_factory):
    packages = ("policy-sentry", "cloudsplaining", "aws-cdk-lib", "cdklabs-cdk-validator-cfnguard")
    return environment("LINTERS", tmp_path_factory.mktemp("linters"), PINS, *packages)


@pytest.fixture(scope="module")
def checkov(tmp_path_factory):
    return environment("CHECKOV", tmp_path_factory.mktemp("checkov"), CHECKOV_PINS, "checkov") / "checkov"


@pytest.fixture(scope="module")
def templates(projects):
    return {name: cloudformation(project) for name, project in projects.items()}


@pytest.fixture(scope="module")
def files(templates, tmp_path_factory):
    folder = tmp_path_factory.mktemp("templates")
    for name, template in templates.items():
        (folder / f"{name}.json").write_text(json.dumps(template, indent=2))
    return sorted(folder.iterdir())


def run(program, words, **options):
    return subprocess.run([program, *words], capture_output=True, text=True, **options)


def checkov_failures(checkov, words):
    """Return check and resource of each finding of Checkov."""
    done = run(checkov, [*words, "--skip-download", "-o", "json"])
    document = json.loads(done.stdout)
    assert (document["summary"]["skipped"], document["summary"]["parsing_errors"]) == (0, 0)
    assert document["summary"]["passed"] > 30
    return {(check["check_id"], check["resource"]) for check in document["results"]["failed_checks"]}


def test_checkov_has_no_findings_for_cloudformation(checkov, files):
    for file in files:
        found = checkov_failures(checkov, ["-f", file, "--framework", "cloudformation"])
        assert found == set(), file.name


# docs/templates.md explains each of these findings.
CHECKOV_FALSE_ALARMS = {
    "CKV2_AWS_57", "CKV2_AWS_62", "CKV_AWS_24", "CKV_AWS_25", "CKV_AWS_144", "CKV_AWS_145", "CKV_AWS_260",
    "CKV_AWS_394",
}  # fmt: skip
UNENCRYPTED_BY_KMS = {"aws_s3_bucket.access-logs", "aws_s3_bucket.open"}


def test_checkov_has_only_known_false_alarms_for_terraform(checkov, projects, tmp_path):
    for name, project in projects.items():
        (tmp_path / name).mkdir()
        configuration = (
            with_variables(terraform(project), project) if name == "joined" else terraform(project)
        )
        (tmp_path / name / "main.tf.json").write_text(json.dumps(configuration, indent=2))
    found = checkov_failures(checkov, ["-d", tmp_path, "--framework", "terraform_json"])
    assert {check for check, _ in found} == CHECKOV_FALSE_ALARMS
    assert {resource for check, resource in found if check == "CKV_AWS_145"} == UNENCRYPTED_BY_KMS


POLICY_LINTERS = """
import json, sys
from cloudsplaining.scan.policy_document import PolicyDocument
from policy_sentry.querying.actions import get_action_data
from policy_sentry.querying.all import get_all_actions

findings = []
known = {action.lower() for action in get_all_actions()}
assert "glue:getjob" in known and "glue:getjobs2" not in known
for name, document in json.load(sys.stdin):
    for statement in document["Statement"]:
        for action in statement["Action"]:
            service, _, operation = action.partition(":")
            if "*" in action:
                continue
            if action.lower() not in known:
                findings.append([name, action, "unknown action"])
                continue
            resources = {row["resource_arn_format"] for row in get_action_data(service, operation)[service]}
            if name.startswith("key "):
                continue
            if statement["Resource"] == ["*"] and resources - {"*"} and statement["Effect"] == "Allow":
                findings.append([name, action, "could name a resource"])
            if "*" not in statement["Resource"] and resources == {"*"}:
                findings.append([name, action, "supports no resource"])
    if name.startswith("identity "):
        checked = PolicyDocument(document)
        for risk in (
            "allows_privilege_escalation", "allows_data_exfiltration_actions", "credentials_exposure",
            "infrastructure_modification", "permissions_management_without_constraints", "service_wildcard",
        ):
            findings += [[name, str(found), risk] for found in getattr(checked, risk)]
print(json.dumps(findings))
"""


def test_policy_sentry_and_cloudsplaining_have_no_findings(linters, templates):
    named = []
    for template in templates.values():
        for label, parts in of_cloudformation(template).items():
            is_identity = label.startswith("role ") or label in ("deployer", "operator")
            kind = "identity" if is_identity else "key" if label.partition(" ")[0] != "bucket" else "resource"
            named += [(f"{kind} {label}", part) for part in parts if not label.startswith("trust ")]
    assert len(named) > 80
    done = run(linters / "python", ["-c", POLICY_LINTERS], input=json.dumps(named))
    assert json.loads(done.stdout) == [], done.stderr
    wide = {"Sid": "Wide", "Effect": "Allow", "Action": ["s3:GetObject", "iam:PassRole"], "Resource": ["*"]}
    done = run(
        linters / "python", ["-c", POLICY_LINTERS], input=json.dumps([("identity x", {"Statement": [wide]})])
    )
    assert {finding[2] for finding in json.loads(done.stdout)} >= {
        "could name a resource", "allows_data_exfiltration_actions"
    }  # fmt: skip


CDK_APP = """
import sys
from aws_cdk import App, DefaultStackSynthesizer, Stack
from aws_cdk.cloudformation_include import CfnInclude

app = App(outdir=sys.argv[2])
stack = Stack(app, "Orders", synthesizer=DefaultStackSynthesizer(generate_bootstrap_version_rule=False))
CfnInclude(stack, "Template", template_file=sys.argv[1])
app.synth()
"""


def test_cdk_includes_the_template_without_changes(linters, templates, files, tmp_path):
    file = next(file for file in files if file.stem == "full")
    done = run(linters / "python", ["-c", CDK_APP, file, tmp_path / "out"])
    assert done.returncode == 0, done.stderr[-2000:]
    synthesized = json.loads((tmp_path / "out" / "Orders.template.json").read_text())
    assert synthesized == templates["full"]


# Rules of AWS Control Tower that the templates do not meet; docs/templates.md explains each.
GUARD_FALSE_ALARMS = {"CT.KMS.PR.3", "CT.S3.PR.4", "CT.S3.PR.8", "CT.S3.PR.9", "CT.S3.PR.10"}
GUARD_FOLDERS = ("ec2", "glue", "identityandaccessmanagement", "keymanagementservice", "s3")


def test_control_towers_rules_for_cfn_guard_have_only_known_findings(linters, files, tmp_path):
    (package,) = linters.parent.glob("lib/python*/site-packages/cdklabs/cdk_validator_cfnguard/_jsii/*.tgz")
    rules = tmp_path / "rules"
    rules.mkdir()
    with tarfile.open(package) as archive:
        for member in archive:
            *_, folder, name = ("", *member.name.split("/"))
            if name.endswith(".guard") and folder in GUARD_FOLDERS:
                (rules / name).write_bytes(archive.extractfile(member).read())
            if member.name.endswith(f"ubuntu/{platform.machine()}/cfn-guard"):
                (tmp_path / "cfn-guard").write_bytes(archive.extractfile(member).read())
    (tmp_path / "cfn-guard").chmod(0o755)
    assert len(list(rules.iterdir())) > 35
    file = next(file for file in files if file.stem == "full")
    words = ["validate", "-r", rules, "-d", file, "--show-summary", "fail"]
    done = run(tmp_path / "cfn-guard", words)
    assert done.returncode == 19, done.stderr  # findings; 0 is none and 5 an invalid file
    assert set(re.findall(r"\[(CT[\w.]+)\]", done.stdout)) == GUARD_FALSE_ALARMS
