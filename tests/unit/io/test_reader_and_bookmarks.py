"""Reads of S3 with bookmarks, by Glue's rules."""

from __future__ import annotations

import logging

import pytest

from glue_secure.bookmarks.bounds import Limits
from glue_secure.core.catalog import CatalogColumn, CatalogPartition, CatalogTable
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.io.source_filter import SourceFilter, parse_limits

SOURCE = "s3://landing/flights/"


@pytest.fixture
def ran(run_fixture):
    """Run the job from start to commit, and return what its source read."""

    def run(number, source=SOURCE, *, ctx="flights", option="job-bookmark-enable", commit=True, **more):
        started = run_fixture.start(f"jr_{number}", job_bookmark_option=option)
        frame = started.reader.read_s3(source, format="csv", transformation_ctx=ctx, **more)
        if commit:
            started.commit()
        return frame

    return run


def test_a_rewritten_file_is_read_again_and_a_deleted_file_is_ignored(run_fixture, ran):
    first, second = run_fixture.land("a.csv"), run_fixture.land("b.csv")
    assert ran(1) == ["a.csv", "b.csv"]
    run_fixture.objects.put(first)
    run_fixture.objects.delete(second)
    assert ran(2) == ["a.csv"]
    assert ran(3) == []


def test_a_folder_below_a_source_can_be_another_source(run_fixture, ran):
    for name in ("a.csv", "2025/b.csv", "2025/01/c.csv"):
        run_fixture.land(name)
    assert ran(1) == ["c.csv", "b.csv", "a.csv"]
    assert ran(2, "s3://landing/flights/2025/", ctx="inner") == ["c.csv", "b.csv"]
    run_fixture.land("2025/01/d.csv")
    assert ran(3) == ran(4, "s3://landing/flights/2025/", ctx="inner") == ["d.csv"]


def test_a_bookmark_moves_past_excluded_objects_as_in_glue(run_fixture, ran):
    for name in ("a.csv", "b.tmp", "deep/c.csv"):
        run_fixture.land(name)
    assert ran(1, source_filter=SourceFilter(recurse=False, exclusions=("s3://landing/**.tmp",))) == ["a.csv"]
    run_fixture.land("d.csv")
    assert ran(2) == ["d.csv"], "b.tmp and deep/c.csv are older than the run that left them out"


def test_groups_are_computed_from_the_size_of_new_objects(run_fixture, ran):
    for name in ("a.csv", "b.csv", "c.csv"):
        run_fixture.land(name)
    size = len(b"data")
    ran(1, source_filter=SourceFilter(group_size=size, is_grouped=True))
    run_fixture.land("d.csv")
    ran(2, source_filter=SourceFilter(group_size=size, is_grouped=True))
    assert [call["partitions"] for call in run_fixture.engine.asked("read_s3_as")] == [3, 1]


def test_two_contexts_on_one_path_are_two_sources(run_fixture):
    run_fixture.land("a.csv")
    run = run_fixture.start("jr_1")
    for ctx in ("one", "two"):
        assert run.reader.read_s3(SOURCE, format="csv", transformation_ctx=ctx) == ["a.csv"]
    run.commit()
    run = run_fixture.start("jr_2")
    assert run.reader.read_s3(SOURCE, format="csv", transformation_ctx="one") == []


def test_a_renamed_context_is_a_new_source(run_fixture, ran):
    run_fixture.land("a.csv")
    assert ran(1) == ["a.csv"]
    assert ran(2, ctx="voyages") == ["a.csv"]
    assert ran(3) == []


def test_a_context_given_another_path_keeps_its_floor(run_fixture, ran):
    """AWS documents this: objects at the new path that are older than the last run are not read."""
    run_fixture.objects.put(S3Uri("curated", "other/old.csv"))
    run_fixture.land("a.csv")
    assert ran(1) == ["a.csv"]
    run_fixture.objects.put(S3Uri("curated", "other/new.csv"))
    assert ran(2, "s3://curated/other/") == ["new.csv"]


def test_a_run_with_disabled_bookmarks_does_not_change_the_bookmark(run_fixture, ran):
    run_fixture.land("a.csv")
    assert ran(1) == ["a.csv"]
    run_fixture.land("b.csv")
    before = run_fixture.bookmark_keys()
    assert ran(2, option="job-bookmark-disable") == ["a.csv", "b.csv"]
    assert run_fixture.bookmark_keys() == before
    assert ran(3) == ["b.csv"]


def test_a_script_that_fails_before_commit_reads_the_same_objects_again(run_fixture):
    run_fixture.land("a.csv")
    run = run_fixture.start("jr_1")
    run.writer.write_s3(
        run.reader.read_s3(SOURCE, format="csv", transformation_ctx="f"), "s3://curated/out/", format="csv"
    )
    run.close(ValueError("boom"))
    assert run_fixture.objects.keys("curated") == ["out/a.csv.csv"]
    assert run_fixture.bookmark_keys() == []
    again = run_fixture.start("jr_2")
    assert again.reader.read_s3(SOURCE, format="csv", transformation_ctx="f") == ["a.csv"]


def test_a_bound_reads_the_oldest_first_until_nothing_is_left(run_fixture, ran, caplog):
    for name in ("z.csv", "y.csv", "x.csv"):
        run_fixture.land(name)
    limits = parse_limits({"boundedFiles": "2"})
    read = [ran(number, limits=limits) for number in (1, 2, 3)]
    assert read == [["y.csv", "z.csv"], ["x.csv"], []]
    facts = [run_fixture.evidence(f"jr_{n}")["bookmark"]["contexts"]["flights"] for n in (1, 2, 3)]
    assert [(fact["selected"], fact["deferred"], fact["listed"]) for fact in facts] == [
        (2, 1, 3),
        (1, 0, 3),
        (0, 0, 3),
    ]


def test_a_bound_without_a_bookmark_reads_the_same_oldest_each_time(run_fixture, ran):
    for name in ("z.csv", "y.csv"):
        run_fixture.land(name)
    for number, option in ((1, "job-bookmark-enable"), (2, "job-bookmark-disable")):
        assert ran(number, ctx="", option=option, limits=Limits(files=1)) == ["z.csv"]


def test_a_paused_bounded_run_reads_the_same_each_time(run_fixture, ran):
    for name in ("z.csv", "y.csv"):
        run_fixture.land(name)
    for number in (1, 2):
        assert ran(number, option="job-bookmark-pause", limits=Limits(files=1)) == ["z.csv"]


def test_a_listing_of_ascending_keys_starts_after_the_last_read_key_and_logs_it(run_fixture, ran, caplog):
    caplog.set_level(logging.INFO)
    limits = parse_limits({"keysAscending": "true"})
    for name in ("01.csv", "02.csv", "03.csv"):
        run_fixture.land(name)
    assert ran(1, limits=limits) == ["01.csv", "02.csv", "03.csv"]
    run_fixture.land("04.csv")
    assert ran(2, limits=limits) == ["04.csv"]
    assert ran(3, limits=limits) == []
    facts = [run_fixture.evidence(f"jr_{n}")["bookmark"]["contexts"]["flights"] for n in (1, 2, 3)]
    assert [(fact["listed"], fact["listed_after"]) for fact in facts] == [(3, 0), (2, 1), (1, 1)]
    assert "s3://landing/flights/ is listed after key flights/02.csv" in caplog.text
    assert run_fixture.engine.asked("read_s3")[-1] == (("s3://landing/flights/04.csv",), True), (
        "a schema is found"
    )
    run_fixture.land("05.csv")
    assert ran(4) == ["05.csv"], "without keysAscending the whole location is listed"
    assert run_fixture.evidence("jr_4")["bookmark"]["contexts"]["flights"]["listed"] == 5
    assert ran(5, limits=limits) == []
    assert run_fixture.evidence("jr_5")["bookmark"]["contexts"]["flights"]["listed"] == 5, (
        "and its key is forgotten"
    )


def test_the_schema_is_taken_from_older_keys_if_no_newer_object_exists(run_fixture, ran):
    limits = Limits(keys_ascending=True)
    uris = [run_fixture.land(f"0{number}.csv") for number in (1, 2, 3)]
    ran(1, limits=limits)
    for uri in uris[1:]:
        run_fixture.objects.delete(uri)
    assert ran(2, limits=limits) == []
    assert run_fixture.engine.asked("read_s3")[-1] == (("s3://landing/flights/01.csv",), True)


def test_keys_that_are_not_ascending_stop_the_run(run_fixture, ran):
    for name in ("02.csv", "01.csv"):
        run_fixture.land(name)
    with pytest.raises(UsageError, match=r"(?s)keysAscending.*02.csv"):
        ran(1, limits=Limits(keys_ascending=True), commit=False)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"boundedFiles": "500", "boundedSize": "1000"}, "one of them, as in Glue"),
        ({"boundedFiles": 0}, "from 1"),
        ({"boundedSize": "-1"}, "from 1"),
        ({"boundedFiles": "many"}, "a whole number"),
        ({"maxBand": "-1"}, "from 0"),
        ({"maxBand": str(10**15)}, "from 0 to 31622400000"),
        ({"maxFilesInBand": "100001"}, "from 0 to 100000"),
        ({"keysAscending": "perhaps"}, "true or false"),
    ],
)
def test_an_invalid_limit_is_rejected(options, says):
    with pytest.raises(UsageError, match=says):
        parse_limits(options)


def test_limits_are_parsed_from_glues_options():
    assert parse_limits({}) == parse_limits({"boundedFiles": None, "maxBand": ""}) == Limits()
    limits = parse_limits(
        {"maxBand": 0, "maxFilesInBand": "0", "boundedSize": "1000000000", "keysAscending": True}
    )
    assert (limits.window.total_seconds(), limits.max_files_in_band) == (0, 0)
    assert (limits.files, limits.size, limits.keys_ascending) == (None, 1_000_000_000, True)


@pytest.fixture
def serve(run_fixture, monkeypatch):
    """Return ``serve(day=..., ...)``, which registers partitions of a table, each with its own folder."""

    def install(*days, **parameters):
        column = CatalogColumn("day", "string")
        table = CatalogTable(
            "db", "t", SOURCE, "csv", "", {}, parameters, (CatalogColumn("a", "string"),), (column,)
        )
        partitions = [CatalogPartition((day,), f"{SOURCE}{day}/") for day in days]
        kind = type(run_fixture.control_plane)
        monkeypatch.setattr(kind, "table", lambda *_: table, raising=False)
        monkeypatch.setattr(kind, "list_partitions", lambda *_: iter(partitions), raising=False)

    return install


def test_each_partition_of_a_table_is_part_of_one_source(run_fixture, serve):
    serve("d1", "d2")
    for name in ("d1/a.csv", "d2/b.csv", "d3/unregistered.csv"):
        run_fixture.land(name)

    def read(number):
        run = run_fixture.start(f"jr_{number}")
        frame = run.catalog_reader.read_table("db", "t", transformation_ctx="t")
        run.commit()
        return frame

    assert read(1) == ["a.csv", "b.csv"]
    run_fixture.land("d2/c.csv")
    assert read(2) == ["c.csv"]
    serve("d1", "d2", "d3")
    run_fixture.land("d3/new.csv")
    assert read(3) == ["new.csv"], "what lay in a partition before it was registered is older than the floor"


def test_a_bound_of_the_call_overrides_a_tables_parameter(run_fixture, serve):
    serve("d1", boundedFiles="1")
    for name in ("d1/a.csv", "d1/b.csv", "d1/c.csv"):
        run_fixture.land(name)
    run = run_fixture.start()
    assert run.catalog_reader.read_table("db", "t") == ["a.csv"]
    assert run.catalog_reader.read_table("db", "t", options={"boundedFiles": "2"}) == ["a.csv", "b.csv"]
    assert run.catalog_reader.read_table("db", "t", options={"boundedSize": "4"}) == ["a.csv"]


HOSTILE = [
    "flights//bad.csv",
    "flights/deep//bad.csv",
    "flights/a/../bad.csv",
    "flights/bad\n.csv",
    "flights/..",
]


@pytest.mark.parametrize("key", HOSTILE)
def test_a_key_that_hadoop_would_read_as_another_is_rejected_or_skipped_by_choice(run_fixture, ran, key):
    run_fixture.land("good.csv")
    run_fixture.objects.put(S3Uri("landing", key))
    with pytest.raises(UsageError, match="skipInvalidObjects") as caught:
        ran(1)
    assert key not in str(caught.value) or key.isprintable(), "a control character in a message"
    assert ran(2, source_filter=SourceFilter(skip_invalid=True)) == ["good.csv"]
    (read,) = run_fixture.evidence("jr_2")["reads"]
    assert (read["skipped"], read["skipped_objects"]) == (1, [f"s3://landing/{key}"])
    assert ran(3, source_filter=SourceFilter(skip_invalid=True)) == []


@pytest.mark.parametrize("key", HOSTILE)
def test_exclusions_count_before_a_key_is_rejected(run_fixture, ran, key):
    run_fixture.land("good.csv")
    run_fixture.objects.put(S3Uri("landing", key))
    assert ran(1, source_filter=SourceFilter(exclusions=("**bad**", "**/.."))) == ["good.csv"]


def test_recurse_and_hidden_folders_count_before_a_key_is_rejected(run_fixture, ran):
    run_fixture.land("good.csv")
    for key in ("flights/_temporary//0", "flights/.staging/../x", "flights//"):
        run_fixture.objects.put(S3Uri("landing", key))
    assert ran(1) == ["good.csv"]
    run_fixture.objects.put(S3Uri("landing", "flights/deep//bad.csv"))
    assert ran(2, source_filter=SourceFilter(recurse=False), ctx="flat") == ["good.csv"]


@pytest.mark.parametrize("format", ["parquet", "avro", "orc"])
def test_an_object_of_no_bytes_is_skipped_by_choice(run_fixture, format):
    run_fixture.land("good.dat")
    run_fixture.objects.put(S3Uri("landing", "flights/empty.dat"), b"")

    def read(run_id, **more):
        run = run_fixture.start(run_id)
        frame = run.reader.read_s3(SOURCE, format=format, transformation_ctx="flights", **more)
        run.commit()
        return frame

    if format == "orc":  # Spark reads it as no rows
        assert read("jr_1") == ["empty.dat", "good.dat"]
    else:
        with pytest.raises(
            UsageError, match=r"an object of 0 bytes(.|\n)*exclusions(.|\n)*skipInvalidObjects"
        ):
            read("jr_1")
        assert read("jr_2", source_filter=SourceFilter(skip_invalid=True)) == ["good.dat"]
        (record,) = run_fixture.evidence("jr_2")["reads"]
        assert (record["objects"], record["skipped"]) == (1, 1)
        assert read("jr_3") == [], "the empty object counts as read"


def test_objects_of_no_bytes_have_no_columns_in_orc_either(run_fixture):
    run_fixture.objects.put(S3Uri("landing", "flights/empty.dat"), b"")
    run = run_fixture.start("jr_1")
    with pytest.raises(UsageError, match="an object of 0 bytes"):
        run.reader.read_s3(SOURCE, format="orc", transformation_ctx="flights")
    schema = "a int"
    frame = run.reader.read_s3(SOURCE, format="orc", schema=schema, transformation_ctx="with a schema")
    assert frame == ["empty.dat"]


def test_a_bookmark_with_another_path_warns_of_objects_that_are_not_read(run_fixture, caplog):
    run_fixture.objects.put(S3Uri("landing", "other/old.csv"))
    run_fixture.clock.advance(hours=1)
    run_fixture.land("new.csv")
    for run_id, source in (("jr_1", SOURCE), ("jr_2", "s3://landing/other/")):
        run = run_fixture.start(run_id)
        run.reader.read_s3(source, format="csv", transformation_ctx="flights")
        run.commit()
    (warning,) = (record.getMessage() for record in caplog.records if "floor" in record.getMessage())
    assert warning == (
        "bookmark 'flights': locations or filters have changed: 1 objects before the floor are not read; "
        "to read everything in the next run: `glue-secure bookmark forget curate flights`"
    )


@pytest.mark.parametrize("options", [{}, {"boundedFiles": 1}], ids=["unbounded", "bounded"])
def test_objects_of_overlapping_paths_are_read_once_over_many_runs(run_fixture, options):
    sources = ["s3://landing/flights/a/", "s3://landing/flights/", "s3://landing/flights/a/"]
    for number in range(6):
        run_fixture.objects.put(S3Uri("landing", f"flights/a/{number}.csv"))
        run_fixture.clock.advance(hours=1)
    read = []
    for number in range(1, 9):
        run = run_fixture.start(f"jr_{number}")
        read += run.reader.read_s3(
            sources, format="csv", transformation_ctx="flights", limits=parse_limits(dict(options))
        )
        run.commit()
        assert run_fixture.evidence(f"jr_{number}")["bookmark"]["contexts"]["flights"]["late"] == 0
    assert sorted(read) == [f"{number}.csv" for number in range(6)]
