"""The dependencies that a Glue version lacks, as wheels for its Python and its Linux.

They are pinned with their digests in ``locks/``, one file per Glue version, in the order of need: what a
wheel needs stands above it. pip fetches them; nothing is resolved and nothing is built.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from glue_secure import __version__
from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.core.redaction import redact_text
from glue_secure.project import wheel
from glue_secure.project.archive import archive
from glue_secure.project.versions import GlueVersion

_PIN = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[0-9A-Za-z.]+) --hash=sha256:(?P<digest>[0-9a-f]{64})")
_SECONDS = 900
# The newest tag that the oldest of the base images (glibc 2.26) can load; pip takes older ones with it.
_PLATFORM = "manylinux2014_x86_64"
# What Great Expectations needs is for images of Glue 5.0 and above, glibc 2.34.
_NEWER_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64")


@dataclass(frozen=True, slots=True)
class Pin:
    """One line of a lock: a package, its version, and the digest of the one wheel that may be taken."""

    name: str
    version: str
    sha256: str

    @property
    def requirement(self) -> str:
        """As a line of a requirements file, without the digest."""
        return f"{self.name}=={self.version}"


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel's file name and bytes."""

    name: str
    content: bytes


def lock_text(version: GlueVersion) -> str:
    """The lock of a Glue version, a requirements file for pip's ``--require-hashes``."""
    folder = files("glue_secure.project") / "locks"
    return "".join((folder / name).read_text(encoding="utf-8") for name in version.locks)


def pins(version: GlueVersion) -> tuple[Pin, ...]:
    """The lock's lines, in the order of need."""
    found = []
    for line in lock_text(version).splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = _PIN.fullmatch(line)
        if match is None:
            raise GlueSecureError(f"{version.lock}: not a pin with a digest: {line}")
        found.append(Pin(match["name"], match["version"], match["digest"]))
    return tuple(found)


def fetch(version: GlueVersion) -> tuple[Wheel, ...]:
    """The locked wheels, through the pip of this Python and its index, in the lock's order.

    Raises:
        UsageError: this Python has no pip.
        GlueSecureError: pip could not get one of them, or got other bytes than the lock names.
    """
    locked = pins(version)
    with tempfile.TemporaryDirectory(prefix="glue-secure-wheels-") as name:
        folder = Path(name)
        lock = folder / version.lock
        lock.write_text(lock_text(version), encoding="utf-8")
        _pip_download(version, lock, folder)
        by_digest = {}
        for path in sorted(folder.glob("*.whl")):
            content = path.read_bytes()
            by_digest[hashlib.sha256(content).hexdigest()] = Wheel(path.name, content)
    missing = [pin.requirement for pin in locked if pin.sha256 not in by_digest]
    if missing or len(by_digest) != len(locked):
        raise GlueSecureError(f"{version.lock}: pip brought other files than the locked; missing: {missing}")
    return tuple(by_digest[pin.sha256] for pin in locked)


def gluewheels(version: GlueVersion, own: bytes, wheels: tuple[Wheel, ...]) -> bytes:
    """A ``.gluewheels.zip``: ``wheels/*.whl`` and ``wheels/requirements.txt``, this package among them.

    The layout is that of "Appendix A: Creating a Zip of Wheels Artifact" in "Using Python libraries with
    AWS Glue".
    """
    lines = [pin.requirement for pin in pins(version)] + [f"{wheel.DISTRIBUTION}=={__version__}"]
    members = [(f"wheels/{one.name}", one.content) for one in (*wheels, Wheel(wheel.NAME, own))]
    members.append(("wheels/requirements.txt", ("\n".join(lines) + "\n").encode()))
    return archive(sorted(members), compressed=False)


def _pip_download(version: GlueVersion, lock: Path, folder: Path) -> None:
    platforms = (_PLATFORM, *(_NEWER_PLATFORMS if version.quality else ()))
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"),
        *("--no-deps", "--require-hashes", "--only-binary=:all:", "--implementation", "cp"),
        *(word for one in platforms for word in ("--platform", one)),
        *("--python-version", version.python),
        *("--dest", str(folder), "--requirement", str(lock)),
    ]
    try:
        done = subprocess.run(  # noqa: S603 - this Python, and a list of words
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise GlueSecureError(f"pip download for Glue {version.name}: no end after {_SECONDS} s") from None
    if done.returncode == 0:
        return
    if "No module named pip" in done.stderr:
        raise UsageError(
            "the dependencies for Glue",
            found="this Python has no pip",
            required="pip",
            fix="python -m ensurepip",
        )
    last = "\n".join(done.stderr.strip().splitlines()[-5:])
    raise GlueSecureError(f"pip could not fetch the wheels for Glue {version.name}:\n{redact_text(last)}")
