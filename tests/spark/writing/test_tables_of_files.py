"""``job.read.table`` and ``job.write.table`` of tables in the Data Catalog whose data are files."""

from __future__ import annotations

import pytest

from glue_secure import UsageError
from glue_secure.embedded.clients import clients


@pytest.fixture
def glue(glue_account):
    return clients(glue_account)("glue")


@pytest.fixture
def table(glue, glue_job):
    """Return the name of a table that does not exist; its database is removed afterwards."""
    database = f"db_{glue_job.name.replace('-', '_')}"
    glue.create_database(DatabaseInput={"Name": database})
    yield f"{database}.orders"
    glue.delete_database(Name=database)


def write(glue_job, table, rows, **options):
    with glue_job.job() as job:
        frame = job.spark.createDataFrame(rows, "id int, month int")
        return job.write.table(frame, table, **options)


def create(glue_job, table, rows):
    location = f"{glue_job.target}orders/"
    options = {"mode": "create", "format": "parquet", "location": location, "partition_by": "month"}
    return write(glue_job, table, rows, **options)


def read(glue_job, table, **options):
    with glue_job.job() as job:
        return sorted(tuple(row) for row in job.read.table(table, **options).select("id", "month").collect())


def partitions(glue, table):
    database, name = table.split(".")
    found = glue.get_partitions(DatabaseName=database, TableName=name)["Partitions"]
    return sorted(partition["Values"] for partition in found)


def test_modes_of_a_table_with_partitions(glue, glue_job, table, provisioned):
    create(glue_job, table, [(1, 1), (2, 2)])
    assert (read(glue_job, table), partitions(glue, table)) == ([(1, 1), (2, 2)], [["1"], ["2"]])
    write(glue_job, table, [(3, 3)])
    write(glue_job, table, [(4, 2)], mode="overwrite_partitions")
    assert read(glue_job, table) == [(1, 1), (3, 3), (4, 2)]
    assert partitions(glue, table) == [["1"], ["2"], ["3"]]
    assert read(glue_job, table, push_down_predicate="month > 2") == [(3, 3)]
    write(glue_job, table, [(5, 4)], mode="overwrite")
    assert (read(glue_job, table), partitions(glue, table)) == ([(5, 4)], [["4"]])
    assert {entry["key"] for entry in glue_job.objects().values()} == {provisioned.data_key}


def test_an_overwrite_without_rows_changes_nothing(glue, glue_job, table):
    create(glue_job, table, [(1, 1)])
    with glue_job.job() as job:
        nothing = job.spark.createDataFrame([(2, 2)], "id int, month int").limit(0)
        job.write.table(nothing, table, mode="overwrite")
    assert (read(glue_job, table), partitions(glue, table)) == ([(1, 1)], [["1"]])


def test_a_bookmark_of_a_table_of_files_selects_objects(glue_job, table):
    create(glue_job, table, [(1, 1)])
    assert read(glue_job, table, bookmark="orders") == [(1, 1)]
    write(glue_job, table, [(2, 1)])
    assert read(glue_job, table, bookmark="orders") == [(2, 1)]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"mode": "append"}, "no table of that name"),
        ({"mode": "create", "format": "parquet"}, "no location"),
        ({"mode": "create", "location": "s3://bucket/x/"}, "no Iceberg catalog in the session"),
        ({"mode": "merge"}, "append, overwrite_partitions, overwrite, create"),
        ({"publish": "later"}, "at_once, after_audit"),
    ],
    ids=["no table", "no location", "no catalog", "mode", "publish"],
)
def test_a_call_that_does_not_fit_is_rejected(glue_job, table, options, found):
    with pytest.raises(UsageError, match=found):
        write(glue_job, table, [(1, 1)], **options)


def test_a_table_of_files_has_no_merge_no_branches_and_its_own_partitions(glue_job, table):
    create(glue_job, table, [(1, 1)])
    for options, found in (
        ({"publish": "after_audit"}, "its files no branches"),
        ({"partition_by": "id"}, "the table has its own partitions"),
        ({"mode": "create", "format": "parquet", "location": "s3://bucket/x/"}, "a table that exists"),
    ):
        with pytest.raises(UsageError, match=found):
            write(glue_job, table, [(2, 1)], **options)
    with pytest.raises(UsageError, match="a table of parquet files"), glue_job.job() as job:
        job.write.merge(job.spark.createDataFrame([(1, 1)], "id int, month int"), table, on="id")
    assert read(glue_job, table) == [(1, 1)]
