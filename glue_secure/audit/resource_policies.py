"""Resource policies that allow every principal.

A condition makes a statement private if it compares who calls, or from where, with fixed values:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from glue_secure.core.json_documents import load_json

_LIMITING = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "kms:calleraccount",
    }
)
_COMPARING = frozenset({"stringequals", "stringlike", "stringequalsignorecase", "arnequals", "arnlike"})


class UnreadablePolicyError(Exception):
    """A policy document that does not have the grammar of IAM policies."""


def public_statements(text: str) -> list[str]:
    """Return the ids of the statements that allow every principal, by number if they have none.

    Statements that deny are not considered: a policy that allows everyone and denies most is reported.

    Raises:
        UnreadablePolicyError: the text is not a policy document.
    """
    return [
        str(statement.get("Sid") or f"statement {number}")
        for number, statement in enumerate(_statements(text), start=1)
        if statement.get("Effect") == "Allow" and _is_everyone(statement) and not _is_limited(statement)
    ]


def _statements(text: str) -> Iterator[Mapping[str, Any]]:
    try:
        document = load_json(text)
    except (ValueError, RecursionError) as error:
        raise UnreadablePolicyError(f"not JSON: {type(error).__name__}") from None
    statements = document.get("Statement") if isinstance(document, dict) else None
    for statement in statements if isinstance(statements, list) else [statements]:
        if not isinstance(statement, dict):
            raise UnreadablePolicyError("no statements")
        yield statement


def _is_everyone(statement: Mapping[str, Any]) -> bool:
    if "NotPrincipal" in statement:
        return True
    principal = statement.get("Principal")
    names = principal.get("AWS", ()) if isinstance(principal, dict) else principal
    return any("*" in str(name) for name in (names if isinstance(names, list | tuple) else [names]))


def _is_limited(statement: Mapping[str, Any]) -> bool:
    conditions = statement.get("Condition")
    for operator, tests in conditions.items() if isinstance(conditions, dict) else ():
        name = str(operator).lower().removeprefix("foranyvalue:")
        if name not in _COMPARING or not isinstance(tests, dict):
            continue
        for key, values in tests.items():
            texts = values if isinstance(values, list) else [values]
            is_private = texts and not any(_is_open(str(text), name.startswith("arn")) for text in texts)
            if str(key).lower() in _LIMITING and is_private:
                return True
    return False


def _is_open(value: str, is_by_part: bool) -> bool:
    """Return whether a value matches principals, networks or resources of accounts that it does not name.

    A wildcard may be in the last part of an ARN with an account, or after the first part of another value
    (``o-1/r-1/*``, ``AROAEXAMPLE:*``).

    Args:
        value: the value of a condition.
        is_by_part: whether the operator compares each part of an ARN, so that a wildcard of the partition or
            Region cannot match the account as well.
    """
    parts = value.split(":", 5)
    if not value.startswith("arn:"):
        first = re.split("[/:]", value)[0]
        return not first or _has_wildcard(first)
    if len(parts) < 6 or not (parts[4] or parts[5]):
        return True
    decisive = [parts[2], parts[4]] if is_by_part and parts[4] else parts[:5]
    if not parts[4]:
        decisive.append(parts[5].partition("/")[0])  # arn:aws:s3:::BUCKET
    return any(map(_has_wildcard, decisive))


def _has_wildcard(text: str) -> bool:
    return "*" in text or "?" in text
