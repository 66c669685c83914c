"""boto3 for job scripts: every S3 write uses the run's key, and calls that contradict it are rejected.

botocore emits an event with the parameters of each call before it builds the request, also for presigned URLs
and for the parts of managed transfers. The guard handles this event.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from botocore.config import Config

from glue_secure.aws.tls import require_tls
from glue_secure.core.driver_s3 import refused_post
from glue_secure.core.errors import RefusedError

OnCall = Callable[[str, Mapping[str, Any]], Mapping[str, str]]
"""Takes an operation and its parameters, and returns the parameters to add. Raises RefusedError."""
_MARK = "glue-secure-guard"


class GuardedSession(boto3.session.Session):  # type: ignore[misc]  # boto3 has no types
    """A ``boto3.session.Session`` with guarded S3 clients, whose clients all use verified TLS.

    Args:
        core: the botocore session, created for it.
        on_call: the guard.
        path_style: whether buckets are addressed by path, for endpoints without wildcard DNS.
    """

    def __init__(self, *, core: Any, on_call: OnCall, path_style: bool = False) -> None:
        super().__init__(botocore_session=core)
        self._s3_style = {"addressing_style": "path"} if path_style else {}
        _register(core, on_call, lambda: True)

    def client(self, service_name: str, *args: Any, **kwargs: Any) -> Any:
        """Return a client. Raises RefusedError (GS-S3-002) for ``verify=False`` or no TLS."""
        arguments = inspect.signature(super().client).bind(service_name, *args, **kwargs).arguments
        if not arguments.get("verify", True) and arguments["verify"] is not None:
            raise RefusedError(
                "GS-S3-002",
                resource=f"boto3 client of {service_name}",
                found=f"verify={arguments['verify']!r}",
                required="verified certificates",
                fix="remove verify; set AWS_CA_BUNDLE to the PEM file of a private CA",
            )
        if service_name == "s3":
            # boto3 still signs some URLs with signature version 2, which cannot request SSE-KMS.
            base = Config(signature_version="s3v4", s3=self._s3_style)
            arguments["config"] = base.merge(arguments["config"]) if arguments.get("config") else base
        client = super().client(**arguments)
        require_tls(service_name, client.meta.endpoint_url)
        return client


def cover_default_session(on_call: OnCall, is_active: Callable[[], bool]) -> Callable[[], None]:
    """Guard clients of boto3's default session from now on. Return a function that ends the guard.

    Clients created before, and those of sessions that a script creates itself, are not guarded.

    Args:
        on_call: the guard.
        is_active: whether the guard still applies; clients may outlive the run.
    """
    is_new = boto3.DEFAULT_SESSION is None
    if is_new:
        boto3.setup_default_session()
    session = boto3.DEFAULT_SESSION
    unregister = _register(session._session, on_call, is_active)

    def end() -> None:
        unregister()
        if is_new and boto3.DEFAULT_SESSION is session:
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
