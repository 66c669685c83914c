"""The fixes of data quality gates, carried out as they are worded, make the control pass."""

import json

import pytest
from typed_fixes import Cases, carry_out, controls_of

from glue_secure.core.findings import enforce
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.service import ServiceError
from glue_secure.quality import gate
from glue_secure.testing.fakes import FakeObjectStore

from .test_gate import NOT_NULL, QUARANTINE, SINK, frame, loaded, recorder, suite  # noqa: F401 - fixtures

CASES = Cases()
SUITE = S3Uri("config", "suite.json")


@CASES.of("GS-DQ-001")
def rows_that_break_a_rule(get):
    load, path = get("loaded"), get("suite")
    met, options = [False], {}
    error = yield lambda: load(met[-1])[0].apply(frame(), SINK, suite=path, **options)

    def correct():
        met.append(True)

    carry_out(error.fix, [(r"\Acorrect the rows", correct)])


@CASES.of("GS-DQ-001")
def rows_that_are_quarantined(get):
    load, path = get("loaded"), get("suite")
    options = {}
    error = yield lambda: load(False)[0].apply(frame(), SINK, suite=path, **options)

    def quarantine(value):
        options.update(on_failure=value, quarantine=QUARANTINE)

    carry_out(error.fix, [(r"use on_failure='(?P<value>quarantine)'", quarantine)])


@CASES.of("GS-DQ-002")
def a_rule_that_cannot_be_decided(get):
    load, path = get("loaded"), get("suite")
    decided = [None]
    error = yield lambda: load(decided[-1])[0].apply(frame(), SINK, suite=path)
    edits = [(r"\Acheck that the columns exist and have a type that can be compared",
              lambda: decided.append(True))]  # fmt: skip
    carry_out(error.fix, edits)


@CASES.of("GS-DQ-003")
def a_suite_that_may_not_be_read(get):
    objects = FakeObjectStore("config")
    objects.put(SUITE, json.dumps({"name": "rows", "expectations": [NOT_NULL]}).encode())
    denied = ServiceError("denied", code="AccessDenied", operation="GetObject")
    objects.fail_next("GetObject", denied, times=9)
    error = yield lambda: enforce(gate.read_suite(str(SUITE), objects)[1])

    def allow(uri):
        assert uri == str(SUITE)
        objects._faults.clear()

    carry_out(error.fix, [(r"give the job's role s3:GetObject on (?P<uri>\S+)", allow)])


@CASES.of("GS-DQ-004")
def a_frame_that_is_not_deterministic(get):
    load, path = get("loaded"), get("suite")
    frames = [frame(deterministic=False)]
    error = yield lambda: load(True)[0].apply(frames[-1], SINK, suite=path)
    # The plan of a cached frame reads its rows from the cache.
    edits = [(r"\Acall frame.cache\(\) before the write", lambda: frames.append(frame()))]
    carry_out(error.fix, edits)


@CASES.of("GS-DQ-005")
def a_quarantine_inside_the_sink(get):
    load, path = get("loaded"), get("suite")
    places = [f"{SINK}bad/"]
    error = yield lambda: load(True)[0].apply(
        frame(), SINK, suite=path, on_failure="quarantine", quarantine=places[-1]
    )
    carry_out(error.fix, [(r"\Ause another prefix", lambda: places.append(QUARANTINE))])


@pytest.mark.parametrize("name", CASES)
def test_a_fix_carried_out_literally_makes_the_control_pass(name, request):
    CASES.check(name, request.getfixturevalue)


def test_the_table_has_the_controls_of_this_file():
    assert {control for control, _ in CASES.values()} == controls_of(__file__)
