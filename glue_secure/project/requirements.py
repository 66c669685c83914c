"""The Python requirements of a job, as locked wheels for its Glue version.

pip resolves the requirements against the modules that Glue has, and the result is a lock: a requirements file
with one SHA-256 per wheel, next to the file of the requirements. A deployment downloads what the lock names
and resolves nothing, so that two deployments install the same bytes.

pip evaluates environment markers for the Python that runs it, also with ``--python-version``
(https://pip.pypa.io/en/stable/cli/pip_install/). The markers are therefore evaluated here again, for Glue's
Python on Linux: a package that is missing then is resolved too, and one that Glue does not need is left out.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from glue_secure.core.errors import UsageError, unread
from glue_secure.core.redaction import redact_text
from glue_secure.project import gluewheels
from glue_secure.project.gluewheels import PipError, Wheels
from glue_secure.project.versions import GlueVersion

_DIGEST = re.compile(r"\s--hash=sha256:([0-9a-f]{64})(?=\s|\Z)")
_INPUT = "# input-sha256: "
# The pause before each retry doubles: with few retries, a machine without network waits seconds.
_RETRIES = "2"
_ROUNDS = 10
_NO_NETWORK = ("Retrying (Retry(", "connection error", "Could not fetch URL", "Temporary failure in name")


@dataclass(frozen=True, slots=True)
class Requirements:
    """The requirements file of a job.

    Attributes:
        path: The file.
        roots: Its requirements.
        digests: For a requirement with ``--hash``, the accepted SHA-256 by canonical name.
    """

    path: Path
    roots: tuple[Requirement, ...]
    digests: Mapping[str, frozenset[str]]

    def lock_path(self, version: GlueVersion) -> Path:
        """Return the path of the lock for a Glue version."""
        return self.path.with_name(f"{self.path.stem}.glue-{version.label}.lock.txt")

    def input_digest(self, version: GlueVersion) -> str:
        """Return the SHA-256 of what a lock is computed from: requirements, Glue's modules, other locks."""
        facts = [
            sorted(map(str, self.roots)),
            sorted((name, sorted(digests)) for name, digests in self.digests.items()),
            sorted(_constraints(version).items()),
            version.python,
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def read(path: Path) -> Requirements:
    """Read a requirements file: one requirement a line, comments, ``--hash=sha256:``.

    Raises:
        UsageError: The file cannot be read, or has an option of pip, a URL or an invalid requirement.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        found = unread(error)
        raise UsageError(str(path), found=found, required="a requirements file of pip") from None
    roots: list[Requirement] = []
    digests: dict[str, frozenset[str]] = {}
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        requirement = re.sub(r"(\A|\s)#.*", "", line).strip()
        if not requirement:
            continue
        if requirement.startswith("-"):
            raise UsageError(
                str(path),
                found=f"an option of pip: {requirement.split()[0].partition('=')[0]}",
                required="requirements only; the index is the one that pip is configured for",
                fix="set PIP_INDEX_URL or PIP_FIND_LINKS; write requirements of other files into this one",
            )
        try:
            root = Requirement(_DIGEST.sub(" ", requirement).strip())
        except InvalidRequirement:
            raise UsageError(
                str(path), found=repr(requirement), required="a requirement like pandera>=0.20"
            ) from None
        if root.url:
            raise UsageError(
                str(path),
                found=f"a URL for {root.name}",
                required="a requirement that pip resolves to a wheel of an index or folder",
                fix=f"put the wheel into a folder, set PIP_FIND_LINKS to it, and write {root.name}==VERSION",
            )
        roots.append(root)
        if given := _DIGEST.findall(requirement):
            name = canonicalize_name(root.name)
            digests[name] = digests.get(name, frozenset()) | frozenset(given)
    return Requirements(path, tuple(roots), digests)


def resolve(requirements: Requirements, version: GlueVersion, options: Sequence[str] = ()) -> Wheels:
    """Resolve the requirements and download the wheels that Glue and glue-secure do not have.

    Args:
        requirements: The requirements.
        version: The Glue version.
        options: Options of pip for the index, for example ``--no-index``.

    Returns:
        The pins and wheels, each after those that it needs.

    Raises:
        UsageError: Requirements conflict with each other or with Glue's modules, a package has no wheel for
            Glue, or this Python has no pip.
        GlueSecureError: The package index cannot be reached, or a download fails.
    """
    constraints = _constraints(version)
    with tempfile.TemporaryDirectory(prefix="glue-secure-resolve-") as name:
        folder = Path(name)
        roots = [
            root
            for root in requirements.roots
            if root.marker is None or root.marker.evaluate(_python(version))
        ]
        if not roots:
            return Wheels()
        requested = [_without_marker(root) for root in roots]
        for _ in range(_ROUNDS):
            packages = _report(requirements, version, requested, constraints, folder, options)
            order, missing = _needed(roots, packages, version)
            added = [text for text in missing if text not in requested]
            if not added:
                break
            requested += added
    if missing:
        raise UsageError(
            str(requirements.path), found=f"pip does not resolve {missing[0]}", required="all dependencies"
        )
    pins = tuple(_pin(requirements, packages[package]) for package in order if package not in constraints)
    return Wheels(pins, gluewheels.download(version, lock_name(requirements, version), pins, options))


def lock_name(requirements: Requirements, version: GlueVersion) -> str:
    """Return the file name of a lock, which errors name."""
    return requirements.lock_path(version).name


def lock_text(requirements: Requirements, version: GlueVersion, pins: Sequence[gluewheels.Pin]) -> str:
    """Return the lock, a requirements file for pip's ``--require-hashes``."""
    return "\n".join(
        [
            f"# What Glue {version.name} lacks of {requirements.path.name}: Python {version.python}, x86_64.",
            f"# Written by: {_command(requirements.path, version)}",
            f"{_INPUT}{requirements.input_digest(version)}",
            *(f"{pin.requirement} --hash=sha256:{pin.sha256}" for pin in pins),
            "",
        ]
    )


def locked(path: Path, version: GlueVersion, options: Sequence[str] = ()) -> Wheels:
    """Download the wheels of the lock of a requirements file. Nothing is resolved.

    Args:
        path: The requirements file.
        version: The Glue version.
        options: Options of pip for the index.

    Raises:
        UsageError: The requirements file is invalid, or the lock is missing, invalid or not up to date.
        GlueSecureError: A locked wheel cannot be downloaded.
    """
    requirements = read(path)
    lock = requirements.lock_path(version)
    fix = _command(path, version)
    try:
        text = lock.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        found = unread(error)
        raise UsageError(str(lock), found=found, required=f"the lock of {path.name}", fix=fix) from None
    if f"{_INPUT}{requirements.input_digest(version)}" not in text.splitlines():
        raise UsageError(
            str(lock),
            found=f"the lock of another {path.name}, or of other modules of Glue {version.name}",
            required=f"a lock of the present {path.name}",
            fix=fix,
        )
    pins = gluewheels.parse_pins(text, str(lock))
    reserved = _constraints(version)
    for pin in pins:
        if pin.name in reserved:
            raise UsageError(
                str(lock),
                found=pin.requirement,
                required=f"no module that Glue {version.name} or glue-secure has",
                fix=fix,
            )
    return Wheels(pins, gluewheels.download(version, lock.name, pins, options))


def _command(path: Path, version: GlueVersion) -> str:
    quality = " --with great-expectations" if version.quality else ""
    return f"glue-secure package --requirements {shlex.quote(str(path))} --glue {version.name}{quality}"


def _constraints(version: GlueVersion) -> dict[str, str]:
    """Return the versions that requirements cannot change: Glue's, replaced by those of glue-secure."""
    own = {pin.name: pin.version for pin in gluewheels.pins(version)}
    return {**gluewheels.preinstalled(version), **own}


def _python(version: GlueVersion) -> dict[str, str]:
    """Return the values of environment markers in Glue. AWS does not publish the patch version of Python."""
    return {
        "extra": "",
        "implementation_name": "cpython",
        "implementation_version": f"{version.python}.0",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{version.python}.0",
        "python_version": version.python,
        "sys_platform": "linux",
    }


def _without_marker(requirement: Requirement) -> str:
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{requirement.specifier}"


def _needed(
    roots: Sequence[Requirement], packages: Mapping[str, Mapping[str, Any]], version: GlueVersion
) -> tuple[list[str], list[str]]:
    """Return the needed packages, each after its dependencies, and requirements that pip did not resolve."""
    order: list[str] = []
    missing: list[str] = []
    seen: set[tuple[str, str]] = set()
    environment = _python(version)

    def visit(requirement: Requirement) -> None:
        name = canonicalize_name(requirement.name)
        package = packages.get(name)
        if package is None:
            missing.append(_without_marker(requirement))
            return
        if not requirement.specifier.contains(package["metadata"]["version"], prereleases=True):
            missing.append(_without_marker(requirement))
        for extra in ("", *sorted(requirement.extras)):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            for text in package["metadata"].get("requires_dist") or ():
                dependency = Requirement(text)
                marker = dependency.marker
                needed = marker is None or marker.evaluate({**environment, "extra": extra})
                # A requirement of the package itself is one of every extra, too.
                if needed and not (extra and _is_unconditional(dependency, environment)):
                    visit(dependency)
        if name not in order:
            order.append(name)

    for root in roots:
        visit(root)
    return order, missing


def _is_unconditional(requirement: Requirement, environment: Mapping[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({**environment, "extra": ""})


def _report(
    requirements: Requirements,
    version: GlueVersion,
    requested: Sequence[str],
    constraints: Mapping[str, str],
    folder: Path,
    options: Sequence[str],
) -> dict[str, Mapping[str, Any]]:
    """Return pip's report of what it would install, by canonical name."""
    wanted, limits, report = folder / "requirements.txt", folder / "constraints.txt", folder / "report.json"
    wanted.write_text("".join(f"{line}\n" for line in requested), encoding="utf-8")
    limits.write_text("".join(f"{name}=={pin}\n" for name, pin in constraints.items()), encoding="utf-8")
    words = (
        *("install", "--dry-run", "--ignore-installed", "--target", str(folder / "none")),
        *("--retries", _RETRIES, "--report", str(report), "--constraint", str(limits)),
        *("--requirement", str(wanted)),
    )
    try:
        gluewheels.run_pip(version, (*words, *options))
    except PipError as error:
        raise _explained(error, requirements, version, constraints) from None
    packages = json.loads(report.read_text(encoding="utf-8"))["install"]
    return {canonicalize_name(package["metadata"]["name"]): package for package in packages}


def _explained(
    error: PipError, requirements: Requirements, version: GlueVersion, constraints: Mapping[str, str]
) -> UsageError | PipError:
    """Return the error of pip with its fix, or the same error if the index did not answer."""
    if any(text in error.output for text in _NO_NETWORK):
        return PipError(
            f"pip cannot reach the package index for {requirements.path}; nothing was written.\n"
            "  fix:      check the network, or set PIP_INDEX_URL or PIP_FIND_LINKS to an index that answers\n"
            f"{error.last_lines}",
            error.output,
        )
    path = str(requirements.path)
    for root in requirements.roots:
        pinned = constraints.get(canonicalize_name(root.name))
        if pinned is not None and not root.specifier.contains(pinned, prereleases=True):
            return UsageError(
                path,
                found=str(root),
                required=f"{root.name} {pinned}, which a job in Glue {version.name} has",
                fix=f"write {root.name}=={pinned} into {path}, or use another Glue version",
            )
    if "conflicting dependencies" in error.output or "ResolutionImpossible" in error.output:
        causes = [
            line.strip()
            for line in error.output.splitlines()
            if " depends on " in line or "The user requested" in line
        ]
        return UsageError(
            path,
            found="conflicting requirements: " + redact_text("; ".join(causes)),
            required=f"versions that fit each other and the modules of Glue {version.name} (constraints)",
            fix=f"change the versions in {path}, or use another Glue version",
        )
    missing = re.findall(r"No matching distribution found for (.+)", error.output)
    if missing:
        return UsageError(
            path,
            found=f"pip found no wheel of {missing[-1].strip()} for Python {version.python}, Linux x86_64, "
            f"glibc {version.glibc}",
            required="a wheel of each package in the package index; Glue does not compile",
            fix="choose a version with a wheel, or build one with pip wheel and set PIP_FIND_LINKS",
        )
    return error


def _pin(requirements: Requirements, package: Mapping[str, Any]) -> gluewheels.Pin:
    name = canonicalize_name(package["metadata"]["name"])
    # The location of the wheel is not shown: the URL of an index may have a password.
    digest = package["download_info"].get("archive_info", {}).get("hashes", {}).get("sha256", "")
    if not digest:
        raise UsageError(
            str(requirements.path),
            found=f"no SHA-256 of {name} in the package index",
            required="an index that states SHA-256 digests, or a folder of wheels",
            fix="download the wheels with pip download, and set PIP_FIND_LINKS to their folder",
        )
    accepted = requirements.digests.get(name)
    if accepted is not None and digest not in accepted:
        raise UsageError(
            str(requirements.path),
            found=f"{name}: a wheel with SHA-256 {digest}",
            required="one of the digests of the file",
        )
    return gluewheels.Pin(name, package["metadata"]["version"], digest)
