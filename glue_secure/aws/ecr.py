"""Amazon ECR: the digest of a connector's image."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from glue_secure.aws.errors import translate_errors
from glue_secure.core.service import NotFound, ServiceError

_IMAGE = re.compile(
    r"(?:https://)?(?P<registry>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/"
    r"(?P<repository>[a-z0-9][a-z0-9._/-]*)(?::(?P<tag>[\w.-]{1,128})|@(?P<digest>sha256:[0-9a-f]{64}))\Z"
)


class EcrImages:
    """Implements ``ports.Images``.

    Args:
        in_region: returns the client of ECR in an AWS Region.
    """

    def __init__(self, in_region: Callable[[str], Any]) -> None:
        self._in_region = in_region

    def digest(self, url: str) -> str:
        """Return the digest that the URL of an image names, or that its tag has now (BatchGetImage)."""
        image = _IMAGE.match(url)
        if image is None:
            raise ServiceError("not the URL of an image in Amazon ECR with a tag", code="", operation="")
        if image["digest"]:
            return image["digest"]
        with translate_errors("BatchGetImage"):
            answer = self._in_region(image["region"]).batch_get_image(
                registryId=image["registry"],
                repositoryName=image["repository"],
                imageIds=[{"imageTag": image["tag"]}],
            )
        found = {str(one.get("imageId", {}).get("imageDigest", "")) for one in answer.get("images", ())}
        if len(found) != 1 or "" in found:
            raise NotFound("BatchGetImage: no such image", code="ImageNotFound", operation="BatchGetImage")
        return found.pop()
