"""Transforms of DataFrames, as in awsglue.dataframe_transforms."""

from __future__ import annotations

from glue_secure.dataframe_transforms import ALL_TRANSFORMS, ApplyMapping


def test_columns_of_a_data_frame_are_mapped(glue_spark):
    frame = glue_spark.createDataFrame([(1, "a", True)], "id int, name string, dropped boolean")
    mapped = ApplyMapping.apply(frame, [("id", "int", "key", "string"), ("name", "label")])
    assert mapped.schema.simpleString() == "struct<key:string,label:string>"
    assert [tuple(row) for row in mapped.collect()] == [("1", "a")]


def test_the_transform_describes_itself():
    assert {ApplyMapping} == ALL_TRANSFORMS
    assert [argument["name"] for argument in ApplyMapping.describeArgs()] == ["frame", "mappings"]
    assert "columns" in ApplyMapping.describeTransform()
    assert ApplyMapping.describeErrors() == []
    assert ApplyMapping.describeReturn()["type"] == "DataFrame"
