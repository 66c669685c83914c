"""GS-LF-006: what a job's role needs of Lake Formation, and lacks."""

import json

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Verdict
from glue_secure.governance.lakeformation.preflight import check_job

from .conftest import ANALYST, STEWARD
from .test_lake_commands import cli  # noqa: F401 - a fixture
from .test_lake_plan import CUSTOMERS

COLUMNS = {"TableWithColumns": {"DatabaseName": "sales", "Name": "customers", "ColumnNames": ["id"]}}
SALES = {"Database": {"Name": "sales"}}


def lacks(bench, **does):
    return [one.found for one in check_job(bench.account, ANALYST, **does) if one.verdict is Verdict.FAIL]


def test_a_read_needs_select_and_every_column(bench):
    reads = {"reads": ["sales.customers"]}
    assert lacks(bench, **reads) == ["no DESCRIBE on the table, no SELECT on the table"]
    bench.lake.put(ANALYST, COLUMNS, "SELECT")
    (found,) = lacks(bench, **reads)
    assert "columns name, email" in found
    assert lacks(bench, fine_grained=True, **reads) == []
    bench.lake.put(ANALYST, CUSTOMERS, "SELECT")
    assert lacks(bench, **reads) == []


def test_a_write_needs_insert_and_alter(bench):
    bench.lake.put(ANALYST, CUSTOMERS, "INSERT")
    assert lacks(bench, writes=["sales.customers"]) == ["no ALTER on the table"]
    bench.lake.put(ANALYST, CUSTOMERS, "ALTER")
    assert lacks(bench, writes=["sales.customers"]) == []


@pytest.mark.parametrize(
    "give",
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
def test_new_tables_need_create_table_on_the_database(bench, give):
    bench.lake.tags["t"] = ["a", "b"]
    bench.lake.tag("sales", t="a")
    bench.lake.put(STEWARD, SALES, "CREATE_TABLE")
    bench.lake.put(ANALYST, SALES, "DESCRIBE")
    assert lacks(bench, creates=["sales"]) == ["no CREATE_TABLE on the database"]
    give(bench.lake)
    assert lacks(bench, creates=["sales"]) == []


def test_tables_at_a_registered_location_need_access_to_it(bench):
    bench.lake.resources["a"] = {"ResourceArn": "arn:aws:s3:::lake/sales"}
    assert lacks(bench, locations=["s3://elsewhere/x/", "s3://lake/sales2/"]) == []
    assert lacks(bench, locations=["s3://lake/sales/new/"]) == ["no DATA_LOCATION_ACCESS on the location"]
    for arn, short in (("arn:aws:s3:::lake/sales/n", 1), ("arn:aws:s3:::lake/sales", 0)):
        bench.lake.put(ANALYST, {"DataLocation": {"ResourceArn": arn}}, "DATA_LOCATION_ACCESS")
        assert len(lacks(bench, locations=["s3://lake/sales/new/"])) == short


def test_while_iam_alone_decides_lake_formation_withholds_nothing(bench):
    bench.lake.table("sales", "customers", "id", open_to_iam=True)
    assert lacks(bench, reads=["sales.customers"], writes=["sales.customers"]) == []


def test_a_table_that_is_not_there_is_wrong_usage(bench):
    for name in ("sales.nope", "sales", "a.b.c", ""):
        with pytest.raises(UsageError, match="TABLE"):
            lacks(bench, reads=[name])


def test_the_command_leaves_with_3_and_says_what_is_lacking(cli, bench):  # noqa: F811
    bench.lake.put(ANALYST, CUSTOMERS, "SELECT")
    assert cli("preflight", ANALYST, "--read", "sales.customers").exit_code == 0
    done = cli("preflight", ANALYST, "--read", "sales.customers", "--write", "sales.orders", "--json")
    assert done.exit_code == 3
    verdicts = [(one["control"], one["verdict"]) for one in json.loads(done.stdout)["findings"]]
    assert verdicts == [("GS-LF-006", "PASS"), ("GS-LF-006", "FAIL")]
    with pytest.raises(UsageError, match="--read"):
        cli("preflight", ANALYST)
