"""``write_dynamic_frame.from_options`` writes through a connection to MariaDB."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from glue_secure.connections.engines.registry import JDBC_TYPES
from glue_secure.core.connection import GlueConnection
from glue_secure.core.errors import RefusedError
from glue_secure.engines.awsglue.options import parse_sink
from glue_secure.engines.spark.context.sinks import JdbcSink

OPTIONS = {"useConnectionProperties": "true", "connectionName": "ops", "dbtable": "airlines"}


@pytest.fixture
def run(run_fixture, server):
    properties = dict(run_fixture.control_plane.connections["ops"].properties)
    properties["JDBC_CONNECTION_URL"] = "jdbc:mariadb://db.example.com:3306/ops"
    run_fixture.control_plane.connections["ops"] = GlueConnection("ops", "JDBC", properties)
    run_fixture.engine.session_row = {"ssl": 1, "version": "TLSv1.3", "cipher": "c", "bits": 0}
    return run_fixture.start()


def table():
    return SimpleNamespace(data=[], schema=SimpleNamespace(fields=[]))


# Glue's own scripts name MariaDB "mysql", because Glue has no connection type for it.
@pytest.mark.parametrize("connection_type", ["mariadb", "mysql"])
def test_from_options_writes_to_mariadb(run, run_fixture, connection_type):
    assert connection_type in JDBC_TYPES
    JdbcSink.parse_typed(connection_type, OPTIONS).write(run, table())
    (call,) = run_fixture.engine.asked("write_jdbc")
    assert (call["table"], call["url"]) == (
        "airlines",
        "jdbc:mysql://db.example.com:3306/ops?permitMysqlScheme",
    )
    assert call["driver_options"]["sslMode"] == "verify-full"


def test_from_options_refuses_mariadb_for_another_connection_type(run):
    sink = JdbcSink.parse_typed("postgresql", OPTIONS)
    with pytest.raises(RefusedError, match=r"(?s)GS-TLS-005.*mariadb or mysql"):
        sink.write(run, table())


def test_glues_engine_parses_a_sink_to_mariadb():
    assert parse_sink("mariadb", None, OPTIONS).connection == "ops"
