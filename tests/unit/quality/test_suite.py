"""Parsing of suites."""

import json

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.quality.suite import OnFailure, Rule, RuleSeverity, Suite

NOT_NULL = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "carrier"}}


def parse(**suite):
    content = {"name": "flights", "expectations": [NOT_NULL], **suite}
    return Suite.parse(json.dumps(content).encode(), location="f.json")


def test_a_suite_in_great_expectations_format_is_parsed():
    expectation = {**NOT_NULL, "meta": {}, "severity": "warning", "id": None}
    suite = parse(expectations=[expectation, NOT_NULL], id="1", meta={"great_expectations_version": "1.24.1"})
    assert (suite.name, suite.location, len(suite.digest)) == ("flights", "f.json", 64)
    assert [rule.severity for rule in suite.rules] == [RuleSeverity.WARNING, RuleSeverity.CRITICAL]
    assert suite.rules[1].label == "2 expect_column_values_to_not_be_null (carrier)"


def test_severity_is_read_from_meta():
    suite = parse(expectations=[{**NOT_NULL, "meta": {"severity": "info"}}])
    assert suite.rules[0].severity is RuleSeverity.INFO


def test_arguments_about_reporting_are_ignored():
    arguments = {"column": "a", "result_format": "COMPLETE", "catch_exceptions": True}
    suite = parse(expectations=[{**NOT_NULL, "kwargs": arguments}])
    assert suite.rules[0].arguments == {"column": "a"}


def test_repr_and_label_of_a_rule_contain_no_literal():
    rule = Rule(1, "expect_column_values_to_be_in_set", {"column": "a", "value_set": ["4711"]})
    assert "4711" not in repr(rule)
    assert "4711" not in rule.label


def test_columns_of_pairs_and_lists_are_listed():
    assert Rule(1, "x", {"column_A": "a", "column_B": "b"}).columns == ("a", "b")
    assert Rule(1, "x", {"column_list": ["a", "b"]}).columns == ("a", "b")
    assert Rule(1, "expect_table_row_count_to_equal", {"value": 1}).label.endswith("to_equal")


@pytest.mark.parametrize(
    "changed",
    [
        {"expectations": []},
        {"expectations": {}},
        {"name": ""},
        {"expectation_suite_name": "old"},
        {"suite_parameters": {"a": 1}},
        {"expectations": ["expect"]},
        {"expectations": [{**NOT_NULL, "expectation_type": "x"}]},
        {"expectations": [{"kwargs": {}}]},
        {"expectations": [{**NOT_NULL, "kwargs": []}, {"type": "a b"}]},
        {"expectations": [{**NOT_NULL, "severity": "grave"}]},
        {"expectations": [{**NOT_NULL, "severity": "info", "meta": {"severity": "critical"}}]},
        {"expectations": [{**NOT_NULL, "kwargs": {"column": "a", "mostly": {"$PARAMETER": "m"}}}]},
    ],
)
def test_an_invalid_suite_is_rejected(changed):
    with pytest.raises(UsageError, match=r"suite f\.json"):
        parse(**changed)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"name": 1, "name": 2}', b'{"a": NaN}', b"\xff"])
def test_a_file_that_is_not_a_suite_is_rejected(body):
    with pytest.raises(UsageError, match="suite x"):
        Suite.parse(body, location="x")


def test_an_unknown_action_is_rejected():
    assert OnFailure.of("quarantine") is OnFailure.QUARANTINE
    with pytest.raises(UsageError, match="block, warn, quarantine"):
        OnFailure.of("ignore")
