"""Packages that AWS Glue has, and that AWS's container and the package of awsglue on PyPI do not have."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from glue_secure.core.errors import UsageError


def transforms_of(package: str) -> ModuleType | None:
    """Return AWS's module of transforms of a package; None if it is not installed."""
    try:
        # As ``from PACKAGE import transforms``: the package may be glue-secure's, under AWS's name.
        module: ModuleType = __import__(package, fromlist=["transforms"]).transforms
    except ModuleNotFoundError:
        return None
    return None if module.__name__.startswith("glue_secure.") else module


def required(transforms: Any, package: str) -> Any:
    """Return the module of transforms. Raises UsageError if the package is not installed."""
    if transforms is None:
        raise UsageError(
            package,
            found="the package is not installed here",
            required="AWS Glue, which has it; AWS's container does not",
            fix="run the job in AWS Glue, or in plain Spark: glue-secure run SCRIPT",
        )
    return transforms
