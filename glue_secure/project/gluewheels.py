"""The dependencies that a Glue version lacks, as wheels for its Python and its Linux.

The files in ``locks/`` pin them with their SHA-256, one file per Glue version, each wheel after the wheels
that it needs. pip downloads them; nothing is resolved or built. ``glue-X-preinstalled.txt`` has the modules
of a Glue version, which the requirements of a job are resolved against (``project.requirements``).
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from glue_secure import __version__
from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.core.redaction import redact_text
from glue_secure.project import wheel
from glue_secure.project.archive import archive
from glue_secure.project.versions import GlueVersion

_PIN = re.compile(
    r"(?P<name>[a-z0-9-]+)==(?P<version>[0-9A-Za-z.+!]+) --hash=sha256:(?P<digest>[0-9a-f]{64})"
)
_TIMEOUT_SECONDS = 900
_OLDEST_MANYLINUX = 17


class PipError(GlueSecureError):
    """pip ended with an error.

    Attributes:
        output: What pip printed.
        last_lines: Its last lines, redacted.
    """

    def __init__(self, message: str, output: str) -> None:
        super().__init__(message)
        self.output = output

    @property
    def last_lines(self) -> str:
        """The last lines of the output, redacted."""
        return redact_text("\n".join(self.output.strip().splitlines()[-5:]))


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


@dataclass(frozen=True, slots=True)
class Wheels:
    """Pins, and the wheel of each, in the order of the pins."""

    pins: tuple[Pin, ...] = ()
    wheels: tuple[Wheel, ...] = ()


def lock_text(version: GlueVersion) -> str:
    """Return the lock of a Glue version, a requirements file for pip's ``--require-hashes``."""
    folder = files("glue_secure.project") / "locks"
    return "".join((folder / name).read_text(encoding="utf-8") for name in version.locks)


def pins(version: GlueVersion) -> tuple[Pin, ...]:
    """Return the pins of a Glue version, each after the pins that it needs.

    Raises:
        GlueSecureError: A line of the lock is not a pin with a SHA-256.
    """
    return parse_pins(lock_text(version), version.lock)


def parse_pins(text: str, name: str) -> tuple[Pin, ...]:
    """Return the pins of a lock.

    Args:
        text: The lock.
        name: Its file name, for errors.

    Raises:
        GlueSecureError: A line is not a pin with a SHA-256.
    """
    parsed = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = _PIN.fullmatch(line)
        if match is None:
            raise GlueSecureError(f"{name}: not a pin with a digest: {line}")
        parsed.append(Pin(match["name"], match["version"], match["digest"]))
    return tuple(parsed)


def preinstalled(version: GlueVersion) -> dict[str, str]:
    """Return the version of each module that AWS installs in a Glue version, by canonical name.

    AWS publishes no list for Glue 4.0; the modules that packages for it rely on are returned.
    """
    path = files("glue_secure.project") / "locks" / f"glue-{version.name}-preinstalled.txt"
    if not path.is_file():
        return dict(version.preinstalled)
    lines = (line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return {name: pinned for name, _, pinned in (line.partition("==") for line in lines)}


def fetch(version: GlueVersion) -> tuple[Wheel, ...]:
    """Download the locked wheels with the pip and the index of this Python, in the order of the lock.

    Raises:
        UsageError: This Python has no pip.
        GlueSecureError: pip cannot download a wheel, or a wheel does not have the locked SHA-256.
    """
    return download(version, version.lock, pins(version))


def download(
    version: GlueVersion, name: str, locked: Sequence[Pin], options: Sequence[str] = ()
) -> tuple[Wheel, ...]:
    """Download the wheels of pins, in their order.

    Args:
        version: The Glue version.
        name: File name of the lock, for errors.
        locked: The pins.
        options: Options of pip for the index.

    Raises:
        UsageError: This Python has no pip.
        GlueSecureError: pip cannot download a wheel, or a wheel does not have the locked SHA-256.
    """
    if not locked:
        return ()
    with tempfile.TemporaryDirectory(prefix="glue-secure-wheels-") as temporary:
        folder = Path(temporary)
        lock = folder / "lock.txt"
        lines = [f"{pin.requirement} --hash=sha256:{pin.sha256}\n" for pin in locked]
        lock.write_text("".join(lines), encoding="utf-8")
        words = ("download", "--quiet", "--no-deps", "--require-hashes", "--dest", str(folder))
        try:
            run_pip(version, (*words, "--requirement", str(lock), *options))
        except PipError as error:
            raise PipError(
                f"{name}: the locked wheels for Glue {version.name}\n"
                "  found:    pip cannot download the wheels (its last lines are below)\n"
                "  required: a package index, or a folder, with the wheels of the lock\n"
                "  fix:      set PIP_INDEX_URL to an index that answers; without an index, set "
                "PIP_NO_INDEX=1 and PIP_FIND_LINKS to the folder; if pip names other hashes, find out who "
                "replaced the wheel\n"
                f"{error.last_lines}",
                error.output,
            ) from None
        by_digest = {}
        for path in sorted(folder.glob("*.whl")):
            content = path.read_bytes()
            by_digest[hashlib.sha256(content).hexdigest()] = Wheel(path.name, content)
    missing = [pin.requirement for pin in locked if pin.sha256 not in by_digest]
    if missing or len(by_digest) != len(locked):
        raise GlueSecureError(f"{name}: pip downloaded other files than the locked ones; missing: {missing}")
    return tuple(by_digest[pin.sha256] for pin in locked)


def gluewheels(
    version: GlueVersion, package_wheel: bytes, dependencies: tuple[Wheel, ...], own: Wheels = Wheels()
) -> bytes:
    """Return a ``.gluewheels.zip``: ``wheels/*.whl`` and ``wheels/requirements.txt``, including this package.

    The layout is that of "Appendix A: Creating a Zip of Wheels Artifact" in "Using Python libraries with
    AWS Glue".

    Args:
        version: The Glue version.
        package_wheel: The wheel of this package.
        dependencies: The locked wheels of the version.
        own: The wheels of a job's requirements.
    """
    lines = [pin.requirement for pin in (*pins(version), *own.pins)]
    lines.append(f"{wheel.DISTRIBUTION}=={__version__}")
    wheels = (*dependencies, *own.wheels, Wheel(wheel.NAME, package_wheel))
    members = [(f"wheels/{member.name}", member.content) for member in wheels]
    members.append(("wheels/requirements.txt", ("\n".join(lines) + "\n").encode()))
    return archive(sorted(members), compressed=False)


def run_pip(version: GlueVersion, words: Sequence[str]) -> None:
    """Run pip for the Python and the Linux of a Glue version; only wheels are accepted.

    Args:
        version: The Glue version.
        words: The command of pip and its options.

    Raises:
        UsageError: This Python has no pip.
        PipError: pip failed, or did not finish in time.
    """
    command = [
        *(sys.executable, "-m", "pip", words[0], "--disable-pip-version-check", "--no-input"),
        *("--progress-bar", "off", "--only-binary=:all:", "--implementation", "cp"),
        *(word for platform in _platforms(version) for word in ("--platform", platform)),
        *("--python-version", version.python, *words[1:]),
    ]
    try:
        completed = subprocess.run(  # noqa: S603 - the running Python with a fixed list of arguments
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=_TIMEOUT_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise PipError(
            f"pip {words[0]} for Glue {version.name} did not finish within {_TIMEOUT_SECONDS} s", ""
        ) from None
    if completed.returncode == 0:
        return
    output = f"{completed.stdout}{completed.stderr}"
    if "No module named pip" in completed.stderr:
        raise UsageError(
            "the dependencies for Glue",
            found="this Python has no pip",
            required="pip",
            fix="python -m ensurepip",
        )
    last_lines = redact_text("\n".join(output.strip().splitlines()[-5:]))
    raise PipError(f"pip {words[0]} for Glue {version.name} failed:\n{last_lines}", output)


def _platforms(version: GlueVersion) -> list[str]:
    """Return the platform tags of wheels that the version's C library can load, the newest first."""
    newest = int(version.glibc.partition(".")[2])
    newer = [f"manylinux_2_{minor}_x86_64" for minor in range(newest, _OLDEST_MANYLINUX - 1, -1)]
    # pip adds the older names, manylinux2010 and manylinux1.
    return [*newer, "manylinux2014_x86_64"]
