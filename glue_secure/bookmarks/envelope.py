"""Encrypt and decrypt a bookmark: a message of the AWS Encryption SDK, bound to one job.

The SDK is imported inside functions: the import takes most of a second, and a command that decrypts no
bookmark does not need it. The master key provider is injected; this module creates no client.
https://docs.aws.amazon.com/encryption-sdk/latest/developer-guide/message-format.html
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from glue_secure.bookmarks import findings
from glue_secure.bookmarks.state import SCHEMA
from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.core.findings import Finding, enforce, error_of, passed, stop
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.log_suppression import LogSuppression, suppress_client_logs

MAX_MESSAGE = 8 * 1024 * 1024
"""Bytes. A source with a full window takes about 60 KB; a far larger object is rejected unread."""

_FRAME = 64 * 1024
_KMS = "aws-kms"
# The SDK logs, with a traceback, each error that this module raises itself.
_suppress_sdk_logs = LogSuppression("aws_encryption_sdk", level=logging.CRITICAL + 1)
# KMS's error codes for a ciphertext that does not belong to the encryption context or the key.
_NOT_AUTHENTIC = {"InvalidCiphertextException", "IncorrectKeyException"}


@dataclass(frozen=True, slots=True)
class EnvelopeContext:
    """The job that a bookmark belongs to. CloudTrail logs it and the message contains it in plain text."""

    job: str
    account: str
    region: str
    schema: int = SCHEMA

    def as_encryption_context(self) -> dict[str, str]:
        """Return the encryption context. Key policies may refer to its names, so they do not change."""
        return {
            "glue-secure:purpose": "job-bookmark",
            "glue-secure:job": self.job,
            "glue-secure:account": self.account,
            "glue-secure:region": self.region,
            "glue-secure:schema": str(self.schema),
        }


@dataclass(frozen=True, slots=True)
class OpenedMessage:
    """A decrypted message.

    Attributes:
        body: the plaintext.
        findings: GS-BKM-001 (authentic) and GS-BKM-002 (this job's), both passes.
    """

    body: bytes = field(repr=False)
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Envelope:
    """Encrypts and decrypts the bookmark of one job.

    Attributes:
        provider: a strict master key provider of the AWS Encryption SDK, for exactly ``key``.
        key: the key that encrypts, and decrypts.
        context: the job that the bookmark belongs to.
        also_opens: further keys that decrypt, for a change of key; they never encrypt.
        provider_of: makes a strict provider for one of ``also_opens``; without it ``provider`` serves them.
    """

    provider: Any = field(repr=False)
    key: KmsKeyArn
    context: EnvelopeContext
    also_opens: tuple[KmsKeyArn, ...] = ()
    provider_of: Callable[[KmsKeyArn], Any] | None = field(default=None, repr=False)

    def seal(self, body: bytes, *, resource: str) -> bytes:
        """Return ``body``, encrypted under a fresh data key.

        Raises:
            VerificationError: GS-BKM-006: the key cannot be used.
            UsageError: the message is too large.
        """
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
        # Whatever the SDK or a client raises, the bookmark was not encrypted.
        except Exception as error:
            raise error_of(self._unusable_key(resource, error, "encrypt")) from error
        if len(message) > MAX_MESSAGE:
            raise UsageError(
                "a bookmark that is too large",
                found=f"{len(message)} bytes",
                required=f"at most {MAX_MESSAGE}",
                fix="lower maxFilesInBand, or use fewer transformation contexts",
            )
        return bytes(message)

    def open(self, message: bytes, *, resource: str) -> OpenedMessage:
        """Decrypt and authenticate a message.

        Raises:
            RefusedError: GS-BKM-001 if it is not authentic, GS-BKM-002 if it is another job's.
            VerificationError: GS-BKM-006 if KMS denies or does not answer.
        """
        if len(message) > MAX_MESSAGE:
            found = f"more than the {MAX_MESSAGE} bytes that a bookmark may have"
            stop(findings.not_authentic(resource, found))
        source = io.BytesIO(message)
        manager = _manager_class()(self.provider, lambda request: self._data_key(request, resource))
        try:
            with _suppress_sdk_logs(), suppress_client_logs():
                body, header = _decrypted(source, manager)
        except GlueSecureError:
            raise
        # A damaged message makes the SDK raise its own errors and those of struct, codecs and cryptography.
        except Exception as error:
            found = f"{len(message)} bytes that do not decrypt ({type(error).__name__})"
            raise error_of(findings.not_authentic(resource, found)) from error
        # The SDK stops at the end of the message and does not authenticate the bytes behind it.
        if excess := len(message) - source.tell():
            stop(findings.not_authentic(resource, f"{excess} bytes behind the message's end"))
        authentic = passed("GS-BKM-001", resource, "decrypted and authentic, with key commitment")
        # The header is authenticated now. The legacy provider does not compare the context itself.
        return OpenedMessage(
            bytes(body),
            enforce([authentic, check_context(header.encryption_context, self.context, resource=resource)]),
        )

    def _data_key(self, request: Any, resource: str) -> Any:
        """Return the message's data key. KMS is called only if the header has the form that ``seal`` writes.

        The SDK's own loop over the encrypted data keys drops the error code of KMS; this calls one key.
        """
        committing = _sdk().Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
        if request.algorithm is not committing:
            found, required = (f"algorithm suite {suite.name}" for suite in (request.algorithm, committing))
            stop(findings.not_authentic(resource, found, required))
        if len(request.encrypted_data_keys) != 1:
            found = f"{len(request.encrypted_data_keys)} encrypted data keys"
            stop(findings.not_authentic(resource, found, "exactly 1 encrypted data key"))
        (data_key,) = request.encrypted_data_keys
        allowed = {str(key): key for key in (self.key, *self.also_opens)}
        provider = data_key.key_provider.provider_id
        name = data_key.key_provider.key_info.decode("utf-8", "replace")
        if provider != _KMS or name not in allowed:
            required = f"sealed under {' or '.join(sorted(allowed))}"
            found = f"{provider!r} key {name!r}"
            stop(findings.another_key(resource, found, required, old=name, new=str(self.key)))
        try:
            key_provider = self.provider
            if allowed[name] != self.key and self.provider_of is not None:
                key_provider = self.provider_of(allowed[name])
            master_key = key_provider.master_key_for_decrypt(data_key.key_provider.key_info)
            return master_key.decrypt_data_key(data_key, request.algorithm, request.encryption_context)
        # The error code of KMS decides the control, not the type of the SDK's error.
        except Exception as error:
            code = _aws_code(error)
            if code is None or code in _NOT_AUTHENTIC:
                found = f"a data key that {name} does not decrypt ({code or type(error).__name__})"
                raise error_of(findings.not_authentic(resource, found)) from error
            # A key policy that pins the encryption context denies a foreign job's message. The header is not
            # authenticated here, but it explains the denial better than "access denied".
            enforce([check_context(request.encryption_context, self.context, resource=resource)])
            raise error_of(self._unusable_key(resource, error, "decrypt", name)) from error

    def _unusable_key(self, resource: str, error: Exception, operation: str, name: str = "") -> Finding:
        name = name or str(self.key)
        code = _aws_code(error)
        answer = code or f"no answer ({type(_root(error)).__name__})"
        return findings.unavailable(
            resource,
            found=f"AWS KMS returned {answer} for {operation} under {name}",
            required="the job's role may use the bookmark key, and the key is enabled",
            fix=f"enable the key, or allow the job's role kms:GenerateDataKey and kms:Decrypt on {name}; "
            "the bookmark did not move",
            aws_code=code,
        )


def check_context(found: Mapping[str, str], context: EnvelopeContext, *, resource: str) -> Finding:
    """Check that a message belongs to the job, account and region (GS-BKM-002).

    Args:
        found: the encryption context of the message.
        context: the required one.
        resource: URI of the message.
    """
    required = context.as_encryption_context()
    differing = sorted(name for name in {*found, *required} if found.get(name) != required.get(name))
    if differing:
        return findings.another_job(
            resource,
            found=", ".join(f"{name}={found.get(name)!r}" for name in differing),
            required=", ".join(f"{name}={required.get(name)!r}" for name in differing),
        )
    return passed("GS-BKM-002", resource, f"job {context.job} of {context.account} {context.region}")


def _sdk() -> Any:
    import aws_encryption_sdk

    return aws_encryption_sdk


@lru_cache(maxsize=1)
def _client() -> Any:
    # The committing suite without a signature. A signature would distinguish readers from writers, but here
    # both use the same key, and KMS and S3 authenticate them. It takes 7 times as long for a small message.
    from aws_encryption_sdk import CommitmentPolicy, EncryptionSDKClient

    return EncryptionSDKClient(
        commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT, max_encrypted_data_keys=1
    )


def _decrypted(source: io.BytesIO, manager: Any) -> tuple[bytes, Any]:
    """Return the body and the header of a message, as the client's ``decrypt`` does."""
    stream = _client().stream(
        mode="decrypt", source=source, materials_manager=manager, max_body_length=MAX_MESSAGE
    )
    try:
        with stream:
            body = stream.read()
        return body, stream.header
    finally:
        # The SDK's stream does not close after an error. From Python 3.13 on, its finalizer would then print
        # the error of a second attempt.
        io.IOBase.close(stream)


@lru_cache(maxsize=1)
def _manager_class() -> Callable[[Any, Callable[[Any], Any]], Any]:
    from aws_encryption_sdk.materials_managers import DecryptionMaterials
    from aws_encryption_sdk.materials_managers.base import CryptoMaterialsManager

    class OneKeyManager(CryptoMaterialsManager):  # type: ignore[misc]  # the SDK ships no types
        """Decryption materials from the function that checks the header first."""

        def __init__(self, provider: Any, data_key: Callable[[Any], Any]) -> None:
            self.master_key_provider, self._data_key = provider, data_key

        def get_encryption_materials(self, request: Any) -> Any:
            raise NotImplementedError("this manager decrypts only")

        def decrypt_materials(self, request: Any) -> Any:
            return DecryptionMaterials(data_key=self._data_key(request), verification_key=None)

    return OneKeyManager


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _aws_code(error: BaseException) -> str | None:
    """Return the AWS error code that caused an error, ``""`` if AWS did not answer, None for another cause.

    botocore's errors are recognised by their attributes, because this package does not import botocore.
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
