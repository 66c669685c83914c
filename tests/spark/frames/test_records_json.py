"""JSON and CSV strings as records."""

import json

import pytest

from glue_secure import UsageError
from glue_secure.dynamicframe.frames import errors, records
from glue_secure.dynamicframe.frames.json_source import csv_with_types, from_text
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types.values import decode


@pytest.fixture(params=["true", "false"], ids=["ansi", "no-ansi"])
def spark(glue_spark, request):
    before = glue_spark.conf.get("spark.sql.ansi.enabled")
    glue_spark.conf.set("spark.sql.ansi.enabled", request.param)
    yield glue_spark
    glue_spark.conf.set("spark.sql.ansi.enabled", before)


def texts(spark, *lines):
    return spark.createDataFrame([(line,) for line in lines], "value string")


def records_in(table):
    return [dict(decode(row, table.schema)) for row in table.data.collect()]


CLEAN = [
    {
        "id": 1,
        "name": "a\u00e9\U0001f600",
        "ok": True,
        "f": 1.5,
        "big": 2**40,
        "n": None,
        "l": [1, 2],
        "s": {"x": 1},
    },
    {"id": -2, "f": 1e-7, "l": [], "s": {"y": "z"}, "o": [{"k": 1}, {"m": None}]},
]


def test_json_of_one_type_has_the_values_that_spark_reads(spark, tmp_path):
    lines = [json.dumps(item) for item in CLEAN]
    file = tmp_path / "a.json"
    file.write_text("\n".join(lines))
    table = from_text(texts(spark, *lines, "", "  ", None))
    assert "from_json" in table.data._jdf.queryExecution().analyzed().toString()
    wide = json.loads(file.read_text().replace("\n", ",").join("[]"))
    expected = [row.asDict(True) for row in spark.read.json(str(file)).collect()]
    result = [row.asDict(True) for row in table.data.collect()]
    assert result == expected
    assert [item["id"] for item in result] == [item["id"] for item in wide]
    assert [f.name for f in table.schema.fields] == ["id", "name", "ok", "f", "big", "n", "l", "s", "o"]
    assert table.errors == ()


def test_json_types_are_glue_types(spark):
    schema = from_text(texts(spark, *[json.dumps(item) for item in CLEAN])).schema.field_map
    kinds = {name: field.dataType.typeName() for name, field in schema.items()}
    assert kinds == {
        "id": "int", "name": "string", "ok": "boolean", "f": "double", "big": "long", "n": "null",
        "l": "array", "s": "struct", "o": "array",
    }  # fmt: skip


def test_nested_fields_of_mixed_types_are_choices(spark):
    values = [{"a": 1, "l": [1]}, {"a": "x", "l": ["y", 2.5]}, {"a": 2**40, "l": [{"k": 1}, {"k": True}]}]
    table = from_text(texts(spark, *[json.dumps(item) for item in values]))
    assert records_in(table) == values
    assert table.schema.treeString() == (
        "root\n|-- a: choice\n|    |-- int\n|    |-- long\n|    |-- string\n"
        "|-- l: array\n|    |-- element: choice\n|    |    |-- double\n"
        "|    |    |-- int\n|    |    |-- string\n"
        "|    |    |-- struct\n|    |    |    |-- k: choice\n"
        "|    |    |    |    |-- boolean\n|    |    |    |    |-- int\n"
    )


# The data of https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-dynamic-frame.html,
# section errorsAsDynamicFrame. After a malformed record, Glue continues into the next line and loses the
# third record as well. Here each line is read separately (docs/differences-from-glue.md).
PRESIDENTS = (
    '{"id": 1, "name": "george", "surname": "washington", "height": 178}',
    '{"id": 2, "name": "benjamin", "surname": "franklin",',
    '{"id": 3, "name": "alexander", "surname": "hamilton", "height": 171}',
    '{"id": 4, "name": "john", "surname": "jay", "height": 190}',
)


def test_a_malformed_line_is_an_error_record(spark):
    table = from_text(texts(spark, *PRESIDENTS))
    assert table.schema.treeString() == (
        "root\n|-- id: int\n|-- name: string\n|-- surname: string\n|-- height: int\n"
    )
    assert [item["id"] for item in records_in(table)] == [1, 3, 4]
    assert errors.count(table.errors) == 1
    seen = records.errors_as_table(table)
    assert seen.data.columns == ["error"]
    row = seen.data.head()["error"]
    assert list(row.asDict()) == [
        "callsite",
        "msg",
        "stackTrace",
        "input",
        "bytesread",
        "source",
        "dynamicRecord",
    ]
    assert row["input"] == PRESIDENTS[1]
    assert row["bytesread"] == len(PRESIDENTS[1])
    assert row["msg"].startswith("malformed JSON")


def test_arrays_and_several_values_in_one_string_are_records(spark):
    assert records_in(from_text(texts(spark, '[{"a": 1}, {"a": 2}]', "[]", '{"a": 3}'))) == [
        {"a": 1},
        {"a": 2},
        {"a": 3},
    ]
    whole = texts(spark, '{"a":\n 1}\n{"a": 2}')
    assert records_in(from_text(whole, multiline=True)) == [{"a": 1}, {"a": 2}]


def test_json_path_selects_the_records(spark):
    whole = texts(spark, '{"id": [{"a": 1}, {"a": 2}], "other": 5}')
    assert records_in(from_text(whole, json_path="$.id[*]", multiline=True)) == [{"a": 1}, {"a": 2}]


def test_partition_columns_are_last_and_replace_fields_of_the_same_name(spark):
    frame = texts(spark, '{"month": "x", "a": 1}').selectExpr("value", "5 as month", "2020 as `y.z`")
    table = from_text(frame)
    assert table.data.columns == ["a", "month", "y.z"]
    assert records_in(table) == [{"a": 1, "month": 5, "y.z": 2020}]
    mixed = from_text(frame.union(frame.selectExpr("'{\"a\": true}'", "6", "2021")))
    assert records_in(mixed) == [{"a": 1, "month": 5, "y.z": 2020}, {"a": True, "month": 6, "y.z": 2021}]


def test_names_that_differ_in_case_and_names_with_dots_are_separate_fields(spark):
    table = from_text(texts(spark, '{"a": 1, "A": 2, "x.y": 3}'))
    assert records_in(table) == [{"a": 1, "A": 2, "x.y": 3}]


def test_empty_input_has_no_fields(spark):
    table = from_text(texts(spark, ""))
    assert table.schema == glue.StructType()
    assert table.data.count() == 0


# Columns as in the "Medicare" sample, whose "Provider Id" is a choice of long and string:
# https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-python-samples-medicaid.html
def test_csv_columns_get_the_catalogs_types_if_their_values_can_be_cast(spark):
    frame = spark.createDataFrame(
        [("10001", "1.5", "7", "x", None, "u"), ("none", "2", "9999999999", "y", None, "v")],
        "`provider id` string, price string, small string, word string, empty string, extra string",
    )
    catalog = glue.StructType(
        [
            glue.Field("Provider Id", glue.LongType()),
            glue.Field("price", glue.DoubleType()),
            glue.Field("small", glue.IntegerType()),
            glue.Field("word", glue.LongType()),
            glue.Field("empty", glue.DateType()),
        ]
    )
    table = csv_with_types(frame, catalog)
    assert table.schema.treeString() == (
        "root\n|-- provider id: choice\n|    |-- long\n|    |-- string\n|-- price: double\n"
        "|-- small: choice\n"
        "|    |-- int\n|    |-- string\n|-- word: string\n|-- empty: date\n|-- extra: string\n"
    )
    assert records_in(table) == [
        {"provider id": 10001, "price": 1.5, "small": 7, "word": "x", "empty": None, "extra": "u"},
        {
            "provider id": "none",
            "price": 2.0,
            "small": "9999999999",
            "word": "y",
            "empty": None,
            "extra": "v",
        },
    ]


def test_a_csv_column_of_a_nested_type_is_rejected(spark):
    catalog = glue.StructType([glue.Field("value", glue.ArrayType(glue.StringType()))])
    with pytest.raises(UsageError, match="array in the Data Catalog"):
        csv_with_types(texts(spark, "a"), catalog)
