"""The files that a Glue job needs, written to one folder, and the job arguments that name them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from glue_secure import __version__
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.spark_arguments import conf_argument
from glue_secure.engines.spark.guard_jar import PLUGIN_SETTING, GuardJar
from glue_secure.project import gluewheels, requirements, sbom, wheel
from glue_secure.project.archive import Artifact, write
from glue_secure.project.versions import GlueVersion

PLACEHOLDER = "s3://YOUR-BUCKET/glue-secure"
ZIP_NAME = f"{wheel.PACKAGE}-{__version__}.zip"
REQUEST_GUARD_NAME = f"{wheel.PACKAGE}-{__version__}-request-guard.jar"
Fetch = Callable[[GlueVersion], tuple[gluewheels.Wheel, ...]]
Resolve = Callable[[requirements.Requirements, GlueVersion], gluewheels.Wheels]


@dataclass(frozen=True, slots=True)
class Target:
    """The files and arguments for one Glue version.

    Attributes:
        version: The Glue version.
        files: The files to upload in addition to the wheel.
        contents: File names of the wheels that the job installs.
        arguments: Name and value of the job arguments.
        bill: The software bill of materials of what the job installs.
        lock: The lock of the requirements that the job has in addition, or None.
    """

    version: GlueVersion
    files: tuple[Artifact, ...]
    contents: tuple[str, ...]
    arguments: tuple[tuple[str, str], ...]
    bill: Artifact
    lock: Artifact | None = None


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
    requirements_file: Path | None = None,
    fetch: Fetch = gluewheels.fetch,
    resolve: Resolve = requirements.resolve,
    progress: Callable[[str], None] = lambda _: None,
) -> Package:
    """Write the wheel, the zip and, for each Glue version, the dependencies that the version lacks.

    The JAR of the request guard and the bills of materials are written as well.

    Args:
        out: The folder to write to. It is created if missing; existing files of the same names are replaced.
        versions: The Glue versions.
        bucket: Location that the files will be uploaded to, for the arguments. None leaves a placeholder.
        requirements_file: Requirements of a job. They are resolved for each version, included in its files,
            and locked in a file next to this one, which deployments read.
        fetch: Returns the locked wheels of a version.
        resolve: Returns the wheels of the requirements that a version lacks.
        progress: Called with a description of each step.

    Raises:
        UsageError: The installed package is incomplete, its JAR is missing, this Python has no pip, or the
            requirements have no wheels that fit the modules of a version.
        GlueSecureError: A wheel cannot be downloaded.
    """
    prefix = str(bucket).rstrip("/") if bucket else PLACEHOLDER
    progress("wheel")
    jar = wheel.require_guard_jar()
    package_wheel = wheel.build_wheel()
    given = requirements.read(requirements_file) if requirements_file is not None else None
    # Before the first file is written, so that a failed download leaves no partial result.
    fetched = []
    for version in versions:
        own = gluewheels.Wheels()
        if given is not None:
            progress(f"requirements for Glue {version.name}")
            own = resolve(given, version)
        progress(f"dependencies for Glue {version.name}")
        fetched.append((version, fetch(version), own))
    wheel_file, zip_file = write(out / wheel.NAME, package_wheel), write(out / ZIP_NAME, package_wheel)
    jar_file = write(out / REQUEST_GUARD_NAME, jar.path.read_bytes())
    bill = write(out / sbom.NAME, sbom.wheel_bill(wheel_file, jar))
    targets = [
        _target(out, version, wheel_file, jar, wheels, prefix, given, own) for version, wheels, own in fetched
    ]
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
    given: requirements.Requirements | None,
    own: gluewheels.Wheels,
) -> Target:
    files: tuple[Artifact, ...]
    contents = (*(dependency.name for dependency in (*dependencies, *own.wheels)), wheel.NAME)
    label = f"{wheel.PACKAGE}-{__version__}-glue{version.label}"
    if given is not None:
        label = f"{label}-{given.path.stem}"
    if version.takes_zip_of_wheels:
        name = f"{label}.gluewheels.zip"
        content = gluewheels.gluewheels(version, wheel_file.path.read_bytes(), dependencies, own)
        files = (write(out / name, content),)
        modules = f"{prefix}/{name}"
    else:
        folder = f"glue-{version.name}-wheels"
        files = tuple(write(out / folder / item.name, item.content) for item in (*dependencies, *own.wheels))
        uris = [f"{prefix}/{folder}/{file.name}" for file in files]
        modules = ",".join([*uris, f"{prefix}/{wheel.NAME}"])
    arguments = (
        ("--additional-python-modules", modules),
        ("--python-modules-installer-option", "--no-index"),
    )
    bill = sbom.target_bill(label, wheel_file, jar, (*gluewheels.pins(version), *own.pins))
    lock = None
    if given is not None:
        text = requirements.lock_text(given, version, own.pins)
        lock = write(given.lock_path(version), text.encode())
    return Target(version, files, contents, arguments, write(out / f"{label}.cdx.json", bill), lock)
