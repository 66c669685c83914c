"""GS-LF-006: Lake Formation permissions that a job's role needs."""

import json

import pytest
from check_removal import remove_findings

from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Verdict
from glue_secure.governance.lakeformation.access import LakeFacts, TableFacts, evaluate
from glue_secure.governance.lakeformation.model import Grant, Kind, Resource
from glue_secure.governance.lakeformation.preflight import check_job

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
    assert missing(harness, fine_grained=True, **reads) == []
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
