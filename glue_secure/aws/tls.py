"""TLS of clients: the authorities that they trust, and https endpoints only."""

from __future__ import annotations

from urllib.parse import urlsplit

from glue_secure.core.errors import RefusedError
from glue_secure.core.redaction import redact_text


def resolve_verify(ca_bundle: object, *, requests_ca_bundle: str | None) -> str | bool:
    """Return boto3's ``verify``: the path of a CA bundle, or True for botocore's roots.

    The order is botocore's (``EndpointCreator._get_verify_value``): its setting, then the variable of
    requests. An empty value is rejected, because older versions of botocore do not verify then.

    Args:
        ca_bundle: botocore's setting; None if it is not set.
        requests_ca_bundle: ``REQUESTS_CA_BUNDLE``; None if it is not set.

    Raises:
        RefusedError: certificates would not be verified (GS-S3-002).
    """
    if ca_bundle is not None:
        chosen, origin = ca_bundle, "AWS_CA_BUNDLE (or ca_bundle in the profile)"
    elif requests_ca_bundle is not None:
        chosen, origin = requests_ca_bundle, "REQUESTS_CA_BUNDLE"
    else:
        return True
    if chosen is True or (isinstance(chosen, str) and chosen.strip() and chosen.strip().lower() != "false"):
        return chosen
    raise RefusedError(
        "GS-S3-002",
        resource=origin,
        found="empty" if isinstance(chosen, str) and not chosen.strip() else repr(chosen),
        required="the path of a CA bundle, or no value",
        fix=f"set {origin} to the path of a PEM file, or unset it",
    )


def require_tls(service: str, url: str) -> None:
    """Raise RefusedError (GS-S3-002) if an endpoint is not https."""
    if urlsplit(url).scheme != "https":
        raise RefusedError(
            "GS-S3-002",
            resource=f"endpoint of {service}",
            found=redact_text(url),
            required="https",
            fix=f"set AWS_ENDPOINT_URL (or AWS_ENDPOINT_URL_{service.upper()}) to an https URL, or unset it",
        )
