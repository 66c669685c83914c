"""Translation of Glue's format_options to Spark's options: defaults and rejected options."""

from __future__ import annotations

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.engines.spark.formats import FORMATS, UNSUPPORTED, format_of, spark_options
from glue_secure.engines.spark.reading_options import KNOWN_OPTIONS, SPEED_ONLY, read_options


def test_csv_defaults_are_glues():
    assert read_options("csv", None).spark == {
        "header": "false", "sep": ",", "quote": '"', "escape": '"', "multiLine": "false",
    }  # fmt: skip
    assert read_options("csv", {"quoteChar": "-1"}).spark["escape"] == ""


def test_xml_defaults_are_glues():
    found = read_options("xml", {"rowTag": "r"}).spark
    assert (found["attributePrefix"], found["valueTag"], found["charset"]) == ("_", "_VALUE", "UTF-8")
    assert (found["ignoreSurroundingSpaces"], found["excludeAttribute"]) == ("false", "false")


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_options_for_speed_have_no_effect(format):
    needed = {"rowTag": "r"} if format == "xml" else {}
    speed = dict.fromkeys(SPEED_ONLY[format], True)
    assert read_options(format, {**needed, **speed}) == read_options(format, needed)


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_an_option_that_is_not_known_is_refused(format):
    with pytest.raises(UsageError, match="surprise"):
        read_options(format, {**dict.fromkeys(KNOWN_OPTIONS[format], "x"), "surprise": 1})


@pytest.mark.parametrize("format", UNSUPPORTED)
def test_unsupported_formats_are_rejected_with_a_reason(format):
    with pytest.raises(UsageError, match="run the job in Glue"):
        format_of(format)


@pytest.mark.parametrize("name", ["excel", "xlsx"])
def test_spreadsheets_are_rejected_by_name(name):
    with pytest.raises(UsageError, match="save the sheet as csv"):
        format_of(name)


def test_fail_fast_reaches_every_reader():
    assert read_options("csv", {}, fail_fast=True).spark["mode"] == "FAILFAST"
    assert read_options("avro", {}, fail_fast=True).spark["mode"] == "FAILFAST"
    assert read_options("json", {}, fail_fast=True).json["isFailFast"]
    assert read_options("json", {}, fail_fast=True).spark["mode"] == "FAILFAST"


def test_merge_schema_is_for_columnar_formats_only():
    assert read_options("orc", {}, merge=True).spark == {"mergeSchema": "true"}
    assert read_options("csv", {}, merge=True) == read_options("csv", {})


def test_a_missing_package_is_named():
    from glue_secure.engines.spark.loading import load

    class Reader:
        def load(self, _paths):
            raise RuntimeError("Failed to find data source: avro.")

    with pytest.raises(UsageError, match=r"org\.apache\.spark:spark-avro_2\.12:3\.5\.6"):
        load(Reader(), "avro", ["s3a://b/x"])


def test_xml_is_read_and_not_written():
    assert spark_options("xml", {"rowTag": "r"}) == {"rowTag": "r"}
    with pytest.raises(UsageError, match="xml"):
        spark_options("xml", {}, writing=True)


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("csv", {"header": "yes"}),
        ("csv", {"inferschema": 1}),
        ("csv", {"sep": None}),
        ("csv", {"maxColumns": "many"}),
        ("json", {"multiLine": "on"}),
        ("parquet", {"mergeSchema": []}),
    ],
)
def test_an_odd_value_of_an_option_is_a_usage_error(format, options):
    (name,) = options
    with pytest.raises(UsageError, match=f"(?i)option {name} of format {format}"):
        spark_options(format, options)


def test_booleans_are_accepted_as_values_and_as_text():
    assert spark_options("csv", {"header": True, "multiline": "FALSE", "maxCharsPerColumn": -1}) == {
        "header": "true",
        "multiLine": "false",
        "maxCharsPerColumn": "-1",
    }
