"""Sources from options: paths, exclusions, recursion, samples, tables through a connection, records."""

import logging

import pytest

from glue_secure import RefusedError, UsageError
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.embedded import seed


@pytest.fixture
def read(context, glue_job):
    """``read({"recurse": True})``: the job's source as CSV without a header."""

    def call(options=None, **more):
        return context.create_dynamic_frame.from_options(
            "s3", {"paths": [glue_job.source], **(options or {})}, "csv", **more
        )

    return call


@pytest.fixture
def landed(glue_job):
    """Three objects in the source folder, two in a subfolder."""
    for name in ("a.csv", "b.csv", "c.tmp", "deep/d.csv", "deep/e.tmp"):
        glue_job.land(name, f"{name[-5:]}\n")


@pytest.fixture(scope="module")
def tables(glue_account):
    """Load airlines, airports and planes into the database of the connection ops-postgres."""
    seed.seed_flights(glue_account, months=())


def test_without_recurse_folders_are_left_out_and_a_warning_says_so(read, landed, caplog):
    with caplog.at_level(logging.WARNING):
        assert read().count() == 3
    assert "2 objects in folders" in caplog.text


def test_a_predicate_selects_records_of_objects(read, glue_job):
    glue_job.land("a.csv", "region,n\nca,1\nde,2\n")
    header = {"format_options": {"withHeader": True}}
    frame = read(push_down_predicate="region in ('ca', 'gb')", **header)
    assert [(row.region, row.n) for row in frame.toDF().collect()] == [("ca", "1")]
    with pytest.raises(UsageError, match=r"push_down_predicate(?s:.*)region, n"):
        read(push_down_predicate="year = 2024", **header)


def test_with_recurse_all_levels_are_read_without_partition_columns(read, landed):
    frame = read({"recurse": True})
    assert frame.count() == 5
    assert frame.toDF().columns == ["col0"]


@pytest.mark.parametrize(
    ("patterns", "count"),
    [
        ('["**.tmp"]', 3),
        (["**/deep/**"], 3),
        ('["**/{a,b}.csv", "**.tmp"]', 1),
        (["s3a://glue-secure-landing/*/?.csv"], 3),
    ],
)
def test_exclusions_are_globs_over_the_whole_path(read, landed, patterns, count):
    assert read({"recurse": True, "exclusions": patterns}).count() == count


def test_excluded_objects_are_not_in_the_bookmark(rerun, glue_job, landed):
    for options, expected in (({"exclusions": ["**.tmp"]}, 2), ({}, 1), ({}, 0)):
        context, job = rerun()
        frame = context.create_dynamic_frame.from_options(
            "s3", {"paths": [glue_job.source], **options}, "csv", transformation_ctx="a"
        )
        assert frame.count() == expected
        job.commit()


def test_a_glob_in_a_path_is_an_error(context, glue_job, landed):
    with pytest.raises(UsageError, match="not expanded"):
        context.create_dynamic_frame.from_options("s3", {"paths": [f"{glue_job.source}*.csv"]}, "csv")


def test_groups_become_fewer_partitions(read, landed):
    grouped = {"recurse": True, "groupFiles": "inPartition", "groupSize": "1048576"}
    assert read(grouped).toDF().rdd.getNumPartitions() == 1


def test_get_source_sets_the_format_later(context, glue_job, landed):
    source = context.getSource("s3", paths=[glue_job.source])
    source.setFormat("csv", separator=";")
    assert source.getFrame(minPartitions=2).count() == 3
    assert source.getDataFrame().count() == 5
    assert source.getSampleFrame(1, maxSampleFilesPerPartition=1).count() == 1


def test_get_streaming_source_reads_files_and_rejects_kinesis(context, glue_job, landed):
    source = context.getStreamingSource("s3", paths=[glue_job.source])
    source.setFormat("csv")
    assert source.getFrame().count() == 5
    with pytest.raises(UsageError, match="kinesis"):
        context.getStreamingSource("kinesis", streamARN="x")
    with pytest.raises(UsageError, match="kinesis"):
        context.create_data_frame.from_options("kinesis", {"streamARN": "x"})


def test_a_sample_reads_few_objects(context, glue_job, landed):
    frame = context.create_sample_dynamic_frame_from_options(
        "s3",
        {"paths": [glue_job.source], "recurse": True},
        num=10,
        sample_options={"maxSamplePartitions": 2, "maxSampleFilesPerPartition": 1},
        format="csv",
    )
    assert frame.count() == 2
    with pytest.raises(UsageError, match="num"):
        context.create_sample_dynamic_frame_from_options("s3", {"paths": [glue_job.source]}, format="csv")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"boundedSize": "0"}, "boundedSize"),
        ({"boundedFile": "1"}, "boundedFile"),
        ({"maxFilesInBand": "many"}, "maxFilesInBand"),
        ({"compressionType": "lzo"}, "compressionType"),
        ({"compressionType": "gzip"}, "compressionType"),
        ({"groupFiles": "some"}, "groupFiles"),
        ({"groupSize": "big"}, "groupSize"),
        ({"exclusions": "[1]"}, "exclusions"),
        ({"exclusions": ["[a"]}, "exclusions"),
        ({"recurse": "perhaps"}, "recurse"),
        ({"mergeSchemas": True}, "mergeSchema"),
        ({"paths": "s3://bucket/x"}, "paths"),
    ],
)
def test_an_option_that_cannot_be_applied_is_rejected_by_name(read, landed, options, named):
    with pytest.raises(UsageError, match=named):
        read(options)


def test_gs_s3_006_another_file_system_is_refused(read):
    with pytest.raises(RefusedError, match="GS-S3-006"):
        read({"paths": ["file:///etc/"]})


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("mongodb", UsageError),
        ("file", UsageError),
        ("opensearch", RefusedError),
    ],
    ids=["mongodb", "file", "opensearch"],
)
def test_other_connection_types_are_refused(context, kind, error):
    with pytest.raises(error, match=kind):
        context.getSource(kind)


@pytest.mark.parametrize(
    "options",
    [
        {"dbtable": "airlines", "hashfield": "carrier", "hashpartitions": "3"},
        {"dbtable": "airlines", "hashexpression": "length(carrier)"},
        {"dbtable": "airlines"},
    ],
    ids=["hashfield", "hashexpression", "one"],
)
def test_a_table_is_read_in_the_requested_number_of_partitions(context, tables, options):
    through = {"useConnectionProperties": "true", "connectionName": seed.CONNECTION}
    frame = context.create_dynamic_frame.from_options("postgresql", {**through, **options}).toDF()
    assert frame.count() == frame.distinct().count() == 16
    parts = 1 if len(options) == 1 else int(options.get("hashpartitions", 7))
    assert frame.rdd.getNumPartitions() == parts


def test_queries_are_read_through_a_connection_and_unknown_options_rejected(context, tables):
    through = {"useConnectionProperties": "true", "connectionName": seed.CONNECTION}

    def read(**options):
        return context.create_dynamic_frame.from_options("postgresql", {**through, **options})

    assert read(query="select carrier from airlines limit 2").count() == 2
    assert read(dbtable="airlines", sampleQuery="select carrier from airlines limit 3").count() == 3
    for options, named in (
        ({"sampleQuery": "select 1 as id", "jobBookmarkKeys": ["id"]}, "jobBookmarkKeys"),
        ({"dbtable": "airlines", "sampleSize": "3"}, "sampleSize"),
        ({"dbtable": "airlines", "hashpartitions": "3"}, "hashfield"),
        ({"dbtable": "airlines", "hashfield": "a;b"}, "hashfield"),
        ({}, "dbtable"),
    ):
        with pytest.raises(UsageError, match=named):
            read(**options)
    with pytest.raises(RefusedError, match="GS-TLS-008"):
        read(dbtable="airlines", password="x")


def test_extract_jdbc_conf_takes_the_id_of_a_catalog(context, tables):
    conf = context.extract_jdbc_conf(seed.CONNECTION, catalog_id="123456789012")
    assert conf["enforceSSL"] == "true"


def test_a_list_of_records_becomes_a_frame(context, rows):
    spark = context.spark_session
    rdd = spark.sparkContext.parallelize([{"id": 1}, {"id": "x"}])
    frame = context.create_dynamic_frame.from_rdd(rdd, "made")
    assert frame.name == "made"
    assert isinstance(frame.schema().field_map["id"].dataType, glue.ChoiceType)
    named = context.create_dynamic_frame.from_rdd([(1, "a")], "named", ["id", "name"], 0.5)
    assert rows(named) == [{"id": 1, "name": "a"}]
    with pytest.raises(UsageError, match="sample_ratio"):
        context.create_dynamic_frame.from_rdd(rdd, "made", None, 2)
