"""The KMS keys that a job's arguments name for its evidence: one encrypts it, one signs it (GS-EVD-002)."""

from __future__ import annotations

from collections.abc import Mapping

from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Finding, failed, passed, unknown
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.kms_key import KmsKey, SigningKey
from glue_secure.core.ports.keys import KeyService
from glue_secure.core.service import NotFound, ServiceError

CONTROL = "GS-EVD-002"
SIGNING_ALGORITHMS: Mapping[tuple[str, str], str] = {
    ("SIGN_VERIFY", "ECC_NIST_P256"): "ECDSA_SHA_256",
    ("SIGN_VERIFY", "ECC_NIST_P384"): "ECDSA_SHA_384",
    ("SIGN_VERIFY", "ECC_NIST_P521"): "ECDSA_SHA_512",
    ("SIGN_VERIFY", "RSA_2048"): "RSASSA_PSS_SHA_256",
    ("SIGN_VERIFY", "RSA_3072"): "RSASSA_PSS_SHA_256",
    ("SIGN_VERIFY", "RSA_4096"): "RSASSA_PSS_SHA_256",
    ("GENERATE_VERIFY_MAC", "HMAC_256"): "HMAC_SHA_256",
    ("GENERATE_VERIFY_MAC", "HMAC_384"): "HMAC_SHA_384",
    ("GENERATE_VERIFY_MAC", "HMAC_512"): "HMAC_SHA_512",
}
"""Usage and spec of a key → the algorithm that signs with it. An HMAC is computed by GenerateMac."""
_ENCRYPTION = {("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"): "SSE-KMS"}


def check_signing_key(argument: str, name: str, keys: KeyService) -> tuple[SigningKey | None, Finding]:
    """Describe the key that an argument names, and check that it is a signing key.

    Args:
        argument: name of the argument.
        name: key id, ARN or alias. The key may belong to another account.
        keys: AWS KMS.

    Returns:
        The key, None if it cannot be used; and the finding of GS-EVD-002.
    """
    required = "an asymmetric key for signing (ECC_NIST_P256 for instance), or an HMAC key"
    key, finding = _check(argument, name, keys, SIGNING_ALGORITHMS, required)
    return (SigningKey(key.arn, SIGNING_ALGORITHMS[key.usage, key.spec]) if key else None), finding


def check_encryption_key(argument: str, name: str, keys: KeyService) -> tuple[KmsKeyArn | None, Finding]:
    """Describe the key that an argument names, and check that SSE-KMS can use it.

    The arguments and the result are those of :func:`check_signing_key`.
    """
    key, finding = _check(argument, name, keys, _ENCRYPTION, "a symmetric key for encryption")
    return (key.arn if key else None), finding


def _check(
    argument: str, name: str, keys: KeyService, allowed: Mapping[tuple[str, str], str], required: str
) -> tuple[KmsKey | None, Finding]:
    resource = f"--{argument} {name}"
    try:
        key = keys.describe(name)
    except NotFound as error:
        return None, failed(
            CONTROL,
            resource,
            found=str(error),
            required="an existing key",
            fix=f"name an existing key by its ARN in --{argument}",
        )
    except (ServiceError, UsageError) as error:
        return None, unknown(
            CONTROL,
            resource,
            found=str(error),
            required="the answer of DescribeKey",
            fix="give the job's role kms:DescribeKey on the key, and the job a route to the KMS endpoint",
            aws_code=error.aws_code if isinstance(error, UsageError) else error.code,
        )
    algorithm = allowed.get((key.usage, key.spec))
    if key.state != "Enabled" or key.manager != "CUSTOMER" or algorithm is None:
        return None, failed(
            CONTROL,
            resource,
            found=f"{key.usage} {key.spec}, {key.state}, managed by {key.manager}",
            required=f"{required}, Enabled, customer managed",
            fix=f"name such a key in --{argument}; "
            f"aws kms enable-key --key-id {key.arn.key_id} enables a key that is disabled",
        )
    return key, passed(CONTROL, resource, f"{key.arn} {key.spec}, {algorithm}")
