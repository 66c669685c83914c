"""CloudWatch Logs, as far as commands ask it. For a laptop alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from glue_secure.aws.errors import translate_errors
from glue_secure.core.service import NotFound


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One line of a log: its id, its stream, milliseconds of the epoch, and its text, as a job wrote it."""

    id: str
    stream: str
    timestamp: int
    message: str


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
            with translate_errors("DescribeLogGroups"):
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

    def events(self, group: str, stream_prefix: str, since: int) -> Iterator[LogEvent]:
        """FilterLogEvents, page by page.

        Args:
            group: the log group.
            stream_prefix: what the names of its streams begin with: a run's id.
            since: milliseconds of the epoch; events before it are left out.

        Raises NotFound (there is no such group yet), ServiceError.
        """
        arguments: dict[str, Any] = {
            "logGroupName": group,
            "logStreamNamePrefix": stream_prefix,
            "startTime": since,
        }
        while True:
            with translate_errors("FilterLogEvents"):
                page = self._client.filter_log_events(**arguments)
            for one in page.get("events", ()):
                yield LogEvent(
                    str(one["eventId"]), str(one["logStreamName"]), int(one["timestamp"]), str(one["message"])
                )
            if not page.get("nextToken"):
                return
            arguments["nextToken"] = page["nextToken"]
