"""JDBC: reading a connection strictly, forcing verified TLS, and probing the server before a password leaves.

Order of use: :func:`~glue_secure.jdbc.connection.plan_connection` (pure),
:func:`~glue_secure.jdbc.probe.probe` (network, no credentials),
:func:`~glue_secure.jdbc.connection.driver_properties`, and after connecting
:func:`~glue_secure.jdbc.session.read_session`.
"""
