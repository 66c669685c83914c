"""The build backend: setuptools, after a check that the JAR of the request guard is current.

The archives that setuptools builds are written again, so that clock, umask, user and folder do not change
their bytes.

An editable installation works without the JAR, because ``make env`` builds the JAR with it.
"""

from __future__ import annotations

import gzip
import importlib.util
import io
import sys
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import (
    build_editable,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

_YEAR_1980 = 315532800
GUARD_JAR = Path(__file__).resolve().parents[1] / "glue_secure" / "engines" / "spark" / "guard_jar.py"


def build_wheel(*arguments: Any, **options: Any) -> str:
    """Build a wheel. Exit with a message if the JAR is missing or older than its sources."""
    require_guard_jar()
    name = build_meta.build_wheel(*arguments, **options)
    path = Path(arguments[0] if arguments else options["wheel_directory"]) / name
    path.write_bytes(reproducible_zip(path.read_bytes()))
    return name


def build_sdist(*arguments: Any, **options: Any) -> str:
    """Build a source distribution. Exit with a message if the JAR is missing or older than its sources."""
    require_guard_jar()
    name = build_meta.build_sdist(*arguments, **options)
    path = Path(arguments[0] if arguments else options["sdist_directory"]) / name
    path.write_bytes(reproducible_tar(path.read_bytes()))
    return name


def reproducible_zip(content: bytes) -> bytes:
    """Return a zip archive with the same members in the same order, dated 1980 and with mode 0644."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(buffer, "w") as target:
        for name in source.namelist():
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.create_system, member.external_attr = 3, 0o100644 << 16
            target.writestr(member, source.read(name), zipfile.ZIP_DEFLATED, 9)
    return buffer.getvalue()


def reproducible_tar(content: bytes) -> bytes:
    """Return a compressed tar archive with the same members by name, dated 1980 and without an owner."""
    buffer = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(content)) as source,
        gzip.GzipFile(filename="", fileobj=buffer, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as target,
    ):
        for member in sorted(source.getmembers(), key=lambda member: member.name):
            member.mtime, member.pax_headers = _YEAR_1980, {}
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            executable = member.isdir() or member.mode & 0o100
            member.mode = 0o755 if executable else 0o644
            target.addfile(member, source.extractfile(member) if member.isfile() else None)
    return buffer.getvalue()


def require_guard_jar() -> None:
    """Exit with a message if the JAR of the request guard is missing or older than its sources."""
    guard_jar = _load_guard_jar()
    if guard_jar.current_guard_jar() is None:
        raise SystemExit(
            f"{guard_jar.JAR_NAME} is missing or was built from other sources.\n"
            "  required: the JAR of the request guard, built from the sources in this folder\n"
            "  fix:      make guard"
        )


def _load_guard_jar() -> ModuleType:
    # By its path: an isolated build has none of the package's dependencies.
    spec = importlib.util.spec_from_file_location("guard_jar", GUARD_JAR)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{GUARD_JAR} is missing")
    module = importlib.util.module_from_spec(spec)
    # A dataclass needs its module in this table.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
