"""A column policy as data: what is read, what is refused, and what it decides for a schema."""

import json

import pytest

from glue_secure.columns.decisions import decide
from glue_secure.columns.policy import ColumnPolicy
from glue_secure.core.columns import ColumnAction, SchemaColumn, Shape, Tag, TagKind
from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.core.findings import enforce

KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111"
PII = Tag(TagKind.PARAMETER, "pii", "true")
SENSITIVE = Tag(TagKind.LF_TAG, "class", "secret")
GOOD = {
    "name": "customers",
    "kms_key": KEY,
    "wrapped_key": "AAAA",
    "tables": ["crm.customers"],
    "tagged": [{"lf_tag": "class=secret"}],
    "columns": [
        {"column": "email", "action": "tokenise", "domain": "person"},
        {"column": "address.street", "action": "drop"},
        {"parameter": "pii=true", "action": "encrypt"},
    ],
}


def changed(**over):
    return {name: value for name, value in (GOOD | over).items() if value is not None}


def policy(**over):
    return ColumnPolicy.from_value(changed(**over), source="p.json")


def columns(*texts, **shape):
    return [SchemaColumn(tuple(text.split(".")), **shape) for text in texts]


def decided(policy, tags, schema):
    decisions, findings = decide(policy, tags, schema, sink="s3://b/t")
    enforce(findings)
    return decisions


def actions(schema, tags=None, **over):
    decisions = decided(policy(**over), tags or {}, schema)
    return {decision.column.text: decision.rule.action.value for decision in decisions}


def test_toml_and_json_say_the_same():
    toml = f"""
name = "customers"
kms_key = "{KEY}"
wrapped_key = "AAAA"
tables = ["crm.customers"]
tagged = [{{ lf_tag = "class=secret" }}]
[[columns]]
column = "email"
action = "tokenise"
domain = "person"
[[columns]]
column = "address.street"
action = "drop"
[[columns]]
parameter = "pii=true"
action = "encrypt"
"""
    read = ColumnPolicy.parse(toml, source="p.toml")
    same = ColumnPolicy.parse(json.dumps(GOOD), source="p.json")
    assert (read.rules, read.tagged, read.tables, read.key) == (
        same.rules, same.tagged, same.tables, same.key
    )  # fmt: skip
    assert len(read.digest) == 64
    assert read.digest != same.digest
    assert "AAAA" not in repr(read)


@pytest.mark.parametrize(
    ("over", "found"),
    [
        ({"colums": []}, "colums"),
        ({"name": ""}, "''"),
        ({"columns": {}}, "dict"),
        ({"columns": [{"column": "a", "action": "hash"}]}, "'hash'"),
        ({"columns": [{"column": "a", "parameter": "x=y", "action": "drop"}]}, "not exactly one of"),
        ({"columns": [{"action": "drop"}]}, "not exactly one of"),
        ({"columns": [{"column": "a", "action": "drop", "domain": "d"}]}, "domain with drop"),
        ({"columns": [{"column": "a", "action": "mask", "keep_last": True}]}, "True"),
        ({"columns": [{"column": "a", "action": "mask", "keep_last": -1}]}, "-1"),
        ({"columns": [{"parameter": "pii", "action": "drop"}]}, "'pii'"),
        ({"wrapped_key": None, "kms_key": None}, "without a data key"),
        ({"wrapped_key": "not base64!"}, "not base64"),
        ({"tables": []}, "without a table to read them from"),
        ({"tables": ["customers"]}, "'customers'"),
        ({"columns": [], "tagged": []}, "neither columns nor tagged"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_named(over, found):
    with pytest.raises(UsageError) as error:
        policy(**over)
    assert found in error.value.found


@pytest.mark.parametrize("text", ["name = ", "{", "{} {}"])
def test_text_that_is_neither_toml_nor_json_names_its_place(text):
    with pytest.raises(UsageError, match=r"s3://config/p"):
        ColumnPolicy.parse(text, source="s3://config/p")


def test_a_name_matches_at_any_depth_and_in_any_case_a_path_at_its_place():
    schema = columns("Email", "id", "contact.EMAIL", "address.street", "office.street")
    assert actions(schema) == {"Email": "tokenise", "contact.EMAIL": "tokenise", "address.street": "drop"}


def test_the_first_rule_that_matches_decides():
    rules = [{"column": "email", "action": "drop"}, {"column": "email", "action": "mask"}]
    assert actions(columns("email"), columns=rules, tagged=[]) == {"email": "drop"}


def test_a_tag_of_the_catalog_gives_the_action_and_follows_the_name_into_a_struct():
    tags = {"phone": frozenset([PII])}
    assert actions(columns("phone", "me.phone"), tags) == {"phone": "encrypt", "me.phone": "encrypt"}


def test_a_tagged_column_without_an_action_is_refused():
    with pytest.raises(RefusedError) as error:
        actions(columns("id", "Iban"), {"iban": frozenset([SENSITIVE])})
    assert error.value.control == "GS-COL-001"
    assert "column Iban of s3://b/t" in str(error.value)


def test_tags_that_the_policy_does_not_name_ask_for_nothing():
    assert actions(columns("iban"), {"iban": frozenset([Tag(TagKind.LF_TAG, "team", "ops")])}) == {}


@pytest.mark.parametrize(
    "column",
    [
        SchemaColumn(("email",), Shape.STRUCT),
        SchemaColumn(("email",), Shape.REPEATED),
        SchemaColumn(("people", "email"), inside_repeated=True),
    ],
)
def test_an_action_that_cannot_be_carried_out_is_refused(column):
    with pytest.raises(RefusedError) as error:
        actions([column])
    assert error.value.control == "GS-COL-003"


def test_what_is_dropped_whole_needs_nothing_for_its_fields():
    schema = [SchemaColumn(("me",), Shape.STRUCT), *columns("me.iban")]
    rules = [{"column": "me", "action": "drop"}]
    assert actions(schema, {"iban": frozenset([SENSITIVE])}, columns=rules) == {"me": "drop"}


def test_only_tokenise_and_encrypt_need_a_key():
    assert [action for action in ColumnAction if action.needs_key] == ["tokenise", "encrypt"]
