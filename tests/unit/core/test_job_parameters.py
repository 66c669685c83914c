"""The special parameters of AWS Glue."""

import pytest

from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import UsageError
from glue_secure.core.job_parameters import (
    JOB_PARAMETERS,
    require_python,
    separated,
    without_effect,
)


def test_each_parameter_is_in_the_table_once():
    names = [parameter.name for parameter in JOB_PARAMETERS]
    assert len(names) == len(set(names))


def test_parameters_without_effect_are_named_in_either_spelling():
    arguments = JobArguments.parse(["job.py", "--enable-metrics", "--enable_spark_ui", "true", "--mine", "1"])
    assert {parameter.name for parameter in without_effect(arguments)} == {
        "enable-metrics",
        "enable-spark-ui",
    }


def test_several_values_are_separated_by_commas():
    arguments = JobArguments.parse(["job.py", "--extra-py-files", "s3://b/a.py, s3://b/c.zip,"])
    assert separated(arguments, "extra-py-files") == ("s3://b/a.py", "s3://b/c.zip")
    assert separated(arguments, "extra-jars") == ()


@pytest.mark.parametrize(
    ("words", "found"),
    [(["--job-language", "scala"], "--job-language scala"), (["--class", "GlueApp"], "--class")],
)
def test_scala_jobs_are_rejected(words, found):
    with pytest.raises(UsageError, match="a Python script") as caught:
        require_python(JobArguments.parse(["job.py", *words]))
    assert caught.value.found == found


def test_the_language_python_is_accepted():
    require_python(JobArguments.parse(["job.py", "--job-language", "python"]))
