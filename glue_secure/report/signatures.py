"""Verify the signatures of chain entries with the keys that an auditor names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from glue_secure.core.chain import ChainEntry
from glue_secure.core.errors import UsageError
from glue_secure.core.evidence_keys import SIGNING_ALGORITHMS
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.kms_key import KmsKey

_CURVES: Mapping[str, tuple[str, hashes.HashAlgorithm]] = {
    "secp256r1": ("ECDSA_SHA_256", hashes.SHA256()),
    "secp384r1": ("ECDSA_SHA_384", hashes.SHA384()),
    "secp521r1": ("ECDSA_SHA_512", hashes.SHA512()),
}
_RSA = "RSASSA_PSS_SHA_256"


class VerificationKeys(Protocol):
    """The operations of AWS KMS that verify signatures. Every method raises ServiceError."""

    def describe(self, key: str) -> KmsKey:
        """Return the key that an ARN or alias names."""

    def public_key(self, key: KmsKeyArn) -> bytes:
        """Return the public key, DER."""

    def verify_mac(self, key: KmsKeyArn, algorithm: str, message: bytes, mac: bytes) -> bool:
        """Return whether an HMAC is the one of the message."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A key that entries may be signed with.

    Attributes:
        name: ARN of the key, also if an alias named it, or file.
        algorithm: KMS's name of the one algorithm that it signs with.
        verifies: returns whether a signature (second argument) is the one of a message (first).
        job: the only job whose entries it may sign, ``""`` for every job.
    """

    name: str
    algorithm: str
    verifies: Callable[[bytes, bytes], bool]
    job: str = ""


def signature_problem(entry: ChainEntry, keys: Sequence[VerificationKey]) -> str:
    """Return what is wrong with the signature of an entry, ``""`` if one of the job's keys made it.

    Args:
        entry: a signed entry.
        keys: the keys of the auditor.
    """
    candidates = [key for key in keys if key.job in ("", entry.job)]
    matching = [key for key in candidates if key.algorithm == entry.algorithm]
    if not matching:
        return f"algorithm {entry.algorithm}; the keys have {', '.join(sorted({k.algorithm for k in keys}))}"
    try:
        signature = entry.raw_signature
    except ValueError:
        return "a signature that is not Base64"
    if any(key.verifies(entry.signed_bytes(), signature) for key in matching):
        return ""
    names = " and ".join(key.name for key in matching)
    return f"a signature with {entry.signing_key} that {names} did not make"


def verification_key(text: str, kms: Callable[[], VerificationKeys]) -> VerificationKey:
    """Return the key that an option names: ``[JOB=]KEY``, or ``[JOB=]FILE`` with a public key in PEM.

    KEY is the ARN of a key or alias, or ``alias/NAME``. An existing file ``alias/NAME`` is read instead.

    Args:
        text: value of the option.
        kms: returns AWS KMS; it is not called for a file.

    Raises:
        UsageError: there is no such key or file, or it cannot verify signatures.
        ServiceError: KMS does not return the key.
    """
    job, name = "", text
    if not text.startswith("arn:") and not _is_file(text):
        job, _, name = text.rpartition("=")
    if name.startswith("arn:") or (name.startswith("alias/") and not _is_file(name)):
        return _kms_key(job, name, kms())
    path = Path(name)
    try:
        body = path.read_bytes()
    except OSError as error:
        raise UsageError(
            "--key",
            found=f"{text!r} ({error.strerror})",
            required="[JOB=]ARN or [JOB=]alias/NAME of a KMS key, or [JOB=]FILE with its public key in PEM",
            fix="aws kms get-public-key --key-id ARN --query PublicKey --output text | base64 -d | "
            "openssl pkey -pubin -inform DER -out key.pem",
        ) from error
    return _public(job, name, body, load_pem_public_key)


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except OSError:  # a name that is too long
        return False


def _kms_key(job: str, name: str, kms: VerificationKeys) -> VerificationKey:
    if name.startswith("arn:") and ":alias/" not in name:
        KmsKeyArn.parse(name)
    described = kms.describe(name)
    arn = described.arn
    algorithm = SIGNING_ALGORITHMS.get((described.usage, described.spec), "")
    if algorithm.startswith("HMAC_"):
        return VerificationKey(
            str(arn), algorithm, lambda message, mac: kms.verify_mac(arn, algorithm, message, mac), job
        )
    return _public(job, str(arn), kms.public_key(arn), load_der_public_key)


def _public(job: str, name: str, body: bytes, load: Callable[[bytes], Any]) -> VerificationKey:
    try:
        key = load(body)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        algorithm, digest = _CURVES[key.curve.name]
        return VerificationKey(name, algorithm, _ecdsa(key, digest), job)
    if isinstance(key, rsa.RSAPublicKey):
        return VerificationKey(name, _RSA, _pss(key), job)
    raise UsageError(
        "--key", found=name, required="a public key for ECDSA on a NIST curve, or for RSA, in PEM"
    )


def _ecdsa(key: ec.EllipticCurvePublicKey, digest: hashes.HashAlgorithm) -> Callable[[bytes, bytes], bool]:
    def verifies(message: bytes, signature: bytes) -> bool:
        try:
            key.verify(signature, message, ec.ECDSA(digest))
        except InvalidSignature:
            return False
        return True

    return verifies


def _pss(key: rsa.RSAPublicKey) -> Callable[[bytes, bytes], bool]:
    scheme = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.AUTO)

    def verifies(message: bytes, signature: bytes) -> bool:
        try:
            key.verify(signature, message, scheme, hashes.SHA256())
        except InvalidSignature:
            return False
        return True

    return verifies
