"""Formats without a reader in Spark: Amazon Ion, and log lines by Grok patterns."""

from __future__ import annotations

import pytest

from glue_secure import EngineError, UsageError


@pytest.fixture
def read(context, glue_job):
    """Read the job's source as a format."""

    def call(format, connection=None, **options):
        return context.create_dynamic_frame.from_options(
            "s3", {"paths": [glue_job.source], **(connection or {})}, format, options
        )

    return call


def test_log_lines_are_records_and_other_lines_are_error_records(glue_job, read, rows):
    pytest.importorskip("pygrok")
    glue_job.land("a.log", "GET 200 0.5\nPUT - 1\nnonsense\n")
    pattern = "^%{WORD:verb} %{NOTSPACE:status:int} %{NUMBER:seconds:double}$"
    frame = read("grokLog", logFormat=pattern, attachFilename="file")
    assert [(row["verb"], row["status"], row["seconds"]) for row in rows(frame)] == [
        ("GET", 200, 0.5),
        ("PUT", None, 1.0),
    ]
    assert frame.toDF().columns == ["verb", "status", "seconds", "file"]
    (error,) = rows(frame.errorsAsDynamicFrame())
    assert error["error"]["input"] == "nonsense"
    with pytest.raises(EngineError, match="1 malformed"):
        read("grokLog", {"isFailFast": True}, logFormat=pattern)


def test_ion_objects_are_records_with_choices(glue_job, read, rows):
    pytest.importorskip("amazon.ion")
    glue_job.land("a.ion", "{id: 1, place: {city: 'Bonn'}} {id: 2}")
    glue_job.land("b.ion", '[{id: "x"}]')
    frame = read("ion")
    assert sorted(frame.toDF().columns) == ["id", "place"]
    assert frame.count() == 3
    cast = frame.resolveChoice(specs=[("id", "cast:string")])
    assert [row["id"] for row in rows(cast)] == ["1", "2", "x"]
    data_frame_ids = read("ion", {"exclusions": ["**b.ion"]}).toDF().select("id").collect()
    assert sorted(row[0] for row in data_frame_ids) == [1, 2]


def test_a_table_of_a_grok_classifier_is_read_by_its_pattern(context, catalog, glue_job, rows):
    pytest.importorskip("pygrok")
    serde = {
        "input.format": "%{VERB:verb} %{NUMBER:status:int}",
        "input.grokCustomPatterns": "VERB (?:GET|PUT)",
    }
    library = "com.amazonaws.glue.serde.GrokSerDe"
    columns = [("verb", "string"), ("status", "int")]
    catalog.table("log", "our_product", columns, keys=[("day", "int")], serde=serde, library=library)
    for day, text in ((1, "GET 200\nnonsense\n"), (2, "PUT 201\n")):
        glue_job.land(f"log/{day}/a.log", text)
        catalog.partition("log", [str(day)])
    frame = context.create_dynamic_frame.from_catalog(catalog.database, "log")
    assert rows(frame) == [
        {"verb": "GET", "status": 200, "day": 1},
        {"verb": "PUT", "status": 201, "day": 2},
    ]
    assert frame.errorsCount() == 1
    data_frame = context.create_data_frame.from_catalog(catalog.database, "log")
    assert data_frame.where("status = 201").count() == 1
    catalog.table("other", "our_product", columns, library=library)
    with pytest.raises(UsageError, match=r"input\.format"):
        context.create_dynamic_frame.from_catalog(catalog.database, "other")


def test_a_table_of_ion_objects_is_read(context, catalog, glue_job, rows):
    pytest.importorskip("amazon.ion")
    catalog.table("events", "", [("id", "int")], library="com.amazon.ionhiveserde.IonHiveSerDe")
    catalog.table("classified", "ion", [("id", "int")])
    for table in ("events", "classified"):
        glue_job.land(f"{table}/a.ion", "{id: 1} {id: 2}")
        assert rows(context.create_dynamic_frame.from_catalog(catalog.database, table)) == [
            {"id": 1},
            {"id": 2},
        ]
