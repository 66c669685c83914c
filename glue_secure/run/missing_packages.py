"""Imports of packages that AWS Glue has and plain Spark lacks: a replacement, or an error with the reason."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

REASONS = {"awsglue.blueprint": "blueprints create workflows and jobs and are not part of a job"}
"""Package → why glue-secure has no replacement."""
REPLACEMENTS = {
    name: f"glue_secure.{name}"
    for name in ("awsgluedq", "awsgluedq.transforms", "awsglueml", "awsglueml.transforms")
}
"""Module of AWS Glue → glue-secure's module."""
STUDIO = "glue_secure.dynamicframe.studio_transforms"
STUDIO_MODULES = frozenset(
    f"gs_{name}"
    for name in (
        "array_to_cols", "common", "concat", "derived", "explode", "flatten", "format_timestamp", "now",
        "null_rows", "parse_json", "pivot", "regex_extract", "repartition", "split", "to_timestamp", "uuid",
    )
)  # fmt: skip
"""The modules that scripts of AWS Glue Studio import for its transforms. A job's own modules come first."""


def missing(package: str) -> ModuleNotFoundError:
    """Return the error of an import of a package of ``REASONS``."""
    return ModuleNotFoundError(f"{package} is not available in plain Spark: {REASONS[package]}", name=package)


class AliasLoader(Loader):
    """Gives an existing module another name."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:  # noqa: ARG002 - part of the interface
        """Return the existing module."""
        module = import_module(self._name)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Restore what the import system has replaced."""
        module.__spec__ = self._spec


class MissingPackageFinder(MetaPathFinder):
    """Serves an import that every other finder has failed to find. The last entry of ``sys.meta_path``."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - part of the interface
        target: ModuleType | None = None,  # noqa: ARG002 - part of the interface
    ) -> ModuleSpec | None:
        """Return this project's module. Raises ModuleNotFoundError for ``REASONS``."""
        if fullname in REASONS:
            raise missing(fullname)
        if fullname in REPLACEMENTS:
            return ModuleSpec(fullname, AliasLoader(REPLACEMENTS[fullname]))
        if fullname in STUDIO_MODULES:
            return ModuleSpec(fullname, AliasLoader(STUDIO))
        return None


def install() -> None:
    """Append the finder to ``sys.meta_path``. A second call does nothing."""
    if not any(isinstance(finder, MissingPackageFinder) for finder in sys.meta_path):
        sys.meta_path.append(MissingPackageFinder())
