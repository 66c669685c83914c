"""Options that Glue overlooks: named in a warning, and removed; anything else stays."""

from __future__ import annotations

import pytest

from glue_secure.connections.engines.registry import ENGINES
from glue_secure.connections.options import read_options as connection_options
from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.core.ignored_options import IGNORED_OPTIONS, Place, likely_name, without_ignored
from glue_secure.engines.glue_options import known_options, read_arguments
from glue_secure.engines.spark.reading_options import read_options
from glue_secure.engines.spark.sink_formats import sink_format, writer_options

POSTGRESQL, REDSHIFT = (next(e for e in ENGINES if e.name == name) for name in ("postgresql", "redshift"))


def test_every_entry_names_its_source():
    assert all(option.source and option.places and option.reason for option in IGNORED_OPTIONS)
    pairs = [(option.name, place) for option in IGNORED_OPTIONS for place in option.places]
    assert len(pairs) == len(set(pairs))


@pytest.mark.parametrize("place", Place)
def test_no_place_overlooks_a_login_an_address_or_an_encryption_option(place):
    names = ["password", "user", "url", "connectionName", "sslmode", "path", "paths", "fs.s3a.endpoint",
             "fs.s3a.encryption.key", "serverSideEncryption"]  # fmt: skip
    assert without_ignored(dict.fromkeys(names, "x"), (), place, "a call") == dict.fromkeys(names, "x")


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("json", {"withHeader": False, "separator": ","}),
        ("xml", {"rowTag": "r", "multiline": False}),
        ("parquet", {"withHeader": True, "quoteChar": '"'}),
        ("csv", {"jsonPath": "$.a"}),
    ],
)
def test_a_reader_overlooks_the_options_of_another_format(format, options, caplog):
    needed = {name: value for name, value in options.items() if name == "rowTag"}
    assert read_options(format, options) == read_options(format, needed)
    for name in options.keys() - needed.keys():
        assert f"format_options of format {format}: {name} has no effect" in caplog.text


def test_the_older_spelling_of_multi_line_counts_for_csv():
    assert read_options("csv", {"multiline": True}).spark["multiLine"] == "true"


@pytest.mark.parametrize("format", ["json", "csv"])
def test_the_snappy_of_glue_studio_is_overlooked_for_text_formats(format, caplog):
    assert "compression" not in writer_options(sink_format(format), {}, {"compression": "snappy"})
    assert "compression snappy has no effect" in caplog.text
    with pytest.raises(UsageError, match="compression"):
        writer_options(sink_format(format), {}, {"compression": "rar"})


def test_arguments_of_a_read(caplog):
    given = {"bookmark_options": {"a": "b"}, "minPartitions": 2}
    assert read_arguments(given, "from_catalog") == {"minPartitions": 2}
    assert "bookmark_options has no effect" in caplog.text
    with pytest.raises(UsageError, match="write minPartitions instead of minPartition"):
        read_arguments({"minPartition": 2}, "from_catalog")


def test_options_of_amazon_redshift_have_no_effect_on_other_databases(caplog):
    options = {"redshiftTmpDir": "s3://bucket/tmp/", "preactions": "truncate t", "fetchsize": "5"}
    assert connection_options(POSTGRESQL, "ops", options).reader == (("fetchsize", "5"),)
    assert "connection ops: preactions has no effect" in caplog.text
    with pytest.raises(RefusedError, match="GS-TLS-005"):
        connection_options(POSTGRESQL, "ops", {**options, "nonsense": "1"})


def test_an_option_that_is_known_in_a_place_stays():
    assert known_options({"recurse": True}, {"recurse"}, Place.S3_SINK, "a sink") == {"recurse": True}


def test_the_likely_name_of_a_misspelt_option():
    assert likely_name("withheader", ["withHeader", "writeHeader"]) == "withHeader"
    assert likely_name("zzz", ["withHeader"]) == ""


def test_exchanged_letters_and_other_conventions_of_names_have_a_likely_name():
    assert likely_name("cvs", ["json", "csv"]) == "csv"
    assert likely_name("partitionBy", ["frame", "partition_by"]) == "partition_by"
    assert likely_name("a", ["b"]) == ""
