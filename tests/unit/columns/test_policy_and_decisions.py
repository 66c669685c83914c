"""Parsing of column policies, and their decisions for a schema."""

import json

import pytest

from glue_secure.columns.decisions import decide
from glue_secure.columns.policy import ColumnPolicy
from glue_secure.core.columns import ColumnAction, ColumnShape, SchemaColumn, Tag, TagKind
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


def changed(**changes):
    return {name: value for name, value in (GOOD | changes).items() if value is not None}


def policy(**changes):
    return ColumnPolicy.from_value(changed(**changes), source="p.json")


def columns(*texts, **shape):
    return [SchemaColumn(tuple(text.split(".")), **shape) for text in texts]


def decided(policy, tags, schema):
    decisions, findings = decide(policy, tags, schema, sink="s3://b/t")
    enforce(findings)
    return decisions


def actions(schema, tags=None, **changes):
    decisions = decided(policy(**changes), tags or {}, schema)
    return {decision.column.text: decision.rule.action.value for decision in decisions}


def test_toml_and_json_give_the_same_policy():
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
    ("changes", "found"),
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
def test_an_invalid_policy_is_rejected_with_its_reason(changes, found):
    with pytest.raises(UsageError) as error:
        policy(**changes)
    assert found in error.value.found


@pytest.mark.parametrize("text", ["name = ", "{", "{} {}"])
def test_text_that_is_neither_toml_nor_json_is_rejected_with_its_source(text):
    with pytest.raises(UsageError, match=r"s3://config/p"):
        ColumnPolicy.parse(text, source="s3://config/p")


def test_a_name_matches_at_any_depth_and_a_path_from_the_top():
    schema = columns("Email", "id", "contact.EMAIL", "address.street", "office.street")
    assert actions(schema) == {"Email": "tokenise", "contact.EMAIL": "tokenise", "address.street": "drop"}


def test_the_first_matching_rule_applies():
    rules = [{"column": "email", "action": "drop"}, {"column": "email", "action": "mask"}]
    assert actions(columns("email"), columns=rules, tagged=[]) == {"email": "drop"}


def test_a_catalog_tag_matches_a_column_inside_a_struct():
    tags = {"phone": frozenset([PII])}
    assert actions(columns("phone", "me.phone"), tags) == {"phone": "encrypt", "me.phone": "encrypt"}


def test_a_tagged_column_without_an_action_is_rejected():
    with pytest.raises(RefusedError) as error:
        actions(columns("id", "Iban"), {"iban": frozenset([SENSITIVE])})
    assert error.value.control == "GS-COL-001"
    assert "column Iban of s3://b/t" in str(error.value)


def test_tags_that_the_policy_does_not_name_are_ignored():
    assert actions(columns("iban"), {"iban": frozenset([Tag(TagKind.LF_TAG, "team", "ops")])}) == {}


@pytest.mark.parametrize(
    "column",
    [
        SchemaColumn(("email",), ColumnShape.STRUCT),
        SchemaColumn(("email",), ColumnShape.REPEATED),
        SchemaColumn(("people", "email"), inside_repeated=True),
    ],
)
def test_an_action_that_cannot_be_applied_is_rejected(column):
    with pytest.raises(RefusedError) as error:
        actions([column])
    assert error.value.control == "GS-COL-003"


def test_fields_of_a_dropped_column_need_no_rule():
    schema = [SchemaColumn(("me",), ColumnShape.STRUCT), *columns("me.iban")]
    rules = [{"column": "me", "action": "drop"}]
    assert actions(schema, {"iban": frozenset([SENSITIVE])}, columns=rules) == {"me": "drop"}


def test_only_tokenise_and_encrypt_need_a_key():
    assert [action for action in ColumnAction if action.needs_key] == ["tokenise", "encrypt"]
