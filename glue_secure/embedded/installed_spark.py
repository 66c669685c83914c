"""The version of Spark in the installed pyspark, read from its folder without importing it."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

from glue_secure.core.errors import UsageError
from glue_secure.embedded.jars import SPARK_JARS, Artifact

_CORE = re.compile(r"spark-core_[\d.]+-(?P<version>(?P<line>\d+\.\d+)\.\S+)\.jar")

# https://spark.apache.org/docs/3.5.6/#downloading and https://spark.apache.org/docs/4.1.1/#downloading
_JAVA = {"3.5": (8, 11, 17), "4.1": (17, 21)}


@dataclass(frozen=True, slots=True)
class InstalledSpark:
    """Spark as contained in the pyspark that this Python imports.

    Attributes:
        folder: pyspark's package folder, which is a ``SPARK_HOME``.
        version: for example ``3.5.6``.
        line: for example ``3.5``; a key of ``SPARK_JARS``.
    """

    folder: Path
    version: str
    line: str

    @property
    def jars(self) -> tuple[Artifact, ...]:
        """The JARs to add to the class path, besides those of pyspark."""
        return SPARK_JARS[self.line]

    @property
    def java(self) -> tuple[int, ...]:
        """The major versions of Java that this Spark supports."""
        return _JAVA[self.line]

    def bundled_jar(self, pattern: str) -> Path:
        """Return the first of pyspark's JARs that matches a shell pattern.

        Raises:
            UsageError: no JAR matches.
        """
        for jar in sorted((self.folder / "jars").glob(pattern)):
            return jar
        raise _unsupported(f"a pyspark without jars/{pattern}")


def installed_spark() -> InstalledSpark:
    """Find pyspark, and read its Spark line from its JARs.

    A test may have replaced the module by a mock before the account starts, so the module is not imported and
    ``sys.modules`` is not read.

    Raises:
        UsageError: pyspark is not installed, or the embedded account has no JARs for its line.
    """
    spec = PathFinder.find_spec("pyspark")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        return spark_in(Path(location).absolute())
    raise _unsupported("no pyspark")


def spark_in(folder: Path) -> InstalledSpark:
    """Read the Spark line from the JARs below pyspark's package folder.

    Raises:
        UsageError: the folder has no Spark, or the embedded account has no JARs for its line.
    """
    for jar in sorted((folder / "jars").glob("spark-core_*.jar")):
        match = _CORE.fullmatch(jar.name)
        if match and match["line"] in SPARK_JARS:
            return InstalledSpark(folder, match["version"], match["line"])
        raise _unsupported(f"a pyspark with {jar.name}")
    raise _unsupported("a pyspark without jars/spark-core_*.jar")


def require_spark_of(home: Path, state: Path) -> None:
    """Require the version of pyspark that an account was started with.

    Args:
        home: the account's ``SPARK_HOME``, whose entries link to the pyspark of the process that started it.
        state: the account's state folder.

    Raises:
        UsageError: this Python has another version, or that pyspark was removed.
    """
    jars = home / "jars"
    if not jars.is_symlink():
        return
    started_with = spark_in(home).version if jars.exists() else ""
    own = installed_spark().version
    if started_with == own:
        return
    folder = shlex.quote(str(state))
    install = f", or python -m pip install pyspark=={started_with}" if started_with else ""
    raise UsageError(
        f"the embedded account in {state}",
        found=f"started with Spark {started_with}, and this Python has pyspark {own}"
        if started_with
        else "started by a Python environment that was removed",
        required="an account that this Python environment, or one with the same pyspark, has started",
        fix=f"glue-secure local down --state {folder} && glue-secure local up --state {folder}, which "
        f"deletes the account's data{install}",
    )


def _unsupported(found: str) -> UsageError:
    return UsageError(
        "the embedded account needs a supported pyspark",
        found=found,
        required=" or ".join(f"pyspark {line}" for line in SPARK_JARS),
        fix="python -m pip install 'pyspark>=3.5.6,!=4.0.*,<4.2'",
    )
