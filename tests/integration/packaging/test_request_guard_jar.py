"""The JAR of the request guard comes from its sources: a second build gives the same bytes."""

import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from glue_secure import __version__
from glue_secure.engines.spark import guard_jar

ROOT = Path(__file__).resolve().parents[3]
TOOL = ROOT / "tools" / "build-request-guard"


@pytest.fixture(scope="module")
def installed():
    jar = guard_jar.current_guard_jar()
    assert jar is not None, "the JAR of the request guard is missing or outdated; run: make guard"
    return jar


@pytest.fixture(scope="module")
def members(installed):
    with zipfile.ZipFile(installed.path) as jar:
        return {name: jar.read(name) for name in jar.namelist()}


def test_a_second_build_gives_the_same_bytes(installed, tmp_path):
    rebuilt = tmp_path / "a b" / "rebuilt.jar"
    done = subprocess.run([sys.executable, TOOL, rebuilt], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert rebuilt.read_bytes() == installed.path.read_bytes(), (
        "the JAR was not built by this tool; delete it and run: make guard"
    )


def test_the_jar_has_the_version_of_the_package(installed):
    assert installed.version == __version__


def test_the_classes_load_in_java_8(members):
    classes = {name: content for name, content in members.items() if name.endswith(".class")}
    assert f"{guard_jar.PLUGIN_CLASS.replace('.', '/')}.class" in classes
    for name, content in classes.items():
        magic, _minor, major = struct.unpack(">IHH", content[:8])
        assert (magic, major) == (0xCAFEBABE, 52), name


def test_the_jar_has_the_classes_and_the_resources_and_nothing_else(members):
    resources = {
        name.removeprefix("resources/"): content
        for name, content in guard_jar.sources().items()
        if name.startswith("resources/")
    }
    others = {name for name in members if not name.startswith("gluesecure/guard/")}
    assert others - {"META-INF/MANIFEST.MF"} <= set(resources)
    assert {name: members[name] for name in resources} == resources


def test_no_path_of_the_building_machine_is_in_the_jar(members):
    for name, content in members.items():
        assert str(ROOT).encode() not in content, name
