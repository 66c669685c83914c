"""Preflight of a deployed job: all controls pass, then one violation at a time is found."""

import hashlib

import pytest
from check_removal import remove_findings

from glue_secure.aws.glue import GlueControlPlane
from glue_secure.aws.kms import KmsKeyService
from glue_secure.aws.logs import JobLogs
from glue_secure.aws.s3 import S3ObjectStore
from glue_secure.connections.verification import ConnectionReport
from glue_secure.core.catalog_encryption import CatalogEncryption
from glue_secure.core.controls import CONTROLS
from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.core.findings import Verdict
from glue_secure.core.ports import Services
from glue_secure.project.deploy import apply, checks
from glue_secure.project.deploy.plan import stack_fix
from glue_secure.project.project_file import read_text
from glue_secure.testing.fakes import FakeClock, FakeColumnSource, FakeEnvironment, FakeSecretStore

REGION = "eu-west-1"
PLAIN = """
[project]
name = "orders"
[buckets]
artifacts = "acme-artifacts"
evidence = "acme-evidence"
[jobs.daily]
script = "jobs/daily.py"
"""
GROUP = "/aws-glue/jobs/orders-strict-role/orders-daily/error"


@pytest.fixture
def project():
    return read_text(PLAIN)


@pytest.fixture
def key(clients, stack):
    return lambda purpose: clients["kms"].describe_key(KeyId=f"alias/orders-{purpose}")["KeyMetadata"]["Arn"]


@pytest.fixture
def deployed(planned, account, clients, project, key):
    apply(planned(), account)
    for group in project.log_groups(project.jobs["daily"]):
        clients["logs"].create_log_group(logGroupName=group, kmsKeyId=key("logs"))
    catalog = CatalogEncryption("SSE-KMS", key("data"), passwords=True, password_key=key("data"))
    clients["glue"].put_data_catalog_encryption_settings(DataCatalogEncryptionSettings=catalog.to_api())


@pytest.fixture
def run_checks(account, clients):
    def findings(job="daily", plan=None):
        services = Services(
            environment=FakeEnvironment(region=REGION),
            control_plane=GlueControlPlane(client=clients["glue"]),
            keys=KmsKeyService(client=clients["kms"]),
            objects=S3ObjectStore(client=clients["s3"]),
            secrets=FakeSecretStore(),
            clock=FakeClock(),
            master_key_provider=lambda _: None,
            versions={},
            columns=FakeColumnSource(),
            high_water=lambda _table, _bookmark: None,
        )
        return checks.findings(
            job, services=services, account=account, logs=JobLogs(client=clients["logs"]), plan=plan
        )

    return findings


@pytest.fixture
def change(clients):
    """Return a function that changes members of the deployed job."""

    def put(**members):
        present = clients["glue"].get_job(JobName="daily")["Job"]
        members_before = {
            name: present[name]
            for name in (
                "Role", "Command", "DefaultArguments", "NonOverridableArguments", "SecurityConfiguration"
            )
        }  # fmt: skip
        clients["glue"].update_job(
            JobName="daily",
            JobUpdate={n: v for n, v in {**members_before, **members}.items() if v is not None},
        )
        return present

    return put


def violations(findings):
    return {
        (finding.control, finding.verdict.value)
        for finding in findings
        if finding.verdict is not Verdict.PASS
    }


@pytest.mark.usefixtures("deployed")
def test_a_deployed_job_passes_and_the_controls_of_a_run_are_listed(run_checks, planned):
    findings = run_checks(plan=planned())
    assert violations(findings) == set()
    assert checks.exit_code(findings) == 0
    checked = {finding.control for finding in findings}
    assert {"GS-SEC-001", "GS-SEC-005", "GS-KMS-002", "GS-CAT-001", "GS-DEP-003", "GS-DEP-004"} <= checked
    assert sum(finding.control == "GS-DEP-005" for finding in findings) == 5
    later = checks.run_only_controls(findings)
    assert {"GS-KMS-006", "GS-S3-004", "GS-SEC-007"} <= set(later)
    assert not checked & set(later)
    assert set(later) < set(CONTROLS)


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(
    ("violation", "expected", "code"),
    [
        ("plain script", {("GS-DEP-004", "FAIL")}, 3),
        ("script without checksum", {("GS-DEP-004", "UNKNOWN")}, 4),
        ("no script", {("GS-DEP-004", "FAIL")}, 3),
        ("package index", {("GS-DEP-004", "FAIL")}, 3),
        ("no configuration", {("GS-SEC-001", "FAIL"), ("GS-DEP-004", "UNKNOWN")}, 3),
        ("missing configuration", {("GS-SEC-001", "FAIL")}, 3),
        ("nothing pinned", {("GS-DEP-003", "FAIL")}, 3),
        ("legacy argument", {("GS-SEC-009", "FAIL")}, 3),
        ("claimed configuration", {("GS-SEC-002", "FAIL")}, 3),
        ("no evidence bucket", {("GS-EVD-001", "FAIL"), ("GS-BKM-006", "FAIL")}, 3),
        ("log group without key", {("GS-DEP-005", "FAIL")}, 3),
        ("no log group", {("GS-DEP-005", "UNKNOWN")}, 4),
        ("catalog off", {("GS-CAT-001", "FAIL"), ("GS-CAT-002", "FAIL")}, 3),
        ("key disabled", {("GS-KMS-002", "FAIL")}, 3),
        ("old version with fine-grained access", {("GS-LF-009", "FAIL")}, 3),
    ],
)
def test_one_violation_is_found(run_checks, change, clients, key, violation, expected, code):
    s3, glue = clients["s3"], clients["glue"]
    script = {"Bucket": "acme-artifacts", "Key": "scripts/daily.py"}
    present = glue.get_job(JobName="daily")["Job"]
    if violation == "plain script":
        s3.put_object(**script, Body=b"evil")
    elif violation == "script without checksum":
        under = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key("data")}
        s3.put_object(**script, Body=b"evil", ChecksumAlgorithm="CRC32", **under)
    elif violation == "no script":
        s3.delete_object(**script)
    elif violation == "package index":
        change(DefaultArguments={**present["DefaultArguments"], "--extra-py-files": "pandas==2.2"})
    elif violation == "no configuration":
        change(SecurityConfiguration=None)
    elif violation == "missing configuration":
        glue.delete_security_configuration(Name="orders-strict")
    elif violation == "nothing pinned":
        change(
            NonOverridableArguments={},
            DefaultArguments={**present["DefaultArguments"], **present["NonOverridableArguments"]},
        )
    elif violation == "legacy argument":
        change(DefaultArguments={**present["DefaultArguments"], "--encryption-type": "sse-s3"})
    elif violation == "old version with fine-grained access":
        fine_grained = {"--enable-lakeformation-fine-grained-access": "true"}
        change(DefaultArguments={**present["DefaultArguments"], **fine_grained}, GlueVersion="4.0")
    elif violation == "claimed configuration":
        change(DefaultArguments={**present["DefaultArguments"], "--SECURITY_CONFIGURATION": "other"})
    elif violation == "no evidence bucket":
        s3.delete_bucket(Bucket="acme-evidence")
    elif violation == "log group without key":
        clients["logs"].delete_log_group(logGroupName=GROUP)
        clients["logs"].create_log_group(logGroupName=GROUP)
    elif violation == "no log group":
        clients["logs"].delete_log_group(logGroupName=GROUP)
    elif violation == "catalog off":
        off = CatalogEncryption().to_api()
        glue.put_data_catalog_encryption_settings(DataCatalogEncryptionSettings=off)
    else:
        clients["kms"].disable_key(KeyId=key("bookmarks").rpartition("/")[2])
    findings = run_checks()
    assert expected <= violations(findings)
    assert checks.exit_code(findings) == code
    fixes = {finding.control: finding.fix for finding in findings if finding.verdict is not Verdict.PASS}
    if violation == "no evidence bucket":
        assert fixes["GS-EVD-001"] == fixes["GS-BKM-006"] == stack_fix("")
    elif violation == "no log group":
        assert fixes["GS-DEP-005"].startswith("update the stack")


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(
    ("service", "call", "control"),
    [
        ("glue", "get_security_configuration", "GS-SEC-008"),
        ("glue", "get_data_catalog_encryption_settings", "GS-CAT-003"),
        ("kms", "describe_key", "GS-KMS-001"),
        ("s3", "head_object", "GS-DEP-004"),
        ("s3", "head_bucket", "GS-EVD-001"),
        ("logs", "describe_log_groups", "GS-DEP-005"),
    ],
)
def test_access_denied_is_unknown_and_never_a_pass(run_checks, clients, monkeypatch, service, call, control):
    monkeypatch.setattr(clients[service], call, denied)
    findings = run_checks()
    assert (control, "UNKNOWN") in violations(findings)
    assert checks.exit_code(findings) != 0


def denied(**_):
    from botocore.exceptions import ClientError

    raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Any")


@pytest.mark.usefixtures("deployed")
def test_an_unreachable_connection_is_not_a_pass(run_checks, change, monkeypatch):
    refusals = {
        "away": VerificationError("GS-TLS-003", resource="away", found="no answer", required="one", fix=""),
        "weak": RefusedError("GS-TLS-006", resource="weak", found="off", required="on", fix=""),
    }

    def report(names, **_):
        return [ConnectionReport(name, error=refusals[name]) for name in names]

    monkeypatch.setattr(checks, "inspect_connections", report)
    change(Connections={"Connections": ["away"]})
    assert violations(run_checks()) == {("GS-TLS-003", "UNKNOWN")}
    assert checks.exit_code(run_checks()) == 4
    change(Connections={"Connections": ["away", "weak"]})
    assert violations(run_checks()) == {("GS-TLS-003", "UNKNOWN"), ("GS-TLS-006", "FAIL")}
    assert checks.exit_code(run_checks()) == 3


@pytest.mark.usefixtures("deployed")
def test_code_that_differs_from_the_project_is_found_with_the_project_file(run_checks, planned, folder):
    (folder / "jobs" / "daily.py").write_text("print('newer')\n")
    assert violations(run_checks()) == set()
    assert violations(run_checks(plan=planned())) == {("GS-DEP-002", "FAIL")}


@pytest.mark.usefixtures("stack")
def test_a_missing_or_unreadable_job_is_an_error(run_checks, clients, monkeypatch):
    with pytest.raises(UsageError, match="'missing', which does not exist"):
        run_checks("missing")
    monkeypatch.setattr(clients["glue"], "get_job", denied)
    with pytest.raises(VerificationError, match="GS-SEC-008"):
        run_checks("missing")


@pytest.mark.parametrize(
    ("control", "check"),
    [("GS-DEP-003", "_fixed_arguments"), ("GS-DEP-004", "_object"), ("GS-DEP-005", "_log_groups")],
)
def test_without_its_check_a_control_does_not_pass(run_checks, deployed, monkeypatch, control, check):
    assert (control, Verdict.PASS) in {(finding.control, finding.verdict) for finding in run_checks()}
    remove_findings(monkeypatch, f"glue_secure.project.deploy.checks:{check}", control)
    findings = [finding for finding in run_checks() if finding is not None]
    assert (control, Verdict.PASS) not in {(finding.control, finding.verdict) for finding in findings}


def put_policy(clients, change, key, text, *, fixed=True):
    clients["s3"].put_object(
        Bucket="acme-artifacts",
        Key="policy.toml",
        Body=text.encode(),
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=key("data"),
    )
    arguments = {
        "--glue-secure-policy": "s3://acme-artifacts/policy.toml",
        "--glue-secure-policy-sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    present = clients["glue"].get_job(JobName="daily")["Job"]
    name = "NonOverridableArguments" if fixed else "DefaultArguments"
    change(**{name: {**present[name], **arguments}})


def not_passed(findings):
    return [
        (finding.control, finding.resource) for finding in findings if finding.verdict is not Verdict.PASS
    ]


@pytest.mark.usefixtures("deployed")
def test_the_policy_file_and_the_keys_of_its_targets_are_checked(run_checks, clients, change, key):
    target = '[[targets]]\nname = "b"\nprefix = "s3://acme-zone-b/"\nencryption = "SSE-KMS"\nkeys = ["{}"]\n'
    put_policy(clients, change, key, "schema = 1\n" + target.format(key("bookmarks")))
    findings = run_checks()
    assert not not_passed(findings)
    assert {"GS-POL-001", "GS-KMS-002"} <= {
        finding.control for finding in findings if finding.resource.endswith(("policy.toml", "(target b)"))
    }
    missing = key("data")[:-4] + "0000"
    put_policy(clients, change, key, "schema = 1\n" + target.format(missing))
    assert ("GS-KMS-001", f"{missing} (target b)") in not_passed(run_checks())


@pytest.mark.usefixtures("deployed")
def test_gs_pol_001_a_changed_policy_file_is_found(run_checks, clients, change, key):
    put_policy(clients, change, key, "schema = 1\n")
    clients["s3"].put_object(Bucket="acme-artifacts", Key="policy.toml", Body=b"schema = 1\nname = 'x'\n")
    assert ("GS-POL-001", "s3://acme-artifacts/policy.toml") in not_passed(run_checks())


@pytest.mark.usefixtures("deployed")
def test_gs_dep_003_a_policy_that_a_start_of_the_job_can_replace_is_found(run_checks, clients, change, key):
    put_policy(clients, change, key, "schema = 1\n", fixed=False)
    assert [control for control, _ in not_passed(run_checks())] == ["GS-DEP-003"]


@pytest.mark.usefixtures("deployed")
def test_gs_dep_006_a_job_without_a_region_for_s3a_is_found(run_checks, clients, change):
    assert "GS-DEP-006" not in {control for control, _ in not_passed(run_checks())}
    arguments = clients["glue"].get_job(JobName="daily")["Job"]["DefaultArguments"]
    change(DefaultArguments={n: v for n, v in arguments.items() if n != "--conf"}, GlueVersion="5.1")
    assert "GS-DEP-006" in {control for control, _ in not_passed(run_checks())}


@pytest.mark.usefixtures("deployed")
def test_gs_pol_002_an_expired_exception_is_found(run_checks, clients, change, key):
    text = 'schema = 1\n[[exceptions]]\ncontrol = "GS-CAT-001"\nresource = "x"\nreason = "r"\nticket = "t"\n'
    put_policy(clients, change, key, text + 'owner = "o"\nexpires = 2025-12-31\n')
    findings = run_checks()
    assert [control for control, _ in not_passed(findings)] == ["GS-POL-002"]
    assert checks.exit_code(findings) == 0  # a run reports it, and continues
