"""What the names of a script stand for, by its imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import chain

PACKAGES = ("awsglue", "awsgluedq", "awsglueml")
"""Packages of AWS Glue that glue-secure replaces."""
LINE = "import glue_secure.as_awsglue  # noqa: F401  # isort: skip"
"""The import that guards a script. Tools that sort imports would move it below the imports of awsglue."""
# The name of each module that this package uses, for ``from MODULE import *``.
_STARS = {"awsglue.job": "Job", "awsglue.utils": "getResolvedOptions", "awsglue.context": "GlueContext"}


class Names:
    """The imports of a script, and the values that it assigns to names once.

    Args:
        tree: the script.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
        self.imports.sort(key=lambda node: node.lineno)
        self._full = dict(self._bound())
        self._values: dict[str, ast.expr | None] = {}
        for node in ast.walk(tree):
            for name, value in _assigned(node):
                self._values[name] = None if name in self._values else value

    def _bound(self) -> Iterator[tuple[str, str]]:
        for node in self.imports:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    first = alias.name.partition(".")[0]
                    yield alias.asname or first, alias.name if alias.asname else first
            elif node.module and not node.level:
                module = _as_awsglue(node.module)
                for alias in node.names:
                    if alias.name == "*" and module in _STARS:
                        yield _STARS[module], f"{module}.{_STARS[module]}"
                    else:
                        yield alias.asname or alias.name, f"{module}.{alias.name}"

    def full(self, node: ast.expr) -> str:
        """Return the full name of an expression: ``awsglue.job.Job``. Parts that are no names are empty."""
        if isinstance(node, ast.Name):
            return self._full.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            return f"{self.full(node.value)}.{node.attr}"
        return ""

    def value(self, node: ast.expr | None) -> ast.expr | None:
        """Return an expression, or what was assigned to its name if that is known."""
        return self._values.get(node.id, node) if isinstance(node, ast.Name) else node

    def text(self, node: ast.expr | None) -> str | None:
        """Return the text of a literal, or of a name that was assigned a literal once; None for others."""
        value = self.value(node)
        return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def imported_modules(names: Names) -> frozenset[str]:
    """Return all modules that the imports of a script name."""
    return frozenset(filter(None, chain.from_iterable(map(modules, names.imports))))


def modules(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """Yield the modules that an import may name; relative ones with their dots."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    else:
        module = "." * node.level + (node.module or "")
        yield module
        start = f"{module}." if node.module else module
        yield from (f"{start}{alias.name}" for alias in node.names)


def is_of(module: str, packages: tuple[str, ...]) -> bool:
    """Return whether a module is one of the packages, or below one."""
    return module.partition(".")[0] in packages


def _as_awsglue(module: str) -> str:
    """Return awsglue's name of a module of glue-secure that replaces it."""
    if module.startswith(("glue_secure.awsgluedq", "glue_secure.awsglueml")):
        return module.removeprefix("glue_secure.")
    return f"awsglue{module.removeprefix('glue_secure')}" if is_of(module, ("glue_secure",)) else module


def _assigned(node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield the names that a node binds with their values; None if the value is not known."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield target.id, node.value
            else:
                yield from _stored(target)
    elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)):
        if isinstance(node.target, ast.Name):
            yield node.target.id, node.value
    elif isinstance(node, (ast.AugAssign, ast.For, ast.AsyncFor, ast.comprehension)):
        yield from _stored(node.target)
    elif isinstance(node, ast.arg):
        yield node.arg, None
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        yield from _stored(node.optional_vars)


def _stored(node: ast.expr) -> Iterator[tuple[str, ast.expr | None]]:
    return ((part.id, None) for part in ast.walk(node) if isinstance(part, ast.Name))
