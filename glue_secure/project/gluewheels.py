"""The dependencies that a Glue version lacks, as wheels for its Python and its Linux.

The files in ``locks/`` pin them with their SHA-256, one file per Glue version, each wheel after the wheels
that it needs. pip downloads them; nothing is resolved or built.
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
_TIMEOUT_SECONDS = 900
# The newest tag that the oldest base image (glibc 2.26) can load; pip accepts older tags as well.
_PLATFORM = "manylinux2014_x86_64"
# Great Expectations is available from Glue 5.0 only, whose image has glibc 2.34.
_NEWER_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64")


@dataclass(frozen=True, slots=True)
class Pin:
    """A line of a lock: package, version and the SHA-256 of the only wheel that is accepted."""

    name: str
    version: str
    sha256: str

    @property
    def requirement(self) -> str:
        """The requirement without the digest, as in a requirements file."""
        return f"{self.name}=={self.version}"


@dataclass(frozen=True, slots=True)
class Wheel:
    """File name and content of a wheel."""

    name: str
    content: bytes


def lock_text(version: GlueVersion) -> str:
    """Return the lock of a Glue version, a requirements file for pip's ``--require-hashes``."""
    folder = files("glue_secure.project") / "locks"
    return "".join((folder / name).read_text(encoding="utf-8") for name in version.locks)


def pins(version: GlueVersion) -> tuple[Pin, ...]:
    """Return the pins of a Glue version, each after the pins that it needs.

    Raises:
        GlueSecureError: A line of the lock is not a pin with a SHA-256.
    """
    parsed = []
    for line in lock_text(version).splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = _PIN.fullmatch(line)
        if match is None:
            raise GlueSecureError(f"{version.lock}: not a pin with a digest: {line}")
        parsed.append(Pin(match["name"], match["version"], match["digest"]))
    return tuple(parsed)


def fetch(version: GlueVersion) -> tuple[Wheel, ...]:
    """Download the locked wheels with the pip and the index of this Python, in the order of the lock.

    Raises:
        UsageError: This Python has no pip.
        GlueSecureError: pip cannot download a wheel, or a wheel does not have the locked SHA-256.
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
        raise GlueSecureError(
            f"{version.lock}: pip downloaded other files than the locked ones; missing: {missing}"
        )
    return tuple(by_digest[pin.sha256] for pin in locked)


def gluewheels(version: GlueVersion, package_wheel: bytes, dependencies: tuple[Wheel, ...]) -> bytes:
    """Return a ``.gluewheels.zip``: ``wheels/*.whl`` and ``wheels/requirements.txt``, including this package.

    The layout is that of "Appendix A: Creating a Zip of Wheels Artifact" in "Using Python libraries with
    AWS Glue".
    """
    lines = [pin.requirement for pin in pins(version)] + [f"{wheel.DISTRIBUTION}=={__version__}"]
    wheels = (*dependencies, Wheel(wheel.NAME, package_wheel))
    members = [(f"wheels/{member.name}", member.content) for member in wheels]
    members.append(("wheels/requirements.txt", ("\n".join(lines) + "\n").encode()))
    return archive(sorted(members), compressed=False)


def _pip_download(version: GlueVersion, lock: Path, folder: Path) -> None:
    platforms = (_PLATFORM, *(_NEWER_PLATFORMS if version.quality else ()))
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"),
        *("--no-deps", "--require-hashes", "--only-binary=:all:", "--implementation", "cp"),
        *(word for platform in platforms for word in ("--platform", platform)),
        *("--python-version", version.python),
        *("--dest", str(folder), "--requirement", str(lock)),
    ]
    try:
        completed = subprocess.run(  # noqa: S603 - the running Python with a fixed list of arguments
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=_TIMEOUT_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise GlueSecureError(
            f"pip download for Glue {version.name} did not finish within {_TIMEOUT_SECONDS} s"
        ) from None
    if completed.returncode == 0:
        return
    if "No module named pip" in completed.stderr:
        raise UsageError(
            "the dependencies for Glue",
            found="this Python has no pip",
            required="pip",
            fix="python -m ensurepip",
        )
    last_lines = "\n".join(completed.stderr.strip().splitlines()[-5:])
    raise GlueSecureError(
        f"pip cannot download the wheels for Glue {version.name}:\n{redact_text(last_lines)}"
    )
