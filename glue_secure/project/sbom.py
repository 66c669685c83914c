"""Software bills of materials in CycloneDX 1.6, for the wheel and for the files of each Glue version.

The bytes depend on the described files only: there is no timestamp, and the serial number is derived from the
content. https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from glue_secure import __version__
from glue_secure.engines.spark.guard_jar import JAR_NAME, GuardJar
from glue_secure.project.archive import Artifact
from glue_secure.project.gluewheels import Pin
from glue_secure.project.wheel import DISTRIBUTION, PACKAGE

NAME = f"{PACKAGE}-{__version__}.cdx.json"
_LICENSE = [{"license": {"id": "Apache-2.0"}}]


def wheel_bill(wheel: Artifact, jar: GuardJar) -> bytes:
    """Return the bill of the wheel: the wheel, and the JAR of the request guard in it."""
    return _document(_wheel(wheel), [_jar(jar)], {_wheel(wheel)["bom-ref"]: [JAR_NAME]})


def target_bill(name: str, wheel: Artifact, jar: GuardJar, pins: Sequence[Pin]) -> bytes:
    """Return the bill of what a job installs: the wheel with its JAR, and the locked dependencies.

    Args:
        name: Name of the installed set, for example ``glue_secure-0.1.0-glue5.1``.
        wheel: The wheel.
        jar: The JAR in the wheel.
        pins: The dependencies, with the digest of their wheels.
    """
    root = {"type": "application", "bom-ref": name, "name": name, "version": __version__}
    components = [_wheel(wheel), *map(_dependency, pins), _jar(jar)]
    top = [component["bom-ref"] for component in components[:-1]]
    return _document(root, components, {name: top, top[0]: [JAR_NAME]})


def _wheel(wheel: Artifact) -> dict[str, Any]:
    return {**_package(DISTRIBUTION, __version__, wheel.sha256), "licenses": _LICENSE}


def _dependency(pin: Pin) -> dict[str, Any]:
    return _package(pin.name, pin.version, pin.sha256)


def _package(name: str, version: str, sha256: str) -> dict[str, Any]:
    # A local version, 1.0+acme, has a character that a purl encodes.
    purl = f"pkg:pypi/{name}@{quote(version, safe='')}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "hashes": _hashes(sha256),
        "purl": purl,
    }


def _jar(jar: GuardJar) -> dict[str, Any]:
    properties = {
        "glue-secure:path": f"{PACKAGE}/engines/spark/jvm/{JAR_NAME}",
        "glue-secure:sources-sha256": jar.sources_sha256,
    }
    return {
        "type": "library",
        "bom-ref": JAR_NAME,
        "name": JAR_NAME,
        "version": jar.version,
        "hashes": _hashes(jar.sha256),
        "licenses": _LICENSE,
        "properties": [{"name": name, "value": value} for name, value in properties.items()],
    }


def _hashes(sha256: str) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": sha256}]


def _document(
    root: dict[str, Any], components: Sequence[dict[str, Any]], depends_on: dict[str, list[str]]
) -> bytes:
    content = {
        "metadata": {"component": root},
        "components": list(components),
        "dependencies": [{"ref": name, "dependsOn": others} for name, others in depends_on.items()],
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(content, sort_keys=True))
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": serial.urn,
        "version": 1,
        **content,
    }
    return f"{json.dumps(document, indent=2)}\n".encode()
