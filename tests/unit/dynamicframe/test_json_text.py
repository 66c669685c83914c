"""Parsing of JSON strings into records."""

import pytest

from glue_secure import UsageError
from glue_secure.dynamicframe.types.json_text import parse_path, records, single


def test_an_object_is_one_record_and_an_array_several():
    assert records('{"a": 1}').records == [{"a": 1}]
    assert records('[{"a": 1}, {"a": 2}]').records == [{"a": 1}, {"a": 2}]
    assert records('{"a": 1} {"a": 2}\n{"a": 3}') == ([{"a": 1}, {"a": 2}, {"a": 3}], "", 3)
    assert records("[]") == ([], "", 1)


def test_records_before_a_malformed_position_are_returned():
    result = records('{"a": 1} {"a": secret}')
    assert result.records == [{"a": 1}]
    assert result.problem.startswith("malformed JSON")
    assert "secret" not in result.problem


@pytest.mark.parametrize("text", ["5", '"x"', "null", "[1]"])
def test_a_value_that_is_not_a_json_object_is_reported(text):
    assert records(text).problem == "a value that is not a JSON object"


def test_too_deep_nesting_is_malformed():
    assert "deeply" in records("[" * 100000).problem


def test_single_returns_one_value_of_any_type():
    assert single("[1, 2]") == ([1, 2], "")
    assert single("1 2")[1] == "malformed JSON: more than one value"
    assert single("")[1] == "malformed JSON: no value"


@pytest.mark.parametrize(
    ("path", "result"),
    [
        ("$", [{"records": [{"a": 1}, {"a": 2}], "x y": {"k": {"a": 3}}}]),
        ("$.records[*]", [{"a": 1}, {"a": 2}]),
        ("$.records", [{"a": 1}, {"a": 2}]),
        ("$['records'][1]", [{"a": 2}]),
        ("$['x y'].*", [{"a": 3}]),
        ("$.other", []),
    ],
)
def test_a_json_path_selects_the_records(path, result):
    text = '{"records": [{"a": 1}, {"a": 2}], "x y": {"k": {"a": 3}}}'
    assert records(text, parse_path(path)).records == result


@pytest.mark.parametrize("path", ["records", "$..a", "$.a[?(@.b)]", "$[", "$.a[1:2]"])
def test_an_unsupported_json_path_is_rejected(path):
    with pytest.raises(UsageError, match="jsonPath"):
        parse_path(path)
