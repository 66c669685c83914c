"""Reads of S3 and of catalog tables."""

from __future__ import annotations

import pytest

from glue_secure.core.catalog import CatalogTable
from glue_secure.core.errors import GlueSecureError, RefusedError, UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.service import ServiceError

SOURCE = "s3://landing/flights/"


def table(**changes):
    values = {
        "database": "db",
        "name": "t",
        "location": SOURCE,
        "classification": "csv",
        "connection": "",
        "serde": {},
        "parameters": {},
    }
    return CatalogTable(**{**values, **changes})


@pytest.fixture
def serve_table(run_fixture, monkeypatch):
    def install(**changes):
        served = table(**changes)
        monkeypatch.setattr(type(run_fixture.control_plane), "table", lambda *_: served, raising=False)

    return install


def test_a_source_without_a_context_is_read_completely_every_time(run_fixture):
    run_fixture.land("m01.csv")
    for number in (1, 2):
        run = run_fixture.start(f"jr_{number}")
        assert run.reader.read_s3(SOURCE, format="csv") == ["m01.csv"]
        run.commit()


def test_several_locations_are_read_together(run_fixture):
    run_fixture.land("m01.csv")
    run_fixture.objects.put(S3Uri("curated", "more/x.csv"))
    run = run_fixture.start()
    frame = run.reader.read_s3([SOURCE, "s3a://curated/more"], format="csv", transformation_ctx="f")
    assert sorted(frame) == ["m01.csv", "x.csv"]


def test_without_new_objects_the_frame_is_empty_with_the_newest_objects_schema(run_fixture):
    run_fixture.land("m01.csv")
    run_fixture.land("m02.csv")
    run = run_fixture.start()
    run.reader.read_s3(SOURCE, format="csv", transformation_ctx="f")
    run.commit()
    run = run_fixture.start("jr_2")
    assert run.reader.read_s3(SOURCE, format="csv", transformation_ctx="f") == []
    assert run_fixture.engine.asked("read_s3")[-1] == (("s3://landing/flights/m02.csv",), True)


def test_a_location_without_objects_gives_an_empty_frame(run_fixture):
    assert (
        run_fixture.start().reader.read_s3("s3://landing/nothing/", format="csv", transformation_ctx="f")
        == []
    )


def test_files_that_are_not_data_are_not_read(run_fixture):
    for name in ("_SUCCESS", ".hidden", "m01.csv"):
        run_fixture.objects.put(S3Uri("landing", f"flights/{name}"))
    assert run_fixture.start().reader.read_s3(SOURCE, format="csv") == ["m01.csv"]


@pytest.mark.parametrize("option", ["fs.s3a.endpoint", "sse", "kms"])
def test_gs_s3_005_an_option_that_changes_the_connector(run_fixture, option):
    run = run_fixture.start()
    with pytest.raises(RefusedError, match="GS-S3-005"):
        run.reader.read_s3(SOURCE, format="csv", options={option: "x"})
    assert run_fixture.engine.asked("read_s3") == []


def test_gs_s3_006_a_source_that_is_not_s3(run_fixture):
    run = run_fixture.start()
    with pytest.raises(RefusedError, match="GS-S3-006"):
        run.reader.read_s3("file:///etc/passwd", format="csv")


def test_gs_s3_001_changed_settings_stop_reads_too(run_fixture):
    run = run_fixture.start()
    run_fixture.engine.settings["fs.s3a.connection.ssl.enabled"] = "false"
    with pytest.raises(RefusedError, match="GS-S3-001"):
        run.reader.read_s3(SOURCE, format="csv")


def test_a_denied_listing_fails_the_job_with_the_error_code_of_aws(run_fixture):
    run = run_fixture.start()
    run_fixture.objects.fail_next(
        "ListObjectsV2", ServiceError("List: AccessDenied", code="AccessDenied", operation="ListObjectsV2")
    )
    with pytest.raises(GlueSecureError) as caught:
        run.reader.read_s3(SOURCE, format="csv", transformation_ctx="f")
    assert (caught.value.aws_code, caught.value.exit_code) == ("AccessDenied", 1)


def test_a_context_cannot_be_used_for_two_sources(run_fixture):
    run = run_fixture.start()
    run.reader.read_s3(SOURCE, format="csv", transformation_ctx="f")
    with pytest.raises(UsageError, match="used for two sources"):
        run.reader.read_s3("s3://curated/", format="csv", transformation_ctx="f")


def test_a_catalog_table_in_s3_is_read_with_its_serde_options(run_fixture, serve_table):
    serve_table(serde={"field.delim": ";"}, parameters={"skip.header.line.count": "1"})
    run_fixture.land("m01.csv")
    run = run_fixture.start()
    assert run.catalog_reader.read_table("db", "t", transformation_ctx="f") == ["m01.csv"]
    run.commit()
    assert run_fixture.evidence()["reads"][0]["format"] == "csv"


def test_a_catalog_table_with_a_connection_is_read_through_the_connection(run_fixture, server, serve_table):
    serve_table(connection="ops", location="ops.public.airlines", classification="postgresql")
    run_fixture.start().catalog_reader.read_table("db", "t")
    assert run_fixture.engine.asked("read_jdbc")[-1]["table"] == "public.airlines"


@pytest.mark.parametrize("classification", ["", "delta", "iceberg"])
def test_a_table_of_an_unsupported_format_is_rejected(run_fixture, serve_table, classification):
    serve_table(classification=classification)
    with pytest.raises(UsageError, match="classification"):
        run_fixture.start().catalog_reader.read_table("db", "t")


def test_gs_s3_006_a_table_outside_s3(run_fixture, serve_table):
    serve_table(location="hdfs://host/t")
    with pytest.raises(RefusedError, match="GS-S3-006"):
        run_fixture.start().catalog_reader.read_table("db", "t")


def test_objects_beside_partition_folders_are_rejected(run_fixture):
    run_fixture.land("m01.csv")
    run_fixture.objects.put(S3Uri("landing", "flights/month=2/m02.csv"))
    run = run_fixture.start()
    with pytest.raises(UsageError, match=r"m01\.csv beside partition folders"):
        run.reader.read_s3(SOURCE, format="parquet")
    assert sorted(run.reader.read_s3(SOURCE, format="csv", partition_columns=False)) == ["m01.csv", "m02.csv"]


def test_a_location_without_objects_is_a_warning_that_names_it_and_its_bookmark(run_fixture, caplog):
    run_fixture.start().reader.read_s3("s3://landing/nothing/", format="csv", transformation_ctx="flights")
    (message,) = [record.getMessage() for record in caplog.records if "no object" in record.getMessage()]
    assert "s3://landing/nothing/" in message
    assert "'flights'" in message


def test_objects_that_are_left_out_of_a_source_are_counted_and_the_newest_is_named(run_fixture, caplog):
    for name in ("_SUCCESS", "old/.crc", "_temporary/part.csv"):
        run_fixture.objects.put(S3Uri("landing", f"flights/{name}"))
    run_fixture.start().reader.read_s3(SOURCE, format="csv")
    (message,) = [record.getMessage() for record in caplog.records if "no columns" in record.getMessage()]
    assert (
        "none of the 3 objects below s3://landing/flights/ belongs to the source; the newest is " in message
    )


def test_without_new_objects_the_newest_object_and_the_bookmark_are_logged(run_fixture, caplog):
    run_fixture.land("m01.csv")
    for number in (1, 2):
        run = run_fixture.start(f"jr_{number}")
        with caplog.at_level("INFO"):
            run.reader.read_s3(SOURCE, format="csv", transformation_ctx="f")
        run.commit()
    (message,) = [record.getMessage() for record in caplog.records if "no new objects" in record.getMessage()]
    assert "(bookmark 'f')" in message
    assert "s3://landing/flights/m01.csv" in message
