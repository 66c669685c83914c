"""Exceptions of a policy file tolerate a failed check until their last day; sources have requirements."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone

import pytest
from run_fixture import KEY, OTHER_KEY, run_fixture, server
from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.core.catalog import CatalogTable
from glue_secure.core.catalog_encryption import CatalogEncryption
from glue_secure.core.dynamodb import DynamoDbAccess, DynamoDbTable
from glue_secure.core.errors import RefusedError, VerificationError
from glue_secure.core.findings import Finding, Verdict, enforce, failed
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import BucketRules
from glue_secure.core.service import ServiceError
from glue_secure.policyfile.exceptions import ExceptionRegister, matches
from glue_secure.policyfile.model import PolicyException, PolicyFile
from glue_secure.report.page import sections
from glue_secure.testing.fakes import FakeDynamoDb
from glue_secure.verification.bucket_policy_proof import requires_tls

__all__ = ["run_fixture", "server"]

FILE = S3Uri("config", "policy.toml")
TODAY = date(2026, 1, 1)  # of the fake clock
SOURCE = """\
schema = 1
exception_days = 60
[[sources]]
name = "landing"
prefix = "s3://landing/"
encryption = ["SSE-KMS"]
keys = ["run"]
"""
NOTED = 'schema = 1\n[[sources]]\nname = "noted"\nprefix = "s3://landing/"\n'
EXCEPTION = """\
[[exceptions]]
control = "{control}"
resource = "{resource}"
reason = "migration"
ticket = "SEC-7"
owner = "platform"
expires = {expires}
"""


@pytest.fixture(autouse=True)
def guarded(run_fixture):
    """With the request guard, reads of Spark outside glue-secure are known."""
    run_fixture.engine.guard = ""


def put(run_fixture, text):
    run_fixture.objects.put(FILE, text.encode(), algorithm="aws:kms", key=str(KEY))
    return {"glue_secure_policy": str(FILE)}


def excepted(control="GS-S3-014", resource="s3://landing/", expires=TODAY):
    return EXCEPTION.format(control=control, resource=resource, expires=expires)


def read(run_fixture, text, run="jr_1"):
    run_fixture.land("m01.csv")
    started = run_fixture.start(run, **put(run_fixture, text))
    try:
        started.reader.read_s3("s3://landing/flights/", format="csv")
    except RefusedError as error:
        started.close(error)
        raise
    started.commit()
    return run_fixture.evidence(run)


def findings_of(evidence, control):
    return [finding for finding in evidence["controls"] if finding["control"] == control]


def test_gs_s3_014_objects_that_do_not_meet_the_requirement_are_not_read(run_fixture):
    with pytest.raises(RefusedError, match="GS-S3-014") as caught:
        read(run_fixture, SOURCE)
    assert "1 of 1 objects, the first is s3://landing/flights/m01.csv: AES256" in caught.value.found
    assert not [call for call in run_fixture.engine.calls if call[0] == "read_s3"]


@pytest.mark.parametrize(
    ("algorithm", "key", "is_met"),
    [
        ("aws:kms", str(KEY), True),
        ("aws:kms", str(OTHER_KEY), False),
        ("aws:kms:dsse", str(KEY), False),
        ("AES256", "", False),
        ("", "", False),
    ],
)
def test_a_source_is_read_if_each_object_meets_its_requirement(run_fixture, algorithm, key, is_met):
    run_fixture.objects.put(S3Uri("landing", "flights/a.csv"), algorithm=algorithm, key=key)
    run = run_fixture.start(**put(run_fixture, SOURCE))
    if is_met:
        run.reader.read_s3("s3://landing/flights/", format="csv")
        run.commit()
        evidence = run_fixture.evidence()
        (finding,) = findings_of(evidence, "GS-S3-014")
        found = f"1 of 1 objects, by entry landing: 1 aws:kms {KEY}"
        assert (finding["verdict"], finding["found"]) == ("PASS", found)
        assert evidence["policy"]["used"] == {"landing": 1}
    else:
        with pytest.raises(RefusedError, match="GS-S3-014"):
            run.reader.read_s3("s3://landing/flights/", format="csv")


def test_a_requirement_is_for_its_prefix_only(run_fixture):
    evidence = read(run_fixture, SOURCE.replace("s3://landing/", "s3://landing/other/"))
    assert findings_of(evidence, "GS-S3-014") == []


def test_a_sample_is_bounded(run_fixture):
    for number in range(150):
        run_fixture.objects.put(S3Uri("landing", f"flights/{number}.csv"), algorithm="aws:kms", key=str(KEY))
    run = run_fixture.start(**put(run_fixture, SOURCE + 'checked = "sample"\n'))
    run.reader.read_s3("s3://landing/flights/", format="csv")
    heads = [uri for operation, uri in run_fixture.objects.calls if operation == "HeadObject"]
    assert len(heads) == 100


def test_gs_s3_014_an_object_that_cannot_be_read_back_stops_the_read(run_fixture):
    run_fixture.land("m01.csv")
    run = run_fixture.start(**put(run_fixture, SOURCE))
    run_fixture.objects.fail_next(
        "HeadObject", ServiceError("denied", code="AccessDenied", operation="HeadObject")
    )
    with pytest.raises(VerificationError, match="GS-S3-014"):
        run.reader.read_s3("s3://landing/flights/", format="csv")


def test_reads_of_awsglue_are_checked_by_a_listing(run_fixture):
    run_fixture.land("m01.csv")
    run = run_fixture.start(**put(run_fixture, SOURCE))
    with pytest.raises(RefusedError, match="GS-S3-014"):
        run.reader.read_custom(["s3://landing/"], format="csv", perform=list)


@pytest.mark.parametrize(
    ("days", "is_in_force"), [(-400, False), (-1, False), (0, True), (1, True), (60, True), (61, False)]
)
def test_an_exception_counts_from_the_limit_to_the_end_of_its_last_day(run_fixture, days, is_in_force):
    # The object lands one hour before the run, which starts on the day of the fake clock.
    text = SOURCE + excepted(expires=TODAY + timedelta(days=days))
    if not is_in_force:
        with pytest.raises(RefusedError, match="GS-S3-014"):
            read(run_fixture, text)
        (state,) = run_fixture.evidence()["policy"]["exceptions"]
        assert (state["in_force"], state["uses"], state["days_left"]) == (False, 0, days)
        (finding,) = findings_of(run_fixture.evidence(), "GS-POL-002")
        assert finding["verdict"] == "FAIL"
        assert "counts for nothing" in finding["found"]
        return
    evidence = read(run_fixture, text)
    assert evidence["outcome"] == "succeeded"
    (finding,) = findings_of(evidence, "GS-S3-014")
    assert finding["verdict"] == "FAIL"
    assert finding["exception"].startswith("SEC-7, platform, until ")
    (state,) = evidence["policy"]["exceptions"]
    assert (state["in_force"], state["uses"], state["days_left"]) == (True, 1, days)
    assert findings_of(evidence, "GS-POL-002")[0]["verdict"] == "PASS"


def test_an_exception_ends_while_a_run_is_open(run_fixture):
    run_fixture.land("m01.csv")
    run = run_fixture.start(**put(run_fixture, SOURCE + excepted()))
    run.reader.read_s3("s3://landing/flights/", format="csv")
    run_fixture.clock.advance(hours=24)
    with pytest.raises(RefusedError, match="GS-S3-014"):
        run.reader.read_s3("s3://landing/flights/", format="csv")


@pytest.mark.parametrize(
    ("control", "resource", "is_match"),
    [
        ("GS-S3-014", "s3://landing/", True),
        ("GS-S3-014", "s3://land*", True),
        ("GS-S3-014", "*//landing/", True),
        ("GS-S3-014", "s3://landing", False),
        ("GS-S3-014", "landing", False),
        ("GS-S3-014", "s3://landing?", False),
        ("GS-S3-014", "s3://.*", False),
        ("GS-CAT-001", "s3://landing/", False),
    ],
)
def test_an_exception_is_for_its_control_and_resource_only(run_fixture, control, resource, is_match):
    text = SOURCE + excepted(control, resource)
    if is_match:
        assert read(run_fixture, text)["outcome"] == "succeeded"
        return
    with pytest.raises(RefusedError, match="GS-S3-014"):
        read(run_fixture, text)
    # An exception in force that nothing matched is reported, too.
    (finding,) = findings_of(run_fixture.evidence(), "GS-POL-002")
    assert (finding["verdict"], finding["found"]) == ("UNKNOWN", "no finding of this run matches")


@pytest.mark.parametrize("with_exception", [False, True])
def test_gs_cat_001_and_002_can_be_excepted(run_fixture, with_exception):
    run_fixture.control_plane.encryption = {
        name: CatalogEncryption("DISABLED", "", passwords=False, password_key="")
        for name in (None, "123456789012")
    }
    run_fixture.control_plane.tables["lake", "flights"] = CatalogTable.from_api(
        {
            "DatabaseName": "lake",
            "Name": "flights",
            "StorageDescriptor": {"Location": "s3://landing/flights/"},
            "Parameters": {"classification": "csv"},
        }
    )
    text = "schema = 1\n"
    if with_exception:
        text += excepted("GS-CAT-001", "*123456789012*") + excepted("GS-CAT-002", "*123456789012*")
    run = run_fixture.start(**put(run_fixture, text))

    if with_exception:
        run.reader.catalog_table("lake", "flights")
        run.connections.read("ops")
        run.commit()
        for control in ("GS-CAT-001", "GS-CAT-002"):
            (finding,) = findings_of(run_fixture.evidence(), control)
            assert (finding["verdict"], bool(finding["exception"])) == ("FAIL", True)
    else:
        with pytest.raises(RefusedError, match="GS-CAT-001"):
            run.reader.catalog_table("lake", "flights")


@pytest.mark.parametrize("with_exception", [False, True])
def test_gs_con_001_can_be_excepted_for_a_table(run_fixture, with_exception):
    arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/flights"
    run_fixture.dynamodb = FakeDynamoDb(DynamoDbTable("flights", arn, "ACTIVE", ("id",), "", "", ""))
    text = "schema = 1\n" + (excepted("GS-CON-001", "*table/flights*") if with_exception else "")
    run = run_fixture.start(**put(run_fixture, text))
    if with_exception:
        run.stores.open_table("flights", DynamoDbAccess(), "write")
    else:
        with pytest.raises(RefusedError, match="GS-CON-001"):
            run.stores.open_table("flights", DynamoDbAccess(), "write")


def test_an_unknown_result_is_never_tolerated():
    exception = PolicyException("GS-CAT-001", "x", "r", "t", "o", TODAY)
    register = ExceptionRegister(
        PolicyFile(exceptions=(exception,)), lambda: datetime(2026, 1, 1, tzinfo=timezone.utc)
    )
    finding = Finding("GS-CAT-001", Verdict.UNKNOWN, "x", "?")
    assert register.tolerated([finding]) == (finding,)
    other = failed("GS-CAT-001", "y", found="f", required="r", fix="x")
    assert register.tolerated([other]) == (other,)
    (tolerated,) = register.tolerated([replace(other, resource="x")])
    assert tolerated.exception
    assert enforce([tolerated]) == (tolerated,)
    with pytest.raises(RefusedError):
        enforce([tolerated, other])


def test_a_pattern_has_no_other_wildcards():
    assert matches("a*c", "abbc")
    assert not matches("a.c", "abc")
    assert not matches("[ab]", "a")
    assert not matches("a*", "ba")


def test_the_page_of_a_run_has_policy_and_exceptions(run_fixture):
    evidence = read(run_fixture, SOURCE + excepted(expires=TODAY + timedelta(days=9)))
    tables = {section.title: section.rows for section in sections(evidence)}
    assert tables["Policy files"][0][0] == str(FILE)
    assert tables["Exceptions"][0][4:] == ("2026-01-10", "9", "True", "1")
    (row,) = tables["Controls that are reported only"]
    assert row[0] == "GS-S3-014" and row[-1].startswith("SEC-7")
    assert "Controls that did not pass" not in tables


@pytest.mark.parametrize(
    ("text", "outcome", "code", "listed"),
    [
        (SOURCE + excepted(), "succeeded", 0, ([], ["GS-S3-014"])),
        (NOTED + excepted(), "succeeded", 0, ([], ["GS-POL-002"])),
        (NOTED + excepted(expires=TODAY - timedelta(days=1)), "succeeded", 0, ([], ["GS-POL-002"])),
        (SOURCE + excepted(expires=TODAY - timedelta(days=1)), "refused", 3, (["GS-S3-014"], ["GS-POL-002"])),
        (SOURCE, "refused", 3, (["GS-S3-014"], [])),
    ],
    ids=["used", "not needed", "expired, not needed", "expired, needed", "none"],
)
def test_exit_codes_are_about_violations_and_not_about_exceptions(
    run_fixture, tmp_path, text, outcome, code, listed
):
    with suppress(RefusedError):
        read(run_fixture, text)
    path = tmp_path / "job=j" / "run=jr" / "evidence.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(run_fixture.evidence()))
    shown = CliRunner().invoke(app, ["evidence", "show", str(path)])
    assert (shown.exit_code, shown.stdout.splitlines()[0].split()[1].strip(",")) == (code, outcome)
    done = CliRunner().invoke(app, ["evidence", "list", "--in", str(tmp_path), "--json"])
    (run,) = json.loads(done.stdout)
    assert (run["not_passed"], run["reported"]) == listed
    for control in (*run["not_passed"], *run["reported"]):
        found = CliRunner().invoke(app, ["evidence", "list", "--in", str(tmp_path), "--control", control])
        assert run["run_id"] in found.stdout


def test_a_source_without_a_requirement_is_noted(run_fixture):
    evidence = read(run_fixture, NOTED)
    (finding,) = findings_of(evidence, "GS-S3-014")
    assert (finding["verdict"], finding["found"]) == ("PASS", "1 of 1 objects, by entry noted: 1 AES256")


def tls_statement(**changes):
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::landing", "arn:aws:s3:::landing/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {name: value for name, value in {**statement, **changes}.items() if value is not None}


TLS_POLICIES = {
    "as AWS documents it": (tls_statement(), True),
    "with a boolean": (tls_statement(Condition={"Bool": {"aws:SecureTransport": False}}), True),
    "of every account": (tls_statement(Principal={"AWS": "*"}), True),
    "an allow": (tls_statement(Effect="Allow"), False),
    "for one principal": (tls_statement(Principal={"AWS": "arn:aws:iam::123456789012:role/etl"}), False),
    "for reads only": (tls_statement(Action="s3:GetObject"), False),
    "for another prefix": (tls_statement(Resource="arn:aws:s3:::landing/other/*"), False),
    "for the bucket only": (tls_statement(Resource="arn:aws:s3:::landing"), False),
    "with TLS": (tls_statement(Condition={"Bool": {"aws:SecureTransport": "true"}}), False),
    "with a second condition": (
        tls_statement(
            Condition={"Bool": {"aws:SecureTransport": "false"}, "StringEquals": {"aws:SourceVpc": "v"}}
        ),
        False,
    ),
    "with a second key": (
        tls_statement(Condition={"Bool": {"aws:SecureTransport": "false", "aws:ViaAWSService": "false"}}),
        False,
    ),
    "without a condition": (tls_statement(Condition=None), False),
    "for all but one action": (tls_statement(Action=None, NotAction="s3:GetObject"), False),
    "none": (None, False),
}


@pytest.mark.parametrize("case", TLS_POLICIES)
def test_gs_s3_014_a_bucket_that_must_be_tls_only_is_one(run_fixture, case):
    statement, is_tls_only = TLS_POLICIES[case]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]}) if statement else ""
    run_fixture.objects.bucket_rules["landing"] = BucketRules("landing", "AES256", "", policy)
    text = 'schema = 1\n[[sources]]\nname = "landing"\nprefix = "s3://landing/"\ntls_only = true\n'
    if is_tls_only:
        assert len(findings_of(read(run_fixture, text), "GS-S3-014")) == 2
    else:
        with pytest.raises(RefusedError, match="GS-S3-014 refused: bucket landing") as caught:
            read(run_fixture, text)
        fixed = f'{{"Statement": [{caught.value.fix.partition(": ")[2]}]}}'
        assert requires_tls(BucketRules("landing", "", "", fixed), S3Uri("landing", ""), "aws")


def test_gs_s3_014_a_bucket_policy_that_cannot_be_read_stops_the_read(run_fixture):
    run_fixture.land("m01.csv")
    text = 'schema = 1\n[[sources]]\nname = "landing"\nprefix = "s3://landing/"\ntls_only = true\n'
    run = run_fixture.start(**put(run_fixture, text))
    denied = ServiceError("denied", code="AccessDenied", operation="GetBucketPolicy")
    run_fixture.objects.fail_next("GetBucketPolicy", denied)
    with pytest.raises(VerificationError, match="GS-S3-014"):
        run.reader.read_s3("s3://landing/flights/", format="csv")
