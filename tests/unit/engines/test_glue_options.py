"""Checks of Glue's options that both engines share."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.engines.glue_options import (
    reject_credentials,
    require_connection_name,
    require_known_options,
    require_run_account,
    require_table_name,
)

CONNECTION = {"connectionName": "ops", "useConnectionProperties": "true", "dbtable": "t"}


def test_an_unknown_option_is_rejected_with_the_known_ones():
    require_known_options({"path": "x"}, ("path",), "a sink")
    with pytest.raises(UsageError, match=r"(?s)a sink.*paht.*required: partitionKeys, path"):
        require_known_options({"paht": "x"}, ("path", "partitionKeys"), "a sink")


def test_the_likely_name_of_a_misspelt_option_is_in_the_fix():
    with pytest.raises(UsageError) as caught:
        require_known_options({"groupfile": "x", "zzz": 1}, ("groupFiles", "groupSize"), "a source")
    assert caught.value.fix == "write groupFiles instead of groupfile"


@pytest.mark.parametrize("name", ["password", "PassWord"])
def test_gs_tls_008_credentials_are_rejected_without_their_value(name):
    with pytest.raises(RefusedError, match="GS-TLS-008") as caught:
        reject_credentials({name: "hunter2"}, ("password",), "a source")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("value", ["true", "True", True])
def test_the_connection_that_the_options_name_is_returned(value):
    assert require_connection_name({**CONNECTION, "useConnectionProperties": value}, "a source") == "ops"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"connectionName": "ops"},
        {**CONNECTION, "connectionName": ""},
        {"useConnectionProperties": "true"},
    ],
)
def test_options_without_a_connection_are_rejected(options):
    with pytest.raises(UsageError, match="connectionName, useConnectionProperties, dbtable"):
        require_connection_name(options, "a source")


def test_name_space_is_the_older_name_of_database():
    assert require_table_name("from_catalog", "lake", "flights", None) == ("lake", "flights")
    assert require_table_name("from_catalog", None, "flights", "lake") == ("lake", "flights")


@pytest.mark.parametrize(
    ("database", "table_name", "name_space", "message"),
    [
        (None, "flights", None, "no database"),
        ("lake", "flights", "lake", "database and name_space"),
        ("lake", None, None, "no table_name"),
    ],
)
def test_an_incomplete_table_name_is_rejected(database, table_name, name_space, message):
    with pytest.raises(UsageError, match=message):
        require_table_name("from_catalog", database, table_name, name_space)


def test_the_data_catalog_of_another_account_is_rejected():
    run = SimpleNamespace(preflight=SimpleNamespace(account="111122223333"))
    for catalog_id in (None, "", "111122223333"):
        require_run_account(run, "from_catalog", catalog_id)
    with pytest.raises(UsageError, match="999999999999"):
        require_run_account(run, "from_catalog", "999999999999")
