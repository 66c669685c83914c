"""Projects of 40 and of 120 jobs: limits of IAM, AWS KMS and CloudFormation."""

import json
import re
from dataclasses import replace

import pytest
from generated_documents import GeneratedAccess, arn, both, of_cloudformation, of_terraform, role
from template_projects import large_project
from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.core.errors import UsageError
from glue_secure.governance.policies.iam import MANAGED_POLICY, ROLE_POLICIES
from glue_secure.project.project_file import read_text
from glue_secure.project.templates import as_text, cloudformation, stacks, terraform
from glue_secure.project.templates.cloudformation import whole_template

MIB = 1024 * 1024


def project_of(jobs):
    return read_text(large_project(jobs))


@pytest.fixture(scope="module")
def large():
    return project_of(40)


@pytest.fixture(scope="module")
def large_documents(large):
    return both(large)


@pytest.fixture(scope="module")
def very_large():
    return project_of(120)


@pytest.fixture(scope="module")
def very_large_documents(very_large):
    template = whole_template(very_large)
    return {
        "cloudformation": of_cloudformation(template),
        "terraform": of_terraform(terraform(very_large)),
    }


def length(document):
    return len(json.dumps(document, separators=(",", ":")))


@pytest.mark.parametrize("size", ["large", "very_large"])
def test_every_policy_is_within_the_limit_of_its_kind(request, size):
    """Both limits exclude white space in IAM. A key policy may have 32 KiB."""
    for documents in request.getfixturevalue(f"{size}_documents").values():
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


CONTEXT = "kms:EncryptionContext:"
OF_S3 = {
    "kms:ViaService": ("s3.eu-west-1.amazonaws.com",),
    f"{CONTEXT}aws:s3:arn": ("arn:aws:s3:::a-project-with-a-long-name-curated",),
}
OF_SECRETS = {
    "kms:ViaService": ("secretsmanager.eu-west-1.amazonaws.com",),
    f"{CONTEXT}SecretARN": (
        arn("secretsmanager", "secret:a-project-with-a-long-name-xx/database-007-AbCdEf"),
    ),
}
PROBE = {f"{CONTEXT}glue-secure:purpose": ("probe",)}


def bookmark_of(job):
    return {f"{CONTEXT}glue-secure:purpose": ("job-bookmark",), f"{CONTEXT}glue-secure:job": (job,)}


def test_key_policies_of_any_number_of_jobs_admit_each_role_to_its_own_only(very_large, very_large_documents):
    """The policies of two keys name no role: IAM policies of roles of the project decide."""
    data, bookmarks = (arn("kms", f"key/{very_large.name}-{name}") for name in ("data", "bookmarks"))
    jobs = list(very_large.jobs.values())
    job, other = jobs[7], jobs[8]
    name = very_large.role(job)
    rows = [
        ("kms:Decrypt", data, OF_S3, True),
        ("kms:GenerateDataKey", data, OF_S3, True),
        ("kms:Decrypt", data, OF_SECRETS, True),
        ("kms:Decrypt", data, PROBE, True),
        ("kms:DescribeKey", data, {}, True),
        ("kms:Decrypt", data, {}, False),
        ("kms:Encrypt", bookmarks, bookmark_of(job.name), True),
        ("kms:Decrypt", bookmarks, bookmark_of(job.name), True),
        ("kms:Decrypt", bookmarks, bookmark_of(other.name), False),
        ("kms:PutKeyPolicy", data, {}, False),
    ]
    for documents in very_large_documents.values():
        access = GeneratedAccess(documents)
        for action, key, context, expected in rows:
            assert access.allows(role(name), [f"role {name}"], action, key, context) == expected, action
            # Neither an administrator nor a role with a name like those of the project's roles.
            if context:
                # Secrets are the exception: administrators set their passwords.
                is_admitted = context is OF_SECRETS
                assert access.allows(role("admin"), "*", action, key, context) == is_admitted
                assert not access.allows(role(f"{very_large.name}-new"), [], action, key, context)
                assert not access.allows(role(name, "999900001111"), "*", action, key, context)
        for key in ("data", "bookmarks"):
            text = json.dumps(documents[f"{very_large.name}-{key}"])
            assert job.name not in text


def test_the_printed_policy_of_a_role_in_a_large_project_needs_the_keys_that_it_names(tmp_path):
    file = tmp_path / "glue_secure.toml"
    file.write_text(large_project(120))
    words = ["policy", "iam", "--job", "job-with-a-long-name-0000000007", "--project", str(file)]
    words += ["--account", "111122223333", "--region", "eu-west-1", "--vpc", "vpc-01234567"]
    words += ["--subnet", "subnet-01234567", "--security-group", "sg-01234567"]
    done = CliRunner().invoke(app, words)
    assert "--key ARN --key bookmarks=ARN" in str(done.exception)
    data, bookmarks = (arn("kms", f"key/{number}234abcd-12ab-34cd-56ef-1234567890ab") for number in (1, 2))
    done = CliRunner().invoke(app, [*words, "--key", data, "--key", f"bookmarks={bookmarks}"])
    assert done.exit_code == 0, done.exception
    named = {name for item in json.loads(done.stdout)["Statement"] for name in item["Resource"]}
    assert {data, bookmarks} <= named


def test_stacks_of_120_jobs_are_within_the_limits_of_cloudformation(very_large):
    with pytest.raises(UsageError, match=r"500 resources at most(.|\n)*--split FOLDER"):
        cloudformation(very_large)
    parts = stacks(very_large)
    whole = whole_template(very_large)["Resources"]
    assert sorted(logical for part in parts.values() for logical in part["Resources"]) == sorted(whole)
    for name, part in parts.items():
        assert len(part["Resources"]) <= 500
        assert len(part["Outputs"]) <= 200
        assert len(as_text(part).encode()) <= (MIB if name == "platform" else 51_200), name
    with pytest.raises(UsageError, match=r"template platform(.|\n)*500 resources at most(.|\n)*divide"):
        stacks(project_of(160))


def test_a_key_or_bucket_policy_that_aws_would_reject_is_an_error(projects):
    full = projects["full"]
    operators = tuple(f"arn:aws:iam::111122223333:role/{number:0200d}" for number in range(100))
    with pytest.raises(UsageError, match=r"key for objects and secrets(.|\n)*32768 characters"):
        cloudformation(replace(full, operators=operators))
    readers = tuple(f"arn:aws:iam::111122223333:role/{number:0200d}" for number in range(100))
    curated = replace(full.buckets["curated"], readers=readers, key=full.buckets["central"].key)
    with pytest.raises(UsageError, match=r"bucket acme-lake-curated(.|\n)*20480 characters"):
        terraform(replace(full, buckets={**full.buckets, "curated": curated}))


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
