"""What a column policy asks AWS: its data key, and the tags of catalog columns.

An executor opens the data key by itself: the plan of a query carries the wrapped key only.
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

# How many data keys a worker process holds, and for how long after KMS was last asked.
KEYS_HELD, SECONDS_HELD = 8, 300.0


class ColumnSource:
    """Opens data keys and reads tags. Satisfies ``ports.ColumnSource``.

    Args:
        clients: makes the client of a service by its name; only those that a policy needs are made.
    """

    def __init__(self, *, clients: Callable[[str], Any]) -> None:
        self._clients = clients

    def open_key(self, key: WrappedKey) -> bytes:
        """Decrypt, for exactly the KMS key and context that the policy names. Raises ServiceError."""
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
        """GenerateDataKeyWithoutPlaintext: nobody has seen the key yet. Raises ServiceError."""
        made = WrappedKey(kms_key, "", policy)
        with translate_errors("GenerateDataKeyWithoutPlaintext"):
            answer = self._clients("kms").generate_data_key_without_plaintext(
                KeyId=str(kms_key), KeySpec="AES_256", EncryptionContext=made.context
            )
        return WrappedKey(kms_key, base64.b64encode(answer["CiphertextBlob"]).decode(), policy)

    def tags(self, database: str, table: str, *, lf_tags: bool) -> Mapping[str, frozenset[Tag]]:
        """Tags by column name in small letters: parameters by GetTable, LF-tags where they are asked for.

        An LF-tag of the table or its database is inherited by every column, as in Lake Formation.
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
        found = {
            str(column["Name"]).casefold(): {
                Tag(TagKind.PARAMETER, str(name), str(value))
                for name, value in (column.get("Parameters") or {}).items()
            }
            for column in columns
        }
        if lf_tags:
            self._add_lf_tags(database, table, found)
        return {name: frozenset(tags) for name, tags in found.items()}

    def _add_lf_tags(self, database: str, table: str, found: dict[str, set[Tag]]) -> None:
        with translate_errors("GetResourceLFTags"):
            answer = self._clients("lakeformation").get_resource_lf_tags(
                Resource={"Table": {"DatabaseName": database, "Name": table}}, ShowAssignedLFTags=False
            )
        own = {str(each["Name"]).casefold(): _lf_tags(each) for each in answer.get("LFTagsOnColumns", ())}
        # What stands nearer wins for a key: column, table, database.
        inherited = {
            tag.name: tag
            for level in ("LFTagOnDatabase", "LFTagsOnTable")
            for tag in _lf_tags({"LFTags": answer.get(level, ())})
        }
        for name, tags in found.items():
            keys = {tag.name for tag in own.get(name, ())}
            tags |= own.get(name, set()) | {tag for key, tag in inherited.items() if key not in keys}


class HeldKeys:
    """Opened data keys of one process, a few of them and for minutes, so that KMS is asked once per worker.

    Args:
        open_key: asks KMS.
        clock: seconds that only grow.
    """

    def __init__(
        self, open_key: Callable[[WrappedKey], bytes], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._open, self._clock = open_key, clock
        self._lock = threading.Lock()
        self._held: dict[WrappedKey, tuple[float, bytes]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("opened keys do not travel")

    def __call__(self, key: WrappedKey) -> bytes:
        """The data key. Raises ServiceError."""
        with self._lock:
            until, plain = self._held.pop(key, (0.0, b""))
            if self._clock() >= until:
                until, plain = self._clock() + SECONDS_HELD, self._open(key)
            self._held[key] = until, plain
            while len(self._held) > KEYS_HELD:
                del self._held[next(iter(self._held))]
            return plain


def _open_here(key: WrappedKey) -> bytes:
    import boto3

    from glue_secure.aws.session import AwsSession

    # An executor has no composition root; its variables are those that Spark gave the worker.
    session = AwsSession(
        session=boto3.session.Session(region_name=key.kms_key.region),
        requests_ca_bundle=os.environ.get("REQUESTS_CA_BUNDLE"),
    )
    return ColumnSource(clients=session.client).open_key(key)


executor_key = HeldKeys(_open_here)
"""The data key on an executor, opened with the executor's own role."""


def _lf_tags(shape: Mapping[str, Any]) -> set[Tag]:
    return {
        Tag(TagKind.LF_TAG, str(tag["TagKey"]), str(value))
        for tag in shape.get("LFTags", ())
        for value in tag["TagValues"]
    }
