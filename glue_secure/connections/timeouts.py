"""Time limits of a driver's connections. Without them, a job waits for hours for a silent server."""

from __future__ import annotations

import re
from collections.abc import Mapping

from glue_secure.connections.engines.engine import DatabaseEngine
from glue_secure.core.errors import UsageError


def timeout_options(engine: DatabaseEngine, options: Mapping[str, str], connection: str) -> dict[str, str]:
    """Return every timeout of the driver: the connection's or call's value, or the default.

    Args:
        engine: the database engine.
        options: the options of the connection and the call, in the driver's spelling.
        connection: its name, for messages.

    Raises:
        UsageError: a value is not a number between 1 and the maximum; 0 means no limit in most drivers.
    """
    values = {}
    for timeout in engine.timeouts:
        value = options.get(timeout.name, str(timeout.default))
        if not re.fullmatch("[0-9]{1,12}", value) or not 1 <= int(value) <= timeout.maximum:
            raise UsageError(
                f"option {timeout.name} of connection {connection}",
                found=value if re.fullmatch("-?[0-9]{1,12}", value) else "(not shown)",
                required=f"1 to {timeout.maximum} {timeout.unit}",
                fix=f"set {timeout.name} to a value in this range, or remove it: the default is "
                f"{timeout.default} {timeout.unit}",
            )
        values[timeout.name] = value
    return values
