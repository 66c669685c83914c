"""GS-S3-013: Iceberg catalogs, whose S3 client ignores Hadoop's settings."""

from __future__ import annotations

import pytest

from glue_secure.core.findings import Verdict
from glue_secure.core.iceberg import check_catalogs, is_decisive, plan_catalogs
from glue_secure.core.spark_conf import check_settings, plan_settings

LAKE = "spark.sql.catalog.lake"
ICEBERG = {LAKE: "org.apache.iceberg.spark.SparkCatalog"}


def failing(settings, key):
    return [
        (f.control, f.resource.split()[-1])
        for f in check_catalogs(settings, key)
        if f.verdict is Verdict.FAIL
    ]


@pytest.mark.parametrize("kind", ["SparkCatalog", "SparkSessionCatalog", "rest.Other"])
def test_missing_settings_of_a_catalog_are_planned_and_then_pass(key_arn, kind):
    settings = {LAKE: f"org.apache.iceberg.spark.{kind}"}
    planned = plan_catalogs(settings, key_arn)
    assert planned == {f"{LAKE}.s3.sse.type": "kms", f"{LAKE}.s3.sse.key": str(key_arn)}
    assert failing({**settings, **planned}, key_arn) == []
    assert plan_catalogs({**settings, **planned}, key_arn) == {}


@pytest.mark.parametrize("settings", [{}, {LAKE: "org.apache.spark.sql.delta.catalog.DeltaCatalog"}])
def test_other_catalogs_are_not_changed(key_arn, settings):
    assert plan_catalogs(settings, key_arn) == {}
    assert check_catalogs(settings, key_arn) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("s3.sse.type", "none"),
        ("s3.sse.type", "s3"),
        ("s3.sse.type", "custom"),
        ("s3.sse.type", "KMS"),
        ("s3.sse.key", "alias/other"),
        ("s3.sse.md5", "x"),
        ("client.factory", "com.example.Factory"),
        ("s3.client-factory-impl", "com.example.Factory"),
    ],
)
def test_gs_s3_013_contrary_settings_of_a_catalog_are_not_changed_and_rejected(key_arn, name, value):
    settings = {**ICEBERG, f"{LAKE}.{name}": value}
    found = {**settings, **plan_catalogs(settings, key_arn)}
    assert found[f"{LAKE}.{name}"] == value
    assert failing(found, key_arn) == [("GS-S3-013", f"{LAKE}.{name}")]


def test_gs_s3_013_a_catalog_defined_after_job_init_is_rejected(key_arn):
    assert failing(ICEBERG, key_arn) == [
        ("GS-S3-013", f"{LAKE}.s3.sse.type"),
        ("GS-S3-013", f"{LAKE}.s3.sse.key"),
    ]


@pytest.mark.parametrize("endpoint", ["http://s3.eu-west-1.amazonaws.com", "https://elsewhere.example.com"])
def test_gs_s3_002_the_endpoint_of_a_catalog_is_the_drivers_over_tls(key_arn, endpoint):
    plan = plan_settings(key_arn, s3_endpoint="https://s3.eu-west-1.amazonaws.com")
    settings = {
        **ICEBERG,
        **plan.settings,
        **plan_catalogs(ICEBERG, key_arn),
        f"{LAKE}.s3.endpoint": endpoint,
    }
    found = [f for f in check_settings(plan, settings) if f.verdict is Verdict.FAIL]
    assert [(f.control, f.resource) for f in found] == [("GS-S3-002", f"setting {LAKE}.s3.endpoint")]


@pytest.mark.parametrize(
    ("name", "decisive"),
    [
        (LAKE, True),
        (f"{LAKE}.s3.sse.type", True),
        (f"{LAKE}.s3.endpoint", True),
        (f"{LAKE}.client.factory", True),
        (f"{LAKE}.password", False),
        (f"{LAKE}.s3.secret-access-key", False),
        ("spark.sql.catalogImplementation", False),
    ],
)
def test_only_decisive_settings_are_read_from_the_session(name, decisive):
    assert is_decisive(name) is decisive


def test_path_style_addressing_of_s3a_applies_to_icebergs_client(key_arn):
    planned = plan_catalogs(ICEBERG, key_arn, path_style=True)
    assert planned[f"{LAKE}.s3.path-style-access"] == "true"
    assert failing({**ICEBERG, **planned}, key_arn) == []
    own = {**ICEBERG, f"{LAKE}.s3.path-style-access": "false"}
    assert f"{LAKE}.s3.path-style-access" not in plan_catalogs(own, key_arn, path_style=True)
