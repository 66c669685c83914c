"""Connectors of AWS Glue that are neither files in S3 nor JDBC databases with an engine of their own.

One table (:mod:`table`) states for each connector what makes it TLS, verified and encrypted, and what is
rejected; the checks and ``docs/connectors.md`` use it.
"""
