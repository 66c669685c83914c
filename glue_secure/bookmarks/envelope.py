"""The sealed form of a bookmark: a message of the AWS Encryption SDK, bound to its job.

The SDK is imported inside functions, because importing it takes most of a second and a command that
opens no bookmark should not pay for it. The master key provider is injected: this module knows no
client. https://docs.aws.amazon.com/encryption-sdk/latest/developer-guide/message-format.html
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from glue_secure.bookmarks import errors
from glue_secure.bookmarks.state import SCHEMA
from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.log_suppression import LogSuppression, suppress_client_logs

MAX_MESSAGE = 8 * 1024 * 1024
"""Bytes. A full window is about 60 KB a source; what is far larger is not a bookmark and is not parsed."""

_FRAME = 64 * 1024
_KMS = "aws-kms"
# The SDK logs, with a traceback, each error that this module raises itself.
_suppress_sdk_logs = LogSuppression("aws_encryption_sdk", level=logging.CRITICAL + 1)
# KMS's words for "this ciphertext, context and key do not belong together".
_NOT_AUTHENTIC = {"InvalidCiphertextException", "IncorrectKeyException"}


@dataclass(frozen=True, slots=True)
class EnvelopeContext:
    """Whose bookmark it is. KMS logs it in CloudTrail and the message shows it: nothing secret goes in."""

    job: str
    account: str
    region: str
    schema: int = SCHEMA

    def as_encryption_context(self) -> dict[str, str]:
        """The encryption context; its names are public and fixed, key policies may refer to them."""
        return {
            "glue-secure:purpose": "job-bookmark",
            "glue-secure:job": self.job,
            "glue-secure:account": self.account,
            "glue-secure:region": self.region,
            "glue-secure:schema": str(self.schema),
        }


@dataclass(frozen=True, slots=True)
class Envelope:
    """Seals and opens one job's bookmark.

    Attributes:
        provider: a strict master key provider of the AWS Encryption SDK, for exactly ``key``.
        key: the key that seals, and opens.
        context: whose bookmark it is.
        also_opens: further keys whose messages are opened, for a change of key; none of them seals.
        provider_of: makes a strict provider for one of ``also_opens``; without it, ``provider`` serves them.
    """

    provider: Any = field(repr=False)
    key: KmsKeyArn
    context: EnvelopeContext
    also_opens: tuple[KmsKeyArn, ...] = ()
    provider_of: Callable[[KmsKeyArn], Any] | None = field(default=None, repr=False)

    def seal(self, body: bytes, *, resource: str) -> bytes:
        """Encrypt under a fresh data key. Raises VerificationError (GS-BKM-006); UsageError if too large."""
        sdk = _sdk()
        try:
            with _suppress_sdk_logs(), suppress_client_logs():
                message, _ = _client().encrypt(
                    source=body,
                    key_provider=self.provider,
                    encryption_context=self.context.as_encryption_context(),
                    algorithm=sdk.Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
                    frame_length=_FRAME,
                )
        # Whatever the SDK or a client raises, the bookmark was not sealed; the cause stays chained.
        except Exception as error:
            raise self._unusable_key(resource, error, "encrypt") from error
        if len(message) > MAX_MESSAGE:
            raise UsageError(
                "a bookmark that is too large",
                found=f"{len(message)} bytes",
                required=f"at most {MAX_MESSAGE}",
                fix="lower maxFilesInBand, or use fewer transformation contexts",
            )
        return bytes(message)

    def open(self, message: bytes, *, resource: str) -> bytes:
        """Decrypt and authenticate. Every failure is a refusal; none is ever "no bookmark".

        Raises:
            RefusedError: GS-BKM-001 when it is not authentic, GS-BKM-002 when it is another job's.
            VerificationError: GS-BKM-006 when KMS denies or does not answer.
        """
        if len(message) > MAX_MESSAGE:
            found = f"{len(message)} bytes, more than the {MAX_MESSAGE} a bookmark may have"
            raise errors.not_authentic(resource, found)
        source = io.BytesIO(message)
        manager = _manager_class()(self.provider, lambda request: self._data_key(request, resource))
        try:
            with _suppress_sdk_logs(), suppress_client_logs():
                body, header = _client().decrypt(
                    source=source, materials_manager=manager, max_body_length=MAX_MESSAGE
                )
        except GlueSecureError:
            raise
        # A damaged message makes the SDK raise errors of many kinds, its own and those of struct,
        # codecs and cryptography. All of them mean one thing: these bytes are not to be relied on.
        except Exception as error:
            found = f"{len(message)} bytes that do not decrypt ({type(error).__name__})"
            raise errors.not_authentic(resource, found) from error
        # The SDK stops at the end of the message; what follows is authenticated by nothing.
        if rest := len(message) - source.tell():
            raise errors.not_authentic(resource, f"{rest} bytes behind the message's end")
        # The header is authentic now. The legacy provider takes no expected context, so it is compared here.
        self._require_context(header.encryption_context, resource)
        return bytes(body)

    def _data_key(self, request: Any, resource: str) -> Any:
        """The message's data key, asked of KMS only when the header is of the one form this module writes.

        The SDK's own loop over keys drops the service's error code; this asks the one key directly.
        """
        committing = _sdk().Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
        if request.algorithm is not committing:
            raise errors.not_authentic(
                resource,
                f"algorithm suite {request.algorithm.name}",
                f"algorithm suite {committing.name}",
            )
        if len(request.encrypted_data_keys) != 1:
            found = f"{len(request.encrypted_data_keys)} encrypted data keys"
            raise errors.not_authentic(resource, found, "exactly 1 encrypted data key")
        (data_key,) = request.encrypted_data_keys
        allowed = {str(key): key for key in (self.key, *self.also_opens)}
        provider, name = (
            data_key.key_provider.provider_id,
            data_key.key_provider.key_info.decode("utf-8", "replace"),
        )
        if provider != _KMS or name not in allowed:
            raise errors.another_key(
                resource,
                f"sealed under {provider!r} key {name!r}",
                f"sealed under {' or '.join(sorted(allowed))}",
            )
        try:
            chosen = self.provider
            if allowed[name] != self.key and self.provider_of is not None:
                chosen = self.provider_of(allowed[name])
            master_key = chosen.master_key_for_decrypt(data_key.key_provider.key_info)
            return master_key.decrypt_data_key(data_key, request.algorithm, request.encryption_context)
        except Exception as error:  # as in open(): what went wrong decides the control, not the error's type
            code = _aws_code(error)
            if code is None or code in _NOT_AUTHENTIC:
                found = f"a data key that {name} does not open ({code or type(error).__name__})"
                raise errors.not_authentic(resource, found) from error
            # A key policy that pins the encryption context denies a foreign job's message. The header
            # is not authentic here, but it says better than "access denied" what to look at.
            self._require_context(request.encryption_context, resource)
            raise self._unusable_key(resource, error, "decrypt", name) from error

    def _require_context(self, found: Mapping[str, str], resource: str) -> None:
        required = self.context.as_encryption_context()
        differing = sorted(name for name in {*found, *required} if found.get(name) != required.get(name))
        if differing:
            raise errors.another_job(
                resource,
                found=", ".join(f"{name}={found.get(name)!r}" for name in differing),
                required=", ".join(f"{name}={required.get(name)!r}" for name in differing),
            )

    def _unusable_key(
        self, resource: str, error: Exception, operation: str, name: str = ""
    ) -> GlueSecureError:
        name = name or str(self.key)
        code = _aws_code(error)
        answer = code or f"no answer ({type(_root(error)).__name__})"
        return errors.unavailable(
            resource,
            found=f"AWS KMS said {answer} when asked to {operation} under {name}",
            required="the job's role may use the bookmark key, and the key is enabled",
            fix=f"enable the key, or allow the job's role kms:GenerateDataKey and kms:Decrypt on {name}; "
            "the bookmark did not move",
            aws_code=code,
        )


def _sdk() -> Any:
    import aws_encryption_sdk

    return aws_encryption_sdk


@lru_cache(maxsize=1)
def _client() -> Any:
    # The unsigned committing suite: a signature would let readers tell writers apart who hold the
    # same key, but here whoever may use the key may read and write, and KMS and S3 authenticate them.
    # The signed suite costs 7 times the time for a small message.
    from aws_encryption_sdk import CommitmentPolicy, EncryptionSDKClient

    return EncryptionSDKClient(
        commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT, max_encrypted_data_keys=1
    )


@lru_cache(maxsize=1)
def _manager_class() -> Callable[[Any, Callable[[Any], Any]], Any]:
    from aws_encryption_sdk.materials_managers import DecryptionMaterials
    from aws_encryption_sdk.materials_managers.base import CryptoMaterialsManager

    class OneKeyManager(CryptoMaterialsManager):  # type: ignore[misc]  # the SDK ships no types
        """Decryption materials from the one function that checks the header first."""

        def __init__(self, provider: Any, data_key: Callable[[Any], Any]) -> None:
            self.master_key_provider, self._data_key = provider, data_key

        def get_encryption_materials(self, request: Any) -> Any:
            raise NotImplementedError("opens only")

        def decrypt_materials(self, request: Any) -> Any:
            return DecryptionMaterials(data_key=self._data_key(request), verification_key=None)

    return OneKeyManager


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _aws_code(error: BaseException) -> str | None:
    """The AWS error code behind an error; ``""`` when AWS did not answer; None when AWS is not behind it.

    Told by shape, because this room does not import botocore.
    """
    cause: BaseException | None = error
    while cause is not None:
        response = getattr(cause, "response", None)
        if isinstance(response, Mapping):
            return str((response.get("Error") or {}).get("Code", ""))
        if type(cause).__module__.split(".")[0] in ("botocore", "boto3", "urllib3") or isinstance(
            cause, OSError
        ):
            return ""
        cause = cause.__cause__
    return None
