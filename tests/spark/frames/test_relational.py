"""``unnest`` and ``relationalize``: flat tables and their keys."""

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.frames import columns, relational, rows
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue

NESTED = (
    "struct<n:string,s:struct<t:struct<u:int>,v:array<int>>,"
    "a:array<struct<x:int,b:array<string>>>,aa:array<array<int>>,m:map<string,struct<k:int>>>"
)


def test_every_array_becomes_a_table_named_after_its_path(table_of, rows_of):
    table = table_of(
        NESTED,
        {
            "n": "one",
            "s": {"t": {"u": 1}, "v": [5, 6]},
            "a": [{"x": 1, "b": ["p", "q"]}, {"x": 2, "b": []}],
            "aa": [[1, 2], [3]],
            "m": {"key": {"k": 9}},
        },
        {"n": "two"},
    )
    result = relational.relationalize(table, "root")
    assert list(result) == [
        "root", "root_s.v", "root_a", "root_a.val.b", "root_aa", "root_aa.val", "root_m",
    ]  # fmt: skip
    assert [(f.name, f.dataType.typeName()) for f in result["root"].schema] == [
        ("n", "string"), ("s.t.u", "int"), ("s.v", "long"), ("a", "long"), ("aa", "long"), ("m", "long"),
    ]  # fmt: skip
    assert rows_of(result["root"]) == [
        {"n": "one", "s.t.u": 1, "s.v": 1, "a": 1, "aa": 1, "m": 1},
        {"n": "two"},
    ]
    assert rows_of(result["root_a"]) == [
        {"id": 1, "index": 0, "a.val.x": 1, "a.val.b": 1},
        {"id": 1, "index": 1, "a.val.x": 2, "a.val.b": 2},
    ]
    assert rows_of(result["root_a.val.b"]) == [
        {"id": 1, "index": 0, "a.val.b.val": "p"},
        {"id": 1, "index": 1, "a.val.b.val": "q"},
    ]
    assert rows_of(result["root_aa.val"])[-1] == {"id": 2, "index": 0, "aa.val.val": 3}
    assert rows_of(result["root_m"]) == [{"id": 1, "index": 0, "m.key": "key", "m.val.k": 9}]


def test_choices_are_flattened_like_structs(table_of, rows_of):
    number = glue.ChoiceType([glue.IntegerType(), glue.StringType()])
    schema = glue.StructType([glue.Field("c", number), glue.Field("l", glue.ArrayType(number))])
    result = relational.relationalize(
        table_of(schema, {"c": {"int": 1}, "l": [{"int": 2}, {"string": "x"}]}), "r"
    )
    assert rows_of(result["r"]) == [{"c.int": 1, "l": 1}]
    assert rows_of(result["r_l"]) == [
        {"id": 1, "index": 0, "l.val.int": 2},
        {"id": 1, "index": 1, "l.val.string": "x"},
    ]


def test_a_flat_frame_is_the_root_table_and_no_job_runs(table_of):
    table = table_of("struct<a:int,b:struct<c:int>>", {"a": 1})
    result = relational.relationalize(table, "root")
    assert list(result) == ["root"]
    assert [field.name for field in result["root"].schema] == ["a", "b.c"]


def test_keys_do_not_change_between_actions_of_a_changing_source(glue_spark):
    """The source distributes its rows differently in each run, so recomputed keys would differ."""
    from pyspark.sql import functions as F

    made = glue_spark.range(0, 400, 1, 4).repartition(7).orderBy(F.rand())
    data = made.select(
        F.col("id").alias("n"),
        F.expr(
            "transform(sequence(0, cast(id % 3 as int)), i -> named_struct('n', id, 'l', array(id, i)))"
        ).alias("a"),
    )
    result = relational.relationalize(Table.of(data), "root")
    root, child, deep = (result[name].data for name in ("root", "root_a", "root_a.val.l"))
    keys = [row.a for row in root.repartition(5).collect()]
    assert len(keys) == len(set(keys)) == 400
    for attempt in (3, 11):
        mixed = root.repartition(attempt).join(child.repartition(2), root["a"] == child["id"])
        found_pairs = mixed.select("n", F.col("`a.val.n`").alias("of"), "index").collect()
        assert len(found_pairs) == sum(i % 3 + 1 for i in range(400))
        assert all(row.n == row.of for row in found_pairs)
        deeper = child.select(F.col("`a.val.l`").alias("key"), F.col("`a.val.n`").alias("n")).join(
            deep.repartition(attempt).where("index = 0"), F.col("key") == deep["id"]
        )
        assert all(row.n == row["a.val.l.val"] for row in deeper.collect())
    assert [row.a for row in root.orderBy("n").collect()] == [row.a for row in root.orderBy("n").collect()]


def test_duplicate_names_and_options_are_rejected(table_of):
    table = table_of("struct<a:struct<b:int>,`a.b`:int>", {"a.b": 1})
    with pytest.raises(UsageError, match=r"more than one field 'a\.b'"):
        relational.relationalize(table, "root")
    with pytest.raises(UsageError, match=r"more than one field 'a\.b'"):
        relational.unnest(table)
    with pytest.raises(UsageError, match="no options"):
        relational.relationalize(table, "root", {"x": 1})


def test_unnest_names_the_fields_of_elements_after_their_array(table_of, rows_of):
    """Scala DynamicFrame class, unnest: such names start with the array's name and ``.val``."""
    table = table_of("struct<l:array<struct<x:struct<y:int>,z:int>>>", {"l": [{"x": {"y": 1}, "z": 2}]})
    assert rows_of(relational.unnest(table)) == [{"l": [{"l.val.x.y": 1, "l.val.z": 2}]}]


LINKS = "links:array<struct<note:string,url:string>>"
PERSONS = (
    f"struct<family_name:string,name:string,{LINKS},gender:string,image:string,"
    "identifiers:array<struct<scheme:string,identifier:string>>,"
    "other_names:array<struct<note:string,name:string,lang:string>>,sort_name:string,"
    "images:array<struct<url:string>>,given_name:string,birth_date:string,id:string,"
    "contact_details:array<struct<type:string,value:string>>,death_date:string>"
)
MEMBERSHIPS = (
    "struct<area_id:string,on_behalf_of_id:string,organization_id:string,role:string,person_id:string,"
    "legislative_period_id:string,start_date:string,end_date:string>"
)
ORGANIZATIONS = (
    f"struct<classification:string,{LINKS},image:string,"
    "identifiers:array<struct<scheme:string,identifier:string>>,"
    "other_names:array<struct<lang:string,note:string,name:string>>,id:string,name:string,seats:int,type:string>"
)
HISTORY = {
    "role", "seats", "org_name", "links", "type", "sort_name", "area_id", "images", "on_behalf_of_id",
    "other_names", "contact_details", "name", "birth_date", "organization_id", "gender", "classification",
    "death_date", "legislative_period_id", "identifiers", "image", "given_name", "family_name", "id",
    "start_date", "end_date",
}  # fmt: skip


def test_the_legislators_example(table_of, rows_of):
    """Origin: "Code example: joining and relationalizing data" of the AWS Glue developer guide.

    The page prints one ``links`` and one ``image``, though both the persons and the organizations have them;
    its "Join class" page says that one of them gets a dot, and so it does here.
    """
    details = [{"type": "fax", "value": ""}, {"type": "", "value": "202-225-1314"}]
    persons = table_of(
        PERSONS, {"id": "p1", "given_name": "Mike", "family_name": "Ross", "contact_details": details}
    )
    memberships = table_of(MEMBERSHIPS, {"person_id": "p1", "organization_id": "o1"}, {"person_id": "p2"})
    orgs = columns.drop(
        table_of(ORGANIZATIONS, {"id": "o1", "name": "Senate", "seats": 100}), ["other_names", "identifiers"]
    )
    orgs = columns.rename(columns.rename(orgs, "id", "org_id"), "name", "org_name")
    history = columns.drop(
        rows.join(orgs, rows.join(persons, memberships, "id", "person_id"), "org_id", "organization_id"),
        ["person_id", "org_id"],
    )
    names = {field.name for field in history.schema}
    assert names == HISTORY | {".links", ".image"}
    history = columns.drop(history, ["`.links`", "`.image`"])
    result = relational.relationalize(history, "hist_root")
    assert set(result) == {
        "hist_root", "hist_root_contact_details", "hist_root_links", "hist_root_other_names",
        "hist_root_images", "hist_root_identifiers",
    }  # fmt: skip
    (root,) = rows_of(result["hist_root"])
    assert (root["given_name"], root["family_name"], root["seats"]) == ("Mike", "Ross", 100)
    key = root["contact_details"]
    assert rows_of(result["hist_root_contact_details"]) == [
        {"id": key, "index": 0, "contact_details.val.type": "fax", "contact_details.val.value": ""},
        {"id": key, "index": 1, "contact_details.val.type": "", "contact_details.val.value": "202-225-1314"},
    ]
    assert dict(result["hist_root_contact_details"].data.dtypes)["id"] == "bigint"
    assert dict(result["hist_root_contact_details"].data.dtypes)["index"] == "int"
