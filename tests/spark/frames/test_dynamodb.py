"""``unnest_ddb_json`` and ``simplify_ddb_json``."""

from glue_secure.dynamicframe.frames import dynamodb
from glue_secure.dynamicframe.types import glue_types as glue

EXPORT = (
    "struct<Item:struct<ColA:struct<S:string>,ColB:struct<N:string>,ColD:struct<L:array<void>>,"
    "parentMap:struct<M:struct<childMap:struct<M:struct<appName:struct<S:string>,updatedAt:struct<N:string>>>>>,"
    "plain:struct<L:array<struct<S:string>>>,mixed:struct<L:array<struct<S:string,N:string>>>,"
    "strings:struct<SS:array<string>>,isDDBJson:struct<BOOL:boolean>,nothing:struct<`NULL`:boolean>>>"
)
ITEM = {
    "Item": {
        "ColA": {"S": "a"}, "ColB": {"N": "1.5"}, "ColD": {"L": []},
        "parentMap": {"M": {"childMap": {"M": {"appName": {"S": "app"}, "updatedAt": {"N": "7"}}}}},
        "plain": {"L": [{"S": "x"}, {"S": "y"}]}, "mixed": {"L": [{"S": "x"}, {"N": "1"}]},
        "strings": {"SS": ["s"]}, "isDDBJson": {"BOOL": True}, "nothing": {"NULL": True},
    }
}  # fmt: skip


def test_unnest_returns_a_column_per_attribute_and_does_not_change_lists(table_of, rows_of):
    result = dynamodb.unnest_ddb_json(table_of(EXPORT, ITEM))
    assert rows_of(result) == [
        {
            "ColA": "a", "ColB": "1.5", "ColD": [], "parentMap.childMap.appName": "app",
            "parentMap.childMap.updatedAt": "7", "plain": [{"S": "x"}, {"S": "y"}],
            "mixed": [{"S": "x"}, {"N": "1"}], "strings": ["s"], "isDDBJson": True,
        }
    ]  # fmt: skip
    assert result.schema.field_map["nothing"].dataType == glue.NullType()


def test_simplify_returns_maps_as_structs_and_simplifies_lists_of_one_type(table_of, rows_of):
    result = dynamodb.simplify_ddb_json(table_of(EXPORT, ITEM))
    assert rows_of(result) == [
        {
            "ColA": "a", "ColB": "1.5", "ColD": [],
            "parentMap": {"childMap": {"appName": "app", "updatedAt": "7"}},
            "plain": ["x", "y"], "mixed": [{"S": "x"}, {"N": "1"}], "strings": ["s"], "isDDBJson": True,
        }
    ]  # fmt: skip


def test_attributes_of_several_types_become_choices(table_of, rows_of):
    table = table_of(
        "struct<Item:struct<v:struct<S:string,N:string,BOOL:boolean,SS:array<string>,L:array<struct<N:string>>>>>",
        {"Item": {"v": {"S": "t"}}}, {"Item": {"v": {"N": "1"}}}, {"Item": {"v": {"BOOL": False}}},
        {"Item": {"v": {"SS": ["a"]}}}, {"Item": {"v": {"L": [{"N": "2"}]}}}, {"Item": None},
    )  # fmt: skip
    result = dynamodb.simplify_ddb_json(table)
    assert rows_of(result) == [
        {"v": {"array": ["2"]}}, {"v": {"array": ["a"]}}, {"v": {"boolean": False}}, {"v": {"string": "1"}},
        {"v": {"string": "t"}}, {},
    ]  # fmt: skip
    assert isinstance(result.schema.fields[0].dataType, glue.ChoiceType)


def test_columns_without_dynamodb_json_do_not_change(table_of, rows_of):
    row = {"a": 1, "s": {"S": "x"}, "t": {"S": "x", "other": 2}}
    table = table_of("struct<a:int,s:struct<S:string>,t:struct<S:string,other:int>>", row)
    assert rows_of(dynamodb.simplify_ddb_json(table)) == [{"a": 1, "s": "x", "t": {"S": "x", "other": 2}}]
