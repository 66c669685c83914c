"""Bookmarks work for every format: each run reads the new objects."""

import pytest

ROWS = {
    "csv": lambda n: f"id\n{n}\n",
    "json": lambda n: f'{{"id": {n}}}\n',
    "xml": lambda n: f"<rows><row><id>{n}</id></row></rows>",
}
OPTIONS = {"csv": {"withHeader": True}, "xml": {"rowTag": "row"}}


@pytest.fixture
def land(glue_job, glue_spark, tmp_path):
    def put(format, number):
        if format in ROWS:
            glue_job.land(f"{number}.{format}", ROWS[format](number))
            return
        folder = tmp_path / f"{format}-{number}"
        glue_spark.range(number, number + 1).coalesce(1).write.format(format).mode("overwrite").save(
            folder.as_uri()
        )
        (file,) = folder.glob(f"part-*.{format}")
        glue_job.land(f"{number}.{format}", file.read_bytes())

    return put


@pytest.mark.parametrize("format", ["csv", "json", "parquet", "orc", "avro", "xml"])
def test_each_run_reads_the_new_objects(glue_job, glue_spark, land, format, monkeypatch):
    from glue_secure.context import GlueContext
    from glue_secure.job import Job

    def run():
        monkeypatch.setattr("sys.argv", glue_job.argv())
        context = GlueContext(glue_spark.sparkContext)
        job = Job(context)
        try:
            job.init(glue_job.name, {})
            frame = context.create_dynamic_frame.from_options(
                "s3", {"paths": [glue_job.source]}, format, OPTIONS.get(format, {}), transformation_ctx="rows"
            )
            ids = sorted(int(row["id"]) for row in frame.toDF().collect()) if frame.count() else []
            job.commit()
        finally:
            context.secured_run.close(outcome="test over")
        return ids

    land(format, 1)
    land(format, 2)
    assert run() == [1, 2]
    assert run() == []
    land(format, 3)
    land(format, 2)  # overwritten
    assert run() == [2, 3]
