"""The Glue versions that packages are made for, and what each of them has already.

Sources: "Using Python libraries with AWS Glue" in the AWS Glue Developer Guide (Python, base image, what
``--additional-python-modules`` takes) and ``base-requirements.txt`` of awslabs/aws-glue-libs, branches
glue-5.0, glue-5.1 and main. For 4.0 there is no such file, so all but boto3's own needs is carried.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from glue_secure.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class GlueVersion:
    """One Glue version as a target of packages.

    Attributes:
        name: ``"5.1"``.
        python: ``"3.11"``.
        glibc: of its base image; a wheel must not need a newer one.
        takes_zip_of_wheels: whether ``--additional-python-modules`` takes a ``.gluewheels.zip``.
        preinstalled: the packages of ours that it has in a version that suffices.
        note: what its user should know, or "".
        beside: what Great Expectations needs, and the version has.
        quality: whether packages carry Great Expectations and the gates.
    """

    name: str
    python: str
    glibc: str
    takes_zip_of_wheels: bool
    preinstalled: Mapping[str, str]
    note: str = ""
    beside: Mapping[str, str] = field(default_factory=dict)
    quality: bool = False

    @property
    def lock(self) -> str:
        """Name of its lock file."""
        return f"glue-{self.name}.txt"

    @property
    def locks(self) -> tuple[str, ...]:
        """Names of the lock files that packages for it are made from, in the order of need."""
        return (self.lock, f"glue-{self.name}-great-expectations.txt") if self.quality else (self.lock,)

    @property
    def label(self) -> str:
        """Its name in those of files."""
        return f"{self.name}-great-expectations" if self.quality else self.name

    def with_quality(self) -> GlueVersion:
        """The same, its packages carrying gates and Great Expectations.

        Raises:
            UsageError: nothing is pinned for this version.
        """
        if not self.beside:
            raise UsageError(
                "--with great-expectations",
                found=f"Glue {self.name}",
                required="Glue 5.0 or above",
                fix="--glue 5.1",
            )
        return replace(self, preinstalled={**self.beside, **self.preinstalled}, quality=True)


_AHEAD_OF_S3FS = (
    "boto3 is carried: conditional writes, which bookmarks need, came with botocore 1.35.70. "
    "The preinstalled s3fs wants its older botocore; do not use both in one job"
)

GLUE_VERSIONS: tuple[GlueVersion, ...] = (
    GlueVersion(
        "4.0",
        "3.10",
        "2.26",
        False,
        {"jmespath": "0.10.0", "python-dateutil": "2.8.2", "six": "1.16.0", "urllib3": "1.25.11"},
        f"Takes no .gluewheels.zip, only single wheels. {_AHEAD_OF_S3FS}",
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
        _AHEAD_OF_S3FS,
        beside={
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
        beside={
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
        "AWS recommends a virtual environment here; docs/packaging.md says how",
        beside={
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
    """The versions of these names, each once, oldest first; all of them when none is named.

    Raises:
        UsageError: a name that is no version in the table.
    """
    asked = set(names)
    unknown = sorted(asked - {version.name for version in GLUE_VERSIONS})
    if unknown:
        raise UsageError(
            "--glue",
            found=", ".join(unknown),
            required=", ".join(version.name for version in GLUE_VERSIONS),
        )
    return tuple(version for version in GLUE_VERSIONS if not asked or version.name in asked)
