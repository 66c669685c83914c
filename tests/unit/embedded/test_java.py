import subprocess
from pathlib import Path

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.embedded.installed_spark import InstalledSpark
from glue_secure.embedded.java import java_home, launchable_java_home, major_version

SPARK_3_5 = InstalledSpark(Path("/pyspark"), "3.5.6", "3.5")
SPARK_4_1 = InstalledSpark(Path("/pyspark"), "4.1.1", "4.1")


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
    assert java_home(SPARK_3_5, {"JAVA_HOME": str(home)}) == home


@pytest.mark.parametrize("version", ["17.0.9", "21.0.3"])
def test_spark_4_runs_on_newer_java(tmp_path: Path, version: str) -> None:
    home = make_java(tmp_path, version)
    assert java_home(SPARK_4_1, {"JAVA_HOME": str(home)}) == home


def test_spark_4_does_not_run_on_java_11(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot run Spark 4\.1\n.*Java 11\.0\.2\n.*Java 17 or 21"):
        java_home(SPARK_4_1, {"JAVA_HOME": str(make_java(tmp_path, "11.0.2"))})


def test_the_version_of_a_java_without_a_release_file_is_read_from_its_output(tmp_path: Path) -> None:
    home = make_java(tmp_path, prints='openjdk version "11.0.2" 2019-01-15')
    assert java_home(SPARK_3_5, {"JAVA_HOME": str(home)}) == home


@pytest.mark.parametrize("version", ["21.0.3", "1.7.0", "25"])
def test_a_java_of_another_version_is_refused(tmp_path: Path, version: str) -> None:
    with pytest.raises(UsageError, match=f"found: +Java {version}"):
        java_home(SPARK_3_5, {"JAVA_HOME": str(make_java(tmp_path, version))})


def test_java_home_without_java_is_refused_and_not_replaced_by_the_packaged_java(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no program bin/java"):
        java_home(SPARK_3_5, {"JAVA_HOME": str(tmp_path)})


def test_without_java_home_the_packaged_java_is_used_and_path_is_ignored(tmp_path: Path) -> None:
    make_java(tmp_path, "21.0.1")
    home = java_home(SPARK_3_5, {"PATH": str(tmp_path / "bin")})
    assert (home / "bin" / "java").exists()
    assert home != tmp_path


def test_a_version_without_a_number_is_zero() -> None:
    assert major_version("") == 0


def make_modular_java(home: Path, *modules: str) -> Path:
    make_java(home)
    (home / "bin" / "java").write_text(
        "#!/bin/sh\n"
        f"[ \"$1\" = --list-modules ] && {{ printf '%s@17\\n' {' '.join(modules)}; exit; }}\n"
        "printf '[%s]' \"$@\"\n"
    )
    return home


def test_a_java_without_the_vector_module_gets_a_wrapper_that_spark_4_can_start(tmp_path: Path) -> None:
    home = make_modular_java(tmp_path / "a java's", "java.base", "java.sql")
    wrapper = launchable_java_home(home, SPARK_4_1, tmp_path / "wrapper")
    words = ["-Da=b c", "--add-modules=jdk.incubator.vector", "-cp", "", "--add-modules=java.sql", "'$x'"]
    completed = subprocess.run([wrapper / "bin" / "java", *words], capture_output=True, text=True, check=True)
    assert completed.stdout == "[-Da=b c][-cp][][--add-modules=java.sql]['$x']"


def test_a_java_that_spark_can_start_directly_gets_no_wrapper(tmp_path: Path) -> None:
    full = make_modular_java(tmp_path / "full", "java.base", "jdk.incubator.vector")
    slim = make_modular_java(tmp_path / "slim", "java.base")
    assert launchable_java_home(full, SPARK_4_1, tmp_path / "wrapper") == full
    assert launchable_java_home(slim, SPARK_3_5, tmp_path / "wrapper") == slim
    assert not (tmp_path / "wrapper").exists()
