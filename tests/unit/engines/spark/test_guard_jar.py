"""The JAR of the request guard is found beside its sources, and only used if it was built from them."""

import hashlib
import shutil
import zipfile

import pytest

from glue_secure.engines.spark import guard_jar


@pytest.fixture
def folder(tmp_path):
    """A folder with the package's sources and a JAR whose manifest names them."""
    for part in ("src", "resources"):
        shutil.copytree(guard_jar.FOLDER / part, tmp_path / part)
    write_jar(tmp_path, sources=guard_jar.sources_sha256(tmp_path))
    return tmp_path


def write_jar(folder, *, sources):
    manifest = (
        "Manifest-Version: 1.0\r\nImplementation-Version: 9.8.7\r\n"
        f"Sources-SHA-256: {sources[:40]}\r\n {sources[40:]}\r\n\r\nName: other/\r\nSources-SHA-256: x\r\n"
    )
    with zipfile.ZipFile(folder / guard_jar.JAR_NAME, "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", manifest)


def test_a_jar_is_described_by_its_digest_and_its_manifest(folder):
    jar = guard_jar.current_guard_jar(folder)
    assert jar.path == folder / "glue-secure-request-guard.jar"
    assert jar.sha256 == hashlib.sha256(jar.path.read_bytes()).hexdigest()
    assert (jar.version, jar.sources_sha256) == ("9.8.7", guard_jar.sources_sha256())


@pytest.mark.parametrize("content", [None, b"", b"not a JAR"])
def test_a_missing_or_damaged_jar_is_no_jar(folder, content):
    (folder / guard_jar.JAR_NAME).unlink()
    if content is not None:
        (folder / guard_jar.JAR_NAME).write_bytes(content)
    assert guard_jar.guard_jar(folder) is None
    assert guard_jar.current_guard_jar(folder) is None


def test_an_archive_without_a_manifest_is_no_jar(folder):
    with zipfile.ZipFile(folder / guard_jar.JAR_NAME, "w") as jar:
        jar.writestr("other", "")
    assert guard_jar.guard_jar(folder) is None


def test_a_changed_added_renamed_or_removed_source_makes_the_jar_outdated(folder):
    source = next((folder / "src").rglob("Guard.java"))
    text = source.read_bytes()
    source.write_bytes(text + b"\n")
    assert guard_jar.current_guard_jar(folder) is None
    source.write_bytes(text)
    assert guard_jar.current_guard_jar(folder) is not None
    (source.parent / "Added.java").write_text("")
    assert guard_jar.current_guard_jar(folder) is None
    (source.parent / "Added.java").unlink()
    source.rename(source.with_name("Other.java"))
    assert guard_jar.current_guard_jar(folder) is None
    source.with_name("Other.java").unlink()
    assert guard_jar.current_guard_jar(folder) is None
    assert guard_jar.guard_jar(folder) is not None


def test_the_plugin_and_the_handlers_that_the_resources_name_are_among_the_sources():
    names = [guard_jar.PLUGIN_CLASS]
    for name, content in guard_jar.sources().items():
        if name.endswith(("request.handler2s", "execution.interceptors")):
            names += content.decode().split()
    assert len(names) == 3
    for name in names:
        assert f"src/{name.replace('.', '/')}.java" in guard_jar.sources()
