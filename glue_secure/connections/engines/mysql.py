"""MySQL and MariaDB in the table of engines.

As measured on Connector/J 8.0.33: ``useSSL=true`` alone stays PREFERRED, with
``verifyServerCertificate=true`` it is VERIFY_CA, which is what Glue itself asks for and which checks
no name; an explicit ``sslMode`` beats them all. MariaDB Connector/J 3.5.7 uses no TLS by itself, and
sends local files to a server that asks (``allowLocalInfile`` is true).
https://dev.mysql.com/doc/connector-j/en/connector-j-reference-configuration-properties.html
https://mariadb.com/docs/connectors/mariadb-connector-j/about-mariadb-connector-j
"""

from __future__ import annotations

from glue_secure.connections.engines.engine import BundledDriver, Engine, Opening, options_of

_NUMBER = r"[0-9]{1,9}"
_BOOLEAN = "true|false"
_ZONE = r"[A-Z][A-Za-z_]{1,30}(?:/[A-Z][A-Za-z_]{1,30})?"
_FILES = "it reads files of this machine, or objects of the server's choice, on the server's word"
_CLASS = "it names a class to run"
_CLIENT = "client certificates are not supported yet"
_STORE = "it names another authority than the connection's CUSTOM_JDBC_CERT"
_PROTOCOLS = "it chooses protocols or ciphers that the preflight has not seen"
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
    "it sets any server variable or runs SQL of its own": "sessionVariables initSql connectionCollation",
    "it lets one statement carry several": "allowMultiQueries",
    _FILES: "autoDeserialize allowLoadLocalInfile allowUrlInLocalInfile allowLoadLocalInfileInPath"
        " allowLocalInfile"
    " propertiesTransform useConfigs configFile",
    _CLASS: "logger profilerEventHandler clientInfoProvider queryInterceptors statementInterceptors"
    " exceptionInterceptors connectionLifecycleInterceptors authenticationPlugins"
    " authenticationFidoCallbackHandler"
    " authenticationWebAuthnCallbackHandler customCharsetMapping serverConfigCacheFactory"
    " queryInfoCacheFactory"
    " parseInfoCacheFactory loadBalanceExceptionChecker ha.loadBalanceStrategy credentialType",
    "it changes which logins the driver accepts": "defaultAuthenticationPlugin disabledAuthenticationPlugins"
    " restrictedAuth servicePrincipalName ldapServerHostname ociConfigFile ociConfigProfile",
    "it creates a database": "createDatabaseIfNotExist",
    "it traces queries, with their parameters": "logSlowQueries profileSQL traceProtocol"
    " enablePacketDebug paranoid"
    " autoGenerateTestcaseScript dumpQueriesOnException includeThreadNamesAsStatementComment",
    "it is for several hosts": "autoReconnect failOverReadOnly serverAffinityOrder retriesAllDown"
    " loadBalanceConnectionGroup replicationConnectionGroup allowSourceDownConnections"
    " allowReplicaDownConnections galeraAllowedState transactionReplay haMode",
    "it names what the server's log will show": "connectionAttributes",
}  # fmt: skip
_NOT_VERIFIED = "anything else encrypts to a server nobody has verified, or to nobody"
_KEY = "the password would go to whoever offers a key"
_URL = r"://(?P<address>[^/?#]*)/(?P<database>[^/?#]*)(?:\?(?P<options>.*))?"

# Each server takes one of the two comments for SQL and the other for a comment: MariaDB leaves out what is
# meant for MySQL's versions 5.7 and later, and only MariaDB reads "M!". No privilege is needed for either.
# https://mariadb.com/kb/en/comment-syntax/
_SESSION = (
    "select s.version <> '' as `ssl`, s.version as `version`, s.cipher as `cipher`, 0 as `bits` from ("
    "select max(case when variable_name = 'Ssl_version' then variable_value end) as version, "
    "max(case when variable_name = 'Ssl_cipher' then variable_value end) as cipher "
    "from /*!50700 performance_schema.session_status *//*M! information_schema.session_status */ "
    "where variable_name in ('Ssl_version', 'Ssl_cipher')) s"
)

MYSQL = Engine(
    name="mysql",
    url_prefix="jdbc:mysql:",
    opening=Opening.MYSQL,
    driver="com.mysql.cj.jdbc.Driver",
    default_port=3306,
    # All but sslMode and the stores are what the driver does anyway; written out because a
    # useConfigs or a later version could say otherwise.
    forced=(
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
    # Without a cursor the driver ignores the fetch size, and holds every row of the answer in memory.
    defaults=(("rewriteBatchedStatements", "true"), ("useCursorFetch", "true")),
    anchor_store=(
        ("trustCertificateKeyStoreUrl", "{url}"),
        ("trustCertificateKeyStoreType", "PKCS12"),
        ("trustCertificateKeyStorePassword", "{password}"),
    ),
    options=options_of(
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
            ("verifyServerCertificate", "true", "the server's certificate is not looked at"),
            ("allowPublicKeyRetrieval", "false", _KEY),
            ("serverRSAPublicKeyFile", "", _KEY),
            ("fallbackToSystemTrustStore", "false", "more authorities than the connection's are trusted"),
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
    wanted="sslMode=VERIFY_IDENTITY",
    drivers=(
        BundledDriver("4.0", "8.0.23", "PREFERRED: plain text where the server has no TLS, nothing verified"),
        BundledDriver("5.x", "8.0.33", "PREFERRED: plain text where the server has no TLS, nothing verified"),
        BundledDriver("6.0", "8.0.33", "PREFERRED: plain text where the server has no TLS, nothing verified"),
    ),
)  # fmt: skip

MARIADB = Engine(
    name="mariadb",
    url_prefix="jdbc:mariadb:",
    opening=Opening.MYSQL,
    driver="org.mariadb.jdbc.Driver",
    default_port=3306,
    forced=(
        ("sslMode", "verify-full"),
        ("enabledSslProtocolSuites", "TLSv1.2,TLSv1.3"),
        ("fallbackToSystemTrustStore", "false"),
        ("allowPublicKeyRetrieval", "false"),
        ("allowLocalInfile", "false"),
        # The server could otherwise send the driver elsewhere after the login.
        ("permitRedirect", "false"),
    ),
    anchor_option="serverSslCert",
    session_query=_SESSION,
    session_source="session_status",
    options=options_of(
        {**_SHARED, "useBulkStmts": _BOOLEAN, "useBulkStmtsForInserts": _BOOLEAN, "disablePipeline":
            _BOOLEAN},
        (
            ("sslMode", "verify-full", _NOT_VERIFIED),
            ("useSsl", "true", "plain text"),
            ("trustServerCertificate", "false", "any certificate is accepted"),
            ("disableSslHostnameVerification", "false", "any name is accepted"),
            ("permitRedirect", "false", "the server sends the driver to a server nobody has seen"),
            ("allowPublicKeyRetrieval", "false", _KEY),
            ("serverRsaPublicKeyFile", "", _KEY),
            ("fallbackToSystemTrustStore", "false", "more authorities than the connection's are trusted"),
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
        _REFUSED | {"a pool would outlive the judgement": "pool poolName maxPoolSize minPoolSize"},
    ),
    url_form="jdbc:mariadb" + _URL,
    bare_form="jdbc:mariadb://{host}:{port}/{database}",
    # Spark chooses its dialect by the URL, and 3.5 has none for jdbc:mariadb: it would quote names as "name",
    # which MariaDB takes for texts, and every row would hold the columns' own names.
    spark_form="jdbc:mysql://{host}:{port}/{database}?permitMysqlScheme",
    wanted="sslMode=verify-full",
    drivers=(BundledDriver("6.0", "3.5.7", "disable: plain text"),),
)  # fmt: skip
