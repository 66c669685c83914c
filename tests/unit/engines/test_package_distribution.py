"""Distribution of the package to the executors."""

import stat
import zipimport
from pathlib import Path

import pytest

import glue_secure
from glue_secure.engines import package_distribution
from glue_secure.project.wheel import NAME, build_wheel


class Context:
    def __init__(self, application):
        self.applicationId = application
        self.added = []

    def addPyFile(self, path):
        self.added.append(Path(path))


class Session:
    def __init__(self, application="app-1"):
        self.sparkContext = Context(application)


@pytest.fixture
def from_archive(tmp_path, monkeypatch):
    """Set the package's import spec as if it were imported from an archive of this name."""

    def imported(name):
        path = tmp_path / name
        path.write_bytes(build_wheel())
        spec = zipimport.zipimporter(str(path)).find_spec("glue_secure")
        monkeypatch.setattr(glue_secure, "__spec__", spec)
        return path

    monkeypatch.setattr(package_distribution, "_applications", set())
    monkeypatch.setattr(package_distribution, "_copy", None)
    return imported


def test_an_installed_package_is_not_distributed():
    assert package_distribution.wheel_archive() is None
    assert package_distribution.ship_package(object()) is False


@pytest.mark.parametrize("name", ["glue_secure-1.zip", "glue_secure-1.egg"])
def test_an_archive_that_spark_distributes_is_not_distributed_again(from_archive, name):
    from_archive(name)
    assert package_distribution.ship_package(object()) is False


def test_the_extensions_are_sparks():
    from pyspark import SparkContext

    assert package_distribution.PACKAGE_EXTENSIONS == SparkContext.PACKAGE_EXTENSIONS


def test_a_wheel_is_distributed_once_per_application_as_a_private_zip(from_archive):
    wheel = from_archive(NAME)
    first, second = Session("app-1"), Session("app-2")
    assert package_distribution.ship_package(first) is True
    assert package_distribution.ship_package(first) is False
    assert package_distribution.ship_package(second) is True
    (sent,) = first.sparkContext.added
    assert second.sparkContext.added == [sent]
    assert sent.suffix == ".zip"
    assert sent.read_bytes() == wheel.read_bytes()
    assert stat.S_IMODE(sent.parent.stat().st_mode) == 0o700


def test_the_copy_is_removed_at_exit_but_not_by_a_forked_child(tmp_path):
    folder = tmp_path / "copy"
    folder.mkdir()
    package_distribution._remove(folder, -1)
    assert folder.exists()
    import os

    package_distribution._remove(folder, os.getpid())
    assert not folder.exists()
