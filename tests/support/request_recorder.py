"""Records the calls of a job run at the embedded account's endpoint, as IAM would see them.

boto3's and S3A's requests all reach the endpoint. A request becomes the calls that IAM decides: action,
resource, and the condition keys that the generated policies use. S3 calls AWS KMS for an encrypted object;
that call is recorded as well.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

from endpoint_proxy import EndpointProxy, answer_client, body_of

_BUCKET_ACTIONS = {
    "encryption": "s3:GetEncryptionConfiguration",
    "location": "s3:GetBucketLocation",
    "object-lock": "s3:GetBucketObjectLockConfiguration",
    "policy": "s3:GetBucketPolicy",
    "uploads": "s3:ListBucketMultipartUploads",
    "versioning": "s3:GetBucketVersioning",
    "versions": "s3:ListBucketVersions",
}
_PREFIXES = {"TrentService": "kms", "AWSGlue": "glue", "secretsmanager": "secretsmanager"}
_KEY_ID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class RecordedCall:
    """A call as IAM decides it. ``context`` has pairs of condition key and value."""

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


class RequestRecorder(EndpointProxy):
    """Forwards every request to the endpoint and records the calls.

    Args:
        account: the embedded account.
    """

    def __init__(self, account: Any) -> None:
        self._account = account
        self._lock = threading.Lock()
        self.calls: list[RecordedCall] = []
        super().__init__(account.endpoint_url, account.ca_pem, account.server_pair)

    def handle(self, client: Any) -> None:
        """Forward one request, and record its calls."""
        body = body_of(client)
        status, headers, answer = self.forward(client, body)
        recorded = self._calls(client, body, {name.lower(): value for name, value in headers})
        with self._lock:
            self.calls += recorded
        answer_client(client, status, headers, answer)

    def _arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self._account.region}:{self._account.account_id}:{resource}"

    def _calls(self, client: Any, body: bytes, answered: dict[str, str]) -> list[RecordedCall]:
        target = client.headers.get("X-Amz-Target", "")
        if target:
            service, _, operation = target.partition(".")
            return [self._json_call(_PREFIXES.get(service, service), operation, json.loads(body or b"{}"))]
        if b"Action=" in body and client.command == "POST":
            (operation,) = parse_qs(body.decode())["Action"]
            return [RecordedCall(f"sts:{operation}", "*")]
        return self._s3_calls(client, body, answered)

    def _json_call(self, service: str, operation: str, given: dict[str, Any]) -> RecordedCall:
        context = []
        if service == "kms":
            context = [
                (f"kms:EncryptionContext:{name}", value)
                for name, value in given.get("EncryptionContext", {}).items()
            ]
            if "SigningAlgorithm" in given:
                context.append(("kms:SigningAlgorithm", given["SigningAlgorithm"]))
            resource = given.get("KeyId") or self._key_of(given.get("CiphertextBlob", ""))
        elif service == "secretsmanager":
            resource = given["SecretId"]
        elif service == "glue":
            resource = self._glue_resource(operation, given)
        else:
            resource = "*"
        return RecordedCall(f"{service}:{operation}", resource, tuple(context))

    def _key_of(self, ciphertext: str) -> str:
        """Return the key of a ciphertext, whose first bytes are the key's id in moto."""
        found = _KEY_ID.match(base64.b64decode(ciphertext))
        return found[0].decode() if found else "*"

    def _glue_resource(self, operation: str, given: dict[str, Any]) -> str:
        if "JobName" in given:
            return self._arn("glue", f"job/{given['JobName']}")
        if operation in ("GetTable", "GetPartitions", "UpdateTable", "CreateTable", "BatchCreatePartition"):
            name = given.get("TableName") or given.get("Name") or given["TableInput"]["Name"]
            return self._arn("glue", f"table/{given['DatabaseName']}/{name}")
        if operation == "GetConnection":
            return self._arn("glue", f"connection/{given['Name']}")
        return self._arn("glue", "catalog") if "Catalog" in operation else "*"

    def _s3_calls(self, client: Any, body: bytes, answered: dict[str, str]) -> list[RecordedCall]:
        parts = urlsplit(client.path)
        query = parse_qs(parts.query, keep_blank_values=True)
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        arn = f"arn:aws:s3:::{bucket}"
        if not key:
            if client.command == "POST" and "delete" in query:
                names = [
                    element.text
                    for element in ElementTree.fromstring(body).iter()
                    if element.tag.endswith("Key")
                ]
                return [RecordedCall("s3:DeleteObject", f"{arn}/{name}") for name in names]
            action = next(
                (_BUCKET_ACTIONS[name] for name in query if name in _BUCKET_ACTIONS), "s3:ListBucket"
            )
            return [RecordedCall(action, arn)]
        resource = f"{arn}/{key}"
        headers = {name.lower(): value for name, value in client.headers.items()}
        if client.command in ("GET", "HEAD"):
            return [RecordedCall("s3:GetObject", resource), *_decrypt(arn, answered)]
        if client.command == "DELETE":
            action = "s3:AbortMultipartUpload" if "uploadId" in query else "s3:DeleteObject"
            return [RecordedCall(action, resource)]
        context = [
            (f"s3:{name}", headers[name])
            for name in ("x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id")
            if name in headers
        ]
        if "partNumber" not in query and "uploads" not in query:
            context.append(("s3:ObjectCreationOperation", "true"))
            context += [("s3:if-none-match", headers["if-none-match"])] if "if-none-match" in headers else []
        calls = [RecordedCall("s3:PutObject", resource, tuple(context))]
        if source := headers.get("x-amz-copy-source"):
            calls.append(RecordedCall("s3:GetObject", f"arn:aws:s3:::{unquote(source).lstrip('/')}"))
        return calls + _generate(arn, answered)


def _decrypt(bucket: str, answered: dict[str, str]) -> list[RecordedCall]:
    return _through_s3("kms:Decrypt", bucket, answered)


def _generate(bucket: str, answered: dict[str, str]) -> list[RecordedCall]:
    return _through_s3("kms:GenerateDataKey", bucket, answered)


def _through_s3(action: str, bucket: str, answered: dict[str, str]) -> list[RecordedCall]:
    """Return the call of S3 to AWS KMS for an object under an S3 Bucket Key."""
    key = answered.get("x-amz-server-side-encryption-aws-kms-key-id")
    if not key:
        return []
    context = (
        ("kms:ViaService", "s3.us-east-1.amazonaws.com"), ("kms:EncryptionContext:aws:s3:arn", bucket)
    )  # fmt: skip
    return [RecordedCall(action, key, context)]
