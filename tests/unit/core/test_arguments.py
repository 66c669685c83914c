"""``sys.argv`` as Glue passes it."""

from __future__ import annotations

import pytest

from glue_secure.core.arguments import BookmarkOption, JobArguments
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import RunId, S3Uri


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


def test_the_path_of_the_script_is_not_an_argument():
    assert JobArguments.parse(["--a", "b"]).values == {}
    assert JobArguments.parse([]).values == {}


@pytest.mark.parametrize("spelling", ["my-name", "my_name"])
def test_hyphen_and_underscore_are_equal_in_names(spelling):
    assert parse(f"--{spelling}", "x").get("my-name") == "x"
    assert parse(f"--{spelling}", "x").get("my_name") == "x"


def test_every_missing_argument_is_named_at_once():
    with pytest.raises(UsageError) as caught:
        parse("--a", "1").require(["a", "b", "c"])
    assert caught.value.required == "--b --c"
    assert caught.value.found == "--a"


def test_required_arguments_are_returned_by_name():
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
    parsed = parse("--JOB_NAME", "curate", "--JOB_RUN_ID", "jr_1").identity(fresh_run_id="jr_new")
    made = parse("--JOB_NAME", "curate").identity(fresh_run_id="jr_new")
    assert (str(parsed.run_id), parsed.started_by_control_plane) == ("jr_1", True)
    assert (str(made.run_id), made.started_by_control_plane) == ("jr_new", False)


@pytest.mark.parametrize(
    ("words", "claimed"),
    [
        ([], None),
        (["--SECURITY_CONFIGURATION", "strict"], "strict"),
        (["--SECURITY_CONFIGURATION", ""], None),
    ],
)
def test_the_configuration_in_the_arguments_is_stored_as_a_claim(words, claimed):
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


@pytest.mark.parametrize(
    ("old", "option"),
    [
        ("continuation-enabled", BookmarkOption.ENABLE),
        ("continuation-readonly", BookmarkOption.PAUSE),
        ("continuation-ignore", BookmarkOption.DISABLE),
    ],
)
def test_the_former_name_of_the_bookmark_option_is_read_and_the_present_one_takes_precedence(old, option):
    assert parse("--continuation-option", old).bookmark_option() is option
    both = parse("--continuation-option", old, "--job-bookmark-option", "job-bookmark-enable")
    assert both.bookmark_option() is BookmarkOption.ENABLE


@pytest.mark.parametrize("words", [["--job-bookmark-option"], ["--continuation-option", "enable"]])
def test_an_empty_or_unknown_bookmark_option_is_refused(words):
    with pytest.raises(UsageError, match="-option"):
        parse(*words).bookmark_option()


@pytest.mark.parametrize(
    "words",
    [
        ["--JOB_RUN_ID", "jr_1", "--JOB_RUN_ID", "jr_2"],
        ["--encryption-type", "", "--encryption_type", "sse-s3"],
        ["--SECURITY_CONFIGURATION", "strict", "--SECURITY-CONFIGURATION", "weak"],
        ["--job-bookmark-option=job-bookmark-enable", "--job_bookmark_option=job-bookmark-disable"],
        ["--glue-secure-evidence-uri", "s3://a/", "--glue_secure_evidence_uri", "s3://b/"],
    ],
)
def test_a_decisive_argument_with_two_values_is_refused(words):
    with pytest.raises(UsageError, match="two values"):
        parse("--JOB_NAME", "curate", *words).identity(fresh_run_id="jr_new")


def test_equal_decisive_arguments_and_other_repeated_arguments_pass():
    words = [
        "--JOB_RUN_ID",
        "jr_1",
        "--JOB-RUN-ID",
        "jr_1",
        "--a",
        "1",
        "--a",
        "2",
        "--a_b",
        "1",
        "--a-b",
        "2",
    ]
    assert parse("--JOB_NAME", "curate", *words).identity(fresh_run_id="jr_new").run_id == RunId("jr_1")


def test_arguments_of_the_script_may_not_change_the_run():
    parsed = parse("--JOB_NAME", "curate", "--JOB_RUN_ID", "jr_1", "--a", "1")
    same = parsed.with_overrides({"JOB_RUN_ID": "jr_1", "a": "2"})
    assert same.identity(fresh_run_id="jr_new").job == "curate"
    assert same.get("a") == "2"
    for name in ("JOB_NAME", "JOB_RUN_ID", "JOB-RUN-ID"):
        with pytest.raises(UsageError, match="two values"):
            parsed.with_overrides({name: "other"}).identity(fresh_run_id="jr_new")


def test_defaults_apply_to_arguments_missing_in_every_spelling():
    parsed = parse("--a_b", "1", "--JOB_NAME", "x", "--JOB_NAME", "y").with_defaults({"a-b": "2", "c": "3"})
    assert parsed.values == {"a_b": "1", "c": "3", "JOB_NAME": "y"}
    with pytest.raises(UsageError, match="two values"):
        parsed.identity(fresh_run_id="jr_new")


def test_a_location_argument_is_parsed_and_may_be_absent():
    assert parse("--to", "s3://bucket/a").location("to") == S3Uri("bucket", "a")
    assert parse().location("to") is None
    with pytest.raises(UsageError):
        parse("--to", "/tmp/a").location("to")


def test_words_without_a_name_are_in_their_order():
    assert parse("-m", "x", "--a", "b", "c", "--", "--d", "e").others == ("-m", "x", "c", "--")
