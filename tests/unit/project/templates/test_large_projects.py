"""Projects of 40 and of 100 jobs: limits of IAM, AWS KMS and CloudFormation."""

import json
import re

import pytest
from generated_documents import GeneratedAccess, arn, both, role

from glue_secure.core.errors import UsageError
from glue_secure.governance.policies.iam import MANAGED_POLICY, ROLE_POLICIES
from glue_secure.project.project_file import read_text
from glue_secure.project.templates import as_text, cloudformation, stacks, terraform

MIB = 1024 * 1024


def project_of(jobs):
    """Return a project with long names, in a VPC, and a connection for each job."""
    text = """
[project]
name = "a-project-with-a-long-name-xx"
operators = ["arn:aws:iam::111122223333:role/operator"]
[buckets]
artifacts = "a-project-with-a-long-name-artifacts"
evidence = "a-project-with-a-long-name-evidence"
curated = "a-project-with-a-long-name-curated"
[vpc]
cidr = "10.20.0.0/16"
"""
    for number in range(jobs):
        name = f"job-with-a-long-name-{number:010d}"
        text += f"""
[connections.database-{number:03d}]
url = "jdbc:postgresql://db{number}.example.org:5432/orders"
[jobs.{name}]
script = "jobs/{name}.py"
writes = ["curated"]
connections = ["database-{number:03d}"]
"""
    return read_text(text)


@pytest.fixture(scope="module")
def large():
    return project_of(40)


@pytest.fixture(scope="module")
def large_documents(large):
    return both(large)


def length(document):
    return len(json.dumps(document, separators=(",", ":")))


def test_every_policy_is_within_the_limit_of_its_kind(large_documents):
    """Both limits exclude white space in IAM. A key policy may have 32 KiB."""
    for documents in large_documents.values():
        assert len(documents["deployer"]) > 1
        for name, parts in documents.items():
            kind = name.partition(" ")[0]
            limit = {"deployer": MANAGED_POLICY, "operator": MANAGED_POLICY, "role": ROLE_POLICIES}
            for part in parts:
                assert length(part) <= limit.get(kind, 20_480 if kind == "bucket" else 32_768), name


def test_the_parts_of_the_deployers_policy_together_allow_every_job(large, large_documents):
    for documents in large_documents.values():
        access = GeneratedAccess(documents)
        for job in large.jobs.values():
            to_glue = {"iam:PassedToService": ("glue.amazonaws.com",)}
            for action, resource, context in (
                ("glue:StartJobRun", arn("glue", f"job/{job.name}"), {}),
                ("iam:PassRole", role(large.role(job)), to_glue),
                ("glue:GetConnection", arn("glue", f"connection/{job.connections[0]}"), {}),
            ):
                assert access.allows(role("deployer"), ["deployer"], action, resource, context)
        other = arn("glue", "job/other")
        assert not access.allows(role("deployer"), ["deployer"], "glue:StartJobRun", other, {})
        outside = arn("glue", f"job/{next(iter(large.jobs))}")
        assert not access.allows(role("deployer"), ["deployer"], "glue:CreateJob", outside, {})


def test_a_template_of_forty_jobs_is_accepted_from_s3_and_each_stack_of_a_job_in_a_request(large):
    text = as_text(cloudformation(large))
    assert json.loads(text) == cloudformation(large)
    assert 51_200 < len(text.encode()) < MIB
    parts = stacks(large)
    assert list(parts) == ["platform", *large.jobs]
    for name, part in parts.items():
        text = as_text(part)
        assert json.loads(text) == part
        assert len(text.encode()) <= (MIB if name == "platform" else 51_200), name
        assert len(part["Resources"]) <= 500


def test_a_small_template_is_indented_and_fits_into_a_request(projects):
    text = as_text(cloudformation(projects["small"]))
    assert len(text.encode()) <= 51_200


def test_stacks_have_the_resources_of_the_template_and_every_import_has_an_export(large):
    whole, parts = cloudformation(large)["Resources"], stacks(large)
    resources = [logical for part in parts.values() for logical in part["Resources"]]
    assert sorted(resources) == sorted(whole)
    exports = {
        output["Export"]["Name"] for output in parts["platform"]["Outputs"].values() if "Export" in output
    }
    for name, part in parts.items():
        text = json.dumps(part)
        imports = set(re.findall(r'"Fn::ImportValue": "([^"]+)"', text))
        assert imports <= exports
        assert (name == "platform") == (imports == set())
        references = set(re.findall(r'"Ref": "([^"]+)"', text)) | set(
            re.findall(r'"Fn::GetAtt": \["([^"]+)"', text)
        )
        assert {word for word in references if not word.startswith("AWS::")} <= set(part["Resources"])


def test_a_policy_that_iam_would_reject_is_an_error(projects):
    tables = ", ".join(f'"database{number}.table-with-a-name"' for number in range(60))
    text = """
[project]
name = "wide"
[buckets]
artifacts = "acme-artifacts"
evidence = "acme-evidence"
[jobs.wide]
script = "jobs/wide.py"
"""
    project = read_text(f"{text}reads_tables = [{tables}]\n")
    for template in (cloudformation, terraform):
        with pytest.raises(UsageError, match="10240 characters"):
            template(project)
