"""``DataLakeSettings`` in the permissions file, in plans, in drift, and in the exported file."""

import json

import pytest

from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.governance.lakeformation.export import export
from glue_secure.governance.lakeformation.file import parse
from glue_secure.governance.lakeformation.plan import make_plan
from glue_secure.governance.lakeformation.settings import Setting, Settings
from glue_secure.testing.lake_formation import ADMIN

from .conftest import ANALYST, OTHER, STEWARD
from .test_lake_commands import cli  # noqa: F401 - a fixture
from .test_lake_plan import TABLE, apply_saved, grant, saved_plan

ALL_SETTINGS = f"""
[settings]
administrators = ["{ADMIN}", "steward"]
read_only_administrators = ["analyst"]
external_data_filtering = true
full_table_external_data_access = true
external_data_filtering_accounts = ["111122223333"]
authorized_session_tag_values = ["Amazon EMR"]
trusted_resource_owners = ["444455556666"]
cross_account_version = 4
set_source_identity = true
"""
FOREIGN = "arn:aws:iam::999999999999:role/foreign"


def identifiers(*names):
    return [{"DataLakePrincipalIdentifier": name} for name in names]


def test_every_setting_is_applied_and_no_other_member_is_lost(harness):
    harness.lake.settings["Parameters"] = {"SET_CONTEXT": "TRUE", "CROSS_ACCOUNT_VERSION": "1"}
    assert harness.apply(ALL_SETTINGS).steps == ()
    assert harness.lake.settings == {
        "DataLakeAdmins": identifiers(ADMIN, STEWARD),
        "ReadOnlyAdmins": identifiers(ANALYST),
        "CreateDatabaseDefaultPermissions": [],
        "CreateTableDefaultPermissions": [],
        "Parameters": {
            "SET_CONTEXT": "TRUE",
            "CROSS_ACCOUNT_VERSION": "4",
            "SET_SOURCE_IDENTITY": "TRUE",
        },
        "TrustedResourceOwners": ["444455556666"],
        "AllowExternalDataFiltering": True,
        "AllowFullTableExternalDataAccess": True,
        "ExternalDataFilteringAllowList": identifiers("111122223333"),
        "AuthorizedSessionTagValueList": ["Amazon EMR"],
    }
    assert harness.steps(ALL_SETTINGS) == []


def test_a_setting_that_the_file_does_not_contain_is_not_changed(harness):
    harness.apply(ALL_SETTINGS)
    before = json.loads(json.dumps(harness.lake.settings))
    harness.apply("[settings]\ncross_account_version = 3\n")
    before["Parameters"]["CROSS_ACCOUNT_VERSION"] = "3"
    assert harness.lake.settings == before


def test_settings_that_allow_less_come_first_and_administrators_are_removed_last(harness):
    harness.apply(ALL_SETTINGS)
    harness.lake.put(ANALYST, {"Database": {"Name": "sales"}}, "ALTER")
    text = (
        '[settings]\nadministrators = ["steward"]\nread_only_administrators = []\n'
        'external_data_filtering = false\nexternal_data_filtering_accounts = ["777788889999"]\n'
        + grant(TABLE, "SELECT")
    )
    steps = harness.plan(text, "principals").steps
    assert [str(step) for step in steps] == [
        "change setting external_data_filtering = false",
        "change setting external_data_filtering_accounts: - 111122223333",
        f"grant SELECT on table sales.customers for {ANALYST}",
        f"revoke ALTER on database sales for {ANALYST}",
        "extend setting external_data_filtering_accounts: + 777788889999",
        f"remove from setting administrators: - {ADMIN}",
        f"remove from setting read_only_administrators: - {ANALYST}",
    ]
    assert harness.apply(text, "principals").steps == ()


def test_an_administrator_of_another_user_stays_in_a_list_that_is_changed(harness):
    plan = harness.plan(ALL_SETTINGS)
    harness.lake.settings["DataLakeAdmins"] = identifiers(ADMIN, OTHER)
    (step,) = [
        step for step in plan.steps if getattr(step.subject, "setting", None) is Setting.ADMINISTRATORS
    ]
    harness.account.change_setting(step.subject)
    assert harness.lake.settings["DataLakeAdmins"] == identifiers(ADMIN, OTHER, STEWARD)


def test_a_parameter_gets_the_value_of_the_file_if_another_user_changes_it(harness):
    harness.lake.settings["Parameters"] = {"CROSS_ACCOUNT_VERSION": "3"}
    (step,) = harness.plan("[settings]\ncross_account_version = 4\n").steps
    harness.lake.settings["Parameters"] = {"CROSS_ACCOUNT_VERSION": "2"}
    harness.account.change_setting(step.subject)
    assert harness.lake.settings["Parameters"] == {"CROSS_ACCOUNT_VERSION": "4"}


def test_gs_lf_005_settings_without_effect_are_refused(harness):
    harness.lake.ignored_operations.add("PutDataLakeSettings")
    with pytest.raises(RefusedError, match="GS-LF-005"):
        harness.apply(ALL_SETTINGS)


@pytest.mark.parametrize(
    ("lost", "name"),
    [
        ({"TrustedResourceOwners": []}, "trusted_resource_owners"),
        ({"Parameters": {"CROSS_ACCOUNT_VERSION": "3"}}, "other settings"),
    ],
)
def test_gs_lf_005_a_setting_that_changes_without_a_step_is_refused(harness, monkeypatch, lost, name):
    harness.lake.settings.update(
        {"TrustedResourceOwners": ["444455556666"], "Parameters": {"SET_CONTEXT": "TRUE"}}
    )
    put = type(harness.lake)._PutDataLakeSettings

    def put_and_lose(self, parameters):
        put(self, parameters)
        self.settings = {**self.settings, **lost}
        return {}

    monkeypatch.setattr(type(harness.lake), "_PutDataLakeSettings", put_and_lose)
    with pytest.raises(RefusedError, match=f"{name} changed although no step changes"):
        harness.apply("[settings]\ncross_account_version = 3\n")


@pytest.mark.parametrize("member", [setting for setting in Setting if setting is not Setting.ADMINISTRATORS])
def test_gs_lf_004_a_saved_plan_is_refused_if_a_setting_has_changed(harness, tmp_path, member):
    path = saved_plan(harness, tmp_path, grant(TABLE, "SELECT"))
    document = dict(harness.lake.settings)
    member.put(document, ["4"])
    harness.lake.settings = document
    with pytest.raises(RefusedError, match="GS-LF-004"):
        apply_saved(harness, path)


def test_the_exported_file_has_all_settings_and_its_plan_is_empty(harness):
    harness.apply(ALL_SETTINGS)
    exported = parse(export(harness.account), "exported")
    assert exported.settings == Settings.from_api(harness.lake.settings).values
    assert make_plan(exported, harness.account).steps == ()


def test_a_deleted_administrator_is_exported_as_a_comment(harness):
    harness.lake.settings["DataLakeAdmins"] = identifiers(ADMIN, "AROAEXAMPLEID")
    text = export(harness.account)
    assert '# Not managed by this file: administrators = ["AROAEXAMPLEID"' in text
    assert make_plan(parse(text, "exported"), harness.account).steps == ()


def test_plan_and_drift_show_settings_that_are_not_in_the_file_and_foreign_administrators(cli, harness):  # noqa: F811
    harness.lake.settings["ReadOnlyAdmins"] = identifiers(FOREIGN)
    harness.lake.settings["AllowFullTableExternalDataAccess"] = True
    text = f'[settings]\nadministrators = ["{ADMIN}"]\n'
    for command in ("plan", "drift"):
        result = cli(command, "lake.toml", text=text)
        assert result.exit_code == 0
        assert f"not in [settings]: read_only_administrators = {FOREIGN}" in result.stdout
        assert f"read_only_administrators of other accounts: {FOREIGN}" in result.stdout
        assert "not in [settings]: full_table_external_data_access = true" in result.stdout
    document = json.loads(cli("plan", "lake.toml", "--json").stdout)["settings"]
    assert document["administrators"] == {"account": [ADMIN], "file": [ADMIN]}
    assert document["read_only_administrators"] == {"account": [FOREIGN], "file": None}


def test_gs_lf_003_drift_finds_a_changed_setting(cli, harness):  # noqa: F811
    text = f'[settings]\nadministrators = ["{ADMIN}"]\nfull_table_external_data_access = false\n'
    assert cli("drift", "lake.toml", text=text).exit_code == 0
    harness.lake.settings["DataLakeAdmins"] = identifiers(ADMIN, FOREIGN)
    harness.lake.settings["AllowFullTableExternalDataAccess"] = True
    result = cli("drift", "lake.toml")
    assert result.exit_code == 3
    assert "2 differences" in result.stdout


@pytest.mark.parametrize(
    ("line", "member"),
    [
        ("administrators = []", "administrators"),
        ('administrators = ["111122223333"]', "administrators"),
        ('administrators = ["arn:aws:iam::111122223333:group/a"]', "administrators"),
        ('administrators = ["arn:aws:sts::111122223333:assumed-role/a/b"]', "administrators"),
        ('administrators = ["analyst", "analyst"]', "administrators"),
        (f"administrators = {json.dumps([f'arn:aws:iam::1111222233{n}:role/a' for n in range(10, 41)])}",
         "administrators"),
        ('read_only_administrators = ["IAM_ALLOWED_PRINCIPALS"]', "read_only_administrators"),
        ("external_data_filtering = 1", "external_data_filtering"),
        ('external_data_filtering_accounts = ["12"]', "external_data_filtering_accounts"),
        ('trusted_resource_owners = ["arn:aws:iam::111122223333:root"]', "trusted_resource_owners"),
        ("cross_account_version = 6", "cross_account_version"),
        ("cross_account_version = true", "cross_account_version"),
        ('set_source_identity = "TRUE"', "set_source_identity"),
        ("data_lake_admins = []", "data_lake_admins"),
    ],
)  # fmt: skip
def test_an_invalid_setting_is_rejected(harness, line, member):
    with pytest.raises(UsageError) as caught:
        harness.plan(f"[settings]\n{line}\n")
    assert caught.value.resource == f"p.toml:6 settings.{member}"
    assert harness.lake.requests == {}
