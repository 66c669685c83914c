"""JDBC: reading a connection strictly, forcing verified TLS, and probing the server before a password leaves.

Order of use: :func:`~glue_secure.connections.jdbc.plan_connection` (pure),
:func:`~glue_secure.connections.tls.probe.probe` (network, no credentials),
:func:`~glue_secure.connections.jdbc.driver_properties`, and after connecting
:func:`~glue_secure.connections.session.read_session`.
"""
