"""One audit of one account: the calls, and the findings."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from glue_secure.audit.accounts import AuditedAccount
from glue_secure.audit.collection import collect
from glue_secure.audit.evaluation import chosen, evaluate
from glue_secure.audit.model import Findings


def audit_account(
    account: AuditedAccount,
    now: datetime,
    *,
    controls: Collection[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Findings:
    """Return the findings about an account in one AWS Region.

    Args:
        account: the account.
        now: the time of the audit, UTC.
        controls: ids of controls; all without any.
        progress: receives the number of calls that were made and that are planned.
    """
    checks = chosen(controls)
    estate = collect(
        [check.requests for check in checks],
        account.client_of,
        account=account.account,
        region=account.region,
        partition=account.partition,
        now=now,
        progress=progress,
    )
    return evaluate(checks, estate, controls)
