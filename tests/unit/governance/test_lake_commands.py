"""The commands ``lakeformation``: output and exit codes."""

import json

import pytest
from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.run import composition

from .conftest import ACCOUNT, ANALYST, HEAD, STEWARD
from .test_lake_plan import CUSTOMERS, EVERYTHING, TABLE, grant


class Session:
    account = ACCOUNT

    def __init__(self, lake):
        self._lake = lake

    def client(self, name):
        return self._lake.client(name)


@pytest.fixture
def cli(harness, monkeypatch, tmp_path):
    monkeypatch.setattr(composition, "aws_session", lambda: Session(harness.lake))

    def run(*words, text=None):
        if text is not None:
            (tmp_path / "lake.toml").write_text(HEAD + text)
        words = [str(tmp_path / word) if word in ("lake.toml", "plan.json") else word for word in words]
        return CliRunner().invoke(app, ["lakeformation", *words], catch_exceptions=False)

    return run


def test_plan_prints_its_steps_or_a_json_document(cli, harness):
    result = cli("plan", "lake.toml", text=grant(TABLE, "SELECT"))
    assert result.exit_code == 0
    assert "SELECT on table sales.customers" in result.stdout
    document = json.loads(cli("plan", "lake.toml", "--json").stdout)
    assert document["steps"] == [f"grant SELECT on table sales.customers for {ANALYST}"]
    assert (document["account"], document["findings"], document["unnamed"]) == (ACCOUNT, [], 0)
    assert {name for name in harness.lake.requests if not name.startswith(("List", "Get", "Search"))} == set()


def test_gs_lf_001_plan_reports_first_that_its_grants_have_no_effect(cli, harness):
    harness.lake.table("sales", "customers", "id", open_to_iam=True)
    result = cli("plan", "lake.toml", text=grant(TABLE, "SELECT"))
    assert result.exit_code == 3
    assert result.stdout.startswith("GS-LF-001: IAMAllowedPrincipals")


def test_a_saved_plan_can_be_applied_once(cli, harness):
    assert cli("plan", "lake.toml", "--out", "plan.json", text=grant(TABLE, "SELECT")).exit_code == 0
    result = cli("apply", "plan.json", "--yes", "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["steps"] == [] and len(document["applied"]) == 1
    assert harness.granted(ANALYST) == {json.dumps(CUSTOMERS, sort_keys=True): (["SELECT"], [])}
    with pytest.raises(RefusedError, match="GS-LF-004"):
        cli("apply", "plan.json", "--yes")


def test_a_second_apply_changes_nothing(cli, harness):
    assert cli("apply", "lake.toml", "--yes", text=EVERYTHING).exit_code == 0
    harness.lake.requests.clear()
    assert "nothing to change" in cli("apply", "lake.toml").stdout
    assert {name for name in harness.lake.requests if not name.startswith(("List", "Get", "Search"))} == set()


def test_apply_without_a_terminal_requires_yes(cli, harness):
    with pytest.raises(UsageError, match="--yes"):
        cli("apply", "lake.toml", text=grant(TABLE, "SELECT"))
    assert harness.granted(ANALYST) == {}


def test_a_saved_plan_does_not_accept_unmanaged(cli):
    cli("plan", "lake.toml", "--out", "plan.json", text=grant(TABLE, "SELECT"))
    with pytest.raises(UsageError, match="--unmanaged"):
        cli("apply", "plan.json", "--unmanaged", "everything", "--yes")


def test_gs_lf_003_drift_exits_with_3_if_the_account_differs_from_the_file(cli, harness):
    result = cli("drift", "lake.toml", text=grant(TABLE, "SELECT"))
    assert result.exit_code == 3
    assert "1 differences" in result.stdout
    cli("apply", "lake.toml", "--yes")
    assert cli("drift", "lake.toml", "--json").exit_code == 0
    harness.lake.put(ANALYST, CUSTOMERS, "DROP")
    assert cli("drift", "lake.toml").exit_code == 3


@pytest.mark.parametrize(
    "words",
    [("plan", "lake.toml"), ("drift", "lake.toml"), ("import",), ("explain", ANALYST, "sales.orders")],
)
def test_gs_lf_003_a_denied_request_is_an_error(cli, harness, words):
    harness.lake.denied.add("ListPermissions")
    with pytest.raises(VerificationError) as caught:
        cli(*words, text=grant(TABLE, "SELECT"))
    assert (caught.value.control, caught.value.aws_code) == ("GS-LF-003", "AccessDeniedException")


def test_the_plan_of_an_imported_file_is_empty(cli, harness):
    cli("apply", "lake.toml", "--yes", text=EVERYTHING)
    text = cli("import").stdout
    assert cli("import", "--out", "lake.toml").exit_code == 0
    assert json.loads(cli("plan", "lake.toml", "--json").stdout)["steps"] == []
    assert f'principal = "{ANALYST}"' in text


def test_explain_prints_columns_and_reasons(cli, harness):
    cli("apply", "lake.toml", "--yes", text=EVERYTHING)
    document = json.loads(cli("explain", ANALYST, "sales.orders", "--json").stdout)
    assert document["permissions"] == ["DESCRIBE", "SELECT"]
    assert document["columns"] == {"email": [""], "id": [""], "name": [""]}
    text = cli("explain", ANALYST, "sales.customers.email").stdout
    assert "denies" in text and "email" in text
    with pytest.raises(UsageError, match="COLUMN"):
        cli("explain", ANALYST, "sales.customers.nope")
    with pytest.raises(UsageError, match="TABLE"):
        cli("explain", ANALYST, "sales.nope")


def test_apply_needs_a_flag_if_no_principal_can_use_a_database_afterwards(cli, harness):
    harness.lake.put("IAM_ALLOWED_PRINCIPALS", {"Database": {"Name": "sales"}}, "ALL")
    text = '[settings]\nclose_to_iam = ["*"]\n'
    shown = cli("plan", "lake.toml", text=text)
    assert "only data lake administrators can use sales" in shown.stdout
    with pytest.raises(UsageError, match="no grant on sales"):
        cli("apply", "lake.toml", "--yes")
    assert harness.granted("IAM_ALLOWED_PRINCIPALS")
    assert cli("apply", "lake.toml", "--yes", "--close-access").exit_code == 0
    assert not harness.granted("IAM_ALLOWED_PRINCIPALS")


@pytest.mark.parametrize("file_grants", [True, False])
def test_a_grant_keeps_a_database_open_to_a_principal(cli, harness, file_grants):
    harness.lake.put("IAM_ALLOWED_PRINCIPALS", {"Database": {"Name": "sales"}}, "ALL")
    text = '[settings]\nclose_to_iam = ["sales"]\n'
    if file_grants:
        text += grant(TABLE, "SELECT")
    else:
        harness.lake.put(STEWARD, {"Table": {"DatabaseName": "sales", "Name": "orders"}}, "SELECT")
    assert "only data lake administrators" not in cli("plan", "lake.toml", text=text).stdout
    assert cli("apply", "lake.toml", "--yes").exit_code == 0


@pytest.mark.parametrize(
    ("user", "group_of_user"),
    [
        (
            f"arn:aws:iam::{ACCOUNT}:saml-provider/idp:user/alice",
            f"arn:aws:iam::{ACCOUNT}:saml-provider/idp:group/a",
        ),
        ("arn:aws:identitystore:::user/1-2", "arn:aws:identitystore:::group/3-4"),
    ],
)
def test_explain_counts_the_grants_to_the_groups_that_are_given(cli, harness, user, group_of_user):
    harness.lake.put(user, {"Table": {"DatabaseName": "sales", "Name": "orders"}}, "DESCRIBE")
    harness.lake.put(group_of_user, {"Table": {"DatabaseName": "sales", "Name": "orders"}}, "SELECT")
    alone = cli("explain", user, "sales.orders").stdout
    assert "groups, as given with --group: none" in alone
    assert "permissions: DESCRIBE\n" in alone
    with_group = cli("explain", user, "sales.orders", "--group", group_of_user).stdout
    assert "permissions: DESCRIBE, SELECT\n" in with_group
    assert group_of_user in with_group


def test_gs_lf_005_a_grant_that_the_account_excludes_is_found_by_plan_and_drift_and_not_applied(cli, harness):
    harness.lake.put(ANALYST, CUSTOMERS, "INSERT")
    text = grant(TABLE + '\ncolumns = ["id"]', "SELECT")
    for command in ("plan", "drift"):
        result = cli(command, "lake.toml", text=text)
        assert result.exit_code == 3
        assert "GS-LF-005" in result.stdout and "--unmanaged principals" in result.stdout
    with pytest.raises(RefusedError, match="GS-LF-005"):
        cli("apply", "lake.toml", "--yes")
    assert list(harness.granted(ANALYST).values()) == [(["INSERT"], [])]
    assert cli("apply", "lake.toml", "--unmanaged", "principals", "--yes").exit_code == 0
    assert list(harness.granted(ANALYST).values()) == [(["SELECT"], [])]
