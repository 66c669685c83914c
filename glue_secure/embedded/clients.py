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

    The clients are botocore's, without the import of boto3. They ignore the user's profile, configuration
    files and environment. They are not those of a job: the guard of a run in the same process does not apply
    to them.
    """
    import botocore.session
    from botocore.config import Config

    core = botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, str(account.aws_folder / "config"), None),
            "credentials_file": (None, None, str(account.aws_folder / "credentials"), None),
        }
    )
    core.set_credentials(account.access_key_id, account.secret_access_key)
    config = Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 2})

    @cache
    def client(service: str) -> Any:
        made = core.create_client(
            service,
            region_name=account.region,
            endpoint_url=account.endpoint_url,
            verify=str(account.ca_pem),
            config=config,
        )
        botocore_guard.exempt(made)
        return made

    return client


def error_code(error: Exception) -> str:
    """Return the service's error code of a botocore ClientError, and ``""`` for any other exception."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""
