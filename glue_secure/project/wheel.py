"""The wheel for jobs, made from the files of the package that is running.

It needs no source checkout and no build tool: what is imported is what is packed, less the rooms that
serve a laptop, and slimmed. The form is the binary distribution format of
https://packaging.python.org/en/latest/specifications/binary-distribution-format/.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from glue_secure import __version__
from glue_secure.core.errors import UsageError
from glue_secure.project.archive import archive
from glue_secure.project.slim import slim

if TYPE_CHECKING:
    from importlib.abc import Traversable

DISTRIBUTION = "glue-secure"
PACKAGE = "glue_secure"
NAME = f"{PACKAGE}-{__version__}-py3-none-any.whl"
# What the package is made of. Anything else beneath it (caches, an editor's copies) is not packed.
SUFFIXES = (".py", ".typed", ".txt", ".json")
LAPTOP_ROOMS = frozenset(("cli", "embedded", "governance", "project", "testing"))
"""Rooms, and extras of the same purpose, that no job imports; the layers contract keeps it so."""
QUALITY_ROOM = "quality"
"""The gates, for jobs that have suites: of no use without Great Expectations, which Glue has not."""
LAPTOP_PARTS = (
    "aws/deployment.py",
    "aws/job_runs.py",
    "aws/logs.py",
    "bookmarks/operations.py",
    "core/controls.py",
    "quality/dqdl/",
    "connections/report.py",
    "verification/remediation.py",
)
"""What only those rooms and the documents use, in rooms that jobs need; a test keeps it so."""

_LAPTOP_EXTRAS = frozenset(("cli", "demo", "dev", "local"))
_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")
_SINGLE = (
    "Summary",
    "Keywords",
    "License",
    "License-Expression",
    "Requires-Python",
)
_LICENSE = "LICENSE"
_WHEEL = "Wheel-Version: 1.0\nGenerator: glue-secure\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def build_wheel(*, quality: bool = False) -> bytes:
    """The wheel's bytes: the same for the same package, wherever and whenever it is built.

    Args:
        quality: whether the gates go with it.

    Raises:
        UsageError: the package's metadata is missing or of another version.
    """
    found = installed()
    info = f"{PACKAGE}-{__version__}.dist-info"
    members = sorted(package_files(quality=quality))
    members += [
        (f"{info}/METADATA", metadata(found).encode()),
        (f"{info}/WHEEL", _WHEEL.encode()),
        (f"{info}/licenses/{_LICENSE}", _license(found).encode()),
        (f"{info}/top_level.txt", f"{PACKAGE}\n".encode()),
    ]
    return archive([*members, (f"{info}/RECORD", _record(members, f"{info}/RECORD"))])


def package_files(*, quality: bool = False) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file that a job may need."""
    for name, content in _beneath(files(PACKAGE), PACKAGE):
        if is_for_jobs(name, quality=quality):
            yield name, slim(content, describing="/transforms" in name) if name.endswith(".py") else content


def is_for_jobs(name: str, *, quality: bool = False) -> bool:
    """Whether a file of the package, named from its parent folder with slashes, is packed."""
    inside = name.partition("/")[2]
    room = inside.partition("/")[0]
    if room == QUALITY_ROOM and not quality:
        return False
    return room not in LAPTOP_ROOMS and not inside.startswith(LAPTOP_PARTS)


def metadata(found: Distribution) -> str:
    """Core metadata in an order of its own, without the long description and a laptop's extras.

    The text that an installer left depends on the version of its tools; the facts in it do not.
    """
    lines = ["Metadata-Version: 2.4", f"Name: {DISTRIBUTION}", f"Version: {__version__}"]
    for field in _SINGLE:
        if field in found.metadata:
            lines.append(f"{field}: {found.metadata[field]}")
    lines.append(f"License-File: {_LICENSE}")
    lines += [f"Classifier: {value}" for value in _all(found, "Classifier")]
    for extra in _all(found, "Provides-Extra"):
        if extra not in _LAPTOP_EXTRAS:
            lines.append(f"Provides-Extra: {extra}")
    for requirement in _all(found, "Requires-Dist"):
        extra_of = _EXTRA.search(requirement)
        if extra_of is None or extra_of[1] not in _LAPTOP_EXTRAS:
            lines.append(f"Requires-Dist: {requirement}")
    return "\n".join(lines) + "\n"


def _all(found: Distribution, field: str) -> list[str]:
    return sorted(set(found.metadata.get_all(field) or ()))


def _beneath(folder: Traversable, name: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.name.startswith(".") or entry.name == "__pycache__":
            continue
        if entry.is_dir():
            yield from _beneath(entry, f"{name}/{entry.name}")
        elif entry.name.endswith(SUFFIXES):
            yield f"{name}/{entry.name}", entry.read_bytes()


def installed() -> Distribution:
    """The metadata of the package that is running.

    Raises:
        UsageError: it is missing or of another version.
    """
    # A source folder's egg-info may be older than the installation, and stands first on the path.
    candidates = sorted(distributions(name=DISTRIBUTION), key=lambda one: one.read_text("WHEEL") is None)
    if not candidates:
        raise _broken("no metadata of it")
    if candidates[0].version != __version__:
        raise _broken(f"metadata of version {candidates[0].version}")
    return candidates[0]


def _broken(found: str) -> UsageError:
    return UsageError(
        f"the installed package {DISTRIBUTION}",
        found=found,
        required=f"metadata of version {__version__}",
        fix="pip install the package again",
    )


def _license(found: Distribution) -> str:
    for place in (f"licenses/{_LICENSE}", _LICENSE):
        text = found.read_text(place)
        if text is not None:
            return text
    root = files(PACKAGE)
    if isinstance(root, Path) and (root.parent / "setup.cfg").is_file():  # a source checkout
        return (root.parent / _LICENSE).read_text(encoding="utf-8")
    raise _broken("no LICENSE in it")


def _record(members: list[tuple[str, bytes]], own: str) -> bytes:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    for name, content in members:
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        rows.writerow((name, f"sha256={digest}", len(content)))
    rows.writerow((own, "", ""))
    return text.getvalue().encode()
