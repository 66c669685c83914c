"""GS-LF-006: Lake Formation permissions that a job's role needs."""

import json
from types import SimpleNamespace

import boto3
import pytest
from check_removal import remove_findings
from moto import mock_aws

from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Verdict
from glue_secure.governance.lakeformation.access import LakeFacts, TableFacts, evaluate
from glue_secure.governance.lakeformation.account import Account
from glue_secure.governance.lakeformation.direct_access import direct_permissions
from glue_secure.governance.lakeformation.model import Grant, Kind, Resource
from glue_secure.governance.lakeformation.preflight import AccessMode, check_job
from glue_secure.run import composition

from .conftest import ACCOUNT, ANALYST, STEWARD
from .test_lake_commands import cli  # noqa: F401 - a fixture
from .test_lake_plan import CUSTOMERS

COLUMNS = {"TableWithColumns": {"DatabaseName": "sales", "Name": "customers", "ColumnNames": ["id"]}}
SALES = {"Database": {"Name": "sales"}}


def missing(harness, **operations):
    findings = check_job(harness.account, ANALYST, **operations)
    return [finding.found for finding in findings if finding.verdict is Verdict.FAIL]


def test_a_read_needs_select_and_every_column(harness):
    reads = {"reads": ["sales.customers"]}
    assert missing(harness, **reads) == ["no DESCRIBE on the table, no SELECT on the table"]
    harness.lake.put(ANALYST, COLUMNS, "SELECT")
    (found,) = missing(harness, **reads)
    assert "columns name, email" in found
    assert missing(harness, mode=AccessMode.FINE_GRAINED, **reads) == []
    harness.lake.put(ANALYST, CUSTOMERS, "SELECT")
    assert missing(harness, **reads) == []


def test_a_write_needs_insert_and_alter(harness):
    harness.lake.put(ANALYST, CUSTOMERS, "INSERT")
    assert missing(harness, writes=["sales.customers"]) == ["no ALTER on the table"]
    harness.lake.put(ANALYST, CUSTOMERS, "ALTER")
    assert missing(harness, writes=["sales.customers"]) == []


@pytest.mark.parametrize(
    "grant",
    [
        lambda lake: lake.put(ANALYST, SALES, "CREATE_TABLE"),
        lambda lake: lake.put(ANALYST, SALES, "ALL"),
        lambda lake: lake.put("IAM_ALLOWED_PRINCIPALS", SALES, "ALL"),
        lambda lake: lake.put(
            ANALYST,
            {
                "LFTagPolicy": {
                    "ResourceType": "DATABASE",
                    "Expression": [{"TagKey": "t", "TagValues": ["a"]}],
                }
            },
            "CREATE_TABLE",
        ),
    ],
)
def test_new_tables_need_create_table_on_the_database(harness, grant):
    harness.lake.tags["t"] = ["a", "b"]
    harness.lake.tag("sales", t="a")
    harness.lake.put(STEWARD, SALES, "CREATE_TABLE")
    harness.lake.put(ANALYST, SALES, "DESCRIBE")
    assert missing(harness, creates=["sales"]) == ["no CREATE_TABLE on the database"]
    grant(harness.lake)
    assert missing(harness, creates=["sales"]) == []


def test_tables_at_a_registered_location_need_access_to_it(harness):
    harness.lake.resources["a"] = {"ResourceArn": "arn:aws:s3:::lake/sales"}
    assert missing(harness, locations=["s3://elsewhere/x/", "s3://lake/sales2/"]) == []
    assert missing(harness, locations=["s3://lake/sales/new/"]) == ["no DATA_LOCATION_ACCESS on the location"]
    for arn, count in (("arn:aws:s3:::lake/sales/n", 1), ("arn:aws:s3:::lake/sales", 0)):
        harness.lake.put(ANALYST, {"DataLocation": {"ResourceArn": arn}}, "DATA_LOCATION_ACCESS")
        assert len(missing(harness, locations=["s3://lake/sales/new/"])) == count


def test_a_database_s_own_location_and_administrators_need_no_permission_on_it(harness):
    harness.lake.resources["a"] = {"ResourceArn": "arn:aws:s3:::lake/sales"}
    harness.lake.put(ANALYST, SALES, "CREATE_TABLE")
    new = {"creates": ["sales"], "locations": ["s3://lake/sales/new/"]}
    assert missing(harness, **new) == ["no DATA_LOCATION_ACCESS on the location"]
    harness.lake.databases["sales"]["LocationUri"] = "s3://lake/sales"
    assert missing(harness, **new) == []
    harness.lake.databases["sales"]["LocationUri"] = "hdfs://lake/sales"
    assert missing(harness, **new) == ["no DATA_LOCATION_ACCESS on the location"]
    harness.lake.settings["DataLakeAdmins"] = [{"DataLakePrincipalIdentifier": ANALYST}]
    assert missing(harness, **new) == []


def test_nothing_is_missing_if_only_iam_permissions_apply(harness):
    harness.lake.table("sales", "customers", "id", open_to_iam=True)
    assert missing(harness, reads=["sales.customers"], writes=["sales.customers"]) == []


def test_a_missing_table_is_a_usage_error(harness):
    for name in ("sales.nope", "sales", "a.b.c", ""):
        with pytest.raises(UsageError, match="TABLE"):
            missing(harness, reads=[name])


def test_the_command_exits_with_3_and_prints_missing_permissions(cli, harness):  # noqa: F811
    harness.lake.put(ANALYST, CUSTOMERS, "SELECT")
    assert cli("preflight", ANALYST, "--read", "sales.customers").exit_code == 0
    result = cli("preflight", ANALYST, "--read", "sales.customers", "--write", "sales.orders", "--json")
    assert result.exit_code == 3
    verdicts = [(finding["control"], finding["verdict"]) for finding in json.loads(result.stdout)["findings"]]
    assert verdicts == [("GS-LF-006", "PASS"), ("GS-LF-006", "FAIL")]
    with pytest.raises(UsageError, match="--read"):
        cli("preflight", ANALYST)


def test_without_its_check_a_control_does_not_pass(harness, monkeypatch):
    harness.lake.put(ANALYST, CUSTOMERS, "SELECT")
    reads = {"reads": ["sales.customers"]}
    assert {finding.verdict for finding in check_job(harness.account, ANALYST, **reads)} == {Verdict.PASS}
    remove_findings(monkeypatch, "glue_secure.governance.lakeformation.preflight:_finding", "GS-LF-006")
    assert [finding for finding in check_job(harness.account, ANALYST, **reads) if finding is not None] == []


def test_partition_keys_are_read_with_any_column_and_inserters_read_the_table():
    table = TableFacts(ACCOUNT, "sales", "orders", ("id", "name", "day"), partition_keys=frozenset(("day",)))

    def columns(resource, permission):
        grants = (Grant(ANALYST, resource, frozenset((permission,))),)
        read = evaluate(ANALYST, table, LakeFacts(grants)).columns
        return [name for name, rows in read.items() if rows]

    assert columns(Resource(Kind.COLUMNS, "sales", "orders", values=("id",)), "SELECT") == ["id", "day"]
    assert columns(Resource(Kind.OTHER_COLUMNS, "sales", "orders", values=("id", "day")), "SELECT") == [
        "name",
        "day",
    ]
    assert columns(Resource(Kind.COLUMNS, "sales", "orders", values=("gone",)), "SELECT") == []
    assert columns(Resource(Kind.TABLE, "sales", "orders"), "INSERT") == ["id", "name", "day"]
    assert columns(Resource(Kind.TABLE, "sales", "orders"), "ALTER") == []
    alter = LakeFacts((Grant(ANALYST, Resource(Kind.TABLE, "sales", "orders"), frozenset(("ALTER",))),))
    assert evaluate(ANALYST, table, alter).permissions == {"ALTER", "DESCRIBE"}


READ = ("s3:GetObject",)
ACTIONS = (*READ, "s3:PutObject", "s3:DeleteObject")
PLACE = "arn:aws:s3:::lake/sales/customers"


def statement(actions="s3:GetObject", resources="arn:aws:s3:::lake/*", effect="Allow", **more):
    return {"Effect": effect, "Action": actions, "Resource": resources, **more}


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([], ()),
        ([statement()], READ),
        (statement(), READ),
        ([statement("*", "*")], ACTIONS),
        ([statement("s3:*", ["arn:aws:s3:::other/*", "arn:aws:s3:::lake/*"])], ACTIONS),
        ([statement(["s3:getobject", "S3:Put*"])], ("s3:GetObject", "s3:PutObject")),
        ([statement(resources="arn:aws:s3:::lake")], ()),
        ([statement(resources="arn:aws:s3:::lake/sales/customers/part-?.parquet")], READ),
        ([statement(resources="arn:aws:s3:::lake/sales/customers")], ()),
        ([statement(resources="arn:aws:s3:::lake/sales/customers2/*")], ()),
        ([statement(resources="arn:aws:s3:::lake/*/customers/*")], READ),
        ([statement(resources="arn:aws:s3:::l?ke/sales/*")], READ),
        ([statement(resources="arn:aws:s3:::lake/${aws:username}/*")], READ),
        ([statement(resources="arn:aws:s3:::lake/hr/*")], ()),
        ([statement("s3:ListBucket")], ()),
        ([statement(), statement(effect="Deny")], ()),
        ([statement(), statement(effect="Deny", resources=f"{PLACE}/a*")], READ),
        ([statement(), statement(effect="Deny", Condition={"Bool": {"aws:ViaAWSService": "false"}})], READ),
        ([statement(Condition={"StringEquals": {"aws:PrincipalTag/a": "b"}})], READ),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], ACTIONS),
        ([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], ()),
        ([{"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::lake/*"}], ()),
        ([{"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::lake/hr/*"}], READ),
        ([statement(), {"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::code/*"}], ()),
    ],
)  # fmt: skip
def test_the_actions_that_policies_allow_at_a_location(statements, allowed):
    found = direct_permissions([("p", {"Statement": statements})], PLACE, ACTIONS)
    assert found == dict.fromkeys(allowed, "p")


@pytest.fixture
def iam():
    with mock_aws():
        client = boto3.client("iam", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        client.create_role(RoleName="analyst", AssumeRolePolicyDocument="{}")
        yield client


def attach(iam, *statements):
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    iam.put_role_policy(RoleName="analyst", PolicyName="own", PolicyDocument=document)


def direct(harness, iam, role=ANALYST, **operations):
    """Return the verdicts and texts of GS-LF-008."""
    clients = {name: harness.lake.client(name) for name in ("lakeformation", "glue")}
    findings = check_job(Account(**clients, account=ACCOUNT, iam=iam), role, **operations)
    return [(each.verdict.value, each.found) for each in findings if each.control == "GS-LF-008"]


def test_gs_lf_008_a_role_s_own_s3_permissions_are_compared_with_its_grants(harness, iam):
    harness.lake.locations["sales", "customers"] = "s3://lake/sales/customers/"
    harness.lake.locations["sales", "orders"] = "S3a://Old_Bucket/orders"
    harness.lake.resources["b"] = {"ResourceArn": "arn:aws:s3:::Old_Bucket"}
    reads = {"reads": ["sales.customers"]}
    attach(iam, statement())
    assert direct(harness, iam, reads=["sales.orders"]) == [("PASS", "none")]
    assert direct(harness, iam, **reads) == []  # not registered: IAM decides
    harness.lake.resources["a"] = {"ResourceArn": "arn:aws:s3:::lake/sales"}
    assert direct(harness, iam, **reads) == [("FAIL", "s3:GetObject by policy own")]
    harness.lake.put(ANALYST, COLUMNS, "SELECT")  # one column: the objects have all of them
    assert direct(harness, iam, **reads) == [("FAIL", "s3:GetObject by policy own")]
    harness.lake.put(ANALYST, CUSTOMERS, "SELECT")
    assert direct(harness, iam, **reads) == [("PASS", "s3:GetObject: no more than its grants")]
    attach(iam, statement("s3:*"))
    (found,) = direct(harness, iam, **reads)
    assert found == ("FAIL", "s3:PutObject by policy own, s3:DeleteObject by policy own")
    harness.lake.put(ANALYST, CUSTOMERS, "INSERT")
    assert direct(harness, iam, **reads)[0][0] == "PASS"
    attach(iam, statement(resources="arn:aws:s3:::code/*"))
    assert direct(harness, iam, **reads) == [("PASS", "none")]
    attach(iam, statement())
    harness.lake.put("IAM_ALLOWED_PRINCIPALS", CUSTOMERS, "ALL")
    assert direct(harness, iam, **reads) == []  # IAM alone decides


def test_gs_lf_008_attached_policies_count_and_unreadable_ones_are_unknown(harness, iam, cli, monkeypatch):  # noqa: F811
    harness.lake.locations["sales", "customers"] = "s3://lake/sales/customers/"
    harness.lake.resources["a"] = {"ResourceArn": "arn:aws:s3:::lake"}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement("s3:Get*", "*")})
    arn = iam.create_policy(PolicyName="reader", PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="analyst", PolicyArn=arn)
    reads = {"reads": ["sales.customers"]}
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/analyst/run"
    assert direct(harness, iam, role=session, **reads) == [("FAIL", "s3:GetObject by policy reader")]
    for role in (ANALYST.replace("analyst", "missing"), f"arn:aws:iam::{ACCOUNT}:user/u"):
        assert [verdict for verdict, _ in direct(harness, iam, role=role, **reads)] == ["UNKNOWN"]
    harness.lake.put(STEWARD, CUSTOMERS, "SELECT")
    session = SimpleNamespace(
        account=ACCOUNT, client=lambda name: iam if name == "iam" else lake.client(name)
    )
    lake = harness.lake
    monkeypatch.setattr(composition, "aws_session", lambda: session)
    result = cli("preflight", STEWARD, "--read", "sales.customers", "--json")
    assert result.exit_code == 4
    assert "NoSuchEntity" in result.stdout


def test_what_a_mode_needs_depends_on_the_version_of_glue(harness, cli):  # noqa: F811
    harness.lake.put(ANALYST, CUSTOMERS, "SELECT", "INSERT", "ALTER")
    writes = {"writes": ["sales.customers"]}
    assert missing(harness, **writes, mode=AccessMode.FINE_GRAINED, glue="5.1") == []
    (found,) = missing(harness, **writes, mode=AccessMode.FINE_GRAINED, glue="5.0")
    assert "writes with the role's own S3 permissions" in found
    full = {"mode": AccessMode.FULL_TABLE, **writes}
    setting, *_ = missing(harness, **full)
    assert setting == "full_table_external_data_access = false"
    harness.lake.settings["AllowFullTableExternalDataAccess"] = True
    assert missing(harness, **full) == ["no DELETE on the table, no DROP on the table"]
    harness.lake.put(ANALYST, CUSTOMERS, "ALL")
    assert missing(harness, **full) == []
    for mode in (AccessMode.FINE_GRAINED, AccessMode.FULL_TABLE):
        with pytest.raises(UsageError, match=r"Glue 5\.0 or later"):
            missing(harness, mode=mode, glue="4.0", **writes)
    assert missing(harness, glue="4.0", **writes) == []
    words = ("preflight", ANALYST, "--write", "sales.customers")
    assert cli(*words, "--fine-grained", "--glue-version", "5.0").exit_code == 3
    assert cli(*words, "--full-table-access").exit_code == 0
    with pytest.raises(UsageError, match="one mode"):
        cli(*words, "--fine-grained", "--full-table-access")
    with pytest.raises(UsageError, match="such as 5"):
        cli(*words, "--glue-version", "latest")
