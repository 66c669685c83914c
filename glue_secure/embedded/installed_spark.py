"""Which Spark pyspark brought: looked up in its folder, without importing it or starting a JVM."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

from glue_secure.core.errors import UsageError
from glue_secure.embedded.jars import SPARK_JARS, Artifact

_CORE = re.compile(r"spark-core_[\d.]+-(?P<version>(?P<line>\d+\.\d+)\.\S+)\.jar")

# https://spark.apache.org/docs/3.5.6/#downloading and https://spark.apache.org/docs/4.1.1/#downloading
_JAVA = {"3.5": (8, 11, 17), "4.1": (17, 21)}


@dataclass(frozen=True, slots=True)
class InstalledSpark:
    """The Spark of the pyspark that this Python imports.

    Attributes:
        folder: pyspark's own, which is a ``SPARK_HOME``.
        version: such as ``3.5.6``.
        line: such as ``3.5``; one of those that the embedded account knows.
    """

    folder: Path
    version: str
    line: str

    @property
    def jars(self) -> tuple[Artifact, ...]:
        """What belongs on its class path beside its own jars."""
        return SPARK_JARS[self.line]

    @property
    def java(self) -> tuple[int, ...]:
        """The major versions of Java that it runs on."""
        return _JAVA[self.line]

    def bundled_jar(self, pattern: str) -> Path:
        """The first of its own jars that matches a shell pattern.

        Raises:
            UsageError: there is none.
        """
        for jar in sorted((self.folder / "jars").glob(pattern)):
            return jar
        raise _none(f"a pyspark without jars/{pattern}")


def installed_spark() -> InstalledSpark:
    """Find pyspark and tell its Spark line from its jars.

    Raises:
        UsageError: there is no pyspark, or it is of a line that the embedded account has no jars for.
    """
    found = importlib.util.find_spec("pyspark")
    for place in (found.submodule_search_locations or ()) if found else ():
        return _of_folder(Path(place).absolute())
    raise _none("no pyspark")


def _of_folder(folder: Path) -> InstalledSpark:
    for jar in sorted((folder / "jars").glob("spark-core_*.jar")):
        match = _CORE.fullmatch(jar.name)
        if match and match["line"] in SPARK_JARS:
            return InstalledSpark(folder, match["version"], match["line"])
        raise _none(f"one with {jar.name}")
    raise _none("one without jars/spark-core_*.jar")


def _none(found: str) -> UsageError:
    return UsageError(
        "the embedded account needs a pyspark that it knows",
        found=found,
        required=" or ".join(f"pyspark {line}" for line in SPARK_JARS),
        fix='pip install "glue-secure[local]"',
    )
