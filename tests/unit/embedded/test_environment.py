import os
import shlex
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.embedded import environment, folders, lifecycle, spark_files
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.postgres import PostgresServer
from glue_secure.embedded.processes import ProcessIdentity
from glue_secure.engines.spark.guard_jar import GuardJar

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
        trust_store=state / "trust.p12",
        trust_store_password="store-password",
        postgres=PostgresServer("localhost", 5432, "operations", "boss", "pg-secret", state / "pg", me),
        spark_jars=(tmp_path / "a b" / "one.jar", tmp_path / "two.jar"),
        java_home=tmp_path / "java",
        supervisor=me,
    )


def test_a_loaded_account_equals_the_dumped_account(account: EmbeddedAccount) -> None:
    path = account.dump()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert EmbeddedAccount.load(account.state) == account


@pytest.mark.parametrize(
    ("jar", "found"),
    [
        ("spark-core_2.13-4.1.1.jar", "started with Spark 4.1.1, and this Python has pyspark"),
        ("spark-core_2.12-3.5.0.jar", "started with Spark 3.5.0, and this Python has pyspark"),
        (None, "started by a Python environment that was removed"),
    ],
)
def test_an_account_of_another_pyspark_is_rejected_with_the_fix(account, tmp_path, jar, found) -> None:
    other = tmp_path / "other" / "jars"
    if jar:
        other.mkdir(parents=True)
        (other / jar).touch()
    account.spark_home.mkdir()
    (account.spark_home / "jars").symlink_to(other)
    with pytest.raises(UsageError, match=found) as refused:
        environment.environment_of(account)
    down, up = refused.value.fix.partition(", which")[0].split(" && ")
    assert shlex.split(down) == ["glue-secure", "local", "down", "--state", str(account.state)]
    assert shlex.split(up) == ["glue-secure", "local", "up", "--state", str(account.state)]


def test_no_secret_is_in_the_repr(account: EmbeddedAccount) -> None:
    for secret in ("keep-this-secret", "pg-secret", "store-password"):
        assert secret not in repr(account)


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"state": 1}'])
def test_a_missing_or_damaged_account_is_a_usage_error(account: EmbeddedAccount, content: str | None) -> None:
    if content is not None:
        (account.state / "account.json").write_text(content)
    with pytest.raises(UsageError, match="no embedded account"):
        EmbeddedAccount.load(account.state)


def test_a_shell_sets_every_value_and_unsets_other_accounts(account: EmbeddedAccount) -> None:
    settings = environment.environment_of(account, master="local-cluster[2,1,1024]")
    script = environment.export_lines(settings) + "env -0\n"
    inherited = {"PATH": os.environ["PATH"], "AWS_PROFILE": "production"}
    output = subprocess.run(["sh", "-c", script], capture_output=True, env=inherited, check=True).stdout
    variables = dict(line.split("=", 1) for line in output.decode().split("\0") if line)
    assert {name: variables.get(name) for name in settings} == settings
    assert "AWS_PROFILE" not in variables


def test_an_overlaid_environment_has_no_settings_of_other_accounts(account: EmbeddedAccount) -> None:
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
    """Parse as java.util.Properties does: a backslash escapes the next character."""
    settings = {}
    for line in text.splitlines():
        name, _, raw = line.partition("=")
        value, characters = "", iter(raw)
        for character in characters:
            if character == "\\":
                following = next(characters)
                character = "\n" if following == "n" else following
            value += character
        settings[name] = value
    return settings


def test_java_options_are_unchanged_after_parsing_the_properties_and_splitting_into_words(
    account: EmbeddedAccount,
) -> None:
    settings = spark_files.spark_defaults(account)
    read_back = parse_properties(spark_files.properties(settings))
    assert read_back == settings
    # shlex splits like Spark. A shell would also expand $ inside double quotes.
    words = shlex.split(read_back["spark.driver.extraJavaOptions"])
    # What a killed Spark leaves behind is removed with the account.
    assert f"-Djava.io.tmpdir={account.scratch}" in words
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


GUARD = GuardJar(Path("/opt/a b/guard.jar"), "0" * 64, "1" * 64, "0.1.0")


def test_the_request_guard_is_on_both_class_paths_and_is_a_plugin(account: EmbeddedAccount) -> None:
    without, settings = spark_files.spark_defaults(account), spark_files.spark_defaults(account, GUARD)
    assert "spark.plugins" not in without
    assert settings.pop("spark.plugins") == "gluesecure.guard.GuardPlugin"
    for side in ("driver", "executor"):
        name = f"spark.{side}.extraClassPath"
        assert settings[name] == f"{without[name]}:/opt/a b/guard.jar"
    assert {**settings, **{name: without[name] for name in without}} == without


def test_a_colon_in_the_path_of_the_request_guard_is_refused(account: EmbeddedAccount) -> None:
    with pytest.raises(UsageError, match="a colon"):
        spark_files.spark_defaults(account, replace(GUARD, path=Path("/a:b/guard.jar")))


@pytest.mark.parametrize(
    ("variables", "plugins"),
    [
        ({"GLUE_SECURE_LOCAL_REQUEST_GUARD": "on"}, "gluesecure.guard.GuardPlugin"),
        ({"GLUE_SECURE_LOCAL_REQUEST_GUARD": "off"}, None),
    ],
)
def test_a_variable_selects_spark_with_or_without_the_request_guard(
    account: EmbeddedAccount, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], plugins: str | None
) -> None:
    monkeypatch.setattr(spark_files, "guard_jar", lambda: GUARD)
    spark_files.write(account)
    folder = Path(environment.overlay(variables, account)["SPARK_CONF_DIR"])
    settings = parse_properties((folder / "spark-defaults.conf").read_text())
    assert settings.get("spark.plugins") == plugins
    assert ("/opt/a b/guard.jar" in settings["spark.driver.extraClassPath"]) == (plugins is not None)
    assert (folder / "log4j2.properties").exists()


def test_without_the_jar_spark_starts_without_the_request_guard(
    account: EmbeddedAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark_files, "guard_jar", lambda: None)
    spark_files.write(account)
    assert "spark.plugins" not in (account.guarded_spark_conf / "spark-defaults.conf").read_text()


def test_another_value_of_the_variable_is_refused(account: EmbeddedAccount) -> None:
    with pytest.raises(UsageError, match="GLUE_SECURE_LOCAL_REQUEST_GUARD"):
        environment.overlay({"GLUE_SECURE_LOCAL_REQUEST_GUARD": "yes"}, account)


def test_spark_s_files_are_written_and_its_home_consists_of_links_to_pyspark(
    account: EmbeddedAccount,
) -> None:
    spark_files.write(account)
    assert (account.spark_home / "bin" / "spark-submit").exists()
    assert not (account.spark_home / "work").exists()
    # Workers find pyspark here. An archive would be read again by each task.
    assert (account.spark_home / "python" / "lib" / "pyspark.zip" / "pyspark" / "daemon.py").exists()
    assert (account.aws_folder / "config").read_bytes() == b""
    assert (
        "fs.s3a.endpoint=https://localhost:4566" in (account.spark_conf / "spark-defaults.conf").read_text()
    )


def test_the_supervisor_inherits_nothing_that_configures_aws_or_postgresql() -> None:
    parent = {"AWS_PROFILE": "x", "PGHOST": "x", "MOTO_PORT": "x", "PYTHONWARNINGS": "error", "LANG": "C"}
    assert set(lifecycle.supervisor_environment(parent)) == {"LANG", "PYTHONPATH"}


def test_a_process_that_ended_is_not_alive_and_neither_is_another_with_its_id() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    identity = ProcessIdentity.of(child.pid)
    assert identity.alive
    assert not ProcessIdentity(child.pid, identity.started + 1).alive
    identity.end(5)
    child.wait()
    assert not identity.alive
    with pytest.raises(ProcessLookupError):
        ProcessIdentity.of(child.pid)


def test_a_folder_is_locked_by_one_caller_at_a_time(tmp_path: Path) -> None:
    waiting, locked_by_other = threading.Event(), threading.Event()

    def lock_as_other() -> None:
        with folders.locked(tmp_path, waiting.set):
            locked_by_other.set()

    other = threading.Thread(target=lock_as_other)
    with folders.locked(tmp_path):
        other.start()
        assert waiting.wait(10)
        assert not locked_by_other.is_set()
    other.join(10)
    assert locked_by_other.is_set()
    assert list(tmp_path.iterdir()) == []
