"""DQDL and suites, one made into the other: the same meaning, or a refusal that says why."""

import json

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.quality.dqdl.conversion import convert
from glue_secure.quality.expectations import expectations
from glue_secure.quality.suite import Suite

# A rule of DQDL, and the expectations that together say what it says: type without "expect_", arguments.
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
    # Nulls break a rule on values, unless it is != or not in.
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
    # What only looks like the clause on nulls stays what it is.
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

REFUSED = (
    ("Entropy \"a\" > 1", "no expectation"),
    ("StandardDeviation \"a\" > 1", "no expectation"),
    ("CustomSql \"select 4711\" > 1", "no expectation"),
    ("ColumnDataType \"a\" = \"INTEGER\"", "no expectation"),
    ("(IsComplete \"a\") or (IsComplete \"b\")", "no or"),
    ("RowCount > avg(last(10)) * 0.6", "computed when the rule runs"),
    ("ColumnValues \"d\" > (now() - 3 days)", "computed when the rule runs"),
    ("ColumnValues \"a\" in $allowed", "computed when the rule runs"),
    ("IsComplete $column", "a variable"),
    ("ColumnValues \"a\" > 3 with threshold > 0.9", "IS NOT NULL"),
    ("ColumnValues \"a\" not in [3] with threshold > 0.9", "IS NOT NULL"),
    ("ColumnValues \"a\" != NULL with threshold between 0.1 and 0.9", "a share between"),
    ("ColumnValues \"a\" != NULL with threshold > 1.0", "outside 0 to 1"),
    ("ColumnValues \"a\" in [1, \"x\"]", "numbers and texts"),
    ("ColumnValues \"a\" in [WHITESPACES_ONLY]", "WHITESPACES_ONLY"),
    (r'ColumnValues "a" = "x\y"', "backslash"),
    ("ColumnValues \"a\" matches \"[a-z]*\"", "a part or the whole"),
    ("ColumnValues \"a\" matches \"^a|b$\"", "a part or the whole"),
    (r'ColumnValues "a" matches "^a\$"', "a part or the whole"),
    ("ColumnValues \"a\" matches \"^(?m)a$\"", "a part or the whole"),
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
    ("RowCount \"a\" > 3", "RowCount of a column"),
    ('ColumnValues "a" between "2024-01-01" and 5', "a day and a number"),
    ('ColumnValues "a" > "2024-02-30"', "a day that is none"),
    ("RowCount = 5.5", "fraction"),
    (f"RowCount > {'9' * 400}", "64 bits"),
    ("RowCount > \"2024-01-01\"", "a number"),
    ("RowCount > 3 labels = [\"team\" = \"x\"]", "team"),
    ("RowCount > 3 labels = [\"severity\" = \"fatal\"]", "fatal"),
    (r'RowCount > 3 where "a = \"x\""', "where"),
)  # fmt: skip


def suite_of(rule, **kwargs):
    made = convert(f"Rules = [\n{rule}\n]", place="r.dqdl", name="flights", **kwargs)
    return json.loads(made.text)


@pytest.mark.parametrize(("rule", "expected"), RULES, ids=[rule for rule, _ in RULES])
def test_a_rule_is_said_in_expectations_that_great_expectations_takes(rule, expected):
    suite = suite_of(rule)
    assert [(one["type"], one["kwargs"]) for one in suite["expectations"]] == [
        (f"expect_{kind}", arguments) for kind, arguments in expected
    ]
    assert expectations(Suite.parse(json.dumps(suite).encode(), place="s.json"))


@pytest.mark.parametrize(("rule", "why"), REFUSED, ids=[rule[:60] for rule, _ in REFUSED])
def test_what_expectations_cannot_say_is_refused_and_the_rule_is_named(rule, why):
    with pytest.raises(UsageError) as refused:
        suite_of(rule)
    text = str(refused.value)
    assert why in text
    assert "rule 1 " in text
    assert "--partial" in text
    assert "4711" not in text
    kept = suite_of(f"RowCount > 0, {rule}", partial=True)
    assert len(kept["expectations"]) == 1


def test_nothing_left_is_no_suite():
    with pytest.raises(UsageError, match="no rule that the other form knows"):
        suite_of('Entropy "a" > 1', partial=True)


def test_severity_stands_in_labels():
    both = """DefaultLabels = ["severity" = "info"]
    Rules = [ IsComplete "a", IsComplete "b" labels = ["severity" = "critical"],
              (IsComplete "c") labels = ["severity" = "warning"] ]"""
    found = json.loads(convert(both, place="r", name="n").text)["expectations"]
    assert [one.get("severity") for one in found] == ["info", None, "warning"]
    back = convert(json.dumps({"name": "n", "expectations": found}), place="s.json", name="n").text
    assert 'IsComplete "a" labels = ["severity" = "info"]' in back
    assert 'IsComplete "b",' in back


def test_other_sections_are_named_when_they_are_left_out():
    text = """Metadata = {"a": "b"} DataSources = {"p": ["x"]} x = ["y"]
    Rules = [ RowCount > 1 ] Analyzers = [ RowCount ]"""
    with pytest.raises(UsageError, match=r"Metadata: not a rule; DataSources: .*variable x: .*Analyzers: "):
        convert(text, place="r", name="n")
    made = convert(text, place="r", name="n", partial=True)
    assert [one.label for one in made.rules] == [
        "Metadata",
        "DataSources",
        "variable x",
        "Analyzers",
        "rule 1 RowCount, line 2",
    ]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "its end"),
        ("Rules = [ IsComplete", "its end"),
        ('Rules = [ IsComplete "a ]', "line 1, column 22"),
        ("Rules = [\n RowCount >> 5 ]", "line 2, column 12"),
        ('Rules = [ IsComplete "a" where "x" where "y" ]', "where twice in the rule of line 1"),
        ("Rules = [ RowCount > 1 with weight = 5 ]", "with weight in line 1"),
        ("Rules = [ RowCount > +1 ]", r"\+1 for a number"),
    ],
)
def test_what_is_not_dqdl_is_refused_at_its_place(text, where):
    with pytest.raises(UsageError, match=f"(?s)ruleset r.dqdl.*{where}"):
        convert(text, place="r.dqdl", name="n")


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
def test_what_is_too_deep_or_no_text_is_refused_by_its_name(text):
    with pytest.raises(UsageError, match=r"r\.dqdl"):
        convert(text, place="r.dqdl", name="n")


def test_comments_and_words_in_capitals():
    text = 'Rules = [ # all of them\n\tColumnValues "and" in ["in", null],\r\n\tIsComplete not_in # "]\n]'
    found = json.loads(convert(text, place="r", name="n").text)["expectations"]
    assert [one["kwargs"]["column"] for one in found] == ["and", "not_in"]


# An expectation that has no rule, by the reason.
UNSAID = (
    ("expect_column_stdev_to_be_between", {"column": "a", "min_value": 1}, "DQDL has no rule"),
    ("expect_my_own", {}, "DQDL has no rule"),
    ("expect_column_values_to_be_between", {"column": "a"}, "no bound"),
    ("expect_column_values_to_be_between", {"column": "a", "min_value": "b"}, "no number"),
    ("expect_column_values_to_be_between", {"column": "a", "min_value": True}, "no number"),
    ("expect_column_values_to_be_between", {"column": "a", "min_value": 1, "max_value": 2, "mostly": 0.5},
        "mostly with two bounds"),
    ("expect_column_values_to_be_between", {"column": "a", "min_value": 1, "windows": [1]}, "windows"),
    ("expect_column_values_to_be_between", {"column": "a", "min_value": 1, "mostly": -1}, "outside 0 to 1"),
    ("expect_column_values_to_be_between", {"column": "a", "min_value": 1, "strict_min": "yes"}, "neither"),
    ("expect_column_values_to_be_between", {"column": "a", "min_value": "2024-13-01"}, "a day that is none"),
    ("expect_column_values_to_be_in_set", {"column": "a", "value_set": [None, 1]}, "no number"),
    ("expect_column_values_to_be_in_set", {"column": "a", "value_set": []}, "no value_set"),
    ("expect_column_values_to_be_in_set", {"column": "a", "value_set": [1, "x"]}, "numbers and texts"),
    ("expect_column_values_to_be_in_set", {"column": "a", "value_set": [True]}, "no number"),
    ("expect_column_values_to_be_in_set", {"column": "a", "value_set": ["10:30"]}, "time of day"),
    ("expect_column_values_to_be_in_set", {"column": "a", "value_set": ["2024-01-01", "x"]}, "dates and"),
    ("expect_column_values_to_not_be_null", {"column": "a\"b"}, "double quote"),
    ("expect_column_values_to_not_be_null", {"column": "2024-01-01"}, "a date"),
    ("expect_column_values_to_not_be_null", {}, "no column"),
    ("expect_column_values_to_not_be_null", {"column": "a", "row_condition": "b = \"x\""}, "double quote"),
    ("expect_column_values_to_not_be_null", {"column": "a", "row_condition": "b\\"}, "backslash"),
    ("expect_column_values_to_not_be_null",
        {"column": "a", "row_condition": "b", "condition_parser": "pandas"}, "Spark's SQL"),
    ("expect_column_values_to_not_be_null",
        {"column": "a", "row_condition": {"type": "comparison", "column": {"name": "b"}}}, "Spark's SQL"),
    *(("expect_column_values_to_be_between", {"column": "a", "min_value": 1, "row_condition": text},
        "cannot be followed") for text in ("a) or (b", "b = 1 -- x", "b /* ", "b = 'x")),
    ("expect_column_to_exist", {"column": "a", "row_condition": "b"}, "about no rows"),
    ("expect_column_to_exist", {"column": "a", "column_index": 3}, "column_index"),
    ("expect_compound_columns_to_be_unique", {"column_list": ["a"]}, "fewer than two"),
    ("expect_compound_columns_to_be_unique", {"column_list": ["a", "b"], "ignore_row_if": "never"},
        "ignore_row_if"),
    ("expect_column_values_to_match_regex", {"column": "a", "regex": 'a"'}, "double quote"),
    ("expect_column_values_to_match_regex", {"column": "a", "regex": "a\\"}, "ends in a backslash"),
    ("expect_column_values_to_match_regex", {"column": "a", "regex": "(?x)a # ("}, "groups"),
    ("expect_column_values_to_match_regex", {"column": "a", "regex": "a)|(b"}, "groups"),
    ("expect_column_values_to_match_regex", {"column": "a", "regex": r"\Qa"}, "groups"),
    ("expect_column_value_lengths_to_equal", {"column": "a", "value": 3, "mostly": 0.5}, "mostly"),
)  # fmt: skip


@pytest.mark.parametrize(("kind", "arguments", "why"), UNSAID, ids=[f"{k[7:]} {w}" for k, _, w in UNSAID])
def test_what_dqdl_cannot_say_is_refused_and_the_expectation_is_named(kind, arguments, why):
    suite = {"name": "n", "expectations": [{"type": kind, "kwargs": arguments}]}
    with pytest.raises(UsageError) as refused:
        convert(json.dumps(suite), place="s.json", name="n")
    assert why in str(refused.value)
    assert f"expectation 1 {kind}" in str(refused.value)


def test_a_pattern_that_is_searched_for_fits_the_whole_text_in_either_reading():
    kind = "expect_column_values_to_match_regex"
    suite = {"name": "n", "expectations": [{"type": kind, "kwargs": {"column": "a", "regex": r"a|\d"}}]}
    made = convert(json.dumps(suite), place="s.json", name="n")
    assert r'matches "^[\s\S]*(?:a|\d)[\s\S]*$" where "`a` IS NOT NULL"' in made.text
    assert "empty text" in made.rules[0].note
