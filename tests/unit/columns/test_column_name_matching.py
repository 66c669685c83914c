"""Names that match a column after a transform, in a file's header, or in Spark."""

import pytest

from glue_secure.columns.decisions import decide, names_of
from glue_secure.columns.policy import ColumnPolicy
from glue_secure.core.columns import ColumnShape, SchemaColumn, Tag, TagKind, normalize_name
from glue_secure.core.errors import RefusedError
from glue_secure.core.findings import enforce

KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111"
PII = Tag(TagKind.PARAMETER, "pii", "true")
ERRORS = ("callsite", "msg", "stackTrace", "input", "bytesread", "source", "dynamicRecord")


def decided(policy, tags, schema):
    decisions, findings = decide(policy, tags, schema, sink="s3://b/t")
    enforce(findings)
    return decisions


def decision(rule, *path, tags=None, action="tokenise"):
    """Return the decision on a column under one rule, by name or by the tag ``pii=true``, or None."""
    subject = {"column": rule} if rule else {"parameter": "pii=true"}
    policy = ColumnPolicy.from_value(
        {"name": "p", "kms_key": KEY, "wrapped_key": "AAAA", "tables": ["d.t"],
         "columns": [{**subject, "action": action}]}, source="p",
    )  # fmt: skip
    tags = {name: frozenset([PII]) for name in tags or ()}
    return next(iter(decided(policy, tags, [SchemaColumn(path)])), None)


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ("address.street", ["address.street"]),  # unnest
        ("address", ["address.street"]),
        ("street", ["address.street"]),
        ("items.sku", ["items.val.sku"]),  # relationalize
        ("items", ["items.val"]),
        ("attrs", ["attrs.key"]),
        ("phone", ["phone.string"]),  # a choice, unnested
        ("phone", ["phone_string"]),  # make_cols
        ("me.phone", ["me.phone_int"]),
        ("me.phone", ["me", "struct", "phone"]),
        ("me.phone", ["me_struct", "phone"]),
        ("email", ["\ufeffEmail"]),  # headers of files
        ("email", [" email "]),
        ("prénom", ["pre\u0301nom"]),
        (" Email", ["email"]),
    ],
)
def test_a_rule_matches_names_that_a_transform_or_a_header_derives(rule, path):
    assert decision(rule, *path) is not None


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ("address.street", ["office.street"]),
        ("address.street", ["home", "address", "street"]),  # a path begins at the top
        ("street", ["street_name"]),
        ("birth", ["birth_date"]),
        ("email", ["emails"]),
        ("a.val", ["a", "b"]),
    ],
)
def test_a_rule_does_not_match_other_names(rule, path):
    assert decision(rule, *path) is None


@pytest.mark.parametrize("path", [["Address.Street"], ["address", "street"], ["x", "address.street"]])
def test_a_tag_follows_a_struct_into_its_flattened_fields(path):
    assert decision("", *path, tags=["address"]) is not None


def test_a_tag_of_a_flattened_table_matches_the_nested_field():
    assert decision("", "address", "street", tags=["address.street"]) is not None
    assert decision("", "office", "street", tags=["address.street"]) is None


def test_tags_are_compared_without_case():
    assert Tag(TagKind.PARAMETER, "PII ", "True") == PII
    assert Tag(TagKind.PARAMETER, "pii", "no") != PII
    assert Tag(TagKind.LF_TAG, "pii", "true") != PII


def test_tokens_are_equal_in_flattened_and_nested_columns():
    nested, flat, choice = (
        decision("phone", "me", "phone"),
        decision("phone", "me.phone"),
        decision("phone", "phone_int"),
    )
    assert {nested.domain, flat.domain, choice.domain} == {"phone"}
    by_path, by_tag = decision("me.phone", "me.phone"), decision("", "me.phone_int", tags=["Phone"])
    assert {by_path.domain, by_tag.domain} == {"phone"}
    assert decision("", "user_int", tags=["user_int"]).domain == "user_int"


def test_names_of_a_column_are_its_names_and_its_paths_from_the_top():
    assert names_of(["A", "b.c"]) == {"a", "b", "c", "a.b", "a.b.c"}
    assert names_of(["..."]) == set()
    assert normalize_name("\ufeff Id ") == "id"


@pytest.mark.parametrize("above", [("error",), ()])
def test_gs_col_003_texts_of_failed_records_are_rejected(above):
    tree = [SchemaColumn((*above, name)) for name in ERRORS]
    policy = {"name": "p", "columns": [{"column": "email", "action": "drop"}]}
    with pytest.raises(RefusedError) as error:
        decided(ColumnPolicy.from_value(policy, source="p"), {}, tree)
    assert error.value.control == "GS-COL-003"
    texts = [{"column": name, "action": "mask"} for name in ("msg", "stackTrace", "input", "dynamicRecord")]
    decisions = decided(ColumnPolicy.from_value(policy | {"columns": texts}, source="p"), {}, tree)
    assert len(decisions) == 4


def test_failed_records_that_are_structs_are_matched_by_name():
    record = [SchemaColumn(("error", "dynamicRecord"), ColumnShape.STRUCT)]
    record.append(SchemaColumn(("error", "dynamicRecord", "email")))
    tree = [SchemaColumn(("error", name)) for name in ERRORS[:-1]] + record
    rules = [{"column": name, "action": "drop"} for name in ("msg", "stackTrace", "input", "email")]
    decisions = decided(ColumnPolicy.from_value({"name": "p", "columns": rules}, source="p"), {}, tree)
    assert "error.dynamicRecord.email" in [decision.column.text for decision in decisions]
