"""Logs of clients are suppressed while a secret is in transit, and restored after."""

from __future__ import annotations

import logging
import threading

import pytest

from glue_secure.core.log_suppression import CLIENT_LOGGERS, suppress_client_logs

BELOW = "botocore.parsers.of_this_test"


@pytest.fixture(autouse=True)
def debug():
    names = (*CLIENT_LOGGERS, BELOW)
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def open_loggers() -> set[str]:
    return {name for name in (*CLIENT_LOGGERS, BELOW) if logging.getLogger(name).isEnabledFor(logging.INFO)}


def test_nothing_under_warning_is_logged_inside_and_everything_after():
    with suppress_client_logs():
        assert open_loggers() == set()
        assert logging.getLogger(BELOW).isEnabledFor(logging.WARNING)
    assert open_loggers() == {*CLIENT_LOGGERS, BELOW}


def test_a_stricter_level_stays():
    logging.getLogger("py4j").setLevel(logging.CRITICAL)
    with suppress_client_logs():
        assert logging.getLogger("py4j").level == logging.CRITICAL
    assert logging.getLogger("py4j").level == logging.CRITICAL


def test_levels_are_restored_after_an_error():
    with pytest.raises(ValueError, match="mine"), suppress_client_logs():
        raise ValueError("mine")
    assert open_loggers() == {*CLIENT_LOGGERS, BELOW}


def test_of_two_threads_the_last_one_restores_the_levels():
    inside, leave = threading.Event(), threading.Event()

    def suppress():
        with suppress_client_logs():
            inside.set()
            leave.wait(10)

    other = threading.Thread(target=suppress)
    with suppress_client_logs():
        other.start()
        assert inside.wait(10)
    assert open_loggers() == set()
    leave.set()
    other.join()
    assert open_loggers() == {*CLIENT_LOGGERS, BELOW}
