"""AWS clients that reach the embedded account only."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from glue_secure.aws import botocore_guard
from glue_secure.embedded.account import EmbeddedAccount


@lru_cache(maxsize=8)
def clients(account: EmbeddedAccount) -> Callable[[str], Any]:
    """Return a function from a service's name (``s3``, ``glue``) to its client. Each client is created once.

    The clients ignore the user's profile, configuration files and environment. They are not those of a job:
    the guard of a run in the same process does not apply to them.
    """
    import boto3
    import botocore.session
    from botocore.config import Config

    core = botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, str(account.aws_folder / "config"), None),
            "credentials_file": (None, None, str(account.aws_folder / "credentials"), None),
        }
    )
    session = boto3.session.Session(
        aws_access_key_id=account.access_key_id,
        aws_secret_access_key=account.secret_access_key,
        region_name=account.region,
        botocore_session=core,
    )
    config = Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 2})

    @cache
    def client(service: str) -> Any:
        made = session.client(
            service, endpoint_url=account.endpoint_url, verify=str(account.ca_bundle), config=config
        )
        botocore_guard.exempt(made)
        return made

    return client


def error_code(error: Exception) -> str:
    """Return the service's error code of a botocore ClientError, and ``""`` for any other exception."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""
