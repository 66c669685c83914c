"""boto3 for a job's script: every S3 write carries the run's key, and contrary ones are refused.

botocore emits an event with each call's parameters before it builds the request, for presigned URLs and
for the parts of managed transfers too; the guard answers there.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from botocore.config import Config

from glue_secure.aws.session import require_tls
from glue_secure.core.driver_s3 import refused_post
from glue_secure.core.errors import RefusedError

OnCall = Callable[[str, Mapping[str, Any]], Mapping[str, str]]
"""Told of an operation and its parameters, gives those to add. May refuse."""
_MARK = "glue-secure-guard"


class GuardedSession(boto3.session.Session):  # type: ignore[misc]  # boto3 has no types
    """A ``boto3.session.Session`` whose S3 clients are guarded, and whose clients all talk verified TLS.

    Args:
        core: the botocore session underneath, made for it.
        on_call: the guard.
        path_style: address buckets by path, as endpoints without wildcard DNS need it.
    """

    def __init__(self, *, core: Any, on_call: OnCall, path_style: bool = False) -> None:
        super().__init__(botocore_session=core)
        self._s3_style = {"addressing_style": "path"} if path_style else {}
        _register(core, on_call, lambda: True)

    def client(self, service_name: str, *args: Any, **kwargs: Any) -> Any:
        """As boto3's. Refuses ``verify=False`` and an endpoint without TLS (GS-S3-002)."""
        given = inspect.signature(super().client).bind(service_name, *args, **kwargs).arguments
        if not given.get("verify", True) and given["verify"] is not None:
            raise RefusedError(
                "GS-S3-002",
                resource=f"boto3 client of {service_name}",
                found=f"verify={given['verify']!r}",
                required="verified certificates",
                fix="leave verify out; an authority of your own goes into AWS_CA_BUNDLE",
            )
        if service_name == "s3":
            # Signature version 2, which boto3 still signs some URLs with, cannot ask for SSE-KMS.
            base = Config(signature_version="s3v4", s3=self._s3_style)
            given["config"] = base.merge(given["config"]) if given.get("config") else base
        client = super().client(**given)
        require_tls(service_name, client.meta.endpoint_url)
        return client


def cover_default_session(on_call: OnCall, is_active: Callable[[], bool]) -> Callable[[], None]:
    """Guard the clients that ``boto3.client("s3")`` makes from now on; the result ends it.

    Clients made before, and those of sessions that a script makes itself, are not reached.

    Args:
        on_call: the guard.
        is_active: whether it still holds; clients live longer than runs.
    """
    made = boto3.DEFAULT_SESSION is None
    if made:
        boto3.setup_default_session()
    session = boto3.DEFAULT_SESSION
    unregister = _register(session._session, on_call, is_active)

    def end() -> None:
        unregister()
        if made and boto3.DEFAULT_SESSION is session:
            boto3.DEFAULT_SESSION = None

    return end


def _register(core: Any, on_call: OnCall, is_active: Callable[[], bool]) -> Callable[[], None]:
    def before(params: dict[str, Any], model: Any, **_: Any) -> None:
        if is_active():
            params.update(on_call(model.name, params))

    def new_class(class_attributes: dict[str, Any], **_: Any) -> None:
        real = class_attributes["generate_presigned_post"]

        def generate_presigned_post(self: Any, Bucket: str, *args: Any, **kwargs: Any) -> Any:
            if is_active():
                raise refused_post(Bucket)
            return real(self, Bucket, *args, **kwargs)

        class_attributes["generate_presigned_post"] = generate_presigned_post

    events = core.get_component("event_emitter")
    parts = (("before-parameter-build.s3", before), ("creating-client-class.s3", new_class))
    for name, handler in parts:
        events.register_last(name, handler, unique_id=f"{_MARK}-{id(before)}-{name}")

    def unregister() -> None:
        for name, handler in parts:
            events.unregister(name, handler, unique_id=f"{_MARK}-{id(before)}-{name}")

    return unregister
