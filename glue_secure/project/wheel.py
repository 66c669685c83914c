"""The wheel that Glue jobs install, built from the files of the installed package.

The wheel has the same files with the same bytes as a build by setuptools (``python -m build --wheel``), so
that an auditor can compare a deployed wheel with the repository. Building it needs neither a source checkout
nor a build tool.
The format is the binary distribution format:
https://packaging.python.org/en/latest/specifications/binary-distribution-format/.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from glue_secure import __version__
from glue_secure.core.errors import UsageError
from glue_secure.engines.spark import guard_jar
from glue_secure.project.archive import archive

if TYPE_CHECKING:
    from importlib.abc import Traversable

DISTRIBUTION = "glue-secure"
PACKAGE = "glue_secure"
NAME = f"{PACKAGE}-{__version__}-py3-none-any.whl"
# The kinds of file that the package contains. Other files, such as caches and editor backups, are not packed.
SUFFIXES = (".py", ".typed", ".txt", ".json", ".html", ".css", ".jar", ".java", ".handler2s", ".interceptors")

_INFO = f"{PACKAGE}-{__version__}.dist-info"
_LICENSE = "licenses/LICENSE"
_METADATA = "METADATA"
_INFO_FILES = (_LICENSE, _METADATA, "WHEEL", "entry_points.txt", "top_level.txt")


def build_wheel() -> bytes:
    """Return the wheel as bytes. They depend on the package only, not on the time or place of the build.

    Raises:
        UsageError: The metadata of the installed package is missing, incomplete or of another version, or the
            JAR of the request guard is missing or not built from the package's sources.
    """
    distribution = installed()
    require_guard_jar()
    members = list(package_files())
    members += [(f"{_INFO}/{name}", _info_file(distribution, name)) for name in _INFO_FILES]
    return archive([*members, (f"{_INFO}/RECORD", _record(members))])


def package_files() -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file of the package, in the order in which setuptools packs them."""
    return _files_below(files(PACKAGE), PACKAGE)


def require_guard_jar() -> guard_jar.GuardJar:
    """Return the JAR of the request guard.

    Raises:
        UsageError: The JAR is missing or not built from the package's sources.
    """
    jar = guard_jar.current_guard_jar()
    if jar is not None:
        return jar
    raise UsageError(
        f"the JAR of the request guard, {guard_jar.JAR_NAME}",
        found="no JAR, or a JAR that was built from other sources",
        required="the JAR that was built from the package's sources",
        fix="make guard" if _checkout() else "pip install --force-reinstall SOURCE, a wheel of glue-secure",
    )


def installed() -> Distribution:
    """Return the metadata of the running package.

    Raises:
        UsageError: The metadata is missing or of another version.
    """
    # The egg-info of a source folder comes first on the path and may be older than the installation.
    candidates = sorted(
        distributions(name=DISTRIBUTION), key=lambda candidate: candidate.read_text("WHEEL") is None
    )
    if not candidates:
        raise _broken("no metadata")
    if candidates[0].version != __version__:
        raise _broken(f"metadata of version {candidates[0].version}")
    return candidates[0]


def _files_below(folder: Traversable, name: str) -> Iterator[tuple[str, bytes]]:
    entries = sorted(
        (entry for entry in folder.iterdir() if not entry.name.startswith((".", "__pycache__"))),
        key=lambda entry: entry.name,
    )
    for entry in entries:
        if entry.is_file() and entry.name.endswith(SUFFIXES):
            yield f"{name}/{entry.name}", entry.read_bytes()
    for entry in entries:
        if entry.is_dir():
            yield from _files_below(entry, f"{name}/{entry.name}")


def _info_file(distribution: Distribution, name: str) -> bytes:
    text = distribution.read_text(name)
    if text is None:
        raise _broken(f"metadata without {name}")
    checkout = _checkout()
    if checkout is not None and name == _LICENSE:
        text = (checkout / "LICENSE").read_text(encoding="utf-8")
    if checkout is not None and name == _METADATA:
        # An editable installation does not follow changes of the README, which is the description.
        text = text.partition("\n\n")[0] + "\n\n" + (checkout / "README.md").read_text(encoding="utf-8")
    return text.encode()


def _checkout() -> Path | None:
    """Return the source checkout that the package runs from, or None for an installed copy."""
    package = files(PACKAGE)
    if isinstance(package, Path) and (package.parent / "setup.cfg").is_file():
        return package.parent
    return None


def _record(members: list[tuple[str, bytes]]) -> bytes:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    for name, content in members:
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        rows.writerow((name, f"sha256={digest}", len(content)))
    rows.writerow((f"{_INFO}/RECORD", "", ""))
    return text.getvalue().encode()


def _broken(found: str) -> UsageError:
    return UsageError(
        f"the installed package {DISTRIBUTION}",
        found=found,
        required=f"complete metadata of version {__version__}",
        fix="pip install --force-reinstall SOURCE, the location that it was installed from",
    )
