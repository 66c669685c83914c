"""The build backend refuses to build a distribution without the current JAR of the request guard."""

import shutil
import tarfile
import zipfile

import build_backend
import pytest

from glue_secure.engines.spark import guard_jar


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A source tree with the module that finds the JAR, and the Java sources, but no JAR."""
    shutil.copy(guard_jar.__file__, tmp_path / "guard_jar.py")
    shutil.copytree(guard_jar.FOLDER, tmp_path / "jvm", ignore=shutil.ignore_patterns("*.jar"))
    monkeypatch.setattr(build_backend, "GUARD_JAR", tmp_path / "guard_jar.py")
    zipfile.ZipFile(tmp_path / "built.whl", "w").close()
    tarfile.open(tmp_path / "built.tar.gz", "w:gz").close()
    monkeypatch.setattr(build_backend.build_meta, "build_wheel", lambda *_: "built.whl")
    monkeypatch.setattr(build_backend.build_meta, "build_sdist", lambda *_: "built.tar.gz")
    return tmp_path


@pytest.mark.parametrize("build", [build_backend.build_wheel, build_backend.build_sdist])
def test_without_the_jar_or_with_an_outdated_one_nothing_is_built(build, source):
    with pytest.raises(SystemExit, match="make guard"):
        build(str(source))
    shutil.copy(guard_jar.guard_jar().path, source / "jvm")
    assert build(str(source)).startswith("built.")
    next((source / "jvm" / "src").rglob("Guard.java")).write_text("changed")
    with pytest.raises(SystemExit, match="was built from other sources"):
        build(str(source))
