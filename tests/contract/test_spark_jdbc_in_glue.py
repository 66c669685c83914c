"""In Glue, Spark's JDBC source reads and writes databases that Glue's own reader does not verify by name."""

from __future__ import annotations

import pytest

from glue_secure.core.catalog import CatalogTable
from glue_secure.core.connection import GlueConnection
from glue_secure.core.errors import RefusedError, UsageError

pytest.importorskip("awsglue.context", reason="AWSGlueDataplanePython is made for Python 3.11 alone")
pytestmark = pytest.mark.filterwarnings("ignore:DataFrame constructor is internal:UserWarning")

URLS = {
    "mysql": "jdbc:mysql://localhost:3306/ops",
    "sqlserver": "jdbc:sqlserver://localhost:1433;databaseName=ops",
    "oracle": "jdbc:oracle:thin:@tcps://localhost:2484/ops",
    "redshift": "jdbc:redshift://localhost:5439/ops",
}
FORCED = {
    "mysql": ("sslMode", "VERIFY_IDENTITY"),
    "sqlserver": ("trustServerCertificate", "false"),
    "oracle": ("oracle.net.ssl_server_dn_match", "true"),
    "redshift": ("sslmode", "verify-full"),
}


@pytest.fixture
def frame():
    """A frame of three rows, each of which the fake engine writes to an object of its own."""
    made = Rows(["a", "b", "c"])
    made._jdf = "jdf"
    return made


class Rows(list):
    def count(self):
        return len(self)

    def limit(self, number):
        self.limits = [*getattr(self, "limits", ()), number]
        return self


@pytest.fixture
def account(in_glue, frame, monkeypatch):
    """The account with a connection of each engine, named as the engine, and a table of each."""
    monkeypatch.setattr("glue_secure.connections.manager.trust_store", lambda anchor: anchor.encode())
    engine = in_glue.engine
    engine.rows = lambda _: 3
    read = type(engine).read_jdbc
    monkeypatch.setattr(
        type(engine), "read_jdbc", lambda self, **arguments: (read(self, **arguments) and frame, "jdbc")
    )
    for name, url in URLS.items():
        properties = {"JDBC_CONNECTION_URL": url, "JDBC_ENFORCE_SSL": "true", "SECRET_ID": "ops/postgres"}
        in_glue.control_plane.connections[name] = GlueConnection(name, "JDBC", properties)
        response = {
            "DatabaseName": "lake",
            "Name": name,
            "StorageDescriptor": {"Location": "ops.public.carriers"},
            "Parameters": {"classification": name, "connectionName": name},
        }
        in_glue.control_plane.tables["lake", name] = CatalogTable.from_api(response)
    return in_glue


def options(name, **more):
    return {"useConnectionProperties": "true", "connectionName": name, "dbtable": "public.carriers", **more}


def dynamic_frame(frame_of, started, frame):
    from glue_secure.dynamicframe import DynamicFrame

    made = frame_of(DynamicFrame, started)
    made.toDF = lambda: frame
    return made


@pytest.mark.parametrize("name", URLS)
def test_reads_and_writes_go_through_spark_with_full_verification(name, account, started, frame_of, frame):
    from glue_secure.dynamicframe import DynamicFrame

    read = started.create_dynamic_frame.from_options(name, options(name))
    assert type(read) is DynamicFrame
    assert type(started.create_dynamic_frame.from_catalog("lake", name)) is DynamicFrame
    assert started.create_data_frame.from_catalog("lake", name) is frame
    written = dynamic_frame(frame_of, started, frame)
    started.write_dynamic_frame.from_options(written, name, options(name, bulkSize="4"))
    started.write_dynamic_frame.from_catalog(written, "lake", name)
    started.write_dynamic_frame.from_jdbc_conf(
        written, name, {"dbtable": "public.carriers", "database": "ops"}
    )
    assert (
        started.recorder.called("getSource", "getSink", "getCatalogSource", "getCatalogSink", "getJDBCSink")
        == []
    )
    calls = [
        call
        for call in account.engine.asked("read_jdbc") + account.engine.asked("write_jdbc")
        if "glue_secure_session" not in call["table"]
    ]
    assert [call["table"] for call in calls] == ["public.carriers"] * 6
    option, value = FORCED[name]
    assert {call["driver_options"].get(option) for call in calls} == {value}
    assert account.engine.asked("write_jdbc")[0]["spark_options"]["numPartitions"] == "4"
    started.job.commit()
    evidence = account.evidence()
    assert [write["rows"] for write in evidence["writes"]] == [3, 3, 3]
    assert {tls["connection"] for tls in evidence["tls"]} == {name}


def test_a_sample_is_read_with_full_verification_and_no_bookmark_tracks_it(account, started, frame):
    made = [
        started.create_sample_dynamic_frame_from_catalog("lake", "mysql", num=5, transformation_ctx="a"),
        started.create_sample_dynamic_frame_from_options(
            "sqlserver", options("sqlserver"), num=6, transformation_ctx="b"
        ),
    ]
    assert [type(one).__module__ for one in made] == ["glue_secure.engines.awsglue.frames"] * 2
    assert frame.limits == [5, 6]
    assert started.recorder.called("getSource", "getCatalogSource") == []


def test_postgresql_is_read_by_glue_itself(account, started):
    started.create_dynamic_frame.from_options("postgresql", options("ops"))
    assert len(started.recorder.called("getSource")) == 1


@pytest.mark.parametrize("by", ["options", "argument"])
def test_redshift_runs_its_actions_around_a_copy_of_objects_under_the_runs_key(
    by, account, started, frame_of, frame
):
    written = dynamic_frame(frame_of, started, frame)
    more = {
        "preactions": "create table if not exists t (a int); delete from t where b = ';'",
        "postactions": "drop table t",
        "aws_iam_role": "arn:aws:iam::123456789012:role/load",
    }
    if by == "options":
        more["redshiftTmpDir"] = "s3://curated/temporary/"
        started.write_dynamic_frame.from_options(written, "redshift", options("redshift", **more))
    else:
        more["dbtable"] = "flights"
        started.write_dynamic_frame.from_jdbc_conf(
            written, "redshift", more, redshift_tmp_dir="s3://curated/temporary/"
        )
    names = ("execute_jdbc", "write_jdbc", "write_s3")
    order = [name for name, _ in account.engine.calls if name in names]
    assert order == ["write_s3", "execute_jdbc", "write_jdbc", "execute_jdbc", "execute_jdbc"]
    assert account.engine.asked("write_jdbc")[-1]["only_create"]
    before, (copy,), after = account.engine.asked("execute_jdbc")
    assert before == ("create table if not exists t (a int)", "delete from t where b = ';'")
    assert after == ("drop table t",)
    table = "public.carriers" if by == "options" else "flights"
    location = "s3://curated/temporary/jr_1/1/part-"
    assert copy.startswith(f'copy {table} ("name", """q") from \'{location}\' iam_role \'arn:aws:iam::')
    started.job.commit()
    staged, table = account.evidence()["writes"]
    assert (staged["kind"], table["kind"], table["rows"]) == ("s3", "jdbc", staged["rows"])
    assert {one["key"] for one in staged["objects"]} == {str(account.key)}


def test_a_bookmark_of_such_a_database_is_rejected_and_a_weaker_option_too(account, started):
    with pytest.raises(UsageError, match="a bookmark of connection mysql"):
        started.create_dynamic_frame.from_options("mysql", options("mysql"), transformation_ctx="source")
    with pytest.raises(RefusedError, match="GS-TLS-005"):
        started.create_dynamic_frame.from_options("mysql", options("mysql", sslMode="DISABLED"))
    with pytest.raises(UsageError, match="dbtable"):
        started.write_dynamic_frame.from_jdbc_conf(
            dynamic_frame(lambda kind, context: kind(None, context, "f"), started, None), "mysql", {}
        )
