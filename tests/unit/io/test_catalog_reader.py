"""Reads of Data Catalog tables: which partitions are listed, and how the engine reads them."""

from __future__ import annotations

import logging

import pytest

from glue_secure.core.catalog import CatalogColumn, CatalogPartition, CatalogTable
from glue_secure.core.errors import GlueSecureError, RefusedError, UsageError
from glue_secure.core.identifiers import S3Uri

KEYS = (CatalogColumn("month", "int"),)


@pytest.fixture
def serve(run_fixture):
    """Return ``serve({"1": "s3://...", ...}, classification="csv")``, which registers a table."""

    def install(partitions=(), **changes):
        values = {
            "database": "db", "name": "t", "location": "s3://landing/t/", "classification": "csv",
            "connection": "", "serde": {}, "parameters": {}, "columns": (CatalogColumn("id", "int"),),
            "partition_keys": KEYS if partitions or changes.pop("partitioned", False) else (),
        }  # fmt: skip
        run_fixture.control_plane.tables["db", "t"] = CatalogTable(**{**values, **changes})
        run_fixture.control_plane.table_partitions["db", "t"] = [
            CatalogPartition((value,), location) for value, location in dict(partitions).items()
        ]

    return install


def put(run_fixture, *keys):
    for key in keys:
        run_fixture.objects.put(S3Uri("landing", key))
    run_fixture.clock.advance(hours=1)


def last_read(run_fixture):
    return run_fixture.engine.asked("read_s3_as")[-1]


LOCATIONS = {"1": "s3://landing/t/a/", "2": "s3://landing/far/"}


def test_objects_get_the_values_of_the_partition_with_the_longest_matching_location(run_fixture, serve):
    serve({**LOCATIONS, "3": "s3://landing/t/a/inner/"})
    put(run_fixture, "t/a/1.csv", "t/a/inner/3.csv", "far/2.csv", "t/other.csv")
    assert sorted(run_fixture.start().catalog_reader.read_table("db", "t")) == ["1.csv", "2.csv", "3.csv"]
    partition_values = last_read(run_fixture)["partition_values"].values
    assert {str(folder): value for folder, value in partition_values.items()} == {
        "s3://landing/t/a": ("1",),
        "s3://landing/t/a/inner": ("3",),
        "s3://landing/far": ("2",),
    }
    assert last_read(run_fixture)["base"] is None


def test_only_partitions_that_match_the_predicate_are_listed(run_fixture, serve):
    serve(LOCATIONS)
    put(run_fixture, "t/a/1.csv", "far/2.csv")
    run = run_fixture.start()
    run_fixture.objects.calls.clear()
    assert run.catalog_reader.read_table("db", "t", push_down_predicate="2") == ["2.csv"]
    assert [call for call in run_fixture.objects.calls if "t/a" in call[1]] == []


def test_the_partition_expression_is_passed_to_the_catalog(run_fixture, serve):
    serve(LOCATIONS)
    run_fixture.start().catalog_reader.read_table("db", "t", catalog_partition_predicate="month > 1")
    assert run_fixture.control_plane.expressions == ["month > 1"]


def test_without_partitions_nothing_is_read_and_a_warning_is_logged(run_fixture, serve, caplog):
    serve(partitioned=True)
    put(run_fixture, "t/1.csv")
    with caplog.at_level(logging.WARNING):
        assert run_fixture.start().catalog_reader.read_table("db", "t") == []
    assert "no partition is registered" in caplog.text


@pytest.mark.parametrize(
    ("partitions", "message"),
    [([CatalogPartition(("1", "2"), "s3://landing/a/")], "one for each"),
     ([CatalogPartition(("1",), "s3://landing/a"), CatalogPartition(("2",), "s3://landing/a/")], "two part")],
)  # fmt: skip
def test_inconsistent_partitions_are_rejected(run_fixture, serve, partitions, message):
    serve(partitioned=True)
    run_fixture.control_plane.table_partitions["db", "t"] = partitions
    with pytest.raises(UsageError, match=message):
        run_fixture.start().catalog_reader.read_table("db", "t")


def test_gs_s3_006_a_partition_outside_s3(run_fixture, serve):
    serve({"1": "hdfs://host/a"})
    with pytest.raises(RefusedError, match="GS-S3-006"):
        run_fixture.start().catalog_reader.read_table("db", "t")


def test_a_catalog_id_is_passed_to_the_catalog(run_fixture, serve):
    serve()
    run = run_fixture.start()
    assert run.catalog_reader.read_table("db", "t", catalog_id="123456789012") == []
    with pytest.raises(GlueSecureError, match="EntityNotFound"):
        run.catalog_reader.read_table("db", "t", catalog_id="999999999999")


def test_options_of_the_call_override_a_tables_parameters(run_fixture, serve):
    serve(parameters={"exclusions": '["**.tmp"]', "recurse": "true"})
    put(run_fixture, "t/a.csv", "t/b.tmp", "t/deep/c.csv")
    run = run_fixture.start()
    assert run.catalog_reader.read_table("db", "t") == ["a.csv", "c.csv"]
    assert run.catalog_reader.read_table("db", "t", options={"exclusions": [], "recurse": False}) == [
        "a.csv",
        "b.tmp",
    ]


@pytest.mark.parametrize("count", ["2", "x"])
def test_more_header_lines_than_spark_can_skip_are_rejected(run_fixture, serve, count):
    serve(parameters={"skip.header.line.count": count})
    with pytest.raises(UsageError, match=r"skip.header"):
        run_fixture.start().catalog_reader.read_table("db", "t")


def test_sql_is_accepted_from_the_script_and_rejected_from_the_catalog(run_fixture, serve, server):
    behind = {"connection": "ops", "location": "ops.public.t", "classification": "postgresql"}
    serve(**behind, parameters={"hashfield": "id", "hashpartitions": "2"})
    run = run_fixture.start()
    run.catalog_reader.read_table("db", "t")
    assert len(run_fixture.engine.asked("read_jdbc")[-1]["predicates"]) == 2
    serve(**behind, parameters={"hashexpression": "pg_sleep(1)"})
    with pytest.raises(UsageError, match="put SQL into the script"):
        run.catalog_reader.read_table("db", "t")
    run.catalog_reader.read_table("db", "t", options={"hashexpression": "mod(id, 3)"})


def test_options_of_the_other_kind_of_table_have_no_effect_as_in_glue(run_fixture, serve, server, caplog):
    serve(connection="ops", location="ops.public.t", classification="postgresql")
    run = run_fixture.start()
    run.catalog_reader.read_table("db", "t", options={"exclusions": "[]"})
    assert "exclusions has no effect" in caplog.text
    serve(classification="csv")
    run.catalog_reader.read_table("db", "t", options={"jobBookmarkKeys": ["id"]})
    assert "jobBookmarkKeys has no effect" in caplog.text
