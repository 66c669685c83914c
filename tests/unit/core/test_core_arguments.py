"""``sys.argv`` as Glue passes it."""

from __future__ import annotations

import pytest

from glue_secure.core.arguments import BookmarkOption, JobArguments
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri


def parse(*words: str) -> JobArguments:
    return JobArguments.parse(["script.py", *words])


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (["--a", "b"], {"a": "b"}),
        (["--a=b"], {"a": "b"}),
        (["--a=b=c"], {"a": "b=c"}),
        (["--a=--b"], {"a": "--b"}),
        (["--a="], {"a": ""}),
        (["--a", ""], {"a": ""}),
        (["--flag"], {"flag": ""}),
        (["--flag", "--a", "b"], {"flag": "", "a": "b"}),
        (["--a", "-1"], {"a": "-1"}),
        (["--a", "1", "--a", "2"], {"a": "2"}),
        (["--a=1", "--a", "2"], {"a": "2"}),
        (["stray", "--a", "b", "stray"], {"a": "b"}),
        (["--", "--a", "b"], {"a": "b"}),
        ([], {}),
    ],
)
def test_every_form_that_glue_passes_is_read(words, values):
    assert parse(*words).values == values


def test_the_script_itself_is_no_argument():
    assert JobArguments.parse(["--a", "b"]).values == {}
    assert JobArguments.parse([]).values == {}


@pytest.mark.parametrize("spelling", ["my-name", "my_name"])
def test_hyphen_and_underscore_are_alike_in_names(spelling):
    assert parse(f"--{spelling}", "x").get("my-name") == "x"
    assert parse(f"--{spelling}", "x").get("my_name") == "x"


def test_every_missing_argument_is_named_at_once():
    with pytest.raises(UsageError) as caught:
        parse("--a", "1").require(["a", "b", "c"])
    assert caught.value.required == "--b --c"
    assert caught.value.found == "--a"


def test_required_arguments_come_back_by_name():
    assert parse("--a", "1", "--b-c", "2").require(["a", "b_c"]) == {"a": "1", "b_c": "2"}


def test_a_message_about_arguments_and_their_repr_show_no_secret():
    arguments = parse("--db-password", "hunter2", "--url", "https://me:hunter2@host/")
    assert "hunter2" not in repr(arguments)
    with pytest.raises(UsageError) as caught:
        arguments.require(["x"])
    assert "hunter2" not in str(caught.value)


def test_the_name_may_come_from_the_script_or_from_the_arguments():
    assert parse("--JOB_NAME", "curate").identity(fresh_run_id="jr_new").job == "curate"
    assert parse().identity(job="curate", fresh_run_id="jr_new").job == "curate"
    assert parse("--JOB_NAME", "curate").identity(job="", fresh_run_id="jr_new").job == "curate"
    assert parse("--JOB_NAME", "curate").identity(job="curate", fresh_run_id="jr_new").job == "curate"


def test_two_names_for_one_job_are_refused():
    with pytest.raises(UsageError, match="name two jobs"):
        parse("--JOB_NAME", "curate").identity(job="other", fresh_run_id="jr_new")


@pytest.mark.parametrize("words", [[], ["--JOB_NAME", ""], ["--JOB_NAME"]])
def test_a_job_without_a_name_is_refused(words):
    with pytest.raises(UsageError, match="the job has no name"):
        parse(*words).identity(fresh_run_id="jr_new")


def test_a_job_name_that_is_a_path_is_refused():
    with pytest.raises(UsageError, match="not a job name"):
        parse("--JOB_NAME", "../other").identity(fresh_run_id="jr_new")


def test_only_a_run_id_from_the_arguments_counts_as_started_by_the_control_plane():
    given = parse("--JOB_NAME", "curate", "--JOB_RUN_ID", "jr_1").identity(fresh_run_id="jr_new")
    made = parse("--JOB_NAME", "curate").identity(fresh_run_id="jr_new")
    assert (str(given.run_id), given.started_by_control_plane) == ("jr_1", True)
    assert (str(made.run_id), made.started_by_control_plane) == ("jr_new", False)


@pytest.mark.parametrize(
    ("words", "claimed"),
    [
        ([], None),
        (["--SECURITY_CONFIGURATION", "strict"], "strict"),
        (["--SECURITY_CONFIGURATION", ""], None),
    ],
)
def test_the_configuration_in_the_arguments_is_kept_as_a_claim(words, claimed):
    assert parse("--JOB_NAME", "j", *words).identity(fresh_run_id="jr_new").claimed_configuration == claimed


def test_bookmarks_are_off_unless_asked_for():
    assert parse().bookmark_option() is BookmarkOption.DISABLE


@pytest.mark.parametrize("option", list(BookmarkOption))
def test_each_bookmark_option_is_read(option):
    assert parse("--job-bookmark-option", option.value).bookmark_option() is option


@pytest.mark.parametrize("value", ["enable", "JOB-BOOKMARK-ENABLE", "job-bookmark-enabled"])
def test_an_unknown_bookmark_option_is_refused_not_taken_for_off(value):
    with pytest.raises(UsageError) as caught:
        parse("--job-bookmark-option", value).bookmark_option()
    assert "job-bookmark-enable" in caught.value.required


def test_a_location_argument_is_parsed_and_may_be_absent():
    assert parse("--to", "s3://bucket/a").location("to") == S3Uri("bucket", "a")
    assert parse().location("to") is None
    with pytest.raises(UsageError):
        parse("--to", "/tmp/a").location("to")
