"""The MySQL (Connector/J) and MariaDB (MariaDB Connector/J) engines.

Measured with Connector/J 8.0.33: ``useSSL=true`` alone selects PREFERRED; with
``verifyServerCertificate=true`` it selects VERIFY_CA, which does not compare the server's name and is what
Glue itself sets. An explicit ``sslMode`` has priority over both. MariaDB Connector/J 3.5.7 uses no TLS by
default, and sends local files to a server that requests them (``allowLocalInfile`` is true).
https://dev.mysql.com/doc/connector-j/en/connector-j-reference-configuration-properties.html
https://mariadb.com/docs/connectors/mariadb-connector-j/about-mariadb-connector-j
"""

from __future__ import annotations

from glue_secure.connections.engines.engine import (
    BundledDriver,
    DatabaseEngine,
    DriverRelease,
    TlsNegotiation,
    engine_options,
)

_NUMBER = r"[0-9]{1,9}"
_BOOLEAN = "true|false"
_ZONE = r"[A-Z][A-Za-z_]{1,30}(?:/[A-Z][A-Za-z_]{1,30})?"
_FILES = "the option lets the server read local files or inject objects"
_CLASS = "the option names a class to run"
_CLIENT = "client certificates are not supported"
_STORE = "the option names a certificate authority other than CUSTOM_JDBC_CERT"
_PROTOCOLS = "the option chooses protocols or ciphers that the preflight does not check"
_SHARED = {
    "connectTimeout": _NUMBER,
    "socketTimeout": _NUMBER,
    "cachePrepStmts": _BOOLEAN,
    "prepStmtCacheSize": _NUMBER,
    "useServerPrepStmts": _BOOLEAN,
    "rewriteBatchedStatements": _BOOLEAN,
    "defaultFetchSize": _NUMBER,
    "tcpKeepAlive": _BOOLEAN,
    "tinyInt1isBit": _BOOLEAN,
    "transformedBitIsBoolean": _BOOLEAN,
    "yearIsDateType": _BOOLEAN,
    "useAffectedRows": _BOOLEAN,
    "useCompression": _BOOLEAN,
    "jdbcCompliantTruncation": _BOOLEAN,
    "connectionTimeZone": _ZONE,
    "preserveInstants": _BOOLEAN,
}
_CREDENTIALS = (
    "user password password1 password2 password3 username pwd pass sslPassword"
    " keyStorePassword keyPassword clientCertificateKeyStorePassword"
)
_REFUSED = {
    "the option sets server variables or runs SQL": "sessionVariables initSql connectionCollation",
    "the option allows several statements in one": "allowMultiQueries",
    _FILES: "autoDeserialize allowLoadLocalInfile allowUrlInLocalInfile allowLoadLocalInfileInPath"
        " allowLocalInfile"
    " propertiesTransform useConfigs configFile",
    _CLASS: "logger profilerEventHandler clientInfoProvider queryInterceptors statementInterceptors"
    " exceptionInterceptors connectionLifecycleInterceptors authenticationPlugins"
    " authenticationFidoCallbackHandler"
    " authenticationWebAuthnCallbackHandler customCharsetMapping serverConfigCacheFactory"
    " queryInfoCacheFactory"
    " parseInfoCacheFactory loadBalanceExceptionChecker ha.loadBalanceStrategy credentialType",
    "the option changes which login methods the driver accepts": "defaultAuthenticationPlugin"
    " disabledAuthenticationPlugins restrictedAuth servicePrincipalName ldapServerHostname ociConfigFile"
    " ociConfigProfile",
    "the option creates a database": "createDatabaseIfNotExist",
    "the option traces queries with their parameters": "logSlowQueries profileSQL traceProtocol"
    " enablePacketDebug paranoid"
    " autoGenerateTestcaseScript dumpQueriesOnException includeThreadNamesAsStatementComment",
    "the option is for several hosts": "autoReconnect failOverReadOnly serverAffinityOrder retriesAllDown"
    " loadBalanceConnectionGroup replicationConnectionGroup allowSourceDownConnections"
    " allowReplicaDownConnections galeraAllowedState transactionReplay haMode",
    "the option sets attributes that appear in the server's log": "connectionAttributes",
}  # fmt: skip
_NOT_VERIFIED = "any other mode does not verify the server, or does not encrypt"
_KEY = "the password would be sent to any server that offers a key"
_URL = r"://(?P<address>[^/?#]*)/(?P<database>[^/?#]*)(?:\?(?P<options>.*))?"

# MySQL 5.7 and later executes the first comment; MariaDB skips it and executes "M!", which MySQL skips.
# Neither table needs a privilege.
# https://mariadb.com/kb/en/comment-syntax/
_SESSION = (
    "select s.version <> '' as `ssl`, s.version as `version`, s.cipher as `cipher`, 0 as `bits` from ("
    "select max(case when variable_name = 'Ssl_version' then variable_value end) as version, "
    "max(case when variable_name = 'Ssl_cipher' then variable_value end) as cipher "
    "from /*!50700 performance_schema.session_status *//*M! information_schema.session_status */ "
    "where variable_name in ('Ssl_version', 'Ssl_cipher')) s"
)

MYSQL = DatabaseEngine(
    name="mysql",
    driver_release=DriverRelease(
        artifacts=("com.mysql:mysql-connector-j", "mysql:mysql-connector-java"),
        versions=(("8.0.13", ""),),
        recommended="8.0.33",
        reason="earlier versions ignore sslMode, connect to any server, and send the password",
        source="https://dev.mysql.com/doc/relnotes/connector-j/en/news-8-0-13.html",
        manifest=(("Implementation-Title", "MySQL Connector/J", "Implementation-Version"),),
    ),
    url_prefix="jdbc:mysql:",
    negotiation=TlsNegotiation.MYSQL,
    driver="com.mysql.cj.jdbc.Driver",
    default_port=3306,
    # All but sslMode and the trust store repeat the driver's defaults, because useConfigs or a later version
    # could change these defaults.
    forced_options=(
        ("sslMode", "VERIFY_IDENTITY"),
        ("tlsVersions", "TLSv1.2,TLSv1.3"),
        ("fallbackToSystemTrustStore", "false"),
        ("allowPublicKeyRetrieval", "false"),
        ("allowLoadLocalInfile", "false"),
        ("allowUrlInLocalInfile", "false"),
        ("autoDeserialize", "false"),
    ),
    session_query=_SESSION,
    session_source="session_status",
    # Without a cursor the driver ignores the fetch size and keeps all rows of the result in memory.
    default_options=(("rewriteBatchedStatements", "true"), ("useCursorFetch", "true")),
    trust_store_options=(
        ("trustCertificateKeyStoreUrl", "{url}"),
        ("trustCertificateKeyStoreType", "PKCS12"),
        ("trustCertificateKeyStorePassword", "{password}"),
    ),
    options=engine_options(
        {
            **_SHARED,
            "prepStmtCacheSqlLimit": _NUMBER,
            "useCursorFetch": _BOOLEAN,
            "useUnicode": "true",
            "characterEncoding": "UTF-8|utf8",
            "serverTimezone": _ZONE,
            "zeroDateTimeBehavior": "EXCEPTION|CONVERT_TO_NULL|ROUND",
            "tcpNoDelay": _BOOLEAN,
            "maxAllowedPacket": _NUMBER,
            "netTimeoutForStreamingResults": _NUMBER,
        },
        (
            ("sslMode", "VERIFY_IDENTITY", _NOT_VERIFIED),
            ("useSSL", "true", "plain text"),
            ("requireSSL", "true", "the driver falls back to plain text"),
            ("verifyServerCertificate", "true", "the server's certificate is not verified"),
            ("allowPublicKeyRetrieval", "false", _KEY),
            ("serverRSAPublicKeyFile", "", _KEY),
            ("fallbackToSystemTrustStore", "false", "more authorities than CUSTOM_JDBC_CERT are trusted"),
            ("fallbackToSystemKeyStore", "", _CLIENT),
            *((name, "", _STORE) for name in (
                "trustCertificateKeyStoreUrl", "trustCertificateKeyStoreType",
                    "trustCertificateKeyStorePassword")),
            *((name, "", _CLIENT) for name in ("clientCertificateKeyStoreUrl",
                "clientCertificateKeyStoreType")),
            *((name, "", _PROTOCOLS) for name in (
                "tlsVersions", "enabledTLSProtocols", "tlsCiphersuites", "enabledSSLCipherSuites")),
            *((name, "", "another class, or a proxy, opens the connection") for name in (
                "socketFactory", "socksProxyHost", "socksProxyPort", "socksProxyRemoteDns")),
        ),
        _CREDENTIALS,
        "host port dbname protocol address path priority type namedPipePath dnsSrv localSocketAddress",
        _REFUSED,
    ),
    url_form="jdbc:mysql" + _URL,
    bare_form="jdbc:mysql://{host}:{port}/{database}",
    verification_option="sslMode=VERIFY_IDENTITY",
    bundled_drivers=(
        BundledDriver("4.0", "8.0.23", "PREFERRED: plain text if the server has no TLS, nothing verified"),
        BundledDriver("5.x", "8.0.33", "PREFERRED: plain text if the server has no TLS, nothing verified"),
        BundledDriver("6.0", "8.0.33", "PREFERRED: plain text if the server has no TLS, nothing verified"),
    ),
)  # fmt: skip

MARIADB = DatabaseEngine(
    name="mariadb",
    driver_release=DriverRelease(
        artifacts=("org.mariadb.jdbc:mariadb-java-client",),
        versions=(("3.0.3", ""),),
        recommended="3.5.7",
        reason="earlier versions ignore sslMode and connect without TLS",
        source="https://mariadb.com/kb/en/mcj-300-rn/",
        manifest=(
            ("Bundle-SymbolicName", r"mariadb-java-client|org\.mariadb\.jdbc", "Bundle-Version"),
        ),
    ),
    url_prefix="jdbc:mariadb:",
    aliases=("mysql",),  # Glue has no connection_type of its own for MariaDB
    negotiation=TlsNegotiation.MYSQL,
    driver="org.mariadb.jdbc.Driver",
    default_port=3306,
    forced_options=(
        ("sslMode", "verify-full"),
        ("enabledSslProtocolSuites", "TLSv1.2,TLSv1.3"),
        ("fallbackToSystemTrustStore", "false"),
        ("allowPublicKeyRetrieval", "false"),
        ("allowLocalInfile", "false"),
        # Otherwise the server could redirect the driver to another server after the login.
        ("permitRedirect", "false"),
    ),
    anchor_option="serverSslCert",
    session_query=_SESSION,
    session_source="session_status",
    options=engine_options(
        {**_SHARED, "useBulkStmts": _BOOLEAN, "useBulkStmtsForInserts": _BOOLEAN, "disablePipeline":
            _BOOLEAN},
        (
            ("sslMode", "verify-full", _NOT_VERIFIED),
            ("useSsl", "true", "plain text"),
            ("trustServerCertificate", "false", "any certificate is accepted"),
            ("disableSslHostnameVerification", "false", "any name is accepted"),
            ("permitRedirect", "false", "the server can redirect the driver to an unverified server"),
            ("allowPublicKeyRetrieval", "false", _KEY),
            ("serverRsaPublicKeyFile", "", _KEY),
            ("fallbackToSystemTrustStore", "false", "more authorities than CUSTOM_JDBC_CERT are trusted"),
            ("fallbackToSystemKeyStore", "", _CLIENT),
            *((name, "", _STORE) for name in ("serverSslCert", "trustStore", "trustStoreType",
                "trustStorePassword",
                "trustCertificateKeystoreUrl", "trustCertificateKeyStorePassword",
                    "trustCertificateKeyStoretype")),
            *((name, "", _CLIENT) for name in ("keyStore", "keyStoreType", "clientCertificateKeystoreUrl",
                "clientCertificateKeystoreType")),
            *((name, "", _PROTOCOLS) for name in ("enabledSslProtocolSuites", "enabledSslCipherSuites",
                "enabledTLSProtocols")),
            *((name, "", "another class opens the connection") for name in ("socketFactory",
                "tlsSocketType")),
        ),
        _CREDENTIALS,
        "host port dbname database address type pipe localSocket localSocketAddress",
        _REFUSED
        | {"a pool outlives the verification of the connection": "pool poolName maxPoolSize minPoolSize"},
    ),
    url_form="jdbc:mariadb" + _URL,
    bare_form="jdbc:mariadb://{host}:{port}/{database}",
    # Spark chooses its SQL dialect by the URL. Spark 3.5 has no dialect for jdbc:mariadb and would quote
    # column names as "name", which MariaDB reads as string literals.
    spark_form="jdbc:mysql://{host}:{port}/{database}?permitMysqlScheme",
    verification_option="sslMode=verify-full",
    bundled_drivers=(BundledDriver("6.0", "3.5.7", "disable: plain text"),),
)  # fmt: skip
