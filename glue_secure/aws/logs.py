"""CloudWatch Logs, as far as commands ask it. For a laptop alone."""

from __future__ import annotations

from typing import Any

from glue_secure.aws.answers import translated
from glue_secure.core.service import NotFound


class JobLogs:
    """Log groups and their events.

    Args:
        client: of CloudWatch Logs.
    """

    def __init__(self, *, client: Any) -> None:
        self._client = client

    def key(self, group: str) -> str:
        """ARN of a group's key, "" for none. Raises NotFound, ServiceError."""
        arguments: dict[str, Any] = {"logGroupNamePrefix": group}
        while True:
            with translated("DescribeLogGroups"):
                page = self._client.describe_log_groups(**arguments)
            for one in page.get("logGroups", ()):
                if one["logGroupName"] == group:
                    return str(one.get("kmsKeyId", ""))
            if not page.get("nextToken"):
                raise NotFound(
                    f"DescribeLogGroups: no {group}",
                    code="ResourceNotFoundException",
                    operation="DescribeLogGroups",
                )
            arguments["nextToken"] = page["nextToken"]
