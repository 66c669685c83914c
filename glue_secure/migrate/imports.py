"""Which files of a set import which others."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Set
from pathlib import PurePath
from typing import TypeVar

_Path = TypeVar("_Path", bound=PurePath)
# Packages that are installed in Glue: a file with the name of one of their modules is not that module.
_INSTALLED = sys.stdlib_module_names | {"awsglue", "awsgluedq", "awsglueml", "glue_secure", "pyspark"}


def imports_between(modules: Mapping[_Path, Set[str]]) -> dict[_Path, tuple[frozenset[_Path], ...]]:
    """Return the files that each file imports, given the modules that its imports name.

    There is one set for each module. It has more than one file if the module may be any of these: Glue
    imports from the folders of ``--extra-py-files``, which the paths do not show. A module is a file if its
    dotted name is the end of the file's path. A file beside the importing one comes first, as in
    ``sys.path``. Relative modules begin with their dots.
    """
    by_last: dict[str, list[tuple[tuple[str, ...], _Path]]] = {}
    for path in modules:
        parts = (path.parent if path.stem == "__init__" else path.with_suffix("")).parts
        by_last.setdefault(parts[-1] if parts else "", []).append((parts, path))
    return {
        path: tuple(
            files - {path}
            for name in names
            for files in _files(name, path, modules, by_last)
            if files - {path}
        )
        for path, names in modules.items()
    }


def _files(
    name: str,
    importer: _Path,
    paths: Set[_Path] | Mapping[_Path, object],
    by_last: Mapping[str, list[tuple[tuple[str, ...], _Path]]],
) -> Iterator[frozenset[_Path]]:
    """Yield the files that may be a module, then those that may be each package around it."""
    parts = tuple(name.lstrip(".").split(".")) if name.strip(".") else ()
    level = len(name) - len(name.lstrip("."))
    if level:
        base = importer.parent
        for _ in range(level - 1):
            base = base.parent
        yield _of(base, parts, paths)
        return
    if not parts or parts[0] in _INSTALLED or parts[0].startswith("awsglue"):
        return
    beside = _of(importer.parent, parts, paths)
    found = beside or frozenset(
        path for ends, path in by_last.get(parts[-1], ()) if ends[-len(parts) :] == parts
    )
    yield found
    for depth in range(1, len(parts)):
        packages = set()
        for path in found:
            folder = path.parent.parent if path.stem == "__init__" else path.parent
            for _ in range(depth - 1):
                folder = folder.parent
            packages.add(folder / "__init__.py")
        yield frozenset(package for package in packages if package in paths)


def _of(
    folder: _Path, parts: tuple[str, ...], paths: Set[_Path] | Mapping[_Path, object]
) -> frozenset[_Path]:
    base = folder.joinpath(*parts)
    files = [base / "__init__.py", *([base.with_name(f"{base.name}.py")] if base.name else [])]
    return frozenset(path for path in files if path in paths)
