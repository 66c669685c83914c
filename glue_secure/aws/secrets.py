"""AWS Secrets Manager: database credentials."""

from __future__ import annotations

import json
from typing import Any

from glue_secure.aws.answers import translated
from glue_secure.core.connection import Credentials
from glue_secure.core.errors import UsageError
from glue_secure.core.quiet import wire_logs_muted


class SecretsManagerStore:
    """Satisfies ``ports.SecretStore``."""

    def __init__(self, *, client: Any) -> None:
        self._client = client

    def credentials(self, secret_id: str) -> Credentials:
        """GetSecretValue; the secret is the JSON that RDS and Glue use, with username and password."""
        with translated("GetSecretValue"), wire_logs_muted():
            answer = self._client.get_secret_value(SecretId=secret_id)
        try:
            fields = json.loads(answer.get("SecretString") or "")
            user, password = fields["username"], fields["password"]
        except (ValueError, KeyError, TypeError):
            user = password = None
        if not isinstance(user, str) or not isinstance(password, str):
            # The cause is cut off: json's error quotes the text that it could not read.
            raise UsageError(
                f"secret {secret_id}",
                found="no JSON object with text fields username and password",
                required='{"username": "...", "password": "..."}',
                fix="store the credentials in the form that RDS and Glue use",
            ) from None
        return Credentials(user, password)
