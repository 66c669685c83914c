"""Every control of an audit fails on a violating estate, and passes on the corrected one only with facts."""

from __future__ import annotations

import pytest
from audited_estates import audit, corrected, violating
from recorded_account import RecordedAccount

from glue_secure.audit.calls import CALLS
from glue_secure.audit.evaluation import AUDITED
from glue_secure.audit.outputs import exit_code
from glue_secure.core.controls import AUDITED_ONLY
from glue_secure.core.findings import Verdict

# AWS answers GetCallerIdentity without a permission.
PERMISSIONS = sorted({call.permission for call in CALLS} - {"sts:GetCallerIdentity"})
# AWS does not say whether Glue encrypts between workers and on disks: without a setting, that is UNKNOWN.
UNDECIDED = {"GS-SPK-001", "GS-SPK-002", "GS-SPK-004"}
# Violated by a denied call alone.
READ = {"GS-CAT-003"}


@pytest.fixture(scope="module")
def violations():
    return audit(RecordedAccount(violating()))


@pytest.fixture(scope="module")
def passes():
    return audit(RecordedAccount(corrected()))


def describe(findings):
    return [f"{one.control.id} {one.finding.resource}: {one.finding.found}" for one in findings]


def key(finding):
    return finding.control.id, str(finding.resource)


@pytest.mark.parametrize("control", AUDITED)
def test_a_control_fails_on_the_violating_estate_and_passes_on_its_twin(control, violations, passes):
    violated = {one.verdict for one in violations if one.control.id == control}
    assert (Verdict.UNKNOWN if control in UNDECIDED else Verdict.FAIL) in violated or control in READ
    verdicts = {one.verdict for one in passes if one.control.id == control}
    assert verdicts == {Verdict.PASS}


def test_the_corrected_estate_passes_and_the_violating_one_has_exit_code_3(violations, passes):
    assert not describe(one for one in passes if one.verdict is not Verdict.PASS)
    assert (exit_code(passes), exit_code(violations)) == (0, 3)


def test_every_control_that_only_an_audit_decides_is_decided():
    assert set(AUDITED) >= AUDITED_ONLY


def test_every_violation_names_what_was_found_what_is_required_and_a_fix(violations):
    for one in violations:
        if one.verdict is not Verdict.PASS:
            assert one.finding.found and one.finding.required and one.finding.fix, one


@pytest.mark.parametrize("permission", PERMISSIONS)
def test_no_control_passes_when_its_call_is_denied(permission, violations, passes):
    """A denied call turns findings into UNKNOWN, and no FAIL into a PASS."""
    denied = audit(RecordedAccount(violating(), denied={permission}))
    without = audit(RecordedAccount(corrected(), denied={permission}))
    unknown = [one for one in (*denied, *without) if one.permission == permission]
    assert unknown and all(one.verdict is Verdict.UNKNOWN for one in unknown)
    assert all(permission in one.finding.fix for one in unknown)
    failing = {key(one) for one in violations if one.verdict is Verdict.FAIL}
    passing = {key(one) for one in violations if one.verdict is Verdict.PASS}
    now_passing = {key(one) for one in denied if one.verdict is Verdict.PASS}
    assert now_passing <= passing and not now_passing & (failing - passing)
    assert exit_code(without) == 4
    assert not [one for one in without if one.verdict is Verdict.FAIL]


def test_without_any_permission_every_control_is_unknown():
    found = audit(RecordedAccount(corrected(), denied=set(PERMISSIONS)))
    assert {one.verdict for one in found} == {Verdict.UNKNOWN}
    assert {one.control.id for one in found} == set(AUDITED)


def test_pages_are_followed_and_do_not_change_the_result(violations):
    assert describe(audit(RecordedAccount(violating(), page=1))) == describe(violations)


def test_only_calls_of_the_table_are_made_and_all_of_them():
    account = RecordedAccount(violating())
    audit(account)
    assert set(account.calls) == {call.name for call in CALLS}
