"""AWS calls of column policies: the data key of AWS KMS, and the tags of catalog columns.

Executors decrypt the data key themselves; the plan of a query contains only the wrapped key.
"""

from __future__ import annotations

import base64
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from glue_secure.aws.errors import translate_errors
from glue_secure.core.columns import Tag, TagKind, WrappedKey
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.log_suppression import suppress_client_logs
from glue_secure.core.service import ServiceError

MAX_KEYS = 8
"""Most data keys that a worker process caches."""
LIFETIME = 300.0
"""Seconds after which a cached data key is decrypted again."""


class ColumnSource:
    """Decrypts data keys and reads tags. Implements ``ports.ColumnSource``.

    Args:
        clients: returns the client of a service by its name; called only for the services that a policy
            needs.
    """

    def __init__(self, *, clients: Callable[[str], Any]) -> None:
        self._clients = clients

    def open_key(self, key: WrappedKey) -> bytes:
        """Return the plaintext data key, for exactly the policy's KMS key and context."""
        with translate_errors("Decrypt"), suppress_client_logs():
            answer = self._clients("kms").decrypt(
                KeyId=str(key.kms_key),
                CiphertextBlob=base64.b64decode(key.blob),
                EncryptionContext=key.context,
            )
        plain = bytes(answer["Plaintext"])
        if answer["KeyId"] != str(key.kms_key) or len(plain) != 32:
            raise ServiceError("not a data key of 32 bytes", code="KeyMismatch", operation="Decrypt")
        return plain

    def new_key(self, kms_key: KmsKeyArn, policy: str) -> WrappedKey:
        """Return a new data key, of which no plaintext was returned. Raises ServiceError."""
        unwrapped = WrappedKey(kms_key, "", policy)
        with translate_errors("GenerateDataKeyWithoutPlaintext"):
            answer = self._clients("kms").generate_data_key_without_plaintext(
                KeyId=str(kms_key), KeySpec="AES_256", EncryptionContext=unwrapped.context
            )
        return WrappedKey(kms_key, base64.b64encode(answer["CiphertextBlob"]).decode(), policy)

    def tags(self, database: str, table: str, *, lf_tags: bool) -> Mapping[str, frozenset[Tag]]:
        """Return tags by lower-case column name: column parameters (GetTable) and, on request, LF-Tags.

        Every column inherits the LF-Tags of its table and database, as in Lake Formation.
        https://docs.aws.amazon.com/lake-formation/latest/dg/tag-based-access-control.html

        Raises:
            NotFound, ServiceError: the table or its tags cannot be read.
        """
        with translate_errors("GetTable"):
            shape = self._clients("glue").get_table(DatabaseName=database, Name=table)["Table"]
        columns = [
            *(shape.get("StorageDescriptor") or {}).get("Columns", ()),
            *shape.get("PartitionKeys", ()),
        ]
        tags = {
            str(column["Name"]).casefold(): {
                Tag(TagKind.PARAMETER, str(name), str(value))
                for name, value in (column.get("Parameters") or {}).items()
            }
            for column in columns
        }
        if lf_tags:
            self._add_lf_tags(database, table, tags)
        return {name: frozenset(column_tags) for name, column_tags in tags.items()}

    def _add_lf_tags(self, database: str, table: str, tags: dict[str, set[Tag]]) -> None:
        with translate_errors("GetResourceLFTags"):
            answer = self._clients("lakeformation").get_resource_lf_tags(
                Resource={"Table": {"DatabaseName": database, "Name": table}}, ShowAssignedLFTags=False
            )
        on_columns = {
            str(column["Name"]).casefold(): _lf_tags(column) for column in answer.get("LFTagsOnColumns", ())
        }
        # For each tag key the nearest level applies: column, table, database.
        inherited = {
            tag.name: tag
            for level in ("LFTagOnDatabase", "LFTagsOnTable")
            for tag in _lf_tags({"LFTags": answer.get(level, ())})
        }
        for name, column_tags in tags.items():
            keys = {tag.name for tag in on_columns.get(name, ())}
            column_tags |= on_columns.get(name, set())
            column_tags |= {tag for key, tag in inherited.items() if key not in keys}


class DataKeyCache:
    """Plaintext data keys of one process, a few of them and for minutes: one call of KMS per worker.

    Args:
        open_key: decrypts a data key.
        clock: a monotonic clock in seconds.
    """

    def __init__(
        self, open_key: Callable[[WrappedKey], bytes], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._open, self._clock = open_key, clock
        self._lock = threading.Lock()
        self._cache: dict[WrappedKey, tuple[float, bytes]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("plaintext keys are not serialised")

    def __call__(self, key: WrappedKey) -> bytes:
        """Return the plaintext data key. Raises ServiceError."""
        with self._lock:
            until, plain = self._cache.pop(key, (0.0, b""))
            if self._clock() >= until:
                until, plain = self._clock() + LIFETIME, self._open(key)
            self._cache[key] = until, plain
            while len(self._cache) > MAX_KEYS:
                del self._cache[next(iter(self._cache))]
            return plain


def _open_on_executor(key: WrappedKey) -> bytes:
    from glue_secure.aws.session import AwsSession

    # An executor has no composition root; its environment is the one that Spark gave the worker.
    session = AwsSession.from_chain(
        region=key.kms_key.region, requests_ca_bundle=os.environ.get("REQUESTS_CA_BUNDLE")
    )
    return ColumnSource(clients=session.client).open_key(key)


executor_key = DataKeyCache(_open_on_executor)
"""Returns the plaintext data key on an executor, decrypted with the executor's own role."""


def _lf_tags(shape: Mapping[str, Any]) -> set[Tag]:
    return {
        Tag(TagKind.LF_TAG, str(tag["TagKey"]), str(value))
        for tag in shape.get("LFTags", ())
        for value in tag["TagValues"]
    }
