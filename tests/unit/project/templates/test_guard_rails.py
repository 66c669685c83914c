"""Policies of an organisation, permissions boundaries and session policies: who may still do what."""

import json

import pytest
from generated_documents import as_policy, of_cloudformation
from policy_linter import lint
from template_projects import FULL
from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.core.errors import UsageError
from glue_secure.core.policy_documents import PolicyDecision, Request, evaluate
from glue_secure.project.templates import cloudformation

DENIED = PolicyDecision.DENIED
PLACE = ["--account", "111122223333", "--region", "eu-west-1"]
SCP = ["--deployer", "arn:aws:iam::*:role/deploy-*", "--administrator", "arn:aws:iam::*:role/platform"]


def printed(*words):
    done = CliRunner().invoke(app, ["policy", *words])
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)


def is_denied(document, action, **context):
    values = {name.replace("__", ":"): (value,) for name, value in context.items()}
    return evaluate([as_policy(document)], Request(action, "*", "", values)) is DENIED


def role(name):
    return f"arn:aws:iam::111122223333:role/{name}"


@pytest.fixture(scope="module")
def organization_policy():
    return printed("scp", *SCP, "--runner", "arn:aws:iam::*:role/scheduler")


@pytest.mark.parametrize(
    ("action", "allowed"),
    [
        *[
            (f"glue:{name}", ("deploy-orders", "platform"))
            for name in ("CreateJob", "UpdateJob", "CreateSession", "CreateCrawler", "CreateTrigger")
        ],
        ("glue:StartJobRun", ("deploy-orders", "platform", "scheduler")),
        *[
            (f"glue:{name}", ("platform",))
            for name in (
                "PutDataCatalogEncryptionSettings", "DeleteSecurityConfiguration",
                "CreateSecurityConfiguration", "PutResourcePolicy", "DeleteResourcePolicy",
            )
        ],
        ("glue:CreateDevEndpoint", ()),
        ("glue:GetJob", ("deploy-orders", "platform", "scheduler", "developer", "admin")),
    ],
)  # fmt: skip
def test_only_named_roles_change_start_and_configure_jobs(organization_policy, action, allowed):
    for name in ("deploy-orders", "platform", "scheduler", "developer", "admin"):
        expected = name not in allowed
        assert is_denied(organization_policy, action, aws__PrincipalArn=role(name)) is expected, name


def test_policies_of_an_organisation_are_short_enough_and_have_no_findings(organization_policy):
    shared = printed("rcp", "--organization", "o-a1b2c3d4e5", "--partner", "999900001111")
    for document in (organization_policy, shared):
        assert len(json.dumps(document, separators=(",", ":"))) <= 5120
    assert all("Principal" not in statement for statement in organization_policy["Statement"])
    assert all(statement["Principal"] == "*" for statement in shared["Statement"])
    assert lint(organization_policy) == []


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"aws__PrincipalOrgID": "o-a1b2c3d4e5", "aws__PrincipalIsAWSService": "false"}, False),
        ({"aws__PrincipalOrgID": "o-zzzzzzzzzz", "aws__PrincipalIsAWSService": "false"}, True),
        ({"aws__PrincipalAccount": "999900001111", "aws__PrincipalIsAWSService": "false"}, False),
        ({"aws__PrincipalAccount": "222233334444", "aws__PrincipalIsAWSService": "false"}, True),
        ({"aws__PrincipalIsAWSService": "true"}, False),
        ({}, True),
    ],
)
def test_data_is_for_the_organisation_its_partners_and_services(context, expected):
    document = printed("rcp", "--organization", "o-a1b2c3d4e5", "--partner", "999900001111")
    for action in ("s3:GetObject", "kms:Decrypt", "secretsmanager:GetSecretValue"):
        assert is_denied(document, action, aws__SecureTransport="true", **context) is expected
    assert is_denied(document, "glue:GetTable", **context) is False


NETWORKS = ["--vpc", "vpc-01234567", "--vpc", "vpc-76543210", "--endpoint", "vpce-01234567"]
CODE = {"glue__CredentialIssuingService": "glue.amazonaws.com", "aws__ViaAWSService": "false"}
OF_ORGANISATION = {"aws__PrincipalOrgID": "o-a1b2c3d4e5", "aws__SecureTransport": "true"}


@pytest.mark.parametrize(
    ("context", "denied"),
    [
        ({**CODE, "aws__SourceVpc": "vpc-01234567"}, False),
        ({**CODE, "aws__SourceVpc": "vpc-76543210", "aws__SourceVpce": "vpce-99999999"}, False),
        ({**CODE, "aws__SourceVpc": "vpc-99999999", "aws__SourceVpce": "vpce-01234567"}, False),
        ({**CODE, "aws__SourceVpc": "vpc-99999999", "aws__SourceVpce": "vpce-99999999"}, True),
        (CODE, True),
        ({**CODE, "aws__ViaAWSService": "true"}, False),
        # AWS Glue itself, people and other services.
        ({"glue__RoleAssumedBy": "glue.amazonaws.com", "aws__ViaAWSService": "false"}, False),
        ({"aws__ViaAWSService": "false"}, False),
    ],
)
def test_the_code_of_jobs_uses_data_from_named_networks_only(context, denied):
    everyone = printed("scp", *SCP, *NETWORKS)
    data = printed("rcp", "--organization", "o-a1b2c3d4e5", *NETWORKS)
    for document in (everyone, data):
        assert len(json.dumps(document, separators=(",", ":"))) <= 5120
        for action in ("s3:GetObject", "kms:Decrypt", "secretsmanager:GetSecretValue"):
            assert is_denied(document, action, **context, **OF_ORGANISATION) is denied
        assert is_denied(document, "logs:PutLogEvents", **context, **OF_ORGANISATION) is False
    assert is_denied(everyone, "dynamodb:GetItem", **context) is denied
    assert "Principal" not in everyone["Statement"][-1]
    assert data["Statement"][-1]["Principal"] == "*"
    assert not is_denied(printed("scp", *SCP), "s3:GetObject", **CODE)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "glue_secure.toml"
    path.write_text(FULL)
    return path


def test_a_boundary_allows_what_the_roles_need_and_nothing_else(file, projects):
    document = printed("boundary", *PLACE, "--project", str(file))
    assert len(json.dumps(document, separators=(",", ":"))) <= 6144
    (statement,) = document["Statement"]
    bound = set(statement["Action"])
    documents = of_cloudformation(cloudformation(projects["full"]))
    for name in ("role lake-load", "role lake-report"):
        for part in documents[name]:
            for needed in part["Statement"]:
                assert needed["Effect"] == "Deny" or set(needed["Action"]) <= bound
    for action in (
        "iam:PassRole",
        "sts:AssumeRole",
        "kms:PutKeyPolicy",
        "s3:PutBucketPolicy",
        "glue:UpdateJob",
    ):
        assert action not in bound


@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ("s3:GetObject", "acme-lake-raw/2026/a", True),
        ("s3:GetObject", "acme-lake-raw/2025/a", False),
        ("s3:PutObject", "acme-lake-raw/2026/a", False),
        ("s3:PutObject", "acme-lake-curated/orders/a", True),
        ("s3:GetObject", "acme-lake-curated/orders/a", True),
        ("s3:PutObject", "acme-lake-curated/other/a", False),
        ("s3:GetObject", "acme-lake-artifacts/scripts/load.py", True),
        ("s3:GetObject", "acme-lake-artifacts/policies/columns.toml", True),
        ("s3:PutObject", "acme-lake-artifacts/temporary/load/x", True),
        ("s3:PutObject", "acme-lake-evidence/evidence/job=load/run=1/e", True),
        ("s3:PutObject", "acme-lake-evidence/evidence/job=report/run=1/e", False),
        ("s3:GetObject", "acme-lake-evidence/bookmarks/111122223333/eu-west-1/load/current", True),
        ("s3:GetObject", "acme-policies/policy.toml", True),
        ("kms:Decrypt", "any", True),
        ("iam:PassRole", "any", False),
    ],
)
def test_a_run_with_a_session_policy_uses_the_named_data_only(file, action, resource, expected):
    locations = ["--read", "s3://acme-lake-raw/2026/", "--write", "s3://acme-lake-curated/orders/"]
    document = printed("run", "load", *PLACE, *locations, "--project", str(file))
    request = Request(action, f"arn:aws:s3:::{resource}")
    assert (evaluate([as_policy(document)], request) is PolicyDecision.ALLOWED) is expected
    assert len(json.dumps(document, separators=(",", ":"))) <= 2048


def test_a_session_policy_is_printed_as_aws_accepts_it_or_refused(file):
    locations = ["--read", "s3://acme-lake-raw/2026/", "--project", str(file)]
    done = CliRunner().invoke(app, ["policy", "run", "load", *PLACE, *locations])
    assert len(done.stdout.strip()) <= 2048
    assert done.stdout.count("\n") == 1
    many = [f"--read=s3://acme-lake-raw/{day:064d}/" for day in range(20)]
    done = CliRunner().invoke(app, ["policy", "run", "load", *PLACE, *many, "--project", str(file)])
    assert isinstance(done.exception, UsageError)
    assert "2048 characters at most" in str(done.exception)


def test_the_policy_of_a_role_with_endpoints_needs_their_ids(file):
    words = ["policy", "iam", "--job", "load", *PLACE, "--project", str(file), "--vpc", "vpc-01234567"]
    words += ["--subnet", "subnet-01234567", "--security-group", "sg-01234567"]
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, UsageError)
    assert "--endpoint" in str(done.exception)
    done = CliRunner().invoke(app, [*words, "--endpoint", "vpce-01234567"])
    (statement,) = [
        item for item in json.loads(done.stdout)["Statement"] if item["Sid"] == "DenyOtherEndpoints"
    ]
    assert statement["Condition"]["StringNotEquals"] == {"aws:SourceVpce": "vpce-01234567"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["scp", *SCP[:2]], "--administrator"),
        (["scp", "--deployer", "*", *SCP[2:]], "arn:aws:iam::"),
        (["scp", "--deployer", "arn:aws:iam::*:role/*", *SCP[2:]], "arn:aws:iam::"),
        (["scp", *SCP, *[f"--runner=arn:aws:iam::*:role/{n:0100d}" for n in range(40)]], "5120 at most"),
        (["rcp", "--organization", "acme"], "o-a1b2c3d4e5"),
        (["scp", *SCP, "--vpc", "10.0.0.0/8"], "vpc-0123456789abcdef0"),
        (["rcp", "--organization", "o-a1b2c3d4e5", "--endpoint", "vpc-01234567"], "vpce-0123456789abcdef0"),
        (["rcp", "--organization", "o-a1b2c3d4e5", "--partner", "1"], "twelve digits"),
    ],
)
def test_an_invalid_option_is_an_error(words, message):
    done = CliRunner().invoke(app, ["policy", *words])
    assert isinstance(done.exception, UsageError)
    assert message in str(done.exception)
