"""The PostgreSQL engine.

Option names are those of pgjdbc 42.7.3 (Glue 5), plus the security-relevant options of later versions.
https://jdbc.postgresql.org/documentation/use/#connection-parameters
"""

from __future__ import annotations

import re

from glue_secure.connections.engines.engine import (
    BundledDriver,
    DatabaseEngine,
    DriverOption,
    DriverRelease,
    OptionRule,
    TlsNegotiation,
)

_INTEGER = r"-?[0-9]{1,9}"
_BOOLEAN = "true|false"
_TEXT = r"[A-Za-z0-9_](?:[A-Za-z0-9 _.,:()/-]{0,62}[A-Za-z0-9_.)-])?"
_SCHEMAS = r"[^\W\d][\w$]{0,62}(?:,[^\W\d][\w$]{0,62}){0,15}"
_TYPES = r"[A-Za-z0-9_]+(?:,[A-Za-z0-9_]+){0,63}"

_HARMLESS = {
    "ApplicationName": _TEXT,
    "adaptiveFetch": _BOOLEAN,
    "adaptiveFetchMaximum": _INTEGER,
    "adaptiveFetchMinimum": _INTEGER,
    "assumeMinServerVersion": r"[0-9]{1,2}(?:\.[0-9]{1,2}){0,2}",
    "autosave": "always|never|conservative",
    "binaryTransfer": _BOOLEAN,
    "binaryTransferDisable": _TYPES,
    "binaryTransferEnable": _TYPES,
    "cancelSignalTimeout": _INTEGER,
    "cleanupSavepoints": _BOOLEAN,
    "connectTimeout": _INTEGER,
    "currentSchema": _SCHEMAS,
    "databaseMetadataCacheFields": _INTEGER,
    "databaseMetadataCacheFieldsMiB": _INTEGER,
    "defaultRowFetchSize": _INTEGER,
    "disableColumnSanitiser": _BOOLEAN,
    "escapeSyntaxCallMode": "select|callIfNoReturn|call",
    "groupStartupParameters": _BOOLEAN,
    "hideUnprivilegedObjects": _BOOLEAN,
    "loginTimeout": _INTEGER,
    "logServerErrorDetail": _BOOLEAN,
    "logUnclosedConnections": _BOOLEAN,
    "maxResultBuffer": r"[0-9]{1,9}(?:[KMGT]|p|pct|percent)?",
    # "simple" is left out: it builds statements as text in the client (CVE-2024-1597).
    "preferQueryMode": "extended|extendedForPrepared|extendedCacheEverything",
    "preparedStatementCacheQueries": _INTEGER,
    "preparedStatementCacheSizeMiB": _INTEGER,
    "prepareThreshold": _INTEGER,
    "quoteReturningIdentifiers": _BOOLEAN,
    "readOnly": _BOOLEAN,
    "readOnlyMode": "ignore|transaction|always",
    "receiveBufferSize": _INTEGER,
    "reWriteBatchedInserts": _BOOLEAN,
    "sendBufferSize": _INTEGER,
    "socketTimeout": _INTEGER,
    "sslResponseTimeout": _INTEGER,
    "stringtype": "unspecified|varchar",
    "targetServerType": "any|primary|master|secondary|slave|preferSecondary|preferSlave|preferPrimary",
    "tcpKeepAlive": _BOOLEAN,
    "tcpNoDelay": _BOOLEAN,
    "unknownLength": _INTEGER,
}

_FACTORY = "org.postgresql.ssl.SingleCertValidatingFactory"
_VERIFIER = "org.postgresql.ssl.PGjdbcHostnameVerifier"

_TLS = (
    (
        "sslmode",
        "verify-full",
        "any other mode does not verify the server, or does not encrypt",
    ),
    ("ssl", "true", "any other value allows a fallback to plain text"),
    ("gssEncMode", "disable", "GSS encryption replaces TLS and its certificate check"),
    ("sslfactory", re.escape(_FACTORY), "another factory may trust any certificate"),
    ("sslhostnameverifier", re.escape(_VERIFIER), "another verifier may accept any name"),
    ("sslNegotiation", "postgres", "the preflight does not check this kind of handshake"),
    ("sslfactoryarg", "", "the option names another certificate to trust"),
    ("sslrootcert", "", "the option names a certificate authority other than CUSTOM_JDBC_CERT"),
    ("sslcert", "", "client certificates are not supported"),
    ("sslkey", "", "client certificates are not supported"),
    ("sslpasswordcallback", "", "the option names a class to run"),
    ("socketFactory", "", "the option names a class that opens the connection instead of the driver"),
    ("socketFactoryArg", "", "the option is an argument of a custom socket factory"),
    ("channelBinding", "", "the option changes how the login is bound to TLS"),
)
_CREDENTIALS = ("user", "password", "sslpassword", "username", "passwd", "pwd", "pass", "accessToken")
_ADDRESSES = ("PGHOST", "PGPORT", "PGDBNAME", "host", "hostaddr", "port", "dbname", "service")
_REFUSED = (
    ("options", "the option can set any server parameter, such as session_replication_role"),
    ("authenticationPluginClassName", "the option names a class that receives the password"),
    ("requireAuth", "the option changes which login methods the driver accepts"),
    ("loggerFile", "the option writes a file that contains queries and parameters"),
    ("loggerLevel", "the driver's trace contains protocol messages"),
    ("xmlFactoryFactory", "the option names a class to run"),
    ("replication", "the option turns the session into a replication stream of the whole database"),
    ("localSocketAddress", "the option chooses the network interface"),
    ("hostRecheckSeconds", "the option is for several hosts"),
    ("loadBalanceHosts", "the option is for several hosts"),
    ("allowEncodingChanges", "the option lets the session change how text is decoded"),
    ("protocolVersion", "only the driver's default has been tested"),
    ("gsslib", "Kerberos logins are not supported"),
    ("gssResponseTimeout", "Kerberos logins are not supported"),
    ("gssUseDefaultCreds", "Kerberos logins are not supported"),
    ("jaasApplicationName", "Kerberos logins are not supported"),
    ("jaasLogin", "Kerberos logins are not supported"),
    ("kerberosServerName", "Kerberos logins are not supported"),
    ("sspiServiceClass", "Windows logins are not supported"),
    ("useSpnego", "Windows logins are not supported"),
)  # fmt: skip

POSTGRESQL = DatabaseEngine(
    name="postgresql",
    driver_release=DriverRelease(
        artifacts=("org.postgresql:postgresql",),
        # 42.2.5 compares the name with every socket factory (CVE-2018-10936).
        versions=(("42.2.25", "42.3"), ("42.3.2", "")),
        recommended="42.7.3",
        reason="earlier versions run classes that options name (CVE-2022-21724), and before 42.2.5 do not "
        "compare the server's name",
        source="https://jdbc.postgresql.org/security/",
        manifest=(
            ("Implementation-Title", r"PostgreSQL JDBC Driver.*", "Implementation-Version"),
            ("Bundle-SymbolicName", r"org\.postgresql\.jdbc\d*", "Bundle-Version"),
        ),
    ),
    url_prefix="jdbc:postgresql:",
    negotiation=TlsNegotiation.POSTGRESQL,
    driver="org.postgresql.Driver",
    default_port=5432,
    # sslhostnameverifier and gssEncMode repeat the driver's defaults, because a file
    # org/postgresql/driverconfig.properties on the class path could change these defaults.
    forced_options=(
        ("ssl", "true"),
        ("sslmode", "verify-full"),
        ("sslfactory", _FACTORY),
        ("sslhostnameverifier", _VERIFIER),
        ("gssEncMode", "disable"),
    ),
    anchor_option="sslfactoryarg",
    session_query="select ssl, version, cipher, bits "
    "from pg_catalog.pg_stat_ssl where pid = pg_catalog.pg_backend_pid()",
    session_source="pg_stat_ssl",
    default_options=(("reWriteBatchedInserts", "true"),),
    options=(
        *(DriverOption(name, OptionRule.HARMLESS, values) for name, values in _HARMLESS.items()),
        *(DriverOption(name, OptionRule.TLS, values, reason) for name, values, reason in _TLS),
        *(DriverOption(name, OptionRule.CREDENTIAL) for name in _CREDENTIALS),
        *(DriverOption(name, OptionRule.ADDRESS) for name in _ADDRESSES),
        *(DriverOption(name, OptionRule.REFUSED, reason=reason) for name, reason in _REFUSED),
    ),
    url_form=r"jdbc:postgresql://(?P<address>[^/?]*)/(?P<database>[^/?]*)(?:\?(?P<options>.*))?",
    percent_encoded=True,
    bare_form="jdbc:postgresql://{host}:{port}/{database}",
    bundled_drivers=(
        BundledDriver("4.0", "42.3.6", "prefer: plain text if the server has no TLS"),
        BundledDriver("5.x", "42.7.3", "prefer: plain text if the server has no TLS"),
        BundledDriver("6.0", "42.7.3", "prefer: plain text if the server has no TLS"),
    ),
)
