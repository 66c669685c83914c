"""``getResolvedOptions`` against what awsglue's own does (docs/differences-from-glue.md has the rest)."""

from __future__ import annotations

import pickle

import pytest

from glue_secure.core.resolved_options import GlueArgumentError, resolve

ALWAYS = {
    "JOB_ID",
    "JOB_RUN_ID",
    "SECURITY_CONFIGURATION",
    "encryption_type",
    "enable_data_lineage",
    "job_bookmark_option",
    "job_bookmark_from",
    "job_bookmark_to",
    "TempDir",
    "RedshiftTempDir",
}


def resolved(*words: str, options: tuple[str, ...] = ()):
    return resolve(["script.py", *words], list(options))


def test_glues_own_arguments_are_returned_without_being_requested():
    answer = resolved()
    assert set(answer) == ALWAYS
    assert answer["job_bookmark_option"] == "job-bookmark-disable"
    assert all(answer[name] is None for name in ALWAYS - {"job_bookmark_option"})


def test_requested_names_are_returned_with_underscores():
    answer = resolved("--JOB_NAME", "curate", "--my-arg", "x", options=("JOB_NAME", "my-arg"))
    assert (answer["JOB_NAME"], answer["my_arg"]) == ("curate", "x")
    assert "my-arg" not in answer


def test_arguments_that_are_not_requested_are_left_out():
    assert set(resolved("--other", "x")) == ALWAYS


def test_glues_own_arguments_are_passed_on():
    answer = resolved(
        "--JOB_ID",
        "j_1",
        "--JOB_RUN_ID",
        "jr_1",
        "--SECURITY_CONFIGURATION",
        "strict",
        "--encryption-type",
        "sse-s3",
    )
    assert answer["JOB_ID"] == "j_1"
    assert answer["JOB_RUN_ID"] == "jr_1"
    assert answer["SECURITY_CONFIGURATION"] == "strict"
    assert answer["encryption_type"] == "sse-s3"


@pytest.mark.parametrize("name", ["JOB_RUN_ID", "JOB_ID", "SECURITY_CONFIGURATION", "encryption-type"])
def test_requesting_glues_own_arguments_changes_nothing(name):
    assert set(resolved(options=(name,))) == ALWAYS


@pytest.mark.parametrize(
    "name",
    [
        "job-bookmark-option",
        "job_bookmark_option",
        "job-bookmark-from",
        "job-bookmark-to",
        "continuation-option",
    ],
)
def test_reserved_arguments_cannot_be_requested(name):
    with pytest.raises(GlueArgumentError, match="reserved arguments"):
        resolved(options=(name,))


def test_every_missing_argument_is_named():
    with pytest.raises(GlueArgumentError) as caught:
        resolved("--a", "1", options=("a", "b", "JOB_NAME"))
    assert caught.value.required == "--b VALUE --JOB_NAME VALUE"


def test_the_job_name_is_required_only_if_requested():
    assert "JOB_NAME" not in resolved()


def test_an_argument_name_is_not_taken_as_a_value():
    with pytest.raises(GlueArgumentError):
        resolved("--a", "--b", "1", options=("a",))


def test_half_a_bookmark_range_without_pause_passes_as_in_glue():
    assert resolved("--job-bookmark-from", "jr_1")["job_bookmark_from"] == "jr_1"


def test_an_abbreviation_is_another_name_as_in_glue_6():
    with pytest.raises(GlueArgumentError, match="names are not abbreviated"):
        resolved("--sour", "x", options=("source",))
    assert resolved("--source", "x", "--sour", "y", options=("source",))["source"] == "x"


def test_an_abbreviation_is_read_on_request_as_up_to_glue_5():
    assert resolve(["s", "--sour", "x"], ["source"], allow_abbrev=True)["source"] == "x"
    with pytest.raises(GlueArgumentError, match="ambiguous") as caught:
        resolve(["s", "--so=hunter2"], ["source", "sort"], allow_abbrev=True)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("allowed", [False, True])
@pytest.mark.parametrize(
    "word",
    ["--SECURITY", "--SECURITY_CONF=x", "--JOB_R", "--JOB", "--enc", "--job-bookmark-o", "--cont", "--Temp"],
)
def test_an_abbreviation_of_glues_own_arguments_is_refused(word, allowed):
    with pytest.raises(GlueArgumentError, match="an abbreviated argument"):
        resolve(["script.py", word, "sse-s3"], [], allow_abbrev=allowed)


def test_a_name_that_is_a_prefix_of_a_glue_argument_can_be_requested():
    assert resolved("--JOB", "x", "--JOB_ID", "j_1", options=("JOB",))["JOB"] == "x"


@pytest.mark.parametrize("words", [["--x", ""], ["--x="]])
def test_an_empty_value_is_a_value(words):
    assert resolved(*words, options=("x",))["x"] == ""


@pytest.mark.parametrize("word", ["-1", "-", "a -b", "--two words", "-0.5"])
def test_a_value_that_cannot_be_an_argument_is_a_value(word):
    assert resolved("--x", word, options=("x",))["x"] == word


@pytest.mark.parametrize("words", [["--x", "-y"], ["--x", "--y"], ["--x"], ["--x", "--", "y"]])
def test_a_word_that_begins_with_a_dash_is_rejected_as_a_value(words):
    with pytest.raises(GlueArgumentError, match="--NAME=-VALUE"):
        resolved(*words, options=("x",))


def test_a_value_with_dashes_is_written_with_an_equals_sign():
    assert resolved("--x=--y", options=("x",))["x"] == "--y"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("continuation-enabled", "job-bookmark-enable"),
        ("continuation-readonly", "job-bookmark-pause"),
        ("continuation-ignore", "job-bookmark-disable"),
    ],
)
def test_old_continuation_options_are_translated_and_the_new_one_goes_before(old, new):
    answer = resolved("--continuation-option", old)
    assert (answer["job_bookmark_option"], "continuation_option" in answer) == (new, False)
    both = resolved("--continuation-option", old, "--job-bookmark-option", "job-bookmark-enable")
    assert both["job_bookmark_option"] == "job-bookmark-enable"


@pytest.mark.parametrize(
    "words",
    [
        ["--job-bookmark-option", "enable"],
        ["--continuation-option", "job-bookmark-enable"],
        ["--encryption-type", "sse-kms"],
        ["--job-bookmark-option", ""],
    ],
)
def test_a_value_that_glue_does_not_know_is_refused(words):
    with pytest.raises(GlueArgumentError, match="invalid choice"):
        resolved(*words)


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_help_prints_the_names_and_ends(word, capsys):
    with pytest.raises(SystemExit) as caught:
        resolved("--source", "x", word, options=("source", "target"))
    assert caught.value.code == 0
    assert "--target" in capsys.readouterr().out


@pytest.mark.parametrize("options", [["--source"], [""], [1], ["a-b", "a_b"], ["help"]])
def test_ambiguous_and_malformed_names_are_rejected(options):
    with pytest.raises(GlueArgumentError):
        resolve(["script.py"], options)


def test_a_name_requested_twice_is_returned_once():
    assert resolved("--x", "1", options=("x", "x"))["x"] == "1"


@pytest.mark.parametrize("name", ["TempDir", "RedshiftTempDir"])
def test_tempdir_and_redshifttempdir_have_one_optional_value(name):
    answer = resolved(f"--{name}", "s3://tmp/x", options=(name,))
    assert answer["TempDir"] == answer["RedshiftTempDir"] == "s3://tmp/x"
    assert resolved(options=(name,))[name] is None


def test_a_bookmark_range_comes_with_pause():
    answer = resolved(
        "--job-bookmark-option",
        "job-bookmark-pause",
        "--job-bookmark-from",
        "jr_1",
        "--job-bookmark-to",
        "jr_2",
    )
    assert answer["job_bookmark_option"] == "job-bookmark-pause"
    assert (answer["job_bookmark_from"], answer["job_bookmark_to"]) == ("jr_1", "jr_2")


@pytest.mark.parametrize(
    "words",
    [
        ["--job-bookmark-option", "job-bookmark-pause", "--job-bookmark-from", "jr_1"],
        ["--job-bookmark-option", "job-bookmark-pause", "--job-bookmark-to", "jr_1"],
        [
            "--job-bookmark-option",
            "job-bookmark-enable",
            "--job-bookmark-from",
            "jr_1",
            "--job-bookmark-to",
            "jr_2",
        ],
        ["--job-bookmark-from", "jr_1", "--job-bookmark-to", "jr_2"],
    ],
)
def test_half_a_bookmark_range_or_one_without_pause_is_refused(words):
    with pytest.raises(GlueArgumentError, match="bookmark range"):
        resolved(*words)


def test_text_in_place_of_the_list_of_names_is_refused():
    with pytest.raises(GlueArgumentError, match="a list of argument names"):
        resolve(["script.py"], "JOB_NAME")


def test_a_secret_argument_does_not_appear_in_the_error():
    with pytest.raises(GlueArgumentError) as caught:
        resolved("--db-password", "hunter2", options=("missing",))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("words", [("--table is required",), ("--table", 2), ()])
def test_a_script_raises_the_error_with_its_own_words_as_awsglues(words):
    error = GlueArgumentError(*words)
    assert (error.args, str(error)) == (words, str(Exception(*words)))
    assert pickle.loads(pickle.dumps(error)).args == words


def test_a_misspelled_argument_is_named_beside_the_missing_one():
    with pytest.raises(GlueArgumentError, match="write --source in place of --sorce;"):
        resolved("--sorce", "s3://a/", "--day", "1", options=("source", "day"))
