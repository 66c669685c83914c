"""Formats without a reader in Spark: Amazon Ion, and log lines by Grok patterns."""

from __future__ import annotations

import pytest

from glue_secure import EngineError


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
