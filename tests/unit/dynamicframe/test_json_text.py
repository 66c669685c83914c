"""JSON texts as records."""

import pytest

from glue_secure import UsageError
from glue_secure.dynamicframe.types.json_text import parse_path, records, single


def test_an_object_is_a_record_and_an_array_is_several():
    assert records('{"a": 1}').records == [{"a": 1}]
    assert records('[{"a": 1}, {"a": 2}]').records == [{"a": 1}, {"a": 2}]
    assert records('{"a": 1} {"a": 2}\n{"a": 3}') == ([{"a": 1}, {"a": 2}, {"a": 3}], "", 3)
    assert records("[]") == ([], "", 1)


def test_what_stands_before_a_malformed_place_is_kept():
    found = records('{"a": 1} {"a": secret}')
    assert found.records == [{"a": 1}]
    assert found.problem.startswith("malformed JSON")
    assert "secret" not in found.problem


@pytest.mark.parametrize("text", ["5", '"x"', "null", "[1]"])
def test_what_is_no_object_is_no_record(text):
    assert records(text).problem == "a value that is not a JSON object"


def test_nesting_without_end_is_malformed():
    assert "deeply" in records("[" * 100000).problem


def test_one_value_of_any_type():
    assert single("[1, 2]") == ([1, 2], "")
    assert single("1 2")[1] == "malformed JSON: more than one value"
    assert single("")[1] == "malformed JSON: no value"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", [{"records": [{"a": 1}, {"a": 2}], "x y": {"k": {"a": 3}}}]),
        ("$.records[*]", [{"a": 1}, {"a": 2}]),
        ("$.records", [{"a": 1}, {"a": 2}]),
        ("$['records'][1]", [{"a": 2}]),
        ("$['x y'].*", [{"a": 3}]),
        ("$.other", []),
    ],
)
def test_a_path_leads_to_the_records(path, found):
    text = '{"records": [{"a": 1}, {"a": 2}], "x y": {"k": {"a": 3}}}'
    assert records(text, parse_path(path)).records == found


@pytest.mark.parametrize("path", ["records", "$..a", "$.a[?(@.b)]", "$[", "$.a[1:2]"])
def test_another_path_is_refused(path):
    with pytest.raises(UsageError, match="jsonPath"):
        parse_path(path)
