import hashlib
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.embedded import artifacts
from glue_secure.embedded.jars import SPARK_JARS, Artifact


def pinned(content: bytes) -> Artifact:
    return Artifact("org.example", "thing", "1.0", hashlib.sha256(content).hexdigest(), len(content))


def test_a_file_with_the_pinned_digest_passes(tmp_path: Path) -> None:
    file = tmp_path / "thing-1.0.jar"
    file.write_bytes(b"good")
    artifacts.check(pinned(b"good"), file)
    assert file.exists()


def test_a_file_that_differs_is_refused_and_removed(tmp_path: Path) -> None:
    file = tmp_path / "thing-1.0.jar"
    file.write_bytes(b"evil")
    with pytest.raises(GlueSecureError, match=r"thing-1\.0\.jar does not have.*\n.*found:.*\n.*required:"):
        artifacts.check(pinned(b"good"), file)
    assert not file.exists()


def test_a_file_that_changed_after_its_check_is_checked_again(tmp_path: Path) -> None:
    file = tmp_path / "thing-1.0.jar"
    file.write_bytes(b"good")
    artifacts.check(pinned(b"good"), file)
    before = file.stat()
    file.write_bytes(b"evil")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    with pytest.raises(GlueSecureError, match="does not have the SHA-256"):
        artifacts.check(pinned(b"good"), file)


def test_a_checked_file_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "thing-1.0.jar"
    file.write_bytes(b"good")
    artifacts.check(pinned(b"good"), file)
    monkeypatch.setattr(artifacts, "sha256", lambda _: pytest.fail("read again"))
    artifacts.check(pinned(b"good"), file)


def test_a_stored_result_for_another_digest_is_ignored(tmp_path: Path) -> None:
    file = tmp_path / "thing-1.0.jar"
    file.write_bytes(b"good")
    artifacts.check(pinned(b"good"), file)
    with pytest.raises(GlueSecureError, match="does not have the SHA-256"):
        artifacts.check(pinned(b"another version"), file)


def test_a_complete_cache_needs_no_java_and_no_network(tmp_path: Path) -> None:
    (tmp_path / "thing-1.0.jar").write_bytes(b"good")
    assert artifacts.fetch([pinned(b"good")], Path("/nowhere"), cache=tmp_path) == (
        tmp_path / "thing-1.0.jar",
    )


@pytest.mark.parametrize("line", SPARK_JARS)
def test_the_ivy_file_requests_each_artifact_without_dependencies(line: str) -> None:
    requested = ElementTree.fromstring(artifacts.ivy_module(SPARK_JARS[line])).findall(".//dependency")
    assert [dependency.get("name") for dependency in requested] == [a.name for a in SPARK_JARS[line]]
    assert {dependency.get("transitive") for dependency in requested} == {"false"}


def test_the_ivy_file_requests_the_classifier_of_an_artifact() -> None:
    jar = Artifact("org.gaul", "s3proxy", "4.1.0", "0", 1, "jar-with-dependencies")
    (requested,) = ElementTree.fromstring(artifacts.ivy_module([jar])).findall(".//artifact")
    assert requested.get("{http://ant.apache.org/ivy/extra}classifier") == "jar-with-dependencies"
    assert jar.file_name == "s3proxy-4.1.0-jar-with-dependencies.jar"


@pytest.mark.parametrize(
    ("machine", "name"),
    [("x86_64", "amd64"), ("amd64", "amd64"), ("aarch64", "arm64v8"), ("arm64", "arm64v8")],
)
def test_postgresql_is_chosen_for_the_machine(machine: str, name: str) -> None:
    assert artifacts.postgres_jar("Linux", machine).name.endswith(f"linux-{name}")


@pytest.mark.parametrize(("system", "machine"), [("Darwin", "arm64"), ("Linux", "riscv64")])
def test_other_machines_are_refused(system: str, machine: str) -> None:
    with pytest.raises(UsageError, match=f"{system} on {machine}"):
        artifacts.postgres_jar(system, machine)


@pytest.mark.parametrize(
    ("proxy", "options"),
    [
        ("", ()),
        ("http://proxy.example:3128", ("-Dhttps.proxyHost=proxy.example", "-Dhttps.proxyPort=3128")),
        ("proxy.example:8080/", ("-Dhttps.proxyHost=proxy.example", "-Dhttps.proxyPort=8080")),
    ],
)
def test_the_jvm_gets_options_for_the_proxy(proxy: str, options: tuple[str, ...]) -> None:
    assert artifacts.proxy_options({"https_proxy": proxy}) == options
