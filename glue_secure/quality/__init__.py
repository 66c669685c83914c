"""Data quality gates: Great Expectations suites that decide which rows may be written.

The run imports ``gate`` only if its arguments name suites, because the package great_expectations is
optional.
"""
