"""Encryption between Spark's workers, on their local disks, of shuffle files and of the event log.

Spark reports its own settings, not whether a service encrypts its network or disks, and AWS Glue's
documentation does not say so either. The verdict is therefore PASS or UNKNOWN (docs/adr/0014), except for
shuffle files in S3. https://spark.apache.org/docs/3.5.6/security.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from glue_secure.core.findings import Finding, Verdict, enforce, failed, passed, unknown
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.redaction import redact_text, redacting_logger

_LOG = redacting_logger(__name__)
MASTER = "spark.master"
DISKS = "spark.io.encryption.enabled"
_AUTHENTICATE, _CRYPTO = "spark.authenticate", "spark.network.crypto.enabled"
_RPC_TLS = "spark.ssl.rpc.enabled"
_LOGGED, _LOG_LOCATION = "spark.eventLog.enabled", "spark.eventLog.dir"
_ALGORITHM, _KEY = "spark.hadoop.fs.s3a.encryption.algorithm", "spark.hadoop.fs.s3a.encryption.key"
_SHUFFLE_MANAGER, _SHUFFLE_PLUGIN = "spark.shuffle.manager", "spark.shuffle.sort.io.plugin.class"
# The first is the location of AWS's plugin, the second that of Glue's older shuffle manager.
_SHUFFLE_LOCATIONS = ("spark.shuffle.storage.path", "spark.shuffle.glue.s3ShuffleBucket")
SHUFFLE_ARGUMENTS = ("write-shuffle-files-to-s3", "write-shuffle-spills-to-s3")
"""Arguments of a Glue job that write shuffle files to S3."""
_SPARK_SHUFFLE = {
    _SHUFFLE_MANAGER: ("sort", "tungsten-sort", "org.apache.spark.shuffle.sort.SortShuffleManager"),
    _SHUFFLE_PLUGIN: ("org.apache.spark.shuffle.sort.io.LocalDiskShuffleDataIO",),
}
WORKER_SETTINGS = (
    *(MASTER, DISKS, _AUTHENTICATE, _CRYPTO, _RPC_TLS),
    *(_SHUFFLE_MANAGER, _SHUFFLE_PLUGIN, *_SHUFFLE_LOCATIONS),
    *(_LOGGED, _LOG_LOCATION, _ALGORITHM, _KEY),
)
"""The decisive settings of the running session. Spark's older SASL encryption (MD5, 3DES) is not accepted."""
DISK_CONF = {DISKS: "true"}
"""Works in every Spark, with a key that Spark creates for each application."""
_ONE_JVM = re.compile(r"local(\[[^\]]*\])?\Z")


def network_conf(secret: str) -> dict[str, str]:
    """Return the settings for authentication and encryption between workers.

    YARN, Kubernetes and a local master create the secret themselves; other masters need it in each process.

    Args:
        secret: a random text, for one application or one embedded account.
    """
    return {
        _AUTHENTICATE: "true",
        f"{_AUTHENTICATE}.secret": secret,
        _CRYPTO: "true",
        # Version 2 derives keys by HKDF; version 1 is for peers before Spark 3.3.
        "spark.network.crypto.authEngineVersion": "2",
    }


def enforce_worker_encryption(
    settings: Mapping[str, str], *, key: KmsKeyArn, required: bool
) -> list[Finding]:
    """Return the findings of :func:`check_workers`, and log those that are not passes.

    Raises:
        RefusedError: GS-SPK-003.
        VerificationError: a finding is UNKNOWN and encryption is ``required``.
    """
    findings = check_workers(settings, key=key)
    enforce(finding for finding in findings if required or finding.verdict is Verdict.FAIL)
    for finding in findings:
        if finding.verdict is not Verdict.PASS:
            _LOG.warning("%s is %s: %s", finding.control, finding.verdict.value, finding.found)
    return findings


def check_workers(settings: Mapping[str, str], *, key: KmsKeyArn) -> list[Finding]:
    """Check the encryption of workers (GS-SPK-001 to -004).

    Args:
        settings: those of ``WORKER_SETTINGS`` in the running session, and of ``SHUFFLE_ARGUMENTS`` of the
            job.
        key: the run's key for objects in S3.
    """
    return [_network(settings), _disks(settings), _shuffle(settings), _event_log(settings, key)]


def _network(settings: Mapping[str, str]) -> Finding:
    resource = "between driver and executors"
    if _ONE_JVM.match(settings.get(MASTER, "")):
        return passed("GS-SPK-001", resource, f"{settings[MASTER]}: one JVM, no network")
    encryptions = [name for name in (_CRYPTO, _RPC_TLS) if _is(settings, name)]
    if encryptions and _is(settings, _AUTHENTICATE):
        return passed("GS-SPK-001", resource, f"{_AUTHENTICATE}, {', '.join(encryptions)}")
    return unknown(
        "GS-SPK-001",
        resource,
        found=f"{_AUTHENTICATE} is {settings.get(_AUTHENTICATE, 'not set')}, {_CRYPTO} is "
        f"{settings.get(_CRYPTO, 'not set')}; network encryption cannot be determined",
        required=f"{_AUTHENTICATE} and {_CRYPTO} true",
        fix="set both when the session is created; in Glue use --conf (not tested there)",
    )


def _disks(settings: Mapping[str, str]) -> Finding:
    resource = "local disks of driver and executors"
    if _is(settings, DISKS):
        return passed("GS-SPK-002", resource, DISKS)
    return unknown(
        "GS-SPK-002",
        resource,
        found=f"{DISKS} is {settings.get(DISKS, 'not set')}; disk encryption cannot be determined",
        required=f"{DISKS} true",
        fix=f"set it when the session is created; in Glue: --conf {DISKS}=true",
    )


def _shuffle(settings: Mapping[str, str]) -> Finding:
    """Check that Spark shuffles on local disks: shuffle files in S3 are temporary and cannot be verified."""
    resource = "shuffle files"
    s3_settings = [name for name in _SHUFFLE_LOCATIONS if settings.get(name)]
    s3_settings += [name for name in SHUFFLE_ARGUMENTS if _is(settings, name)]
    foreign = [
        name
        for name, classes in _SPARK_SHUFFLE.items()
        if settings.get(name) and settings[name] not in classes
    ]
    if s3_settings or _SHUFFLE_PLUGIN in foreign:
        return failed(
            "GS-SPK-003",
            resource,
            found=", ".join(f"{name} is {redact_text(settings[name])}" for name in (*s3_settings, *foreign)),
            required="local disks, which GS-SPK-002 checks",
            fix="remove these settings and arguments, and use workers with larger disks",
        )
    if foreign:
        return unknown(
            "GS-SPK-003",
            resource,
            found=f"{_SHUFFLE_MANAGER} is {settings[_SHUFFLE_MANAGER]}; its shuffle location is unknown",
            required="Spark's own shuffle manager",
            fix=f"remove {_SHUFFLE_MANAGER}",
        )
    return passed("GS-SPK-003", resource, "local disks")


def _event_log(settings: Mapping[str, str], key: KmsKeyArn) -> Finding:
    """Check the event log, which Spark opens before the run with the settings of the session's start."""
    resource, location = "Spark's event log", settings.get(_LOG_LOCATION, "")
    if not _is(settings, _LOGGED):
        return passed("GS-SPK-004", resource, f"{_LOGGED} is {settings.get(_LOGGED, 'not set')}")
    in_s3 = location.partition("://")[0] in ("s3", "s3a", "s3n")
    if in_s3 and (settings.get(_ALGORITHM), settings.get(_KEY)) == ("SSE-KMS", str(key)):
        return passed("GS-SPK-004", resource, f"{location}, under {key}")
    return unknown(
        "GS-SPK-004",
        resource,
        found=f"{redact_text(location) or 'a folder of this machine'}; its encryption cannot be determined",
        required=f"no event log, or one in S3 of a session with {_ALGORITHM} SSE-KMS and {_KEY} {key}",
        fix=f"set both when the session is created, or set {_LOGGED} to false",
    )


def _is(settings: Mapping[str, str], name: str) -> bool:
    return settings.get(name, "").strip().lower() == "true"
