"""The Glue versions that packages are built for, and the modules that are preinstalled in each.

Sources: "Using Python libraries with AWS Glue" in the AWS Glue Developer Guide (Python, base image, values of
``--additional-python-modules``) and ``base-requirements.txt`` of awslabs/aws-glue-libs, branches glue-5.0,
glue-5.1 and main. There is no such file for 4.0: its packages include every dependency except boto3's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from glue_secure.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class GlueVersion:
    """A Glue version that packages are built for.

    Attributes:
        name: For example ``"5.1"``.
        python: For example ``"3.11"``.
        glibc: Version in its base image. A wheel must not need a newer one.
        takes_zip_of_wheels: Whether ``--additional-python-modules`` accepts a ``.gluewheels.zip``.
        preinstalled: Dependencies of this package that the version has in a sufficient version.
        note: A remark for users of the version, or "".
        preinstalled_for_quality: Dependencies of Great Expectations that the version has.
        quality: Whether packages include Great Expectations.
    """

    name: str
    python: str
    glibc: str
    takes_zip_of_wheels: bool
    preinstalled: Mapping[str, str]
    note: str = ""
    preinstalled_for_quality: Mapping[str, str] = field(default_factory=dict)
    quality: bool = False

    @property
    def lock(self) -> str:
        """Name of the lock file."""
        return f"glue-{self.name}.txt"

    @property
    def locks(self) -> tuple[str, ...]:
        """Names of the lock files that packages are built from, in order of dependency."""
        return (self.lock, f"glue-{self.name}-great-expectations.txt") if self.quality else (self.lock,)

    @property
    def label(self) -> str:
        """The part of file names that identifies the version and its contents."""
        return f"{self.name}-great-expectations" if self.quality else self.name

    def with_quality(self) -> GlueVersion:
        """Return this version with packages that include Great Expectations.

        Raises:
            UsageError: Great Expectations is not pinned for this version.
        """
        if not self.preinstalled_for_quality:
            raise UsageError(
                "--with great-expectations",
                found=f"Glue {self.name}",
                required="Glue 5.0 or above",
                fix="--glue 5.1",
            )
        return replace(
            self, preinstalled={**self.preinstalled_for_quality, **self.preinstalled}, quality=True
        )


_S3FS_CONFLICT = (
    "Includes boto3, because bookmarks need conditional writes (botocore 1.35.70 or newer). "
    "The preinstalled s3fs requires an older botocore; do not use both in one job"
)

GLUE_VERSIONS: tuple[GlueVersion, ...] = (
    GlueVersion(
        "4.0",
        "3.10",
        "2.26",
        False,
        {"jmespath": "0.10.0", "python-dateutil": "2.8.2", "six": "1.16.0", "urllib3": "1.25.11"},
        f"Accepts single wheels only, no .gluewheels.zip. {_S3FS_CONFLICT}",
    ),
    GlueVersion(
        "5.0",
        "3.11",
        "2.34",
        True,
        {
            "attrs": "24.2.0",
            "jmespath": "0.10.0",
            "python-dateutil": "2.9.0.post0",
            "six": "1.16.0",
            "urllib3": "1.25.10",
            "wrapt": "1.16.0",
        },
        _S3FS_CONFLICT,
        preinstalled_for_quality={
            "attrs": "24.2.0",
            "certifi": "2024.7.4",
            "charset-normalizer": "3.3.2",
            "idna": "2.10",
            "numpy": "1.26.4",
            "packaging": "24.1",
            "pandas": "2.2.2",
            "pyparsing": "3.1.2",
            "python-dateutil": "2.9.0.post0",
            "pytz": "2024.1",
            "requests": "2.32.2",
            "six": "1.16.0",
            "tzdata": "2024.1",
            "urllib3": "1.25.10",
        },
    ),
    GlueVersion(
        "5.1",
        "3.11",
        "2.34",
        True,
        {
            "attrs": "25.4.0",
            "boto3": "1.40.61",
            "botocore": "1.40.61",
            "jmespath": "1.0.1",
            "python-dateutil": "2.9.0.post0",
            "s3transfer": "0.14.0",
            "six": "1.17.0",
            "urllib3": "2.5.0",
            "wrapt": "1.17.3",
        },
        preinstalled_for_quality={
            "attrs": "25.4.0",
            "certifi": "2025.10.5",
            "charset-normalizer": "3.4.4",
            "idna": "3.11",
            "narwhals": "2.10.2",
            "numpy": "2.3.4",
            "packaging": "25.0",
            "pandas": "2.3.3",
            "pyparsing": "3.2.5",
            "python-dateutil": "2.9.0.post0",
            "pytz": "2025.2",
            "requests": "2.32.5",
            "six": "1.17.0",
            "typing-extensions": "4.15.0",
            "tzdata": "2025.2",
            "urllib3": "2.5.0",
        },
    ),
    GlueVersion(
        "6.0",
        "3.13",
        "2.34",
        True,
        {
            "attrs": "26.1.0",
            "boto3": "1.42.84",
            "botocore": "1.42.84",
            "jmespath": "1.1.0",
            "python-dateutil": "2.9.0.post0",
            "s3transfer": "0.16.0",
            "six": "1.17.0",
            "urllib3": "2.6.3",
            "wrapt": "2.1.2",
        },
        "AWS recommends a virtual environment for this version; see docs/packaging.md",
        preinstalled_for_quality={
            "attrs": "26.1.0",
            "certifi": "2026.2.25",
            "charset-normalizer": "3.4.7",
            "idna": "3.11",
            "narwhals": "2.19.0",
            "numpy": "2.4.4",
            "packaging": "26.0",
            "pandas": "2.3.3",
            "pyparsing": "3.3.2",
            "python-dateutil": "2.9.0.post0",
            "pytz": "2026.1.post1",
            "requests": "2.33.1",
            "six": "1.17.0",
            "typing-extensions": "4.15.0",
            "tzdata": "2026.1",
            "urllib3": "2.6.3",
        },
    ),
)


def glue_versions(names: Iterable[str]) -> tuple[GlueVersion, ...]:
    """Return the versions with these names, oldest first, without duplicates; without names, all.

    Raises:
        UsageError: A name is not a supported version.
    """
    requested = set(names)
    unknown = sorted(requested - {version.name for version in GLUE_VERSIONS})
    if unknown:
        raise UsageError(
            "--glue",
            found=", ".join(unknown),
            required=", ".join(version.name for version in GLUE_VERSIONS),
        )
    return tuple(version for version in GLUE_VERSIONS if not requested or version.name in requested)
