"""Quality suites at a sink: blocked, warned and quarantined writes, and errors before the first read."""

from __future__ import annotations

import json
import logging
from importlib.metadata import PackageNotFoundError

import pytest

from glue_secure import RefusedError, UsageError, VerificationError
from glue_secure.core.evidence import canonical_json
from glue_secure.quality import expectations

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
    """``gated(rules, ...)`` runs a job that writes the rows with a suite of these rules."""

    def run(*rules, severity="critical", frame=None, target=None, **options):
        location = tmp_path / "suite.json"
        items = [{**rule, "severity": severity, "meta": {}} for rule in rules]
        location.write_text(json.dumps({"name": "rows", "expectations": items, "meta": {}}))
        rows = glue_spark.createDataFrame(ROWS, "id int, word string") if frame is None else frame
        with glue_job.job("target", glue_secure_suites=str(location)) as job:
            job.write.s3(
                rows, target or job.args.target, format="parquet", quality_suite=str(location), **options
            )

    return run


def quarantine_of(glue_job):
    return glue_job.target.rstrip("/") + "-quarantine/"


def test_a_frame_that_meets_its_suite_is_written_and_the_evidence_lists_each_rule(gated, glue_job):
    gated({**NOT_NULL, "kwargs": {"column": "word"}}, {**COUNT, "kwargs": {"value": 4}})
    evidence = glue_job.evidence()[-1]
    (gate,) = evidence["gates"]
    assert (gate["outcome"], gate["suite"]) == ("passed", "rows")
    assert [rule["outcome"] for rule in gate["rules"]] == ["met", "met"]
    assert len(gate["digest"]) == 64
    passes = {finding["control"] for finding in evidence["controls"] if finding["verdict"] == "PASS"}
    assert {"GS-DQ-001", "GS-DQ-002", "GS-DQ-003", "GS-DQ-004"} <= passes
    assert glue_job.objects()


def test_gs_dq_001_a_broken_rule_blocks_the_write_and_the_error_contains_no_value(gated, glue_job, caplog):
    with pytest.raises(RefusedError, match="GS-DQ-001") as refusal:
        gated(NOT_NULL, IN_SET)
    assert "1 of 4 rows" in str(refusal.value)
    assert glue_job.objects() == {}
    evidence = glue_job.evidence()[-1]
    assert [rule["unexpected"] for rule in evidence["gates"][0]["rules"]] == [1, 1]
    for text in (str(refusal.value), canonical_json(evidence).decode(), caplog.text):
        assert MARKER not in text


def test_gs_dq_001_with_warn_the_rows_are_written_and_the_fail_is_recorded(gated, glue_job, caplog):
    with caplog.at_level(logging.WARNING):
        gated(NOT_NULL, on_failure="warn")
    assert glue_job.evidence()[-1]["gates"][0]["outcome"] == "warned"
    assert glue_job.read().count() == 4
    assert "1 of 4 rows" in caplog.text
    evidence = glue_job.evidence()[-1]
    verdicts = [each["verdict"] for each in evidence["controls"] if each["control"] == "GS-DQ-001"]
    assert (verdicts, evidence["outcome"]) == (["FAIL"], "succeeded")


@pytest.mark.parametrize("severity", ["warning", "info"])
def test_rules_of_lower_severity_do_not_stop_a_write(gated, glue_job, severity):
    gated(NOT_NULL, severity=severity)
    assert glue_job.evidence()[-1]["gates"][0]["outcome"] == "passed"
    assert glue_job.read().count() == 4


def test_rows_that_break_a_rule_are_quarantined_encrypted_with_the_rule(
    gated, glue_job, glue_spark, provisioned
):
    gated(NOT_NULL, IN_SET, on_failure="quarantine", quarantine=quarantine_of(glue_job))
    assert sorted(row[1] for row in glue_job.read().collect()) == ["a", "b"]
    invalid = glue_spark.read.parquet(quarantine_of(glue_job).replace("s3://", "s3a://"))
    rules = {row["word"]: row["glue_secure_failed_rules"] for row in invalid.collect()}
    assert set(rules) == {MARKER, "c"}
    assert "in_set" in rules[MARKER] and "not_be_null" in rules["c"]
    evidence = glue_job.evidence()[-1]
    assert evidence["gates"][0]["quarantined"] == 2
    seen = {(each["algorithm"], each["key"]) for write in evidence["writes"] for each in write["objects"]}
    assert seen == {("aws:kms", provisioned.data_key)}


def test_gs_dq_001_a_broken_rule_about_the_whole_table_cannot_be_quarantined(gated, glue_job):
    with pytest.raises(RefusedError, match="whole table"):
        gated(COUNT, on_failure="quarantine", quarantine=quarantine_of(glue_job))
    assert glue_job.objects() == {}


def test_gs_dq_002_a_rule_that_cannot_be_decided_stops_the_write(gated, glue_job):
    with pytest.raises(VerificationError, match="GS-DQ-002"):
        gated(MISSING)
    assert glue_job.objects() == {}


def test_gs_dq_003_a_missing_suite_stops_the_run_before_it_reads(glue_job):
    with pytest.raises(RefusedError, match="GS-DQ-003"):
        glue_job.job("target", glue_secure_suites="suites/nowhere.json")
    with pytest.raises(VerificationError, match="GS-DQ-003"):
        glue_job.job("target", glue_secure_suites=glue_job.source + "nowhere.json")


def test_gs_dq_003_a_missing_package_stops_the_run_before_it_reads(glue_job, monkeypatch):
    def no_package(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(expectations, "version", no_package)
    with pytest.raises(RefusedError, match=r"(?s)GS-DQ-003.*not installed"):
        glue_job.job("target", glue_secure_suites="suites/x.json")


def test_gs_dq_004_a_nondeterministic_frame_is_rejected(gated, glue_spark):
    with pytest.raises(RefusedError, match="GS-DQ-004"):
        gated(NOT_NULL, frame=glue_spark.range(3).selectExpr("cast(id as int) as id", "rand() as word"))


def test_gs_dq_005_a_quarantine_inside_the_sink_is_rejected(gated, glue_job):
    with pytest.raises(RefusedError, match="GS-DQ-005"):
        gated(NOT_NULL, on_failure="quarantine", quarantine=glue_job.target + "bad/")
    assert glue_job.objects() == {}


def test_a_suite_that_was_not_named_at_the_start_is_rejected(glue_job, glue_spark):
    frame = glue_spark.range(1)
    with pytest.raises(UsageError, match="glue-secure-suites"), glue_job.job("target") as job:
        job.write.s3(frame, job.args.target, format="csv", quality_suite="suites/x.json")


def test_the_awsglue_compatible_api_checks_a_frame_before_its_sink(glue_job, glue_spark, monkeypatch):
    from glue_secure.context import GlueContext
    from glue_secure.dynamicframe import DynamicFrame
    from glue_secure.job import Job
    from glue_secure.transforms import QualityGate

    suite = glue_job.land("suite.json", json.dumps({"name": "rows", "expectations": [NOT_NULL]}))
    argv = glue_job.argv(glue_secure_suites=suite, glue_secure_quarantine_uri=quarantine_of(glue_job))
    monkeypatch.setattr("sys.argv", argv)
    context = GlueContext(glue_spark.sparkContext)
    job = Job(context)
    job.init(glue_job.name, {"JOB_NAME": glue_job.name})
    try:
        rows = DynamicFrame.fromDF(glue_spark.createDataFrame(ROWS, "id int, word string"), context, "rows")
        assert QualityGate.apply(frame=rows, suite=suite, on_failure="warn") is rows
        valid = QualityGate.apply(rows, suite, "quarantine", transformation_ctx="g")
        context.write_dynamic_frame.from_options(valid, "s3", {"path": glue_job.target}, "parquet")
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
