"""Preflight of a deployed job: everything holds, and then one thing at a time does not."""

import pytest

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
def look(account, clients):
    def found(job="daily", plan=None):
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

    return found


@pytest.fixture
def change(clients):
    """Change members of the job that is there."""

    def put(**members):
        held = clients["glue"].get_job(JobName="daily")["Job"]
        kept = {
            name: held[name]
            for name in (
                "Role", "Command", "DefaultArguments", "NonOverridableArguments", "SecurityConfiguration"
            )
        }  # fmt: skip
        clients["glue"].update_job(
            JobName="daily", JobUpdate={n: v for n, v in {**kept, **members}.items() if v is not None}
        )
        return held

    return put


def bad(held):
    return {(one.control, one.verdict.value) for one in held if one.verdict is not Verdict.PASS}


@pytest.mark.usefixtures("deployed")
def test_a_deployed_job_holds_and_what_only_a_run_can_tell_is_named(look, planned):
    held = look(plan=planned())
    assert bad(held) == set()
    assert checks.exit_code(held) == 0
    shown = {one.control for one in held}
    assert {"GS-SEC-001", "GS-SEC-005", "GS-KMS-002", "GS-CAT-001", "GS-DEP-003", "GS-DEP-004"} <= shown
    assert sum(one.control == "GS-DEP-005" for one in held) == 3
    later = checks.left_to_the_run(held)
    assert {"GS-KMS-006", "GS-S3-004", "GS-SEC-007"} <= set(later)
    assert not shown & set(later)
    assert set(later) < set(CONTROLS)


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(
    ("how", "found", "code"),
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
    ],
)
def test_one_thing_that_does_not_hold_is_found(look, change, clients, key, how, found, code):
    s3, glue = clients["s3"], clients["glue"]
    script = {"Bucket": "acme-artifacts", "Key": "scripts/daily.py"}
    held = glue.get_job(JobName="daily")["Job"]
    if how == "plain script":
        s3.put_object(**script, Body=b"evil")
    elif how == "script without checksum":
        under = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key("data")}
        s3.put_object(**script, Body=b"evil", ChecksumAlgorithm="CRC32", **under)
    elif how == "no script":
        s3.delete_object(**script)
    elif how == "package index":
        change(DefaultArguments={**held["DefaultArguments"], "--extra-py-files": "pandas==2.2"})
    elif how == "no configuration":
        change(SecurityConfiguration=None)
    elif how == "missing configuration":
        glue.delete_security_configuration(Name="orders-strict")
    elif how == "nothing pinned":
        change(
            NonOverridableArguments={},
            DefaultArguments={**held["DefaultArguments"], **held["NonOverridableArguments"]},
        )
    elif how == "legacy argument":
        change(DefaultArguments={**held["DefaultArguments"], "--encryption-type": "sse-s3"})
    elif how == "claimed configuration":
        change(DefaultArguments={**held["DefaultArguments"], "--SECURITY_CONFIGURATION": "other"})
    elif how == "no evidence bucket":
        s3.delete_bucket(Bucket="acme-evidence")
    elif how == "log group without key":
        clients["logs"].delete_log_group(logGroupName=GROUP)
        clients["logs"].create_log_group(logGroupName=GROUP)
    elif how == "no log group":
        clients["logs"].delete_log_group(logGroupName=GROUP)
    elif how == "catalog off":
        off = CatalogEncryption().to_api()
        glue.put_data_catalog_encryption_settings(DataCatalogEncryptionSettings=off)
    else:
        clients["kms"].disable_key(KeyId=key("bookmarks").rpartition("/")[2])
    seen = look()
    assert found <= bad(seen)
    assert checks.exit_code(seen) == code


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
def test_access_denied_is_unknown_and_never_a_pass(look, clients, monkeypatch, service, call, control):
    monkeypatch.setattr(clients[service], call, denied)
    held = look()
    assert (control, "UNKNOWN") in bad(held)
    assert checks.exit_code(held) != 0


def denied(**_):
    from botocore.exceptions import ClientError

    raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Any")


@pytest.mark.usefixtures("deployed")
def test_a_connection_that_cannot_be_reached_from_here_is_no_pass(look, change, monkeypatch):
    refusals = {
        "away": VerificationError("GS-TLS-003", resource="away", found="no answer", required="one", fix=""),
        "weak": RefusedError("GS-TLS-006", resource="weak", found="off", required="on", fix=""),
    }

    def report(names, **_):
        return [ConnectionReport(name, error=refusals[name]) for name in names]

    monkeypatch.setattr(checks, "inspect_connections", report)
    change(Connections={"Connections": ["away"]})
    assert bad(look()) == {("GS-TLS-003", "UNKNOWN")}
    assert checks.exit_code(look()) == 4
    change(Connections={"Connections": ["away", "weak"]})
    assert bad(look()) == {("GS-TLS-003", "UNKNOWN"), ("GS-TLS-006", "FAIL")}
    assert checks.exit_code(look()) == 3


@pytest.mark.usefixtures("deployed")
def test_code_that_is_not_the_projects_is_found_with_the_project_at_hand(look, planned, folder):
    (folder / "jobs" / "daily.py").write_text("print('newer')\n")
    assert bad(look()) == set()
    assert bad(look(plan=planned())) == {("GS-DEP-002", "FAIL")}


@pytest.mark.usefixtures("stack")
def test_a_job_that_is_not_there_or_cannot_be_read_stops(look, clients, monkeypatch):
    with pytest.raises(UsageError, match="'nobody', which does not exist"):
        look("nobody")
    monkeypatch.setattr(clients["glue"], "get_job", denied)
    with pytest.raises(VerificationError, match="GS-SEC-008"):
        look("nobody")
