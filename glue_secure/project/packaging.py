"""Everything a Glue job is given, written to one folder, and the job arguments that name it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from glue_secure import __version__
from glue_secure.core.identifiers import S3Uri
from glue_secure.project import gluewheels, wheel
from glue_secure.project.archive import Artefact, write
from glue_secure.project.versions import GlueVersion

PLACEHOLDER = "s3://YOUR-BUCKET/glue-secure"
ZIP_NAME = f"{wheel.PACKAGE}-{__version__}.zip"
Fetch = Callable[[GlueVersion], tuple[gluewheels.Wheel, ...]]


@dataclass(frozen=True, slots=True)
class Target:
    """What one Glue version is given.

    Attributes:
        version: the Glue version.
        files: what to upload beside the wheel, as it lies in the folder.
        contents: names of the wheels that the job installs.
        arguments: job arguments to paste, name and value.
    """

    version: GlueVersion
    files: tuple[Artefact, ...]
    contents: tuple[str, ...]
    arguments: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Package:
    """One run of ``glue-secure package``.

    Attributes:
        wheel: for ``--additional-python-modules`` of a job that reaches a package index.
        zip: the same bytes, for ``--extra-py-files`` and Spark's ``--py-files``.
        targets: per Glue version.
        prefix: where the printed arguments expect the files.
    """

    wheel: Artefact
    zip: Artefact
    targets: tuple[Target, ...]
    prefix: str

    @property
    def extra_py_files(self) -> tuple[str, str]:
        """The argument for a job that has the dependencies already."""
        return "--extra-py-files", f"{self.prefix}/{self.zip.name}"


def package(
    out: Path,
    versions: Sequence[GlueVersion],
    *,
    bucket: S3Uri | None = None,
    fetch: Fetch = gluewheels.fetch,
    progress: Callable[[str], None] = lambda _: None,
) -> Package:
    """Write the wheel, the zip and, per Glue version, the dependencies that it lacks.

    Args:
        out: the folder; made when missing, files of the same name are replaced.
        versions: Glue versions.
        bucket: where the files will be uploaded, for the arguments; None leaves a placeholder.
        fetch: how the locked wheels are got.
        progress: is told what is under way.

    Raises:
        UsageError: the installed package is incomplete, or this Python has no pip.
        GlueSecureError: a locked wheel could not be had.
    """
    prefix = str(bucket).rstrip("/") if bucket else PLACEHOLDER
    progress("wheel")
    own = wheel.build_wheel(quality=any(version.quality for version in versions))
    fetched = []
    for version in versions:  # all of them before the first file, so that what fails leaves no half of it
        progress(f"dependencies for Glue {version.name}")
        fetched.append((version, fetch(version)))
    written, zipped = write(out / wheel.NAME, own), write(out / ZIP_NAME, own)
    targets = [_target(out, version, own, wheels, prefix) for version, wheels in fetched]
    return Package(written, zipped, tuple(targets), prefix)


def modules_archive(version: GlueVersion) -> str:
    """File name of the zip of wheels, for versions that take one."""
    return f"{wheel.PACKAGE}-{__version__}-glue{version.label}.gluewheels.zip"


def _target(
    out: Path, version: GlueVersion, own: bytes, wheels: tuple[gluewheels.Wheel, ...], prefix: str
) -> Target:
    files: tuple[Artefact, ...]
    contents = (*(one.name for one in wheels), wheel.NAME)
    if version.takes_zip_of_wheels:
        name = modules_archive(version)
        files = (write(out / name, gluewheels.gluewheels(version, own, wheels)),)
        modules = f"{prefix}/{name}"
    else:
        folder = f"glue-{version.name}-wheels"
        files = tuple(write(out / folder / one.name, one.content) for one in wheels)
        modules = ",".join([*(f"{prefix}/{folder}/{one.name}" for one in wheels), f"{prefix}/{wheel.NAME}"])
    arguments = (
        ("--additional-python-modules", modules),
        ("--python-modules-installer-option", "--no-index"),
    )
    return Target(version, files, contents, arguments)
