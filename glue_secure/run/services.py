"""What a run talks to, and what it asks before it starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from glue_secure.core.arguments import JobArguments, JobIdentity
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.ports import (
    Clock,
    ColumnSource,
    ControlPlane,
    DriverS3,
    Environment,
    HighWaterMarkStore,
    KeyService,
    ObjectStore,
    SecretStore,
)
from glue_secure.preflight.establish import Preflight, establish


@dataclass(frozen=True, slots=True)
class Services:
    """Every service a run talks to, made by the composition root.

    ``high_water`` makes the mark of one bookmark: of a table's name, and of which bookmark it is.
    ``remote_objects`` makes on an executor what ``objects`` is on the driver.
    """

    environment: Environment
    control_plane: ControlPlane
    keys: KeyService
    objects: ObjectStore
    secrets: SecretStore
    clock: Clock
    master_key_provider: Callable[[KmsKeyArn], Any]
    versions: Mapping[str, str]
    streams_end_when_drained: bool = False
    high_water: Callable[[str, str], HighWaterMarkStore] | None = None
    driver_s3: DriverS3 | None = None
    remote_objects: Callable[[], ObjectStore] | None = None
    columns: ColumnSource | None = None


def preflight_of(identity: JobIdentity, arguments: JobArguments, services: Services) -> Preflight:
    """:func:`~glue_secure.preflight.establish.establish` with a run's services."""
    return establish(
        identity,
        arguments,
        control_plane=services.control_plane,
        keys=services.keys,
        environment=services.environment,
    )


def required_location(arguments: JobArguments, name: str) -> S3Uri:
    """The location that an argument names; UsageError when it is missing."""
    location = arguments.location(name)
    if location is None:
        raise UsageError(
            f"--{name}",
            found="not given",
            required="s3://BUCKET/PREFIX/",
            fix=f"add --{name} to the job's default arguments",
        )
    return location
