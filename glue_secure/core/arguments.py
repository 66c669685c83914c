"""``sys.argv`` of a job → :class:`JobArguments` and :class:`JobIdentity`, the way Glue passes them.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import KmsKeyArn, RunId, S3Uri, job_name
from glue_secure.core.redaction import is_secret_name, redact_settings, redact_text

BOOKMARK_URI = "glue-secure-bookmark-uri"
EVIDENCE_URI = "glue-secure-evidence-uri"
BOOKMARK_DECRYPT_KEYS = "glue-secure-bookmark-decrypt-keys"
BOOKMARK_HIGH_WATER = "glue-secure-bookmark-high-water"
BOOKMARKS = "glue-secure-bookmarks"
WORKER_ENCRYPTION = "glue-secure-worker-encryption"
FINE_GRAINED = "enable-lakeformation-fine-grained-access"
COLUMNS = "glue-secure-columns"
SUITES = "glue-secure-suites"
QUARANTINE = "glue-secure-quarantine-uri"
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
_TABLE = re.compile(r"dynamodb:([A-Za-z0-9_.-]{3,255})\Z")

_REFERENCE = re.compile(
    r"(?:arn|columns?|count|fields?|id|limit|location|names?|path|prefix|table|ttl|uri|url)\Z", re.IGNORECASE
)
_NO_SECRET = re.compile(r"(?:|true|false|s3[an]?://\S+)\Z", re.IGNORECASE)
_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:\d{0,12}:[\w./:+@-]+\Z")


class BookmarkOption(str, Enum):
    """``--job-bookmark-option``, with Glue's own values."""

    ENABLE = "job-bookmark-enable"
    DISABLE = "job-bookmark-disable"
    PAUSE = "job-bookmark-pause"


# --continuation-option, what --job-bookmark-option was called; the newer name goes before it.
CONTINUATIONS = {
    "continuation-enabled": BookmarkOption.ENABLE,
    "continuation-readonly": BookmarkOption.PAUSE,
    "continuation-ignore": BookmarkOption.DISABLE,
}
# The arguments that decide which run this is, what it must meet and where its traces lie.
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
    BOOKMARK_DECRYPT_KEYS,
    BOOKMARK_HIGH_WATER,
    FINE_GRAINED,
    WORKER_ENCRYPTION,
    COLUMNS,
    SUITES,
    QUARANTINE,
)


def without_dashes(arguments: Mapping[str, str] | None) -> dict[str, str]:
    """Return the arguments of a Glue job definition (``--name``: value) by name without ``--``."""
    return {name.removeprefix("--"): str(value) for name, value in (arguments or {}).items()}


@dataclass(frozen=True, slots=True)
class JobIdentity:
    """Which run of which job this is.

    Attributes:
        job: ``JOB_NAME``.
        run_id: ``JOB_RUN_ID``, or an id made for a run that no control plane started.
        started_by_control_plane: whether ``JOB_RUN_ID`` was given, so that GetJobRun knows the run.
        claimed_configuration: ``SECURITY_CONFIGURATION`` of the arguments; a claim, not a fact.
    """

    job: str
    run_id: RunId
    started_by_control_plane: bool
    claimed_configuration: str | None


@dataclass(frozen=True, slots=True)
class JobArguments:
    """The job's arguments, as ``--name value`` or ``--name=value``; values may hold secrets.

    Attributes:
        values: name without ``--`` → value, the last one given winning, as in Glue.
        disputed: names among ``DECISIVE`` that were given twice, with different values.
    """

    values: Mapping[str, str] = field(repr=False)
    disputed: tuple[str, ...] = ()

    @classmethod
    def parse(cls, argv: Sequence[str]) -> JobArguments:
        """Read ``argv`` (``argv[0]`` is the script). A flag without a value has the value ``""``."""
        values: dict[str, str] = {}
        disputed: dict[str, None] = {}
        words = list(argv[1:])
        position = 0
        while position < len(words):
            word = words[position]
            position += 1
            if not word.startswith("--") or word == "--":
                continue
            name, separator, value = word[2:].partition("=")
            if not separator and position < len(words) and not words[position].startswith("--"):
                value = words[position]
                position += 1
            if name in DECISIVE and values.get(name, value) != value:
                disputed[name] = None
            values[name] = value
        return cls(values, tuple(disputed))

    def overlaid(self, given: Mapping[str, str]) -> JobArguments:
        """These arguments with ``given`` over them (what a script passes to ``job.init``)."""
        disputed = [
            n for n in DECISIVE if n in self.values and given.get(n, self.values[n]) != self.values[n]
        ]
        return JobArguments({**self.values, **given}, tuple(dict.fromkeys((*self.disputed, *disputed))))

    def underlaid(self, defaults: Mapping[str, str]) -> JobArguments:
        """These arguments, with ``defaults`` for what they lack under any spelling."""
        missing = {name: value for name, value in defaults.items() if self.get(name) is None}
        return JobArguments({**missing, **self.values}, self.disputed)

    def refuse_disputed(self) -> None:
        """Refuse decisive arguments that say two things: given twice, or once with ``-`` and once with ``_``.

        Which of the two a reader takes depends on the reader, so that one checked is not the one obeyed.

        Raises:
            UsageError: ``--encryption-type sse-s3 --encryption_type ""``, two ``--JOB_RUN_ID``.
        """
        for name in DECISIVE:
            spellings = _spellings(name)
            given = {self.values[spelling] for spelling in spellings if spelling in self.values}
            if len(given) > 1 or name in self.disputed:
                raise UsageError(
                    "an argument with two values",
                    found=" and ".join(f"--{s}" for s in spellings if s in self.values),
                    required=f"--{name} once",
                    fix="pass it once; a script passes to job.init what getResolvedOptions returned",
                )

    def __repr__(self) -> str:
        return f"JobArguments({redact_settings(self.values)})"

    def with_secrets(self) -> tuple[str, ...]:
        """Names of the arguments that carry a secret: by the value, or by the name with a value of its own.

        A name that ends by saying what it refers to (``--db_secret_name``, ``--token_column``) is none, nor
        is an ARN or an S3 location.
        """
        return tuple(
            name
            for name, value in self.values.items()
            if not _ARN.match(value)
            and (
                redact_text(value) != value
                or (is_secret_name(name) and not _REFERENCE.search(name) and not _NO_SECRET.match(value))
            )
        )

    def get(self, name: str) -> str | None:
        """The value of ``--name``; ``-`` and ``_`` are alike in names, as in getResolvedOptions."""
        for spelling in _spellings(name):
            if spelling in self.values:
                return self.values[spelling]
        return None

    def require(self, names: Iterable[str]) -> dict[str, str]:
        """The values of ``names``; UsageError lists every one that is missing."""
        found = {name: self.get(name) for name in names}
        missing = [name for name, value in found.items() if value is None]
        if missing:
            raise UsageError(
                "job arguments are missing",
                found=" ".join(f"--{name}" for name in sorted(self.values)) or "no arguments",
                required=" ".join(f"--{name}" for name in missing),
                fix="pass them to the job, or set them in its default arguments",
            )
        return {name: value for name, value in found.items() if value is not None}

    def identity(self, *, job: str | None = None, fresh_run_id: str) -> JobIdentity:
        """Who runs. ``job`` (what a script gave to ``job.init``) must agree with ``--JOB_NAME``.

        Args:
            job: a job name from the script; may be empty, as Glue allows for ``job.init("")``.
            fresh_run_id: an id to use where the arguments carry no ``--JOB_RUN_ID``.

        Raises:
            UsageError: no name, two names, or an argument that decides the run and has two values.
        """
        self.refuse_disputed()
        named = self.get("JOB_NAME")
        if job and named and job != named:
            raise UsageError(
                "the script and the arguments name two jobs",
                found=f"job.init({job!r}) and --JOB_NAME {named}",
                required="one name",
                fix="pass args['JOB_NAME'] to job.init",
            )
        name = job or named
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
        """``--job-bookmark-option``, or the old ``--continuation-option``; absent means disabled."""
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
        """``--glue-secure-bookmark-decrypt-keys ARN,ARN``: keys that open older bookmarks; none by default.

        Raises:
            UsageError: an empty entry, or one that is not the ARN of a key.
        """
        text = self.get(BOOKMARK_DECRYPT_KEYS)
        if text is None:
            return ()
        return tuple(dict.fromkeys(KmsKeyArn.parse(name.strip()) for name in text.split(",")))

    def bookmark_high_water(self) -> str | None:
        """``--glue-secure-bookmark-high-water dynamodb:TABLE``: the table's name; None when not given.

        Raises:
            UsageError: anything but the name of a table.
        """
        text = self.get(BOOKMARK_HIGH_WATER)
        if text is None:
            return None
        match = _TABLE.match(text)
        if match is None:
            raise UsageError(f"--{BOOKMARK_HIGH_WATER}", found=repr(text), required="dynamodb:TABLE")
        return match[1]

    def keeps_bookmarks(self) -> bool:
        """``--glue-secure-bookmarks portable``: whether this project keeps them in Glue with GlueContext too.

        Raises:
            UsageError: anything but ``portable`` or ``native``, the default there.
        """
        text = self.get(BOOKMARKS)
        if text not in (None, "portable", "native"):
            raise UsageError(f"--{BOOKMARKS}", found=repr(text), required="portable, or native")
        return text == "portable"

    def requires_worker_encryption(self) -> bool:
        """``--glue-secure-worker-encryption required``: whether an unknown GS-SPK stops the run.

        Raises:
            UsageError: anything but ``required`` or ``reported``, the default.
        """
        text = self.get(WORKER_ENCRYPTION)
        if text not in (None, "required", "reported"):
            raise UsageError(f"--{WORKER_ENCRYPTION}", found=repr(text), required="required, or reported")
        return text == "required"

    def suites(self) -> tuple[str, ...]:
        """``--glue-secure-suites a.json,s3://bucket/b.json``: where suites lie; none by default.

        Raises:
            UsageError: an empty entry.
        """
        text = self.get(SUITES)
        if text is None:
            return ()
        named = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
        if not all(named):
            raise UsageError(f"--{SUITES}", found=repr(text), required="SUITE or SUITE,SUITE")
        return named

    def location(self, name: str) -> S3Uri | None:
        """An S3 location given as ``--name s3://...``."""
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


def _spellings(name: str) -> tuple[str, ...]:
    """``name``, and the ways to write it that getResolvedOptions makes alike."""
    return tuple(dict.fromkeys((name, name.replace("-", "_"), name.replace("_", "-"))))
