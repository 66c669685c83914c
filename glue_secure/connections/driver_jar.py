"""The JAR of a JDBC driver, and the check that its version enforces the TLS options (GS-TLS-013)."""

from __future__ import annotations

import hashlib
import re
import struct
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from glue_secure.connections.engines.engine import DatabaseEngine, DriverRelease
from glue_secure.core.findings import Finding, failed, passed, unknown

_VERSION = re.compile(r"(\d{1,9}(?:\.\d{1,9}){1,5})(?:[.-][A-Za-z][A-Za-z0-9.-]{0,30})?")
_MAX_ENTRY = 1024 * 1024
"""Bytes of a manifest or properties file that are read; those of the drivers have less than 60,000."""


@dataclass(frozen=True, slots=True)
class DriverJar:
    """A driver's JAR.

    Attributes:
        sha256: of the file, hexadecimal.
        version: the driver's version as its JAR states it, ``""`` if it states none, or several.
    """

    sha256: str
    version: str


def read_driver_jar(path: Path | None, release: DriverRelease) -> DriverJar | None:
    """Return digest and version of a driver's JAR; None if there is no file or it cannot be read.

    The version comes from the driver's own metadata: Maven's ``pom.properties`` of its artifact, a
    properties file or a constant of the driver, or a manifest that names the driver. The manifest of a JAR
    that was merged from several (an "uber JAR") names another program and is ignored.
    """
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            digest = hashlib.sha256()
            while block := file.read(1024 * 1024):
                digest.update(block)
        with zipfile.ZipFile(path) as jar:
            versions = tuple(set(_versions(jar, release)))
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError):
        return None
    return DriverJar(digest.hexdigest(), versions[0] if len(versions) == 1 else "")


def check_driver(
    engine: DatabaseEngine, jar: DriverJar | None, *, resource: str, approved: str = ""
) -> tuple[Finding, ...]:
    """GS-TLS-013: the driver enforces the TLS options of the run.

    For an engine without ``session_query`` the approved driver also stands for GS-TLS-010.

    Args:
        engine: the database engine.
        jar: the JAR that contains the driver class; None if there is none, or it cannot be read.
        resource: the connection.
        approved: SHA-256 of a JAR with the driver class that the policy file approves, ``""`` for none.
    """
    release = engine.driver_release
    label = f"{resource}: {engine.driver}"
    tested = next((driver for driver in engine.approved_drivers if jar and driver.sha256 == jar.sha256), None)
    is_approved = jar is not None and jar.sha256 == approved
    if tested is None and jar is None:
        return (_unknown(engine, label, "no JAR of the driver that can be read"),)
    if tested is None and jar is not None and not is_approved:
        if not jar.version:
            found = f"a JAR whose version cannot be read, with SHA-256 {jar.sha256}"
            return (_unknown(engine, label, found),)
        if not is_accepted_version(jar.version, release):
            return (
                failed(
                    "GS-TLS-013",
                    label,
                    found=f"version {jar.version}",
                    required=_required(engine),
                    fix=_fix(engine),
                ),
            )
    found = f"{engine.driver}, tested version {tested.version}" if tested else ""
    if is_approved and not tested:
        found = f"{engine.driver}, SHA-256 {approved}, which the policy file approves"
    found = found or f"{engine.driver}, version {jar.version if jar else ''}"
    findings = (passed("GS-TLS-013", resource, found),)
    if engine.session_query:
        return findings
    return (
        *findings,
        passed("GS-TLS-010", resource, f"{engine.name} exposes no view of the session; {found}"),
    )


def is_accepted_version(version: str, release: DriverRelease) -> bool:
    """Return whether a version, without a suffix such as ``.jre8``, is in one of the release's ranges."""
    numbers = _numbers(version)
    return any(
        _numbers(first) <= numbers and (not end or numbers < _numbers(end)) for first, end in release.versions
    )


def _numbers(version: str) -> tuple[int, ...]:
    match = _VERSION.fullmatch(version)
    return tuple(int(number) for number in match[1].split(".")) if match else ()


def _versions(jar: zipfile.ZipFile, release: DriverRelease) -> Iterator[str]:
    names = set(jar.namelist())
    for artifact in release.artifacts:
        group, name = artifact.split(":")
        path = f"META-INF/maven/{group}/{name}/pom.properties"
        if path in names:
            yield from _version(_properties(_text(jar, path)).get("version", ""))
    if release.properties_file in names:
        yield from _version(_properties(_text(jar, release.properties_file)).get("version", ""))
    class_file, constant = release.version_constant
    if class_file in names:
        yield from _version(string_constant(jar.read(class_file), constant))
    if "META-INF/MANIFEST.MF" in names:
        headers = _manifest(_text(jar, "META-INF/MANIFEST.MF"))
        for header, value, version_header in release.manifest:
            if re.fullmatch(value, headers.get(header, "")):
                yield from _version(headers.get(version_header, ""))


def _version(text: str) -> Iterator[str]:
    """Yield the numbers of a version, so that ``10.2.0`` and ``10.2.0.jre8`` are the same; else ``""``."""
    match = _VERSION.fullmatch(text.strip())
    yield match[1] if match else ""


def _text(jar: zipfile.ZipFile, name: str) -> str:
    with jar.open(name) as file:
        return file.read(_MAX_ENTRY).decode("utf-8", "replace")


def _properties(text: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.splitlines() if not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _manifest(text: str) -> dict[str, str]:
    """Return the headers of a manifest's main section; a line that starts with a blank continues the last."""
    section = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n ", "").partition("\n\n")[0]
    pairs = (line.partition(":") for line in section.split("\n"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def string_constant(class_file: bytes, field: str) -> str:
    """Return the value of a ``static final String`` field of a class file, ``""`` if there is none.

    https://docs.oracle.com/javase/specs/jvms/se17/html/jvms-4.html
    """
    try:
        return _ClassFile(class_file).string_constant(field)
    except (struct.error, KeyError, UnicodeDecodeError):
        return ""


class _ClassFile:
    """Reads a class file up to its fields."""

    # Tag of an entry of the constant pool: its size. A Utf8 entry (1) has a length of its own.
    _SIZES: Mapping[int, int] = {
        **dict.fromkeys((7, 8, 16, 19, 20), 2),
        **dict.fromkeys((3, 4, 9, 10, 11, 12, 17, 18), 4),
        **dict.fromkeys((5, 6), 8),
        15: 3,
    }

    def __init__(self, data: bytes) -> None:
        self._data, self._position = data, 8
        self._texts: dict[int, str] = {}
        self._strings: dict[int, int] = {}
        index, count = 1, self._number(2)
        while index < count:
            tag = self._number(1)
            if tag == 1:
                length = self._number(2)
                self._texts[index] = data[self._position : self._position + length].decode("utf-8", "replace")
                self._position += length
            elif tag == 8:
                self._strings[index] = self._number(2)
            else:
                self._position += self._SIZES[tag]
            index += 2 if tag in (5, 6) else 1

    def string_constant(self, field: str) -> str:
        self._position += 6  # flags, this class, super class
        interfaces = self._number(2)
        self._position += 2 * interfaces
        for _ in range(self._number(2)):
            self._position += 2
            name = self._texts[self._number(2)]
            self._position += 2
            for _ in range(self._number(2)):
                attribute, length = self._texts[self._number(2)], self._number(4)
                if name == field and attribute == "ConstantValue":
                    return self._texts[self._strings[self._number(2)]]
                self._position += length
        return ""

    def _number(self, size: int) -> int:
        (value,) = struct.unpack_from({1: ">B", 2: ">H", 4: ">I"}[size], self._data, self._position)
        self._position += size
        return int(value)


def _required(engine: DatabaseEngine) -> str:
    release = engine.driver_release
    return f"{release.artifacts[0]} {accepted_versions(release)}: {release.reason}"


def accepted_versions(release: DriverRelease) -> str:
    """Return the accepted versions as text: ``42.2.25 or later before 42.3, or 42.3.2 or later``."""
    return ", or ".join(
        f"{first} or later" + (f" before {end}" if end else "") for first, end in release.versions
    )


def _fix(engine: DatabaseEngine) -> str:
    release = engine.driver_release
    artifact = f"{release.artifacts[0]}:{release.recommended}"
    return (
        f"use the JAR of {artifact} from Maven Central: in Glue, upload it, set --extra-jars to its location "
        f"and --user-jars-first to true; elsewhere, spark-submit --packages {artifact}. Remove other JARs "
        f"that contain {engine.driver}"
    )


def _unknown(engine: DatabaseEngine, resource: str, found: str) -> Finding:
    return unknown("GS-TLS-013", resource, found=found, required=_required(engine), fix=_fix(engine))
