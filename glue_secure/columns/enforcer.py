"""The guard of columns: what a run's policy does to every frame on its way to a sink."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from glue_secure.columns.decisions import ColumnTags, decide
from glue_secure.columns.policy import ColumnPolicy
from glue_secure.core.arguments import COLUMNS
from glue_secure.core.columns import ColumnDecision, Tag, TagKind, WrappedKey
from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.core.evidence import ColumnRecord
from glue_secure.core.findings import Finding, failed, passed
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.ports import ColumnSource, Engine, ObjectStore
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.redaction import redact_text
from glue_secure.core.service import ServiceError
from glue_secure.core.unmanaged_writes import UnmanagedWrite


@dataclass(frozen=True, slots=True)
class Protected:
    """A frame that the run's column policy was carried out on.

    Attributes:
        frame: the frame.
        decisions: what was done to it.
    """

    frame: Any
    decisions: tuple[ColumnDecision, ...] = ()

    def with_frame(self, frame: Any) -> Protected:
        """The same rows in the form that a format wants."""
        return replace(self, frame=frame)


class ColumnPolicyEnforcer:
    """Holds a run's policy, once it is loaded; without one it leaves frames alone.

    Args:
        location: what ``--glue-secure-columns`` names, None where the job has no policy.
        objects: where the policy lies.
        source: its key and tags.
        engine: what carries it out.
        recorder: where it is noted.
    """

    def __init__(
        self,
        *,
        location: S3Uri | None,
        objects: ObjectStore,
        source: ColumnSource | None,
        engine: Engine,
        recorder: RunRecorder,
    ) -> None:
        self._location, self._objects, self._source = location, objects, source
        self._engine, self._recorder = engine, recorder
        self._policy: ColumnPolicy | None = None
        self._tags: ColumnTags = {}

    def load(self) -> None:
        """Read the policy and its tables' tags, and try its key.

        Raises:
            VerificationError: GS-COL-002, the key does not open; GS-COL-004, policy or tags cannot be read.
            UsageError: the policy cannot be meant as it stands.
        """
        if self._location is None:
            return
        if self._source is None:
            raise UsageError(f"--{COLUMNS}", found="services without columns", required="a composed run")
        policy = _read(self._location, self._objects)
        if policy.key is not None:
            _try_key(policy, policy.key, self._source, self._recorder)
        if any(rule.action.needs_key for rule in policy.rules):
            self._engine.require_column_functions()
        self._tags = _tags(policy, self._source, self._recorder)
        self._policy = policy

    @property
    def _in_force(self) -> ColumnPolicy | None:
        if self._location is not None and self._policy is None:
            raise UsageError(
                f"--{COLUMNS}", found="a write before the policy was read", required="an open run"
            )
        return self._policy

    def protect(self, frame: Any, sink: str) -> Protected:
        """The frame as it may go to ``sink``. What is protected already is not done twice.

        Raises:
            RefusedError: GS-COL-001, GS-COL-003; nothing was written.
        """
        if isinstance(frame, Protected):
            return frame
        policy = self._in_force
        if policy is None:
            return Protected(frame)
        decisions = decide(policy, self._tags, self._engine.column_tree(frame), sink=sink)
        done = frame
        if decisions:
            done = self._engine.protect_columns(frame, decisions, policy=policy.name, key=policy.key)
        self._recorder.record([passed("GS-COL-001", sink, f"{len(decisions)} columns protected")])
        self._recorder.columns.extend(
            ColumnRecord(
                sink, each.column.text, each.rule.action.value, each.rule.selector, policy.name, policy.digest
            )
            for each in decisions
        )
        return Protected(done, decisions)

    def reject_unprotectable_sink(self, sink: str) -> None:
        """GS-COL-005: refuse, under a policy, a sink whose frame the guard does not get to see."""
        policy = self._in_force
        if policy is not None:
            raise RefusedError(
                "GS-COL-005",
                resource=sink,
                found=f"a sink of awsglue's own, and the column policy {policy.name}",
                required="a write whose columns the guard can protect",
                fix="write it with SecureJob (job.write.s3), or run this job without a column policy",
            )

    def check_column_policy_bypass(self, writes: Sequence[UnmanagedWrite]) -> list[Finding]:
        """GS-COL-006: under a policy every native write fails, whatever its columns; none of them passes.

        What was written lies in its place as the frame had it. A write that failed counts: bytes may be left.
        """
        if self._location is None:
            return []
        told = f"column policy {self._location}"
        return [
            failed(
                "GS-COL-006",
                f"native write of {write.format} under {told}",
                found=redact_text(write.place) or write.problem,
                required="no write but those whose columns the guard protects",
                fix="write with job.write.s3 or job.write.jdbc (in plain Spark with the GlueContext too), or "
                "run this job without a column policy; what was written lies there unprotected: remove it",
            )
            for write in writes
        ] or [passed("GS-COL-006", told, "no native write")]


def _read(location: S3Uri, objects: ObjectStore) -> ColumnPolicy:
    try:
        body = objects.read(location).body
    except ServiceError as error:
        raise _unreadable(str(location), error, "the run's column policy", "s3:GetObject on it") from error
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise UsageError(str(location), found="bytes that are not UTF-8", required="TOML or JSON") from None
    return ColumnPolicy.parse(text, what=str(location))


def _try_key(policy: ColumnPolicy, key: WrappedKey, source: ColumnSource, recorder: RunRecorder) -> None:
    try:
        source.open_key(key)
    except ServiceError as error:
        raise VerificationError(
            "GS-COL-002",
            resource=f"data key of column policy {policy.name}",
            found=str(error),
            required=f"a data key that {key.kms_key} opens for this policy",
            fix="give the job's role kms:Decrypt on the key; see that kms_key, wrapped_key and name are as "
            "columns new-key printed them",
            aws_code=error.code,
        ) from error
    recorder.record([passed("GS-COL-002", f"column policy {policy.name}", str(key.kms_key))])


def _tags(policy: ColumnPolicy, source: ColumnSource, recorder: RunRecorder) -> Mapping[str, frozenset[Tag]]:
    lf_tags = any(tag.kind is TagKind.LF_TAG for tag in policy.tagged)
    found: dict[str, frozenset[Tag]] = {}
    for database, table in policy.tables:
        try:
            tags = source.tags(database, table, lf_tags=lf_tags)
        except ServiceError as error:
            needed = "glue:GetTable" + (" and lakeformation:GetResourceLFTags" if lf_tags else "")
            raise _unreadable(f"tags of table {database}.{table}", error, "the tags", needed) from error
        for name, carried in tags.items():
            found[name] = found.get(name, frozenset()) | carried
        recorder.record([passed("GS-COL-004", f"table {database}.{table}", f"{len(tags)} columns")])
    return found


def _unreadable(resource: str, error: ServiceError, required: str, permission: str) -> VerificationError:
    return VerificationError(
        "GS-COL-004",
        resource=resource,
        found=str(error),
        required=required,
        fix=f"give the job's role {permission}",
        aws_code=error.code,
    )
