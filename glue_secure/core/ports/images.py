"""Amazon ECR."""

from __future__ import annotations

from typing import Protocol


class Images(Protocol):
    """The operation of Amazon ECR that a run uses."""

    def digest(self, url: str) -> str:
        """Return the digest (``sha256:...``) of the image that a connection names. Raises ServiceError."""
