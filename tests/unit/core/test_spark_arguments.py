"""Several settings in Glue's --conf argument: none of the job's own settings is lost."""

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.core.spark_arguments import conf_argument, settings_of, with_plugin

OURS = {"spark.io.encryption.enabled": "true"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", "spark.io.encryption.enabled=true"),
        ("spark.a=1", "spark.a=1 --conf spark.io.encryption.enabled=true"),
        (
            "spark.a=1 --conf spark.b=x y",
            "spark.a=1 --conf spark.b=x y --conf spark.io.encryption.enabled=true",
        ),
        ("--conf spark.a=1", "spark.a=1 --conf spark.io.encryption.enabled=true"),
        (
            "spark.a=1\n --conf  spark.b=2 ",
            "spark.a=1 --conf spark.b=2 --conf spark.io.encryption.enabled=true",
        ),
        ("spark.a=1 --conf=spark.b=2", "spark.a=1 --conf spark.b=2 --conf spark.io.encryption.enabled=true"),
        ("spark.io.encryption.enabled=false", "spark.io.encryption.enabled=false"),
        ("spark.a=--conf", "spark.a=--conf --conf spark.io.encryption.enabled=true"),
    ],
)
def test_settings_are_added_unless_the_job_has_them(given, expected):
    assert conf_argument(OURS, given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", "spark.plugins=g.Guard"),
        ("spark.a=1", "spark.a=1 --conf spark.plugins=g.Guard"),
        ("spark.plugins=x.Other", "spark.plugins=x.Other,g.Guard"),
        ("spark.plugins=", "spark.plugins=g.Guard"),
        (
            "spark.plugins=x.Other, y.Other --conf spark.a=1",
            "spark.plugins=x.Other,y.Other,g.Guard --conf spark.a=1",
        ),
        ("spark.plugins=g.Guard", "spark.plugins=g.Guard"),
        (
            "spark.plugins=x.Lost --conf spark.plugins=y",
            "spark.plugins=x.Lost --conf spark.plugins=y,g.Guard",
        ),
        ("spark.plugins.x=1", "spark.plugins.x=1 --conf spark.plugins=g.Guard"),
    ],
)
def test_a_plugin_is_added_to_those_of_the_job(given, expected):
    assert with_plugin(given, "g.Guard") == expected


def test_settings_of_glues_form_and_of_a_repeated_option():
    assert settings_of("spark.a=1 --conf spark.b=x=y --conf spark.a=2") == {"spark.a": "2", "spark.b": "x=y"}
    assert settings_of("") == {}


@pytest.mark.parametrize("value", ["spark.a", "=1", "spark.a=1 --conf spark.b"])
def test_a_setting_without_a_value_is_a_usage_error(value):
    with pytest.raises(UsageError, match="NAME=VALUE"):
        settings_of(value)
