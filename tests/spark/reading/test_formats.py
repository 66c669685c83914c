"""Formats in the awsglue-compatible API: the effect of Glue's options on the rows."""

import json

import pytest
from spark_errors import SPARK_ERRORS

from glue_secure import UsageError
from glue_secure.dynamicframe.types import glue_types as glue


@pytest.fixture
def read(context, glue_job):
    """Read the job's source as a format: ``read("csv", withHeader=True)``."""

    def call(format, connection=None, **options):
        return context.create_dynamic_frame.from_options(
            "s3", {"paths": [glue_job.source], **(connection or {})}, format, options
        )

    return call


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("a,b\n1,x\n", {"withHeader": True}, [{"a": "1", "b": "x"}]),
        ("1,x\n", {}, [{"col0": "1", "col1": "x"}]),
        ("h,h\n1,x\n", {"skipFirst": True}, [{"col0": "1", "col1": "x"}]),
        ("a|b\n1|x\n", {"withHeader": "true", "separator": "|"}, [{"a": "1", "b": "x"}]),
        ('a\n"say ""hi"""\n', {"withHeader": True}, [{"a": 'say "hi"'}]),
        ('a\n"c:\\new"\n', {"withHeader": True}, [{"a": "c:\\new"}]),
        ('a\n"x\\"y"\n', {"withHeader": True, "escaper": "\\"}, [{"a": 'x"y'}]),
        ("a\n'x,y'\n", {"withHeader": True, "quoteChar": "'"}, [{"a": "x,y"}]),
        ('a\n"x"\n', {"withHeader": True, "quoteChar": -1}, [{"a": '"x"'}]),
        ('a,b\n"x\ny",1\n', {"withHeader": True, "multiLine": True}, [{"a": "x\ny", "b": "1"}]),
        ("a\n1\n", {"withHeader": True, "optimizePerformance": True}, [{"a": "1"}]),
        ("a\n1\n2\n", {"withHeader": True, "skipFirst": True}, [{"a": "2"}]),
        ("a\n1\n", {"withHeader": True, "strictCheckForQuoting": True, "rowTag": "r"}, [{"a": "1"}]),
    ],
    ids=["header", "none", "skipFirst", "separator", "doubled", "backslash", "escaper", "quote", "noquote",
         "multiline", "speed", "header and skipFirst", "of other places"],
)  # fmt: skip
def test_csv_options_mean_what_glue_says(glue_job, read, rows, text, options, expected):
    glue_job.land("a.csv", text)
    assert rows(read("csv", **options)) == expected


def test_a_parquet_object_that_is_read_as_csv_is_named(glue_job, read):
    glue_job.land("a.csv", b"PAR1\x15\x04\x15,x\n1,2\n")
    with pytest.raises(UsageError, match="an object of Parquet"):
        read("csv", withHeader=True)


def test_json_of_mixed_types_is_a_choice(glue_job, read):
    glue_job.land("a.json", '{"id": 1}\n{"id": "x"}\n')
    frame = read("json")
    assert frame.schema() == glue.StructType(
        [glue.Field("id", glue.ChoiceType([glue.IntegerType(), glue.StringType()]))]
    )
    assert frame.count() == 2


def test_json_paths_and_records_over_several_lines(glue_job, read, rows):
    glue_job.land("a.json", json.dumps({"all": [{"id": 1}, {"id": 2}]}, indent=2))
    assert rows(read("json", jsonPath="$.all[*]", multiLine=True)) == [{"id": 1}, {"id": 2}]


def test_the_evidence_says_json_and_counts_what_was_read_as_text(glue_job, context, read):
    glue_job.land("a.json", '{"id": 1}\n{"id": 2}\n')
    assert read("json").count() == 2
    context.secured_run.close(outcome="test over")
    (record,) = glue_job.evidence()[-1]["reads"]
    assert (record["format"], record["objects"]) == ("json", 1)
    assert record["rows"] >= 2


def test_a_data_frame_of_json_is_sparks_own(glue_job, context, rows):
    glue_job.land("a.json", '{"id": 1}\n{"id": 2}\n')
    frame = context.create_data_frame.from_options("s3", {"paths": [glue_job.source]}, "json")
    assert rows(frame) == [{"id": 1}, {"id": 2}]
    glue_job.land("a.json", '{"a": [{"id": 3}]}')
    inner = context.create_data_frame.from_options(
        "s3", {"paths": [glue_job.source]}, "json", {"jsonPath": "$.a"}
    )
    assert rows(inner) == [{"id": 3}]


@pytest.mark.parametrize("format", ["parquet", "orc", "avro"])
def test_columnar_formats_keep_their_types(glue_job, glue_spark, context, rows, format):
    frame = glue_spark.createDataFrame([(1, "x"), (2, "y")], "id int, name string")
    with glue_job.job() as job:
        job.write.s3(frame, glue_job.target, format=format)
    for where in (context.create_dynamic_frame, context.create_data_frame):
        read = where.from_options("s3", {"paths": [glue_job.target]}, format)
        assert rows(read) == [{"id": 1, "name": "x"}, {"id": 2, "name": "y"}]


def test_parquet_partitions_are_columns_and_need_no_recurse(glue_job, glue_spark, context, rows):
    frame = glue_spark.createDataFrame([(1, 7), (2, 8)], "id int, month int")
    with glue_job.job() as job:
        job.write.s3(frame, glue_job.target, format="parquet", partition_by=["month"])
    read = context.create_dynamic_frame.from_options("parquet", {"paths": [glue_job.target]})
    assert rows(read) == [{"id": 1, "month": 7}, {"id": 2, "month": 8}]


XML = '<all><r id="1"><a> x </a></r><r id="2"><a></a></r></all>'


def test_xml_rows_attributes_and_empty_values(glue_job, read, rows):
    glue_job.land("a.xml", XML)
    assert rows(read("xml", rowTag="r")) == [{"_id": 1, "a": " x "}, {"_id": 2, "a": ""}]
    assert rows(read("xml", rowTag="r", attributePrefix="at_", ignoreSurroundingSpaces=True)) == [
        {"a": "", "at_id": 2}, {"a": "x", "at_id": 1},
    ]  # fmt: skip
    nulls = rows(read("xml", rowTag="r", excludeAttribute=True, treatEmptyValuesAsNulls=True))
    assert nulls == [{"a": " x "}, {"a": None}]


def test_xml_of_several_objects_and_a_schema_of_its_own(glue_job, read, rows):
    glue_job.land("a.xml", '<all><r id="1"/></all>'.replace("/>", "></r>"))
    glue_job.land("b.xml", XML)
    schema = glue.StructType([glue.Field("_id", glue.StringType()), glue.Field("b", glue.LongType())])
    records = rows(read("xml", rowTag="r", withSchema=json.dumps(schema.jsonValue())))
    assert records == [{"_id": "1", "b": None}, {"_id": "1", "b": None}, {"_id": "2", "b": None}]


def test_fail_fast_fails_the_job_on_an_unreadable_record(glue_job, read):
    glue_job.land("a.csv", "a,b\n1\n")
    with pytest.raises(SPARK_ERRORS, match=r"(?i)malformed"):
        read("csv", {"isFailFast": True}, withHeader=True).toDF().collect()


@pytest.mark.parametrize(
    ("format", "options", "named"),
    [
        ("csv", {"seperator": ";"}, "seperator"),
        ("csv", {"withHeader": "yes"}, "withHeader"),
        ("parquet", {"mergeSchema": True}, "mergeSchema"),
        ("avro", {"version": "1.7"}, "1.7"),
        ("xml", {}, "rowTag"),
        ("xml", {"rowTag": "r", "withSchema": "{}"}, "withSchema"),
        ("xml", {"rowTag": "r", "rowValidationXSDPath": "x"}, "rowValidationXSDPath"),
        ("xlsx", {}, "save the sheet as csv"),
        ("iceberg", {}, "--datalake-formats iceberg"),
        ("hudi", {}, "--datalake-formats hudi"),
        ("delta", {}, "--datalake-formats delta"),
    ],
)
def test_options_that_plain_spark_cannot_apply_are_rejected_by_name(read, format, options, named):
    with pytest.raises(UsageError, match=named):
        read(format, **options)
