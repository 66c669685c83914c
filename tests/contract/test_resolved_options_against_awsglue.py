"""``getResolvedOptions`` and awsglue's own give the same results, except for documented differences.

Expected results come from running ``awsglue.utils`` of Glue 5.1, or on Python 3.13 of Glue 6.0 (PyPI:
AWSGlueDataplanePython).
"""

from __future__ import annotations

import argparse
import functools
from importlib.metadata import version

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from glue_secure.core.resolved_options import GLUE_OWN, RESERVED, GlueArgumentError, resolve
from glue_secure.utils import getResolvedOptions

awsglue_utils = pytest.importorskip(
    "awsglue.utils", reason="AWSGlueDataplanePython is made for Python 3.11 and 3.13 alone"
)

ABBREVIATES = version("AWSGlueDataplanePython") < "6"
"""Whether awsglue accepts abbreviations by default."""
with_abbreviations = (
    awsglue_utils.getResolvedOptions
    if ABBREVIATES
    else functools.partial(awsglue_utils.getResolvedOptions, allow_abbrev=True)
)

OWN = (
    "source",
    "target",
    "my-arg",
    "my_other",
    "JOB_NAME",
    "so",
    "x",
    "TempDir",
    "RedshiftTempDir",
    "source_2",
)
GLUES = (
    *GLUE_OWN,
    "job-bookmark-option",
    "job-bookmark-from",
    "job-bookmark-to",
    "continuation-option",
)
KNOWN_VALUES = (
    "job-bookmark-enable",
    "job-bookmark-pause",
    "job-bookmark-disable",
    "continuation-enabled",
    "continuation-readonly",
    "continuation-ignore",
    "sse-s3",
)
VALUES = st.one_of(
    st.sampled_from(
        ("", "-", "--", "-1", "-x", "a b", "--a b", "--x=1 2", "=", "a=b", "s3://b/k", "é", "-h", "--help")
    ),
    st.sampled_from(KNOWN_VALUES),
    st.text(max_size=6),
)
NAMES = st.sampled_from((*OWN, *GLUES, "unknown", "my_arg", "encryption_type", "help"))
ARGUMENTS = st.one_of(
    st.tuples(NAMES, VALUES).map(lambda pair: [f"--{pair[0]}", pair[1]]),
    st.tuples(NAMES, VALUES).map(lambda pair: [f"--{pair[0]}={pair[1]}"]),
    NAMES.map(lambda name: [f"--{name}"]),
    VALUES.map(lambda word: [word]),
)
SENSIBLE = st.one_of(
    st.tuples(st.just("--job-bookmark-option"), st.sampled_from(KNOWN_VALUES[:3])).map(list),
    st.tuples(st.just("--continuation-option"), st.sampled_from(KNOWN_VALUES[3:6])).map(list),
    st.tuples(st.sampled_from(("--job-bookmark-from", "--job-bookmark-to")), st.just("jr_1")).map(list),
    st.tuples(
        st.sampled_from([f"--{n}" for n in (*OWN, "JOB_ID", "JOB_RUN_ID")]), st.text("ab", max_size=2)
    ).map(list),
)
ARGV = st.one_of(st.lists(ARGUMENTS, max_size=6), st.lists(SENSIBLE, max_size=8)).map(
    lambda groups: ["script.py", *(word for group in groups for word in group)]
)
OPTIONS = st.lists(
    st.sampled_from((*OWN, *GLUES, "encryption_type", "job_bookmark_option", "help")), max_size=4
)


def answer(function, argv, options):
    """Return the result, or the kind of failure."""
    try:
        return function(list(argv), list(options))
    except (awsglue_utils.GlueArgumentError, GlueArgumentError):
        return "refused: GlueArgumentError"
    except RuntimeError:
        return "refused: RuntimeError"
    except argparse.ArgumentError:
        return "refused: argparse.ArgumentError"
    except SystemExit as ended:
        return f"exit {ended.code}"


def difference(argv, options):
    """Return the documented difference that applies to an input, None if both must agree.

    docs/differences-from-glue.md, "Arguments", has a row for each difference.
    """
    keys = [option.replace("-", "_") for option in options]
    glues = {name.replace("-", "_") for name in (*GLUE_OWN, *RESERVED)} - {"TempDir", "RedshiftTempDir"}
    if any(key in glues for key in keys):
        return "asking for Glue's own arguments"
    if len({*options} - {"TempDir", "RedshiftTempDir"}) != len(
        [option for option in options if option not in ("TempDir", "RedshiftTempDir")]
    ):
        return "asking twice"
    full = {f"--{name}" for name in (*GLUES, *options, "help")}
    for word in argv[1:]:
        name, _, value = word.partition("=")
        if name in full and value == "--":
            return "two dashes as a value"
        if name.startswith("--") and name not in (*full, "--") and any(f.startswith(name) for f in full):
            return "abbreviations"
    return None


@settings(max_examples=5 * settings.default.max_examples)
@given(ARGV, OPTIONS)
@example(["script.py", "--so", "-h"], ["source"])
def test_results_equal_those_of_awsglue_except_for_documented_differences(argv, options):
    why = difference(argv, options)
    ours = answer(resolve, argv, options)
    if why == "two dashes as a value":  # a ValueError or a list, in the argparse of older Pythons
        return
    theirs = answer(awsglue_utils.getResolvedOptions, argv, options)
    if why is None:
        if theirs == "refused: RuntimeError":  # the range of a pause: the same refusal, in the one error
            theirs = "refused: GlueArgumentError"
        assert ours == theirs
    elif isinstance(theirs, str) and why == "abbreviations":
        # Glue reads an abbreviation without a value, glue-secure an unknown argument, and then -h.
        helps = ours == "exit 0" and not {"-h", "--help"}.isdisjoint(argv)
        assert ours == theirs or isinstance(ours, dict) or ours == "refused: GlueArgumentError" or helps


@given(ARGV, st.lists(st.sampled_from(OWN), max_size=4, unique=True))
def test_with_allow_abbrev_results_equal_those_of_awsglue_except_for_glues_own_names(argv, options):
    if difference(argv, options) == "two dashes as a value":
        return
    theirs = answer(with_abbreviations, argv, options)
    ours = answer(lambda *given: getResolvedOptions(*given, allow_abbrev=True), argv, options)
    if theirs == "refused: RuntimeError":
        theirs = "refused: GlueArgumentError"
    abbreviated = [
        word
        for word in argv[1:]
        if word.startswith("--")
        and (name := word.partition("=")[0]) not in {f"--{n}" for n in (*GLUES, *options)}
        and any(f"--{own}".startswith(name) for own in GLUES)
    ]
    assert ours == theirs or (abbreviated and ours == "refused: GlueArgumentError")


@pytest.mark.parametrize(
    "name", ["JOB_RUN_ID", "JOB_ID", "SECURITY_CONFIGURATION", "encryption-type", "enable-data-lineage"]
)
def test_an_argument_that_glue_passes_can_be_requested_unlike_in_awsglue(name):
    argv = ["script.py", f"--{name}", "sse-s3"]
    assert answer(awsglue_utils.getResolvedOptions, argv, [name]) == "refused: argparse.ArgumentError"
    assert resolve(argv, [name]) == awsglue_utils.getResolvedOptions(argv, [])


@pytest.mark.parametrize("name", RESERVED)
def test_reserved_names_are_refused_in_one_clear_error_where_awsglue_has_two(name):
    expected = "argparse.ArgumentError" if name == "help" else "RuntimeError"
    assert answer(awsglue_utils.getResolvedOptions, ["script.py"], [name]) == f"refused: {expected}"
    assert answer(resolve, ["script.py"], [name]) == "refused: GlueArgumentError"


def test_a_name_requested_twice_is_returned_once_unlike_in_awsglue():
    argv = ["script.py", "--x", "1"]
    assert answer(awsglue_utils.getResolvedOptions, argv, ["x", "x"]) == "refused: argparse.ArgumentError"
    assert resolve(argv, ["x", "x"])["x"] == "1"


def test_an_abbreviated_security_argument_is_obeyed_by_glue_5_and_refused_here():
    argv = ["script.py", "--SECURITY", "weak"]
    assert with_abbreviations(argv, [])["SECURITY_CONFIGURATION"] == "weak"
    by_default = awsglue_utils.getResolvedOptions(argv, [])["SECURITY_CONFIGURATION"]
    assert by_default == ("weak" if ABBREVIATES else None)
    for allowed in (False, True):
        with pytest.raises(GlueArgumentError, match="abbreviated"):
            resolve(argv, [], allow_abbrev=allowed)


def test_two_dashes_after_an_equals_sign_are_a_value():
    assert resolve(["script.py", "--x=--"], ["x"])["x"] == "--"
    with pytest.raises(GlueArgumentError, match="invalid choice"):
        resolve(["script.py", "--continuation-option=--"], [])


def test_an_argument_given_in_full_is_not_overridden_by_an_abbreviation_as_it_is_in_glue_5():
    argv = ["script.py", "--source_2", "b", "--source", "a"]
    by_default = awsglue_utils.getResolvedOptions(argv, ["source_2"])["source_2"]
    assert by_default == ("a" if ABBREVIATES else "b")
    assert resolve(argv, ["source_2"])["source_2"] == "b"
