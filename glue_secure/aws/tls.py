"""TLS of clients: the authorities that they trust, and https endpoints only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from glue_secure.core.errors import RefusedError, UsageError
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
            fix=f"set AWS_ENDPOINT_URL (or {_endpoint_variable(service)}) to an https URL, or unset it",
        )


def check_variables(environ: Mapping[str, str], services: Iterable[str]) -> None:
    """Check the environment variables that decide about TLS, without boto3.

    A session also checks what its profile configures.

    Args:
        environ: environment variables.
        services: boto3's names of the services whose endpoints are checked.

    Raises:
        UsageError: the URL of an endpoint is malformed.
        RefusedError: an endpoint is not https, or ``AWS_CA_BUNDLE`` is empty (GS-S3-002).
    """
    resolve_verify(environ.get("AWS_CA_BUNDLE"), requests_ca_bundle=None)
    if environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return
    for service in services:
        url = environ.get(_endpoint_variable(service)) or environ.get("AWS_ENDPOINT_URL")
        if url:
            try:
                _ = urlsplit(url).port
            except ValueError as error:
                raise malformed_client(service, error) from error
            require_tls(service, url)


def malformed_client(service: str, error: Exception) -> UsageError:
    """Return the error of a client whose Region or endpoint is malformed."""
    return UsageError(
        f"the client of {service}",
        found=str(error),
        required="an AWS Region, and endpoints of the form https://HOST[:PORT]",
        fix="correct AWS_REGION, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL or the profile",
    )


def _endpoint_variable(service: str) -> str:
    # The variables are named for the ids of the services, which differ from boto3's names in this case.
    name = {"secretsmanager": "secrets_manager"}.get(service, service)
    return f"AWS_ENDPOINT_URL_{name.upper()}"
