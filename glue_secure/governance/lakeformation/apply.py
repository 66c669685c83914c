"""Taking a plan's steps, and looking afterwards whether they took effect."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import groupby

from glue_secure.core.errors import ControlError, RefusedError, UsageError, VerificationError
from glue_secure.core.service import ServiceError
from glue_secure.governance.lakeformation.account import BATCH, Account, BatchFailed
from glue_secure.governance.lakeformation.desired import Desired, Location
from glue_secure.governance.lakeformation.model import CellFilter, Grant, OptIn
from glue_secure.governance.lakeformation.plan import make_plan
from glue_secure.governance.lakeformation.steps import (
    Action,
    Assignment,
    Named,
    Plan,
    Step,
    TagValues,
    Unmanaged,
)

LOOKS = 3
"""How often the account is looked at before a step counts as one without effect: listings lag behind."""

_GRANTS = (Action.GRANT,)
_REVOKES = (Action.REVOKE_BY_TAGS, Action.REVOKE_IAM, Action.REVOKE)
_PAUSE = 2.0  # seconds


def hold(
    account: Account,
    desired: Desired,
    unmanaged: Unmanaged,
    *,
    of: str,
    fingerprint: str,
    steps: Sequence[str],
) -> Plan:
    """Plan again, and refuse when it is not the plan that was reviewed (GS-LF-004).

    Args:
        account: where it is to be applied.
        desired: the permissions file of the reviewed plan.
        unmanaged: likewise.
        of: the account that it was made for.
        fingerprint: of the state that it was made from.
        steps: its steps, in words.

    Raises:
        RefusedError: it is another account, the account moved, or those are not the steps that follow.
        ServiceError: the account cannot be read.
    """
    if of != account.id:
        raise _moved(of, f"account {account.id}", f"account {of}")
    now = make_plan(desired, account, unmanaged)
    if now.fingerprint != fingerprint:
        raise _moved(
            of, f"state {now.fingerprint[:24]}", f"state {fingerprint[:24]}, which it was planned from"
        )
    if [str(step) for step in now.steps] != list(steps):
        raise _moved(
            of, "steps that do not follow from the plan's own file", "the steps as they were planned"
        )
    return now


def apply_plan(
    plan: Plan,
    account: Account,
    *,
    tell: Callable[[Step], None] = lambda _step: None,
    pause: Callable[[float], None] = time.sleep,
) -> Plan:
    """Take the steps in their order, then plan again: nothing may be left.

    Args:
        plan: just made, or held against the account by :func:`hold`.
        account: where.
        tell: called with each step once it is taken.
        pause: waits that many seconds, between looks.

    Returns:
        The plan from the state afterwards; it has no steps.

    Raises:
        RefusedError: entries failed, or a step had no effect (GS-LF-005).
        VerificationError: the service said no or nothing (GS-LF-005); what was done is told.
    """
    done = 0
    for action, group in groupby(plan.steps, key=lambda step: step.action):
        steps = list(group)
        size = BATCH if action in (*_GRANTS, *_REVOKES) else 1
        for begin in range(0, len(steps), size):
            some = steps[begin : begin + size]
            try:
                _take(action, some, account)
            except ServiceError as error:
                raise _stopped(error, some[0], done, len(plan.steps)) from error
            done += len(some)
            for step in some:
                tell(step)
    return _verified(plan, account, pause)


def _verified(plan: Plan, account: Account, pause: Callable[[float], None]) -> Plan:
    for look in range(LOOKS):
        if look:
            pause(_PAUSE)
        try:
            after = make_plan(plan.desired, account, plan.unmanaged)
        except (ServiceError, UsageError) as error:
            raise VerificationError(
                "GS-LF-005",
                resource=f"account {plan.account}",
                found=str(error),
                required="the account can be read after the changes",
                fix="all steps were taken; run glue-secure lakeformation drift",
                aws_code=getattr(error, "code", None),
            ) from error
        if not after.steps:
            return after
    raise RefusedError(
        "GS-LF-005",
        resource=f"account {plan.account}",
        found=f"{len(after.steps)} differences are left, the first: {after.steps[0]}",
        required="none: every step was taken, and none was refused",
        fix="plan again; somebody may have changed the same permissions",
    )


def _take(action: Action, steps: list[Step], account: Account) -> None:
    if action in (*_GRANTS, *_REVOKES):
        grants = [step.subject for step in steps if isinstance(step.subject, Grant)]
        (account.grant if action in _GRANTS else account.revoke)(grants)
        return
    (step,) = steps
    subject = step.subject
    if isinstance(subject, TagValues):
        if action is Action.CREATE_TAG:
            account.create_tag(subject.key, subject.values)
        elif action is Action.ADD_VALUES:
            account.change_tag(subject.key, add=subject.values)
        else:
            account.change_tag(subject.key, remove=subject.values)
    elif isinstance(subject, Assignment):
        put = account.assign if action is Action.ASSIGN else account.unassign
        put(subject.resource, dict(subject.tags))
    elif isinstance(subject, Named):
        account.put_expression(subject.name, subject.expression, exists=action is Action.CHANGE_EXPRESSION)
    elif isinstance(subject, CellFilter):
        account.put_filter(subject, exists=action is Action.CHANGE_FILTER)
    elif isinstance(subject, Location):
        account.register(subject, exists=step.exists)
    elif isinstance(subject, OptIn):
        (account.opt_in if action is Action.OPT_IN else account.opt_out)(subject)
    elif action is Action.CLOSE_DEFAULTS:
        account.close_defaults()
    else:
        account.close_database(str(subject))


def _stopped(error: ServiceError, step: Step, done: int, steps: int) -> ControlError:
    kind = RefusedError if isinstance(error, BatchFailed) else VerificationError
    return kind(
        "GS-LF-005",
        resource=f"{step}",
        found=str(error),
        required="every step takes effect",
        fix=f"{done} of {steps} steps were taken before; plan again when the cause is mended",
        aws_code=error.code,
    )


def _moved(of: str, found: str, required: str) -> ControlError:
    return RefusedError(
        "GS-LF-004",
        resource=f"plan of account {of}",
        found=found,
        required=required,
        fix="nothing was changed; plan again and review the new plan",
    )
