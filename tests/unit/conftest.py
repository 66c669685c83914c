"""Fixtures of every unit test: a run in memory, and a database server that verifies."""

from run_fixture import run_fixture, server

__all__ = ["run_fixture", "server"]
