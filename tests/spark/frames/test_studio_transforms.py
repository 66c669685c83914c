"""The transforms that scripts of AWS Glue Studio call as methods."""

import json
from datetime import datetime

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe import studio_transforms as studio
from glue_secure.dynamicframe.frame import DynamicFrame
from glue_secure.run.missing_packages import STUDIO_MODULES


def rows(frame):
    return [json.loads(line) for line in frame.toJSON().collect()]


@pytest.fixture
def sales(glue_spark):
    return glue_spark.createDataFrame(
        [("a", 100, "x"), ("b", 20, None)], "name string, n int, `sum(n)` string"
    )


def test_each_transform_has_a_module_of_its_name():
    assert set(studio.TRANSFORMS) | {"gs_common"} == STUDIO_MODULES


def test_the_methods_exist_for_both_kinds_of_frames(glue_spark, sales):
    dynamic = DynamicFrame(sales, None, "sales").gs_derived("n", "n * 2")
    assert isinstance(dynamic, DynamicFrame)
    assert rows(dynamic.toDF()) == rows(sales.gs_derived(colName="n", expr="n * 2"))
    assert [row["n"] for row in rows(dynamic.toDF())] == [200, 40]
    empty = glue_spark.createDataFrame([], "struct<>")
    assert empty.gs_derived("a", "missing + 1").columns == []


def test_the_current_time_has_a_format_of_python_or_of_spark(sales):
    for text in ("%Y%m%d", "yyyyMMdd"):
        assert {row["day"] for row in rows(sales.gs_now("day", text))} == {datetime.now().strftime("%Y%m%d")}
    assert dict(sales.gs_now("at").dtypes)["at"] == "timestamp"


def test_rows_without_values_are_removed(glue_spark):
    frame = glue_spark.createDataFrame([(None, None), (" ", None), ("a", 1)], "s string, n int")
    assert frame.gs_null_rows().count() == 2
    assert rows(frame.gs_null_rows(extended=True)) == [{"s": "a", "n": 1}]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("seconds", "1667400059"),
        ("milliseconds", "1667400059000"),
        ("microseconds", "1667400059000000"),
        ("iso", "2022-11-02T14:40:59Z"),
        ("autodetect", "1667400059"),
        ("autodetect", "1667400059000"),
        ("autodetect", "2022-11-02T14:40:59Z"),
    ],
)
def test_numbers_and_texts_become_timestamps(glue_spark, kind, value):
    frame = glue_spark.createDataFrame([(value,), ("?",)], "t string")
    seconds = frame.gs_to_timestamp("t", kind, "at").selectExpr("unix_seconds(at)").collect()
    assert [row[0] for row in seconds] == [1667400059, None]


def test_a_timestamp_has_a_format(glue_spark):
    frame = glue_spark.sql("SELECT timestamp'2022-11-02 14:40:59' AS at")
    assert rows(frame.gs_format_timestamp("at", "%d/%m/%Y", "day").drop("at")) == [{"day": "02/11/2022"}]
    assert rows(frame.gs_format_timestamp("at", "yyyy-MM-dd")) == [{"at": "2022-11-02"}]
    assert rows(frame.gs_to_timestamp("at", "autodetect").selectExpr("year(at) AS y")) == [{"y": 2022}]


def test_an_array_and_a_map_become_rows(glue_spark):
    frame = glue_spark.sql("SELECT 1 AS id, array('x', 'y') AS a, map('k', 2) AS m")
    assert rows(frame.drop("m").gs_explode("a", "a")) == [{"id": 1, "a": "x"}, {"id": 1, "a": "y"}]
    assert rows(frame.select("m").gs_explode("m", "k,v"))[0] == {"m": {"k": 2}, "k": "k", "v": 2}
    nothing = glue_spark.sql("SELECT 1 AS id, CAST(NULL AS array<int>) AS a")
    assert nothing.gs_explode("a", "b").count() == 0
    assert nothing.gs_explode("a", "b", outer=True).count() == 1


def test_structs_are_flattened_to_a_level(glue_spark):
    frame = glue_spark.sql("SELECT struct(1 AS x, struct(2 AS z) AS y) AS a, 3 AS b")
    assert frame.gs_flatten().columns == ["a.x", "a.y.z", "b"]
    assert frame.gs_flatten(maxLevels=1, separator="_").columns == ["a_x", "a_y", "b"]
    assert rows(frame.gs_flatten().gs_derived("`a.x`", "`a.x` + 1"))[0]["a.x"] == 2


def test_texts_are_split_joined_and_matched(glue_spark):
    frame = glue_spark.createDataFrame([("2024-01-02 x",), (None,)], "t string")
    parts = frame.gs_split("t", "[- ]", "p").gs_array_to_cols("p", "year, month").drop("p")
    assert rows(parts) == [{"t": "2024-01-02 x", "year": "2024", "month": "01"}, {}]
    assert rows(frame.gs_split("t", " ").gs_array_to_cols("t", "last", indexes="2"))[0]["last"] == "x"
    joined = parts.gs_concat("date", ["year", "month"], spacer="-")
    assert [row["date"] for row in rows(joined)] == ["2024-01", "-"]
    assert rows(frame.gs_regex_extract("t", r"(\d+)-(\d+)", "y,m"))[0] == {
        "t": "2024-01-02 x",
        "y": "2024",
        "m": "01",
    }
    assert rows(frame.gs_regex_extract("t", r"^\d", "t"))[0] == {"t": "2"}
    assert rows(frame.gs_regex_extract("t", "nothing", "n"))[0] == {"t": "2024-01-02 x"}


def test_rows_become_columns(glue_spark):
    frame = glue_spark.createDataFrame(
        [("a", "m1", 1.0), ("a", "m2", 3.0), ("a", "m2", 5.0)], "k string, m string, v double"
    )
    assert rows(frame.gs_pivot(aggCol="v", aggFunction="mean", colList=["m"])) == [
        {"k": "a", "m1": 1.0, "m2": 4.0}
    ]


def test_json_text_becomes_a_value(glue_spark):
    frame = glue_spark.createDataFrame([('{"a": 1}',), ('{"b": "x"}',)], "user string")
    assert [row["user"] for row in rows(frame.gs_parse_json("user"))] == [{"a": 1}, {"b": "x"}]


def test_identifiers_and_partitions(sales):
    assert len({row["uuid"] for row in rows(sales.gs_uuid())}) == 2
    assert sales.gs_repartition(numPartitionsStr="3").rdd.getNumPartitions() == 3
    assert sales.gs_repartition(colList="name").count() == 2


def test_a_column_that_does_not_exist_is_named(sales):
    with pytest.raises(UsageError, match="no column other"):
        sales.gs_split("other", ",")
