"""``pull``, ``run --job`` and ``local table|connection|import|env`` on one embedded account."""

import io
import json
import subprocess
import uuid

import pytest
import typer
from typer.testing import CliRunner

from glue_secure.cli import run as run_command
from glue_secure.cli.app import app
from glue_secure.core.errors import UsageError
from glue_secure.embedded import definitions, launch
from glue_secure.embedded.account_setup import LANDING, ROLE
from glue_secure.embedded.clients import clients
from glue_secure.project.project_file import read_text
from glue_secure.project.starter import starter_files

SCRIPT = b"print('pulled')\r\n"


@pytest.fixture
def client(glue_account):
    return clients(glue_account)


@pytest.fixture
def call(glue_account, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words, text=None):
        result = CliRunner().invoke(app, [*words], input=text)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    run.state = ("--state", str(glue_account.state))
    return run


@pytest.fixture
def job(client):
    name = f"pulled-{uuid.uuid4().hex[:8]}"
    client("s3").put_object(Bucket=LANDING, Key=f"scripts/{name}.py", Body=SCRIPT)
    client("glue").create_job(
        Name=name,
        Role=ROLE,
        GlueVersion="5.1",
        WorkerType="G.2X",
        NumberOfWorkers=5,
        Timeout=30,
        Command={"Name": "glueetl", "ScriptLocation": f"s3://{LANDING}/scripts/{name}.py"},
        Connections={"Connections": ["ops"]},
        DefaultArguments={
            "--source": 's3://landing/"in"/',
            "--db_password": "hunter2",
            "--job-bookmark-option": "job-bookmark-enable",
            "--glue-secure-evidence-uri": "s3://theirs/evidence/",
            "--TempDir": "s3://theirs/temp/",
        },
    )
    yield name
    client("glue").delete_job(JobName=name)


def test_pull_writes_the_script_and_the_projects_entry_without_secrets(call, job, tmp_path):
    project = tmp_path / "glue_secure.toml"
    project.write_text(starter_files("orders", "glue-secure")["glue_secure.toml"])
    result = call("pull", job)
    assert (tmp_path / f"jobs/{job}.py").read_bytes() == SCRIPT
    pulled = read_text(project.read_text()).jobs[job]
    assert (pulled.script, pulled.worker_type, pulled.workers) == (f"jobs/{job}.py", "G.2X", 5)
    assert (pulled.bookmark, dict(pulled.arguments)) == (True, {"source": 's3://landing/"in"/'})
    assert "hunter2" not in project.read_text() + result.output
    assert "--db_password contains a secret and was not written" in result.stderr
    with pytest.raises(UsageError, match="in the project file already"):
        call("pull", job)


def test_pull_prints_the_entry_where_there_is_no_project_and_overwrites_nothing(call, job, tmp_path):
    assert f"[jobs.{job}]" in call("pull", job, "--out", "a.py").stdout
    assert not (tmp_path / "glue_secure.toml").exists()
    call("pull", job, "--out", "a.py")
    (tmp_path / "a.py").write_text("mine")
    with pytest.raises(UsageError, match=r"a\.py"):
        call("pull", job, "--out", "a.py")
    assert (tmp_path / "a.py").read_text() == "mine"
    with pytest.raises(UsageError, match="no such job"):
        call("pull", "absent-job")


def test_run_uses_the_arguments_of_a_deployed_job_that_the_command_line_does_not_have(
    call, job, tmp_path, monkeypatch
):
    (tmp_path / "own.py").write_text("print(1)")
    seen = []

    def prepare(_account, _script, words, **_others):
        seen.extend(words)
        raise UsageError("stop", found="here", required="")

    monkeypatch.setattr(launch, "prepare", prepare)
    for extra, source in (((), 's3://landing/"in"/'), (("--source", "mine"), "mine")):
        seen.clear()
        with pytest.raises(UsageError, match="stop"):
            call("run", *call.state, "--job", job, "own.py", *extra)
        text = " ".join(seen)
        assert f"--JOB_NAME={job}" in seen and "--job-bookmark-option=job-bookmark-enable" in seen
        assert source in text and "hunter2" not in text and "theirs" not in text


def test_an_option_after_the_script_is_named_unless_the_script_has_it(call, tmp_path, monkeypatch):
    def stop(*_words, **_options):
        raise UsageError("stop", found="here", required="")

    monkeypatch.setattr(launch, "prepare", stop)
    monkeypatch.setattr("sys.stderr", errors := io.StringIO())
    context = type("Context", (), {})()
    for text, warned in (("print(1)", True), ("getResolvedOptions(sys.argv, ['state'])", False)):
        (tmp_path / "own.py").write_text(text)
        errors.truncate(0)
        context.args = ["--state", "x", "--source", "y"]
        context.command = typer.main.get_command(app).commands["run"]
        run_command._warn_of_misplaced_options(context, tmp_path / "own.py")
        assert ("--state after the script" in errors.getvalue()) == warned
        assert "--source" not in errors.getvalue()


def test_a_table_is_added_with_its_database_and_bucket(call, client):
    words = ("local", "table", "add", "byhand.orders", "--location", "s3://by-hand/orders/", *call.state)
    columns = ("--columns", "id bigint, Price decimal(10,2), tags array<string>", "--format", "csv")
    call(*words, *columns, "--partition-keys", "year int")
    table = client("glue").get_table(DatabaseName="byhand", Name="orders")["Table"]
    assert [(column["Name"], column["Type"]) for column in table["StorageDescriptor"]["Columns"]] == [
        ("id", "bigint"),
        ("price", "decimal(10,2)"),
        ("tags", "array<string>"),
    ]
    assert (table["PartitionKeys"][0]["Name"], table["Parameters"]["classification"]) == ("year", "csv")
    with pytest.raises(UsageError, match="exists already"):
        call(*words, *columns)
    for wrong in (("local", "table", "add", "orders", *words[4:], *columns), (*words, "--columns", "id")):
        with pytest.raises(UsageError, match=r"DATABASE\.TABLE|NAME TYPE"):
            call(*wrong)


def test_definitions_of_an_account_are_imported_without_data(call, client, glue_account, monkeypatch):
    call(
        "local",
        "table",
        "add",
        "theirs.a",
        "--location",
        "s3://by-hand/a/",
        "--columns",
        "id int",
        *call.state,
    )
    database, tables = definitions.read_database(client("glue"), "theirs")
    database["Name"] = "ours"
    assert definitions.import_database(glue_account, database, tables) == (["a"], [])
    assert definitions.import_database(glue_account, database, tables) == ([], ["a"])
    copied = client("glue").get_table(DatabaseName="ours", Name="a")["Table"]
    assert copied["StorageDescriptor"] == tables[0]["StorageDescriptor"]
    # By the command: from the account of boto3's configuration, which the tests set to the embedded one.
    result = json.loads(call("local", "import", "--database", "theirs", "--json", *call.state).stdout)
    assert result == {"database": "theirs", "created": [], "existing": ["a"]}
    with pytest.raises(UsageError, match="no such database"):
        call("local", "import", "--database", "absent", *call.state)


def test_connections_are_added_for_a_new_database_and_for_an_own_server(call, client):
    assert "jdbc:postgresql://localhost" in call("local", "connection", "add", "by-hand", *call.state).stdout
    url = "jdbc:mysql://db.example.com:3306/ops"
    words = ("local", "connection", "add", "own-server", "--url", url, *call.state)
    call(*words, "--user", "etl", text="hunter2\n")
    found = client("glue").get_connection(Name="own-server")["Connection"]["ConnectionProperties"]
    assert (found["JDBC_CONNECTION_URL"], found["JDBC_ENFORCE_SSL"]) == (url, "true")
    secret = client("secretsmanager").get_secret_value(SecretId=found["SECRET_ID"])["SecretString"]
    assert json.loads(secret) == {"username": "etl", "password": "hunter2"}
    for more, text in ((("--user", "etl"), ""), ((), "x\n")):
        with pytest.raises(UsageError, match=r"no password|no --user"):
            call("local", "connection", "add", "other", "--url", url, *more, *call.state, text=text)


def test_the_environment_is_removed_again(call):
    script = f"{call('local', 'env', *call.state).stdout}\n{call('local', 'env', '--unset').stdout}\nenv"
    done = subprocess.run(
        ["/bin/sh", "-eu", "-c", script], env={"PATH": "/usr/bin:/bin"}, capture_output=True
    )
    names = {line.partition("=")[0] for line in done.stdout.decode().splitlines()}
    assert names <= {"PATH", "PWD", "OLDPWD", "SHLVL", "_"}
