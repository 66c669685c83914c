"""The MySQL (Connector/J) and MariaDB (MariaDB Connector/J) engines.

Measured with Connector/J 8.0.33: ``useSSL=true`` alone selects PREFERRED; with
``verifyServerCertificate=true`` it selects VERIFY_CA, which does not compare the server's name and is what
Glue itself sets. An explicit ``sslMode`` has priority over both. MariaDB Connector/J 3.5.7 uses no TLS by
default, and sends local files to a server that requests them (``allowLocalInfile`` is true).
The options are those of the drivers' ``getPropertyInfo``, and names that older versions had.
https://dev.mysql.com/doc/connector-j/en/connector-j-reference-configuration-properties.html
https://mariadb.com/docs/connectors/mariadb-connector-j/about-mariadb-connector-j
"""

from __future__ import annotations

from glue_secure.connections.engines.engine import (
    ANOTHER_AUTHORITY,
    ANOTHER_SOCKET,
    CLASS,
    CLIENT_CERTIFICATE,
    DIRECTORY_LOGIN,
    NUMBER,
    ONE_SERVER,
    PROTOCOLS,
    SERVER_SETTINGS,
    TLS_VERSIONS,
    TRACE,
    BundledDriver,
    DatabaseEngine,
    DriverRelease,
    NameEncoding,
    TlsNegotiation,
    engine_options,
    timeouts,
)

_YES_NO, _YES, _NO = "(?i:true|false|yes|no)", "(?i:true|yes)", "(?i:false|no)"
_BOOLEAN, _ON, _OFF = "(?i:true|false|0|1)", "(?i:true|1)", "(?i:false|0)"
# java.util.TimeZone's names: Area/City with two or three parts, GMT+8, +08:00; also LOCAL, SERVER.
_ZONE = r"[A-Za-z+-][A-Za-z0-9_:+-]{0,39}(?:/[A-Za-z0-9_+-]{1,39}){0,2}"
_COLLATION = r"(?:utf8(?:mb[34])?|latin1|ascii|binary)(?:_[a-z0-9_]{1,60})?"
# Encodings in which no character contains the byte of a quote or backslash: the drivers escape text.
_ENCODING = "(?i:utf-?8|us-ascii|iso-?8859-1|latin1|windows-1252|cp1252)"
_FILES = "the option lets the server read local files or inject objects"
_HIDDEN_OPTIONS = "the option adds options that are not in the URL"
_LOGIN_METHODS = "the option changes which login methods the driver accepts"
_STATEMENTS = "the option allows several statements in one"
_CREATES = "the option creates a database"
_ATTRIBUTES = "the option sets attributes that appear in the server's log"
_NOT_VERIFIED = "any other mode does not verify the server, or does not encrypt"
_KEY = "the password would be sent to any server that offers a key"
_ADDED_AUTHORITIES = "more authorities than CUSTOM_JDBC_CERT are trusted"
_URL = r"://(?P<address>[^/?#]*)(?:/(?P<database>[^/?#]*))?(?:\?(?P<options>.*))?"
_CREDENTIALS = (
    "user password password1 password2 password3 username pwd pass sslPassword"
    " keyStorePassword keyPassword clientCertificateKeyStorePassword"
)

_MYSQL_OPTIONS = engine_options(
    {
        NUMBER: "connectTimeout socketTimeout prepStmtCacheSize prepStmtCacheSqlLimit defaultFetchSize"
        " maxAllowedPacket netTimeoutForStreamingResults blobSendChunkSize callableStmtCacheSize"
        " initialTimeout largeRowSizeThreshold locatorFetchBufferSize maxByteArrayAsHex maxQuerySizeToLog"
        " maxReconnects maxRows metadataCacheSize packetDebugBufferSize reportMetricsIntervalMillis"
        " resultSetSizeThreshold selfDestructOnPingMaxOperations selfDestructOnPingSecondsLifetime"
        " slowQueryThresholdMillis slowQueryThresholdNanos tcpRcvBuf tcpSndBuf tcpTrafficClass"
        " loadBalanceAutoCommitStatementThreshold loadBalanceBlocklistTimeout"
        " loadBalanceHostRemovalGracePeriod loadBalancePingTimeout queriesBeforeRetrySource retriesAllDown"
        " secondsBeforeRetrySource loadBalanceBlacklistTimeout queriesBeforeRetryMaster"
        " secondsBeforeRetryMaster",
        _YES_NO: "cachePrepStmts useServerPrepStmts rewriteBatchedStatements tcpKeepAlive tinyInt1isBit"
        " transformedBitIsBoolean yearIsDateType useAffectedRows useCompression jdbcCompliantTruncation"
        " preserveInstants useCursorFetch tcpNoDelay autoReconnect autoReconnectForPools"
        " allowNanAndInf alwaysSendSetIsolation autoClosePStmtStreams autoSlowLog blobsAreStrings"
        " cacheCallableStmts cacheDefaultTimeZone cacheResultSetMetadata cacheServerConfiguration"
        " clobberStreamingResults compensateOnDuplicateKeyUpdateCounts continueBatchOnError"
        " detectCustomCollations disconnectOnExpiredPasswords dontCheckOnDuplicateKeyUpdateInSQL"
        " dontTrackOpenResources elideSetAutoCommits emptyStringsConvertToZero emulateLocators"
        " emulateUnsupportedPstmts enableEscapeProcessing enableQueryTimeouts"
        " forceConnectionTimeZoneToSession functionsNeverReturnBlobs generateSimpleParameterMetadata"
        " getProceduresReturnsFunctions holdResultsOpenOverStatementClose ignoreNonTxTables"
        " includeInnodbStatusInDeadlockExceptions includeThreadDumpInDeadlockExceptions"
        " interactiveClient maintainTimeStats noAccessToProcedureBodies noDatetimeStringSync"
        " nullDatabaseMeansCurrent overrideSupportsIntegrityEnhancementFacility padCharsWithSpace"
        " pedantic pinGlobalTxToPhysicalConnection populateInsertRowWithDefaultValues"
        " processEscapeCodesForPrepStmts queryTimeoutKillsConnection readOnlyPropagatesToServer"
        " reconnectAtTxEnd rollbackOnPooledClose scrollTolerantForwardOnly sendFractionalSeconds"
        " sendFractionalSecondsForTime strictUpdates trackSessionState treatUtilDateAsTimestamp"
        " ultraDevHack useColumnNamesInFindColumn useHostsInPrivileges useInformationSchema"
        " useLocalSessionState useLocalTransactionState useNanosForElapsedTime"
        " useOldAliasMetadataBehavior useOnlyServerErrorMessages useReadAheadInput"
        " useStreamLengthsInPrepStmts useUnbufferedInput paranoid failOverReadOnly"
        " allowReplicaDownConnections allowSourceDownConnections loadBalanceValidateConnectionOnSwapServer"
        " readFromSourceWhenNoReplicas allowMasterDownConnections allowSlaveDownConnections"
        " readFromMasterWhenNoSlaves",
        _ZONE: "connectionTimeZone serverTimezone",
        _ENCODING: "characterEncoding clobCharacterEncoding passwordCharacterEncoding",
        f"{_ENCODING}|null": "characterSetResults",
        _COLLATION: "connectionCollation",
        "(?i:EXCEPTION|CONVERT_TO_NULL|convertToNull|ROUND)": "zeroDateTimeBehavior",
        "(?i:CATALOG|SCHEMA)": "databaseTerm",
    },
    (
        ("sslMode", "(?i:VERIFY_IDENTITY)", _NOT_VERIFIED),
        ("useSSL", _YES, "plain text"),
        ("requireSSL", _YES, "the driver falls back to plain text"),
        ("verifyServerCertificate", _YES, "the server's certificate is not verified"),
        ("allowPublicKeyRetrieval", _NO, _KEY),
        ("serverRSAPublicKeyFile", "", _KEY),
        ("fallbackToSystemTrustStore", _NO, _ADDED_AUTHORITIES),
        ("fallbackToSystemKeyStore", _NO, CLIENT_CERTIFICATE),
        (
            "trustCertificateKeyStoreUrl trustCertificateKeyStoreType trustCertificateKeyStorePassword",
            "",
            ANOTHER_AUTHORITY,
        ),
        ("clientCertificateKeyStoreUrl clientCertificateKeyStoreType", "", CLIENT_CERTIFICATE),
        ("tlsVersions enabledTLSProtocols", TLS_VERSIONS, PROTOCOLS),
        ("tlsCiphersuites enabledSSLCipherSuites", "", PROTOCOLS),
        ("socketFactory socksProxyHost socksProxyPort socksProxyRemoteDns", "", ANOTHER_SOCKET),
    ),
    _CREDENTIALS,
    "host port dbname protocol address path priority type namedPipePath dnsSrv localSocketAddress",
    {
        SERVER_SETTINGS: "sessionVariables",
        _STATEMENTS: f"allowMultiQueries={_NO}",
        _FILES: f"autoDeserialize={_NO} allowLoadLocalInfile={_NO} allowUrlInLocalInfile={_NO}"
        f" allowLoadLocalInfileInPath allowLocalInfile={_NO}",
        _HIDDEN_OPTIONS: "propertiesTransform useConfigs configFile",
        CLASS: "logger profilerEventHandler clientInfoProvider queryInterceptors statementInterceptors"
        " exceptionInterceptors connectionLifecycleInterceptors authenticationPlugins"
        " authenticationFidoCallbackHandler authenticationWebAuthnCallbackHandler"
        " customCharsetMapping serverConfigCacheFactory queryInfoCacheFactory parseInfoCacheFactory"
        " loadBalanceExceptionChecker ha.loadBalanceStrategy credentialType",
        _LOGIN_METHODS: "defaultAuthenticationPlugin disabledAuthenticationPlugins restrictedAuth"
        " ociConfigFile ociConfigProfile",
        DIRECTORY_LOGIN: "servicePrincipalName ldapServerHostname",
        _CREATES: f"createDatabaseIfNotExist={_NO}",
        TRACE: f"logSlowQueries={_NO} profileSQL={_NO} traceProtocol={_NO} enablePacketDebug={_NO}"
        f" autoGenerateTestcaseScript={_NO} dumpQueriesOnException={_NO} explainSlowQueries={_NO}"
        f" logXaCommands={_NO} gatherPerfMetrics={_NO} useUsageAdvisor={_NO}"
        f" includeThreadNamesAsStatementComment={_NO}",
        "the option opens the JVM to remote management": f"ha.enableJMX={_NO}",
        _ATTRIBUTES: "connectionAttributes resourceId",
    },
    {
        ONE_SERVER: "serverAffinityOrder loadBalanceConnectionGroup replicationConnectionGroup"
        " loadBalanceAutoCommitStatementRegex loadBalanceSQLExceptionSubclassFailover"
        " loadBalanceSQLStateFailover roundRobinLoadBalance",
        "an option of Connector/J 5.1, which version 8 does not have": "useUnicode useLegacyDatetimeCode"
        " useTimezone useGmtMillisForDatetimes useJDBCCompliantTimezoneShift"
        " useSSPSCompatibleTimezoneShift noTimezoneConversionForTimeType"
        " noTimezoneConversionForDateType useFastDateParsing useFastIntParsing useDynamicCharsetInfo"
        " useOldUTF8Behavior useUnbufferedIO relaxAutoCommit runningCTS13 capitalizeTypeNames"
        " strictFloatingPoint useBlobToStoreUTF8OutsideBMP nullCatalogMeansCurrent"
        " nullNamePatternMatchesAll isInteractiveClient useJvmCharsetConverters"
        " retainStatementAfterResultSetClose dumpMetadataOnColumnNotFound useSqlStateCodes",
    },
)

_MARIADB_OPTIONS = engine_options(
    {
        NUMBER: "connectTimeout socketTimeout prepStmtCacheSize defaultFetchSize maxAllowedPacket"
        " maxQuerySizeToLog tcpKeepCount tcpKeepIdle tcpKeepInterval retriesAllDown transactionReplaySize"
        " maxIdleTime poolValidMinDelay",
        _BOOLEAN: "transactionReplay useResetConnection cachePrepStmts useServerPrepStmts"
        " rewriteBatchedStatements tcpKeepAlive"
        " tinyInt1isBit transformedBitIsBoolean yearIsDateType useAffectedRows useCompression"
        " jdbcCompliantTruncation preserveInstants useBulkStmts useBulkStmtsForInserts disablePipeline"
        " autocommit blankTableNameMeta disconnectOnExpiredPasswords forceConnectionTimeZoneToSession"
        " includeInnodbStatusInDeadlockExceptions includeThreadDumpInDeadlockExceptions"
        " nullDatabaseMeansCurrent oldModeNoPrecisionTimestamp permitNoResults"
        " pinGlobalTxToPhysicalConnection returnMultiValuesGeneratedIds tcpAbortiveClose"
        " useLocalSessionState useMysqlMetadata useReadAheadInput uuidAsString",
        _ZONE: "connectionTimeZone timezone",
        _COLLATION: "connectionCollation",
        "(?i:default)": "geometryDefaultType",
        "(?i:auto|UseInformationSchema|UseShowCreate)": "metaExportedKeys",
        "(?i:UseCatalog|UseSchema)": "useCatalogTerm",
        "(?i:READ[-_]UNCOMMITTED|READ[-_]COMMITTED|REPEATABLE[-_]READ|SERIALIZABLE)": "transactionIsolation",
    },
    (
        ("sslMode", "(?i:verify-full|VERIFY_FULL)", _NOT_VERIFIED),
        ("useSsl", _ON, "plain text"),
        ("trustServerCertificate", _OFF, "any certificate is accepted"),
        ("disableSslHostnameVerification", _OFF, "any name is accepted"),
        ("permitRedirect", _OFF, "the server can redirect the driver to an unverified server"),
        ("allowPublicKeyRetrieval", _OFF, _KEY),
        ("serverRsaPublicKeyFile", "", _KEY),
        ("fallbackToSystemTrustStore", _OFF, _ADDED_AUTHORITIES),
        ("fallbackToSystemKeyStore", _OFF, CLIENT_CERTIFICATE),
        (
            "serverSslCert trustStore trustStoreType trustStorePassword trustCertificateKeystoreUrl"
            " trustCertificateKeyStorePassword trustCertificateKeyStoretype",
            "",
            ANOTHER_AUTHORITY,
        ),
        (
            "keyStore keyStoreType clientCertificateKeystoreUrl clientCertificateKeystoreType",
            "",
            CLIENT_CERTIFICATE,
        ),
        ("enabledSslProtocolSuites enabledTLSProtocols", TLS_VERSIONS, PROTOCOLS),
        ("enabledSslCipherSuites", "", PROTOCOLS),
        ("socketFactory tlsSocketType", "", ANOTHER_SOCKET),
    ),
    _CREDENTIALS,
    "host port dbname database address type pipe localSocket localSocketAddress",
    {
        SERVER_SETTINGS: "sessionVariables initSql",
        _STATEMENTS: f"allowMultiQueries={_OFF}",
        _FILES: f"autoDeserialize={_OFF} allowLoadLocalInfile={_OFF} allowUrlInLocalInfile={_OFF}"
        f" allowLoadLocalInfileInPath allowLocalInfile={_OFF}",
        CLASS: "credentialType queryInterceptors statementInterceptors exceptionInterceptors logger",
        _LOGIN_METHODS: "restrictedAuth defaultAuthenticationPlugin",
        DIRECTORY_LOGIN: "servicePrincipalName",
        _CREATES: f"createDatabaseIfNotExist={_OFF}",
        TRACE: f"dumpQueriesOnException={_OFF}",
        "the option is for several servers": "haMode galeraAllowedState",
        "the option opens the JVM to remote management": "registerJmxPool",
        "a pool outlives the verification of the connection": f"pool={_OFF} poolName maxPoolSize minPoolSize",
        _ATTRIBUTES: "connectionAttributes",
    },
    {
        ONE_SERVER: "failOverReadOnly autoReconnect serverAffinityOrder loadBalanceBlacklistTimeout",
        "an option of other drivers or versions, which MariaDB's driver 3 does not have": "useUnicode"
        " characterEncoding serverTimezone zeroDateTimeBehavior useLegacyDatetimeCode tcpNoDelay tcpRcvBuf"
        " tcpSndBuf interactiveClient useOldAliasMetadataBehavior prepStmtCacheSqlLimit useCursorFetch"
        " assureReadOnly ensureSocketState continueBatchOnError cacheCallableStmts callableStmtCacheSize"
        " useBatchMultiSend useBatchMultiSendNumber usePipelineAuth useFractionalSeconds",
    },
)

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
        version_constant=("com/mysql/cj/Constants.class", "CJ_VERSION"),
        manifest=(("Implementation-Title", "MySQL Connector/J", "Implementation-Version"),),
    ),
    url_prefix="jdbc:mysql:",
    aliases=("aurora", "aurora-mysql"),
    negotiation=TlsNegotiation.MYSQL,
    driver="com.mysql.cj.jdbc.Driver",
    driver_aliases=("com.mysql.jdbc.Driver",),
    default_port=3306,
    # All but sslMode and the trust store repeat the driver's defaults, because useConfigs or a later version
    # could change these defaults.
    forced_options=(
        ("sslMode", "VERIFY_IDENTITY"),
        ("tlsVersions", "TLSv1.2,TLSv1.3"),
        ("enabledTLSProtocols", "TLSv1.2,TLSv1.3"),  # its name before 8.0.28
        ("fallbackToSystemTrustStore", "false"),
        ("allowPublicKeyRetrieval", "false"),
        ("allowLoadLocalInfile", "false"),
        ("allowUrlInLocalInfile", "false"),
        ("autoDeserialize", "false"),
    ),
    timeouts=timeouts("connectTimeout", "socketTimeout", milliseconds="connectTimeout socketTimeout"),
    session_query=_SESSION,
    session_source="session_status",
    # Without a cursor the driver ignores the fetch size and keeps all rows of the result in memory.
    default_options=(("rewriteBatchedStatements", "true"), ("useCursorFetch", "true")),
    trust_store_options=(
        ("trustCertificateKeyStoreUrl", "{url}"),
        ("trustCertificateKeyStoreType", "PKCS12"),
        ("trustCertificateKeyStorePassword", "{password}"),
    ),
    options=_MYSQL_OPTIONS,
    options_source="https://dev.mysql.com/doc/connector-j/en/connector-j-reference-configuration-properties.html",
    any_case=False,
    encoding=NameEncoding.PERCENT,
    url_form="jdbc:mysql" + _URL,
    bare_form="jdbc:mysql://{host}:{port}/{database}",
    # With an address in brackets the driver compares the brackets with the certificate, too (measured).
    address_form="jdbc:mysql://address=(host={host})(port={port})/{database}",
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
    # Glue has no connection_type of its own for MariaDB; its driver connects to Aurora MySQL as well.
    aliases=("mysql", "aurora", "aurora-mysql"),
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
    timeouts=timeouts("connectTimeout", "socketTimeout", milliseconds="connectTimeout socketTimeout"),
    anchor_option="serverSslCert",
    session_query=_SESSION,
    session_source="session_status",
    options=_MARIADB_OPTIONS,
    options_source="https://mariadb.com/docs/connectors/mariadb-connector-j/about-mariadb-connector-j",
    url_form="jdbc:mariadb" + _URL,
    bare_form="jdbc:mariadb://{host}:{port}/{database}",
    # Spark chooses its SQL dialect by the URL. Spark 3.5 has no dialect for jdbc:mariadb and would quote
    # column names as "name", which MariaDB reads as string literals.
    spark_form="jdbc:mysql://{host}:{port}/{database}?permitMysqlScheme",
    verification_option="sslMode=verify-full",
    bundled_drivers=(BundledDriver("6.0", "3.5.7", "disable: plain text"),),
)  # fmt: skip
