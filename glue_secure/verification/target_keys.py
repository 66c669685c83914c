"""Keys of policy entries: checked once, when a run first uses an entry, which the evidence then names."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock

from glue_secure.core.findings import enforce
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.objects import ObjectEncryption
from glue_secure.core.policy import check_named_key
from glue_secure.core.ports import KeyService
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.target_encryption import EncryptionRule, EncryptionRules


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
        self._without_check = {rules.default.written.key, ""}
        # A key of another account may be accepted by one entry and not by the next.
        self._checked: set[tuple[str, bool]] = set()
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
        if not rule.entry or key in self._without_check:
            return
        checked = key, bool(rule.shared_key_reason)
        with self._lock:
            is_new = checked not in self._checked
            self._checked.add(checked)
        if is_new:
            self._check(key, rule.entry, is_shared=checked[1])

    def _check(self, key: str, entry: str, *, is_shared: bool) -> None:
        account = KmsKeyArn.parse(key).account if is_shared else self._account
        try:
            _, findings = check_named_key(
                f"target {entry}", key, self._keys, region=self._region, account=account
            )
            self._recorder.record(enforce(findings))
        except BaseException:
            with self._lock:
                self._checked.discard((key, is_shared))
            raise
