from pathlib import Path

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.local.java import java_home, major_version


def make_java(home: Path, release: str = "", prints: str = "") -> Path:
    (home / "bin").mkdir(parents=True)
    program = home / "bin" / "java"
    program.write_text(f"#!/bin/sh\necho '{prints}' >&2\n")
    program.chmod(0o755)
    if release:
        (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{release}"\n')
    return home


@pytest.mark.parametrize("version", ["1.8.0_412", "11.0.23", "17.0.9", "17"])
def test_java_home_with_a_supported_java_is_used(tmp_path: Path, version: str) -> None:
    home = make_java(tmp_path / "a java", version)
    assert java_home({"JAVA_HOME": str(home)}) == home


def test_a_java_without_a_release_file_is_asked(tmp_path: Path) -> None:
    home = make_java(tmp_path, prints='openjdk version "11.0.2" 2019-01-15')
    assert java_home({"JAVA_HOME": str(home)}) == home


@pytest.mark.parametrize("version", ["21.0.3", "1.7.0", "25"])
def test_another_java_is_refused_by_its_version(tmp_path: Path, version: str) -> None:
    with pytest.raises(UsageError, match=f"found: +Java {version}"):
        java_home({"JAVA_HOME": str(make_java(tmp_path, version))})


def test_java_home_without_java_is_refused_and_never_replaced(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no program bin/java"):
        java_home({"JAVA_HOME": str(tmp_path)})


def test_without_java_home_the_packaged_java_is_used_whatever_lies_on_path(tmp_path: Path) -> None:
    make_java(tmp_path, "21.0.1")
    home = java_home({"PATH": str(tmp_path / "bin")})
    assert (home / "bin" / "java").exists()
    assert home != tmp_path


def test_a_version_without_a_number_is_zero() -> None:
    assert major_version("") == 0
