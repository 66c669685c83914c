"""The JAR of the request guard, a Spark plugin in Java: where it is, and which sources it was built from.

The JAR is compiled from ``jvm/src`` and ``jvm/resources`` by ``tools/build-request-guard``. It is not in the
repository, but in every wheel and source distribution. This module uses the standard library only, because
the build backend loads it by its path.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

PLUGIN_CLASS = "gluesecure.guard.GuardPlugin"
"""Name of the guard's class."""
PLUGIN_SETTING = {"spark.plugins": PLUGIN_CLASS}
"""The Spark setting that loads the guard. Spark does not start if the JAR is not on its class path."""

JAR_NAME = "glue-secure-request-guard.jar"
FOLDER = Path(__file__).with_name("jvm")
"""Folder of the JAR and of its sources, beside this module."""

BUILD_COMMAND = "python tools/build-request-guard"
SOURCES_ATTRIBUTE = "Sources-SHA-256"
VERSION_ATTRIBUTE = "Implementation-Version"


@dataclass(frozen=True, slots=True)
class GuardJar:
    """The JAR as a file.

    Attributes:
        path: The file.
        sha256: SHA-256 of the file, in hexadecimal.
        sources_sha256: SHA-256 of the sources that it was built from, from its manifest.
        version: Version of glue-secure that it was built for, from its manifest.
    """

    path: Path
    sha256: str
    sources_sha256: str
    version: str


def guard_jar(folder: Path = FOLDER) -> GuardJar | None:
    """Return the JAR, or None if the package was built without it or is imported from a zip file.

    A JAR that cannot be read as one counts as missing.
    """
    path = folder / JAR_NAME
    try:
        content = path.read_bytes()
        with zipfile.ZipFile(path) as jar:
            attributes = manifest_attributes(jar.read("META-INF/MANIFEST.MF").decode())
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return None
    return GuardJar(
        path,
        hashlib.sha256(content).hexdigest(),
        attributes.get(SOURCES_ATTRIBUTE, ""),
        attributes.get(VERSION_ATTRIBUTE, ""),
    )


def current_guard_jar(folder: Path = FOLDER) -> GuardJar | None:
    """Return the JAR if it was built from the sources beside it, else None."""
    jar = guard_jar(folder)
    return jar if jar is not None and jar.sources_sha256 == sources_sha256(folder) else None


def sources(folder: Path = FOLDER) -> dict[str, bytes]:
    """Return the files that the JAR is built from: path relative to ``folder``, and content."""
    files = (path for part in ("resources", "src") for path in (folder / part).rglob("*"))
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files if path.is_file()}
    return dict(sorted(found.items()))


def sources_sha256(folder: Path = FOLDER) -> str:
    """Return one SHA-256 over the sources' names and contents, in hexadecimal."""
    digest = hashlib.sha256()
    for name, content in sources(folder).items():
        digest.update(f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode())
    return digest.hexdigest()


def manifest_attributes(text: str) -> dict[str, str]:
    """Return the main attributes of a JAR's manifest. A line that starts with a blank continues a value."""
    unfolded = text.replace("\r\n", "\n").replace("\n ", "")
    return dict(line.split(": ", 1) for line in unfolded.partition("\n\n")[0].splitlines() if ": " in line)
