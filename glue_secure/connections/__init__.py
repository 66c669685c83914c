"""Verified connections to databases and Kafka.

A connection is opened in this order: :func:`~glue_secure.connections.jdbc.plan_connection` (no network),
:func:`~glue_secure.connections.tls.probe.probe` (network, no credentials), credentials,
:func:`~glue_secure.connections.jdbc.driver_options`,
:func:`~glue_secure.connections.tls.session.check_session`.
:class:`~glue_secure.connections.manager.ConnectionManager` does all of this for a run.
"""
