"""Parse ``sys.argv`` of a job, as Glue passes it, into :class:`JobArguments` and :class:`JobIdentity`.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from glue_secure.core.allowed_connectors import ARGUMENT as ALLOWED_CONNECTORS
from glue_secure.core.allowed_connectors import AllowedConnector, parse_allowed_connectors
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import KmsKeyArn, RunId, S3Uri, job_name
from glue_secure.core.options import truth
from glue_secure.core.policy_arguments import POLICY, POLICY_SHA256
from glue_secure.core.redaction import is_secret_name, redact_settings, redact_text

BOOKMARK_URI = "glue-secure-bookmark-uri"
AUDIT_BASELINE_SHA256 = "baseline_sha256"
"""Argument of the job that audits the account: SHA-256 of its baseline file, hexadecimal."""
AUDIT_BASELINE = "baseline"
"""Argument of the job that audits the account: location of a baseline file, or :data:`NO_BASELINE`."""
NO_BASELINE = "none"
"""Value for no baseline file. A template fixes it, so that a run cannot name one."""
EVIDENCE_URI = "glue-secure-evidence-uri"
EVIDENCE_KEY = "glue-secure-evidence-key"
EVIDENCE_SIGNING_KEY = "glue-secure-evidence-signing-key"
BOOKMARK_DECRYPT_KEYS = "glue-secure-bookmark-decrypt-keys"
BOOKMARK_HIGH_WATER = "glue-secure-bookmark-high-water"
BOOKMARKS = "glue-secure-bookmarks"
WORKER_ENCRYPTION = "glue-secure-worker-encryption"
FINE_GRAINED = "enable-lakeformation-fine-grained-access"
COLUMNS = "glue-secure-columns"
DATA_CATALOG = "enable-glue-datacatalog"
SUITES = "glue-secure-suites"
QUARANTINE = "glue-secure-quarantine-uri"
ENTITY_DETECTION = "glue-secure-entity-detection"
SECRET_NAMES = "glue-secure-secret-names"  # noqa: S105 - the name of an argument
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
_TABLE = re.compile(r"dynamodb:([A-Za-z0-9_.-]{3,255})\Z")

_REFERENCE = re.compile(
    r"(?:arn|columns?|count|fields?|id|limit|location|names?|path|prefix|table|ttl|uri|url)\Z", re.IGNORECASE
)
# A path of words, as in prod/redshift/etl. A word has one case, so that Base64 text with a slash is not one.
_WORD = r"(?:[A-Z]?[a-z]+|[A-Z]+)\d{0,4}"
_SECRET_PATH = re.compile(rf"{_WORD}(?:[._-]{_WORD})*(?:/{_WORD}(?:[._-]{_WORD})*)+\Z")
_SECRET_NOUN = re.compile(r"(?:\A|[_-]|(?<=[a-z])(?=[SC]))(?:secrets?|credentials?)\Z", re.IGNORECASE)
_NO_SECRET = re.compile(r"(?:|true|false|s3[an]?://\S+)\Z", re.IGNORECASE)
_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:\d{0,12}:[\w./:+@-]+\Z")


class BookmarkOption(str, Enum):
    """``--job-bookmark-option``, with Glue's own values."""

    ENABLE = "job-bookmark-enable"
    DISABLE = "job-bookmark-disable"
    PAUSE = "job-bookmark-pause"


# --continuation-option is the former name of --job-bookmark-option, which takes precedence.
CONTINUATIONS = {
    "continuation-enabled": BookmarkOption.ENABLE,
    "continuation-readonly": BookmarkOption.PAUSE,
    "continuation-ignore": BookmarkOption.DISABLE,
}
# Arguments that identify the run, or that decide its requirements and the locations of bookmark and evidence.
DECISIVE = (
    "JOB_NAME",
    "JOB_RUN_ID",
    "SECURITY_CONFIGURATION",
    "encryption-type",
    "job-bookmark-option",
    "job-bookmark-from",
    "job-bookmark-to",
    "continuation-option",
    BOOKMARKS,
    BOOKMARK_URI,
    EVIDENCE_URI,
    EVIDENCE_KEY,
    EVIDENCE_SIGNING_KEY,
    BOOKMARK_DECRYPT_KEYS,
    BOOKMARK_HIGH_WATER,
    FINE_GRAINED,
    WORKER_ENCRYPTION,
    COLUMNS,
    SUITES,
    QUARANTINE,
    SECRET_NAMES,
    ALLOWED_CONNECTORS,
    POLICY,
    POLICY_SHA256,
)


def without_dashes(arguments: Mapping[str, str] | None) -> dict[str, str]:
    """Return the arguments of a Glue job definition (``--name``: value) by name without ``--``."""
    return {name.removeprefix("--"): str(value) for name, value in (arguments or {}).items()}


@dataclass(frozen=True, slots=True)
class JobIdentity:
    """The job and the run.

    Attributes:
        job: ``JOB_NAME``.
        run_id: ``JOB_RUN_ID``, or a new id for a run that Glue did not start.
        started_by_control_plane: whether ``JOB_RUN_ID`` was given, so that GetJobRun returns the run.
        claimed_configuration: ``SECURITY_CONFIGURATION`` of the arguments, which is not verified.
    """

    job: str
    run_id: RunId
    started_by_control_plane: bool
    claimed_configuration: str | None


@dataclass(frozen=True, slots=True)
class JobArguments:
    """The job's arguments, ``--name value`` or ``--name=value``. Values may contain secrets.

    Attributes:
        values: the values by name without ``--``; the last one counts, as in Glue.
        conflicting: names of ``DECISIVE`` that were given twice with different values.
        others: the words that belong to no ``--name``, such as ``-m`` and its value, in their order.
    """

    values: Mapping[str, str] = field(repr=False)
    conflicting: tuple[str, ...] = ()
    others: tuple[str, ...] = field(default=(), repr=False, compare=False)

    @classmethod
    def parse(cls, argv: Sequence[str]) -> JobArguments:
        """Parse ``argv``, whose first word is the script. A flag without a value has the value ``""``."""
        values: dict[str, str] = {}
        conflicting: dict[str, None] = {}
        others: list[str] = []
        words = list(argv[1:])
        position = 0
        while position < len(words):
            word = words[position]
            position += 1
            if not word.startswith("--") or word == "--":
                others.append(word)
                continue
            name, separator, value = word[2:].partition("=")
            if not separator and position < len(words) and not words[position].startswith("--"):
                value = words[position]
                position += 1
            if name in DECISIVE and values.get(name, value) != value:
                conflicting[name] = None
            values[name] = value
        return cls(values, tuple(conflicting), tuple(others))

    def with_overrides(self, overrides: Mapping[str, str]) -> JobArguments:
        """Return these arguments, overridden by those that a script passes to ``job.init``."""
        conflicting = [
            name
            for name in DECISIVE
            if name in self.values and overrides.get(name, self.values[name]) != self.values[name]
        ]
        return JobArguments(
            {**self.values, **overrides}, tuple(dict.fromkeys((*self.conflicting, *conflicting)))
        )

    def with_defaults(self, defaults: Mapping[str, str]) -> JobArguments:
        """Return these arguments, with ``defaults`` for arguments that are missing in every spelling."""
        missing = {name: value for name, value in defaults.items() if self.get(name) is None}
        return JobArguments({**missing, **self.values}, self.conflicting)

    def require_no_conflicts(self) -> None:
        """Reject arguments of ``DECISIVE`` with two values: given twice, or with ``-`` and with ``_``.

        Different readers take different values, so the checked value might not be the one that is used.

        Raises:
            UsageError: for instance ``--encryption-type sse-s3 --encryption_type ""``, or two
                ``--JOB_RUN_ID``.
        """
        for name in DECISIVE:
            spellings = _spellings(name)
            values = {self.values[spelling] for spelling in spellings if spelling in self.values}
            if len(values) > 1 or name in self.conflicting:
                raise UsageError(
                    "an argument with two values",
                    found=" and ".join(f"--{s}" for s in spellings if s in self.values),
                    required=f"--{name} once",
                    fix="pass it once; in the script, pass the result of getResolvedOptions to job.init",
                )

    def __repr__(self) -> str:
        return f"JobArguments({redact_settings(self.values)})"

    def secret_names(self) -> tuple[str, ...]:
        """Return the names of arguments that contain a secret, by their value or by their name.

        A name that ends with the kind of a reference (``--db_secret_name``, ``--token_column``) is not a
        secret, nor is an ARN, an S3 location, or a path of words in an argument such as ``--db_secret``. For
        the arguments of ``--glue-secure-secret-names``, the name does not count, only the value.
        """
        declared = self.declared_secret_names()
        return tuple(
            name
            for name, value in self.values.items()
            if not _ARN.match(value)
            and (
                redact_text(value) != value
                or (is_secret_name(name) and name not in declared and not names_a_secret(name, value))
            )
        )

    def declared_secret_names(self) -> tuple[str, ...]:
        """Return the arguments of ``--glue-secure-secret-names A,B``, whose values are names of secrets.

        Raises:
            UsageError: an entry is not an argument of the run.
        """
        text = self.get(SECRET_NAMES)
        if text is None:
            return ()
        names = tuple(name.strip().removeprefix("--") for name in text.split(","))
        unknown = [name for name in names if name not in self.values]
        if unknown:
            raise UsageError(
                f"--{SECRET_NAMES}",
                found=", ".join(map(repr, unknown)),
                required="arguments of the run, separated by commas",
            )
        return names

    def get(self, name: str) -> str | None:
        """Return the value of ``--name``. ``-`` and ``_`` are equal in names, as in getResolvedOptions."""
        for spelling in _spellings(name):
            if spelling in self.values:
                return self.values[spelling]
        return None

    def require(self, names: Iterable[str]) -> dict[str, str]:
        """Return the values of ``names``. Raises UsageError with every missing name."""
        values = {name: self.get(name) for name in names}
        missing = [name for name, value in values.items() if value is None]
        if missing:
            raise UsageError(
                "job arguments are missing",
                found=" ".join(f"--{name}" for name in sorted(self.values)) or "no arguments",
                required=" ".join(f"--{name}" for name in missing),
                fix="pass them to the job, or set them in its default arguments",
            )
        return {name: value for name, value in values.items() if value is not None}

    def identity(self, *, job: str | None = None, fresh_run_id: str) -> JobIdentity:
        """Return the job and the run.

        Args:
            job: the name that a script passed to ``job.init``; it may be empty, as Glue allows.
            fresh_run_id: the run's id if there is no ``--JOB_RUN_ID``.

        Raises:
            UsageError: no job name, two different job names, or an argument of ``DECISIVE`` with two values.
        """
        self.require_no_conflicts()
        argument = self.get("JOB_NAME")
        if job and argument and job != argument:
            raise UsageError(
                "the script and the arguments name two jobs",
                found=f"job.init({job!r}) and --JOB_NAME {argument}",
                required="one name",
                fix="pass args['JOB_NAME'] to job.init",
            )
        name = job or argument
        if not name:
            raise UsageError(
                "the job has no name",
                found="no --JOB_NAME",
                required="--JOB_NAME NAME",
                fix="glue-secure run SCRIPT --JOB_NAME NAME",
            )
        run = self.get("JOB_RUN_ID")
        return JobIdentity(
            job_name(name), RunId(run or fresh_run_id), bool(run), self.get("SECURITY_CONFIGURATION") or None
        )

    def bookmark_option(self) -> BookmarkOption:
        """Return ``--job-bookmark-option`` or ``--continuation-option``; DISABLE without them."""
        text, old = self.get("job-bookmark-option"), self.get("continuation-option")
        known = {option.value: option for option in BookmarkOption}
        name, known = (
            ("continuation-option", CONTINUATIONS) if text is None else ("job-bookmark-option", known)
        )
        text = old if text is None else text
        if text is None:
            return BookmarkOption.DISABLE
        if text not in known:
            raise UsageError(f"--{name}", found=repr(text), required=", ".join(known))
        return known[text]

    def bookmark_decrypt_keys(self) -> tuple[KmsKeyArn, ...]:
        """Return ``--glue-secure-bookmark-decrypt-keys ARN,ARN``: keys that decrypt older bookmarks.

        Raises:
            UsageError: an entry is not the ARN of a key.
        """
        text = self.get(BOOKMARK_DECRYPT_KEYS)
        if text is None:
            return ()
        return tuple(dict.fromkeys(KmsKeyArn.parse(name.strip()) for name in text.split(",")))

    def bookmark_high_water(self) -> str | None:
        """Return the table of ``--glue-secure-bookmark-high-water dynamodb:TABLE``, None if it is not given.

        Raises:
            UsageError: the value is not the name of a table.
        """
        text = self.get(BOOKMARK_HIGH_WATER)
        if text is None:
            return None
        match = _TABLE.match(text)
        if match is None:
            raise UsageError(f"--{BOOKMARK_HIGH_WATER}", found=repr(text), required="dynamodb:TABLE")
        return match[1]

    def allowed_connectors(self) -> tuple[AllowedConnector, ...]:
        """Return the entries of ``--glue-secure-allowed-connectors CLASS[@SHA256],...``.

        Raises:
            UsageError: as :func:`parse_allowed_connectors`.
        """
        return parse_allowed_connectors(self.get(ALLOWED_CONNECTORS))

    def has_portable_bookmarks(self) -> bool:
        """Return whether glue-secure manages bookmarks in Glue (``--glue-secure-bookmarks portable``).

        Raises:
            UsageError: the value is neither ``portable`` nor ``native``, the default.
        """
        text = self.get(BOOKMARKS)
        if text not in (None, "portable", "native"):
            raise UsageError(f"--{BOOKMARKS}", found=repr(text), required="portable, or native")
        return text == "portable"

    def requires_worker_encryption(self) -> bool:
        """Return whether an unknown GS-SPK stops the run (``--glue-secure-worker-encryption required``).

        Raises:
            UsageError: the value is neither ``required`` nor ``reported``, the default.
        """
        text = self.get(WORKER_ENCRYPTION)
        if text not in (None, "required", "reported"):
            raise UsageError(f"--{WORKER_ENCRYPTION}", found=repr(text), required="required, or reported")
        return text == "required"

    def detects_no_entities(self) -> bool:
        """Return whether EntityDetector finds nothing (``--glue-secure-entity-detection nothing-found``).

        Raises:
            UsageError: another value.
        """
        text = self.get(ENTITY_DETECTION)
        if text not in (None, "nothing-found"):
            raise UsageError(f"--{ENTITY_DETECTION}", found=repr(text), required="nothing-found")
        return text is not None

    def uses_data_catalog(self) -> bool:
        """Return whether the Data Catalog is the metastore of Spark SQL (``--enable-glue-datacatalog``).

        AWS documents the value ``true``, and the argument without a value.

        Raises:
            UsageError: the value is neither empty, true nor false.
        """
        text = self.get(DATA_CATALOG)
        if text is None:
            return False
        return not text or truth(f"--{DATA_CATALOG}", text)

    def suites(self) -> tuple[str, ...]:
        """Return the locations of ``--glue-secure-suites a.json,s3://bucket/b.json``.

        Raises:
            UsageError: an empty entry.
        """
        text = self.get(SUITES)
        if text is None:
            return ()
        locations = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
        if not all(locations):
            raise UsageError(f"--{SUITES}", found=repr(text), required="SUITE or SUITE,SUITE")
        return locations

    def location(self, name: str) -> S3Uri | None:
        """Return the S3 location of ``--name s3://...``, None if it is not given."""
        text = self.get(name)
        return S3Uri.parse(text) if text else None

    def required_location(self, name: str) -> S3Uri:
        """Return the S3 location that an argument names.

        Raises:
            UsageError: the argument is missing, or is not an S3 location.
        """
        location = self.location(name)
        if location is None:
            raise UsageError(
                f"--{name}",
                found="not given",
                required="s3://BUCKET/PREFIX/",
                fix=f"add --{name} to the job's default arguments",
            )
        return location


def names_a_secret(name: str, value: str) -> bool:
    """Return whether the value of an argument with a secret's name cannot be a secret itself."""
    is_path = _SECRET_NOUN.search(name) is not None and _SECRET_PATH.match(value) is not None
    return bool(is_path or _REFERENCE.search(name) or _NO_SECRET.match(value))


@lru_cache(maxsize=1024)
def _spellings(name: str) -> tuple[str, ...]:
    """Return ``name`` and the spellings that getResolvedOptions treats as equal."""
    return tuple(dict.fromkeys((name, name.replace("-", "_"), name.replace("_", "-"))))
