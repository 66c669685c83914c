"""Combine policy files of several levels: a lower level can only tighten, except where it may decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.target_encryption import Algorithm, Encryption, EncryptionRule
from glue_secure.policyfile.model import DEFAULT_ACCEPTED, RUN_KEY, Level, PolicyFile, Target

_DEFAULT = Target("", DEFAULT_ACCEPTED)


def combine(files: Sequence[PolicyFile], tables: Mapping[str, S3Uri] | None = None) -> PolicyFile:
    """Return the policy that all files make together; the strictest default without a file.

    For each location, the statement of the lowest level that has one counts, and each level above must accept
    its encryptions too, or delegate them to that level. Without a file of the organisation, the default
    is the uppermost level. Requirements on sources add up.

    Args:
        files: at most one of each level, in any order.
        tables: the location of each table that exists. Targets of other tables are left out.

    Raises:
        UsageError: two files of one level; or a lower level loosens what an upper one states.
    """
    levels = [file.level for file in files]
    if len(set(levels)) < len(levels):
        found = ", ".join(level.value for level in levels)
        raise UsageError("the levels of the policy files", found=found, required="each level once")
    ordered = sorted(files, key=lambda file: file.level.rank)
    if not ordered or ordered[0].level is not Level.ORGANISATION:
        ordered.insert(0, PolicyFile())
    located = [replace(file, targets=_located(file, tables or {})) for file in ordered]
    for file in located[1:]:
        _require_delegated(located[0], file)
    return PolicyFile(
        name=", ".join(file.name for file in located if file.name),
        level=located[-1].level,
        exception_days=min(file.exception_days for file in located),
        table_rollback=all(file.table_rollback for file in located),
        targets=_targets(located),
        sources=tuple(source for file in located for source in file.sources),
        connectors=tuple(connector for file in located for connector in file.connectors),
        exceptions=tuple(exception for file in located for exception in file.exceptions),
        delegations=located[0].delegations,
    )


def _located(file: PolicyFile, tables: Mapping[str, S3Uri]) -> tuple[Target, ...]:
    """Return a file's targets with the prefix of each table in place of the table.

    The principals that may change a table in the Data Catalog decide where a table's target applies. It
    therefore cannot loosen another target of the file: inside of that, it can only tighten.

    Raises:
        UsageError: the target of a table loosens another one.
    """
    named = [target for target in file.targets if target.prefix is not None]
    of_tables = [
        (target, replace(target, prefix=S3Uri(place.bucket, place.as_prefix()), table=""))
        for target in file.targets
        if (place := tables.get(target.table)) is not None
    ]
    for stated, target in of_tables:
        assert target.prefix is not None  # noqa: S101 - set above
        others = [*named, *(other for _, other in of_tables if other.name != target.name)]
        around = covering(others, target.prefix)
        if around is not None and not is_within(target, around):
            raise UsageError(
                _title(file),
                found=f"target {target.name}: table {stated.table} is at {target.prefix}, inside of target "
                f"{around.name}, and accepts {' or '.join(map(str, target.accepted))}",
                required=f"{' or '.join(map(str, around.accepted))}, as target {around.name}; the location "
                "of a table can change",
                fix=f'name prefix = "{target.prefix}" in place of the table, or move the table',
            )
    located = {str(target.prefix): target for target in named}
    located |= {str(target.prefix): target for _, target in of_tables}
    return tuple(located.values())


def is_within(target: Target, around: Target) -> bool:
    """Return whether a target accepts nothing weaker than another. DSSE-KMS is stronger than SSE-KMS."""
    same_bucket_key = around.bucket_key is None or target.bucket_key == around.bucket_key
    return (
        all(_accepts(around, one) for one in target.accepted)
        and (same_bucket_key or _is_dsse(target.accepted))
        and (around.shared_key or not target.shared_key)
    )


def _accepts(target: Target, one: Encryption) -> bool:
    """Return whether a target accepts an encryption, or a weaker one under the same key."""
    is_stronger = one.algorithm is Algorithm.DSSE_KMS
    return one in target.accepted or (
        is_stronger and replace(one, algorithm=Algorithm.SSE_KMS) in target.accepted
    )


def _is_dsse(accepted: Iterable[Encryption]) -> bool:
    return all(one.algorithm is Algorithm.DSSE_KMS for one in accepted)


def _require_delegated(top: PolicyFile, lower: PolicyFile) -> None:
    """Raise UsageError for entries of a lower level that only a delegation of the organisation allows."""
    delegations = [one for one in top.delegations if one.level is lower.level]
    found, required = "", ""
    if lower.connectors and not any(one.connectors for one in delegations):
        found, required = f"connector {lower.connectors[0].class_name}", "connectors = true"
    for exception in lower.exceptions:
        if not any(exception.control in one.controls for one in delegations):
            found = f"an exception from {exception.control}"
            required = f'controls = ["{exception.control}"]'
    for delegation in lower.delegations:
        if delegation.controls or delegation.connectors:
            found, required = "a delegation of controls or connectors", ""
    if found:
        raise UsageError(
            _title(lower),
            found=found,
            required=f'a delegation of the organisation with level = "{lower.level.value}" and {required}'
            if required
            else "such delegations in the organisation's file only",
            fix="move the entry to the organisation's file, or add the delegation there",
        )


def _targets(files: Sequence[PolicyFile]) -> tuple[Target, ...]:
    """Return the combined target of each prefix that a file has."""
    prefixes = {str(target.prefix): target.prefix for file in files for target in file.targets}
    return tuple(_combined(files, prefix) for _, prefix in sorted(prefixes.items()) if prefix is not None)


def _combined(files: Sequence[PolicyFile], prefix: S3Uri) -> Target:
    statements = [covering(file.targets, prefix) for file in files]
    # Without a statement, the uppermost level states the default, and another level nothing.
    statements[0] = statements[0] or _DEFAULT
    lowest = max(at for at, statement in enumerate(statements) if statement is not None)
    stated = statements[lowest]
    assert stated is not None  # noqa: S101 - the uppermost level has a statement

    def is_delegated(at: int, one: Encryption) -> bool:
        return any(
            delegation.level is files[lowest].level and delegation.allows(prefix, one)
            for delegation in files[at].delegations
        )

    def may_accept(one: Encryption) -> bool:
        return all(
            above is None or _accepts(above, one) or is_delegated(at, one)
            for at, above in enumerate(statements[:lowest])
        )

    def may_share(at: int) -> bool:
        above = statements[at]
        if above is None or above.shared_key:
            return True
        named = [one for one in accepted if one.key not in ("", RUN_KEY)]
        return all(is_delegated(at, one) for one in named)

    accepted = tuple(one for one in stated.accepted if may_accept(one))
    if stated.accepted[0] not in accepted:
        above = next(one for one in statements if one is not None and not _accepts(one, stated.accepted[0]))
        raise UsageError(
            _title(files[lowest]),
            found=f"target {stated.name}: {stated.accepted[0]} below {prefix}",
            required=f"{' or '.join(map(str, above.accepted))}, as "
            + (f"target {above.name} of an upper level" if above.name else "without a target above"),
            fix=f"state a target for {prefix} that the upper levels accept, or let them delegate {prefix}",
        )
    bucket_keys = {one.bucket_key for one in statements if one is not None} - {None}
    if _is_dsse(accepted):
        bucket_keys = set()  # DSSE-KMS has no bucket keys
    if len(bucket_keys) > 1:
        raise UsageError(
            _title(files[lowest]),
            found=f"target {stated.name} with another bucket_key below {prefix} than an upper level",
            required="the same bucket_key, or none",
        )
    return replace(
        stated,
        prefix=prefix,
        accepted=accepted,
        bucket_key=next(iter(bucket_keys), None),
        # The reason for a key of another account is one level's; every level must accept such a key.
        shared_key=stated.shared_key and all(map(may_share, range(lowest))),
    )


def covering(targets: Iterable[Target], location: S3Uri) -> Target | None:
    """Return the target with the longest prefix that covers a location; each target has a prefix."""
    best, length = None, -1
    for target in targets:
        rule = EncryptionRule(target.prefix, ())
        if rule.covers(location) and len(rule.prefix) > length:
            best, length = target, len(rule.prefix)
    return best


def _title(file: PolicyFile) -> str:
    return f"the policy file of level {file.level.value}" + (f" ({file.name})" if file.name else "")
