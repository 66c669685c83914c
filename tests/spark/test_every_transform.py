"""Every transform and every method of DynamicFrame that returns a frame."""

import json

import pytest

from glue_secure.context import GlueContext
from glue_secure.dynamicframe import DynamicFrame, DynamicFrameCollection
from glue_secure.dynamicframe.frames.errors import ErrorThresholdError
from glue_secure.gluetypes import IntegerType
from glue_secure.transforms import (
    ApplyMapping,
    Coalesce,
    DropFields,
    DropNullFields,
    ErrorsAsDynamicFrame,
    Filter,
    FlatMap,
    Join,
    Map,
    MapToCollection,
    Relationalize,
    RenameField,
    Repartition,
    ResolveChoice,
    SelectFields,
    SelectFromCollection,
    SplitFields,
    SplitRows,
    Unbox,
    Union,
    UnnestFrame,
)

RECORDS = [
    {"id": 1, "name": "Ana", "place": {"city": "Bern", "zip": 3000}, "tags": ["a", "b"], "text": '{"x": 1}'},
    {"id": 2, "name": "Ben", "place": {"city": "Genf", "zip": 1200}, "tags": [], "text": '{"x": 2}'},
]
SCHEMA = "id int, name string, place struct<city:string,zip:int>, tags array<string>, text string"


@pytest.fixture
def context(glue_spark):
    return GlueContext(glue_spark.sparkContext)


@pytest.fixture
def frame(context, glue_spark):
    return DynamicFrame.fromDF(glue_spark.createDataFrame(RECORDS, SCHEMA).coalesce(1), context, "people")


@pytest.fixture
def mixed(context):
    """A frame whose ``price`` is an integer in one record and a string in the other."""
    dynamic_frame = context.create_dynamic_frame.from_rdd(
        [{"id": 1, "price": 5}, {"id": 2, "price": "6"}], "mixed"
    )
    assert kinds(dynamic_frame)["price"] == "choice"
    return dynamic_frame


def rows(frame):
    return sorted((json.loads(row) for row in frame.toDF().toJSON().collect()), key=json.dumps)


def kinds(frame):
    return {field.name: field.dataType.typeName() for field in frame.schema().fields}


def names(frame):
    return list(kinds(frame))


def test_fields_are_selected_dropped_renamed_and_split(frame):
    for selected in (
        SelectFields.apply(frame, ["id", "place.city"]),
        frame.select_fields(["id", "place.city"]),
    ):
        assert rows(selected)[0] == {"id": 1, "place": {"city": "Bern"}}
    for dropped in (
        DropFields.apply(frame, ["place", "tags", "text"]),
        frame.drop_fields(["place", "tags", "text"]),
    ):
        assert rows(dropped) == [{"id": 1, "name": "Ana"}, {"id": 2, "name": "Ben"}]
    for renamed in (RenameField.apply(frame, "name", "who"), frame.rename_field("name", "who")):
        assert names(renamed)[:2] == ["id", "who"]
    for split in (
        SplitFields.apply(frame, ["id"], "left", "right"),
        frame.split_fields(["id"], "left", "right"),
    ):
        assert names(split.select("left")) == ["id"]
        assert names(split["right"]) == ["name", "place", "tags", "text"]


def test_fields_are_mapped(frame):
    mappings = [("id", "int", "person.id", "long"), ("name", "string", "person.name", "string")]
    for mapped in (
        ApplyMapping.apply(frame, mappings),
        frame.apply_mapping(mappings),
        frame.applyMapping(mappings=mappings),
    ):
        assert mapped.toDF().schema.simpleString() == "struct<person:struct<id:bigint,name:string>>"
        assert rows(mapped)[1] == {"person": {"id": 2, "name": "Ben"}}


def test_choices_are_resolved(mixed):
    for resolved in (ResolveChoice.apply(mixed, choice="cast:int"), mixed.resolveChoice(choice="cast:int")):
        assert rows(resolved) == [{"id": 1, "price": 5}, {"id": 2, "price": 6}]
    columns = mixed.resolveChoice(specs=[("price", "make_cols")])
    assert names(columns) == ["id", "price_int", "price_string"]
    assert rows(mixed.resolveChoice(specs=[("price", "project:string")]))[1]["price"] == "6"


def test_nested_fields_become_columns_and_tables(frame):
    for flat in (UnnestFrame.apply(frame.drop_fields(["tags"])), frame.drop_fields(["tags"]).unnest()):
        assert {"place.city", "place.zip"} <= set(names(flat))
    for tables in (Relationalize.apply(frame, name="root"), frame.relationalize("root", "s3://unused/x")):
        assert sorted(tables.keys()) == ["root", "root_tags"]
        assert sorted(row["tags.val"] for row in rows(tables.select("root_tags"))) == ["a", "b"]


def test_text_is_unboxed(frame):
    for unboxed in (Unbox.apply(frame, "text", "json"), frame.unbox("text", "json")):
        assert [row["text"] for row in rows(unboxed)] == [{"x": 1}, {"x": 2}]


def test_records_are_filtered_and_mapped_and_errors_preserved(frame):
    def louder(record):
        record["name"] = record["name"].upper()
        return record

    for filtered in (Filter.apply(frame, lambda r: r["id"] > 1), frame.filter(lambda r: r["id"] > 1)):
        assert [row["name"] for row in rows(filtered)] == ["Ben"]
    for mapped in (Map.apply(frame, louder), frame.map(louder)):
        assert [row["name"] for row in rows(mapped)] == ["ANA", "BEN"]

    def breaks(record):
        return {"id": 10 // (record["id"] - 1)}

    broken = frame.map(breaks)
    assert (broken.count(), broken.errorsCount(), broken.stageErrorsCount()) == (1, 1, 1)
    for errors in (ErrorsAsDynamicFrame.apply(broken), broken.errorsAsDynamicFrame()):
        assert errors.count() == 1
    assert frame.map(breaks, stageThreshold=1).count() == 1
    with pytest.raises(ErrorThresholdError, match=r"(?s)stageThreshold exceeded.*2 failed records"):
        frame.map(lambda record: record["missing"], stageThreshold=1)


def test_partitions_are_mapped_with_and_without_their_index(frame):
    mapped_frame = frame.mapPartitions(lambda records: (r for r in records if r["record"]["id"] == 2))
    assert [row["id"] for row in rows(mapped_frame)] == [2]

    def numbered(index, records):
        return ({"record": {"part": index, "id": r["record"]["id"]}} for r in records)

    assert rows(frame.mapPartitionsWithIndex(numbered)) == [{"id": 1, "part": 0}, {"id": 2, "part": 0}]


def test_partitions_are_counted_and_changed(frame):
    assert frame.getNumPartitions() == 1
    for repartitioned in (Repartition.apply(frame, 3), frame.repartition(3)):
        assert repartitioned.getNumPartitions() == 3
    for fewer in (Coalesce.apply(frame.repartition(3), 2), frame.repartition(3).coalesce(2)):
        assert fewer.getNumPartitions() == 2


def test_rows_are_split(frame):
    for split in (
        SplitRows.apply(frame, {"id": {">": 1}}, "a", "b"),
        frame.split_rows({"id": {">": 1}}, "a", "b"),
    ):
        assert [row["id"] for row in rows(split["a"])] == [2]
        assert [row["id"] for row in rows(split["b"])] == [1]


def test_frames_are_joined_united_and_merged(context, glue_spark, frame):
    people = frame.select_fields(["id", "name"])
    pays = DynamicFrame.fromDF(glue_spark.createDataFrame([(2, 70)], "person int, pay int"), context, "pays")
    for joined in (Join.apply(people, pays, "id", "person"), people.join(["id"], ["person"], pays)):
        assert rows(joined) == [{"id": 2, "name": "Ben", "person": 2, "pay": 70}]
    for united in (Union.apply(people, people), people.union(people)):
        assert united.count() == 4
    newer = glue_spark.createDataFrame([(2, "Benno"), (3, "Cy")], "id int, name string")
    merged = people.mergeDynamicFrame(DynamicFrame.fromDF(newer, context, "newer"), ["id"])
    assert [row["name"] for row in rows(merged)] == ["Ana", "Benno", "Cy"]


def test_columns_with_only_nulls_are_dropped(context):
    dynamic_frame = context.create_dynamic_frame.from_rdd([{"id": 1, "none": None}], "nulls")
    assert names(DropNullFields.apply(dynamic_frame)) == ["id"]


def test_collections_are_selected_from_and_mapped(context, frame):
    first = DynamicFrame.fromDF(frame.toDF().filter("id = 1"), context, "first")
    collection = DynamicFrameCollection({"a": frame, "b": first}, context)
    assert SelectFromCollection.apply(collection, "b").count() == 1
    mapped = MapToCollection.apply(collection, lambda one, ctx: one.select_fields(["id"]))
    assert [names(mapped[key]) for key in sorted(mapped.keys())] == [["id"], ["id"]]
    flat = FlatMap.apply(collection, SelectFields, "frame", paths=["name"])
    assert sorted(flat.keys()) == ["first", "people"]
    assert [names(item) for item in flat.values()] == [["name"], ["name"]]


def test_a_frame_of_records_with_a_schema_is_shown(context, capsys):
    dynamic_frame = context.create_dynamic_frame.from_rdd([{"id": 1}], "made")
    assert kinds(dynamic_frame) == {"id": IntegerType.typeName()}
    dynamic_frame.show()
    dynamic_frame.printSchema()
    printed = capsys.readouterr().out
    assert '"id": 1' in printed or '"id":1' in printed
    assert "|-- id: int" in printed
    assert context.create_dynamic_frame_from_rdd([(1, "a")], "pairs", ["n", "t"]).count() == 1
