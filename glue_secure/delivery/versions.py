"""The Glue versions that packages are made for, and what each of them has already.

Sources: "Using Python libraries with AWS Glue" in the AWS Glue Developer Guide (Python, base image, what
``--additional-python-modules`` takes) and ``base-requirements.txt`` of awslabs/aws-glue-libs, branches
glue-5.0, glue-5.1 and main. For 4.0 there is no such file, so all but boto3's own needs is carried.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

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
    """

    name: str
    python: str
    glibc: str
    takes_zip_of_wheels: bool
    preinstalled: Mapping[str, str]
    note: str = ""

    @property
    def lock(self) -> str:
        """Name of its lock file."""
        return f"glue-{self.name}.txt"


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
