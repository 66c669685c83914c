"""The arguments of a run in the test mode."""

from glue_secure.core.arguments import JobArguments
from glue_secure.run import test_mode
from glue_secure.run.test_mode import TestMode


def test_without_the_mode_arguments_do_not_change():
    arguments = JobArguments.parse(["job.py", "--JOB_RUN_ID", "jr_1"])
    assert test_mode.prepared(arguments, "mine") is arguments
    assert not test_mode.is_enabled()


def test_in_the_mode_a_job_is_registered_and_made_up_ids_are_ignored():
    registered: list[str] = []
    defaults = {"glue-secure-evidence-uri": "s3://e/"}
    mode = TestMode(job="fallback", register=registered.append, defaults=defaults)
    with test_mode.enabled(mode):
        assert test_mode.is_enabled()
        given = JobArguments.parse(["job.py", "--JOB_NAME", "a", "--JOB_RUN_ID", "jr-unittest", "--x", "1"])
        assert test_mode.prepared(given, "a").values == {
            "JOB_NAME": "a", "x": "1", "glue-secure-evidence-uri": "s3://e/",
        }  # fmt: skip
        own = JobArguments.parse(["job.py", "--glue-secure-evidence-uri", "s3://own/"])
        prepared = test_mode.prepared(own, "b")
        assert prepared.identity(job="b", fresh_run_id="jr_2").job == "b"
        assert prepared.get("glue-secure-evidence-uri") == "s3://own/"
        assert test_mode.prepared(JobArguments({}), None).get("JOB_NAME") == "fallback"
    assert registered == ["a", "b", "fallback"]
    assert not test_mode.is_enabled()
