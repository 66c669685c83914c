"""New objects of one run with different columns: merged by name, or rejected."""

import pytest

from glue_secure import UsageError


@pytest.fixture
def land(glue_job, glue_spark, tmp_path):
    """``land(format, *frames)``: one object for each pair of a row and a schema."""

    def put(format, *frames):
        for number, (row, schema) in enumerate(frames):
            folder = tmp_path / f"{format}-{number}"
            glue_spark.createDataFrame([row], schema).coalesce(1).write.format(format).save(folder.as_uri())
            (file,) = folder.glob(f"part-*.{format}")
            glue_job.land(f"{format}/{number}.{format}", file.read_bytes())
        return f"{glue_job.source}{format}/"

    return put


@pytest.mark.parametrize("format", ["parquet", "orc", "avro"])
def test_columns_are_merged_by_name_and_other_types_are_rejected(glue_job, land, format):
    extra = land(format, ((1,), "x int"), ((2, "new"), "x int, y string"), (("old", 3), "y string, x int"))
    with glue_job.job() as job:
        rows = job.read.s3(extra, format=format).select("x", "y").collect()
    assert sorted(map(tuple, rows)) == [(1, None), (2, "new"), (3, "old")]


@pytest.mark.parametrize("format", ["parquet", "orc", "avro"])
def test_a_column_of_two_types_is_rejected(glue_job, land, format):
    location = land(format, ((1,), "x int"), (("abc",), "x string"))
    with pytest.raises(UsageError, match="different columns"), glue_job.job() as job:
        job.read.s3(location, format=format).collect()
