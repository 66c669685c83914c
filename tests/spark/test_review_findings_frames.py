"""Regression tests for review findings about frames: field names, headers, nesting and calls."""

import json

import pytest

from glue_secure import GlueSecureError, UsageError
from glue_secure.context import GlueContext
from glue_secure.dynamicframe import DynamicFrame
from glue_secure.dynamicframe.frames import choices, columns, relational, rows
from glue_secure.dynamicframe.frames.schema import to_spark
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import hive
from glue_secure.job import Job

NAME = "${env:PATH}"
SUBSTITUTES = "spark.sql.variable.substitute"


@pytest.fixture
def table_of(glue_spark):
    def make(kind, *found):
        schema = hive.parse(kind)
        return Table(glue_spark.createDataFrame(list(found), to_spark(schema)), schema)

    return make


@pytest.fixture
def started(glue_job, glue_spark, monkeypatch):
    context = GlueContext(glue_spark.sparkContext)
    monkeypatch.setattr("sys.argv", glue_job.argv())
    Job(context).init(glue_job.name)
    yield context
    context.secured_run.close(outcome="test over")


def read(context, bench, format, **options):
    return context.create_dynamic_frame.from_options(
        "s3", {"paths": [bench.source], "recurse": True}, format=format, format_options=options
    )


def test_a_field_named_as_a_variable_does_not_show_the_drivers_environment(glue_spark):
    data = glue_spark.createDataFrame(
        [((1, [2]), 3, "x")], f"a struct<`{NAME}`:int,b:array<int>>, `{NAME}` int, s string"
    )
    table = Table.of(data)
    assert columns.drop(table, "a.b").data.first().a[NAME] == 1
    assert choices.resolve(table, None, "make_cols").data.columns == ["a", NAME, "s"]
    assert relational.relationalize(table, "root")["root"].data.columns == [f"a.{NAME}", "a.b", NAME, "s"]
    assert rows.union(table, table).data.columns == ["a", NAME, "s"]
    assert rows.join(table, table, "s", "s").data.columns[1] == NAME
    assert rows.merge(table, table, f"`{NAME}`").data.count() == 1
    matching, others = rows.split_rows(table, {"s": {"=": "${spark.app.name}"}})
    assert (matching.data.count(), others.data.count()) == (0, 1)
    assert glue_spark.conf.get(SUBSTITUTES) == "true"


def test_two_arrays_with_the_same_table_name_are_rejected(table_of):
    table = table_of(
        "struct<a:array<struct<b:array<int>>>,`a.val.b`:array<int>>", {"a": [{"b": [1, 2]}], "a.val.b": [9]}
    )
    with pytest.raises(UsageError, match=r"two arrays whose table would be named root_a\.val\.b"):
        relational.relationalize(table, "root")


def test_csv_objects_with_other_headers_are_not_read_by_position(glue_job, started):
    glue_job.land("a.csv", "a,b\n1,2\n")
    glue_job.land("b.csv", "a,b\n3,4\n")
    frame = read(started, glue_job, "csv", withHeader=True)
    assert frame.count() == 2
    assert {row.b for row in frame.select_fields("b").toDF().collect()} == {"2", "4"}
    glue_job.land("b.csv", "b,a\n3,4\n")
    merged = read(started, glue_job, "csv", withHeader=True).toDF().collect()
    assert {(row.a, row.b) for row in merged} == {("1", "2"), ("4", "3")}
    glue_job.land("a.csv", ",b\n1,2\n")
    glue_job.land("b.csv", ",b\n3,4\n")
    assert read(started, glue_job, "csv", withHeader=True).toDF().columns == ["", "b"]


def test_a_record_nested_too_deeply_is_an_error_record_and_the_others_stay(glue_job, started):
    deep = '{"a":' * 400 + "1" + "}" * 400
    glue_job.land("a.json", f"{deep}\n{json.dumps({'b': 1})}\n")
    frame = read(started, glue_job, "json")
    assert (frame.count(), frame.errorsCount()) == (1, 1)


def test_json_with_a_byte_order_mark_is_read(glue_job, started):
    glue_job.land("a.json", '\ufeff{"a": 1}')
    assert read(started, glue_job, "json", multiLine=True).toDF().collect() == [(1,)]


def test_naming_the_catalog_table_twice_preserves_the_update_options(glue_job, started):
    sink = started.getSink("s3", path=glue_job.target, enableUpdateCatalog=True)
    sink.setFormat("parquet")
    sink.setCatalogInfo("nowhere", "t")
    sink.setCatalogInfo("nowhere", "t")
    frame = DynamicFrame.fromDF(started.spark_session.createDataFrame([(1,)], "a int"), started, "f")
    with pytest.raises(GlueSecureError, match=r"table nowhere\.t"):
        sink.writeFrame(frame)
