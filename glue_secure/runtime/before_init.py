"""What every door says of a call that came too early."""

from __future__ import annotations

from glue_secure.core.errors import Refusal


def before_init(call: str) -> Refusal:
    """The refusal of a call that ``job.init`` must come before (GS-SEC-007)."""
    return Refusal(
        "GS-SEC-007",
        resource=call,
        found="called before job.init",
        required="job = Job(glueContext); job.init(args['JOB_NAME'], args) first",
        fix="move job.init above the first read or write",
    )
