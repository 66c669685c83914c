"""The audit of an account's Glue estate against the controls of :mod:`glue_secure.core.controls`.

``collection`` makes the read-only calls of ``calls`` and returns an ``estate``. ``checks`` evaluate it
without any further call.
"""
