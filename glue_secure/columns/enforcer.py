"""Load a run's column policy and apply it to every frame before the frame is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from glue_secure.columns.decisions import ColumnTags, decide
from glue_secure.columns.policy import ColumnPolicy
from glue_secure.core.arguments import COLUMNS
from glue_secure.core.columns import ColumnDecision, Tag, TagKind, WrappedKey
from glue_secure.core.errors import UsageError, VerificationError
from glue_secure.core.evidence import ColumnRecord
from glue_secure.core.findings import Finding, enforce, failed, passed, stop, unknown
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.ignored_options import likely_name
from glue_secure.core.ports import ColumnSource, Engine, ObjectStore, Operation
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.redaction import redact_text, redacting_logger
from glue_secure.core.service import ServiceError
from glue_secure.core.unmanaged_writes import UnmanagedWrite

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_LOG = redacting_logger(__name__)


@dataclass(frozen=True, slots=True)
class ProtectedFrame:
    """A frame to which the run's column policy was applied.

    Attributes:
        frame: the DataFrame.
        decisions: the decisions that were applied.
    """

    frame: DataFrame
    decisions: tuple[ColumnDecision, ...] = ()

    def with_frame(self, frame: DataFrame) -> ProtectedFrame:
        """Return a copy with ``frame``, which was computed from this frame, for example for a format."""
        return replace(self, frame=frame)


class ColumnPolicyEnforcer:
    """Applies a run's column policy. Without a policy, frames are not changed.

    Args:
        location: location of the policy (``--glue-secure-columns``); None if the job has no policy.
        objects: reads the policy from S3.
        source: decrypts the data key and reads the tags.
        engine: applies decisions to frames.
        recorder: receives findings and records.
        operation: the context of one operation of the run.
    """

    def __init__(
        self,
        *,
        location: S3Uri | None,
        objects: ObjectStore,
        source: ColumnSource,
        engine: Engine,
        recorder: RunRecorder,
        operation: Operation,
    ) -> None:
        self._location, self._objects, self._source = location, objects, source
        self._engine, self._recorder, self._operation = engine, recorder, operation
        self._policy: ColumnPolicy | None = None
        self._tags: ColumnTags = {}
        self._written: set[str] = set()
        self._matched: set[str] = set()

    def load(self) -> None:
        """Read the policy and the tags of its tables, and check that its data key can be decrypted.

        Raises:
            VerificationError: GS-COL-002, the data key cannot be decrypted; GS-COL-004, the policy or a tag
                cannot be read.
            UsageError: the policy is invalid, or the engine cannot compute its actions.
        """
        if self._location is None:
            return
        policy = _read(self._location, self._objects)
        if policy.key is not None:
            self._recorder.record(enforce([check_data_key(policy.name, policy.key, self._source)]))
        if any(rule.action.needs_key for rule in policy.rules):
            self._engine.require_column_functions()
        self._tags, findings = read_tags(policy, self._source)
        self._recorder.record(enforce(findings))
        self._policy = policy

    def protect(self, frame: DataFrame | ProtectedFrame, sink: str) -> ProtectedFrame:
        """Return the frame with the policy applied. A :class:`ProtectedFrame` is returned unchanged.

        Args:
            frame: a DataFrame, or a protected frame.
            sink: the target of the write, for findings and records.

        Raises:
            RefusedError: GS-COL-001, GS-COL-003; nothing was written.
        """
        if isinstance(frame, ProtectedFrame):
            return frame
        with self._operation():
            policy = self._loaded_policy()
            if policy is None:
                return ProtectedFrame(frame)
            schema = self._engine.column_tree(frame)
            decisions, findings = decide(policy, self._tags, schema, sink=sink)
            findings = list(enforce(findings))
            self._written.update(column.text for column in schema)
            self._matched.update(decision.rule.selector for decision in decisions)
            if decisions:
                frame = self._engine.protect_columns(frame, decisions, policy=policy.name, key=policy.key)
            self._recorder.record(findings)
            self._recorder.columns.extend(
                ColumnRecord(
                    sink,
                    decision.column.text,
                    decision.rule.action.value,
                    decision.rule.selector,
                    policy.name,
                    policy.digest,
                )
                for decision in decisions
            )
            return ProtectedFrame(frame, decisions)

    def warn_of_unmatched_rules(self) -> None:
        """Log a warning if the policy had no effect on the writes, or a rule seems to be misspelt.

        A policy can have rules for columns that a job does not write, so a rule without a match is no error.
        """
        policy = self._policy
        if policy is None or not self._written:
            return
        if not self._matched:
            _LOG.warning(
                "no rule of the column policy %s matched a written column: %s",
                policy.name, ", ".join(sorted(self._written)[:20]),
            )  # fmt: skip
        for rule in policy.rules:
            likely = likely_name(rule.column, self._written) if rule.column else ""
            if likely and rule.selector not in self._matched:
                _LOG.warning(
                    "the rule %s of the column policy %s matched no written column: did you mean %s?",
                    rule.selector, policy.name, likely,
                )  # fmt: skip

    def reject_unprotectable_sink(self, sink: str) -> None:
        """Stop a write to which a column policy cannot be applied, because glue-secure does not write it.

        Raises:
            RefusedError: GS-COL-005, the run has a column policy.
        """
        with self._operation():
            policy = self._loaded_policy()
            if policy is not None:
                stop(
                    failed(
                        "GS-COL-005",
                        sink,
                        found=f"a write of awsglue's or Spark's own, and the column policy {policy.name}",
                        required="a write to which the column policy can be applied",
                        fix="write with SecureJob (job.write.s3), or run this job without a column policy",
                    )
                )

    def check_bypass(self, writes: Sequence[UnmanagedWrite]) -> list[Finding]:
        """Return GS-COL-006: a run with a column policy has no writes outside glue-secure.

        Every write of rows is a failed finding, because the policy was not applied to its data. This includes
        writes that failed, because they may have left data, and excludes statements that store metadata or
        current rows of a table again. Without a policy there are no findings.
        """
        if self._location is None:
            return []
        policy = f"column policy {self._location}"
        return [
            failed(
                "GS-COL-006",
                f"write of {write.format} outside glue-secure, under {policy}",
                found=redact_text(write.location) or write.problem,
                required="writes through glue-secure only, which applies the column policy",
                fix="delete the unprotected data; then write with job.write.s3 or job.write.jdbc (in plain "
                "Spark also with the GlueContext), or run this job without a column policy",
            )
            for write in writes
            if write.content == "rows"
        ] or [passed("GS-COL-006", policy, "no write of rows outside glue-secure")]

    def _loaded_policy(self) -> ColumnPolicy | None:
        if self._location is not None and self._policy is None:
            raise UsageError(
                f"--{COLUMNS}", found="a write before the policy was loaded", required="a started run"
            )
        return self._policy


def check_data_key(policy: str, key: WrappedKey, source: ColumnSource) -> Finding:
    """Return GS-COL-002: the data key of the policy can be decrypted."""
    try:
        source.open_key(key)
    except ServiceError as error:
        return unknown(
            "GS-COL-002",
            f"data key of column policy {policy}",
            found=str(error),
            required=f"a data key that {key.kms_key} decrypts for this policy",
            fix="give the job's role kms:Decrypt on the key; copy name, kms_key and wrapped_key into the "
            "policy exactly as `glue-secure columns new-key` printed them",
            aws_code=error.code,
        )
    return passed("GS-COL-002", f"column policy {policy}", str(key.kms_key))


def read_tags(policy: ColumnPolicy, source: ColumnSource) -> tuple[ColumnTags, list[Finding]]:
    """Return the tags by column name, over all tables of the policy, and GS-COL-004 for each table."""
    lf_tags = any(tag.kind is TagKind.LF_TAG for tag in policy.tagged)
    tags: dict[str, frozenset[Tag]] = {}
    findings: list[Finding] = []
    for database, table in policy.tables:
        resource = f"table {database}.{table}"
        try:
            table_tags = source.tags(database, table, lf_tags=lf_tags)
        except ServiceError as error:
            permissions = "glue:GetTable" + (" and lakeformation:GetResourceLFTags" if lf_tags else "")
            findings.append(
                unknown(
                    "GS-COL-004",
                    f"tags of {resource}",
                    found=str(error),
                    required="the tags of the table's columns",
                    fix=f"give the job's role {permissions}",
                    aws_code=error.code,
                )
            )
            continue
        for name, column_tags in table_tags.items():
            tags[name] = tags.get(name, frozenset()) | column_tags
        findings.append(passed("GS-COL-004", resource, f"tags of {len(table_tags)} columns"))
    return tags, findings


def _read(location: S3Uri, objects: ObjectStore) -> ColumnPolicy:
    try:
        body = objects.read(location).body
    except ServiceError as error:
        raise VerificationError(
            "GS-COL-004",
            resource=str(location),
            found=str(error),
            required="the run's column policy",
            fix="give the job's role s3:GetObject on it",
            aws_code=error.code,
        ) from error
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise UsageError(
            str(location), found="bytes that are not UTF-8", required="TOML or JSON, in UTF-8"
        ) from None
    return ColumnPolicy.parse(text, source=str(location))
