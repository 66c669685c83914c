"""The files that a Glue job needs, written to one folder, and the job arguments that name them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from glue_secure import __version__
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.spark_arguments import conf_argument
from glue_secure.engines.spark.guard_jar import PLUGIN_SETTING, GuardJar
from glue_secure.project import gluewheels, sbom, wheel
from glue_secure.project.archive import Artifact, write
from glue_secure.project.versions import GlueVersion

PLACEHOLDER = "s3://YOUR-BUCKET/glue-secure"
ZIP_NAME = f"{wheel.PACKAGE}-{__version__}.zip"
REQUEST_GUARD_NAME = f"{wheel.PACKAGE}-{__version__}-request-guard.jar"
Fetch = Callable[[GlueVersion], tuple[gluewheels.Wheel, ...]]


@dataclass(frozen=True, slots=True)
class Target:
    """The files and arguments for one Glue version.

    Attributes:
        version: The Glue version.
        files: The files to upload in addition to the wheel.
        contents: File names of the wheels that the job installs.
        arguments: Name and value of the job arguments.
        bill: The software bill of materials of what the job installs.
    """

    version: GlueVersion
    files: tuple[Artifact, ...]
    contents: tuple[str, ...]
    arguments: tuple[tuple[str, str], ...]
    bill: Artifact


@dataclass(frozen=True, slots=True)
class Package:
    """The result of ``glue-secure package``.

    Attributes:
        wheel: For ``--additional-python-modules`` of a job that can reach a package index.
        zip: The same bytes, for ``--extra-py-files`` and Spark's ``--py-files``.
        request_guard: The JAR of the request guard, which is also in the wheel, for ``--extra-jars``.
        bill: The software bill of materials of the wheel.
        targets: One entry per Glue version.
        prefix: Location in S3 that the arguments name.
    """

    wheel: Artifact
    zip: Artifact
    request_guard: Artifact
    bill: Artifact
    targets: tuple[Target, ...]
    prefix: str

    @property
    def extra_py_files(self) -> tuple[str, str]:
        """The job argument for a job whose environment already has the dependencies."""
        return "--extra-py-files", f"{self.prefix}/{self.zip.name}"

    @property
    def request_guard_arguments(self) -> tuple[tuple[str, str], ...]:
        """The job arguments that load the request guard into Spark."""
        return (
            ("--extra-jars", f"{self.prefix}/{self.request_guard.name}"),
            ("--conf", conf_argument(PLUGIN_SETTING)),
        )


def package(
    out: Path,
    versions: Sequence[GlueVersion],
    *,
    bucket: S3Uri | None = None,
    fetch: Fetch = gluewheels.fetch,
    progress: Callable[[str], None] = lambda _: None,
) -> Package:
    """Write the wheel, the zip and, for each Glue version, the dependencies that the version lacks.

    The JAR of the request guard and the bills of materials are written as well.

    Args:
        out: The folder to write to. It is created if missing; existing files of the same names are replaced.
        versions: The Glue versions.
        bucket: Location that the files will be uploaded to, for the arguments. None leaves a placeholder.
        fetch: Returns the locked wheels of a version.
        progress: Called with a description of each step.

    Raises:
        UsageError: The installed package is incomplete, its JAR is missing, or this Python has no pip.
        GlueSecureError: A locked wheel cannot be downloaded.
    """
    prefix = str(bucket).rstrip("/") if bucket else PLACEHOLDER
    progress("wheel")
    jar = wheel.require_guard_jar()
    package_wheel = wheel.build_wheel()
    fetched = []
    for (
        version
    ) in versions:  # before the first file is written, so that a failed download leaves no partial result
        progress(f"dependencies for Glue {version.name}")
        fetched.append((version, fetch(version)))
    wheel_file, zip_file = write(out / wheel.NAME, package_wheel), write(out / ZIP_NAME, package_wheel)
    jar_file = write(out / REQUEST_GUARD_NAME, jar.path.read_bytes())
    bill = write(out / sbom.NAME, sbom.wheel_bill(wheel_file, jar))
    targets = [_target(out, version, wheel_file, jar, wheels, prefix) for version, wheels in fetched]
    return Package(wheel_file, zip_file, jar_file, bill, tuple(targets), prefix)


def modules_archive(version: GlueVersion) -> str:
    """Return the file name of the zip of wheels for a Glue version."""
    return f"{wheel.PACKAGE}-{__version__}-glue{version.label}.gluewheels.zip"


def _target(
    out: Path,
    version: GlueVersion,
    wheel_file: Artifact,
    jar: GuardJar,
    dependencies: tuple[gluewheels.Wheel, ...],
    prefix: str,
) -> Target:
    files: tuple[Artifact, ...]
    contents = (*(dependency.name for dependency in dependencies), wheel.NAME)
    if version.takes_zip_of_wheels:
        name = modules_archive(version)
        files = (
            write(out / name, gluewheels.gluewheels(version, wheel_file.path.read_bytes(), dependencies)),
        )
        modules = f"{prefix}/{name}"
    else:
        folder = f"glue-{version.name}-wheels"
        files = tuple(write(out / folder / item.name, item.content) for item in dependencies)
        uris = [f"{prefix}/{folder}/{file.name}" for file in files]
        modules = ",".join([*uris, f"{prefix}/{wheel.NAME}"])
    arguments = (
        ("--additional-python-modules", modules),
        ("--python-modules-installer-option", "--no-index"),
    )
    label = f"{wheel.PACKAGE}-{__version__}-glue{version.label}"
    bill = sbom.target_bill(label, wheel_file, jar, gluewheels.pins(version))
    return Target(version, files, contents, arguments, write(out / f"{label}.cdx.json", bill))
