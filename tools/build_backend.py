"""The build backend: setuptools, after a check that the JAR of the request guard is current.

An editable installation works without the JAR, because ``make env`` builds the JAR with it.
"""

from __future__ import annotations

import importlib.util
import sys
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

GUARD_JAR = Path(__file__).resolve().parents[1] / "glue_secure" / "engines" / "spark" / "guard_jar.py"


def build_wheel(*arguments: Any, **options: Any) -> str:
    """Build a wheel. Exit with a message if the JAR is missing or older than its sources."""
    require_guard_jar()
    return build_meta.build_wheel(*arguments, **options)


def build_sdist(*arguments: Any, **options: Any) -> str:
    """Build a source distribution. Exit with a message if the JAR is missing or older than its sources."""
    require_guard_jar()
    return build_meta.build_sdist(*arguments, **options)


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
