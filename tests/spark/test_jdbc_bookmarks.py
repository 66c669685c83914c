"""Bookmarks of tables in PostgreSQL, with the number of rows that the database sends."""

import time

import psycopg
import pytest

from glue_secure import UsageError
from glue_secure.context import GlueContext
from glue_secure.embedded import flights, seed
from glue_secure.embedded.clients import clients
from glue_secure.job import Job


@pytest.fixture(scope="module")
def run_sql(glue_account):
    """``run_sql(SQL)`` as the owner of the database; the connection's user may read what it makes."""
    seed.seed_flights(glue_account, months=())
    server = glue_account.postgres
    with psycopg.connect(
        host=server.host,
        port=server.port,
        dbname=server.database,
        user=server.user,
        password=server.password,
        sslmode="verify-full",
        sslrootcert=str(glue_account.ca_pem),
        autocommit=True,
    ) as connection:

        def run(statement):
            found = connection.execute(statement)
            return found.fetchall() if found.description else []

        yield run


@pytest.fixture
def table(run_sql, glue_job):
    """``table(columns)``: an empty table of the job's own; it is dropped afterwards."""
    name = f"rows_of_{glue_job.name}".replace("-", "_")[:60]

    def create(columns):
        run_sql(f"create table {name} ({columns})")
        run_sql(f"grant select on {name} to {flights.READER}")
        return name

    yield create
    run_sql(f"drop table if exists {name}")


@pytest.fixture
def run(glue_job):
    """``run(table, ...)``: one run that reads the table and commits; the first column, in order."""

    def start(table, **how):
        with glue_job.job() as job:
            frame = job.read.jdbc(connection=seed.CONNECTION, table=table, bookmark="rows", **how)
            return sorted(row[0] for row in frame.collect())

    return start


def test_each_run_reads_the_new_rows_and_the_database_sends_no_others(run, table, run_sql, glue_job):
    name = table("id bigint primary key, note char(3)")
    run_sql(f"insert into {name} select n, 'x' from generate_series(1, 1000) n")
    assert len(run(name)) == 1000
    run_sql(f"insert into {name} select n, 'x' from generate_series(1001, 1003) n")
    run_sql(f"analyze {name}")
    before = _fetched(run_sql, name)
    assert run(name) == [1001, 1002, 1003]
    assert run(name) == []
    by_index, by_scan = (now - then for now, then in zip(_fetched(run_sql, name), before, strict=True))
    assert by_scan == 0, "a run went through the whole table"
    assert 3 <= by_index <= 12
    reads = [evidence["reads"][0] for evidence in glue_job.evidence()]
    assert [read["rows"] for read in reads] == [1000, 3, 0], "what Spark's scan counted"
    assert {read["transformation_ctx"] for read in reads} == {"rows"}


def test_a_frame_reads_the_same_rows_each_time_and_later_rows_wait(glue_job, run, table, run_sql):
    name = table("at timestamptz not null, part int not null")
    run_sql(f"insert into {name} select '2024-03-31 01:30:00.000001+02', n from generate_series(1, 2) n")
    how = {"bookmark_keys": ["at", "part"], "options": {"hashfield": "part", "hashpartitions": "2"}}
    with glue_job.job() as job:
        frame = job.read.jdbc(connection=seed.CONNECTION, table=name, bookmark="rows", **how)
        assert frame.rdd.getNumPartitions() == 2
        assert frame.count() == 2
        run_sql(f"insert into {name} values ('2024-03-31 01:30:00.000001+02', 3), ('2024-04-01+00', 0)")
        assert sorted(row["part"] for row in frame.collect()) == [1, 2]
    (context,) = glue_job.evidence()[-1]["bookmark"]["contexts"].values()
    assert context["watermark"] == "at=2024-03-30 23:30:00.000001 UTC, part=(integer, not shown)"
    assert run(f"{name}", **how)[0].isoformat().startswith("2024-03-3")
    assert [evidence["reads"][0]["rows"] for evidence in glue_job.evidence() if evidence["reads"]][-1] == 2


def test_a_descending_text_key_is_read_downwards_and_its_values_stay_in_their_literals(
    glue_job, run, table, run_sql
):
    texts = ["zz?'; drop table airlines; -- {fn now()} $1 \\", "x\u2019\U0001f512 :a %s \\' or true"]
    name = table('"Name" text not null collate "C"')
    for text in texts:
        quoted = text.replace("'", "''")
        run_sql(f"insert into {name} values ('{quoted}')")
        query = f'(select "Name" from {name}) q'
        how = {"bookmark_keys": ["Name"], "bookmark_order": "desc"}
        with glue_job.job() as job:
            frame = job.read.jdbc(connection=seed.CONNECTION, table=query, bookmark="rows", **how)
            assert [row[0] for row in frame.collect()] == [text]
            plan = frame._jdf.queryExecution().toString()
        assert "Name" in plan
        assert "u005C" not in plan, "a value of a key stands in Spark's plan"
        assert text[:4] not in str(glue_job.evidence()[-1])
    with pytest.raises(UsageError, match="as the database spells it"):
        run(query, bookmark_keys=["name"], bookmark_order="desc")


def test_a_failed_run_does_not_change_the_bookmark(glue_job, run, table, run_sql):
    name = table("id int primary key")
    run_sql(f"insert into {name} values (1), (2)")
    with pytest.raises(RuntimeError), glue_job.job() as job:
        job.read.jdbc(connection=seed.CONNECTION, table=name, bookmark="rows").count()
        raise RuntimeError
    assert run(name) == [1, 2]
    run_sql(f"delete from {name}")
    assert run(name) == []
    run_sql(f"insert into {name} values (2), (3)")
    assert run(name) == [3], "what was read stays read, though the table was empty meanwhile"


def test_a_primary_key_with_a_gap_or_of_text_reads_everything_and_nulls_are_rejected(
    glue_job, run, table, run_sql
):
    name = table("id text primary key")
    run_sql(f"insert into {name} values ('YV')")
    assert run(name) == ["YV"]
    assert "not a number" in glue_job.evidence()[-1]["bookmark"]["contexts"]["rows"]["untracked"]
    run_sql(f"drop table {name}")
    name = table("id int primary key, at date")
    run_sql(f"insert into {name} values (1, '2024-01-01'), (3, null)")
    assert run(name) == [1, 3]
    evidence = glue_job.evidence()[-1]
    assert "gaps" in evidence["bookmark"]["contexts"]["rows"]["untracked"]
    assert evidence["reads"][0]["transformation_ctx"] == ""
    with pytest.raises(UsageError, match="1 rows whose 'at' is null"):
        run(name, bookmark_keys=["at"])


def test_glues_methods_read_the_keys_from_their_options(
    glue_job, glue_spark, glue_account, table, run_sql, monkeypatch
):
    name = table("id int, note text")
    run_sql(f"insert into {name} values (1, 'a')")
    glue = clients(glue_account)("glue")
    glue.create_database(DatabaseInput={"Name": glue_job.name})
    glue.create_table(
        DatabaseName=glue_job.name,
        TableInput={
            "Name": "orders",
            "Parameters": {"classification": "postgresql", "connectionName": seed.CONNECTION},
            "StorageDescriptor": {"Location": f"operations.public.{name}", "Columns": []},
        },
    )
    keys = {"jobBookmarkKeys": ["id"], "jobBookmarkKeysSortOrder": "asc"}
    options = {"useConnectionProperties": "true", "connectionName": seed.CONNECTION, "dbtable": name, **keys}
    read = []
    for number in (2, 3):
        monkeypatch.setattr("sys.argv", glue_job.argv())
        context = GlueContext(glue_spark)
        job = Job(context)
        job.init(glue_job.name)
        try:
            frames = [
                context.create_dynamic_frame.from_options(
                    "postgresql", options, transformation_ctx="by_options"
                ),
                context.create_dynamic_frame.from_catalog(
                    glue_job.name, "orders", transformation_ctx="by_catalog", additional_options=keys
                ),
                context.create_data_frame.from_options(
                    "postgresql", options, transformation_ctx="data_frame"
                ),
                context.getSource("postgresql", transformation_ctx="source", **options).getFrame(),
            ]
            read.append([sorted(row["id"] for row in _rows(frame)) for frame in frames])
            job.commit()
        finally:
            context.secured_run.close(outcome="test over")
        run_sql(f"insert into {name} values ({number}, 'b')")
    assert read == [[[1]] * 4, [[2]] * 4]


def _rows(frame):
    return (frame.toDF() if hasattr(frame, "toDF") and hasattr(frame, "glue_ctx") else frame).collect()


def _fetched(run_sql, name):
    """Rows that the database fetched from the table: by an index, and by going through it."""
    sessions = f"select count(*) from pg_stat_activity where usename = '{flights.READER}'"
    for _ in range(100):  # a session publishes its counts at its end
        if run_sql(sessions) == [(0,)]:
            break
        time.sleep(0.05)
    counts = f"select idx_tup_fetch, seq_tup_read from pg_stat_user_tables where relname = '{name}'"
    return run_sql(counts)[0]
