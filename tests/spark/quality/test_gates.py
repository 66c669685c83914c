"""Suites at the sink: blocked, warned of, set apart; and what stops a run before it reads."""

from __future__ import annotations

import json
import logging

import pytest

from glue_secure import RefusedError, UsageError, VerificationError
from glue_secure.core.evidence import canonical_json

MARKER = "Ma4ker-of-a-row"
ROWS = [(1, "a"), (2, "b"), (3, MARKER), (None, "c")]
NOT_NULL = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "id"}}
IN_SET = {
    "type": "expect_column_values_to_be_in_set",
    "kwargs": {"column": "word", "value_set": ["a", "b", "c"]},
}
COUNT = {"type": "expect_table_row_count_to_equal", "kwargs": {"value": 99}}
MISSING = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "nope"}}


@pytest.fixture
def gated(glue_job, glue_spark, tmp_path):
    """``gated(rules, ...)``: one run that writes the rows through a suite of these rules."""

    def run(*rules, severity="critical", frame=None, target=None, **how):
        place = tmp_path / "suite.json"
        expectations = [{**rule, "severity": severity, "meta": {}} for rule in rules]
        place.write_text(json.dumps({"name": "rows", "expectations": expectations, "meta": {}}))
        rows = glue_spark.createDataFrame(ROWS, "id int, word string") if frame is None else frame
        with glue_job.job("target", glue_secure_suites=str(place)) as job:
            job.write.s3(rows, target or job.args.target, format="parquet", quality_suite=str(place), **how)

    return run


def apart(glue_job):
    return glue_job.target.rstrip("/") + "-apart/"


def test_a_frame_that_meets_its_suite_is_written_and_the_evidence_tells_each_rule(gated, glue_job):
    gated({**NOT_NULL, "kwargs": {"column": "word"}}, {**COUNT, "kwargs": {"value": 4}})
    evidence = glue_job.evidence()[-1]
    (gate,) = evidence["gates"]
    assert (gate["outcome"], gate["suite"]) == ("passed", "rows")
    assert [rule["outcome"] for rule in gate["rules"]] == ["met", "met"]
    assert len(gate["digest"]) == 64
    assert glue_job.objects()


def test_gs_dq_001_a_broken_rule_blocks_the_write_and_no_value_is_told(gated, glue_job, caplog):
    with pytest.raises(RefusedError, match="GS-DQ-001") as refusal:
        gated(NOT_NULL, IN_SET)
    assert "1 of 4 rows" in str(refusal.value)
    assert glue_job.objects() == {}
    evidence = glue_job.evidence()[-1]
    assert [rule["unexpected"] for rule in evidence["gates"][0]["rules"]] == [1, 1]
    for text in (str(refusal.value), canonical_json(evidence).decode(), caplog.text):
        assert MARKER not in text


def test_a_warning_lets_the_rows_through_and_says_so(gated, glue_job, caplog):
    with caplog.at_level(logging.WARNING):
        gated(NOT_NULL, on_failure="warn")
    assert glue_job.evidence()[-1]["gates"][0]["outcome"] == "warned"
    assert glue_job.read().count() == 4
    assert "1 of 4 rows" in caplog.text


@pytest.mark.parametrize("severity", ["warning", "info"])
def test_rules_of_lesser_severity_stop_nothing(gated, glue_job, severity):
    gated(NOT_NULL, severity=severity)
    assert glue_job.evidence()[-1]["gates"][0]["outcome"] == "passed"
    assert glue_job.read().count() == 4


def test_rows_that_break_a_rule_are_set_apart_encrypted_with_the_rule(
    gated, glue_job, glue_spark, provisioned
):
    gated(NOT_NULL, IN_SET, on_failure="quarantine", quarantine=apart(glue_job))
    assert sorted(row[1] for row in glue_job.read().collect()) == ["a", "b"]
    bad = glue_spark.read.parquet(apart(glue_job).replace("s3://", "s3a://"))
    rules = {row["word"]: row["glue_secure_failed_rules"] for row in bad.collect()}
    assert set(rules) == {MARKER, "c"}
    assert "in_set" in rules[MARKER] and "not_be_null" in rules["c"]
    evidence = glue_job.evidence()[-1]
    assert evidence["gates"][0]["quarantined"] == 2
    seen = {(each["algorithm"], each["key"]) for write in evidence["writes"] for each in write["objects"]}
    assert seen == {("aws:kms", provisioned.data_key)}


def test_gs_dq_001_a_rule_of_the_whole_table_sets_no_row_apart(gated, glue_job):
    with pytest.raises(RefusedError, match="whole table"):
        gated(COUNT, on_failure="quarantine", quarantine=apart(glue_job))
    assert glue_job.objects() == {}


def test_gs_dq_002_a_rule_that_cannot_be_decided_is_no_pass(gated, glue_job):
    with pytest.raises(VerificationError, match="GS-DQ-002"):
        gated(MISSING)
    assert glue_job.objects() == {}


def test_gs_dq_003_a_suite_that_is_not_there_stops_the_run_before_it_reads(glue_job):
    with pytest.raises(RefusedError, match="GS-DQ-003"):
        glue_job.job("target", glue_secure_suites="suites/nowhere.json")
    with pytest.raises(VerificationError, match="GS-DQ-003"):
        glue_job.job("target", glue_secure_suites=glue_job.source + "nowhere.json")


def test_gs_dq_003_a_wheel_without_gates_stops_the_run_before_it_reads(glue_job, monkeypatch):
    monkeypatch.setattr("glue_secure.run.gates._ROOM", "glue_secure.quality.nowhere")
    with pytest.raises(RefusedError, match="GS-DQ-003"):
        glue_job.job("target", glue_secure_suites="suites/x.json")


def test_gs_dq_004_a_frame_that_changes_between_judging_and_writing_is_refused(gated, glue_spark):
    with pytest.raises(RefusedError, match="GS-DQ-004"):
        gated(NOT_NULL, frame=glue_spark.range(3).selectExpr("cast(id as int) as id", "rand() as word"))


def test_gs_dq_005_a_quarantine_below_the_sink_is_refused(gated, glue_job):
    with pytest.raises(RefusedError, match="GS-DQ-005"):
        gated(NOT_NULL, on_failure="quarantine", quarantine=glue_job.target + "bad/")
    assert glue_job.objects() == {}


def test_a_suite_that_was_not_named_at_the_start_is_refused(glue_job, glue_spark):
    frame = glue_spark.range(1)
    with pytest.raises(UsageError, match="glue-secure-suites"), glue_job.job("target") as job:
        job.write.s3(frame, job.args.target, format="csv", quality_suite="suites/x.json")


def test_the_drop_in_door_gates_a_frame_before_its_sink(glue_job, glue_spark, monkeypatch):
    from glue_secure.context import GlueContext
    from glue_secure.dynamicframe import DynamicFrame
    from glue_secure.job import Job
    from glue_secure.transforms import QualityGate

    suite = glue_job.land("suite.json", json.dumps({"name": "rows", "expectations": [NOT_NULL]}))
    argv = glue_job.argv(glue_secure_suites=suite, glue_secure_quarantine_uri=apart(glue_job))
    monkeypatch.setattr("sys.argv", argv)
    context = GlueContext(glue_spark.sparkContext)
    job = Job(context)
    job.init(glue_job.name, {"JOB_NAME": glue_job.name})
    try:
        rows = DynamicFrame.fromDF(glue_spark.createDataFrame(ROWS, "id int, word string"), context, "rows")
        assert QualityGate.apply(frame=rows, expect=suite, on_failure="warn") is rows
        good = QualityGate.apply(rows, suite, "quarantine", transformation_ctx="g")
        context.write_dynamic_frame.from_options(good, "s3", {"path": glue_job.target}, "parquet")
        job.commit()
    finally:
        context.secured_run.close(outcome="test over")
    assert glue_job.read().count() == 3
    gates = glue_job.evidence()[-1]["gates"]
    assert [(gate["sink"], gate["outcome"]) for gate in gates] == [
        ("QualityGate", "warned"),
        ("QualityGate g", "quarantined"),
    ]
    with pytest.raises(UsageError, match="DynamicFrame"):
        QualityGate.apply(glue_spark.range(1), suite)
