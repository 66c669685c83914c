"""The commands ``lakeformation``: what they print, and the code they leave with."""

import json

import pytest
from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.run import composition

from .conftest import ACCOUNT, ANALYST, HEAD
from .test_lake_plan import CUSTOMERS, EVERYTHING, TABLE, grant


class Session:
    account = ACCOUNT

    def __init__(self, lake):
        self._lake = lake

    def client(self, name):
        return self._lake.client(name)


@pytest.fixture
def cli(bench, monkeypatch, tmp_path):
    monkeypatch.setattr(composition, "aws_session", lambda: Session(bench.lake))

    def run(*words, text=None):
        if text is not None:
            (tmp_path / "lake.toml").write_text(HEAD + text)
        words = [str(tmp_path / one) if one in ("lake.toml", "plan.json") else one for one in words]
        return CliRunner().invoke(app, ["lakeformation", *words], catch_exceptions=False)

    return run


def test_plan_prints_its_steps_or_one_json_document(cli, bench):
    done = cli("plan", "lake.toml", text=grant(TABLE, "SELECT"))
    assert done.exit_code == 0
    assert "SELECT on table sales.customers" in done.stdout
    held = json.loads(cli("plan", "lake.toml", "--json").stdout)
    assert held["steps"] == [f"grant SELECT on table sales.customers for {ANALYST}"]
    assert (held["account"], held["findings"], held["unnamed"]) == (ACCOUNT, [], 0)
    assert {name for name in bench.lake.requests if not name.startswith(("List", "Get", "Search"))} == set()


def test_gs_lf_001_plan_says_first_what_makes_its_grants_mean_nothing(cli, bench):
    bench.lake.table("sales", "customers", "id", open_to_iam=True)
    done = cli("plan", "lake.toml", text=grant(TABLE, "SELECT"))
    assert done.exit_code == 3
    assert done.stdout.startswith("GS-LF-001: IAMAllowedPrincipals")


def test_a_plan_is_written_reviewed_and_applied_once(cli, bench):
    assert cli("plan", "lake.toml", "--out", "plan.json", text=grant(TABLE, "SELECT")).exit_code == 0
    done = cli("apply", "plan.json", "--yes", "--json")
    assert done.exit_code == 0
    held = json.loads(done.stdout)
    assert held["steps"] == [] and len(held["applied"]) == 1
    assert bench.held(ANALYST) == {json.dumps(CUSTOMERS, sort_keys=True): (["SELECT"], [])}
    with pytest.raises(RefusedError, match="GS-LF-004"):
        cli("apply", "plan.json", "--yes")


def test_apply_twice_changes_nothing_the_second_time(cli, bench):
    assert cli("apply", "lake.toml", "--yes", text=EVERYTHING).exit_code == 0
    bench.lake.requests.clear()
    assert "nothing to change" in cli("apply", "lake.toml").stdout
    assert {name for name in bench.lake.requests if not name.startswith(("List", "Get", "Search"))} == set()


def test_apply_asks_and_without_a_terminal_changes_nothing(cli, bench):
    with pytest.raises(UsageError, match="--yes"):
        cli("apply", "lake.toml", text=grant(TABLE, "SELECT"))
    assert bench.held(ANALYST) == {}


def test_what_happens_to_the_unnamed_is_the_saved_plans_own(cli):
    cli("plan", "lake.toml", "--out", "plan.json", text=grant(TABLE, "SELECT"))
    with pytest.raises(UsageError, match="--unmanaged"):
        cli("apply", "plan.json", "--unmanaged", "everything", "--yes")


def test_gs_lf_003_drift_leaves_with_3_until_the_account_is_what_the_file_says(cli, bench):
    done = cli("drift", "lake.toml", text=grant(TABLE, "SELECT"))
    assert done.exit_code == 3
    assert "1 differences" in done.stdout
    cli("apply", "lake.toml", "--yes")
    assert cli("drift", "lake.toml", "--json").exit_code == 0
    bench.lake.put(ANALYST, CUSTOMERS, "DROP")
    assert cli("drift", "lake.toml").exit_code == 3


@pytest.mark.parametrize(
    "words",
    [("plan", "lake.toml"), ("drift", "lake.toml"), ("import",), ("explain", ANALYST, "sales.orders")],
)
def test_gs_lf_003_denied_is_not_no_grants(cli, bench, words):
    bench.lake.denied.add("ListPermissions")
    with pytest.raises(VerificationError) as caught:
        cli(*words, text=grant(TABLE, "SELECT"))
    assert (caught.value.control, caught.value.aws_code) == ("GS-LF-003", "AccessDeniedException")


def test_import_writes_a_file_that_plans_nothing(cli, bench):
    cli("apply", "lake.toml", "--yes", text=EVERYTHING)
    text = cli("import").stdout
    assert cli("import", "--out", "lake.toml").exit_code == 0
    assert json.loads(cli("plan", "lake.toml", "--json").stdout)["steps"] == []
    assert f'principal = "{ANALYST}"' in text


def test_explain_tells_columns_and_reasons(cli, bench):
    cli("apply", "lake.toml", "--yes", text=EVERYTHING)
    held = json.loads(cli("explain", ANALYST, "sales.orders", "--json").stdout)
    assert held["permissions"] == ["DESCRIBE", "SELECT"]
    assert held["columns"] == {"email": [""], "id": [""], "name": [""]}
    text = cli("explain", ANALYST, "sales.customers.email").stdout
    assert "denies" in text and "email" in text
    with pytest.raises(UsageError, match="COLUMN"):
        cli("explain", ANALYST, "sales.customers.nope")
    with pytest.raises(UsageError, match="TABLE"):
        cli("explain", ANALYST, "sales.nope")
