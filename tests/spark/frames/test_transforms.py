"""Transforms in local Spark, in the order of the documentation's examples."""

from types import SimpleNamespace

import pytest

from glue_secure import transforms as glue
from glue_secure.dynamicframe.frame import DynamicFrame


@pytest.fixture
def frame(glue_spark, table_of):
    context = SimpleNamespace(spark_session=glue_spark)

    def make(schema, *rows, name="orders"):
        return DynamicFrame(table_of(schema, *rows), context, name)

    return make


def values(frame):
    return sorted((tuple(row) for row in frame.toDF().collect()), key=str)


def test_transforms_can_be_chained(frame):
    """Transforms and fields are from the examples of the "PySpark transforms reference"."""
    unboxed = frame(
        "struct<warehouse_loc:string,data:struct<strawberry:int,pineapple:int,mango:int,pears:void>>",
        {"warehouse_loc": "TX_WAREHOUSE", "data": {"strawberry": 220, "pineapple": 560, "mango": 350}},
        {"warehouse_loc": "CA_WAREHOUSE", "data": {"strawberry": 34, "pineapple": 123, "mango": 42}},
        {"warehouse_loc": "CO_WAREHOUSE", "data": {"strawberry": 340, "pineapple": 180, "mango": 2}},
    )
    unnested = glue.UnnestFrame.apply(frame=unboxed)
    result = glue.DropNullFields.apply(frame=unnested)
    assert result.toDF().columns == ["warehouse_loc", "data.strawberry", "data.pineapple", "data.mango"]
    fields = glue.SplitFields.apply(
        frame=result, paths=["`data.strawberry`", "`data.pineapple`"], name1="a", name2="b"
    )
    assert glue.SelectFromCollection.apply(fields, "a").toDF().columns == [
        "data.strawberry",
        "data.pineapple",
    ]
    assert glue.SelectFromCollection.apply(fields, "b").toDF().columns == ["warehouse_loc", "data.mango"]
    rows = glue.SplitRows.apply(
        frame=result,
        comparison_dict={"`data.pineapple`": {">": "100", "<": "200"}},
        name1="pa_200_less",
        name2="pa_200_more",
    )
    assert [row[0] for row in values(rows["pa_200_less"])] == ["CA_WAREHOUSE", "CO_WAREHOUSE"]
    assert [row[0] for row in values(rows["pa_200_more"])] == ["TX_WAREHOUSE"]


def test_collections_are_mapped_flat_mapped_and_selected_from(frame):
    orders = frame(
        "struct<id:int,items:array<struct<n:string>>>", {"id": 1, "items": [{"n": "x"}, {"n": "y"}]}
    )
    tables = glue.Relationalize.apply(frame=orders, staging_path="s3://bucket/tmp", name="root")
    assert list(tables.keys()) == ["root", "root_items"]
    items = glue.SelectFromCollection.apply(dfc=tables, key="root_items")
    renamed = glue.RenameField.apply(items, "`items.val.n`", "n")
    assert values(glue.DropFields.apply(renamed, paths=["index", "id"])) == [("x",), ("y",)]
    flat = glue.FlatMap.apply(tables, glue.SelectFields, "frame", paths=["id"])
    assert {name: result.toDF().columns for name, result in zip(flat.keys(), flat.values(), strict=True)} == {
        name: ["id"]
        for name in flat.keys()  # noqa: SIM118 - a collection, not a dictionary
    }
    mapped = glue.MapToCollection.apply(tables, lambda left, context: left.drop_fields(["id"], context))
    assert [result.toDF().columns for result in mapped.values()] == [["items"], ["index", "items.val.n"]]


def test_joins_unions_mappings_and_choices(frame):
    left, right = (
        frame("struct<zip:int,c:string>", {"zip": 1, "c": "a"}),
        frame("struct<zip:int>", {"zip": 1}),
    )
    joined = glue.Join.apply(left, right, "zip", "zip")
    assert joined.toDF().columns == ["zip", "c", ".zip"]
    assert glue.DropFields.apply(joined, "`.zip`").toDF().columns == ["zip", "c"]
    united = glue.Union.apply(left, frame("struct<zip:string>", {"zip": "2"}))
    assert (
        united.schema().treeString()
        == "root\n|-- zip: choice\n|    |-- int\n|    |-- string\n|-- c: string\n"
    )
    resolved = glue.ResolveChoice.apply(united, specs=[("zip", "cast:long")])
    assert values(resolved) == [(1, "a"), (2, None)]
    cols = glue.ResolveChoice.apply(united, choice="make_cols")
    assert cols.toDF().columns == ["zip_int", "zip_string", "c"]
    mapped = glue.ApplyMapping.apply(resolved, [("zip", "long", "address.zip", "string")])
    assert [row.address.zip for row in mapped.toDF().orderBy("address.zip").collect()] == ["1", "2"]
    assert glue.Repartition.apply(left, 3).getNumPartitions() == 3
    assert glue.Coalesce.apply(glue.Repartition.apply(left, 3), 1).getNumPartitions() == 1
