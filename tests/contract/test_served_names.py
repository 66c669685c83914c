"""Each method of a frame and each transform does the same in both runtimes: one call, and what it returns.

Plain Spark computes the result. In Glue, the call reaches the recorded JVM, and frames that awsglue returns
are of the guarded class. docs/surface.md lists the names; the last test compares.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest
import surface

pytest.importorskip("awsglue", reason="AWSGlueDataplanePython is made for Python 3.11 and 3.13 alone")
pytestmark = [
    pytest.mark.filterwarnings("ignore:DataFrame constructor is internal:UserWarning"),
    pytest.mark.spark,
]
MAPPING = [("id", "int", "key", "int")]
COLUMNS = ["id", "name", "place", "text"]
SCHEMA = "id int, name string, place struct<city:string>, text string"
ROWS = [(1, "a", ("Bonn",), '{"x": 1}'), (2, "b", ("Bern",), '{"x": 2}')]
STAGING = "s3://curated/temporary/"
FRAME, FRAMES = "frame", "frames"


def transform(name):
    return getattr(importlib.import_module("glue_secure.transforms"), name)


# Name → the call, the kind of the result, and the frame's columns or the frames' names; None: not compared.
METHODS = {
    "DynamicFrame.applyMapping": (lambda f: f.applyMapping(MAPPING), FRAME, ["key"]),
    "DynamicFrame.apply_mapping": (lambda f: f.apply_mapping(MAPPING), FRAME, ["key"]),
    "DynamicFrame.assertErrorThreshold": (lambda f: f.assertErrorThreshold(), None, None),
    "DynamicFrame.coalesce": (lambda f: f.coalesce(1), FRAME, COLUMNS),
    "DynamicFrame.count": (lambda f: f.count(), None, None),
    "DynamicFrame.drop_fields": (lambda f: f.drop_fields(["id", "place"]), FRAME, ["name", "text"]),
    "DynamicFrame.errorsAsDynamicFrame": (lambda f: f.errorsAsDynamicFrame(), FRAME, None),
    "DynamicFrame.errorsCount": (lambda f: f.errorsCount(), None, None),
    "DynamicFrame.filter": (lambda f: f.filter(lambda record: record["id"] > 1), FRAME, COLUMNS),
    "DynamicFrame.fromDF": (lambda f: type(f).fromDF(f.toDF(), f.glue_ctx, "copy"), FRAME, COLUMNS),
    "DynamicFrame.getNumPartitions": (lambda f: f.getNumPartitions(), None, None),
    "DynamicFrame.join": (lambda f: f.select_fields(["id"]).join(["id"], ["id"], f), FRAME, None),
    "DynamicFrame.map": (lambda f: f.map(lambda record: record), FRAME, COLUMNS),
    "DynamicFrame.mapPartitions": (lambda f: f.mapPartitions(lambda records: records), FRAME, COLUMNS),
    "DynamicFrame.mapPartitionsWithIndex": (
        lambda f: f.mapPartitionsWithIndex(lambda number, records: records),
        FRAME,
        COLUMNS,
    ),
    "DynamicFrame.mergeDynamicFrame": (lambda f: f.mergeDynamicFrame(f, ["id"]), FRAME, COLUMNS),
    "DynamicFrame.printSchema": (lambda f: f.printSchema(), None, None),
    "DynamicFrame.relationalize": (lambda f: f.relationalize("root", STAGING), FRAMES, ["root"]),
    "DynamicFrame.rename_field": (lambda f: f.rename_field("id", "key"), FRAME, ["key", *COLUMNS[1:]]),
    "DynamicFrame.repartition": (lambda f: f.repartition(1), FRAME, COLUMNS),
    "DynamicFrame.resolveChoice": (lambda f: f.resolveChoice(choice="make_cols"), FRAME, COLUMNS),
    "DynamicFrame.schema": (lambda f: f.schema(), None, None),
    "DynamicFrame.select_fields": (lambda f: f.select_fields(["id"]), FRAME, ["id"]),
    "DynamicFrame.show": (lambda f: f.show(1), None, None),
    "DynamicFrame.simplify_ddb_json": (lambda f: f.simplify_ddb_json(), FRAME, COLUMNS),
    "DynamicFrame.split_fields": (lambda f: f.split_fields(["id"], "a", "b"), FRAMES, ["a", "b"]),
    "DynamicFrame.split_rows": (lambda f: f.split_rows({"id": {">": 1}}, "a", "b"), FRAMES, ["a", "b"]),
    "DynamicFrame.stageErrorsCount": (lambda f: f.stageErrorsCount(), None, None),
    "DynamicFrame.toDF": (lambda f: f.toDF(), None, None),
    "DynamicFrame.unbox": (lambda f: f.unbox("text", "json"), FRAME, COLUMNS),
    "DynamicFrame.union": (lambda f: f.union(f), FRAME, COLUMNS),
    "DynamicFrame.unnest": (lambda f: f.unnest(), FRAME, ["id", "name", "place.city", "text"]),
    "DynamicFrame.unnest_ddb_json": (
        lambda f: f.unnest_ddb_json(),
        FRAME,
        ["id", "name", "place.city", "text"],
    ),
    "DynamicFrame.with_frame_schema": (lambda f: f.with_frame_schema(f.schema()), FRAME, COLUMNS),
}


def collection(f):
    return f.split_fields(["id"], "a", "b")


METHODS |= {
    "DynamicFrameCollection.flatmap": (
        lambda f: collection(f).flatmap(
            lambda each, ctx: each.split_fields(["id"], f"{each.name}1", f"{each.name}2")
        ),
        FRAMES,
        ["a1", "a2", "b1", "b2"],
    ),
    "DynamicFrameCollection.keys": (lambda f: collection(f).keys(), None, None),
    "DynamicFrameCollection.map": (
        lambda f: collection(f).map(lambda each, ctx: each.coalesce(1)),
        FRAMES,
        ["a", "b"],
    ),
    "DynamicFrameCollection.select": (lambda f: collection(f).select("a"), FRAME, ["id"]),
    "DynamicFrameCollection.values": (lambda f: list(collection(f).values()), None, None),
}


def applied(name, kind, columns, /, **arguments):
    return lambda f: transform(name).apply(f, **arguments), kind, columns


METHODS |= {
    "Transforms.ApplyMapping": applied("ApplyMapping", FRAME, ["key"], mappings=MAPPING),
    "Transforms.Coalesce": applied("Coalesce", FRAME, COLUMNS, num_partitions=1),
    "Transforms.DropFields": applied("DropFields", FRAME, COLUMNS[1:], paths=["id"]),
    "Transforms.DropNullFields": applied("DropNullFields", FRAME, COLUMNS),
    "Transforms.ErrorsAsDynamicFrame": applied("ErrorsAsDynamicFrame", FRAME, None),
    "Transforms.Filter": applied("Filter", FRAME, COLUMNS, f=lambda record: True),
    "Transforms.FlatMap": (
        lambda f: transform("FlatMap").apply(
            collection(f), BaseTransform=transform("SplitFields"), frame_name="frame", paths=["id"]
        ),
        FRAMES,
        ["a1", "a2", "b1", "b2"],
    ),
    "Transforms.Join": (
        lambda f: transform("Join").apply(f.select_fields(["id"]), f, ["id"], ["id"]),
        FRAME,
        None,
    ),
    "Transforms.Map": applied("Map", FRAME, COLUMNS, f=lambda record: record),
    "Transforms.MapToCollection": (
        lambda f: transform("MapToCollection").apply(
            collection(f), callable=lambda each, ctx: each.coalesce(1)
        ),
        FRAMES,
        ["a", "b"],
    ),
    "Transforms.RenameField": applied(
        "RenameField", FRAME, ["key", *COLUMNS[1:]], old_name="id", new_name="key"
    ),
    "Transforms.Repartition": applied("Repartition", FRAME, COLUMNS, num_partitions=1),
    "Transforms.ResolveChoice": applied("ResolveChoice", FRAME, COLUMNS, choice="make_cols"),
    "Transforms.SelectFields": applied("SelectFields", FRAME, ["id"], paths=["id"]),
    "Transforms.SelectFromCollection": (
        lambda f: transform("SelectFromCollection").apply(collection(f), key="a"),
        FRAME,
        ["id"],
    ),
    "Transforms.SplitFields": applied("SplitFields", FRAMES, ["a", "b"], paths=["id"], name1="a", name2="b"),
    "Transforms.SplitRows": applied(
        "SplitRows", FRAMES, ["a", "b"], comparison_dict={"id": {">": 1}}, name1="a", name2="b"
    ),
    "Transforms.Unbox": applied("Unbox", FRAME, COLUMNS, path="text", format="json"),
    "Transforms.Union": (lambda f: transform("Union").apply(f, f), FRAME, COLUMNS),
    "Transforms.UnnestFrame": applied("UnnestFrame", FRAME, ["id", "name", "place.city", "text"]),
    "Transforms.Relationalize": applied("Relationalize", FRAMES, ["root"], staging_path=STAGING, name="root"),
}
# Written or read by calls of a run, in test_both_runtimes.py and test_awsglue_adapter.py.
ELSEWHERE = {"DynamicFrame.write", "DynamicFrame.spigot", "Transforms.Spigot"}
# Not calls of a frame; tests/unit/test_awsglue_names.py runs them.
ABOUT_TRANSFORMS = {
    f"Transforms.{name}"
    for name in ("GlueTransform", "describe_transform", "get_transform", "get_transforms")
}


@pytest.fixture(params=["spark", "glue"])
def frame(request, monkeypatch):
    """A frame of one runtime, and whether it is Glue's."""
    if request.param == "spark":
        monkeypatch.setenv("GLUE_SECURE_RUNTIME", "spark")
        spark = request.getfixturevalue("glue_spark")
        from glue_secure.context import GlueContext
        from glue_secure.dynamicframe import DynamicFrame

        data = spark.createDataFrame(ROWS, SCHEMA).coalesce(1)
        yield DynamicFrame.fromDF(data, GlueContext(spark.sparkContext), "people"), False
        return
    started, frame_of = request.getfixturevalue("started"), request.getfixturevalue("frame_of")
    from pyspark.serializers import AutoBatchedSerializer, CPickleSerializer
    from recorded_glue_jvm import JavaObject

    from glue_secure.dynamicframe import DynamicFrame

    recorder = started.recorder
    started._sc.serializer, started._sc.profiler_collector = AutoBatchedSerializer(CPickleSerializer()), None
    monkeypatch.setattr("pyspark.rdd._wrap_function", lambda *_: JavaObject(recorder, "function"))
    recorder.on["toString"] = lambda: json.dumps({"dataType": "struct", "fields": []})
    recorder.on["seqAsJava"] = lambda _: [JavaObject(recorder, "first"), JavaObject(recorder, "second")]
    yield frame_of(DynamicFrame, started), True


@pytest.mark.parametrize("name", METHODS)
def test_a_method_of_a_frame_returns_the_same_in_both_runtimes(name, frame):
    call, kind, names = METHODS[name]
    source, is_glue = frame
    result = call(source)
    from glue_secure.dynamicframe import DynamicFrame, DynamicFrameCollection

    if kind is not None:
        assert type(result) is {FRAME: DynamicFrame, FRAMES: DynamicFrameCollection}[kind]
    if is_glue:
        assert source.glue_ctx.recorder.calls
        for each in result.values() if kind == FRAMES else ():
            assert type(each) is DynamicFrame
    elif kind == FRAME and names is not None:
        assert result.toDF().columns == names
    elif kind == FRAMES:
        assert sorted(result.keys()) == names


def test_every_served_method_of_a_frame_and_every_transform_is_called():
    sections = {section.title: section for section in surface.sections(Path(__file__).resolve().parents[2])}
    served = {
        f"{title}.{row.name}"
        for title in ("DynamicFrame", "DynamicFrameCollection", "Transforms")
        for row in sections[title].rows
        if not row.plain.startswith("rejected") and not row.glue.startswith("rejected")
    }
    assert served == set(METHODS) | ELSEWHERE | ABOUT_TRANSFORMS
