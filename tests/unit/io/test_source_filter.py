"""Which objects belong to a source: globs, folders, storage classes, and suffixes of compressed objects."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectSummary
from glue_secure.io.source_filter import Sample, SourceFilter, parse_source_filter, text_list


def test_glues_options_are_parsed_from_text():
    source_filter = parse_source_filter(
        {
            "recurse": "True",
            "exclusions": '["**.tmp"]',
            "excludeStorageClasses": ["GLACIER"],
            "groupSize": "100",
            "compressionType": "bzip",
        },
        recursive=False,
    )
    assert source_filter == SourceFilter(True, ("**.tmp",), ("GLACIER",), "bzip2", 100, is_grouped=True)
    assert [source_filter.partitions(size, 3) for size in (0, 100, 101)] == [1, 1, 2]
    assert parse_source_filter({}, recursive=False).recurse is False
    assert parse_source_filter({"recurse": False, "groupSize": "1"}, recursive=True) == SourceFilter()


@pytest.mark.parametrize(
    ("options", "recursive", "count", "expected"),
    [
        ({}, False, 50_000, None),
        ({}, False, 50_001, 0),
        ({"groupFiles": "inPartition"}, False, 2, 0),
        ({"groupFiles": "acrossPartition", "groupSize": 10}, False, 2, 10),
        ({"groupFiles": "none", "groupSize": 10}, False, 60_000, None),
        ({"groupFiles": "inPartition"}, True, 60_000, None),
    ],
)
def test_objects_are_grouped_as_glue_groups_them(options, recursive, count, expected):
    assert parse_source_filter(options, recursive=recursive).partitions(100, count) == expected


def test_without_recurse_objects_in_folders_below_the_location_are_skipped():
    source_filter = SourceFilter(recurse=False)
    assert source_filter.is_in_subfolder(S3Uri("b", "a/"), S3Uri("b", "a/b/c"))
    assert not source_filter.is_in_subfolder(S3Uri("b", "a"), S3Uri("b", "a/c"))
    assert not source_filter.is_in_subfolder(S3Uri("b", "a/b/c"), S3Uri("b", "a/b/c"))
    assert not SourceFilter().is_in_subfolder(S3Uri("b", "a/"), S3Uri("b", "a/b/c"))


def test_with_compression_type_object_names_need_the_matching_suffix():
    source_filter = SourceFilter(compression="gzip")
    source_filter.check_compression([S3Uri("b", "a.CSV.GZ")])
    with pytest.raises(UsageError, match="compressionType"):
        source_filter.check_compression([S3Uri("b", "a.csv")])


def test_a_sample_takes_the_first_objects_of_the_first_folders():
    time = datetime(2026, 1, 1, tzinfo=timezone.utc)
    names = ("a/1", "a/2", "a/3", "b/1", "c/1")
    objects = [ObjectSummary(S3Uri("x", name), 1, time, "e") for name in names]
    sampled = SourceFilter(sample=Sample(partitions=2, files=2)).sampled(objects)
    assert [summary.uri.key for summary in sampled] == ["a/1", "a/2", "b/1"]
    assert SourceFilter().sampled(objects) is objects


@pytest.mark.parametrize("value", ["[1]", [1], [""], {"a": 1}, "[", 5])
def test_a_list_option_rejects_other_values(value):
    with pytest.raises(UsageError, match="exclusions"):
        text_list("exclusions", value)


def test_a_list_option_may_be_missing_or_one_text():
    assert [text_list("x", value) for value in (None, "", "a", ("a",))] == [(), (), ("a",), ("a",)]
