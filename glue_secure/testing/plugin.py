"""pytest fixtures for tests of jobs: an embedded account, a Spark session on it, and a bench for one job.

They load with the package (entry point ``pytest11``) and cost nothing until a test asks for one.
"""

from __future__ import annotations
