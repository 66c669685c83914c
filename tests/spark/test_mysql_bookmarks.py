"""Bookmarks of tables in MariaDB, by MySQL's driver and by MariaDB's own."""

import functools
import itertools
import json
import ssl

import pymysql
import pytest
from pyspark.sql import DataFrame, functions

from glue_secure import UsageError
from glue_secure.bookmarks.sql.mysql import after, key_of, up_to
from glue_secure.embedded import seed
from glue_secure.embedded.clients import clients

SECRET = "glue-secure/mariadb-bookmarks"
NAMES = {"mysql": "rows-mysql", "mariadb": "rows-mariadb"}


@pytest.fixture(scope="module")
def connections(glue_account, mariadb):
    seed.seed_flights(glue_account, months=())
    made = clients(glue_account)
    text = json.dumps({"username": mariadb.user, "password": mariadb.password})
    made("secretsmanager").create_secret(Name=SECRET, SecretString=text)
    for engine, name in NAMES.items():
        properties = {
            "JDBC_CONNECTION_URL": f"jdbc:{engine}://{mariadb.host}:{mariadb.port}/{mariadb.database}",
            "JDBC_ENFORCE_SSL": "true",
            "CUSTOM_JDBC_CERT": f"s3://{seed.LANDING}/certificates/ca.pem",
            "SECRET_ID": SECRET,
        }
        made("glue").create_connection(
            ConnectionInput={"Name": name, "ConnectionType": "JDBC", "ConnectionProperties": properties}
        )


@pytest.fixture(scope="module")
def run_sql(glue_account, mariadb):
    """``run_sql(SQL)`` in one session of its own, in Kathmandu."""
    connection = pymysql.connect(
        host=mariadb.host,
        port=mariadb.port,
        user=mariadb.user,
        password=mariadb.password,
        database=mariadb.database,
        autocommit=True,
        ssl=ssl.create_default_context(cafile=str(glue_account.ca_pem)),
    )

    def run(statement):
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    run("set global time_zone = '+05:45'")
    run("set time_zone = '+05:45'")
    yield run
    run("set global time_zone = 'SYSTEM'")
    connection.close()


@pytest.fixture
def table(run_sql, glue_job):
    name = f"rows_of_{glue_job.name}".replace("-", "_")[:60]

    def create(columns):
        run_sql(f"create table {name} ({columns})")
        return name

    yield create
    run_sql(f"drop table if exists {name}")


@pytest.fixture(params=sorted(NAMES))
def run(request, glue_job, connections):
    """``run(table, ...)``: one run that reads the table and commits; the first column, in order."""

    def start(table, **how):
        with glue_job.job() as job:
            frame = job.read.jdbc(connection=NAMES[request.param], table=table, bookmark="rows", **how)
            plan = frame._jdf.queryExecution().toString()
            assert "_utf8mb4" not in plan and "unix_timestamp(" not in plan, "a key's value is in the plan"
            return sorted(row[0] for row in frame.collect())

    return start


def test_each_run_reads_the_new_rows_and_the_database_sends_no_others(run, table, run_sql, glue_job):
    name = table("id bigint primary key, note text")
    run_sql(f"insert into {name} select seq, 'x' from seq_1_to_1000")
    assert len(run(name)) == 1000
    run_sql(f"insert into {name} select seq, 'x' from seq_1001_to_1003")
    assert run(name) == [1001, 1002, 1003]
    assert run(name) == []
    reads = [evidence["reads"][0] for evidence in glue_job.evidence()]
    assert [read["rows"] for read in reads] == [1000, 3, 0], "what Spark's scan counted"
    assert {read["transformation_ctx"] for read in reads} == {"rows"}


def test_a_timestamp_and_a_number_are_a_key_in_every_session_and_in_parallel(run, table, run_sql, glue_job):
    name = table("part int not null, at timestamp(6) not null")
    run_sql(f"insert into {name} values (1, '2024-03-31 01:30:00.000001'), (2, '2024-03-31 01:30:00.000001')")
    how = {"bookmark_keys": ["at", "part"], "options": {"hashfield": "part", "hashpartitions": "2"}}
    assert run(name, **how) == [1, 2]
    run_sql(f"insert into {name} values (3, '2024-03-31 01:30:00.000001'), (0, '2024-03-31 01:30:00.000002')")
    assert run(name, **how) == [0, 3]
    (context,) = glue_job.evidence()[-1]["bookmark"]["contexts"].values()
    assert context["watermark"].startswith("at=2024-03-30 19:45:00.000002 UTC, part=")
    assert run(name, **how) == []


def test_a_descending_text_key_is_read_downwards_and_its_values_stay_in_their_literals(
    run, table, run_sql, glue_job
):
    texts = ["zz?'; drop table x; -- {fn now()} $1 \\", "x\u2019\U0001f512 :a %s ' or true"]
    name = table("`Na me` varchar(80) character set utf8mb4 not null")
    for text in texts:
        run_sql(f"insert into {name} values (convert(x'{text.encode().hex()}' using utf8mb4))")
        assert run(name, bookmark_keys=["Na me"], bookmark_order="desc") == [text]
        assert text[:4] not in str(glue_job.evidence()[-1])
    with pytest.raises(UsageError, match="as the database spells it"):
        run(name, bookmark_keys=["na me"], bookmark_order="desc")


def test_a_primary_key_with_a_gap_reads_everything_and_queries_nulls_and_floats_are_rejected(
    run, table, run_sql, glue_job
):
    name = table("id int primary key, at date, weight double not null")
    run_sql(f"insert into {name} values (1, '2024-01-01', 1), (3, null, 2)")
    assert run(name) == run(name) == [1, 3]
    assert "gaps" in glue_job.evidence()[-1]["bookmark"]["contexts"]["rows"]["untracked"]
    with pytest.raises(UsageError, match="1 rows whose 'at' is null"):
        run(name, bookmark_keys=["at"])
    with pytest.raises(UsageError, match="'weight' of type double"):
        run(name, bookmark_keys=["weight"])
    with pytest.raises(UsageError, match="a query"):
        run(f"(select id from {name}) q", bookmark_keys=["id"])
    with pytest.raises(UsageError, match="a query"):
        run(f"{name}_v", bookmark_keys=["id"]) if run_sql(f"create view {name}_v as select 1") else run(
            f"(select 1 as id) {name}", bookmark_keys=["id"]
        )
    run_sql(f"drop view {name}_v")


KINDS = {
    "bigint": ("-5", "0", "7", "9223372036854775807"),
    "decimal(10,2)": ("-1.50", "0.00", "0.01"),
    "date": ("2023-12-31", "2024-02-29"),
    "datetime(6)": ("2024-03-31 02:30:00.000000", "2024-03-31 02:30:00.000001", "1969-12-31 23:59:59.500000"),
    "timestamp(6)": ("2024-03-31 02:30:00.000000", "2024-03-31 02:30:00.000001"),
    "varchar(9)": ("", "a", "B", "ä", "a'b\\"),
}


@pytest.mark.parametrize("types", list(itertools.product(KINDS, repeat=2))[::3], ids=" and ".join)
def test_conditions_divide_the_table_in_its_own_order(table, run_sql, types):
    from datetime import datetime, timedelta

    from glue_secure.bookmarks.jdbc_state import KINDS as FORMS

    name = table(f"a {types[0]} not null, b {types[1]} not null")
    rows = list(itertools.product(KINDS[types[0]], KINDS[types[1]]))
    values = [", ".join(f"convert(x'{one.encode().hex()}' using utf8mb4)" for one in row) for row in rows]
    run_sql(f"insert into {name} values " + ", ".join(f"({given})" for given in values))
    keys = [key_of(column, one.partition("(")[0]) for column, one in zip("ab", types, strict=True)]

    def state_value(one, kind):
        if kind != "timestamp(6)":
            return one
        at = datetime.fromisoformat(one) - timedelta(hours=5, minutes=45)
        return at.strftime("%Y-%m-%d %H:%M:%S.%f")

    for order in ("asc", "desc"):
        ranked = [
            row for (row,) in run_sql(f"select concat(a, '|', b) from {name} order by a {order}, b {order}")
        ]
        for row in rows:
            values = [state_value(one, kind) for one, kind in zip(row, types, strict=True)]
            assert all(FORMS[one.kind].fullmatch(value) for one, value in zip(keys, values, strict=True))
            read = f"select concat(a, '|', b) from {name} where "
            later = {one for (one,) in run_sql(read + after(keys, values, order))}
            until = {one for (one,) in run_sql(read + up_to(keys, values, order))}
            assert later | until == set(ranked)
            assert not later & until
            assert set(ranked[: len(until)]) == until


def test_new_rows_are_read_by_an_index(table, run_sql):
    name = table("at timestamp(6) not null, part int not null, note char(200), index (at, part)")
    moment = "timestamp '2024-03-01 00:00:00' + interval seq minute"
    run_sql(f"insert into {name} select {moment}, seq, 'x' from seq_1_to_20000")
    run_sql(f"analyze table {name}")
    keys = [key_of("at", "timestamp"), key_of("part", "int")]
    where = after(keys, ["2024-03-14 15:00:00.000000", "19000"], "asc")
    (plan,) = run_sql(f"explain select note from {name} where {where}")
    assert plan[3] == "range", plan


# Every column type: an earlier and a later value.
TYPES = {
    "tinyint": ("-3", "4"),
    "tinyint(1)": ("0", "1"),
    "smallint": ("-3", "4"),
    "mediumint": ("-3", "4"),
    "int": ("-3", "4"),
    "int unsigned": ("3", "4294967295"),
    "int(5) zerofill": ("3", "4"),
    "bigint": ("-9223372036854775807", "9223372036854775807"),
    "bigint unsigned": ("3", "18446744073709551615"),
    "decimal(10,2)": ("-1.50", "0.01"),
    "decimal(38,4)": ("-1.5000", "123456789012345678901234567890.1234"),
    "float": ("1.5", "2.5"),
    "double": ("1.5", "2.5"),
    "bit(1)": ("b'0'", "b'1'"),
    "bit(8)": ("b'00000001'", "b'00000010'"),
    "boolean": ("false", "true"),
    "date": ("'1969-12-31'", "'2026-02-28'"),
    "datetime": ("'2026-02-28 01:02:03'", "'2026-02-28 01:02:04'"),
    "datetime(6)": ("'2026-02-28 01:02:03.000001'", "'2026-02-28 01:02:03.000002'"),
    "timestamp": ("'2026-02-28 01:02:03'", "'2026-02-28 01:02:04'"),
    "time": ("'01:02:03'", "'01:02:04'"),
    "year": ("2025", "2026"),
    "char(3)": ("'a'", "'b'"),
    "varchar(9)": ("'a'", "'b'"),
    "tinytext": ("'a'", "'b'"),
    "text": ("'a'", "'b'"),
    "mediumtext": ("'a'", "'b'"),
    "longtext": ("'a'", "'b'"),
    "binary(3)": ("x'010203'", "x'020304'"),
    "varbinary(3)": ("x'01'", "x'02'"),
    "blob": ("x'01'", "x'02'"),
    "enum('a', 'b')": ("'a'", "'b'"),
    "set('a', 'b')": ("'a'", "'b'"),
    "json": ("'[1]'", "'{}'"),
    "uuid": ("'00000000-0000-0000-0000-000000000001'", "'00000000-0000-0000-0000-000000000002'"),
    "inet6": ("'::1'", "'::2'"),
    "point": ("point(1,1)", "point(2,2)"),
}


NO_KEYS = {
    *("float", "double", "bit(1)", "bit(8)", "time", "year", "binary(3)", "varbinary(3)", "blob"),
    *("enum('a', 'b')", "set('a', 'b')", "uuid", "inet6", "point"),
}


@pytest.mark.parametrize("engine", sorted(NAMES))
def test_each_type_is_read_as_spark_reads_it_and_is_a_key_or_is_rejected(
    glue_job, connections, table, run_sql, engine
):
    # Spark itself has no type for what MariaDB's driver calls OTHER.
    types = [type for type in TYPES if engine == "mysql" or type not in ("uuid", "inet6", "point")]
    columns = {type: f"c{number}" for number, type in enumerate(types)}
    name = table("id int primary key, " + ", ".join(f"{columns[type]} {type} not null" for type in types))

    def insert(row):
        run_sql(f"insert into {name} values ({row}, {', '.join(TYPES[type][row] for type in types)})")

    def run(types):
        frames, reasons = {}, {}
        with glue_job.job() as job:
            for type in types:
                how = {"bookmark": columns[type], "bookmark_keys": [columns[type]]}
                try:
                    frame = job.read.jdbc(connection=NAMES[engine], table=name, **how)
                except UsageError as error:
                    reasons[type] = str(error)
                else:
                    frames[type] = frame.select("id", functions.lit(type).alias("type"))
            found = {type: [] for type in frames}
            # One job reads all frames, which is much faster than one each.
            for row in functools.reduce(DataFrame.union, frames.values()).collect():
                found[row.type].append(row.id)
        return found, reasons

    insert(0)
    with glue_job.job() as job:
        frame = job.read.jdbc(connection=NAMES[engine], table=name)
        reader = job.spark.read.format("jdbc").options(**job.jdbc_options(NAMES[engine]))
        expected = reader.option("dbtable", name).load()
        assert frame.dtypes == expected.dtypes
        assert frame.collect() == expected.collect()
    found, reasons = run(types)
    keys = set(types) - NO_KEYS
    assert found == {type: [0] for type in keys}
    assert reasons.keys() == NO_KEYS & set(types)
    assert all("choose another column" in text for text in reasons.values())
    insert(1)
    assert run(keys)[0] == {type: [1] for type in keys}
    few = ("bigint unsigned", "decimal(38,4)", "date", "datetime(6)", "timestamp", "varchar(9)")
    assert run(few)[0] == {type: [] for type in few}
