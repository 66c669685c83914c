"""New objects of one run with different columns: merged by name, named in the evidence, or rejected."""

import gzip
import json

import pytest

from glue_secure import UsageError


@pytest.fixture
def land(glue_job, glue_spark, tmp_path):
    """``land(format, *frames)``: one object for each pair of a row and a schema."""

    def put(format, *frames):
        for number, (row, schema) in enumerate(frames):
            folder = tmp_path / f"{format}-{number}"
            frame = glue_spark.createDataFrame([row], schema).coalesce(1)
            frame.write.format(format).option("header", True).save(folder.as_uri())
            (file,) = folder.glob(f"part-*.{format}")
            glue_job.land(f"{format}/{number}.{format}", file.read_bytes())
        return f"{glue_job.source}{format}/"

    return put


@pytest.fixture
def read(glue_job, rerun):
    """``read(api, location, format)``: the columns and sorted rows through one API, and the read's record."""

    def through(api, location, format, *, types=False, **more):
        if api == "SecureJob":
            with glue_job.job() as job:
                found = job.read.s3(location, format=format, **more)
                columns, rows = found.columns, sorted(map(tuple, found.collect()), key=str)
                kinds = dict(found.dtypes)
        else:
            context, run = rerun()
            options = {"withHeader": True} if format == "csv" else {}
            found = context.create_dynamic_frame.from_options(
                "s3", {"paths": [location], **more}, format=format, format_options=options
            ).toDF()
            columns, rows = found.columns, sorted(map(tuple, found.collect()), key=str)
            kinds = dict(found.dtypes)
            run.commit()
        evidence = max(glue_job.evidence(), key=lambda one: one["started"])
        (record,) = evidence["reads"]
        assert record["rows"] == len(rows)
        return columns, kinds if types else rows, record["merged_columns"]

    return through


APIS = ["SecureJob", "GlueContext"]


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("format", ["parquet", "orc", "avro", "csv"])
def test_columns_are_merged_by_name_and_named_in_the_evidence(land, read, api, format):
    location = land(format, ((1,), "x int"), ((2, "new"), "x int, y string"), (("old", 3), "y string, x int"))
    columns, rows, merged = read(api, location, format)
    assert columns == ["x", "y"]
    number = str if format == "csv" else int
    assert rows == [(number(1), None), (number(2), "new"), (number(3), "old")]
    assert merged == ["y (in 2 of 3 objects)"]


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("format", ["parquet", "orc", "avro"])
def test_whole_numbers_of_two_sizes_get_the_larger_type(land, read, api, format):
    location = land(format, ((1,), "x int"), ((2**40,), "x bigint"))
    columns, rows, merged = read(api, location, format)
    assert (columns, rows) == (["x"], [(1,), (2**40,)])
    assert len(merged) == 1
    assert merged[0].startswith("x (")


@pytest.mark.parametrize("format", ["parquet", "orc", "avro"])
def test_a_column_of_two_types_is_rejected_and_read_again_later(glue_job, land, format):
    location = land(format, ((1,), "x int"), (("abc",), "x string"))
    with pytest.raises(UsageError, match="different columns"), glue_job.job() as job:
        job.read.s3(location, format=format, bookmark="t").collect()
    with glue_job.job() as job:
        rows = job.read.s3(
            location, format=format, bookmark="t", options={"exclusions": ["**/1.*"]}
        ).collect()
    assert [tuple(row) for row in rows] == [(1,)]


@pytest.mark.parametrize("api", APIS)
def test_json_values_of_two_types_are_named_in_the_evidence(glue_job, read, api):
    glue_job.land("j/0.json", b'{"x": 1, "z": null}\n{"x": 2}\n')
    glue_job.land("j/1.json", b'{"x": "abc", "y": true}\n')
    columns, rows, merged = read(api, f"{glue_job.source}j/", "json")
    assert set(columns) == {"x", "y", "z"}
    assert len(rows) == 3
    assert merged == ["x (bigint, string)" if api == "SecureJob" else "x (int, string)"]


@pytest.mark.parametrize("api", APIS)
def test_csv_headers_may_be_compressed_quoted_and_beside_empty_objects(glue_job, read, api):
    glue_job.land("c/0.csv", b'id,"a, b"\r\n1,x\r\n')
    glue_job.land("c/1.csv.gz", gzip.compress(b'"a, b",id\ny,2\n'))
    glue_job.land("c/2.csv", b"\n")
    glue_job.land("c/3.csv", "\ufeffid,ü\n3,z\n".encode())
    columns, rows, merged = read(api, f"{glue_job.source}c/", "csv")
    assert columns == ["id", "a, b", "ü"]
    assert rows == [("1", "x", None), ("2", "y", None), ("3", None, "z")]
    assert merged == ["a, b (in 2 of 3 objects)", "ü (in 1 of 3 objects)"]


def test_inferred_csv_types_are_those_of_all_objects(glue_job, read):
    glue_job.land("t/0.csv", b"n,m,d\n1,1,2026-01-01\n")
    glue_job.land("t/1.csv", b"m,n,d\n1.5,3000000000,2026-01-01 10:00:00\n")
    glue_job.land("t/2.csv", b"d,m,n,k\n2026-01-01,x,1,1\n")
    source, options = f"{glue_job.source}t/", {"inferSchema": True}
    _, kinds, _ = read("SecureJob", source, "csv", types=True, options=options)
    assert kinds == {"n": "bigint", "m": "string", "d": "timestamp", "k": "int"}
    _, rows, _ = read("SecureJob", source, "csv", options=options)
    assert [(row[0], row[1], row[3]) for row in rows] == [
        (1, "1", None),
        (1, "x", 1),
        (3000000000, "1.5", None),
    ]


def test_a_schema_names_the_columns_of_csv_objects_with_different_headers(glue_job, read):
    glue_job.land("s/0.csv", b"a,b\n1,x\n")
    glue_job.land("s/1.csv", b"B,a\ny,2\n")
    source = f"{glue_job.source}s/"
    columns, rows, _ = read("SecureJob", source, "csv", schema="a int, b string, c date")
    assert (columns, rows) == (["a", "b", "c"], [(1, "x", None), (2, "y", None)])
    with pytest.raises(UsageError, match="names of the schema: a, z") as refused:
        read("SecureJob", source, "csv", schema="a int, z string")
    assert "'b' in the header of" in str(refused.value)
    # One header for all objects: the schema gives them other names, as in Spark.
    glue_job.land("s2/0.csv", b"a,b\n1,x\n")
    _, rows, _ = read("SecureJob", f"{glue_job.source}s2/", "csv", schema="k int, v string")
    assert rows == [(1, "x")]


def test_columns_of_the_object_are_attached_to_each_part(glue_job, rerun):
    glue_job.land("a/0.csv", b"x\n1\n")
    glue_job.land("a/1.csv", b"y\n2\n")
    context, _ = rerun()
    found = context.create_dynamic_frame.from_options(
        "s3",
        {"paths": [f"{glue_job.source}a/"]},
        format="csv",
        format_options={"withHeader": True, "attachFilename": "file", "attachTimestamp": "time"},
    ).toDF()
    rows = sorted((row["file"].rpartition("/")[2], row["x"], row["y"]) for row in found.collect())
    assert rows == [("0.csv", "1", None), ("1.csv", None, "2")]
    assert found.where("time is null").count() == 0


def test_partition_folders_are_columns_of_each_part(glue_job, read):
    glue_job.land("p/day=1/0.csv", b"x\n1\n")
    glue_job.land("p/day=2/1.csv", b"y,x\nb,2\n")
    _, rows, merged = read("SecureJob", f"{glue_job.source}p/", "csv")
    assert sorted(map(json.dumps, rows)) == ['["1", 1, null]', '["2", 2, "b"]']
    assert merged == ["y (in 1 of 2 objects)"]
