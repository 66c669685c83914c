"""The standard streams of ``glue-secure run``: data is on standard output, all else on standard error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("glue-secure")
SUMS = """
import sys
numbers = [int(line) for line in sys.stdin]
print(sum(numbers))
print("warning of the script", file=sys.stderr)
"""
REFUSED = """
import os
from pyspark.context import SparkContext
from glue_secure.context import GlueContext
from glue_secure.job import Job

print("id,amount")
context = GlueContext(SparkContext.getOrCreate())
frame = context.spark_session.createDataFrame([(1, 2)], "id int, amount int")
print(*frame.first(), sep=",")
job = Job(context)
job.init("streams", {})
frame.write.csv("file:" + os.path.abspath("out"))
job.commit()
"""


@pytest.fixture
def run(glue_account, tmp_path):
    def submit(script, *words, text=""):
        (tmp_path / "job.py").write_text(script)
        command = [COMMAND, "run", "--state", glue_account.state, *words, "job.py", "--JOB_NAME", "streams"]
        return subprocess.run(command, cwd=tmp_path, input=text, capture_output=True, text=True, timeout=280)

    return submit


def test_standard_input_is_the_scripts_and_standard_output_has_data_only(run):
    done = run(SUMS, text="1\n2\n39\n")
    assert (done.returncode, done.stdout) == (0, "42\n"), done.stderr[-2000:]
    assert "warning of the script\n" in done.stderr
    assert "exit code 0; evidence: none\n" in done.stderr


def test_a_refusal_and_the_log_of_spark_are_on_standard_error(run):
    done = run(REFUSED, "--verbose")
    assert (done.returncode, done.stdout) == (3, "id,amount\n1,2\n"), done.stderr[-2000:]
    first = next(line for line in done.stderr.splitlines() if "refused" in line)
    assert first.startswith("GS-S3-011 refused: ")
    assert "  fix:      write with job.write or the GlueContext" in done.stderr
    assert "INFO SparkContext" in done.stderr
    assert "exit code 3, stopped by GS-S3-011; evidence: s3://" in done.stderr


def test_a_question_without_input_is_a_usage_error(run):
    done = run("from glue_secure.job import Job\nprint(input('name? '))\n")
    assert done.returncode == 2, done.stderr[-2000:]
    assert done.stderr.splitlines()[0] == "input()"
    assert "fix:      start glue-secure run in a terminal" in done.stderr
