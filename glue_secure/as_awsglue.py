"""``import glue_secure.as_awsglue`` lets every later ``import awsglue`` give this package.

A script, and every library that it imports, then uses glue-secure without an edit. ``awsglue.context`` and
``glue_secure.context`` are the same module object, so a test that patches ``awsglue.context.GlueContext``
patches what the script uses. In AWS Glue, the classes are glue-secure's subclasses of awsglue's. The same is
true of ``awsgluedq.transforms`` and ``awsglueml.transforms``.

``glue-secure run --as-awsglue SCRIPT`` does the same in the driver and in Spark's Python workers, and
``pytest -p glue_secure.as_awsglue`` in tests.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pkgutil import iter_modules
from types import ModuleType

from glue_secure.run.missing_packages import REASONS, REPLACEMENTS, AliasLoader, missing

__all__ = ["install"]

_PACKAGE = "glue_secure"
_AWSGLUE = "awsglue"
_TRANSFORMS = f"{_AWSGLUE}.transforms"
_MODULES = frozenset(
    f"{_AWSGLUE}.{name}"
    for name in (
        "context",
        "data_sink",
        "data_source",
        "dataframe_transforms",
        "dynamicframe",
        "functions",
        "gluetypes",
        "job",
        "transforms",
        "utils",
    )
)


def install() -> None:
    """Replace awsglue in this process. A second call does nothing."""
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    if not _is_spark() and find_spec(_AWSGLUE) is not None:
        _load_adapter()
    for name in [
        name
        for name in sys.modules
        if name == _AWSGLUE or name.startswith(f"{_AWSGLUE}.") or name in REPLACEMENTS
    ]:
        # AWS's own packages remain, because only their module of transforms is replaced.
        if _is_spark() or name not in REPLACEMENTS or "." in name:
            del sys.modules[name]
    sys.meta_path.insert(0, _Finder())
    sys.modules[_AWSGLUE] = sys.modules[_PACKAGE]


def _load_adapter() -> None:
    """Import the subclasses of awsglue's classes, which need awsglue's own modules under their names."""
    adapter = import_module(f"{_PACKAGE}.engines.awsglue")
    for module in iter_modules(adapter.__path__, f"{adapter.__name__}."):
        import_module(module.name)


class _Finder(MetaPathFinder):
    """Finds ``awsglue`` and its modules in this package."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - part of the interface
        target: ModuleType | None = None,  # noqa: ARG002 - part of the interface
    ) -> ModuleSpec | None:
        if fullname in REASONS and _is_spark():
            raise missing(fullname)
        if fullname in REPLACEMENTS:
            return ModuleSpec(fullname, AliasLoader(REPLACEMENTS[fullname]))
        if fullname == _AWSGLUE or fullname in _MODULES:
            return ModuleSpec(fullname, AliasLoader(_PACKAGE + fullname.removeprefix(_AWSGLUE)))
        module, _, name = fullname.rpartition(".")
        if module == _TRANSFORMS and name in import_module(f"{_PACKAGE}.transforms").MODULES:
            return ModuleSpec(fullname, AliasLoader(f"{_PACKAGE}.transforms"))
        if fullname.startswith(f"{_AWSGLUE}."):
            # Without this, the package's other modules would be imported a second time under this name.
            raise ModuleNotFoundError(
                f"No module named {fullname!r}: glue-secure replaces awsglue and has no such module",
                name=fullname,
            )
        return None


def _is_spark() -> bool:
    return os.environ.get("GLUE_SECURE_RUNTIME") == "spark"


install()
