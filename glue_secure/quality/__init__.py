"""Data quality gates: Great Expectations suites that decide whether rows may be written.

Left out of the default wheel; the run loads ``gate`` by name when its arguments name suites.
"""
