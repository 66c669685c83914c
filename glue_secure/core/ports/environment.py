"""The account and region that a run works in."""

from __future__ import annotations

from typing import Protocol


class Environment(Protocol):
    """The account, the region and the endpoints of a run."""

    @property
    def account(self) -> str:
        """The account's twelve digits. Raises ServiceError."""

    @property
    def region(self) -> str:
        """The region, for instance ``eu-west-1``."""

    @property
    def s3_endpoint(self) -> str:
        """The https URL that the driver's own S3 requests go to."""

    @property
    def caller(self) -> str:
        """The caller's ARN. Raises ServiceError."""

    @property
    def kind(self) -> str:
        """``aws``, ``embedded`` (loopback endpoints) or ``custom-endpoint``."""
