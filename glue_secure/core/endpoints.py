"""What an endpoint is, by its host name: AWS, the embedded account, or something else."""

from __future__ import annotations

from urllib.parse import urlsplit

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
# The DNS suffixes of AWS's partitions (botocore's endpoint data; a contract test compares them).
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
    """``aws``, ``embedded`` (loopback) or ``custom-endpoint``: nobody may take the second for the first."""
    host = urlsplit(url).hostname or ""
    if host in _LOOPBACK:
        return "embedded"
    return "aws" if host.endswith(AWS_SUFFIXES) else "custom-endpoint"


def same_service(hadoop: str, driver: str) -> bool:
    """Whether Hadoop's S3 endpoint is the service that the driver's own requests go to.

    Args:
        hadoop: ``fs.s3a.endpoint``, with or without a scheme; https where it has none.
        driver: the driver's S3 endpoint, a URL.
    """
    text = hadoop.strip()
    try:
        found, expected = urlsplit(text if "://" in text else f"https://{text}"), urlsplit(driver)
        if endpoint_kind(driver) == "aws":
            return endpoint_kind(found.geturl()) == "aws" and found.port in (None, 443)
        return (found.hostname, found.port or 443) == (expected.hostname, expected.port or 443)
    except ValueError:
        return False
