"""Snapshots of an account, and explanations for many principals and tables, offline and online."""

import json
from datetime import datetime, timezone

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.governance.lakeformation import batch, snapshot
from glue_secure.governance.lakeformation.explain import explain

from .conftest import ACCOUNT, ANALYST, OTHER, STEWARD
from .test_lake_commands import cli  # noqa: F401 - a fixture
from .test_lake_plan import EVERYTHING, TABLE, grant

NOW = datetime(2026, 11, 29, 12, tzinfo=timezone.utc)
GROUP = f"arn:aws:iam::{ACCOUNT}:saml-provider/idp:group/a"
USER = f"arn:aws:iam::{ACCOUNT}:saml-provider/idp:user/alice"
FAR = "arn:aws:iam::999999999999:role/far"
NESTED = {"Table": {"CatalogId": f"{ACCOUNT}:redshift", "DatabaseName": "sales", "Name": "orders"}}
FOREIGN = {"Table": {"CatalogId": "999999999999", "DatabaseName": "sales", "Name": "orders"}}


@pytest.fixture
def account(harness):
    """Return an account with each kind of grant, links, an open table, and grants in other catalogs."""
    lake = harness.lake
    lake.table("sales", "customers", "id", "name", "email", partition_keys=("day",))
    lake.table("hr", "staff", "id", open_to_iam=True)
    lake.table("hr", "empty")
    lake.table("sales", "people")
    lake.table("sales", "shared")
    lake.links["sales", "people"] = {"DatabaseName": "hr", "Name": "staff"}
    lake.links["sales", "shared"] = {
        "CatalogId": "999999999999",
        "DatabaseName": "far",
        "Name": "away",
    }
    harness.apply(EVERYTHING)
    lake.put(GROUP, {"Table": {"DatabaseName": "hr", "Name": "empty"}}, "DESCRIBE")
    lake.put(OTHER, {"Table": {"DatabaseName": "sales", "Name": "people"}}, "DESCRIBE")
    lake.put(STEWARD, NESTED, "SELECT")
    lake.permissions[OTHER, json.dumps(FOREIGN), ""] = ({"SELECT"}, set())
    lake.settings["ReadOnlyAdmins"] = [{"DataLakePrincipalIdentifier": FAR}]
    return harness.account


@pytest.fixture
def taken(account, tmp_path):
    path = tmp_path / "snapshot.json"
    snapshot.write(snapshot.take(account, NOW), path)
    return path


def names_of(tables):
    return [f"{table.database}.{table.name}" for table in tables]


MEMBERS = [
    batch.Member(ANALYST),
    batch.Member(STEWARD),
    batch.Member(OTHER),
    batch.Member(USER, frozenset([GROUP])),
    batch.Member(f"arn:aws:sts::{ACCOUNT}:assumed-role/analyst/session"),
    batch.Member(FAR),
]


def test_a_snapshot_and_the_lists_give_the_same_access_as_the_account(account, taken):
    offline = snapshot.read(taken)
    every = list(account.tables())
    assert sorted(names_of(every)) == sorted(names_of(offline.tables())) == [
        "hr.empty", "hr.staff", "sales.customers", "sales.orders", "sales.people", "sales.shared",
    ]  # fmt: skip
    by_pair = {}
    for state, tables in ((account, every), (offline, list(offline.tables()))):
        for row in batch.explain_all(state, MEMBERS, tables, tables):
            key = (row.member.principal, row.table.database, row.table.name)
            by_pair.setdefault(key, []).append(row.access)
    assert len(by_pair) == 36
    for (principal, database, name), accesses in by_pair.items():
        if name == "shared":
            assert accesses == [None, None]
            continue
        groups = next(member.groups for member in MEMBERS if member.principal == principal)
        single = explain(account, principal, f"{database}.{name}", groups).access
        again = explain(offline, principal, f"{database}.{name}", groups).access
        assert again == single
        for access in accesses:
            assert (access.by_iam, access.permissions, access.columns) == (
                single.by_iam, single.permissions, single.columns
            )  # fmt: skip


def test_a_table_that_the_snapshot_lacks_is_rejected(taken):
    offline = snapshot.read(taken)
    for name, catalog in (("sales.nope", ""), ("sales.orders", "redshift")):
        with pytest.raises(UsageError, match="a table of the snapshot of 2026-11-29T12:00:00"):
            explain(offline, ANALYST, name, catalog=catalog)


@pytest.mark.parametrize("size", [1, 3])
def test_a_snapshot_has_every_page_of_each_list(account, harness, size):
    whole = snapshot.take(account, NOW)
    harness.lake.page = size
    assert snapshot.take(account, NOW) == whole


INVALID = {
    "no grants": lambda content: content.pop("grants"),
    "another member": lambda content: content.update(more=1),
    "another schema": lambda content: content.update(schema="x"),
    "no time": lambda content: content.update(taken="today"),
    "grants as numbers": lambda content: content.update(grants=[1]),
    "grants without a resource": lambda content: content.update(grants=[{}]),
    "tables as a text": lambda content: content.update(tables="x"),
    "a table without tags": lambda content: content["tables"][0].pop("tags"),
    "a target of two names": lambda content: content["tables"][0].update(target=["a", "b"]),
    "expressions as a list": lambda content: content.update(expressions=[]),
    "no administrators": lambda content: content.update(administrators=None),
}


@pytest.mark.parametrize("change", INVALID)
def test_an_edited_snapshot_that_is_not_complete_is_rejected(taken, change):
    content = json.loads(taken.read_text())
    INVALID[change](content)
    taken.write_text(json.dumps(content))
    with pytest.raises(UsageError, match=r"snapshot\.json"):
        snapshot.read(taken)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "\x00", "[" * 100_000, '{"a": 1, "a": 2}'])
def test_a_text_that_is_not_a_snapshot_is_rejected(tmp_path, text):
    path = tmp_path / "snapshot.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"snapshot\.json"):
        snapshot.read(path)


def test_explain_with_a_snapshot_sends_no_request(cli, account, harness, tmp_path):  # noqa: F811
    path = tmp_path / "s.json"
    assert "6 tables in" in cli("snapshot", "--out", str(path)).stdout
    online = json.loads(cli("explain", ANALYST, "sales.orders", "--json").stdout)
    harness.lake.requests.clear()
    offline = json.loads(cli("explain", ANALYST, "sales.orders", "--snapshot", str(path), "--json").stdout)
    assert offline.pop("snapshot") and online.pop("snapshot") is None
    assert offline == online
    assert cli("explain", ANALYST, "sales.orders", "--snapshot", str(path)).stdout.startswith("snapshot of ")
    assert harness.lake.requests == {}


def test_explain_lists_the_access_of_many_principals_to_many_tables(cli, taken, tmp_path):  # noqa: F811
    people, tables = tmp_path / "people", tmp_path / "tables"
    people.write_text(f"# people\n{ANALYST}\n{USER} {GROUP}  # with a group\n\n{ANALYST}\n{OTHER}\n")
    tables.write_text("sales.c*\nHR.*\n")
    words = ("explain", "--snapshot", str(taken), "--principals", str(people), "--tables", str(tables))
    document = json.loads(cli(*words, "--json").stdout)
    assert (document["account"], document["snapshot"]) == (ACCOUNT, "2026-11-29T12:00:00+00:00")
    assert (document["pairs"], document["without_access"]) == (9, 4)
    rows = {(row["principal"], row["table"]): row for row in document["rows"]}
    assert rows[ANALYST, "hr.staff"]["by_iam"] is True
    assert rows[USER, "hr.empty"]["permissions"] == ["DESCRIBE"]
    assert rows[USER, "hr.empty"]["groups"] == [GROUP]
    assert rows[ANALYST, "sales.customers"]["columns"]["name"] == ["region = 'eu'"]
    assert (OTHER, "sales.customers") not in rows
    text = cli(*words).stdout
    assert "5 of 9 pairs of principal and table with access" in text
    assert "name (where region = 'eu')" in text and "as IAM allows" in text


def test_without_a_list_of_tables_all_tables_are_explained(cli, account, tmp_path):  # noqa: F811
    people = tmp_path / "people"
    people.write_text(f"{OTHER}\n")
    text = cli("explain", "--principals", str(people)).stdout
    assert "resource link to far.away of account 999999999999" in text
    assert "account 123456789012: 3 of 6 pairs" in text


@pytest.mark.parametrize(
    "words",
    [
        (),
        (ANALYST,),
        (ANALYST, "sales.orders", "--principals", "people"),
        (ANALYST, "--principals", "people"),
        ("--tables", "people"),
        ("--principals", "people", "--group", GROUP),
        ("--principals", "people", "--catalog", "redshift"),
    ],
)
def test_arguments_that_do_not_fit_together_are_rejected(cli, words):  # noqa: F811
    with pytest.raises(UsageError, match="lakeformation explain"):
        cli("explain", *words)


@pytest.mark.parametrize(
    ("people", "tables", "message"),
    [
        ("", "sales.orders", "no entry"),
        ("# nothing\n", "sales.orders", "no entry"),
        (ANALYST, "\n", "no entry"),
        (ANALYST, "sales.nope", "sales.nope"),
        (ANALYST, "orders", "orders"),
        (None, "sales.orders", "people"),
    ],
)
def test_a_list_without_a_known_entry_is_rejected(cli, taken, tmp_path, people, tables, message):  # noqa: F811
    if people is not None:
        (tmp_path / "people").write_text(people)
    (tmp_path / "tables").write_text(tables)
    files = ("--principals", str(tmp_path / "people"), "--tables", str(tmp_path / "tables"))
    with pytest.raises(UsageError, match=message):
        cli("explain", "--snapshot", str(taken), *files)


def test_a_grant_on_the_table_itself_appears_in_the_reasons_of_a_list(cli, harness, tmp_path):  # noqa: F811
    harness.apply(grant(TABLE, "INSERT"))
    (tmp_path / "tables").write_text("sales.customers")
    result = cli("explain", ANALYST, "--tables", str(tmp_path / "tables"), "--json")
    (row,) = json.loads(result.stdout)["rows"]
    assert row["reasons"] == [f"INSERT on table sales.customers for {ANALYST}"]
    assert row["permissions"] == ["DESCRIBE", "INSERT"]
