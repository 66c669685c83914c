"""Conversion between rulesets of AWS Glue Data Quality (DQDL) and suites of Great Expectations."""
