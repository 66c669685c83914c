"""What belongs to a source: globs, depth, storage classes, names that say how they are compressed."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectSummary
from glue_secure.io.source_filter import Sample, Scope, scope_of, texts


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
def test_globs_are_unixs(pattern, path, matches):
    expression = Scope(exclusions=(pattern,)).excluder()
    assert expression is not None
    assert bool(expression.match(path)) is matches


@pytest.mark.parametrize("pattern", ["[a", "{a,b"])
def test_a_glob_that_is_not_closed_is_refused(pattern):
    with pytest.raises(UsageError, match="exclusions"):
        Scope(exclusions=(pattern,)).excluder()


def test_glues_texts_become_a_scope():
    scope = scope_of(
        {
            "recurse": "True",
            "exclusions": '["**.tmp"]',
            "excludeStorageClasses": ["GLACIER"],
            "groupSize": "100",
            "compressionType": "bzip",
        },
        deep=False,
    )
    assert scope == Scope(True, ("**.tmp",), ("GLACIER",), "bzip2", 100)
    assert (scope.partitions(0), scope.partitions(100), scope.partitions(101)) == (1, 1, 2)
    assert scope_of({}, deep=False).recurse is False
    assert scope_of({"recurse": False, "groupSize": "1"}, deep=True) == Scope()


def test_depth_is_counted_from_the_location():
    scope = Scope(recurse=False)
    assert scope.is_deeper(S3Uri("b", "a/"), S3Uri("b", "a/b/c"))
    assert not scope.is_deeper(S3Uri("b", "a"), S3Uri("b", "a/c"))
    assert not scope.is_deeper(S3Uri("b", "a/b/c"), S3Uri("b", "a/b/c"))
    assert not Scope().is_deeper(S3Uri("b", "a/"), S3Uri("b", "a/b/c"))


def test_a_name_must_say_how_its_object_is_compressed():
    scope = Scope(compression="gzip")
    scope.check([S3Uri("b", "a.CSV.GZ")])
    with pytest.raises(UsageError, match="compressionType"):
        scope.check([S3Uri("b", "a.csv")])


def test_a_sample_takes_the_first_objects_of_the_first_folders():
    time = datetime(2026, 1, 1, tzinfo=timezone.utc)
    names = ("a/1", "a/2", "a/3", "b/1", "c/1")
    objects = [ObjectSummary(S3Uri("x", name), 1, time, "e") for name in names]
    found = Scope(sample=Sample(partitions=2, files=2)).sampled(objects)
    assert [one.uri.key for one in found] == ["a/1", "a/2", "b/1"]
    assert Scope().sampled(objects) is objects


@pytest.mark.parametrize("value", ["[1]", [1], [""], {"a": 1}, "[", 5])
def test_lists_of_texts_are_nothing_else(value):
    with pytest.raises(UsageError, match="exclusions"):
        texts(value, "exclusions")


def test_a_list_of_texts_may_be_missing_or_one_text():
    assert (texts(None, "x"), texts("", "x"), texts("a", "x"), texts(("a",), "x")) == ((), (), ("a",), ("a",))
