"""Settings that a script sets with spark.conf after the start of the run."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.engines.spark.hadoop import HadoopSettings
from glue_secure.engines.spark.write_monitor import spark_hooks

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
CATALOG = "spark.sql.catalog.late"
CLASS = "org.apache.iceberg.spark.SparkCatalog"


class Conf:
    """Stands for a session's RuntimeConfig."""

    def __init__(self, **settings):
        self.settings = dict(settings)

    def get(self, name, default):
        return self.settings.get(name, default)

    def set(self, name, value):
        self.settings[name] = value


@pytest.fixture
def set_setting(monkeypatch):
    """Return ``RuntimeConfig.set`` as a script calls it during a run."""
    conf = SimpleNamespace(get={"fs.s3a.path.style.access": "true"}.get)
    context = SimpleNamespace(_jsc=SimpleNamespace(hadoopConfiguration=lambda: conf))
    hadoop = HadoopSettings(spark=SimpleNamespace(_jvm=None, sparkContext=context))
    hadoop._key = KmsKeyArn.parse(KEY)
    hooks = SimpleNamespace(settings_with=hadoop.settings_with)
    monkeypatch.setattr("pyspark.SparkContext._active_spark_context", context)
    monkeypatch.setattr(spark_hooks, "_attached", [(context, hooks)])
    return spark_hooks._wrap_set(Conf.set)


def test_an_iceberg_catalog_that_a_script_configures_gets_the_runs_key(set_setting):
    conf = Conf()
    set_setting(conf, CATALOG, CLASS)
    assert conf.settings == {
        CATALOG: CLASS,
        f"{CATALOG}.s3.sse.type": "kms",
        f"{CATALOG}.s3.sse.key": KEY,
        f"{CATALOG}.s3.path-style-access": "true",
    }


def test_settings_that_the_script_has_set_stay_and_are_checked_at_the_write(set_setting):
    conf = Conf(**{f"{CATALOG}.s3.sse.type": "none"})
    set_setting(conf, CATALOG, CLASS)
    assert conf.settings[f"{CATALOG}.s3.sse.type"] == "none"


@pytest.mark.parametrize("name", ["spark.sql.shuffle.partitions", f"{CATALOG}.warehouse"])
def test_other_settings_are_set_alone(set_setting, name):
    conf = Conf()
    set_setting(conf, name, "8")
    assert conf.settings == {name: "8"}


def test_the_session_reports_the_services_of_a_catalog_and_no_secret():
    settings = {
        CATALOG: CLASS,
        f"{CATALOG}.glue.endpoint": "http://proxy.example.com",
        f"{CATALOG}.header.Authorization": "Bearer hunter2",
        f"{CATALOG}.header.X-Login": "http://hunter2",
        f"{CATALOG}.jdbc.password": "hunter2",
        f"{CATALOG}.cache-enabled": "false",
        "spark.app.name": "http://x.example.com",
    }
    read = []

    def value(name):
        read.append(name)
        return settings[name]

    names = SimpleNamespace(mkString=lambda separator: separator.join(settings))
    conf = SimpleNamespace(getAll=lambda: SimpleNamespace(keys=lambda: names), get=value)
    found = HadoopSettings._catalogs(None, SimpleNamespace(conf=lambda: conf))
    assert found == {name: settings[name] for name in (CATALOG, f"{CATALOG}.glue.endpoint")}
    assert f"{CATALOG}.jdbc.password" not in read
    assert f"{CATALOG}.header.Authorization" not in read
