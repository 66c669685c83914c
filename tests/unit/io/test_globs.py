"""Globs of ``exclusions``: what they match, which are rejected, and the time they need."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from glue_secure.core.errors import UsageError
from glue_secure.io.globs import GlobMatcher


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("**.pdf", "s3://b/a/x.pdf", True),
        ("**.pdf", "s3://b/a/x.pdf.gz", False),
        ("s3://b/*.csv", "s3://b/x.csv", True),
        ("s3://b/*.csv", "s3://b/a/x.csv", False),
        ("S3A://b/**", "s3://b/a/x.csv", True),
        ("**/[a-c]?.csv", "s3://b/b1.csv", True),
        ("**/[!a-c]?.csv", "s3://b/b1.csv", False),
        ("**/[!a-c]?.csv", "s3://b/d1.csv", True),
        ("**/{jan,feb}/**", "s3://b/feb/x", True),
        ("**/{jan,feb}/**", "s3://b/mar/x", False),
        ("**/\\*.csv", "s3://b/*.csv", True),
        ("**/\\*.csv", "s3://b/a.csv", False),
        ("**/a.csv", "s3://b/aXcsv", False),
        ("**/a,b", "s3://b/a,b", True),
        ("**/[^a]", "s3://b/^", True),
        ("s3://b[/]x", "s3://b/x", False),
    ],
)
def test_globs_match_as_in_a_unix_shell(pattern, path, matches):
    assert GlobMatcher([pattern]).matches(path) is matches


@pytest.mark.parametrize("pattern", ["[a", "{a,b", "[]", "[!]", "[z-a]", "{a,b}" * 10])
def test_a_glob_that_cannot_be_matched_is_rejected(pattern):
    with pytest.raises(UsageError, match="exclusions"):
        GlobMatcher([pattern])


def test_many_stars_and_a_long_key_need_no_time():
    pattern = "**a" * 20 + "b"
    started = time.process_time()
    assert not GlobMatcher([pattern]).matches("s3://b/" + "a" * 1000)
    assert time.process_time() - started < 0.5


# A regular expression matches the same, in more time.
ELEMENTS = {
    "*": "[^/]*", "**": ".*", "?": "[^/]", "[ab]": "[ab]", "[!a]": "(?!/)[^a]", "a": "a", "b": "b", "/": "/",
    "{a,b*}": "(?:a|b[^/]*)", "{**/,}": "(?:.*/|)",
}  # fmt: skip


@given(st.lists(st.sampled_from(sorted(ELEMENTS)), max_size=7), st.text("ab/", max_size=9))
def test_a_glob_matches_what_its_regular_expression_matches(elements, text):
    pattern = "".join(elements)
    # Three stars in a row are two of the one kind and one of the other.
    assume("***" not in pattern)
    expected = re.fullmatch("".join(ELEMENTS[element] for element in elements), text, re.DOTALL)
    assert GlobMatcher([pattern]).matches(text) is bool(expected)
