"""What workers send one another, and what they keep on local disks: encrypted by Spark, or not known.

Spark says what it was told. Whether a service encrypts its network or its disks underneath it does not say,
and AWS Glue's documentation does not either. So the verdict is PASS or UNKNOWN (docs/adr/0014).
https://spark.apache.org/docs/3.5.6/security.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from glue_secure.core.policy import Finding, Verdict, enforce, passed, unknown
from glue_secure.core.redaction import redacting_logger

_LOG = redacting_logger(__name__)
MASTER = "spark.master"
DISKS = "spark.io.encryption.enabled"
_AUTHENTICATE, _CRYPTO = "spark.authenticate", "spark.network.crypto.enabled"
_RPC_TLS = "spark.ssl.rpc.enabled"
WORKER_SETTINGS = (MASTER, DISKS, _AUTHENTICATE, _CRYPTO, _RPC_TLS)
"""Names of the settings that decide, to be read from the live session. Spark's older encryption, by SASL with
MD5 and 3DES, is not among them: it counts as nothing."""
DISK_CONF = {DISKS: "true"}
"""Works wherever Spark runs, with a key that Spark makes for each application."""
_ONE_JVM = re.compile(r"local(\[[^\]]*\])?\Z")


def network_conf(secret: str) -> dict[str, str]:
    """Settings by which workers authenticate one another and encrypt what they send.

    YARN, Kubernetes and a local master make the secret by themselves; elsewhere each process must know it.

    Args:
        secret: at random, for one application or one account of a laptop.
    """
    return {
        _AUTHENTICATE: "true",
        f"{_AUTHENTICATE}.secret": secret,
        _CRYPTO: "true",
        # Derives keys by HKDF; version 1 is for peers before Spark 3.3.
        "spark.network.crypto.authEngineVersion": "2",
    }


def hold_workers(settings: Mapping[str, str], *, required: bool) -> list[Finding]:
    """Findings for the evidence; the log has what is not known.

    Raises:
        CannotVerify: GS-SPK-001 or -002 is UNKNOWN and encryption is ``required``.
    """
    findings = check_workers(settings)
    if required:
        enforce(findings)
    for each in findings:
        if each.verdict is not Verdict.PASS:
            _LOG.warning("%s is %s: %s", each.control, each.verdict.value, each.found)
    return findings


def check_workers(settings: Mapping[str, str]) -> list[Finding]:
    """GS-SPK-001, -002.

    Args:
        settings: those of ``WORKER_SETTINGS`` that the live session has.
    """
    return [_network(settings), _disks(settings)]


def _network(settings: Mapping[str, str]) -> Finding:
    resource = "between driver and executors"
    if _ONE_JVM.match(settings.get(MASTER, "")):
        return passed("GS-SPK-001", resource, f"{settings[MASTER]}: one JVM, no network")
    ways = [name for name in (_CRYPTO, _RPC_TLS) if _is(settings, name)]
    if ways and _is(settings, _AUTHENTICATE):
        return passed("GS-SPK-001", resource, f"{_AUTHENTICATE}, {', '.join(ways)}")
    return unknown(
        "GS-SPK-001",
        resource,
        found=f"{_AUTHENTICATE} is {settings.get(_AUTHENTICATE, 'not set')}, {_CRYPTO} is "
        f"{settings.get(_CRYPTO, 'not set')}; whether the network encrypts by itself nobody says",
        required=f"{_AUTHENTICATE} and {_CRYPTO} true",
        fix="set both where the session is started, in Glue with --conf, if the service bears it",
    )


def _disks(settings: Mapping[str, str]) -> Finding:
    resource = "local disks of driver and executors"
    if _is(settings, DISKS):
        return passed("GS-SPK-002", resource, DISKS)
    return unknown(
        "GS-SPK-002",
        resource,
        found=f"{DISKS} is {settings.get(DISKS, 'not set')}; whether the disks are encrypted nobody says",
        required=f"{DISKS} true",
        fix=f"set it where the session is started; in Glue: --conf {DISKS}=true",
    )


def _is(settings: Mapping[str, str], name: str) -> bool:
    return settings.get(name, "").strip().lower() == "true"
