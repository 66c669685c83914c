"""Reads of Data Catalog tables: partitions, predicates, types and rejected options."""

import logging

import pytest

from glue_secure import GlueSecureError, UsageError
from glue_secure.dynamicframe.types import glue_types as glue

KEYS = (("year", "int"), ("kind", "string"))


@pytest.fixture
def read(context, catalog):
    """``read("table", push_down_predicate=...)``."""

    def call(table, **options):
        return context.create_dynamic_frame.from_catalog(catalog.database, table, **options)

    return call


@pytest.fixture
def flights(catalog, glue_job):
    """A table with three partitions, one outside of the table's location."""
    catalog.table("flights", "csv", [("id", "bigint")], keys=KEYS)
    for values, location, text in (
        (("2024", "a"), "flights/year=2024/kind=a/", "1\n"),
        (("2025", "b c"), "flights/second/", "2\n"),
        (("2025", "__HIVE_DEFAULT_PARTITION__"), "elsewhere/", "3\n"),
    ):
        glue_job.land(f"{location}data.csv", text)
        catalog.partition("flights", values, location)
    glue_job.land("flights/unregistered/data.csv", "9\n")
    return "flights"


ALL = [
    {"id": 1, "year": 2024, "kind": "a"},
    {"id": 2, "year": 2025, "kind": "b c"},
    {"id": 3, "year": 2025, "kind": None},
]


def test_partitions_outside_the_table_location_have_the_catalogs_types(read, flights, rows):
    frame = read(flights)
    assert rows(frame) == ALL
    assert frame.schema() == glue.StructType(
        [
            glue.Field("id", glue.LongType()),
            glue.Field("year", glue.IntegerType()),
            glue.Field("kind", glue.StringType()),
        ]
    )
    assert frame.name == "flights"


@pytest.mark.parametrize(
    ("predicate", "ids"),
    [
        ("year = 2024", [1]),
        ("(year=='2025' and kind like 'b%')", [2]),
        ("kind is null", [3]),
        ("YEAR + 1 = 2026 or kind in ('a')", [1, 2, 3]),
    ],
)
def test_a_predicate_selects_partitions(read, flights, rows, predicate, ids):
    assert [row["id"] for row in rows(read(flights, push_down_predicate=predicate))] == ids


@pytest.mark.parametrize(
    "predicate",
    ["id = 1", "year =", "year in (select 1)", "exists (select * from csv.`/etc/passwd`)"],
    ids=["column", "syntax", "query", "exists"],
)
def test_a_predicate_may_use_partition_columns_only(read, flights, predicate):
    with pytest.raises(UsageError, match=r"push_down_predicate(?s:.*)year, kind|without a subquery"):
        read(flights, push_down_predicate=predicate)


def test_partitions_that_do_not_match_are_not_listed(read, catalog, flights):
    catalog.partition(flights, ("1999", "x"), "s3://glue-secure-no-such-bucket/x/")
    assert read(flights, push_down_predicate="year = 2024").count() == 1
    with pytest.raises(GlueSecureError, match="glue-secure-no-such-bucket"):
        read(flights)


def test_the_catalog_partition_predicate_is_evaluated_by_the_service(read, flights, rows):
    frame = read(flights, additional_options={"catalogPartitionPredicate": "year = 2024"})
    assert rows(frame) == ALL[:1]


def test_a_data_frame_of_a_table_has_the_same_rows(context, catalog, flights, rows):
    frame = context.create_data_frame.from_catalog(
        database=catalog.database, table_name=flights, push_down_predicate="year = 2025"
    )
    assert rows(frame) == ALL[1:]


def test_a_table_without_registered_partitions_gives_an_empty_frame_and_a_warning(
    read, catalog, glue_job, caplog
):
    glue_job.land("empty/year=1/a.csv", "1\n")
    catalog.table("empty", "csv", [("id", "bigint")], keys=[("year", "int")])
    with caplog.at_level(logging.WARNING):
        frame = read("empty")
    assert frame.count() == 0
    assert frame.toDF().columns == ["id", "year"]
    assert "no partition is registered" in caplog.text


def test_json_gets_its_partition_columns_too(read, catalog, glue_job, rows):
    catalog.table("events", "json", [("id", "int")], keys=[("day", "date")])
    for day, text in (("2024-01-01", '{"id": 1}'), ("2024-01-02", '{"id": "x"}')):
        glue_job.land(f"events/{day}/a.json", text)
        catalog.partition("events", (day,), f"events/{day}/")
    frame = read("events")
    assert frame.schema().field_map["id"].dataType == glue.ChoiceType([glue.IntegerType(), glue.StringType()])
    days = {str(row["day"]) for row in rows(frame)}
    assert days == {"2024-01-01", "2024-01-02"}


def test_xml_gets_its_partition_columns_too(read, catalog, glue_job, rows):
    catalog.table("notes", "xml", [("a", "string")], keys=[("day", "int")], serde={"rowTag": "r"})
    for day in ("1", "2"):
        glue_job.land(f"notes/{day}/a.xml", f"<all><r><a>n{day}</a></r></all>")
        catalog.partition("notes", (day,), f"notes/{day}/")
    assert rows(read("notes")) == [{"a": "n1", "day": 1}, {"a": "n2", "day": 2}]


def test_csv_values_that_are_not_of_the_catalogs_type_are_a_choice(read, context, catalog, glue_job, rows):
    catalog.table("mixed", "csv", [("id", "int"), ("n", "double")], **{"skip.header.line.count": "1"})
    glue_job.land("mixed/a.csv", "x,y\n1,1.5\nNA,2\n")
    fields = read("mixed").schema().field_map
    assert fields["id"].dataType == glue.ChoiceType([glue.IntegerType(), glue.StringType()])
    assert fields["n"].dataType == glue.DoubleType()
    plain = context.create_data_frame.from_catalog(catalog.database, "mixed")
    assert rows(plain) == [{"id": 1, "n": 1.5}, {"id": None, "n": 2.0}]


def test_deeper_folders_of_a_table_need_recurse(read, catalog, glue_job, caplog):
    catalog.table("deep", "csv", [("id", "string")])
    glue_job.land("deep/a.csv", "1\n")
    glue_job.land("deep/below/b.csv", "2\n")
    with caplog.at_level(logging.WARNING):
        assert read("deep").count() == 1
    assert "recurse" in caplog.text
    assert read("deep", additional_options={"recurse": True}).count() == 2


def test_bookmarks_cover_all_partitions(rerun, catalog, flights, glue_job):
    for expected in (3, 0, 1):
        context, job = rerun()
        frame = context.create_dynamic_frame.from_catalog(
            catalog.database, flights, transformation_ctx="flights"
        )
        assert frame.count() == expected
        assert frame.toDF().columns == ["id", "year", "kind"]
        job.commit()
        if expected == 0:
            glue_job.land("elsewhere/new.csv", "4\n")


def test_a_tables_schema_is_returned_in_glues_and_sparks_types(context, catalog, flights):
    catalog.table("nested", "parquet", [("a", "struct<b:array<int>,c:decimal(5,2)>")], keys=KEYS)
    schema = context.get_catalog_schema(catalog.database, "nested")
    assert [field.name for field in schema] == ["a", "year", "kind"]
    spark = context.get_catalog_schema_as_spark_schema(catalog.database, "nested")
    assert spark.simpleString() == "struct<a:struct<b:array<int>,c:decimal(5,2)>,year:int,kind:string>"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"additional_options": {"atachFilename": "f"}}, "atachFilename"),
        ({"name_space": "x"}, "name_space"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_unsupported_tables_are_rejected_by_name(read, flights, options, named):
    with pytest.raises(UsageError, match=named):
        read(flights, **options)


def test_name_space_is_the_databases_older_name(context, catalog, flights):
    frame = context.create_dynamic_frame.from_catalog(name_space=catalog.database, table_name=flights)
    assert frame.count() == 3
    with pytest.raises(UsageError, match="no database"):
        context.create_dynamic_frame.from_catalog(table_name=flights)
    with pytest.raises(UsageError, match="table_name"):
        context.create_dynamic_frame.from_catalog(catalog.database)


def test_a_predicate_for_a_table_without_partitions_is_an_error(read, catalog):
    catalog.table("flat", "parquet", [("id", "int")])
    with pytest.raises(UsageError, match="this table has none"):
        read("flat", push_down_predicate="id = 1")


def test_a_sample_of_a_table_does_not_change_the_bookmark(rerun, catalog, flights):
    context, job = rerun()
    sample = context.create_sample_dynamic_frame_from_catalog(
        catalog.database, flights, num=2, sample_options={"maxSamplePartitions": 2}, transformation_ctx="f"
    )
    assert sample.count() == 2
    job.commit()
    context, _ = rerun()
    read = context.create_dynamic_frame.from_catalog(catalog.database, flights, transformation_ctx="f")
    assert read.count() == 3
