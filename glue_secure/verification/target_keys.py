"""Keys of policy entries: checked once, when a run first uses an entry, which the evidence then names."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock

from glue_secure.core.findings import enforce
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.policy import check_named_key
from glue_secure.core.ports import KeyService
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.target_encryption import EncryptionRules


class TargetKeys:
    """Checks the keys of the rules that a run uses, and counts the uses of policy entries. Thread-safe.

    Args:
        rules: how objects must be encrypted.
        keys: AWS KMS.
        region: AWS Region of the run.
        account: AWS account of the run.
        recorder: receives findings and the uses of entries.
    """

    def __init__(
        self, *, rules: EncryptionRules, keys: KeyService, region: str, account: str, recorder: RunRecorder
    ) -> None:
        self.rules = rules
        self._keys, self._region, self._account, self._recorder = keys, region, account, recorder
        self._checked = {rules.default.written.key, ""}
        self._lock = Lock()

    def use(self, locations: Iterable[S3Uri], *, count: bool = True) -> None:
        """Check the keys of the rules of locations (GS-KMS-001 to -005).

        A rule's first key is checked when the rule is used. A key of another account needs a reason in the
        policy file.

        Args:
            locations: targets, or objects.
            count: whether the locations are objects of the evidence, which counts them by entry.

        Raises:
            RefusedError: a key is disabled, not customer managed, not symmetric, or elsewhere.
            VerificationError: KMS did not describe a key.
        """
        if not self.rules.targets:
            return
        for rule, uses in self.rules.used_for(locations).items():
            if not rule.entry:
                continue
            with self._lock:
                key = rule.written.key
                is_new = key not in self._checked
                self._checked.add(key)
                entries = self._recorder.policy_uses
                entries[rule.entry] = entries.get(rule.entry, 0) + (uses if count else 0)
            if is_new:
                self._check(key, rule.entry, is_shared=bool(rule.shared_key_reason))

    def _check(self, key: str, entry: str, *, is_shared: bool) -> None:
        account = KmsKeyArn.parse(key).account if is_shared else self._account
        try:
            _, findings = check_named_key(
                f"target {entry}", key, self._keys, region=self._region, account=account
            )
            self._recorder.record(enforce(findings))
        except BaseException:
            with self._lock:
                self._checked.discard(key)
            raise
