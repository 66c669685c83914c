"""Every column type of PostgreSQL: read, tracked by a bookmark or rejected with a reason, and written.

The expected values are those of Spark's own reader.
"""

import functools

import pytest
from pyspark.sql import DataFrame, functions

from glue_secure import UsageError
from glue_secure.dynamicframe.frame import DynamicFrame
from glue_secure.embedded import flights, seed

# Column type: whether it may be a bookmark's key, and an earlier and a later value.
TYPES = {
    "smallint": (True, "-3", "4"),
    "integer": (True, "-3", "4"),
    "bigint": (True, "-9223372036854775807", "9223372036854775807"),
    "numeric": (True, "1.5", "1234567890.123"),
    "numeric(10,2)": (True, "-1.50", "0.01"),
    "real": (False, "1.5", "2.5"),
    "double precision": (False, "1.5", "2.5"),
    "money": (False, "1.50", "1000"),
    "text": (True, "'a'", "'b'"),
    "character varying": (True, "'a'", "'b'"),
    "varchar(9)": (True, "'a'", "'b'"),
    "char(3)": (True, "'a'", "'b'"),
    "char": (True, "'a'", "'b'"),
    "bpchar": (True, "'a'", "'bc'"),
    '"char"': (False, "'a'", "'b'"),
    "name": (False, "'a'", "'b'"),
    "bytea": (False, "'\\x01'", "'\\x02'"),
    "boolean": (False, "false", "true"),
    "date": (True, "'1969-12-31'", "'2026-02-28'"),
    "timestamp": (True, "'1969-12-31 23:59:59.5'", "'2026-02-28 01:02:03.000001'"),
    "timestamp(0)": (True, "'2026-02-28 01:02:03'", "'2026-02-28 01:02:04'"),
    "timestamptz": (True, "'2026-02-28 01:02:03+05'", "'2026-02-28 01:02:03+00'"),
    "time": (False, "'01:02:03'", "'01:02:04'"),
    "timetz": (False, "'01:02:03+00'", "'01:02:04+00'"),
    "interval": (False, "'1 day'", "'2 days'"),
    "uuid": (True, "'00000000-0000-0000-0000-000000000001'", "'00000000-0000-0000-0000-000000000002'"),
    "json": (False, """'{"a": 1}'""", """'{"a": 2}'"""),
    "jsonb": (False, """'{"a": 1}'""", """'{"a": 2}'"""),
    "xml": (False, "'<a/>'", "'<b/>'"),
    "bit(1)": (False, "B'0'", "B'1'"),
    "bit(3)": (False, "B'001'", "B'010'"),
    "bit varying(5)": (False, "B'001'", "B'010'"),
    "inet": (False, "'10.0.0.1'", "'10.0.0.2'"),
    "cidr": (False, "'10.0.0.0/24'", "'10.0.1.0/24'"),
    "macaddr": (False, "'08:00:2b:01:02:03'", "'08:00:2b:01:02:04'"),
    "macaddr8": (False, "'08:00:2b:01:02:03:04:05'", "'08:00:2b:01:02:03:04:06'"),
    "point": (False, "'(1,2)'", "'(2,3)'"),
    "box": (False, "'(1,1),(0,0)'", "'(2,2),(0,0)'"),
    "circle": (False, "'<(1,1),1>'", "'<(1,1),2>'"),
    "polygon": (False, "'((0,0),(1,1),(2,0))'", "'((0,0),(1,1),(3,0))'"),
    "int4range": (False, "'[1,2)'", "'[2,3)'"),
    "tsvector": (False, "'a'", "'b'"),
    "tsquery": (False, "'a'", "'b'"),
    "pg_lsn": (False, "'0/1'", "'0/2'"),
    "oid": (False, "1", "2"),
    "mood_of_types": (False, "'happy'", "'sad'"),
    "domain_of_types": (False, "'a'", "'b'"),
    "int[]": (False, "'{1,2}'", "'{2,null}'"),
    "text[]": (False, "'{a,b}'", "'{c,null}'"),
    "numeric(5,2)[]": (False, "'{1.50}'", "'{2.50}'"),
    "timestamp[]": (False, "'{2026-01-01}'", "'{2026-01-02}'"),
    "uuid[]": (False, "'{00000000-0000-0000-0000-000000000001}'", "'{00000000-0000-0000-0000-000000000002}'"),
}
COLUMNS = {type: f"c{number}" for number, type in enumerate(TYPES)}
TABLE = "table_of_types"


@pytest.fixture(scope="module")
def database(writer, superuser):
    """A table with a column of each type; ``database(1)`` and ``database(2)`` insert the rows."""
    superuser("create type mood_of_types as enum ('happy', 'sad')")
    superuser("create domain domain_of_types as varchar(9) check (value <> '')")
    columns = ", ".join(f"{COLUMNS[type]} {type} not null" for type in TYPES)
    superuser(f"create table {TABLE} (id int primary key, {columns})")
    superuser(f"grant select on {TABLE} to {flights.READER}, writer")

    def insert(row):
        values = ", ".join(facts[row] for facts in TYPES.values())
        superuser(f"insert into {TABLE} values ({row}, {values})")

    insert(1)
    yield insert
    superuser(f"drop table {TABLE}")
    superuser("drop type mood_of_types")
    superuser("drop domain domain_of_types")


def spark_reads(job, columns="*"):
    """Spark's own reader."""
    options = job.jdbc_options(seed.CONNECTION)
    reader = job.spark.read.format("jdbc").options(**options)
    return reader.option("dbtable", f"(select {columns} from {TABLE}) q").load()


def values(frame):
    return sorted((tuple(map(_plain, row)) for row in frame.collect()), key=str)


def _plain(value):
    return bytes(value) if isinstance(value, bytearray) else value


def test_each_type_is_read_as_spark_reads_it(glue_job, begin, database):
    with glue_job.job() as job:
        frame = job.read.jdbc(connection=seed.CONNECTION, table=TABLE)
        # Spark's own reader pads bpchar to 2,147,483,647 characters.
        others = [column for type, column in COLUMNS.items() if type != "bpchar"]
        expected = spark_reads(job, ", ".join(others))
        assert frame.select(others).dtypes == expected.dtypes
        assert values(frame.select(others)) == values(expected)
        read = frame.first().asDict()
    shown = {type: read[COLUMNS[type]] for type in TYPES}
    assert shown["char(3)"] == "a  "
    assert shown["bpchar"] == "a"
    assert shown["interval"] == "1 day"
    assert shown["mood_of_types"] == "happy"
    assert shown["int[]"] == [1, 2]
    started = begin()
    records = started.context.create_dynamic_frame.from_options(
        "postgresql",
        {"connectionName": seed.CONNECTION, "useConnectionProperties": "true", "dbtable": TABLE},
    )
    assert records.toDF().first().asDict() == read


def test_each_type_is_a_bookmark_key_or_is_rejected_with_the_reason(glue_job, begin, database, superuser):
    def run(types):
        frames, reasons = {}, {}
        with glue_job.job() as job:
            for type in types:
                column = COLUMNS[type]
                try:
                    frame = job.read.jdbc(
                        connection=seed.CONNECTION, table=TABLE, bookmark=column, bookmark_keys=[column]
                    )
                except UsageError as error:
                    reasons[type] = str(error)
                else:
                    frames[type] = frame.select("id", functions.lit(type).alias("type"))
            found = {type: [] for type in frames}
            # One job reads all frames, which is much faster than one each.
            for row in functools.reduce(DataFrame.union, frames.values()).collect():
                found[row.type].append(row.id)
        return found, reasons

    keys = {type for type, (is_key, *_) in TYPES.items() if is_key}
    found, reasons = run(TYPES)
    assert found == {type: [1] for type in keys}
    assert reasons.keys() == TYPES.keys() - keys
    for text in reasons.values():
        assert "required: a whole number, numeric, date, timestamp, text or uuid" in text
        assert "choose another column" in text
    superuser(f"delete from {TABLE} where id = 2")
    database(2)
    # In UTC, the later value of timestamptz is five hours after the earlier one.
    assert run(keys)[0] == {type: [2] for type in keys}
    # tests/integration/bookmarks/test_table_keys.py proves for every type that no row is read again.
    few = ("bigint", "numeric", "text", "timestamp", "timestamptz", "uuid")
    assert run(few)[0] == {type: [] for type in few}
    started = begin()
    for type in ("char(3)", "bpchar", "timestamptz", "uuid"):
        options = {"connectionName": seed.CONNECTION, "useConnectionProperties": "true", "dbtable": TABLE}
        rows = started.context.create_dynamic_frame.from_options(
            "postgresql",
            {**options, "jobBookmarkKeys": [COLUMNS[type]], "jobBookmarkKeysSortOrder": "asc"},
            transformation_ctx=COLUMNS[type],
        )
        assert rows.count() == 0, type
    superuser(f"delete from {TABLE} where id = 2")


def test_each_type_is_written_as_spark_writes_it(glue_job, glue_account, begin, database, superuser):
    name = f"written_{glue_job.name}".replace("-", "_")
    with glue_job.job() as job:
        frame = job.read.jdbc(connection=seed.CONNECTION, table=TABLE)
        expected = values(frame)
        job.write.jdbc(frame, connection="writer-postgres", table=name)
        assert values(job.read.jdbc(connection="writer-postgres", table=name)) == expected
    started = begin()
    records = DynamicFrame.fromDF(
        started.context.secured_run.reader.read_jdbc("writer-postgres", name), started.context, "t"
    )
    started.context.write_dynamic_frame.from_jdbc_conf(
        records, "writer-postgres", {"dbtable": f"{name}_2", "database": glue_account.postgres.database}
    )
    written = started.context.secured_run.reader.read_jdbc("writer-postgres", f"{name}_2")
    assert values(written) == expected
    for table in (name, f"{name}_2"):
        superuser(f"drop table {table}")


# What Connector/J and MariaDB's driver report of a column: java.sql.Types, type name, precision, scale.
# https://dev.mysql.com/doc/connector-j/en/connector-j-reference-type-conversions.html
MYSQL = {
    "CHAR(3)": ("CHAR", "CHAR", 3, 0, "string"),
    "ENUM('a', 'bcd')": ("CHAR", "ENUM", 3, 0, "string"),
    "VARCHAR(9)": ("VARCHAR", "VARCHAR", 9, 0, "string"),
    "TEXT": ("LONGVARCHAR", "TEXT", 65535, 0, "string"),
    "INT": ("INTEGER", "INT", 10, 0, "int"),
    "BIGINT": ("BIGINT", "BIGINT", 19, 0, "bigint"),
    "DECIMAL(10,2)": ("DECIMAL", "DECIMAL", 10, 2, "decimal(10,2)"),
    "DOUBLE": ("DOUBLE", "DOUBLE", 22, 0, "double"),
    "DATE": ("DATE", "DATE", 10, 0, "date"),
    "DATETIME(6)": ("TIMESTAMP", "DATETIME", 26, 6, "timestamp"),
    "BLOB": ("LONGVARBINARY", "BLOB", 65535, 0, "binary"),
}


@pytest.mark.parametrize("engine", ["mysql", "mariadb"])
def test_spark_maps_the_types_that_mysqls_drivers_report(glue_spark, engine):
    """No MySQL server is needed: the drivers' metadata stands in a row set of the JDK."""
    jvm = glue_spark._jvm
    facts = jvm.javax.sql.rowset.RowSetMetaDataImpl()
    facts.setColumnCount(len(MYSQL))
    for number, (code, name, precision, scale, _) in enumerate(MYSQL.values(), start=1):
        facts.setColumnName(number, f"c{number}")
        facts.setColumnLabel(number, f"c{number}")
        facts.setColumnType(number, getattr(jvm.java.sql.Types, code))
        facts.setColumnTypeName(number, name)
        facts.setPrecision(number, precision)
        facts.setScale(number, scale)
        facts.setSigned(number, True)
    rows = jvm.javax.sql.rowset.RowSetProvider.newFactory().createCachedRowSet()
    rows.setMetaData(facts)
    sql = jvm.org.apache.spark.sql
    dialect = sql.jdbc.JdbcDialects.get(f"jdbc:{engine}://db/ops")
    schema = _schema_of(glue_spark, sql.execution.datasources.jdbc.JdbcUtils, rows, dialect)
    found = {type: schema.apply(at).dataType().catalogString() for at, type in enumerate(MYSQL)}
    padded = {type for at, type in enumerate(MYSQL) if schema.apply(at).metadata().json() != "{}"}
    expected = {type: spark_type for type, (*_, spark_type) in MYSQL.items()}
    assert {type: _stored(kind) for type, kind in found.items()} == expected
    assert "CHAR(3)" in padded or found["CHAR(3)"] == "char(3)"


def _schema_of(spark, utilities, rows, dialect):
    if spark.version.startswith("3."):
        return utilities.getSchema(rows, dialect, False, False)
    return utilities.getSchema(None, rows, dialect, False, False)


def _stored(kind):
    return "string" if kind.startswith(("char(", "varchar(")) else kind
