"""Connectors whose code cannot be checked, and which the job's arguments allow by the name of their class."""

from __future__ import annotations

import re
from dataclasses import dataclass

from glue_secure.core.errors import UsageError

ARGUMENT = "glue-secure-allowed-connectors"
_ENTRY = re.compile(r"([A-Za-z_$][\w$]*(?:\.[\w$]+)+)(?:@([0-9a-fA-F]{64}))?\Z")
_SPARKS_OWN = "org.apache.spark."


@dataclass(frozen=True, slots=True)
class AllowedConnector:
    """A connector that may be used.

    Attributes:
        class_name: the class that a call or a Glue connection names.
        sha256: SHA-256 of the JAR with the class, hexadecimal; ``""`` if any JAR is allowed.
        image: digest of the image that its Glue connection names (``sha256:...``); ``""`` if any is allowed.
    """

    class_name: str
    sha256: str = ""
    image: str = ""


def parse_allowed_connectors(text: str | None) -> tuple[AllowedConnector, ...]:
    """Return the entries of ``--glue-secure-allowed-connectors CLASS[@SHA256],...``; none without a text.

    Raises:
        UsageError: an entry has another form, names a class twice, or names a class of Apache Spark.
    """
    entries = []
    for entry in () if text is None else text.split(","):
        match = _ENTRY.match(entry.strip())
        if match is None or match[1].startswith(_SPARKS_OWN):
            raise UsageError(
                f"--{ARGUMENT}",
                found=repr(entry.strip()),
                required="CLASS or CLASS@SHA256 of a connector's JAR, separated by commas; no class of Spark",
                fix="name the class with its package, as className of the call does",
            )
        entries.append(AllowedConnector(match[1], (match[2] or "").lower()))
    names = [entry.class_name for entry in entries]
    if len(set(names)) < len(names):
        raise UsageError(f"--{ARGUMENT}", found=", ".join(names), required="each class once")
    return tuple(entries)
