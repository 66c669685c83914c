"""Conversion of DQDL to suites and back: the same meaning, or an error with the reason."""

import json

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.quality.dqdl.conversion import convert
from glue_secure.quality.expectations import expectations
from glue_secure.quality.suite import Suite

# A DQDL rule, and its equivalent expectations: type without "expect_", arguments.
RULES = (
    ("RowCount > 5", [("table_row_count_to_be_between", {"min_value": 5, "strict_min": True})]),
    ("RowCount = 5", [("table_row_count_to_equal", {"value": 5})]),
    ("RowCount <= 9 where \"x < 10\"", [("table_row_count_to_be_between",
        {"row_condition": "x < 10", "condition_parser": "spark", "max_value": 9})]),
    ("ColumnCount between 2 and 5", [("table_column_count_to_be_between", {"min_value": 3, "max_value": 4})]),
    ("ColumnCount > 2.5", [("table_column_count_to_be_between", {"min_value": 3})]),
    ("ColumnExists carrier", [("column_to_exist", {"column": "carrier"})]),
    ("IsComplete \"a b\"", [("column_values_to_not_be_null", {"column": "a b"})]),
    ("Completeness \"a\" > 0.95", [("column_proportion_of_non_null_values_to_be_between",
        {"column": "a", "min_value": 0.95, "strict_min": True})]),
    ("IsUnique \"a\"", [("column_values_to_be_unique", {"column": "a"})]),
    ("IsUnique \"a\" \"b\"", [("compound_columns_to_be_unique",
        {"column_list": ["a", "b"], "ignore_row_if": "all_values_are_missing"})]),
    ("Uniqueness \"a\" >= 0.5", [("column_values_to_be_unique", {"column": "a", "mostly": 0.5})]),
    ("Uniqueness \"a\" = 1.0", [("column_values_to_be_unique", {"column": "a"})]),
    ("Uniqueness \"a\" > 0.5", [("column_values_to_be_unique",
        {"column": "a", "mostly": 0.5000000000000001})]),
    ("IsPrimaryKey \"a\" \"b\"", [
        ("compound_columns_to_be_unique",
            {"column_list": ["a", "b"], "ignore_row_if": "all_values_are_missing"}),
        ("column_values_to_not_be_null", {"column": "a"}),
        ("column_values_to_not_be_null", {"column": "b"})]),
    ("DistinctValuesCount \"a\" >= 3", [
        ("column_unique_value_count_to_be_between", {"column": "a", "min_value": 3})]),
    ("Mean \"a\" between -1.5 and 2", [("column_mean_to_be_between",
        {"column": "a", "min_value": -1.5, "strict_min": True, "max_value": 2, "strict_max": True})]),
    ("Sum \"a\" = 7", [("column_sum_to_be_between", {"column": "a", "min_value": 7, "max_value": 7})]),
    # Nulls break a rule about values, unless the operator is != or not in.
    ("ColumnValues \"a\" > 3", [
        ("column_values_to_be_between", {"column": "a", "min_value": 3, "strict_min": True}),
        ("column_values_to_not_be_null", {"column": "a"})]),
    ("ColumnValues \"a\" > 3 where \"`a` IS NOT NULL\"", [
        ("column_values_to_be_between", {"column": "a", "min_value": 3, "strict_min": True})]),
    ("ColumnValues \"a\" > 3 where \"(b = 1) AND `a` IS NOT NULL\" with threshold >= 0.9", [
        ("column_values_to_be_between", {"column": "a", "row_condition": "b = 1",
            "condition_parser": "spark", "min_value": 3, "strict_min": True, "mostly": 0.9})]),
    ("ColumnValues \"a\" > 3 where \"b = 1\"", [
        ("column_values_to_be_between", {"column": "a", "row_condition": "b = 1",
            "condition_parser": "spark", "min_value": 3, "strict_min": True}),
        ("column_values_to_not_be_null",
            {"column": "a", "row_condition": "b = 1", "condition_parser": "spark"})]),
    # A condition that only resembles the not-null clause is not removed.
    ("ColumnValues \"a\" > 3 where \"(b) OR (c) AND `a` IS NOT NULL\"", [
        ("column_values_to_be_between", {"column": "a", "row_condition": "(b) OR (c) AND `a` IS NOT NULL",
            "condition_parser": "spark", "min_value": 3, "strict_min": True}),
        ("column_values_to_not_be_null", {"column": "a",
            "row_condition": "(b) OR (c) AND `a` IS NOT NULL", "condition_parser": "spark"})]),
    ("ColumnValues \"d\" >= \"2024-01-31\" where \"`d` IS NOT NULL\"", [
        ("column_values_to_be_between", {"column": "d", "min_value": "2024-01-31"})]),
    ("ColumnValues \"a\" in [\"x\", EMPTY]", [
        ("column_values_to_be_in_set", {"column": "a", "value_set": ["x", ""]}),
        ("column_values_to_not_be_null", {"column": "a"})]),
    ("ColumnValues \"a\" in [\"x\", NULL]", [
        ("column_values_to_be_in_set", {"column": "a", "value_set": ["x"]})]),
    ("ColumnValues \"a\" = NULL", [("column_values_to_be_null", {"column": "a"})]),
    ("ColumnValues \"a\" != NULL with threshold > 0.5", [
        ("column_values_to_not_be_null", {"column": "a", "mostly": 0.5000000000000001})]),
    ("ColumnValues \"a\" != 21", [("column_values_to_not_be_in_set", {"column": "a", "value_set": [21]})]),
    ("ColumnValues \"a\" not in [21, 22, NULL]", [
        ("column_values_to_not_be_in_set", {"column": "a", "value_set": [21, 22]}),
        ("column_values_to_not_be_null", {"column": "a"})]),
    (r'ColumnValues "a" in ["say \"x\\y\""] where "`a` IS NOT NULL"', [
        ("column_values_to_be_in_set", {"column": "a", "value_set": ['say "x\\y"']})]),
    (r'ColumnValues "a" matches "^\d{3}$"', [
        ("column_values_to_match_regex", {"column": "a", "regex": r"^\d{3}$"}),
        ("column_values_to_not_be_null", {"column": "a"})]),
    ("ColumnLength \"a\" <= 5", [("column_value_lengths_to_be_between", {"column": "a", "max_value": 5})]),
    ("ColumnLength \"a\" between 2 and 5", [
        ("column_value_lengths_to_be_between",
            {"column": "a", "min_value": 2, "strict_min": True, "max_value": 5, "strict_max": True}),
        ("column_values_to_not_be_null", {"column": "a"})]),
    ("ColumnLength \"a\" = 0", [("column_value_lengths_to_equal", {"column": "a", "value": 0})]),
    ("(ColumnValues \"q\" >= 1) and (ColumnValues \"q\" <= 5)", [
        ("column_values_to_be_between", {"column": "q", "min_value": 1, "max_value": 5}),
        ("column_values_to_not_be_null", {"column": "q"})]),
    ("((IsComplete \"a\") AND (RowCount > 0)) and (IsComplete \"a\")", [
        ("column_values_to_not_be_null", {"column": "a"}),
        ("table_row_count_to_be_between", {"min_value": 0, "strict_min": True})]),
)  # fmt: skip

NOT_CONVERTIBLE_RULES = (
    ("Entropy \"a\" > 1", "no equivalent expectation"),
    ("StandardDeviation \"a\" > 1", "no equivalent expectation"),
    ("CustomSql \"select 4711\" > 1", "no equivalent expectation"),
    ("ColumnDataType \"a\" = \"INTEGER\"", "no equivalent expectation"),
    ("(IsComplete \"a\") or (IsComplete \"b\")", "combined with or"),
    ("RowCount > avg(last(10)) * 0.6", "a value that Glue computes"),
    ("ColumnValues \"d\" > (now() - 3 days)", "a value that Glue computes"),
    ("ColumnValues \"a\" in $allowed", "a value that Glue computes"),
    ("IsComplete $column", "a variable"),
    ("ColumnValues \"a\" > 3 with threshold > 0.9", "IS NOT NULL"),
    ("ColumnValues \"a\" not in [3] with threshold > 0.9", "IS NOT NULL"),
    ("ColumnValues \"a\" != NULL with threshold between 0.1 and 0.9", "a share with between"),
    ("ColumnValues \"a\" != NULL with threshold > 1.0", "not between 0 and 1"),
    ("ColumnValues \"a\" in [1, \"x\"]", "numbers and strings"),
    ("ColumnValues \"a\" in [WHITESPACES_ONLY]", "WHITESPACES_ONLY"),
    (r'ColumnValues "a" = "x\y"', "backslash"),
    ("ColumnValues \"a\" matches \"[a-z]*\"", "a part of a string or the whole"),
    ("ColumnValues \"a\" matches \"^a|b$\"", "a part of a string or the whole"),
    (r'ColumnValues "a" matches "^a\$"', "a part of a string or the whole"),
    ("ColumnValues \"a\" matches \"^(?m)a$\"", "a part of a string or the whole"),
    ("ColumnValues \"a\" not matches \"^a$\"", "not matches"),
    ("ColumnValues \"a\" not between 1 and 2", "not between"),
    ("ColumnValues \"a\"", "no condition"),
    ("ColumnValues", "no condition"),
    ("ColumnValues \"a\" \"b\" > 1", "more than one column"),
    (r'IsComplete "a\"b"', "backslash"),
    ("IsComplete \"a\" > 1", "a condition of IsComplete"),
    ("IsComplete \"a\" with threshold > 0.9", "a threshold of IsComplete"),
    ("ColumnLength \"a\" > 3 where \"`a` IS NOT NULL\" with threshold > 0.9", "a threshold of ColumnLength"),
    ("ColumnCount > 3 where \"a\"", "a where of ColumnCount"),
    ("RowCount \"a\" > 3", "RowCount with a column"),
    ('ColumnValues "a" between "2024-01-01" and 5', "a date and a number"),
    ('ColumnValues "a" > "2024-02-30"', "an invalid date"),
    ("RowCount = 5.5", "not an integer"),
    (f"RowCount > {'9' * 400}", "64 bits"),
    ("RowCount > \"2024-01-01\"", "not a number"),
    ("RowCount > 3 labels = [\"team\" = \"x\"]", "team"),
    ("RowCount > 3 labels = [\"severity\" = \"fatal\"]", "fatal"),
    (r'RowCount > 3 where "a = \"x\""', "where"),
)  # fmt: skip


def suite_of(rule, **kwargs):
    conversion = convert(f"Rules = [\n{rule}\n]", location="r.dqdl", name="flights", **kwargs)
    return json.loads(conversion.text)


@pytest.mark.parametrize(("rule", "expected"), RULES, ids=[rule for rule, _ in RULES])
def test_a_rule_becomes_expectations_that_great_expectations_accepts(rule, expected):
    suite = suite_of(rule)
    assert [(item["type"], item["kwargs"]) for item in suite["expectations"]] == [
        (f"expect_{kind}", arguments) for kind, arguments in expected
    ]
    assert expectations(Suite.parse(json.dumps(suite).encode(), location="s.json"))


@pytest.mark.parametrize(
    ("rule", "why"), NOT_CONVERTIBLE_RULES, ids=[rule[:60] for rule, _ in NOT_CONVERTIBLE_RULES]
)
def test_a_rule_without_equivalent_expectations_is_rejected_by_name(rule, why):
    with pytest.raises(UsageError) as raised:
        suite_of(rule)
    text = str(raised.value)
    assert why in text
    assert "rule 1 " in text
    assert "--partial" in text
    assert "4711" not in text
    converted = suite_of(f"RowCount > 0, {rule}", partial=True)
    assert len(converted["expectations"]) == 1


def test_a_ruleset_without_convertible_rules_is_rejected():
    with pytest.raises(UsageError, match="no rule that can be converted"):
        suite_of('Entropy "a" > 1', partial=True)


def test_severity_is_converted_to_and_from_labels():
    both = """DefaultLabels = ["severity" = "info"]
    Rules = [ IsComplete "a", IsComplete "b" labels = ["severity" = "critical"],
              (IsComplete "c") labels = ["severity" = "warning"] ]"""
    found = json.loads(convert(both, location="r", name="n").text)["expectations"]
    assert [item.get("severity") for item in found] == ["info", None, "warning"]
    back = convert(json.dumps({"name": "n", "expectations": found}), location="s.json", name="n").text
    assert 'IsComplete "a" labels = ["severity" = "info"]' in back
    assert 'IsComplete "b",' in back


def test_dqdl_sections_other_than_rules_are_listed_as_not_converted():
    text = """Metadata = {"a": "b"} DataSources = {"p": ["x"]} x = ["y"]
    Rules = [ RowCount > 1 ] Analyzers = [ RowCount ]"""
    with pytest.raises(UsageError, match=r"Metadata: not a rule; DataSources: .*variable x: .*Analyzers: "):
        convert(text, location="r", name="n")
    conversion = convert(text, location="r", name="n", partial=True)
    assert [item.label for item in conversion.messages] == [
        "Metadata",
        "DataSources",
        "variable x",
        "Analyzers",
        "rule 1 RowCount, line 2",
    ]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "the end"),
        ("Rules = [ IsComplete", "the end"),
        ('Rules = [ IsComplete "a ]', "line 1, column 22"),
        ("Rules = [\n RowCount >> 5 ]", "line 2, column 12"),
        ('Rules = [ IsComplete "a" where "x" where "y" ]', "more than one where in the rule in line 1"),
        ("Rules = [ RowCount > 1 with weight = 5 ]", "with weight in line 1"),
        ("Rules = [ RowCount > +1 ]", r"invalid number \+1"),
    ],
)
def test_invalid_dqdl_is_rejected_with_its_position(text, where):
    with pytest.raises(UsageError, match=f"(?s)ruleset r.dqdl.*{where}"):
        convert(text, location="r.dqdl", name="n")


@pytest.mark.parametrize(
    "text",
    [
        f'Rules = [ {"(" * 3000}IsComplete "a"{")" * 3000} ]',
        '{"name": "n", "expectations": ' + "[" * 100_000,
        '{"name": "n", "expectations": [{"type": "expect_column_values_to_be_in_set", '
        '"kwargs": {"column": "a", "value_set": ["\\ud800"]}}]}',
    ],
    ids=["parentheses", "brackets", "half a pair"],
)
def test_text_that_is_nested_too_deeply_or_not_unicode_is_rejected(text):
    with pytest.raises(UsageError, match=r"r\.dqdl"):
        convert(text, location="r.dqdl", name="n")


def test_comments_and_keywords_in_any_case_are_parsed():
    text = 'Rules = [ # all of them\n\tColumnValues "and" in ["in", null],\r\n\tIsComplete not_in # "]\n]'
    found = json.loads(convert(text, location="r", name="n").text)["expectations"]
    assert [item["kwargs"]["column"] for item in found] == ["and", "not_in"]


# An expectation without an equivalent rule, and the reason.
NOT_CONVERTIBLE = (
    ("expect_column_stdev_to_be_between", {"column": "a", "min_value": 1}, "DQDL has no equivalent rule"),
    ("expect_my_own", {}, "DQDL has no equivalent rule"),
    ("expect_column_values_to_be_between", {"column": "a"}, "no bound"),
    ("expect_column_values_to_be_between", {"column": "a", "min_value": "b"}, "not a number"),
    ("expect_column_values_to_be_between", {"column": "a", "min_value": True}, "not a number"),
    ("expect_column_values_to_be_between", {"column": "a", "min_value": 1, "max_value": 2, "mostly": 0.5},
        "mostly with two bounds"),
    ("expect_column_values_to_be_between", {"column": "a", "min_value": 1, "windows": [1]}, "windows"),
    ("expect_column_values_to_be_between", {"column": "a", "min_value": 1, "mostly": -1},
        "not between 0 and 1"),
    ("expect_column_values_to_be_between", {"column": "a", "min_value": 1, "strict_min": "yes"},
        "not a boolean"),
    ("expect_column_values_to_be_between", {"column": "a", "min_value": "2024-13-01"}, "an invalid date"),
    ("expect_column_values_to_be_in_set", {"column": "a", "value_set": [None, 1]}, "not a number"),
    ("expect_column_values_to_be_in_set", {"column": "a", "value_set": []}, "no value_set"),
    ("expect_column_values_to_be_in_set", {"column": "a", "value_set": [1, "x"]}, "numbers and strings"),
    ("expect_column_values_to_be_in_set", {"column": "a", "value_set": [True]}, "not a number"),
    ("expect_column_values_to_be_in_set", {"column": "a", "value_set": ["10:30"]}, "reads as a time"),
    ("expect_column_values_to_be_in_set", {"column": "a", "value_set": ["2024-01-01", "x"]}, "dates and"),
    ("expect_column_values_to_not_be_null", {"column": "a\"b"}, "double quote"),
    ("expect_column_values_to_not_be_null", {"column": "2024-01-01"}, "a date"),
    ("expect_column_values_to_not_be_null", {}, "no column"),
    ("expect_column_values_to_not_be_null", {"column": "a", "row_condition": "b = \"x\""}, "double quote"),
    ("expect_column_values_to_not_be_null", {"column": "a", "row_condition": "b\\"}, "backslash"),
    ("expect_column_values_to_not_be_null",
        {"column": "a", "row_condition": "b", "condition_parser": "pandas"}, "Spark SQL"),
    ("expect_column_values_to_not_be_null",
        {"column": "a", "row_condition": {"type": "comparison", "column": {"name": "b"}}}, "Spark SQL"),
    *(("expect_column_values_to_be_between", {"column": "a", "min_value": 1, "row_condition": text},
        "do not match") for text in ("a) or (b", "b = 1 -- x", "b /* ", "b = 'x")),
    ("expect_column_to_exist", {"column": "a", "row_condition": "b"}, "does not apply to rows"),
    ("expect_column_to_exist", {"column": "a", "column_index": 3}, "column_index"),
    ("expect_compound_columns_to_be_unique", {"column_list": ["a"]}, "fewer than two"),
    ("expect_compound_columns_to_be_unique", {"column_list": ["a", "b"], "ignore_row_if": "never"},
        "ignore_row_if"),
    ("expect_column_values_to_match_regex", {"column": "a", "regex": 'a"'}, "double quote"),
    ("expect_column_values_to_match_regex", {"column": "a", "regex": "a\\"}, "ends in a backslash"),
    ("expect_column_values_to_match_regex", {"column": "a", "regex": "(?x)a # ("},
        "parentheses that do not match"),
    ("expect_column_values_to_match_regex", {"column": "a", "regex": "a)|(b"},
        "parentheses that do not match"),
    ("expect_column_values_to_match_regex", {"column": "a", "regex": r"\Qa"},
        "parentheses that do not match"),
    ("expect_column_value_lengths_to_equal", {"column": "a", "value": 3, "mostly": 0.5}, "mostly"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "arguments", "why"), NOT_CONVERTIBLE, ids=[f"{k[7:]} {w}" for k, _, w in NOT_CONVERTIBLE]
)
def test_an_expectation_without_an_equivalent_rule_is_rejected_by_name(kind, arguments, why):
    suite = {"name": "n", "expectations": [{"type": kind, "kwargs": arguments}]}
    with pytest.raises(UsageError) as raised:
        convert(json.dumps(suite), location="s.json", name="n")
    assert why in str(raised.value)
    assert f"expectation 1 {kind}" in str(raised.value)


def test_a_searched_pattern_is_wrapped_to_match_the_whole_string():
    kind = "expect_column_values_to_match_regex"
    suite = {"name": "n", "expectations": [{"type": kind, "kwargs": {"column": "a", "regex": r"a|\d"}}]}
    conversion = convert(json.dumps(suite), location="s.json", name="n")
    assert r'matches "^[\s\S]*(?:a|\d)[\s\S]*$" where "`a` IS NOT NULL"' in conversion.text
    assert "empty string" in conversion.messages[0].note
