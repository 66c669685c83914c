"""Keys of policy entries: checked once, when a run first uses an entry, which the evidence then names."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock

from glue_secure.core.findings import Finding, enforce, unknown
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.objects import ObjectEncryption
from glue_secure.core.policy import check_named_key
from glue_secure.core.ports import KeyService, ObjectStore
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.service import ServiceError, listing_fix
from glue_secure.core.target_encryption import EncryptionRule, EncryptionRules


class TargetKeys:
    """Checks the keys of the rules that a run uses, and counts the uses of policy entries. Thread-safe.

    Args:
        rules: how objects must be encrypted.
        keys: AWS KMS.
        objects: S3, for the AWS Region of a bucket.
        region: AWS Region of the run.
        account: AWS account of the run.
        recorder: receives findings and the uses of entries.
    """

    def __init__(
        self,
        *,
        rules: EncryptionRules,
        keys: KeyService,
        objects: ObjectStore,
        region: str,
        account: str,
        recorder: RunRecorder,
    ) -> None:
        self.rules = rules
        self._objects = objects
        self._keys, self._region, self._account, self._recorder = keys, region, account, recorder
        self._without_check = {rules.default.written.key, ""}
        # A key of another account or region may be accepted by one entry and not by the next.
        self._checked: set[tuple[str, str, bool]] = set()
        self._lock = Lock()

    def use(self, locations: Iterable[S3Uri]) -> None:
        """Check the keys that objects below these targets are written with (GS-KMS-001 to -005).

        A key of another account needs a reason in the policy file.

        Raises:
            RefusedError: a key is disabled, not customer managed, not symmetric, or elsewhere.
            VerificationError: KMS did not describe a key.
        """
        if self.rules.targets:
            for rule in dict.fromkeys(map(self.rules.rule, locations)):
                self._use(rule, rule.written.key)

    def used(self, objects: Iterable[ObjectEncryption], *, count: bool = True) -> None:
        """Count objects by the entry that decided about them, and check the keys that they are under.

        Args:
            objects: objects that passed their rule.
            count: whether to count them, for the evidence.

        Raises:
            RefusedError, VerificationError: as :meth:`use`.
        """
        if not self.rules.targets:
            return
        uses: dict[tuple[EncryptionRule, str], int] = {}
        for one in objects:
            rule = self.rules.rule(one.uri)
            uses[rule, one.key] = uses.get((rule, one.key), 0) + 1
        for (rule, key), number in uses.items():
            if rule.entry and count:
                with self._lock:
                    entries = self._recorder.policy_uses
                    entries[rule.entry] = entries.get(rule.entry, 0) + number
            self._use(rule, key)

    def _use(self, rule: EncryptionRule, key: str) -> None:
        if rule.location is None or not rule.entry or key in self._without_check:
            return
        bucket = rule.location.bucket
        checked = key, bucket, bool(rule.shared_key_reason)
        with self._lock:
            is_new = checked not in self._checked
            self._checked.add(checked)
        if is_new:
            try:
                self._recorder.record(
                    enforce(
                        check_target_key(
                            rule.entry,
                            key,
                            bucket,
                            keys=self._keys,
                            objects=self._objects,
                            region=self._region,
                            account=KmsKeyArn.parse(key).account if checked[2] else self._account,
                        )
                    )
                )
            except BaseException:
                with self._lock:
                    self._checked.discard(checked)
                raise


def check_target_key(
    entry: str,
    key: str,
    bucket: str,
    *,
    keys: KeyService,
    objects: ObjectStore,
    region: str,
    account: str,
) -> list[Finding]:
    """Check the key of a policy entry (GS-KMS-001 to -005). It may be in the region of the entry's bucket.

    S3 itself rejects a key of another region than the bucket's, so the bucket is only requested if the key is
    not in the run's region.

    Args:
        entry: name of the entry.
        key: ARN of the key.
        bucket: the bucket that the entry is about; ``""`` if it is not known.
        keys: AWS KMS.
        objects: S3.
        region: AWS Region of the run.
        account: AWS account that the key must belong to.
    """
    purpose = f"target {entry}"
    if bucket and KmsKeyArn.parse(key).region != region:
        try:
            region = objects.region(bucket)
        except ServiceError as error:
            return [
                unknown(
                    "GS-KMS-005",
                    f"{key} ({purpose})",
                    found=str(error),
                    required=f"the AWS Region of bucket {bucket}, which the key must be in",
                    fix=listing_fix(
                        error,
                        bucket,
                        "give the job's role s3:ListBucket on the bucket, or name a key of the run's region",
                    ),
                    aws_code=error.code,
                )
            ]
    return check_named_key(purpose, key, keys, region=region, account=account)[1]
