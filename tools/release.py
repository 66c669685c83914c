#!/usr/bin/env python3
"""Build a release into a folder: wheel, source distribution, bill of materials, SHA-256 sums.

Usage: tools/release.py FOLDER

Both archives are built twice, and the release fails if their bytes differ or their metadata is incomplete.
The environment needs the extra dev. Nothing is uploaded.
"""

from __future__ import annotations

import hashlib
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

from glue_secure import __version__
from glue_secure.project import sbom
from glue_secure.project.archive import Artifact
from glue_secure.project.wheel import NAME, require_guard_jar

ROOT = Path(__file__).resolve().parents[1]
SOURCE = NAME.partition("-py3")[0] + ".tar.gz"
SUMS = "SHA256SUMS"
PACKED = ("glue_secure", "tools", "setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")
"""Folders and files that the archives contain or that decide their content."""


class ReleaseError(Exception):
    """The release cannot be built as it is."""


def require_entry_of_the_changelog(text: str) -> None:
    """Raise a ReleaseError unless the changelog has a section with a date for this version."""
    if not re.search(rf"^## \[{re.escape(__version__)}\] - \d{{4}}-\d\d-\d\d$", text, re.M):
        raise ReleaseError(f"CHANGELOG.md has no section '## [{__version__}] - YYYY-MM-DD'")


def require_committed(root: Path) -> None:
    """Raise a ReleaseError if files that are packed differ from the commit, or are not in the repository.

    The JAR of the request guard is ignored by git: the build checks that it is current.
    """
    words = ["git", "-C", str(root), "status", "--porcelain", "--untracked-files=all", "--", *PACKED]
    done = subprocess.run(words, capture_output=True, text=True)  # noqa: S603
    if done.returncode != 0:
        raise ReleaseError(f"git status failed: {done.stderr}")
    if done.stdout:
        raise ReleaseError(f"files differ from the commit; commit, ignore or remove them:\n{done.stdout}")


def require_no_other_files(folder: Path, names: Collection[str]) -> None:
    """Raise a ReleaseError if a folder has other files than these, which the sums would not name."""
    others = sorted(str(path) for path in folder.glob("*") if path.name not in names)
    if others:
        raise ReleaseError(f"{folder} has other files; remove them: rm -r -- {shlex.join(others)}")


def build(folder: Path) -> dict[str, bytes]:
    """Build the source distribution, and the wheel from it. Return name and bytes of both."""
    words = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(words, capture_output=True, text=True)  # noqa: S603
    if done.returncode != 0:
        raise ReleaseError(f"the build failed:\n{done.stdout}{done.stderr}")
    return {name: (folder / name).read_bytes() for name in (SOURCE, NAME)}


def require_equal(first: dict[str, bytes], second: dict[str, bytes]) -> None:
    """Raise a ReleaseError if two builds differ."""
    differing = [name for name, content in first.items() if second[name] != content]
    if differing:
        raise ReleaseError(f"two builds differ: {', '.join(differing)}")


def require_complete_metadata(files: list[Path]) -> None:
    """Raise a ReleaseError if ``twine check --strict`` finds a fault."""
    words = [sys.executable, "-m", "twine", "check", "--strict", *map(str, files)]
    done = subprocess.run(words, capture_output=True, text=True)  # noqa: S603
    if done.returncode != 0:
        raise ReleaseError(f"twine check --strict:\n{done.stdout}{done.stderr}")


def main(words: list[str]) -> int:
    """Return 0 if the release is in the folder, 1 with the reason if not, 2 for usage."""
    if len(words) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    target = Path(words[0])
    try:
        require_entry_of_the_changelog((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
        require_committed(ROOT)
        require_no_other_files(target, (SOURCE, NAME, sbom.NAME, SUMS))
        with tempfile.TemporaryDirectory() as folder:
            made, again = (build(Path(folder) / part) for part in ("first", "second"))
            require_equal(made, again)
            require_complete_metadata([Path(folder) / "first" / name for name in made])
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    content = made[NAME]
    wheel = Artifact(Path(NAME), len(content), hashlib.sha256(content).hexdigest())
    files = {**made, sbom.NAME: sbom.wheel_bill(wheel, require_guard_jar())}
    files[SUMS] = "".join(
        f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items())
    ).encode()
    target.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (target / name).write_bytes(content)
        print(target / name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
