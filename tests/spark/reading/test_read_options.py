"""Options of a read that add columns, select records or decide what happens to malformed ones."""

from __future__ import annotations

import pytest

from glue_secure import EngineError, UsageError
from glue_secure.transforms import DropNullFields


@pytest.fixture
def read(context, glue_job):
    """Read the job's source as a format."""

    def call(format, connection=None, **options):
        return context.create_dynamic_frame.from_options(
            "s3", {"paths": [glue_job.source], **(connection or {})}, format, options
        )

    return call


@pytest.mark.parametrize(("format", "text"), [("json", '{"id": 1}\n'), ("csv", "1\n")])
def test_each_record_has_the_location_and_the_time_of_its_object(glue_job, read, format, text):
    location = glue_job.land(f"a b+c.{format}", text)
    frame = read(format, attachFilename="file", attachTimestamp="changed").toDF()
    (row,) = frame.collect()
    assert (row["file"], row["changed"].year >= 2024) == (location, True)
    assert frame.columns == [("id" if format == "json" else "col0"), "file", "changed"]


def test_fail_fast_of_json_is_an_error_of_the_read_without_the_text(glue_job, read):
    glue_job.land("a.json", '{"id": 1}\n{"id": hunter2\n')
    assert read("json").errorsCount() == 1
    with pytest.raises(EngineError, match="1 malformed lines or objects") as caught:
        read("json", {"isFailFast": True})
    assert "hunter2" not in str(caught.value)


def test_a_column_without_a_name_in_the_header_has_an_empty_name(glue_job, read):
    glue_job.land("a.csv", "id,,name\n1,x,Ana\n")
    glue_job.land("b.csv", "id,,name\n2,y,Ben\n")
    frame = read("csv", withHeader=True)
    assert frame.toDF().columns == ["id", "", "name"]
    assert frame.toDF().drop("").columns == ["id", "name"]


def test_a_column_of_nothing_but_nulls_is_rejected_with_the_transform_that_removes_it(
    glue_job, context, read
):
    glue_job.land("a.json", '{"id": 1, "gone": null}\n')
    frame, target = read("json"), {"path": glue_job.target}
    with pytest.raises(UsageError, match=r"(?s)gone.*DropNullFields\.apply\(frame\)"):
        context.write_dynamic_frame.from_options(frame, "s3", target, "parquet")
    context.write_dynamic_frame.from_options(DropNullFields.apply(frame), "s3", target, "parquet")
    context.write_dynamic_frame.from_options(frame, "s3", target, "json")


def test_small_objects_are_read_in_groups(glue_job, read):
    for number in range(6):
        glue_job.land(f"{number}.csv", f"{number}\n" * 50)

    def tasks(**options):
        return read("csv", options).toDF().rdd.getNumPartitions()

    assert tasks(groupFiles="inPartition", groupSize="1048576") == 1
    assert tasks(groupFiles="inPartition") <= 2
    assert tasks(groupFiles="inPartition", groupSize="200") >= 2


def test_options_that_glue_overlooks_do_not_stop_a_job(glue_job, context, read, rows):
    glue_job.land("a.json", '{"id": 1}\n')
    frame = read("json", {"transactionId": "x", "redshiftTmpDir": "s3://b/x/"}, withHeader=False)
    options = {"path": glue_job.target, "compression": "snappy", "format_options": {"compression": "snappy"}}
    sink = context.getSink("s3", **options)
    sink.setFormat("json", withHeader=True)
    sink.writeFrame(frame)
    assert rows(frame) == [{"id": 1}]
