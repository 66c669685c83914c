"""The target of a call to awsglue comes from its options; options with two locations are rejected."""

from __future__ import annotations

import pytest

from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.engines.awsglue.options import (
    JdbcTarget,
    S3Target,
    parse_sink,
    parse_source,
    with_enforced_ssl,
)

LOCATION, OTHER = "s3://curated/a/", "s3://other/b/"


@pytest.mark.parametrize(
    "options",
    [
        {"path": LOCATION, "paths": [OTHER]},
        {"path": LOCATION, "Path": OTHER},
        {"PATHS": [OTHER], "paths": [LOCATION]},
        {"path": LOCATION, "redshiftTmpDir": OTHER},
        {"path": LOCATION, "checkpointLocation": OTHER},
    ],
)
def test_a_call_may_name_one_location_only(options):
    for parse in (parse_source, parse_sink):
        with pytest.raises(UsageError, match=r"options of an S3|paths="):
            parse("s3", "json", options)


@pytest.mark.parametrize("connection_type", ["iceberg", "hudi", "redis", ""])
def test_an_unknown_connection_type_is_rejected(connection_type):
    for parse in (parse_source, parse_sink):
        with pytest.raises(UsageError, match="a kind that glue-secure does not guard"):
            parse(connection_type, "parquet", {"path": LOCATION, "paths": [LOCATION]})


@pytest.mark.parametrize("location", ["http://curated/a", "file:///a", "/a", "hdfs://x/a"])
def test_gs_s3_006_a_location_outside_s3_is_rejected(location):
    with pytest.raises(RefusedError, match="GS-S3-006"):
        parse_sink("s3", "json", {"path": location})


@pytest.mark.parametrize("name", ["password", "User", "URL"])
def test_gs_tls_008_credentials_in_options_are_rejected_and_not_shown(name):
    options = {"connectionName": "ops", "useConnectionProperties": "true", "dbtable": "t", name: "hunter2"}
    with pytest.raises(RefusedError, match="GS-TLS-008") as caught:
        parse_source("postgresql", None, options)
    assert "hunter2" not in str(caught.value)


def test_enforce_ssl_is_replaced_in_any_spelling():
    assert with_enforced_ssl({"EnforceSSL": "false", "dbtable": "t"}) == {
        "enforceSSL": "true",
        "dbtable": "t",
    }


def test_options_are_parsed_to_targets():
    assert parse_source("s3", "json", {"paths": [LOCATION, OTHER]}) == S3Target((LOCATION, OTHER), "json")
    assert parse_sink("parquet", None, {"path": LOCATION}) == S3Target((LOCATION,), "parquet")
    options = {"connectionName": "ops", "useConnectionProperties": True, "dbtable": "t"}
    target = parse_source("postgresql", None, options)
    assert isinstance(target, JdbcTarget)
    assert (target.connection, target.table) == ("ops", "t")
