"""The policy for S3 requests of the JVMs, and what their guard reports, as values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from glue_secure.core.endpoints import AWS_SUFFIXES, endpoint_kind
from glue_secure.core.errors import RefusedError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.receipts import DELETED, READ, STORED, UNANSWERED, UPLOAD_CREATED, Receipt
from glue_secure.core.target_encryption import ALIASES, Encryption, EncryptionRule, EncryptionRules

# The message of RefusedRequest.java, to which the AWS SDK appends the request id.
_REFUSAL = re.compile(
    r"(GS-[A-Z0-9]+-\d{3}) (.+)\n  found:    (.+)\n  required: (.+)\n  fix:      (.+?)(?: \(Service: .*)?$",
    re.MULTILINE,
)
_OUTCOMES = (STORED, UPLOAD_CREATED, DELETED, UNANSWERED, READ)


@dataclass(frozen=True, slots=True)
class RequestPolicy:
    """What the S3 requests of an open run must satisfy.

    Attributes:
        run: id of the run, for messages.
        rules: how stored objects must be encrypted.
        reserved: prefixes of bookmarks and evidence, where nothing may be stored.
        s3_endpoint: URL of the run's S3 service.
        probe: a prefix that the job may read; the guard is tested with requests below it.
    """

    run: str
    rules: EncryptionRules
    reserved: tuple[S3Uri, ...]
    s3_endpoint: str
    probe: S3Uri

    def message(self, *, scheme: str, settings: Mapping[str, str]) -> dict[str, object]:
        """Return the policy as the JVM reads it (``gluesecure.guard.Policy``).

        Args:
            scheme: of the probe's location.
            settings: Hadoop settings with which an executor tests its guard. They can contain secrets.
        """
        host = urlsplit(self.s3_endpoint)
        aws = endpoint_kind(self.s3_endpoint) == "aws"
        return {
            "state": "open",
            "run": self.run,
            "rules": [self._rule(rule) for rule in self.rules.all],
            "aliases": list(ALIASES) if self.rules.targets else [],
            "reserved": [f"{uri.bucket}/{uri.as_prefix()}" for uri in self.reserved],
            "sources": [f"{uri.bucket}/{uri.as_prefix()}" for uri in self.rules.sources],
            "hosts": list(AWS_SUFFIXES) if aws else [f"{host.hostname}:{host.port or 443}"],
            "probe": self.probe.with_scheme(scheme),
            "settings": dict(settings),
        }

    def _rule(self, rule: EncryptionRule) -> dict[str, object]:
        bucket_key = "" if rule.bucket_key is None else str(rule.bucket_key).lower()
        return {
            "location": rule.prefix,
            **_encryption(rule.written),
            "accepted": list(map(_encryption, rule.accepted)),
            "replaced": list(map(_encryption, self.rules.replaced(rule))),
            "bucket_key": bucket_key,
            "required": str(rule),
        }


@dataclass(frozen=True, slots=True)
class RequestReport:
    """What the guard observed since the last report.

    Attributes:
        receipts: S3's answers, in the order of their arrival.
        refusals: requests that the guard stopped.
        gaps: why receipts may be missing; empty if none is.
        other_schemes: schemes of other file systems than S3 that bytes were written to (``file``).
        has_more: whether there may be more since the last report.
    """

    receipts: tuple[Receipt, ...] = ()
    refusals: tuple[RefusedError, ...] = ()
    gaps: tuple[str, ...] = ()
    other_schemes: tuple[str, ...] = ()
    has_more: bool = False


def report_of(lines: Iterable[str], *, has_more: bool = False) -> RequestReport:
    """Return the report that the JVM's events make, one JSON object a line."""
    receipts, refusals, gaps, schemes = [], [], [], []
    for line in lines:
        event = json.loads(line)
        kind = event["event"]
        if kind in _OUTCOMES:
            receipts.append(_receipt(event))
        elif kind == "refused":
            refusals.append(
                RefusedError(
                    event["control"],
                    resource=event["resource"],
                    found=event["found"],
                    required=event["required"],
                    fix=event["fix"],
                )
            )
        elif kind == "other-file-system":
            schemes.append(event["scheme"])
        elif event.get("text"):  # "incomplete", or "tested" with the problem that an executor found
            gaps.append(f"{event.get('client', 'driver')}: {event['text']}")
    others = tuple(dict.fromkeys(schemes))
    return RequestReport(tuple(receipts), tuple(refusals), tuple(gaps), others, has_more or bool(gaps))


def refusal_in(message: str) -> RefusedError | None:
    """Return the refusal of the guard that an error's message quotes, None if it quotes none.

    Hadoop and Spark wrap the guard's exception several times and quote its message.
    """
    quoted = _REFUSAL.search(message)
    if quoted is None:
        return None
    control, resource, found, required, fix = quoted.groups()
    return RefusedError(control, resource=resource, found=found, required=required, fix=fix)


def _encryption(encryption: Encryption) -> dict[str, str]:
    return {"algorithm": encryption.algorithm.header, "key": encryption.key, "key_id": encryption.key_id}


def _receipt(event: Mapping[str, Any]) -> Receipt:
    get = event.get
    return Receipt(
        outcome=event["event"],
        uri=S3Uri(get("bucket", ""), get("key", "")),
        operation=get("operation", ""),
        client=get("client", ""),
        algorithm=get("algorithm", ""),
        key=get("kms_key", ""),
        bucket_key=get("bucket_key") == "true",
        size=get("size"),
        version=get("version", ""),
        etag=get("etag", ""),
        upload=get("upload", ""),
        source=get("source", ""),
        stage=get("stage"),
        task=get("task"),
        time=get("time", 0),
        checksum=get("checksum", ""),
    )
