"""Rules and findings of the static check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from glue_secure.core.controls import CONTROLS, Severity
from glue_secure.core.findings import Verdict
from glue_secure.core.redaction import escape_surrogates

RULES: Mapping[str, str] = MappingProxyType(
    {
        "unreadable": "The script can be parsed",
        "dynamic-code": "The script runs no code that it computes as text",
        "guard-missing": "A script that Glue runs imports glue-secure in place of awsglue",
        "guard-disabled": "No setting or internal call disables the guard",
        "job-init": "A script that creates a Job, or reads with bookmarks, calls job.init",
        "job-commit": "A script that calls job.init calls job.commit",
        "spark-session": "The script uses the run's Spark session only",
        "s3-native-client": "S3 clients are guarded",
        "s3-program": "The script starts no program that writes to S3",
        "unguarded-process": "Python processes that the script starts are guarded",
        "s3-encryption": "No call or setting requests another encryption than the run's",
        "aws-client-tls": "Clients of AWS use TLS and verify certificates",
        "protection-change": "The script does not weaken the protection of buckets, keys and settings",
        "spark-write": "Spark writes to S3 only",
        "worker-encryption": "No setting disables encryption between workers or on their disks",
        "jvm-access": "The script uses no client or file system of the JVM that is not checked",
        "spark-jdbc": "Databases are not opened with Spark's own JDBC source",
        "jdbc-url": "JDBC URLs select TLS with full verification, and contain no login",
        "tls-option": "No option disables TLS or the verification of a server",
        "login-option": "Options of awsglue name a Glue connection, and no login",
        "database-driver": "Database drivers of Python use TLS and verify the server",
        "http-client": "HTTP clients verify certificates",
        "plain-text": "No connection of the script is without TLS",
        "hard-coded-secret": "The script contains no password, key or token",
        "suppression": "Suppressions name a rule that they suppress, and a reason",
    }
)
"""Id → what the rule requires."""


@dataclass(frozen=True, slots=True)
class ScriptFinding:
    """A finding at a place of a script.

    Attributes:
        rule: id in ``RULES``.
        control: id of the control that the script violates at run time, "" for a suppression.
        verdict: FAIL, or UNKNOWN if the check cannot read the place.
        file: name of the script.
        line: counted from 1.
        column: counted from 1, in characters.
        found: what the script does. Never a secret.
        required: what it must do.
        fix: edit that removes the finding.
        is_note: whether the finding is reported only, and does not decide the exit code.
        accepted: reason of the suppression, "" without one.
    """

    rule: str
    control: str
    verdict: Verdict
    file: str
    line: int
    column: int
    found: str
    required: str
    fix: str
    is_note: bool = False
    accepted: str = ""

    def __post_init__(self) -> None:
        """Make every text one that UTF-8 can encode: literals and file names can be other texts."""
        for name in ("file", "found", "required", "fix", "accepted"):
            object.__setattr__(self, name, escape_surrogates(getattr(self, name)))

    @property
    def severity(self) -> Severity:
        """Severity of the control; LOW for a note, and without a control."""
        return CONTROLS[self.control].severity if self.control and not self.is_note else Severity.LOW

    @property
    def counts(self) -> bool:
        """Whether the finding decides the exit code."""
        return not self.accepted and not self.is_note
