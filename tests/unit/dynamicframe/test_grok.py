"""Log lines as records by Grok patterns."""

from __future__ import annotations

import pickle

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.dynamicframe.types.grok import NO_MATCH, GrokFormat

pytest.importorskip("pygrok")

LINE = '192.0.2.7 - ana [10/Oct/2024:13:55:36 +0000] "GET /a HTTP/1.0" 200 -'
TYPED = "%{IP:client} %{WORD:verb} %{NUMBER:status:int} %{NUMBER:seconds:double} %{WORD:cached:boolean}"


def test_a_line_of_apaches_log_is_a_record():
    format = GrokFormat.parse({"logFormat": "%{COMMONAPACHELOG}"})
    (record,), problem, same = format.read(LINE)
    assert (problem, same) == ("", False)
    assert record["clientip"] == "192.0.2.7"
    assert (record["response"], record["ident"], record["bytes"]) == ("200", None, None)
    assert list(record) == [field.name for field in format.schema().fields]


def test_types_of_the_pattern_are_types_of_the_fields():
    format = pickle.loads(pickle.dumps(GrokFormat.parse({"logFormat": TYPED})))  # as for an executor
    kinds = {field.name: field.dataType for field in format.schema().fields}
    assert kinds == {
        "client": glue.StringType(), "verb": glue.StringType(), "status": glue.IntegerType(),
        "seconds": glue.DoubleType(), "cached": glue.BooleanType(),
    }  # fmt: skip
    (record,), _, _ = format.read("192.0.2.7 GET 200 0.5 true")
    assert (record["status"], record["seconds"], record["cached"]) == (200, 0.5, True)


def test_custom_patterns_and_another_signal_for_missing_values():
    options = {"logFormat": "%{LEVEL:level} %{NOTSPACE:text}", "customPatterns": "LEVEL (?:INFO|WARN)\n\nX y",
               "MISSING": "none"}  # fmt: skip
    format = GrokFormat.parse(options)
    assert format.read("WARN none")[0] == [{"level": "WARN", "text": None}]
    assert format.read("DEBUG x") == ([], NO_MATCH, False)


@pytest.mark.parametrize(("strict", "records"), [(False, 1), (True, 0)])
def test_a_value_of_another_type_is_null_or_an_error_in_strict_mode(strict, records):
    format = GrokFormat.parse({"logFormat": "%{NOTSPACE:n:byte}", "StrictMode": strict})
    found, problem, _ = format.read("300")
    assert (len(found), bool(problem)) == (records, strict)
    assert "300" not in problem
    assert format.read("-")[0] == [{"n": None}]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, "no logFormat"),
        ({"logFormat": "%{NOSUCH:x}"}, "NOSUCH"),
        ({"logFormat": "%{WORD:a-b}"}, "a reference that is not"),
        ({"logFormat": "%{WORD:x:decimal}"}, "type decimal"),
        ({"logFormat": "%{WORD}"}, "no field"),
        ({"logFormat": "(%{WORD:x}"}, "required: Grok patterns"),
        ({"logFormat": "%{A:x}", "customPatterns": "A %{B}\nB %{A}"}, "refers to itself"),
        ({"logFormat": "%{WORD:x}", "LineCount": 2}, "LineCount"),
    ],
)
def test_patterns_that_cannot_be_used_are_rejected(options, match):
    with pytest.raises(UsageError, match=match):
        GrokFormat.parse(options)
