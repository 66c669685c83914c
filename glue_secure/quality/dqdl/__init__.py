"""Rulesets of Glue Data Quality (DQDL) and suites of Great Expectations, one made into the other."""
