"""Connectors whose own code decides about TLS: allowed by class, with the digest of their JAR (GS-CON-002).

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect.html#aws-glue-programming-etl-connect-market
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from glue_secure.connections.connectors.options import option_of
from glue_secure.connections.messages import shown_name
from glue_secure.core.allowed_connectors import ARGUMENT, AllowedConnector
from glue_secure.core.connection import GlueConnection
from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Finding, enforce, failed, passed, unknown
from glue_secure.core.ports import Images
from glue_secure.core.redaction import redact_text
from glue_secure.core.service import ServiceError

CLASS = "className"
_CONNECTION_CLASS = "CONNECTOR_CLASS_NAME"
_CONNECTION_URL = "CONNECTOR_URL"


class ConnectorApproval:
    """Decides whether a run may use a connector that glue-secure cannot check.

    Args:
        allowed: entries of the job's arguments.
        jar_of: returns the JAR, on the driver, that provides a class; None if the class is missing.
        connection: reads a Glue connection.
        images: Amazon ECR; None if the run has no AWS session.
    """

    def __init__(
        self,
        allowed: Sequence[AllowedConnector],
        *,
        jar_of: Callable[[str], Path | None],
        connection: Callable[[str], GlueConnection],
        images: Images | None = None,
    ) -> None:
        self._allowed, self._jar_of, self._connection = tuple(allowed), jar_of, connection
        self._images = images

    def require_allowed(self, options: Mapping[str, Any], resource: str) -> tuple[Finding, ...]:
        """Return the passed findings of each class that a call names, itself or by its Glue connection.

        Raises:
            RefusedError: GS-CON-002, no entry allows a class, or its JAR or image is another one.
            VerificationError: GS-CON-002, the JAR or image of an entry with a digest is not found.
            UsageError: neither the call nor the connection names a class.
        """
        findings: list[Finding] = []
        for name in self.classes(options, resource):
            jar = self._jar_of(name) or self._jar_of(f"{name}.DefaultSource")
            digest = hashlib.sha256(jar.read_bytes()).hexdigest() if jar else ""
            checked = [check_allowed(name, self._allowed, digest, resource)]
            entry = _entry(self._allowed, name)
            if entry is not None and entry.image:
                checked.append(self._image(entry, options, resource))
            findings += enforce(checked)
        return tuple(findings)

    def _image(self, entry: AllowedConnector, options: Mapping[str, Any], resource: str) -> Finding:
        connection = option_of(options, "connectionName")
        url = self._connection(connection).properties.get(_CONNECTION_URL, "") if connection else ""
        try:
            if self._images is None or not url:
                raise ServiceError(f"no connection with {_CONNECTION_URL}", code="", operation="")
            found = self._images.digest(url)
        except ServiceError as error:
            return unknown(
                "GS-CON-002",
                resource,
                found=f"{redact_text(url)}: {error}" if url else str(error),
                required=f"the image with digest {entry.image}, which the policy file names",
                fix=f"name the image in {_CONNECTION_URL} of the connection that the call names, and give "
                "the job's role ecr:BatchGetImage on its repository",
                aws_code=error.code,
            )
        return check_image(entry, found, resource)

    def classes(self, options: Mapping[str, Any], resource: str) -> tuple[str, ...]:
        """Return the classes that a call names: by ``className``, then by its Glue connection."""
        named, connection = option_of(options, CLASS), option_of(options, "connectionName")
        properties = self._connection(connection).properties if connection else {}
        classes = tuple(dict.fromkeys(filter(None, (named, properties.get(_CONNECTION_CLASS)))))
        if not classes:
            raise UsageError(
                f"connection_options of {resource}",
                found=", ".join(sorted(map(shown_name, map(str, options)))) or "no options",
                required=f"{CLASS}, or connectionName of a connection with {_CONNECTION_CLASS}",
            )
        return classes


def check_image(entry: AllowedConnector, digest: str, resource: str) -> Finding:
    """GS-CON-002: the image that the connection names has the digest of the entry.

    Args:
        entry: the entry of the class.
        digest: of the image, ``sha256:...``.
        resource: the subject of the finding.
    """
    if digest == entry.image:
        return passed("GS-CON-002", resource, f"class {entry.class_name}, from the image {digest}")
    return failed(
        "GS-CON-002",
        resource,
        found=f"class {entry.class_name} from the image {digest}",
        required=f"the image {entry.image}, which the policy file names",
        fix="name the reviewed image in the connection; or review this one and change the entry",
    )


def _entry(allowed: Sequence[AllowedConnector], class_name: str) -> AllowedConnector | None:
    return next((one for one in allowed if one.class_name == class_name), None)


def check_allowed(
    class_name: str, allowed: Sequence[AllowedConnector], digest: str, resource: str
) -> Finding:
    """GS-CON-002: an entry allows the class, and its JAR has the digest of the entry.

    Args:
        class_name: the connector's class.
        allowed: the entries.
        digest: SHA-256 of the JAR with the class, hexadecimal; ``""`` if the driver has no such JAR.
        resource: the subject of the finding.
    """
    entry = _entry(allowed, class_name)
    found = f"SHA-256 {digest}" if digest else "no JAR on the driver"
    if entry is None:
        return failed(
            "GS-CON-002",
            resource,
            found=f"class {shown_name(class_name)}, whose own code decides about TLS and the server's name; "
            f"{found}",
            required=f"an entry for this class in --{ARGUMENT}",
            fix="review how the connector verifies its server and encrypts; then start the job with "
            f"--{ARGUMENT} {shown_name(class_name)}{'@' + digest if digest else ''}",
        )
    if entry.sha256 and not digest:
        return unknown(
            "GS-CON-002",
            resource,
            found=f"no JAR with class {class_name} on the driver",
            required=f"the JAR with SHA-256 {entry.sha256}, which --{ARGUMENT} names",
            fix="add the JAR to the job with --extra-jars",
        )
    if entry.sha256 not in ("", digest):
        return failed(
            "GS-CON-002",
            resource,
            found=f"class {class_name} in a JAR with {found}",
            required=f"SHA-256 {entry.sha256}, which --{ARGUMENT} names",
            fix="use the reviewed JAR; or review this one, and start the job with "
            f"--{ARGUMENT} {class_name}@{digest}",
        )
    return passed("GS-CON-002", resource, f"class {class_name}, which --{ARGUMENT} allows; {found}")
