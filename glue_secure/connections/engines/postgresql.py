"""The PostgreSQL engine.

Option names are those of pgjdbc 42.7.3 (Glue 5), plus the security-relevant options of later versions.
https://jdbc.postgresql.org/documentation/use/#connection-parameters
"""

from __future__ import annotations

import re

from glue_secure.connections.engines.engine import (
    ANOTHER_AUTHORITY,
    BOOLEAN,
    CLASS,
    CLIENT_CERTIFICATE,
    DIRECTORY_LOGIN,
    NUMBER,
    TEXT,
    TRACE,
    BundledDriver,
    DatabaseEngine,
    DriverRelease,
    NameEncoding,
    TlsNegotiation,
    engine_options,
    timeouts,
)

_SCHEMAS = r"[^\W\d][\w$]{0,62}(?:,[^\W\d][\w$]{0,62}){0,15}"
_TYPES = r"[A-Za-z0-9_]+(?:,[A-Za-z0-9_]+){0,63}"
_FACTORY = "org.postgresql.ssl.SingleCertValidatingFactory"
_VERIFIER = "org.postgresql.ssl.PGjdbcHostnameVerifier"
_SOCKET = "the option names a class that opens the connection instead of the driver"
_LOGIN_METHODS = "the option changes which login methods the driver accepts"

_OPTIONS = engine_options(
    {
        TEXT: "ApplicationName",
        NUMBER: "adaptiveFetchMaximum adaptiveFetchMinimum cancelSignalTimeout connectTimeout"
        " databaseMetadataCacheFields databaseMetadataCacheFieldsMiB defaultRowFetchSize hostRecheckSeconds"
        " loginTimeout preparedStatementCacheQueries preparedStatementCacheSizeMiB prepareThreshold"
        " receiveBufferSize sendBufferSize socketTimeout sslResponseTimeout unknownLength",
        BOOLEAN: "adaptiveFetch binaryTransfer cleanupSavepoints disableColumnSanitiser"
        " groupStartupParameters hideUnprivilegedObjects loadBalanceHosts logServerErrorDetail"
        " logUnclosedConnections quoteReturningIdentifiers readOnly reWriteBatchedInserts tcpKeepAlive"
        " tcpNoDelay",
        _TYPES: "binaryTransferDisable binaryTransferEnable",
        _SCHEMAS: "currentSchema",
        r"[0-9]{1,2}(?:\.[0-9]{1,2}){0,2}": "assumeMinServerVersion",
        "(?i:always|never|conservative)": "autosave",
        "select|callIfNoReturn|call": "escapeSyntaxCallMode",
        r"[0-9]{1,9}(?:[KMGT]|p|pct|percent)?": "maxResultBuffer",
        # "simple" is left out: it builds statements as text in the client (CVE-2024-1597).
        "extended|extendedForPrepared|extendedCacheEverything": "preferQueryMode",
        "ignore|transaction|always": "readOnlyMode",
        "unspecified|varchar": "stringtype",
        "any|primary|master|secondary|slave|preferSecondary|preferSlave|preferPrimary": "targetServerType",
    },
    (
        ("sslmode", "verify-full", "any other mode does not verify the server, or does not encrypt"),
        ("ssl", "true", "any other value allows a fallback to plain text"),
        ("gssEncMode", "disable", "GSS encryption replaces TLS and its certificate check"),
        ("sslfactory", re.escape(_FACTORY), "another factory may trust any certificate"),
        ("sslhostnameverifier", re.escape(_VERIFIER), "another verifier may accept any name"),
        ("sslNegotiation", "postgres", "the preflight does not check this kind of handshake"),
        ("sslfactoryarg", "", "the option names another certificate to trust"),
        ("sslrootcert", "", ANOTHER_AUTHORITY),
        ("sslcert sslkey", "", CLIENT_CERTIFICATE),
        ("sslpasswordcallback", "", CLASS),
        ("socketFactory", "", _SOCKET),
        ("socketFactoryArg", "", "the option is an argument of a custom socket factory"),
        ("channelBinding", "", "the option changes how the login is bound to TLS"),
    ),
    "user password sslpassword username passwd pwd pass accessToken",
    "PGHOST PGPORT PGDBNAME host hostaddr port dbname service",
    {
        "the option can set any server parameter, such as session_replication_role": "options",
        "the option names a class that receives the password": "authenticationPluginClassName",
        _LOGIN_METHODS: "requireAuth",
        TRACE: "loggerFile loggerLevel",
        CLASS: "xmlFactoryFactory",
        "the option turns the session into a replication stream of the whole database": "replication",
        "the option chooses the network interface": "localSocketAddress",
        "the option lets the session change how text is decoded": "allowEncodingChanges=(?i:false)",
        "only the driver's default has been tested": "protocolVersion=3",
        DIRECTORY_LOGIN: "gsslib gssResponseTimeout gssUseDefaultCreds=(?i:false) jaasApplicationName"
        " jaasLogin kerberosServerName sspiServiceClass useSpnego=(?i:false)",
    },
)

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
        version_constant=("org/postgresql/util/DriverInfo.class", "DRIVER_VERSION"),
        manifest=(
            ("Implementation-Title", r"PostgreSQL JDBC Driver.*", "Implementation-Version"),
            ("Bundle-SymbolicName", r"org\.postgresql\.jdbc\d*", "Bundle-Version"),
        ),
    ),
    url_prefix="jdbc:postgresql:",
    aliases=("aurora-postgresql",),
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
    timeouts=timeouts("connectTimeout", "socketTimeout", login="loginTimeout"),
    # Up to 42.7.13, sendQueryCancel opens a plain connection whatever sslmode is.
    cancels_in_plain_text=True,
    anchor_option="sslfactoryarg",
    session_query="select ssl, version, cipher, bits "
    "from pg_catalog.pg_stat_ssl where pid = pg_catalog.pg_backend_pid()",
    session_source="pg_stat_ssl",
    default_options=(("reWriteBatchedInserts", "true"),),
    options=_OPTIONS,
    options_source="https://jdbc.postgresql.org/documentation/use/#connection-parameters",
    any_case=False,
    url_form=r"jdbc:postgresql://(?P<address>[^/?]*)/(?P<database>[^/?]*)(?:\?(?P<options>.*))?",
    encoding=NameEncoding.PERCENT,
    bare_form="jdbc:postgresql://{host}:{port}/{database}",
    bundled_drivers=(
        BundledDriver("4.0", "42.3.6", "prefer: plain text if the server has no TLS"),
        BundledDriver("5.x", "42.7.3", "prefer: plain text if the server has no TLS"),
        BundledDriver("6.0", "42.7.3", "prefer: plain text if the server has no TLS"),
    ),
)
