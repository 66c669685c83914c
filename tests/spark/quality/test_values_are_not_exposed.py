"""A check writes no value of a row to logs, event log or evidence, creates no file and opens no
connection.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import pytest
from key_search import event_log

from glue_secure import VerificationError
from glue_secure.quality import fallback
from glue_secure.quality.checker import GREAT_EXPECTATIONS, Checker
from glue_secure.quality.suite import Suite

MARKER = "Ma4ker-of-a-row"
LITERAL = "L1teral-of-the-suite"
RULES = [
    {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "word", "value_set": [LITERAL]}},
    {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "word"}},
    {"type": "expect_column_max_to_be_between", "kwargs": {"column": "word", "max_value": "2024-01-01"}},
    {
        "type": "expect_column_most_common_value_to_be_in_set",
        "kwargs": {"column": "word", "value_set": ["a"]},
    },
    {"type": "expect_column_distinct_values_to_be_in_set", "kwargs": {"column": "word", "value_set": ["a"]}},
]
SUITE = json.dumps({"name": "words", "expectations": RULES})


@pytest.fixture
def frame(glue_job):
    """Return a function that reads the frame from S3, because the plan of a local frame contains its rows."""
    location = glue_job.land("w.csv", f"word\n{MARKER}\n{MARKER}\n").replace("s3://", "s3a://")
    return lambda job: job.spark.read.csv(location, header=True)


def test_values_of_rows_are_not_in_logs_event_log_evidence_or_messages(
    glue_job, glue_spark, frame, tmp_path, caplog, capfd
):
    caplog.set_level(logging.DEBUG, logger="great_expectations")
    caplog.set_level(logging.DEBUG, logger="glue_secure")
    suite = glue_job.land("suite.json", SUITE)
    with (
        event_log(glue_spark, tmp_path / "events") as events,
        pytest.raises(VerificationError, match="GS-DQ-002") as error,
        glue_job.job("target", glue_secure_suites=suite) as job,
    ):
        job.write.s3(frame(job), job.args.target, format="parquet", quality_suite=suite)
    written = events()
    assert LITERAL.encode() in written, "docs/quality.md: literals of the suite are in the plan"
    evidence = json.dumps(glue_job.evidence()[-1])
    printed = "".join(capfd.readouterr())
    for text in (written.decode(), evidence, caplog.text, printed, str(error.value), repr(error.value)):
        assert MARKER not in text
    assert LITERAL not in evidence + caplog.text + str(error.value)
    by = [rule["by"] for rule in glue_job.evidence()[-1]["gates"][0]["rules"]]
    assert GREAT_EXPECTATIONS in by


def test_the_column_policy_applies_to_quarantined_rows(glue_job, glue_spark, frame):
    policy = json.dumps({"name": "words", "columns": [{"column": "word", "action": "mask"}]})
    arguments = {
        "glue_secure_suites": glue_job.land(
            "suite.json", json.dumps({"name": "w", "expectations": RULES[:1]})
        ),
        "glue_secure_columns": glue_job.land("columns.json", policy),
        "glue_secure_quarantine_uri": glue_job.target.rstrip("/") + "-quarantine/",
    }
    with glue_job.job("target", **arguments) as job:
        job.write.s3(
            frame(job),
            job.args.target,
            format="parquet",
            quality_suite=arguments["glue_secure_suites"],
            on_failure="quarantine",
        )
    quarantined = glue_spark.read.parquet(arguments["glue_secure_quarantine_uri"].replace("s3://", "s3a://"))
    assert [row["word"] for row in quarantined.collect()] == ["****", "****"]
    assert glue_job.evidence()[-1]["gates"][0]["quarantined"] == 2


def test_great_expectations_opens_no_connection_and_creates_no_file(glue_spark):
    checker = Checker(Suite.parse(SUITE.encode(), location="words"))
    rows = glue_spark.createDataFrame([("a",), ("b",)], "word string")
    files: list[object] = []
    hosts: list[object] = []
    folders: list[object] = []
    watching = True

    def watch(event, arguments):
        if not watching:
            return
        if event == "open" and isinstance(arguments[0], str) and set(str(arguments[1])) & set("wax+"):
            files.append(arguments[0])
        elif event in ("socket.connect", "socket.getaddrinfo"):
            hosts.append(arguments[1][0] if event == "socket.connect" else arguments[0])
        elif event == "os.mkdir":
            folders.append(arguments[0])

    sys.addaudithook(watch)  # an audit hook cannot be removed, only disabled
    try:
        fallback.validate(rows, checker.expectations[3:])
    finally:
        watching = False
    assert files == []
    assert set(hosts) <= {"127.0.0.1", "localhost"}, "Spark's own gateway and nothing else"
    assert [folder for folder in folders if Path(folder).exists()] == [], "temporary folders are removed"
