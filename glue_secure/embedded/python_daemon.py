"""Start Spark's daemon of Python workers without the JAR of Spark's core in the module search path.

Spark adds this JAR to the path of every worker, and each task reads the directory of every archive there
again (``importlib.invalidate_caches``). The JAR has several thousand entries and no Python module.

The embedded account links this file beside pyspark and names it in
``spark.python.daemon.module``. It imports the standard library only.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    for entry in [entry for entry in sys.path if Path(entry).name.startswith("spark-core_")]:
        sys.path.remove(entry)
        sys.path_importer_cache.pop(entry, None)
    # The daemon's own name makes its workers recognisable as Spark's.
    runpy.run_module("pyspark.daemon", run_name="__main__", alter_sys=True)
