"""docs/lake-formation.md: its worked example gives what its table says, and its words are the code's."""

import re
from pathlib import Path

import pytest

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
    made = Account(**{name: lake.client(name) for name in ("lakeformation", "glue")}, account=ACCOUNT)
    desired = parse(TOML, "docs/lake-formation.md")
    apply_plan(make_plan(desired, made), made, pause=lambda _seconds: None)
    return made


@pytest.mark.parametrize(("who", "customers", "orders"), ROWS)
def test_the_worked_example_gives_what_its_table_says(account, who, customers, orders):
    for table, told in (("customers", customers), ("orders", orders)):
        found = explain(account, f"arn:aws:iam::{ACCOUNT}:role/{who}", f"sales.{table}").access
        seen = [column for column, rows in found.columns.items() if rows]
        assert (", ".join(seen) or "nothing") == told
        assert found.permissions == ({"SELECT", "DESCRIBE"} if seen else frozenset())


def test_the_table_tells_of_everybody():
    assert [row[0] for row in ROWS] == ["privacy", "analyst", "billing"]


def test_harmless_columns_are_opened_by_one_more_value(account):
    wider = TOML.replace('["public", "internal"], pii', '["public", "internal", "confidential"], pii')
    assert wider != TOML
    desired = parse(wider, "wider")
    apply_plan(make_plan(desired, account), account, pause=lambda _seconds: None)
    found = explain(account, f"arn:aws:iam::{ACCOUNT}:role/analyst", "sales.customers").access
    assert [column for column, rows in found.columns.items() if rows] == ["id", "region"]


def test_every_permission_that_the_reference_allows_stands_in_the_document():
    from glue_secure.governance.lakeformation.reference import ALLOWED

    words = {one.value for allowed in ALLOWED.values() for one in allowed}
    assert {word for word in words if not re.search(rf"\b{word}\b", TEXT)} == set()
