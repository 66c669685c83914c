"""Amazon CloudWatch Logs. Used by the command line only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from glue_secure.aws.errors import translate_errors
from glue_secure.core.service import NotFound


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One event of a log: id, stream, milliseconds since the epoch, and the job's text."""

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
        """Return the ARN of a log group's key, "" without one. Raises NotFound, ServiceError."""
        arguments: dict[str, Any] = {"logGroupNamePrefix": group}
        while True:
            with translate_errors("DescribeLogGroups"):
                page = self._client.describe_log_groups(**arguments)
            for shape in page.get("logGroups", ()):
                if shape["logGroupName"] == group:
                    return str(shape.get("kmsKeyId", ""))
            if not page.get("nextToken"):
                raise NotFound(
                    f"DescribeLogGroups: no log group {group}",
                    code="ResourceNotFoundException",
                    operation="DescribeLogGroups",
                )
            arguments["nextToken"] = page["nextToken"]

    def events(self, group: str, stream_prefix: str, since: int) -> Iterator[LogEvent]:
        """Yield the events of a log group (FilterLogEvents).

        Args:
            group: the log group.
            stream_prefix: prefix of the names of its streams: a run's id.
            since: milliseconds since the epoch; earlier events are excluded.

        Raises:
            NotFound: there is no such group yet.
            ServiceError: any other error.
        """
        arguments: dict[str, Any] = {
            "logGroupName": group,
            "logStreamNamePrefix": stream_prefix,
            "startTime": since,
        }
        while True:
            with translate_errors("FilterLogEvents"):
                page = self._client.filter_log_events(**arguments)
            for shape in page.get("events", ()):
                yield LogEvent(
                    str(shape["eventId"]),
                    str(shape["logStreamName"]),
                    int(shape["timestamp"]),
                    str(shape["message"]),
                )
            if not page.get("nextToken"):
                return
            arguments["nextToken"] = page["nextToken"]
