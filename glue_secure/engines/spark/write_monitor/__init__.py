"""Writes that a script makes past the guarded calls, seen by what Spark tells of them (docs/adr/0011)."""
