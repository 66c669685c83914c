"""moto's server over HTTPS on loopback, with the operations that moto lacks and this account needs."""

from __future__ import annotations

import http.client
import io
import json
import logging
import ssl
import threading
from collections.abc import Callable
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from glue_secure.embedded.bucket_policies import serve_bucket_policies
from glue_secure.embedded.lake_formation_endpoint import serve_lake_formation
from glue_secure.embedded.pki import KeyPair

HEALTH_PATH = "/moto-api/data.json"


class Endpoint:
    """The account's API endpoint. It runs in threads of this process."""

    def __init__(self, pair: KeyPair) -> None:
        # Importing moto takes seconds, and callers of responds() do not need it.
        from moto.moto_server.werkzeug_app import (
            DomainDispatcherApplication,
            MotoRequestHandler,
            create_backend_app,
        )
        from werkzeug.serving import DechunkedInput, make_server

        class Handler(MotoRequestHandler):
            # Responses are sent in several small writes; Nagle's algorithm would delay each by 40 ms.
            disable_nagle_algorithm = True
            protocol_version = "HTTP/1.1"
            _persistent = False

            def run_wsgi(self) -> None:
                """Handle one request without closing the connection, which saves a TLS handshake per request.

                werkzeug closes the connection because unread bytes of a request body would be parsed as the
                next request. This method reads the whole body first.
                """
                stream: Any = self.rfile
                self._persistent = not self.close_connection
                if "chunked" in self.headers.get("Transfer-Encoding", ""):
                    body = DechunkedInput(stream).read()
                    body = (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
                else:
                    body = stream.read(int(self.headers.get("Content-Length", "0")))
                self.rfile = io.BytesIO(body)
                try:
                    super().run_wsgi()
                finally:
                    self.rfile = stream

            def send_header(self, keyword: str, value: str) -> None:
                if not (self._persistent and (keyword.lower(), value) == ("connection", "close")):
                    super().send_header(keyword, value)

            def log(self, type: str, message: str, *args: Any) -> None:
                """Log nothing: a job sends thousands of requests."""

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        add_missing_operations()
        date_multipart_uploads()
        fold_names_of_the_catalog()
        create_resources_of_stacks()
        serve_lake_formation()
        serve_bucket_policies()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(pair.certificate, pair.key)
        application: Any = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Handler)
        # If werkzeug got the context, it would run the handshake inside accept(), and one client that
        # sends nothing would block the endpoint. The handshake therefore runs in the client's thread.
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._server.ssl_context = context
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """``https://localhost:PORT``."""
        return f"https://localhost:{self._server.port}"

    def start(self) -> None:
        """Start handling requests."""
        self._thread.start()

    def stop(self) -> None:
        """Stop handling requests, and close the socket."""
        self._server.shutdown()
        self._server.server_close()


def responds(url: str, ca_pem: Path, *, seconds: float = 5.0) -> bool:
    """Return whether the endpoint responds with a certificate that ``ca_pem`` verifies."""
    parts = urlsplit(url)
    try:
        context = ssl.create_default_context(cafile=str(ca_pem))
        connection = http.client.HTTPSConnection(
            parts.hostname or "", parts.port, timeout=seconds, context=context
        )
        try:
            connection.request("GET", HEALTH_PATH)
            return connection.getresponse().status == 200
        finally:
            connection.close()
    except (OSError, http.client.HTTPException):
        return False


def add_missing_operations() -> None:
    """Add UpdateJob, UpdateConnection and DeleteConnection to moto in this process.

    moto 5.2 has none of the three. Without them, a job could change only by being deleted, which deletes
    its runs, and a connection could not change at all. An operation that moto implements is not replaced.
    moto's GetConnection also omits ``ConnectionType``; this function adds it.
    https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-jobs-job.html
    """
    from moto.glue import models, responses

    response: Any = responses.GlueResponse
    for operation in (_update_job, _update_connection, _delete_connection):
        name = operation.__name__.lstrip("_")
        if not hasattr(response, name):
            setattr(response, name, operation)
    connection: Any = models.FakeConnection
    moto_as_dict = connection.as_dict

    def as_dict(self: Any, hide_password: bool = False) -> dict[str, Any]:
        connection_type = self.connection_input.get("ConnectionType")
        return {"ConnectionType": connection_type, **moto_as_dict(self, hide_password)}

    connection.as_dict = as_dict


def date_multipart_uploads() -> None:
    """Let moto date an object by the start of its multipart upload, as S3 does.

    "For multipart uploads, the object creation date is the date of initiation of the multipart upload."
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
    """
    from moto.core.utils import utcnow
    from moto.s3 import models

    multipart: Any = models.FakeMultipart
    backend: Any = models.S3Backend
    if getattr(multipart, "is_dated", False):
        return
    moto_init, moto_complete = multipart.__init__, backend.complete_multipart_upload

    def init(self: Any, *arguments: Any, **options: Any) -> None:
        moto_init(self, *arguments, **options)
        self.initiated = utcnow()

    def complete(self: Any, bucket_name: str, multipart_id: str, body: Any) -> Any:
        upload = self.get_bucket(bucket_name).multiparts[multipart_id]
        key = moto_complete(self, bucket_name, multipart_id, body)
        if key is not None:
            key.last_modified = upload.initiated
        return key

    multipart.__init__, backend.complete_multipart_upload, multipart.is_dated = init, complete, True


def fold_names_of_the_catalog() -> None:
    """Let moto store and look up the names of databases and tables in lower case, as Glue does.

    "For Hive compatibility, this is folded to lowercase when it is stored."
    https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html
    """
    from moto.glue import models

    backend: Any = models.GlueBackend
    if getattr(backend, "folds_names", False):
        return
    for name, method in list(vars(backend).items()):
        if callable(method) and _CATALOG_NAMES & signature(method).parameters.keys():
            setattr(backend, name, _folding(method))
    backend.folds_names = True


def create_resources_of_stacks() -> None:
    """Let moto create the keys and log groups of a stack as the API operations create them.

    moto stores the policy of a template's key as a mapping, so that DescribeKey fails. It also creates every
    key of a template as a symmetric one, and omits the key of a log group.
    """
    from moto.kms import models as kms
    from moto.logs import models as logs

    key: Any = kms.Key
    group: Any = logs.LogGroup
    if getattr(key, "is_created_as_requested", False):
        return

    def create_key(_: Any, /, _name: str, template: Any, account_id: str, region_name: str, **__: Any) -> Any:
        properties = template["Properties"]
        policy = properties["KeyPolicy"]
        created: Any = kms.kms_backends[account_id][region_name].create_key(
            policy if isinstance(policy, str) else json.dumps(policy),
            properties.get("KeyUsage", "ENCRYPT_DECRYPT"),
            properties.get("KeySpec", "SYMMETRIC_DEFAULT"),
            properties.get("Description", ""),
            properties.get("Tags", []),
        )
        created.key_rotation_status = properties.get("EnableKeyRotation", False)
        created.enabled = properties.get("Enabled", True)
        return created

    def create_group(
        _: Any, /, name: str, template: Any, account_id: str, region_name: str, **__: Any
    ) -> Any:
        properties = template["Properties"]
        tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
        created = logs.logs_backends[account_id][region_name].create_log_group(
            name, tags, kmsKeyId=properties.get("KmsKeyId")
        )
        if days := properties.get("RetentionInDays"):
            created.set_retention_policy(str(days))
        return created

    key.create_from_cloudformation_json = classmethod(create_key)
    group.create_from_cloudformation_json = classmethod(create_group)
    key.is_created_as_requested = True


_CATALOG_NAMES = frozenset({"database_name", "table_name"})
_CATALOG_INPUTS = frozenset({"database_input", "table_input"})


def _folding(method: Callable[..., Any]) -> Callable[..., Any]:
    parameters = signature(method)

    @wraps(method)
    def folded(*arguments: Any, **options: Any) -> Any:
        bound = parameters.bind(*arguments, **options)
        for name, value in bound.arguments.items():
            if name in _CATALOG_NAMES and isinstance(value, str):
                bound.arguments[name] = value.lower()
            elif name in _CATALOG_INPUTS and isinstance(value, dict) and isinstance(value.get("Name"), str):
                bound.arguments[name] = {**value, "Name": value["Name"].lower()}
        return method(*bound.args, **bound.kwargs)

    return folded


_JOB_MEMBERS = {
    "Description": "description",
    "LogUri": "log_uri",
    "Role": "role",
    "ExecutionProperty": "execution_property",
    "Command": "command",
    "DefaultArguments": "default_arguments",
    "NonOverridableArguments": "non_overridable_arguments",
    "Connections": "connections",
    "MaxRetries": "max_retries",
    "Timeout": "timeout",
    "MaxCapacity": "max_capacity",
    "WorkerType": "worker_type",
    "NumberOfWorkers": "number_of_workers",
    "SecurityConfiguration": "security_configuration",
    "NotificationProperty": "notification_property",
    "GlueVersion": "glue_version",
    "ExecutionClass": "execution_class",
}


def _update_job(response: Any) -> Any:
    from moto.core.responses import ActionResult
    from moto.core.utils import utcnow

    request = response.parameters
    job = response.glue_backend.get_job(request["JobName"])
    # "The previous job definition is completely overwritten by this information."
    defaults: dict[str, Any] = {
        "execution_property": {},
        "default_arguments": {},
        "execution_class": "STANDARD",
    }
    for member, attribute in _JOB_MEMBERS.items():
        setattr(job, attribute, request["JobUpdate"].get(member, defaults.get(attribute)))
    job.last_modified_on = utcnow()
    return ActionResult({"JobName": job.name})


def _update_connection(response: Any) -> Any:
    from moto.core.responses import EmptyResult
    from moto.glue.models import FakeConnection

    request, backend = response.parameters, response.glue_backend
    existing = backend.get_connection(request.get("CatalogId"), request["Name"], "")
    connection = FakeConnection(backend, request.get("CatalogId"), request["ConnectionInput"], {})
    connection.created_time = existing.created_time
    backend.connections[request["Name"]] = connection
    return EmptyResult()


def _delete_connection(response: Any) -> Any:
    from moto.core.responses import EmptyResult

    request, backend = response.parameters, response.glue_backend
    backend.get_connection(request.get("CatalogId"), request["ConnectionName"], "")
    del backend.connections[request["ConnectionName"]]
    return EmptyResult()
