"""``glue_account.connection``: writable databases with a Glue connection and verified TLS."""

import ssl
import sys

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.embedded import databases
from glue_secure.embedded.clients import clients
from glue_secure.embedded.mariadb import server_program

MYSQL = ("mysql", "mariadb")
needs_mariadb = pytest.mark.skipif(
    server_program() is None,
    reason="no MariaDB server on this machine (Debian: apt-get install mariadb-server-core)",
)


def properties(account, name):
    return clients(account)("glue").get_connection(Name=name)["Connection"]["ConnectionProperties"]


@pytest.fixture(params=["postgresql", *(pytest.param(engine, marks=needs_mariadb) for engine in MYSQL)])
def engine(request):
    if request.param in MYSQL:
        pytest.importorskip("pymysql")
    return request.param


def test_a_database_is_written_and_read_by_statements(glue_account, engine):
    database = glue_account.connection(f"statements-{engine}", engine=engine)
    assert database.execute("CREATE TABLE orders (id int, note varchar(20))") == []
    database.execute("INSERT INTO orders VALUES (%s, %s), (2, 'é')", (1, "100 %"))
    assert sorted(database.execute("SELECT id, note FROM orders")) == [(1, "100 %"), (2, "é")]
    same = glue_account.connection(f"statements-{engine}", engine=engine)
    assert same.url == database.url
    assert same.execute("SELECT count(*) FROM orders") == [(2,)]
    assert "password" not in repr(database)


def test_a_job_writes_and_reads_a_database_over_verified_tls(glue_job, glue_account, glue_spark, engine):
    name = f"job-{engine}"
    database = glue_account.connection(name, engine=engine)
    assert properties(glue_account, name)["JDBC_CONNECTION_URL"].startswith(f"jdbc:{engine}://localhost:")
    database.execute("CREATE TABLE airlines (code varchar(2), name varchar(20))")
    database.execute("INSERT INTO airlines VALUES ('AA', 'American')")
    with glue_job.job() as job:
        rows = job.read.jdbc(connection=name, table="airlines", bookmark="")
        job.write.jdbc(rows, connection=name, table="copies")
    assert database.execute("SELECT code, name FROM copies") == [("AA", "American")]
    evidence = glue_job.evidence()[-1]
    assert {one["protocol"] for one in evidence["tls"]} <= {"TLSv1.2", "TLSv1.3"}
    passes = {one["control"] for one in evidence["controls"] if one["verdict"] == "PASS"}
    assert {"GS-TLS-002", "GS-TLS-003", "GS-TLS-006", "GS-TLS-010"} <= passes


@needs_mariadb
def test_a_user_of_mariadb_cannot_log_in_without_tls_or_into_another_database(glue_account):
    pymysql = pytest.importorskip("pymysql")
    database = glue_account.connection("private", engine="mysql")
    other = glue_account.connection("other", engine="mysql")
    with pytest.raises(pymysql.err.OperationalError, match="denied"):
        other.execute(f"SELECT * FROM `{database.name}`.orders")
    server = databases._SERVERS[glue_account.state]
    login = {"host": server.host, "port": server.port, "user": server.user, "password": server.password}
    with pytest.raises(pymysql.err.OperationalError, match="secure"):
        pymysql.connect(**login, ssl_disabled=True)
    with pytest.raises((ssl.SSLError, pymysql.err.OperationalError), match=r"(?i)certificate"):
        pymysql.connect(**login, ssl=ssl.create_default_context())


@needs_mariadb
def test_a_connection_whose_server_has_ended_gets_an_empty_database(glue_account):
    pytest.importorskip("pymysql")
    database = glue_account.connection("restarted", engine="mysql")
    database.execute("CREATE TABLE orders (id int)")
    databases.end_servers(glue_account)
    again = glue_account.connection("restarted", engine="mysql")
    assert properties(glue_account, "restarted")["JDBC_CONNECTION_URL"] == again.url
    assert again.execute("SHOW TABLES") == []


def test_a_name_of_another_connection_and_an_unknown_engine_are_rejected(glue_account):
    glue_account.connection("taken")
    with pytest.raises(UsageError, match="engine oracle"):
        glue_account.connection("ora", engine="oracle")
    if server_program() is not None:
        pytest.importorskip("pymysql")
        with pytest.raises(UsageError, match="another connection"):
            glue_account.connection("taken", engine="mysql")


def test_what_is_not_installed_is_named_with_the_command_that_installs_it(glue_account, monkeypatch):
    pytest.importorskip("pymysql")
    monkeypatch.setattr(databases, "server_program", lambda: None)
    monkeypatch.setattr(databases, "_SERVERS", {})
    with pytest.raises(UsageError, match="apt-get install mariadb-server-core"):
        glue_account.connection("absent", engine="mariadb")
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with pytest.raises(UsageError, match="PyMySQL is not installed"):
        glue_account.connection("absent", engine="mysql")
