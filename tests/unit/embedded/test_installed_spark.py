import re
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.embedded import installed_spark as module
from glue_secure.embedded.installed_spark import installed_spark
from glue_secure.embedded.jars import POSTGRES, SPARK_JARS


def pyspark_with(folder: Path, *jars: str) -> Path:
    (folder / "jars").mkdir()
    for jar in jars:
        (folder / "jars" / jar).touch()
    return folder


@pytest.mark.parametrize(
    ("jar", "version", "line"),
    [("spark-core_2.12-3.5.6.jar", "3.5.6", "3.5"), ("spark-core_2.13-4.1.1.jar", "4.1.1", "4.1")],
)
def test_the_spark_version_is_read_from_the_jars(tmp_path: Path, jar: str, version: str, line: str) -> None:
    spark = module.spark_in(pyspark_with(tmp_path, jar))
    assert (spark.folder, spark.version, spark.line) == (tmp_path, version, line)
    assert spark.jars == SPARK_JARS[line]


@pytest.mark.parametrize("jar", ["spark-core_2.13-4.0.1.jar", "spark-core_2.13-4.2.0.jar"])
def test_a_line_without_pinned_jars_is_refused(tmp_path: Path, jar: str) -> None:
    with pytest.raises(UsageError, match=rf"a pyspark with {re.escape(jar)}\n.*pyspark 3\.5 or pyspark 4\.1"):
        module.spark_in(pyspark_with(tmp_path, jar))


def test_a_pyspark_without_jars_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a pyspark without jars/spark-core"):
        module.spark_in(pyspark_with(tmp_path))


def test_no_pyspark_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.PathFinder, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"found: +no pyspark\n"):
        installed_spark()


def test_a_mock_in_place_of_pyspark_does_not_hide_the_installed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = installed_spark()
    monkeypatch.setitem(sys.modules, "pyspark", Mock())
    assert installed_spark() == expected


def test_the_error_names_a_jar_that_pyspark_lacks(tmp_path: Path) -> None:
    spark = module.spark_in(pyspark_with(tmp_path, "spark-core_2.12-3.5.6.jar"))
    with pytest.raises(UsageError, match=r"a pyspark without jars/ivy-\*\.jar"):
        spark.bundled_jar("ivy-*.jar")


def test_hadoop_aws_and_avro_are_of_the_versions_inside_the_installed_pyspark() -> None:
    spark = installed_spark()
    pinned = {artifact.name: artifact.version for artifact in spark.jars}
    assert (
        spark.bundled_jar("hadoop-client-api-*.jar").name == f"hadoop-client-api-{pinned['hadoop-aws']}.jar"
    )
    core = spark.bundled_jar("spark-core_*.jar").name
    (avro,) = (name for name in pinned if name.startswith("spark-avro_"))
    assert core == f"{avro.replace('avro', 'core')}-{pinned[avro]}.jar"


def test_every_artifact_has_a_digest_a_size_and_a_unique_file_name() -> None:
    for artifacts in (*SPARK_JARS.values(), tuple(POSTGRES.values())):
        assert all(re.fullmatch("[0-9a-f]{64}", artifact.sha256) for artifact in artifacts)
        assert all(artifact.size > 0 for artifact in artifacts)
        assert len({artifact.file_name for artifact in artifacts}) == len(artifacts)
