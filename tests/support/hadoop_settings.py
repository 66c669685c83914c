"""Hadoop settings of a live session, for the length of a block."""

from __future__ import annotations

import contextlib


@contextlib.contextmanager
def hadoop(spark, **settings):
    """Set them on the context; what was there, or Hadoop's own default, comes back afterwards."""
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
