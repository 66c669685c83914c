"""COPY into Amazon Redshift of objects that a run has written under its own key.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect-redshift-home.html
https://docs.aws.amazon.com/redshift/latest/dg/r_COPY.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glue_secure.connections.sql_statements import split_statements
from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.core.identifiers import S3Uri

_TMP, _ROLE, _EXTRA = "redshifttmpdir", "aws_iam_role", "extracopyoptions"
LOAD_OPTIONS = (_TMP, _ROLE, _EXTRA)
"""Names of the options of a load, in lower case."""
_ARN = r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=.@/-]+"
_ROLES = re.compile(rf"default|{_ARN}(?:,{_ARN})*\Z", re.IGNORECASE)
_ENCRYPTION = re.compile(r"\b(?:ENCRYPTED|MASTER_SYMMETRIC_KEY|KMS_KEY_ID|ENCRYPTION)\b", re.IGNORECASE)
_LOGIN = re.compile(
    r"\b(?:CREDENTIALS|IAM_ROLE|ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|TOKEN|SSH)\b", re.IGNORECASE
)
# Spark's types that a CSV object can contain.
_CSV_TYPES = re.compile(
    r"(?:tinyint|smallint|int|bigint|float|double|decimal\(\d+,\d+\)|boolean|string|date|timestamp(?:_ntz)?"
    r"|(?:var)?char\(\d+\))\Z"
)


@dataclass(frozen=True, slots=True)
class RedshiftLoad:
    """How a frame is loaded with COPY.

    Attributes:
        location: where its objects are written first.
        role: ARN of the role with which Redshift reads them, several separated by commas, or ``default``.
        extra: further parameters of COPY.
    """

    location: str
    role: str
    extra: str = ""


def split_load(options: Mapping[str, str], resource: str) -> tuple[RedshiftLoad | None, dict[str, str]]:
    """Return the load that ``redshiftTmpDir`` and ``aws_iam_role`` request, and the other options.

    Without both there is no load, and all options are returned.

    Raises:
        RefusedError: GS-S3-005 or GS-TLS-008, ``extracopyoptions`` changes the encryption or has a login.
        UsageError: the role is no role, or ``extracopyoptions`` is more than parameters.
    """
    given = {name.lower(): str(value) for name, value in options.items() if name.lower() in LOAD_OPTIONS}
    others = {name: value for name, value in options.items() if name.lower() not in LOAD_OPTIONS}
    if not given.get(_TMP) or not given.get(_ROLE):
        return None, dict(options)
    role, extra = given[_ROLE].strip(), given.get(_EXTRA, "").strip()
    if not _ROLES.match(role):
        raise UsageError(
            f"aws_iam_role of {resource}",
            found="no ARN of a role",
            required="arn:aws:iam::ACCOUNT:role/NAME, or default",
        )
    for pattern, control, required in (
        (_ENCRYPTION, "GS-S3-005", "the run's key, under which the objects are written"),
        (_LOGIN, "GS-TLS-008", "the role of aws_iam_role"),
    ):
        match = pattern.search(extra)
        if match:
            raise RefusedError(
                control,
                resource=f"extracopyoptions of {resource}",
                found=match[0].upper(),
                required=required,
                fix=f"remove {match[0].upper()} from extracopyoptions",
            )
    if len(split_statements(extra)) > 1 or ";" in extra or "--" in extra or "/*" in extra:
        raise UsageError(
            f"extracopyoptions of {resource}",
            found="a semicolon or a comment",
            required="parameters of COPY only",
            fix="put statements into preactions or postactions",
        )
    return RedshiftLoad(given[_TMP], role, extra), others


def with_location(options: Mapping[str, Any], redshift_tmp_dir: str) -> dict[str, Any]:
    """Return the options with Glue's argument ``redshift_tmp_dir``, if they name a role for COPY."""
    names = {name.lower() for name in options}
    if redshift_tmp_dir and _ROLE in names and _TMP not in names:
        return {**options, "redshiftTmpDir": redshift_tmp_dir}
    return dict(options)


def can_load(types: Sequence[tuple[str, str]]) -> bool:
    """Return whether a CSV object can contain columns of these types, as ``DataFrame.dtypes`` names them."""
    return all(_CSV_TYPES.match(type) for _name, type in types)


def csv_options(null: str) -> dict[str, str]:
    """Return options of Spark's CSV writer for objects that COPY reads. ``null`` stands for a null."""
    return {
        "compression": "gzip",
        "escape": '"',
        "nullValue": null,
        "ignoreLeadingWhiteSpace": "false",
        "ignoreTrailingWhiteSpace": "false",
        "timestampFormat": "yyyy-MM-dd HH:mm:ss.SSSSSS",
        "timestampNTZFormat": "yyyy-MM-dd HH:mm:ss.SSSSSS",
    }


def copy_statement(
    table: str, columns: Sequence[str], location: S3Uri, load: RedshiftLoad, *, null: str
) -> str:
    """Return the COPY of the objects that Spark wrote to a location; ``_SUCCESS`` is none of them."""
    quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in columns)
    prefix = f"s3://{location.bucket}/{location.as_prefix()}part-"
    role = "default" if load.role.lower() == "default" else _text(load.role)
    statement = (
        f"copy {table} ({quoted}) from {_text(prefix)} iam_role {role} csv gzip null as {_text(null)} "
        f"dateformat 'auto' timeformat 'auto' {load.extra}"
    )
    return statement.rstrip()


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
