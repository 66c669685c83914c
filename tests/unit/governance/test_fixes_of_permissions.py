"""The fixes of Lake Formation's permissions and of the catalog's settings, carried out as they are worded."""

import pytest
from typed_fixes import Cases, carry_out, command, controls_of

from glue_secure.core.findings import enforce
from glue_secure.governance import catalog
from glue_secure.governance.lakeformation.preflight import check_job

from .conftest import ANALYST
from .test_catalog_settings import ONE, TWO, FakeSettings
from .test_catalog_settings import plan as plan_settings
from .test_lake_commands import cli  # noqa: F401 - a fixture
from .test_lake_plan import CUSTOMERS, TABLE, apply_saved, grant, saved_plan

CASES = Cases()


@CASES.of("GS-LF-003")
def a_caller_that_sees_no_permissions(get):
    lake = get("harness").lake
    lake.denied.add("ListPermissions")
    error = yield lambda: get("cli")("plan", "lake.toml", text=grant(TABLE, "SELECT"))
    edits = [(r"use a data lake administrator, or a read-only one for plan", lake.denied.clear)]
    carry_out(error.fix, edits)


@CASES.of("GS-LF-004")
def an_account_that_has_changed_since_the_plan(get):
    harness, folder = get("harness"), get("tmp_path")
    plans = [saved_plan(harness, folder, grant(TABLE, "SELECT"))]
    harness.lake.put(ANALYST, CUSTOMERS, "DESCRIBE")
    error = yield lambda: apply_saved(harness, plans[-1])

    def plan_again():
        plans.append(saved_plan(harness, folder, grant(TABLE, "SELECT")))

    carry_out(error.fix, [(r"plan again and review the new plan", plan_again)])


@CASES.of("GS-LF-005")
def a_grant_that_the_account_excludes(get):
    harness = get("harness")
    harness.lake.put(ANALYST, CUSTOMERS, "INSERT")
    modes = ["leave"]
    text = grant(TABLE + '\ncolumns = ["id"]', "SELECT")
    error = yield lambda: harness.apply(text, modes[-1])
    pattern = r"plan and apply with --unmanaged (?P<mode>\w+)"
    carry_out(error.fix, [(pattern, lambda mode: modes.append(mode))])


@CASES.of("GS-LF-005")
def a_step_that_failed(get):
    harness = get("harness")
    harness.lake.failing = lambda entry: "ConcurrentModificationException"
    error = yield lambda: harness.apply(grant(TABLE, "SELECT"))

    def correct():
        harness.lake.failing = lambda entry: ""

    carry_out(error.fix, [(r"(?:fix its cause, then )?plan again|all other steps were applied", correct)])


@CASES.of("GS-LF-006")
def a_role_without_the_permissions_of_its_job(get):
    harness = get("harness")
    error = yield lambda: enforce(check_job(harness.account, ANALYST, reads=["sales.customers"]))
    pattern = r"add them to \[\[grants\]\] of the permissions file, and run glue-secure lakeformation apply"
    carry_out(error.fix, [(pattern, lambda: harness.apply(grant(TABLE, "SELECT", "DESCRIBE")))])
    assert command(error.fix, "glue-secure")[0][1:] == ["lakeformation", "apply", "FILE"]


@CASES.of("GS-CAT-004")
def settings_that_changed_since_the_plan(get):
    settings = FakeSettings()
    plans = [plan_settings(settings, key=ONE)]
    settings.settings = plan_settings(settings, key=TWO).after
    error = yield lambda: catalog.apply(settings, plans[-1])
    edits = [(r"\Aplan again", lambda: plans.append(plan_settings(settings, key=ONE)))]
    carry_out(error.fix, edits)


@CASES.of("GS-CAT-004")
def a_role_that_may_not_write_the_settings(get):
    settings = FakeSettings(denied=["Put"])
    planned = plan_settings(settings, key=ONE)
    error = yield lambda: catalog.apply(settings, planned)

    def allow():
        settings.denied = ()

    carry_out(error.fix, [(r"use a role that has glue:PutDataCatalogEncryptionSettings", allow)])


@pytest.mark.parametrize("name", CASES)
def test_a_fix_carried_out_literally_makes_the_control_pass(name, request):
    CASES.check(name, request.getfixturevalue)


def test_the_table_has_the_controls_of_this_file():
    assert {control for control, _ in CASES.values()} == controls_of(__file__)
