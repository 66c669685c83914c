"""The digest of a connector's image, as Amazon ECR returns it."""

import boto3
import pytest
from botocore.stub import Stubber

from glue_secure.aws.ecr import EcrImages
from glue_secure.core.service import NotFound, ServiceError

DIGEST = f"sha256:{'ab' * 32}"
PREFIX = "https://709825985650.dkr.ecr.us-east-1.amazonaws.com/acme/glue/orders"


@pytest.fixture
def ecr():
    """A client whose answers are checked against botocore's model."""
    client = boto3.client("ecr", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(client) as stubber:
        yield client, stubber


def test_the_digest_of_a_tag_is_requested_in_the_region_and_registry_of_the_image(ecr):
    client, stubber = ecr
    regions = []
    stubber.add_response(
        "batch_get_image",
        {"images": [{"imageId": {"imageDigest": DIGEST, "imageTag": "1.0"}}]},
        {
            "registryId": "709825985650",
            "repositoryName": "acme/glue/orders",
            "imageIds": [{"imageTag": "1.0"}],
        },
    )
    images = EcrImages(lambda region: regions.append(region) or client)
    assert images.digest(f"{PREFIX}:1.0") == DIGEST
    assert regions == ["us-east-1"]


def test_a_url_with_a_digest_needs_no_request():
    assert EcrImages(lambda _: pytest.fail("a request")).digest(f"{PREFIX}@{DIGEST}") == DIGEST


def test_a_missing_image_and_a_denied_request_are_errors(ecr):
    client, stubber = ecr
    images = EcrImages(lambda _: client)
    stubber.add_response("batch_get_image", {"images": [], "failures": [{"failureCode": "ImageNotFound"}]})
    with pytest.raises(NotFound, match="no such image"):
        images.digest(f"{PREFIX}:1.0")
    stubber.add_client_error("batch_get_image", "AccessDeniedException", "denied")
    with pytest.raises(ServiceError, match="AccessDeniedException"):
        images.digest(f"{PREFIX}:1.0")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "s3://acme/connector.jar",
        PREFIX,
        f"{PREFIX}:",
        f"{PREFIX}@sha256:abc",
        f"https://example.com/{PREFIX}:1.0",
        f"{PREFIX}:1.0\n",
        "https://709825985650.dkr.ecr.us-east-1.amazonaws.com.example.com/a:1",
    ],
)
def test_other_urls_are_errors(url):
    with pytest.raises(ServiceError, match="not the URL of an image"):
        EcrImages(lambda _: pytest.fail("a request")).digest(url)
