"""The table of documented access: ``explain`` and ``preflight`` agree with it, and so does a naive model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lake_states import ACCOUNT, ALL_OF_A_TABLE, LINKS, TABLES, NaiveModel, State, principal_of

from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Verdict
from glue_secure.governance.lakeformation.account import Account
from glue_secure.governance.lakeformation.explain import explain
from glue_secure.governance.lakeformation.preflight import check_job

try:
    import tomllib
except ImportError:
    import tomli as tomllib

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "lake_formation" / "access.toml"
STATES = tomllib.loads(VECTORS.read_text(encoding="utf-8"))["states"]


def rows_of(name, cells):
    """Return each row of a kind with its state, as a parameter of a test."""
    for state in STATES:
        for line in state.get(name, "").strip().splitlines():
            row = [cell.strip() for cell in line.split("|")]
            assert len(row) == cells, line
            yield pytest.param(state, *row, id=f"{state['name']}: {' | '.join(row[:3])}")


ROWS = list(rows_of("rows", 4))
CREATES = list(rows_of("creates", 5))
_ACCOUNTS = {}


def account_of(state):
    """Return the account with a state. Each state is loaded once."""
    if state["name"] not in _ACCOUNTS:
        lake = State.parse(state).load()
        clients = {name: lake.client(name) for name in ("lakeformation", "glue")}
        _ACCOUNTS[state["name"]] = Account(**clients, account=ACCOUNT)
    return _ACCOUNTS[state["name"]]


def who_of(text):
    principal, _, groups = text.partition(" with ")
    return principal_of(principal), frozenset(map(principal_of, re.split(r",\s*", groups) if groups else ()))


def expected_of(table, permissions, reads):
    """Return whether IAM decides alone, the permissions, and row filters by column, of a row of the table."""
    by_iam = permissions == "IAM"
    names = ALL_OF_A_TABLE if by_iam else frozenset(permissions.split()) - {"-"}
    name = tuple(table.split("."))
    every = sum(TABLES[LINKS.get(name, name)], ())
    columns = {column: set() for column in every}
    for part in reads.split(";"):
        listed, _, where = part.strip().partition(" where ")
        shown = {"*": every, "-": ()}.get(listed, listed.split(", "))
        for column in shown:
            columns[column].add(where)
    return by_iam, names, {column: frozenset(rows) for column, rows in columns.items()}


@pytest.mark.parametrize(("state", "who", "table", "permissions", "reads"), ROWS)
def test_explain_gives_the_documented_access(state, who, table, permissions, reads):
    principal, groups = who_of(who)
    access = explain(account_of(state), principal, table, groups).access
    found = (access.by_iam, access.permissions, dict(access.columns))
    assert found == expected_of(table, permissions, reads)


@pytest.mark.parametrize(("state", "who", "table", "permissions", "reads"), ROWS)
def test_the_naive_model_gives_the_documented_access(state, who, table, permissions, reads):
    model = NaiveModel(State.parse(state))
    found = model.access(*who_of(who), *table.split("."))
    assert found == expected_of(table, permissions, reads)


@pytest.mark.parametrize(("state", "who", "database", "location", "creates", "located"), CREATES)
def test_new_tables_and_locations_are_allowed_as_documented(state, who, database, location, creates, located):
    principal, _ = who_of(who)
    findings = check_job(account_of(state), principal, creates=[database], locations=[location])
    assert [finding.verdict is Verdict.PASS for finding in findings] == [creates == "yes", located == "yes"]
    model = NaiveModel(State.parse(state))
    assert model.may_create_tables(principal, database) == (creates == "yes")
    assert model.may_use_location(principal, database, location) == (located == "yes")


def test_every_state_names_its_page_and_rule_and_every_grant_has_a_row():
    for state in STATES:
        assert re.fullmatch(r"(?:https://docs\.aws\.amazon\.com/\S+|[A-Za-z-]+)\.html", state["page"])
        assert state["rule"].endswith(".")
        rows = state.get("rows", "") + state.get("creates", "")
        for grant in state.get("grants", ()):
            grantee = re.search(r" to (\S+)", grant)[1]
            name = grantee.partition("/")[2]
            assert not name or name in rows, f"{state['name']}: {grant}"


def test_a_resource_link_to_another_account_is_explained_there():
    lake = State().load()
    lake.link("hr", "shared", "sales.customers", account="999999999999")
    account = Account(**{name: lake.client(name) for name in ("lakeformation", "glue")}, account=ACCOUNT)
    with pytest.raises(UsageError, match="run the command in account 999999999999"):
        explain(account, principal_of("role/a"), "hr.shared")
