"""GS-S3-013: Iceberg catalogs, whose S3 client ignores Hadoop's settings."""

from __future__ import annotations

import pytest

from glue_secure.core.findings import Verdict
from glue_secure.core.iceberg import check_catalogs, check_services, is_decisive, is_service, plan_catalogs
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


@pytest.mark.parametrize("kind", ["SparkCachedTableCatalog", "SparkRewriteTableCatalog"])
def test_catalogs_that_iceberg_adds_for_reads_and_rewrites_are_accepted(key_arn, kind):
    settings = {"spark.sql.catalog.default_cache_iceberg": f"org.apache.iceberg.spark.{kind}"}
    assert plan_catalogs(settings, key_arn) == {}
    assert failing(settings, key_arn) == []


DEFAULT = "spark.sql.catalog.default_iceberg"


def test_the_catalog_of_iceberg_s_source_is_accepted_with_hadoop_s_file_systems_only(key_arn):
    settings = {DEFAULT: "org.apache.iceberg.spark.SparkCatalog", f"{DEFAULT}.type": "hive"}
    assert all(map(is_decisive, [*settings, f"{DEFAULT}.io-impl", f"{DEFAULT}.catalog-impl"]))
    assert failing(settings, key_arn) == []
    for name, text in (
        ("io-impl", "org.apache.iceberg.aws.s3.S3FileIO"),
        ("catalog-impl", "x"),
        ("type", "glue"),
    ):
        assert ("GS-S3-013", f"{DEFAULT}.s3.sse.type") in failing(
            {**settings, f"{DEFAULT}.{name}": text}, key_arn
        )
    assert failing({DEFAULT: settings[DEFAULT]}, key_arn)


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


PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("name", "value", "verdict"),
    [
        ("uri", "https://glue.eu-west-1.amazonaws.com/iceberg", PASS),
        ("uri", "http://catalog.example.com", FAIL),
        ("uri", " HTTP://catalog.example.com", FAIL),
        ("uri", "https://catalog.example.com,http://catalog.example.com", FAIL),
        ("uri", "catalog.example.com:8181", UNKNOWN),
        ("uri", "thrift://metastore:9083", UNKNOWN),
        ("uri", "jdbc:postgresql://db/catalog?useSSL=false", UNKNOWN),
        ("uri", "jdbc:sqlite:file:/tmp/catalog", PASS),
        ("oauth2-server-uri", "http://idp.example.com/token", FAIL),
        ("oauth2-server-uri", "https://idp.example.com/token", PASS),
        ("glue.endpoint", "http://proxy.example.com", FAIL),
        ("s3.signer.uri", "http://signer.example.com", FAIL),
        ("dynamodb.endpoint", "tcp://proxy.example.com", UNKNOWN),
        ("rest.token-endpoint", "http://idp.example.com", FAIL),
        ("client.refresh-credentials-endpoint", "http://catalog.example.com/credentials", FAIL),
        ("of-another-library", "http://catalog.example.com", FAIL),
    ],
)
@pytest.mark.parametrize("catalog", [LAKE, "spark.sql.catalog.default_iceberg"])
def test_gs_s3_002_every_service_of_a_catalog_is_reached_by_https(key_arn, catalog, name, value, verdict):
    settings = {
        catalog: "org.apache.iceberg.spark.SparkCatalog",
        f"{catalog}.type": "hive",
        f"{catalog}.{name}": value,
    }
    assert is_decisive(f"{catalog}.{name}") or is_service(f"{catalog}.{name}", value)
    plan = plan_settings(key_arn, s3_endpoint="https://s3.eu-west-1.amazonaws.com")
    findings = [f for f in check_settings(plan, {**plan.settings, **settings}) if name in f.resource]
    assert [(f.control, f.verdict) for f in findings] == [("GS-S3-002", verdict)]


def test_the_password_of_a_url_of_a_catalog_is_not_printed(key_arn):
    settings = {**ICEBERG, f"{LAKE}.uri": "jdbc:postgresql://me:hunter2@db/catalog"}
    assert "hunter2" not in repr(check_services(settings))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("warehouse", "s3://lake/warehouse"),
        ("warehouse", "123456789012"),
        ("io.location-uri", "s3a://lake/x"),
        ("oauth2-server-uri", "v1/oauth/tokens"),
        ("scope", "http://catalog.example.com/.default"),
        ("audience", "api://catalog"),
        ("client-id", "api://catalog"),
        ("header.Origin", "http://catalog.example.com"),
        ("http-client.proxy-endpoint", "http://proxy.example.com:3128"),
        ("password", "http://secret"),
        ("type", "hive"),
        ("uri", ""),
    ],
)
def test_a_property_that_is_no_service_is_not_checked(name, value):
    assert not is_service(f"{LAKE}.{name}", value)
    assert check_services({**ICEBERG, f"{LAKE}.{name}": value}) == []


def test_the_services_of_other_catalogs_are_not_checked():
    other = {LAKE: "org.apache.spark.sql.delta.catalog.DeltaCatalog", f"{LAKE}.uri": "http://x.example.com"}
    assert check_services(other) == []


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
