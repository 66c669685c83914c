"""While the engine is told a password, py4j logs no command."""

from __future__ import annotations

import logging


def test_py4j_is_silent_while_the_session_is_queried(run_fixture, server, monkeypatch, caplog):
    seen = []
    ask = run_fixture.engine.read_jdbc

    def read_jdbc(**words):
        seen.append(logging.getLogger("py4j.clientserver").isEnabledFor(logging.DEBUG))
        return ask(**words)

    monkeypatch.setattr(run_fixture.engine, "read_jdbc", read_jdbc)
    caplog.set_level(logging.DEBUG, logger="py4j")
    run = run_fixture.start()
    assert logging.getLogger("py4j.clientserver").isEnabledFor(logging.DEBUG)
    run.read_jdbc("ops", "airlines")
    assert seen == [False, False]
    assert logging.getLogger("py4j.clientserver").isEnabledFor(logging.DEBUG)
