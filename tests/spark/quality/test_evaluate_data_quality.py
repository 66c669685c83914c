"""``EvaluateDataQuality``: outcomes of rules and rows, results in S3, and evidence."""

from __future__ import annotations

import json
import logging

import pytest

from glue_secure import RefusedError, UsageError
from glue_secure.awsgluedq.transforms import EvaluateDataQuality
from glue_secure.awsglueml.transforms import EntityDetector
from glue_secure.context import GlueContext
from glue_secure.core.evidence import canonical_json
from glue_secure.dynamicframe import DynamicFrame
from glue_secure.job import Job
from glue_secure.quality.dqdl.evaluation import evaluate
from glue_secure.transforms import SelectFromCollection
from glue_secure.utils import getResolvedOptions

MARKER = "Ma4ker-of-a-row"
ROWS = [
    (1, "a", 10.0, "2024-01-01"),
    (2, "b", 20.0, "2024-02-01"),
    (2, None, 30.0, "2024-03-01"),
    (None, MARKER, 11.0, "x"),
]
SCHEMA = "id int, word string, ` amount ` double, day string"

# Rule → outcome, metrics, and the positions of rows that break it; None if the rule is about the frame.
RULES = {
    "RowCount = 4": (True, {"Dataset.*.RowCount": 4.0}, None),
    "RowCount > 3 where \"word = 'a'\"": (False, {"Dataset.*.RowCount": 1.0}, None),
    "ColumnCount > 0": (True, {"Dataset.*.ColumnCount": 4.0}, None),
    'ColumnExists "id"': (True, {}, None),
    'ColumnExists "none"': (False, {}, None),
    'ColumnNamesMatchPattern "^[a-z]+$"': (False, {"Dataset.*.ColumnNamesPatternMatchRatio": 0.75}, None),
    'IsComplete " amount "': (True, {"Column. amount .Completeness": 1.0}, []),
    'IsComplete "id"': (False, {"Column.id.Completeness": 0.75}, [3]),
    'Completeness "id" > 0.7': (True, {"Column.id.Completeness": 0.75}, [3]),
    'IsUnique "id"': (False, {"Column.id.Uniqueness": 1 / 3}, [1, 2]),
    'IsUnique "word"': (True, {"Column.word.Uniqueness": 1.0}, []),
    'Uniqueness "id" between 0.3 and 0.4': (True, {"Column.id.Uniqueness": 1 / 3}, [1, 2]),
    'IsPrimaryKey "id" "day"': (
        False,
        {
            "Multicolumn.id,day.Uniqueness": 1.0,
            "Column.id.Completeness": 0.75,
            "Column.day.Completeness": 1.0,
        },
        [3],
    ),
    'UniqueValueRatio "id" = 0.5': (True, {"Column.id.UniqueValueRatio": 0.5}, None),
    'DistinctValuesCount "id" = 3': (True, {"Column.id.DistinctValuesCount": 3.0}, None),
    'ColumnValues " amount " > 15': (False, {"Column. amount .Minimum": 10.0}, [0, 3]),
    'ColumnValues " amount " <= 30': (True, {"Column. amount .Maximum": 30.0}, []),
    'ColumnValues "id" >= 1': (False, {"Column.id.Minimum": 1.0}, [3]),
    'ColumnValues "id" between 0 and 2': (False, {"Column.id.ColumnValues.Compliance": 0.25}, [1, 2, 3]),
    'ColumnValues "id" in [1, 2]': (False, {"Column.id.ColumnValues.Compliance": 0.75}, [3]),
    'ColumnValues "id" in [1, 2, NULL]': (True, {"Column.id.ColumnValues.Compliance": 1.0}, []),
    'ColumnValues "id" != 1': (False, {"Column.id.ColumnValues.Compliance": 0.75}, [0]),
    'ColumnValues "word" not in ["a"]': (False, {"Column.word.ColumnValues.Compliance": 0.75}, [0]),
    'ColumnValues "word" in ["a", "b"] with threshold > 0.4': (
        True,
        {"Column.word.ColumnValues.Compliance": 0.5},
        [2, 3],
    ),
    'ColumnValues "word" matches "[a-z]" where "id = 1"': (
        True,
        {"Column.word.PatternMatch": 1.0},
        [],
    ),
    'ColumnValues "day" > "2024-01-15"': (False, {"Column.day.ColumnValues.Compliance": 0.5}, [0, 3]),
    'ColumnValues "day" < (now() - 3 days) where "day <> \'x\'"': (
        True,
        {"Column.day.ColumnValues.Compliance": 1.0},
        [],
    ),
    'ColumnLength "word" between 0 and 2': (
        False,
        {"Column.word.MinimumLength": 0.0, "Column.word.MaximumLength": float(len(MARKER))},
        [2, 3],
    ),
    'ColumnDataType "day" = "Date" with threshold > 0.7': (
        True,
        {"Column.day.ColumnDataType.Compliance": 0.75},
        [3],
    ),
    'DataFreshness "day" <= 24 hours': (False, {"Column.day.DataFreshness.Compliance": 0.0}, [0, 1, 2, 3]),
    'Mean " amount " between 17 and 18': (True, {"Column. amount .Mean": 17.75}, None),
    'Sum " amount " = 71': (True, {"Column. amount .Sum": 71.0}, None),
    'ColumnCorrelation "id" " amount " > 0.5': (
        True,
        {"Multicolumn.id, amount .ColumnCorrelation": pytest.approx(0.8660254)},
        None,
    ),
    'Entropy "id" > 0.6': (True, {"Column.id.Entropy": pytest.approx(0.6365142)}, None),
    'StandardDeviation " amount " > 8': (
        True,
        {"Column. amount .StandardDeviation": pytest.approx(8.0738776)},
        None,
    ),
    'CustomSql "select count(*) from primary" between 3 and 5': (True, {"Dataset.*.CustomSQL": 4.0}, None),
    'CustomSql "select id from primary where id = 2"': (
        False,
        {"Dataset.*.CustomSQL.Compliance": 0.5},
        [0, 3],
    ),
    'RowCountMatch "reference" = 2': (True, {"Dataset.reference.RowCountMatch": 2.0}, None),
    'ReferentialIntegrity "id" "reference.key" >= 0.5': (
        True,
        {"Column.reference.ReferentialIntegrity": 0.75},
        [3],
    ),
    '(IsComplete "id") and (IsUnique "word")': (
        False,
        {"Column.id.Completeness": 0.75, "Column.word.Uniqueness": 1.0},
        [3],
    ),
    '(IsComplete "id") or (RowCount > 3)': (
        True,
        {"Column.id.Completeness": 0.75, "Dataset.*.RowCount": 4.0},
        None,
    ),
}


# Rows that a where clause leaves out.
SKIPPED = {
    'ColumnValues "word" matches "[a-z]" where "id = 1"': 3,
    'ColumnValues "day" < (now() - 3 days) where "day <> \'x\'"': 1,
}
IDS = [f"{number}-{rule.split()[0]}" for number, rule in enumerate(RULES)]


@pytest.fixture(scope="module")
def data(glue_spark):
    return glue_spark.createDataFrame(ROWS, SCHEMA).coalesce(1).cache()


@pytest.fixture(scope="module")
def evaluated(glue_spark, data):
    reference = glue_spark.createDataFrame([(1,), (2,)], "key int")
    ruleset = f"Rules = [{', '.join(RULES)}]"
    return evaluate(data, ruleset, others={"reference": reference}, label_filtered_rows=True)


@pytest.fixture(scope="module")
def broken_rows(evaluated):
    rows = [row.asDict() for row in evaluated.rows.collect()]
    order = [(row["id"], row["word"], row[" amount "], row["day"]) for row in rows]
    return {order.index(values): rows[order.index(values)] for values in ROWS}


@pytest.mark.parametrize("number", range(len(RULES)), ids=IDS)
def test_a_rule_has_the_outcome_and_the_metrics_of_the_reference(evaluated, number):
    rule, (passed, metrics, _) = list(RULES.items())[number]
    result = evaluated.results[number]
    assert (result.passed, dict(result.metrics)) == (passed, metrics), rule
    assert (result.reason is None) == passed


@pytest.mark.parametrize("number", range(len(RULES)), ids=IDS)
def test_each_row_lists_the_rules_that_it_meets_breaks_and_is_not_checked_by(evaluated, broken_rows, number):
    rule, broken = evaluated.results[number].rule, list(RULES.values())[number][2]
    rows = broken_rows.values()
    order = [ROWS.index((row["id"], row["word"], row[" amount "], row["day"])) for row in rows]
    fails = [at for at, row in zip(order, rows, strict=True) if rule in row["DataQualityRulesFail"]]
    skips = [at for at, row in zip(order, rows, strict=True) if rule in row["DataQualityRulesSkip"]]
    assert sorted(fails) == (broken or [])
    assert len(skips) == (4 if broken is None else SKIPPED.get(rule, 0))


def test_values_of_another_kind_are_compared_with_ansi_sql_too(glue_spark, data):
    rules = [
        'ColumnValues "day" > 5',
        'ColumnValues "word" < "2024-01-01"',
        'ColumnValues "day" > "2000-01-01"',
    ]
    ruleset = f"Rules = [{', '.join(rules)}]"

    def outcomes():
        result = evaluate(data, ruleset)
        rows = [row["DataQualityRulesFail"] for row in result.rows.orderBy(" amount ").collect()]
        return [each.passed for each in result.results], rows

    before = glue_spark.conf.get("spark.sql.ansi.enabled")
    try:
        glue_spark.conf.set("spark.sql.ansi.enabled", "false")
        expected = outcomes()
        glue_spark.conf.set("spark.sql.ansi.enabled", "true")
        assert outcomes() == expected
    finally:
        glue_spark.conf.set("spark.sql.ansi.enabled", before)


def test_rows_that_a_where_clause_leaves_out_pass_unless_they_are_labelled(data):
    rows = evaluate(data, 'Rules = [IsComplete "word" where "id = 2"]').rows
    assert [len(row["DataQualityRulesPass"]) for row in rows.orderBy(" amount ").collect()] == [1, 1, 1, 0]


def test_a_rule_about_a_column_that_does_not_exist_fails_for_each_row(data):
    result = evaluate(data, 'Rules = [IsComplete "none"]')
    assert result.results[0].reason == "Input data does not include column none!"
    assert {row["DataQualityEvaluationResult"] for row in result.rows.collect()} == {"Failed"}


def test_a_rule_has_its_text_in_the_document(data):
    ruleset = (
        'Rules = [ # first\n  ColumnValues "word"  in ["a",  "b  # c"],\n (RowCount > 3)\n and (RowCount<9) ]'
    )
    texts = [result.rule for result in evaluate(data, ruleset).results]
    assert texts == ['ColumnValues "word" in ["a", "b  # c"]', "(RowCount > 3) and (RowCount<9)"]


def test_failure_reasons_are_those_of_the_pages(evaluated):
    reasons = {result.rule: result.reason for result in evaluated.results}
    assert reasons['ColumnValues " amount " > 15'] == "Value: 10.0 does not meet the constraint requirement!"
    assert reasons['ColumnValues "id" >= 1'] == "Value: NULL does not meet the constraint requirement!"
    assert reasons['ColumnExists "none"'] == "Input data does not include column none!"


def test_composite_rules_are_combined_for_each_row_on_request(glue_spark):
    frame = glue_spark.createDataFrame([(1, None), (None, 2)], "a int, b int")
    ruleset = 'Rules = [(IsComplete "a") or (IsComplete "b")]'
    assert not evaluate(frame, ruleset).results[0].passed
    assert evaluate(frame, ruleset, composite_by_row=True).results[0].passed


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ('DetectAnomalies "RowCount"', "DetectAnomalies"),
        ("RowCount > avg(last(10))", "earlier runs"),
        ('DatasetMatch "reference" "id" = 1.0', "DatasetMatch"),
    ],
)
def test_a_rule_that_needs_aws_glue_is_named_before_anything_is_computed(data, rule, text):
    with pytest.raises(UsageError, match=text) as error:
        evaluate(data, f"Rules = [{rule}]")
    assert "run the job in AWS Glue" in str(error.value)


def test_a_frame_without_rows_fails_the_rules_about_its_values(data):
    ruleset = 'Rules = [RowCount = 0, IsComplete "id", ColumnValues "id" > 1, IsUnique "id", Mean "id" > 0]'
    results = evaluate(data.where("false"), ruleset).results
    assert [result.passed for result in results] == [True, False, False, False, False]
    assert {result.reason for result in results[1:]} == {"Empty state: there are no rows to evaluate"}


def test_a_rule_whose_where_clause_selects_no_rows_passes_without_metrics(data):
    ruleset = 'Rules = [IsComplete "id" where "id > 5", ColumnValues "id" > 5 where "id > 5"]'
    results = evaluate(data, ruleset).results
    assert [(result.passed, dict(result.metrics)) for result in results] == [(True, {}), (True, {})]


def test_custom_sql_does_not_replace_a_view_of_the_script(glue_spark, data):
    glue_spark.range(7).createOrReplaceTempView("primary")
    try:
        evaluate(data, 'Rules = [CustomSql "select count(*) from primary" = 4]')
        assert glue_spark.table("primary").count() == 7
    finally:
        glue_spark.catalog.dropTempView("primary")


# The transform


@pytest.fixture
def context(glue_spark):
    return GlueContext(glue_spark.sparkContext)


@pytest.fixture
def started(glue_job, context, monkeypatch):
    argv = glue_job.argv()
    monkeypatch.setattr("sys.argv", argv)
    args = getResolvedOptions(argv, ["JOB_NAME", "target"])
    job = Job(context)
    job.init(args["JOB_NAME"], args)
    yield job
    context.secured_run.close(outcome="test over")


@pytest.fixture
def frame(started, context, data):
    return DynamicFrame.fromDF(data, context, "rows")


RULESET = 'Rules = [IsComplete "id", ColumnValues "word" in ["a", "b"], ColumnCount > 0]'


def test_process_rows_returns_three_frames_and_records_the_outcomes(frame, started, glue_job, caplog):
    with caplog.at_level(logging.WARNING):
        frames = EvaluateDataQuality().process_rows(
            frame=frame,
            ruleset=RULESET,
            publishing_options={
                "dataQualityEvaluationContext": "check",
                "enableDataQualityCloudWatchMetrics": True,
                "enableDataQualityResultsPublishing": True,
            },
            additional_options={
                "dataQualityResultsPublishing.strategy": "BEST_EFFORT",
                "observations.scope": "ALL",
                "performanceTuning.caching": "CACHE_NOTHING",
            },
        )
    assert list(frames.keys()) == ["ruleOutcomes", "rowLevelOutcomes", "originalData"]
    outcomes = SelectFromCollection.apply(dfc=frames, key="ruleOutcomes").toDF()
    assert outcomes.columns == ["Rule", "Outcome", "FailureReason", "EvaluatedMetrics", "EvaluatedRule"]
    assert [row["Outcome"] for row in outcomes.collect()] == ["Failed", "Failed", "Passed"]
    rows = frames["rowLevelOutcomes"].toDF()
    assert rows.where("DataQualityEvaluationResult = 'Passed'").count() == 2
    assert frames["originalData"] is frame
    assert "Amazon CloudWatch" in caplog.text
    started.commit()
    evidence = glue_job.evidence()[-1]
    (gate,) = evidence["gates"]
    assert (gate["suite"], gate["outcome"]) == ("check", "reported")
    assert [rule["outcome"] for rule in gate["rules"]] == ["broken", "broken", "met"]
    assert MARKER not in canonical_json(evidence).decode() + caplog.text


def test_apply_writes_results_under_the_runs_key(frame, started, glue_job, provisioned):
    prefix = f"{glue_job.target.rstrip('/')}/results"
    outcomes = EvaluateDataQuality.apply(
        frame=frame,
        ruleset=RULESET,
        publishing_options={"dataQualityEvaluationContext": "check", "resultsS3Prefix": prefix},
    )
    assert outcomes.count() == 3
    started.commit()
    assert {seen["key"] for seen in glue_job.objects().values()} == {provisioned.data_key}
    lines = glue_job.spark.read.text(f"{prefix}/check/*/".replace("s3:", "s3a:")).collect()
    assert [json.loads(line.value)["Outcome"] for line in lines] == ["Failed", "Failed", "Passed"]


def test_results_outside_of_s3_are_rejected(frame):
    with pytest.raises(RefusedError, match="GS-S3-006"):
        EvaluateDataQuality.apply(frame, RULESET, {"resultsS3Prefix": "file:///tmp/results"})


def test_an_unknown_option_is_an_error_with_the_likely_name(frame):
    with pytest.raises(UsageError, match="did you mean resultsS3Prefix"):
        EvaluateDataQuality.apply(frame, RULESET, {"resultS3Prefix": "s3://bucket/"})


# The other transform of AWS Glue that plain Spark lacks


def test_entity_detection_is_rejected_with_the_way_to_test(frame):
    with pytest.raises(UsageError, match="without AWS's models") as error:
        EntityDetector().detect(frame, ["EMAIL"], "DetectedEntities")
    assert "--glue-secure-entity-detection nothing-found" in str(error.value)


def test_the_stub_of_entity_detection_finds_nothing_and_the_evidence_says_so(
    frame, started, glue_job, caplog, monkeypatch
):
    monkeypatch.setattr("sys.argv", [*glue_job.argv(), "--glue-secure-entity-detection", "nothing-found"])
    with caplog.at_level(logging.WARNING):
        assert EntityDetector().classify_columns(frame, ["EMAIL"], 1.0, 0.1) == {}
        detected = EntityDetector().detect(frame, ["EMAIL"], "Found").toDF()
    assert detected.columns[-1] == "Found"
    assert {len(row["Found"]) for row in detected.collect()} == {0}
    assert "reports that nothing was found" in caplog.text
    started.commit()
    assert {gate["outcome"] for gate in glue_job.evidence()[-1]["gates"]} == {"not detected"}
