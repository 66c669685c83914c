"""Classify an endpoint by its host name: AWS, the embedded account, or another service."""

from __future__ import annotations

from urllib.parse import urlsplit

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
# The DNS suffixes of AWS's partitions, from botocore's endpoint data; a contract test compares them.
AWS_SUFFIXES = (
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".api.aws",
    ".api.amazonwebservices.com.cn",
    ".amazonaws.eu",
    ".api.amazonwebservices.eu",
    ".c2s.ic.gov",
    ".sc2s.sgov.gov",
    ".cloud.adc-e.uk",
    ".csp.hci.ic.gov",
    ".api.aws.ic.gov",
    ".api.aws.scloud",
    ".api.cloud-aws.adc-e.uk",
    ".api.aws.hci.ic.gov",
)


def endpoint_kind(url: str) -> str:
    """Return ``aws``, ``embedded`` (loopback) or ``custom-endpoint``."""
    host = urlsplit(url).hostname or ""
    if host in _LOOPBACK:
        return "embedded"
    return "aws" if host.endswith(AWS_SUFFIXES) else "custom-endpoint"


def same_service(hadoop: str, driver: str) -> bool:
    """Return whether Hadoop's S3 endpoint is the service that the driver's own requests go to.

    Args:
        hadoop: ``fs.s3a.endpoint``, with or without a scheme; without one, https.
        driver: the driver's S3 endpoint, a URL.
    """
    text = hadoop.strip()
    try:
        endpoint, expected = urlsplit(text if "://" in text else f"https://{text}"), urlsplit(driver)
        if endpoint_kind(driver) == "aws":
            return endpoint_kind(endpoint.geturl()) == "aws" and endpoint.port in (None, 443)
        return (endpoint.hostname, endpoint.port or 443) == (expected.hostname, expected.port or 443)
    except ValueError:
        return False
