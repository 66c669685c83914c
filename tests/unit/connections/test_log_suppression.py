"""py4j logs no command while the engine receives a password."""

from __future__ import annotations

import logging


def test_py4j_is_silent_while_the_session_is_queried(run_fixture, server, monkeypatch, caplog):
    enabled = []
    query = run_fixture.engine.read_jdbc

    def read_jdbc(**options):
        enabled.append(logging.getLogger("py4j.clientserver").isEnabledFor(logging.DEBUG))
        return query(**options)

    monkeypatch.setattr(run_fixture.engine, "read_jdbc", read_jdbc)
    caplog.set_level(logging.DEBUG, logger="py4j")
    run = run_fixture.start()
    assert logging.getLogger("py4j.clientserver").isEnabledFor(logging.DEBUG)
    run.reader.read_jdbc("ops", "airlines")
    assert enabled == [False, False]
    assert logging.getLogger("py4j.clientserver").isEnabledFor(logging.DEBUG)
