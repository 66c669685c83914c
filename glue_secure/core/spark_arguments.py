"""The value of Glue's ``--conf`` argument: several Spark settings, separated by another ``--conf``.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from glue_secure.core.errors import UsageError

PLUGINS = "spark.plugins"
_SEPARATOR = re.compile(r"\s+--conf(?:\s+|=)")


def conf_argument(settings: Mapping[str, str], given: str = "") -> str:
    """Return the value of ``--conf`` with a job's own settings and those of ``settings`` that it lacks.

    Args:
        settings: settings to add, unless ``given`` has them.
        given: the job's own value of ``--conf``, or "".
    """
    parts = _parts(given)
    names = {_name(part) for part in parts}
    parts += [f"{name}={value}" for name, value in settings.items() if name not in names]
    return _joined(parts)


def with_plugin(given: str, plugin: str) -> str:
    """Return the value of ``--conf`` with a class added to ``spark.plugins``, after the job's own plugins.

    If ``given`` sets ``spark.plugins`` twice, Spark uses the last, so the class is added there.
    """
    parts = _parts(given)
    for position in reversed(range(len(parts))):
        if _name(parts[position]) == PLUGINS:
            present = [name.strip() for name in parts[position].partition("=")[2].split(",") if name.strip()]
            if plugin not in present:
                parts[position] = f"{PLUGINS}={','.join([*present, plugin])}"
            return _joined(parts)
    return _joined([*parts, f"{PLUGINS}={plugin}"])


def settings_of(value: str) -> dict[str, str]:
    """Return the settings of a value of ``--conf`` by name; of a name that occurs twice, the last counts.

    Raises:
        UsageError: a part is not ``name=value``.
    """
    settings = {}
    for part in _parts(value):
        name, separator, text = part.partition("=")
        if not separator or not name.strip():
            raise UsageError(
                "--conf",
                found=name.strip() or part,
                required="NAME=VALUE, or NAME=VALUE --conf NAME=VALUE",
                fix='--conf "spark.sql.shuffle.partitions=8 --conf spark.sql.ansi.enabled=true"',
            )
        settings[name.strip()] = text.strip()
    return settings


def _parts(value: str) -> list[str]:
    parts = _SEPARATOR.split(f" {value}")
    return [part.strip() for part in parts if part.strip()]


def _name(part: str) -> str:
    return part.partition("=")[0].strip()


def _joined(parts: list[str]) -> str:
    return " --conf ".join(parts)
