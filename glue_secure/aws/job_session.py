"""The boto3 session of ``job.boto3_session``."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

from glue_secure.aws import botocore_guard
from glue_secure.core.ports.driver_s3 import CallGuard


class JobSession(boto3.session.Session):  # type: ignore[misc]  # boto3 has no types
    """A ``boto3.session.Session`` whose clients belong to one run.

    Args:
        core: the botocore session, created for it.
        guard: decides about the calls of every client of this session.
        path_style: whether buckets are addressed by path, for endpoints without wildcard DNS.
    """

    def __init__(self, *, core: Any, guard: CallGuard, path_style: bool = False) -> None:
        super().__init__(botocore_session=core)
        self._guard = guard
        self._s3_style = {"addressing_style": "path"} if path_style else {}

    def client(self, service_name: str, *args: Any, config: Any = None, **kwargs: Any) -> Any:
        """Return a client. Raises RefusedError (GS-S3-002) for ``verify=False`` or no TLS."""
        if service_name == "s3":
            base = Config(s3=self._s3_style)
            config = base.merge(config) if config else base
        client = super().client(service_name, *args, config=config, **kwargs)
        botocore_guard.bind(client, self._guard)
        return client
