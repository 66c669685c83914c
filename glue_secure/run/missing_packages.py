"""The reason in the error of an import of a package that AWS Glue has and plain Spark lacks."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

REASONS = {
    "awsglue.blueprint": "blueprints create workflows and jobs and are not part of a job",
    "awsgluedq": "convert the ruleset with `glue-secure quality convert` and use "
    "glue_secure.transforms.QualityGate (docs/quality.md)",
    "awsglueml": "AWS provides its models in AWS Glue only",
}
"""Package → why glue-secure has no replacement."""


def missing(package: str) -> ModuleNotFoundError:
    """Return the error of an import of a package of ``REASONS``."""
    return ModuleNotFoundError(f"{package} is not available in plain Spark: {REASONS[package]}", name=package)


class MissingPackageFinder(MetaPathFinder):
    """Explains an import that every other finder has failed to find. The last entry of ``sys.meta_path``."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - part of the interface
        target: ModuleType | None = None,  # noqa: ARG002 - part of the interface
    ) -> ModuleSpec | None:
        """Return None. Raises ModuleNotFoundError for a package of ``REASONS``."""
        if fullname in REASONS:
            raise missing(fullname)
        return None


def install() -> None:
    """Append the finder to ``sys.meta_path``. A second call does nothing."""
    if not any(isinstance(finder, MissingPackageFinder) for finder in sys.meta_path):
        sys.meta_path.append(MissingPackageFinder())
