"""The scripts below a path: which are read, and their migrations."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from glue_secure.core.errors import UsageError
from glue_secure.core.files import FileChangedError, replace_file
from glue_secure.migrate.imports import imports_between
from glue_secure.migrate.model import Migration, Options
from glue_secure.migrate.script import imports_of, migrate

_SKIPPED = frozenset({"__pycache__", "build", "dist", "node_modules", "site-packages", "venv"})


def scripts_below(paths: Iterable[Path]) -> list[Path]:
    """Return Python files: the paths that are files, and those below folders, sorted.

    Hidden folders, environments and build results are left out, symbolic links to folders, and the files of
    attributes that macOS adds to archives (``._load.py``).

    Raises:
        UsageError: a path does not exist.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            found |= dict.fromkeys(sorted(_walk(path)))
        elif path.is_file():
            found[path] = None
        else:
            raise UsageError(str(path), found="no such file or folder", required="a script or a folder")
    return list(found)


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _SKIPPED]
        if "pyvenv.cfg" in names:
            folders.clear()
            continue
        yield from (Path(parent, name) for name in names if name.endswith(".py") and name[:2] != "._")


def read_all(paths: Iterable[Path]) -> dict[Path, bytes]:
    """Return the bytes of files.

    Raises:
        UsageError: a file cannot be read.
    """
    contents = {}
    for path in paths:
        try:
            contents[path] = path.read_bytes()
        except OSError as error:
            found = error.strerror or type(error).__name__
            raise UsageError(str(path), found=found, required="a readable file") from None
    return contents


def migrate_all(contents: Mapping[Path, bytes], options: Options | None = None) -> dict[Path, Migration]:
    """Return the migration of each script. Imports between the scripts are followed."""
    imports = {path: imports_of(content) for path, content in contents.items()}
    between = imports_between({path: modules for path, (_, _, modules) in imports.items()})
    imported = {path: set().union(*files) for path, files in between.items()}
    awsglue_users = _with_importers({path for path, found in imports.items() if found[0]}, imported)
    spark_users = _with_importers({path for path, found in imports.items() if found[1]}, imported)
    is_module = {other for path, others in imported.items() if not _is_test(path) for other in others}
    return {
        path: migrate(
            content,
            options,
            is_module=path in is_module,
            is_test=_is_test(path),
            uses_awsglue=path in awsglue_users,
            imports_spark=path in spark_users,
        )
        for path, content in contents.items()
    }


def _with_importers(found: set[Path], imported: Mapping[Path, set[Path]]) -> set[Path]:
    """Return scripts, and those that import them, directly or not."""
    while more := {path for path, others in imported.items() if others & found} - found:
        found = found | more
    return found


def write(path: Path, migration: Migration) -> None:
    """Replace a file by its migration. The file has the old or the new content at any time.

    Raises:
        UsageError: the file was changed since it was read, or cannot be written; it is as before.
    """
    try:
        replace_file(path.resolve(), migration.after, expected=migration.before)
    except FileChangedError:
        found, required = "changed by another program", "the file that was read"
        raise UsageError(str(path), found=found, required=required) from None
    except OSError as error:
        found = f"{error.strerror or type(error).__name__}; the file is as before"
        raise UsageError(str(path), found=found, required="a file that can be replaced") from None


def _is_test(path: Path) -> bool:
    return path.name == "conftest.py" or path.name.startswith("test_") or path.stem.endswith("_test")
