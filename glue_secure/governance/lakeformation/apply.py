"""Apply a plan's steps, and verify that they took effect."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from itertools import groupby

from glue_secure.core.errors import ControlError, RefusedError, UsageError, VerificationError
from glue_secure.core.findings import enforce
from glue_secure.core.service import ServiceError
from glue_secure.governance.lakeformation.account import BATCH, Account, BatchFailedError
from glue_secure.governance.lakeformation.desired import DesiredState, Location
from glue_secure.governance.lakeformation.model import CellFilter, Grant, OptIn, RowAttachment, RowPolicy
from glue_secure.governance.lakeformation.plan import make_plan
from glue_secure.governance.lakeformation.settings import SettingChange
from glue_secure.governance.lakeformation.steps import (
    AccessPlan,
    Assignment,
    DeletedObject,
    NamedExpression,
    PlanStep,
    StepAction,
    Subject,
    TagValues,
    Unmanaged,
)

READ_ATTEMPTS = 3
"""Number of reads of the account before a step counts as without effect, because listings are delayed."""

_GRANTS = (StepAction.GRANT,)
_REVOKES = (
    StepAction.REVOKE_BY_TAGS,
    StepAction.REVOKE_EXCLUDED,
    StepAction.REVOKE_IAM,
    StepAction.REVOKE,
)
_PAUSE = 2.0  # seconds


def require_unchanged_plan(
    account: Account,
    desired: DesiredState,
    unmanaged: Unmanaged,
    *,
    account_id: str,
    fingerprint: str,
    steps: Sequence[str],
) -> AccessPlan:
    """Plan again, and reject the plan if it differs from the reviewed plan (GS-LF-004).

    Args:
        account: the account to apply the plan to.
        desired: permissions file of the reviewed plan.
        unmanaged: treatment of unmanaged grants of the reviewed plan.
        account_id: account of the reviewed plan.
        fingerprint: fingerprint of the reviewed plan.
        steps: descriptions of the steps of the reviewed plan.

    Returns:
        The new plan, which equals the reviewed plan.

    Raises:
        RefusedError: the account is another one or has changed, or the steps do not match the file.
        ServiceError: the account cannot be read.
    """
    if account_id != account.id:
        raise _plan_changed(account_id, f"account {account.id}", f"account {account_id}")
    plan = make_plan(desired, account, unmanaged)
    if plan.fingerprint != fingerprint:
        raise _plan_changed(
            account_id, f"state {plan.fingerprint[:24]}", f"state {fingerprint[:24]}, as when it was planned"
        )
    if [str(step) for step in plan.steps] != list(steps):
        raise _plan_changed(
            account_id, "steps that do not follow from the plan's permissions", "the steps of the plan"
        )
    return plan


def apply_plan(
    plan: AccessPlan,
    account: Account,
    *,
    on_step: Callable[[PlanStep], None] = lambda _step: None,
    pause: Callable[[float], None] = time.sleep,
) -> AccessPlan:
    """Apply the steps in order, then plan again to verify that no differences are left.

    Args:
        plan: a new plan, or one from :func:`require_unchanged_plan`.
        account: the account to change.
        on_step: called with each applied step, also if it had no effect (see RefusedError).
        pause: waits for a number of seconds between reads of the account.

    Returns:
        The plan for the new state, which has no steps.

    Raises:
        RefusedError: entries failed, or a step had no effect (GS-LF-005). Revocations of permissions that
            were not granted explicitly do not stop the other steps.
        VerificationError: a request was denied or failed (GS-LF-005). The error states the number of
            applied steps.
    """
    require_applicable(plan)
    done = 0
    not_revoked: set[Subject] = set()
    for action, group in groupby(plan.steps, key=lambda step: step.action):
        steps = list(group)
        size = BATCH if action in (*_GRANTS, *_REVOKES) else 1
        for begin in range(0, len(steps), size):
            batch = steps[begin : begin + size]
            try:
                _apply_steps(action, batch, account)
            except BatchFailedError as error:
                if set(error.not_revoked) != {number for number, _ in error.entries}:
                    raise _step_failed(error, batch[0], done, len(plan.steps)) from error
                not_revoked |= {batch[number].subject for number in error.not_revoked}
            except ServiceError as error:
                raise _step_failed(error, batch[0], done, len(plan.steps)) from error
            done += len(batch)
            for step in batch:
                on_step(step)
    return _verify(plan, account, pause, not_revoked)


def require_applicable(plan: AccessPlan) -> None:
    """Reject a plan with a grant that Lake Formation refuses, before any change.

    Raises:
        RefusedError: there is such a grant (GS-LF-005).
    """
    enforce(finding for finding in plan.findings if finding.control == "GS-LF-005")


def _verify(
    plan: AccessPlan, account: Account, pause: Callable[[float], None], not_revoked: Collection[Subject]
) -> AccessPlan:
    for attempt in range(READ_ATTEMPTS):
        if attempt:
            pause(_PAUSE)
        try:
            after = make_plan(plan.desired, account, plan.unmanaged)
        except (ServiceError, UsageError) as error:
            raise VerificationError(
                "GS-LF-005",
                resource=f"account {plan.account}",
                found=str(error),
                required="the account can be read after the changes",
                fix="all steps were applied; run glue-secure lakeformation drift FILE",
                aws_code=getattr(error, "code", None),
            ) from error
        if not after.steps:
            _require_other_settings(plan, after)
            return after
    implicit = [step.subject for step in after.steps if step.subject in not_revoked]
    if len(implicit) == len(after.steps):
        more = f" and {len(implicit) - 5} more" if len(implicit) > 5 else ""
        raise RefusedError(
            "GS-LF-005",
            resource=f"account {plan.account}",
            found=f"Lake Formation does not revoke {'; '.join(map(str, implicit[:5]))}{more}, because the "
            "principal has them without a grant, for example as the creator of the resource",
            required="no permissions that the plan revokes",
            fix="all other steps were applied; add these grants to [[grants]], or let another principal "
            "create the resource",
        )
    raise RefusedError(
        "GS-LF-005",
        resource=f"account {plan.account}",
        found=f"{len(after.steps)} differences are left, the first: {after.steps[0]}",
        required="no differences, because every step succeeded",
        fix="plan again; another user may have changed the same permissions",
    )


def _require_other_settings(plan: AccessPlan, after: AccessPlan) -> None:
    """Reject a state in which a setting has changed that no step changes. Each step writes all settings."""
    before = {state.name: state.account for state in plan.settings if state.file is None}
    now = {state.name: state.account for state in after.settings if state.file is None}
    changed = [name for name, values in before.items() if now[name] != values]
    changed += ["other settings"] if after.current.others != plan.current.others else []
    if changed:
        raise RefusedError(
            "GS-LF-005",
            resource=f"account {plan.account}",
            found=f"{', '.join(changed)} changed although no step changes them",
            required="the settings that the file does not contain are unchanged",
            fix="aws lakeformation get-data-lake-settings shows them; CloudTrail shows who changed them",
        )


def _apply_steps(action: StepAction, steps: list[PlanStep], account: Account) -> None:
    if action in (*_GRANTS, *_REVOKES):
        grants = [step.subject for step in steps if isinstance(step.subject, Grant)]
        (account.grant if action in _GRANTS else account.revoke)(grants)
        return
    (step,) = steps
    subject = step.subject
    if isinstance(subject, TagValues):
        if action is StepAction.CREATE_TAG:
            account.create_tag(subject.key, subject.values)
        elif action is StepAction.ADD_VALUES:
            account.change_tag(subject.key, add=subject.values)
        else:
            account.change_tag(subject.key, remove=subject.values)
    elif isinstance(subject, Assignment):
        change = account.assign if action is StepAction.ASSIGN else account.unassign
        change(subject.resource, dict(subject.tags))
    elif isinstance(subject, NamedExpression):
        account.put_expression(
            subject.name, subject.expression, exists=action is StepAction.CHANGE_EXPRESSION
        )
    elif isinstance(subject, CellFilter):
        account.put_filter(subject, exists=action is StepAction.CHANGE_FILTER)
    elif isinstance(subject, Location):
        account.register(subject, exists=step.exists)
    elif isinstance(subject, RowPolicy):
        account.put_row_policy(subject, exists=action is StepAction.CHANGE_ROW_POLICY)
    elif isinstance(subject, RowAttachment):
        (account.attach if action is StepAction.ATTACH_ROW_POLICY else account.detach)(subject)
    elif isinstance(subject, DeletedObject):
        account.delete(subject.deletion)
    elif isinstance(subject, SettingChange):
        account.change_setting(subject)
    elif isinstance(subject, OptIn):
        (account.opt_in if action is StepAction.OPT_IN else account.opt_out)(subject)
    elif action is StepAction.CLOSE_DEFAULTS:
        account.close_defaults()
    else:
        account.close_database(str(subject))


def _step_failed(error: ServiceError, step: PlanStep, done: int, steps: int) -> ControlError:
    error_class = RefusedError if isinstance(error, BatchFailedError) else VerificationError
    return error_class(
        "GS-LF-005",
        resource=f"{step}",
        found=str(error),
        required="every step takes effect",
        fix=f"{done} of {steps} steps were applied before the error; fix its cause, then plan again",
        aws_code=error.code,
    )


def _plan_changed(account_id: str, found: str, required: str) -> ControlError:
    return RefusedError(
        "GS-LF-004",
        resource=f"plan of account {account_id}",
        found=found,
        required=required,
        fix="no change was made; plan again and review the new plan",
    )
