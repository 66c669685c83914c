"""docs/lake-formation.md: its example has the documented result, and it lists every permission."""

import re
from pathlib import Path

import pytest

from glue_secure.embedded.lake_tables import COLUMNS, PERMISSIONS
from glue_secure.governance.lakeformation.account import Account
from glue_secure.governance.lakeformation.apply import apply_plan
from glue_secure.governance.lakeformation.explain import explain
from glue_secure.governance.lakeformation.file import parse
from glue_secure.governance.lakeformation.plan import make_plan
from glue_secure.testing.lake_formation import FakeLakeFormation

from .conftest import ACCOUNT

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "lake-formation.md").read_text(encoding="utf-8")
TOML = re.search(r"```toml\n(.*?)```", TEXT, re.DOTALL)[1]
ROWS = re.findall(r"^\| (privacy|analyst|billing) \| (.+?) \| (.+?) \|$", TEXT, re.MULTILINE)


@pytest.fixture(scope="module")
def account():
    lake = FakeLakeFormation()
    lake.table("sales", "customers", "id", "region", "email", "name")
    lake.table("sales", "orders", "id", "amount")
    clients = {name: lake.client(name) for name in ("lakeformation", "glue")}
    account = Account(**clients, account=ACCOUNT)
    desired = parse(TOML, "docs/lake-formation.md")
    apply_plan(make_plan(desired, account), account, pause=lambda _seconds: None)
    return account


@pytest.mark.parametrize(("role", "customers", "orders"), ROWS)
def test_the_example_gives_the_columns_of_its_table(account, role, customers, orders):
    for table, documented in (("customers", customers), ("orders", orders)):
        access = explain(account, f"arn:aws:iam::{ACCOUNT}:role/{role}", f"sales.{table}").access
        columns = [column for column, rows in access.columns.items() if rows]
        assert (", ".join(columns) or "nothing") == documented
        assert access.permissions == ({"SELECT", "DESCRIBE"} if columns else frozenset())


def test_the_demo_applies_the_example():
    assert PERMISSIONS == TOML
    assert COLUMNS == {"customers": ("id", "region", "email", "name"), "orders": ("id", "amount")}


def test_the_table_has_a_row_for_each_role():
    assert [row[0] for row in ROWS] == ["privacy", "analyst", "billing"]


def test_another_tag_value_gives_access_to_more_columns(account):
    wider = TOML.replace('["public", "internal"], pii', '["public", "internal", "confidential"], pii')
    assert wider != TOML
    desired = parse(wider, "wider")
    apply_plan(make_plan(desired, account), account, pause=lambda _seconds: None)
    access = explain(account, f"arn:aws:iam::{ACCOUNT}:role/analyst", "sales.customers").access
    assert [column for column, rows in access.columns.items() if rows] == ["id", "region"]


def test_the_page_lists_every_permission():
    from glue_secure.governance.lakeformation.reference import ALLOWED

    names = {permission.value for allowed in ALLOWED.values() for permission in allowed}
    assert {name for name in names if not re.search(rf"\b{name}\b", TEXT)} == set()
