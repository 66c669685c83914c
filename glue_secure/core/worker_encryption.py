"""What workers send one another, keep on local disks and shuffle, and the event log: encrypted, or not known.

Spark says what it was told. Whether a service encrypts its network or its disks underneath it does not say,
and AWS Glue's documentation does not either. So the verdict is PASS or UNKNOWN (docs/adr/0014).
https://spark.apache.org/docs/3.5.6/security.html
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
_LOGGED, _LOG_PLACE = "spark.eventLog.enabled", "spark.eventLog.dir"
_ALGORITHM, _KEY = "spark.hadoop.fs.s3a.encryption.algorithm", "spark.hadoop.fs.s3a.encryption.key"
_SHUFFLE_MANAGER, _SHUFFLE_PLUGIN = "spark.shuffle.manager", "spark.shuffle.sort.io.plugin.class"
# The plugin of AWS takes its place from the first; Glue's older shuffle manager from the second.
_SHUFFLE_PLACES = ("spark.shuffle.storage.path", "spark.shuffle.glue.s3ShuffleBucket")
SHUFFLE_ARGUMENTS = ("write-shuffle-files-to-s3", "write-shuffle-spills-to-s3")
"""Arguments of a Glue job that do the same."""
_SPARKS_SHUFFLE = {
    _SHUFFLE_MANAGER: ("sort", "tungsten-sort", "org.apache.spark.shuffle.sort.SortShuffleManager"),
    _SHUFFLE_PLUGIN: ("org.apache.spark.shuffle.sort.io.LocalDiskShuffleDataIO",),
}
WORKER_SETTINGS = (
    *(MASTER, DISKS, _AUTHENTICATE, _CRYPTO, _RPC_TLS),
    *(_SHUFFLE_MANAGER, _SHUFFLE_PLUGIN, *_SHUFFLE_PLACES),
    *(_LOGGED, _LOG_PLACE, _ALGORITHM, _KEY),
)
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


def enforce_worker_encryption(
    settings: Mapping[str, str], *, key: KmsKeyArn, required: bool
) -> list[Finding]:
    """Findings for the evidence; the log has what is not known.

    Raises:
        RefusedError: GS-SPK-003.
        VerificationError: one is UNKNOWN and encryption is ``required``.
    """
    findings = check_workers(settings, key=key)
    enforce(each for each in findings if required or each.verdict is Verdict.FAIL)
    for each in findings:
        if each.verdict is not Verdict.PASS:
            _LOG.warning("%s is %s: %s", each.control, each.verdict.value, each.found)
    return findings


def check_workers(settings: Mapping[str, str], *, key: KmsKeyArn) -> list[Finding]:
    """GS-SPK-001 to -004.

    Args:
        settings: those of ``WORKER_SETTINGS`` that the live session has, and of ``SHUFFLE_ARGUMENTS`` that
            the job has.
        key: the run's, for objects in S3.
    """
    return [_network(settings), _disks(settings), _shuffle(settings), _event_log(settings, key)]


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


def _shuffle(settings: Mapping[str, str]) -> Finding:
    """Shuffled rows in S3 come and go while the job runs, so nobody could read them back."""
    resource = "where Spark shuffles"
    led = [name for name in _SHUFFLE_PLACES if settings.get(name)]
    led += [name for name in SHUFFLE_ARGUMENTS if _is(settings, name)]
    foreign = [
        name for name, own in _SPARKS_SHUFFLE.items() if settings.get(name) and settings[name] not in own
    ]
    if led or _SHUFFLE_PLUGIN in foreign:
        return failed(
            "GS-SPK-003",
            resource,
            found=", ".join(f"{name} is {redact_text(settings[name])}" for name in (*led, *foreign)),
            required="local disks, which GS-SPK-002 is about",
            fix="remove it; give the workers larger disks",
        )
    if foreign:
        return unknown(
            "GS-SPK-003",
            resource,
            found=f"{_SHUFFLE_MANAGER} is {settings[_SHUFFLE_MANAGER]}; where to it shuffles nobody says",
            required="Spark's own",
            fix=f"remove {_SHUFFLE_MANAGER}",
        )
    return passed("GS-SPK-003", resource, "local disks")


def _event_log(settings: Mapping[str, str], key: KmsKeyArn) -> Finding:
    """The log is opened before a run begins, with what the session was started with."""
    resource, place = "Spark's event log", settings.get(_LOG_PLACE, "")
    if not _is(settings, _LOGGED):
        return passed("GS-SPK-004", resource, f"{_LOGGED} is {settings.get(_LOGGED, 'not set')}")
    in_s3 = place.partition("://")[0] in ("s3", "s3a", "s3n")
    if in_s3 and (settings.get(_ALGORITHM), settings.get(_KEY)) == ("SSE-KMS", str(key)):
        return passed("GS-SPK-004", resource, f"{place}, under {key}")
    return unknown(
        "GS-SPK-004",
        resource,
        found=f"{redact_text(place) or 'a folder of this machine'}; how it is encrypted is not said",
        required=f"none, or one in S3, the session started with {_ALGORITHM} SSE-KMS and {_KEY} {key}",
        fix=f"set both where the session is started, or {_LOGGED} false",
    )


def _is(settings: Mapping[str, str], name: str) -> bool:
    return settings.get(name, "").strip().lower() == "true"
