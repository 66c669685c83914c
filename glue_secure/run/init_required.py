"""What every door says of a call that came too early."""

from __future__ import annotations

from glue_secure.core.errors import RefusedError


def before_init(call: str) -> RefusedError:
    """The refusal of a call that ``job.init`` must come before (GS-SEC-007)."""
    return RefusedError(
        "GS-SEC-007",
        resource=call,
        found="called before job.init",
        required="job = Job(glueContext); job.init(args['JOB_NAME'], args) first",
        fix="move job.init above the first read or write",
    )
