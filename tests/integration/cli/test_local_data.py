"""``local put`` and ``local sql`` fill the embedded account by hand."""

import pytest
from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.core.errors import UsageError
from glue_secure.embedded.clients import clients

pytestmark = pytest.mark.usefixtures("provisioned")


@pytest.fixture
def call(glue_account):
    def run(*words):
        result = CliRunner().invoke(app, ["local", *words, "--state", str(glue_account.state)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.stdout

    return run


@pytest.mark.parametrize(
    ("location", "stored"),
    [("s3://put-by-hand/a/b.csv", "a/b.csv"), ("s3://put-by-hand/c/", "c/orders.csv"),
     ("s3://put-by-hand", "orders.csv")],
)  # fmt: skip
def test_a_file_is_stored_under_the_key_of_the_account(
    call, tmp_path, glue_account, provisioned, location, stored
):
    file = tmp_path / "orders.csv"
    file.write_text("id\n1\n")
    assert call("put", str(file), location) == f"s3://put-by-hand/{stored}\n"
    found = clients(glue_account)("s3").get_object(Bucket="put-by-hand", Key=stored)
    assert found["Body"].read() == b"id\n1\n"
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", provisioned.data_key)


def test_a_file_that_does_not_exist_and_a_wrong_location_are_named(call, tmp_path):
    with pytest.raises(UsageError, match=r"absent\.csv"):
        call("put", str(tmp_path / "absent.csv"), "s3://put-by-hand/")
    with pytest.raises(UsageError, match="not an S3 location"):
        call("put", __file__, "/tmp/x")


def test_sql_fills_the_database_that_connection_add_made_and_prints_rows(call):
    text = call("connection", "add", "by-hand")
    assert 'glue-secure local sql by-hand "CREATE TABLE ..."' in text
    assert call("sql", "by-hand", "CREATE TABLE t (id int, name text)") == ""
    assert call("sql", "by-hand", "INSERT INTO t VALUES (1, NULL), (2, E'\\x1b[2K')") == ""
    assert call("sql", "by-hand", "SELECT * FROM t ORDER BY id") == "1\tNULL\n2\t\\x1b[2K\n"


def test_sql_without_such_a_database_and_a_wrong_statement_are_refused(call):
    with pytest.raises(UsageError, match="glue-secure local connection add not-there"):
        call("sql", "not-there", "SELECT 1")
    call("connection", "add", "by-hand")
    with pytest.raises(UsageError, match="syntax error"):
        call("sql", "by-hand", "SELEC 1")
