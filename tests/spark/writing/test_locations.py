"""Locations with characters that a URI encodes: targets, tables, partitions and directories."""

import pytest

from glue_secure.engines.spark.locations import path_of

NAMES = ("day one", "100%", "a+b", "a=b", "a#b", "caf\u00e9 \u65e5", "%20", "a&b;c,d", "it's", "a?b")


@pytest.mark.parametrize("name", NAMES)
def test_a_uri_and_a_path_of_one_location_have_one_text(glue_spark, name):
    path = glue_spark._jvm.org.apache.hadoop.fs.Path(f"s3a://bucket/{name}/x")
    assert path_of(path) == path_of(path.toUri()) == f"s3a://bucket/{name}/x"


def test_each_kind_of_write_to_such_a_location_is_verified(glue_job, provisioned):
    """One run for all names: each part of it is a few small Spark jobs."""
    table = f"t_{glue_job.name.replace('-', '_')}"
    glue_job.land("day one/100%/a+b #1.csv", "carrier,delay\nUA,3\n")
    names = ("day one", "100%", "a#b \u00e9+", "%20")
    try:
        with glue_job.job("source") as job:
            rows = job.read.s3(f"{job.args.source}day one/100%/", format="csv")
            for at, name in enumerate(names):
                guarded = f"{glue_job.target}{name}/guarded"
                out = f"{glue_job.target}{name}/native".replace("s3", "s3a", 1)
                job.write.s3(rows, guarded, format="csv", partition_by="carrier")
                assert job.read.s3(guarded, format="csv").collect() == [("3", "UA")]
                rows.write.csv(f"{out}-csv")
                directory = out.replace("'", "\\'")
                job.spark.sql(f"insert overwrite directory '{directory}-dir' using csv select 1")
                job.spark.sql(
                    f"create table {table}_{at} (a int, day int) using csv partitioned by (day)"
                    f" location '{out}'"
                )
                job.spark.sql(f"alter table {table}_{at} add partition (day=1) location '{out} else where'")
                job.spark.sql(f"insert into {table}_{at} partition (day=1) values (5)")
                job.spark.sql(f"insert into {table}_{at} partition (day=2) values (5)")
                assert job.spark.table(f"{table}_{at}").count() == 2
    finally:
        for at in range(len(names)):
            glue_job.spark.sql(f"drop table if exists {table}_{at}")
    evidence = glue_job.evidence()[-1]
    recorded = {entry["uri"] for write in evidence["writes"] for entry in write["objects"]}
    objects = {
        f"s3://glue-secure-curated/{key}": seen["key"]
        for key, seen in glue_job.objects().items()
        if not key.endswith("/")
    }
    assert set(objects.values()) == {provisioned.data_key}
    assert set(objects) <= recorded
    assert sum("else where/" in uri for uri in recorded) >= len(names)
