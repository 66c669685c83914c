"""Hadoop settings of a session, for a block."""

from __future__ import annotations

import contextlib


@contextlib.contextmanager
def hadoop(spark, **settings):
    """Set Hadoop settings on the context for a block, and restore the previous settings afterwards."""
    conf = spark.sparkContext._jsc.hadoopConfiguration()
    before = {name: conf.get(name) for name in settings}
    for name, value in settings.items():
        conf.set(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                conf.unset(name)
            else:
                conf.set(name, value)
