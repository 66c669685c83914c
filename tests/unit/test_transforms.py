"""Transforms call the method of their frame."""

import inspect
import json

import pytest

from glue_secure import transforms
from glue_secure.dynamicframe.types import hive

RECORDED = ("ctx", "why", 3, 4)
THRESHOLDS = {"transformation_ctx": "ctx", "info": "why", "stageThreshold": 3, "totalThreshold": 4}


class Frame:
    """A frame whose methods return their name and arguments."""

    def __init__(self, name="orders"):
        self.name = name

    def schema(self):
        return hive.parse("struct<a:int,n:void,s:struct<`x.y`:void>,l:array<struct<m:void>>>")

    def __getattr__(self, method):
        return lambda *args, **kwargs: (method, args, kwargs)


# The transforms accept frames by the name of their class.
Frame.__name__ = "DynamicFrame"
FRAME, OTHER = Frame(), Frame()


def double(value):
    return value


@pytest.mark.parametrize(
    ("transform", "arguments", "method", "passed"),
    [
        (
            "ApplyMapping",
            {"mappings": [("a", "b")], "case_sensitive": True},
            "apply_mapping",
            ([("a", "b")], True),
        ),
        ("Coalesce", {"num_partitions": 2, "shuffle": True}, "coalesce", (2, True)),
        ("DropFields", {"paths": ["a"]}, "drop_fields", (["a"],)),
        ("DropNullFields", {}, "drop_fields", (["n", "s.`x.y`", "l.m"],)),
        ("Filter", {"f": double}, "filter", (double,)),
        ("Map", {"f": double, "preservesPartitioning": True}, "map", (double, True)),
        ("Relationalize", {"staging_path": "s3://b/t", "name": "r"}, "relationalize", ("r", "s3://b/t", {})),
        ("RenameField", {"old_name": "a", "new_name": "b"}, "rename_field", ("a", "b")),
        ("Repartition", {"num_partitions": 2}, "repartition", (2,)),
        ("SelectFields", {"paths": ["a"]}, "select_fields", (["a"],)),
        ("SplitFields", {"paths": ["a"]}, "split_fields", (["a"], "orders1", "orders2")),
        (
            "SplitRows",
            {"comparison_dict": {"a": {">": 1}}},
            "split_rows",
            ({"a": {">": 1}}, "frame1", "frame2"),
        ),
        ("Unbox", {"path": "a", "format": "json"}, "unbox", ("a", "json")),
        ("UnnestFrame", {}, "unnest", ()),
    ],
)
def test_a_transform_of_one_frame_passes_its_arguments_on(transform, arguments, method, passed):
    found = getattr(transforms, transform).apply(frame=FRAME, **arguments, **THRESHOLDS)
    assert found == (method, (*passed, *RECORDED), {})
    assert getattr(transforms, transform)()(FRAME, **arguments, **THRESHOLDS) == found


def test_the_transforms_with_arguments_of_their_own():
    resolve = transforms.ResolveChoice.apply(
        FRAME, choice="match_catalog", database="d", table_name="t", catalog_id="1"
    )
    assert resolve == ("resolveChoice", (None, "match_catalog", "d", "t", "", "", 0, 0, "1"), {})
    assert transforms.Join.apply(FRAME, OTHER, "a", "b") == ("join", ("a", "b", OTHER, ""), {})
    assert transforms.Union.apply(FRAME, OTHER, "ctx") == ("union", (OTHER, "ctx", "", 0, 0), {})
    assert transforms.Spigot.apply(FRAME, "s3://b/x", {"topk": 1}) == (
        "spigot",
        ("s3://b/x", {"topk": 1}, ""),
        {},
    )
    assert transforms.ErrorsAsDynamicFrame.apply(FRAME) == ("errorsAsDynamicFrame", (), {})
    assert transforms.SelectFromCollection.apply(FRAME, "root") == ("select", ("root", ""), {})
    assert transforms.MapToCollection.apply(FRAME, double, "ctx") == ("map", (double, "ctx"), {})
    assert transforms.Unbox.apply(FRAME, "a", "csv", separator="|")[2] == {"separator": "|"}
    assert transforms.SplitFields.apply(Frame(""), ["a"])[1][1:3] == ("frame1", "frame2")
    assert transforms.SplitFields.apply(FRAME, ["a"], "x", "y")[1][1:3] == ("x", "y")


def test_flat_map_applies_a_transform_to_each_frame():
    _, (each, context), _ = transforms.FlatMap.apply(
        FRAME, transforms.DropFields, "frame", transformation_ctx="ctx", paths=["a"]
    )
    assert context == "ctx"
    assert each(OTHER, "inner") == ("drop_fields", (["a"], "inner", "", 0, 0), {})


NAMES = [
    "ApplyMapping", "Coalesce", "DropFields", "DropNullFields", "ErrorsAsDynamicFrame", "Filter", "FlatMap",
    "Join", "Map", "MapToCollection", "Relationalize", "RenameField", "Repartition", "ResolveChoice",
    "SelectFields", "SelectFromCollection", "Spigot", "SplitFields", "SplitRows", "Unbox", "Union",
    "UnnestFrame",
]  # fmt: skip


def test_all_transforms_of_glue_exist():
    assert sorted(kind.name() for kind in transforms.ALL_TRANSFORMS) == NAMES
    assert {transform.name() for transform in transforms.get_transforms()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_transform_describes_itself(name):
    kind = getattr(transforms, name)
    described = json.loads(transforms.describe_transform(name.lower()))["transform"]
    assert described["name"] == kind.name() == name
    assert described["description"] == kind.describeTransform()
    assert described["returns"]["type"] in ("DynamicFrame", "DynamicFrameCollection")
    assert described["raises"] == kind.describeErrors() == []
    parameters = list(inspect.signature(kind.__call__).parameters)[1:]
    assert [argument["name"] for argument in described["args"]] == parameters
    assert all(
        set(a) == {"name", "type", "description", "optional", "defaultValue"} for a in kind.describeArgs()
    )


def test_an_unknown_transform_has_no_description():
    assert transforms.get_transform("Fly") is None
    assert transforms.describe_transform("Fly") == "{}"


def test_a_script_derives_its_own_transform():
    class Twice(transforms.GlueTransform):
        def __call__(self, value, times=2):
            return value * times

    assert Twice.apply(3) == 6
    assert Twice.apply(3, times=3) == 9
    assert Twice() == Twice()
    assert len({Twice(), Twice()}) == 1
    assert repr(Twice()) == "<Transform: Twice>"
    for method in (Twice.describeArgs, Twice.describeReturn, Twice.describeTransform, Twice.describeErrors):
        with pytest.raises(NotImplementedError, match="Twice"):
            method()
