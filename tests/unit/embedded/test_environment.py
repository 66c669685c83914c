import os
import shlex
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.embedded import environment, folders, lifecycle, spark_files
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.postgres import PostgresServer
from glue_secure.embedded.processes import ProcessIdentity

AWKWARD = 'it\'s a "state" $HOME; é'


@pytest.fixture
def account(tmp_path: Path) -> EmbeddedAccount:
    state = tmp_path / AWKWARD
    state.mkdir()
    me = ProcessIdentity.of(os.getpid())
    return EmbeddedAccount(
        state=state,
        endpoint_url="https://localhost:4566",
        access_key_id="AKIALOCALEXAMPLE0000",
        secret_access_key="keep-this-secret",
        ca_pem=state / "ca.pem",
        ca_bundle=state / "ca-bundle.pem",
        trust_store=state / "trust.p12",
        trust_store_password="store-password",
        postgres=PostgresServer("localhost", 5432, "operations", "boss", "pg-secret", state / "pg", me),
        spark_jars=(tmp_path / "a b" / "one.jar", tmp_path / "two.jar"),
        java_home=tmp_path / "java",
        supervisor=me,
    )


def test_an_account_survives_its_file(account: EmbeddedAccount) -> None:
    path = account.dump()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert EmbeddedAccount.load(account.state) == account


def test_no_secret_is_in_the_repr(account: EmbeddedAccount) -> None:
    for secret in ("keep-this-secret", "pg-secret", "store-password"):
        assert secret not in repr(account)


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"state": 1}'])
def test_a_missing_or_damaged_account_is_a_usage_error(account: EmbeddedAccount, content: str | None) -> None:
    if content is not None:
        (account.state / "account.json").write_text(content)
    with pytest.raises(UsageError, match="no embedded account"):
        EmbeddedAccount.load(account.state)


def test_a_shell_reads_back_every_value(account: EmbeddedAccount) -> None:
    wanted = environment.environment_of(account, master="local-cluster[2,1,1024]")
    script = environment.export_lines(wanted) + "env -0\n"
    leaked = {"PATH": os.environ["PATH"], "AWS_PROFILE": "production"}
    out = subprocess.run(["sh", "-c", script], capture_output=True, env=leaked, check=True).stdout.decode()
    seen = dict(line.split("=", 1) for line in out.split("\0") if line)
    assert {name: seen.get(name) for name in wanted} == wanted
    assert "AWS_PROFILE" not in seen


def test_an_overlaid_environment_loses_what_leads_away_from_the_account(account: EmbeddedAccount) -> None:
    mixed = environment.overlay(
        {"AWS_PROFILE": "production", "AWS_ENDPOINT_URL_S3": "https://elsewhere", "PATH": "/bin"}, account
    )
    assert "AWS_PROFILE" not in mixed
    assert "AWS_ENDPOINT_URL_S3" not in mixed
    assert mixed["PATH"] == "/bin"
    assert mixed["AWS_ENDPOINT_URL"] == account.endpoint_url


def test_no_value_is_both_set_and_unset(account: EmbeddedAccount) -> None:
    assert not set(environment.environment_of(account)) & set(environment.UNSET)


def parse_properties(text: str) -> dict[str, str]:
    """What java.util.Properties makes of a value: a backslash takes the next character as it is."""
    found = {}
    for line in text.splitlines():
        name, _, raw = line.partition("=")
        value, characters = "", iter(raw)
        for character in characters:
            if character == "\\":
                following = next(characters)
                character = "\n" if following == "n" else following
            value += character
        found[name] = value
    return found


def test_java_options_survive_the_properties_file_and_the_splitting_of_words(
    account: EmbeddedAccount,
) -> None:
    settings = spark_files.spark_defaults(account)
    read_back = parse_properties(spark_files.properties(settings))
    assert read_back == settings
    # Inside double quotes a shell takes $ for more than Spark does, so the comparison is shlex's.
    words = shlex.split(read_back["spark.driver.extraJavaOptions"])
    assert f"-Djavax.net.ssl.trustStore={account.trust_store}" in words


@pytest.mark.parametrize("value", [" front", "a\\b", "two\nlines"])
def test_properties_are_escaped(value: str) -> None:
    text = spark_files.properties({"name": value})
    assert text.count("\n") == 1
    assert parse_properties(text)["name"] == value


def test_no_secret_is_among_spark_s_properties(account: EmbeddedAccount) -> None:
    settings = " ".join(spark_files.spark_defaults(account).values())
    assert "keep-this-secret" not in settings
    assert "pg-secret" not in settings


def test_a_colon_in_a_jar_s_path_is_refused(account: EmbeddedAccount) -> None:
    with pytest.raises(UsageError, match="a colon"):
        spark_files.spark_defaults(replace(account, spark_jars=(Path("/a:b/one.jar"),)))


def test_spark_s_files_are_written_and_its_home_is_links_to_pyspark(account: EmbeddedAccount) -> None:
    spark_files.write(account)
    assert (account.spark_home / "bin" / "spark-submit").exists()
    assert not (account.spark_home / "work").exists()
    assert (account.aws_folder / "config").read_bytes() == b""
    assert (
        "fs.s3a.endpoint=https://localhost:4566" in (account.spark_conf / "spark-defaults.conf").read_text()
    )


def test_the_supervisor_inherits_nothing_that_configures_aws_or_postgresql() -> None:
    given = {"AWS_PROFILE": "x", "PGHOST": "x", "MOTO_PORT": "x", "PYTHONWARNINGS": "error", "LANG": "C"}
    kept = lifecycle._environment(given)
    assert set(kept) == {"LANG", "PYTHONPATH"}


def test_a_process_that_ended_is_not_alive_and_neither_is_another_of_its_number() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    identity = ProcessIdentity.of(child.pid)
    assert identity.alive
    assert not ProcessIdentity(child.pid, identity.started + 1).alive
    identity.end(5)
    child.wait()
    assert not identity.alive
    with pytest.raises(ProcessLookupError):
        ProcessIdentity.of(child.pid)


def test_one_process_at_a_time_holds_a_folder(tmp_path: Path) -> None:
    import fcntl

    with folders.locked(tmp_path):
        other = os.open(tmp_path, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(other)
