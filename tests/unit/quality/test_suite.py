"""A suite is read whole or refused."""

import json

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.quality.suite import OnFailure, Rule, Severity, Suite

NOT_NULL = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "carrier"}}


def parse(**suite):
    given = {"name": "flights", "expectations": [NOT_NULL], **suite}
    return Suite.parse(json.dumps(given).encode(), place="f.json")


def test_a_suite_as_great_expectations_writes_it():
    rule = {**NOT_NULL, "meta": {}, "severity": "warning", "id": None}
    found = parse(expectations=[rule, NOT_NULL], id="1", meta={"great_expectations_version": "1.24.1"})
    assert (found.name, found.place, len(found.digest)) == ("flights", "f.json", 64)
    assert [one.severity for one in found.rules] == [Severity.WARNING, Severity.CRITICAL]
    assert found.rules[1].label == "2 expect_column_values_to_not_be_null (carrier)"


def test_severity_may_stand_in_meta_as_versions_without_it_have_it():
    found = parse(expectations=[{**NOT_NULL, "meta": {"severity": "info"}}])
    assert found.rules[0].severity is Severity.INFO


def test_how_results_are_reported_is_not_the_suites_to_say():
    asking = {"column": "a", "result_format": "COMPLETE", "catch_exceptions": True}
    found = parse(expectations=[{**NOT_NULL, "kwargs": asking}])
    assert found.rules[0].arguments == {"column": "a"}


def test_a_rules_repr_has_no_literal_of_the_suite():
    rule = Rule(1, "expect_column_values_to_be_in_set", {"column": "a", "value_set": ["4711"]})
    assert "4711" not in repr(rule)
    assert "4711" not in rule.label


def test_columns_of_pairs_and_lists():
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
def test_what_cannot_be_meant_as_it_stands_is_refused(changed):
    with pytest.raises(UsageError, match=r"suite f\.json"):
        parse(**changed)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"name": 1, "name": 2}', b'{"a": NaN}', b"\xff"])
def test_what_is_no_suite_is_refused(body):
    with pytest.raises(UsageError, match="suite x"):
        Suite.parse(body, place="x")


def test_an_outcome_that_is_not_known_is_refused():
    assert OnFailure.of("quarantine") is OnFailure.QUARANTINE
    with pytest.raises(UsageError, match="block, warn, quarantine"):
        OnFailure.of("ignore")
