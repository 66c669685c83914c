"""The Oracle engine (Oracle JDBC thin driver).

The driver encrypts only if the URL says ``tcps``, and by default does not compare the server's name.
https://docs.oracle.com/en/database/oracle/oracle-database/21/jajdb/oracle/jdbc/OracleConnection.html
"""

from __future__ import annotations

from glue_secure.connections.engines.engine import (
    ANOTHER_AUTHORITY,
    ANOTHER_SOCKET,
    BOOLEAN,
    CLASS,
    CLIENT_CERTIFICATE,
    DIRECTORY_LOGIN,
    NUMBER,
    ONE_SERVER,
    PROTOCOLS,
    SERVER_SETTINGS,
    TEXT,
    TRACE,
    ApprovedDriver,
    BundledDriver,
    DatabaseEngine,
    DriverRelease,
    TlsNegotiation,
    engine_options,
    timeouts,
)

_OFF = "(?i:off|no|false)"
_ON = "(?i:on|yes|true)"
_ANOTHER_NAME = "a name other than the host name is compared with the certificate"
_REPLACES_TLS = "the option replaces TLS and its certificate check"

_OPTIONS = engine_options(
    {
        NUMBER: "defaultRowPrefetch defaultExecuteBatch oracle.net.CONNECT_TIMEOUT"
        " oracle.net.OUTBOUND_CONNECT_TIMEOUT oracle.jdbc.ReadTimeout oracle.jdbc.loginTimeout"
        " oracle.jdbc.implicitStatementCacheSize oracle.jdbc.defaultLobPrefetchSize"
        " oracle.jdbc.fetchSizeTuning oracle.jdbc.maxCachedBufferSize oracle.jdbc.StreamChunkSize"
        " oracle.jdbc.parameterMetadataCacheSize oracle.jdbc.replay.protectedRequestSizeLimit"
        " oracle.jdbc.TTCCookieCacheSize oracle.net.DOWN_HOSTS_TIMEOUT oracle.net.TCP_KEEPCOUNT"
        " oracle.net.TCP_KEEPIDLE oracle.net.TCP_KEEPINTERVAL oracle.net.networkCompressionThreshold",
        BOOLEAN: "oracle.jdbc.TcpNoDelay oracle.jdbc.timezoneAsRegion oracle.jdbc.mapDateToTimestamp"
        " includeSynonyms remarksReporting oracle.net.keepAlive AccumulateBatchResult autoCommit"
        " defaultNChar disableDefineColumnType fixedString processEscapes restrictGetTables"
        " SetFloatAndDoubleUseBinary useFetchSizeWithLongColumn"
        " oracle.jdbc.allowMixingJdbcAndNamedBinds oracle.jdbc.allowSingleShardTransactionSupport"
        " oracle.jdbc.autoCommitSpecCompliant oracle.jdbc.backwardCompatibileUpdateableResultSet"
        " oracle.jdbc.calculateChecksum oracle.jdbc.commitSelectOnAutocommit"
        " oracle.jdbc.continueBatchOnError oracle.jdbc.convertNcharLiterals"
        " oracle.jdbc.createDescriptorUseCurrentSchemaForSchemaName oracle.jdbc.enableACSupport"
        " oracle.jdbc.enableDataInLocator oracle.jdbc.enableErrorUrl oracle.jdbc.enableImplicitRequests"
        " oracle.jdbc.enableQueryResultCache oracle.jdbc.enableReadDataInLocator"
        " oracle.jdbc.overrideEnableReadDataInLocator oracle.jdbc.enableResultSetCache"
        " oracle.jdbc.enableSSSCursor oracle.jdbc.enableTempLobRefCnt oracle.jdbc.enableTGSupport"
        " oracle.jdbc.inbandNotification oracle.jdbc.J2EE13Compliant oracle.jdbc.JDBCStandardBehavior"
        " oracle.jdbc.LobStreamPosStandardCompliant oracle.jdbc.parameterMetadataCacheIncludeParsing"
        " oracle.jdbc.parameterMetadataPreprocess oracle.jdbc.plsqlVarcharParameter4KOnly"
        " oracle.jdbc.quickASCIIConversion oracle.jdbc.readOnlyInstanceAllowed"
        " oracle.jdbc.retainLobPrefetchData oracle.jdbc.RetainV9LongBindBehavior"
        " oracle.jdbc.sendAllDataForValueLobs oracle.jdbc.sendBooleanInPLSQL"
        " oracle.jdbc.strictASCIIConversion oracle.jdbc.timestampTzInGmt"
        " oracle.jdbc.use1900AsYearForTime oracle.jdbc.useThreadLocalBufferCache oracle.jdbc.useNio"
        " oracle.jdbc.javaNetNio oracle.net.disableOob oracle.net.useZeroCopyIO"
        " oracle.net.TTCCookieOptimizationEnabled oracle.jdbc.DRCPMultiplexingInRequestAPIs"
        " oracle.jdbc.UseDRCPMultipletag oracle.jdbc.DMSStatementCachingMetrics"
        " oracle.jdbc.DMSStatementMetrics",
        TEXT: "v$session.program v$session.machine v$session.osuser v$session.process v$session.terminal"
        " v$session.ename v$session.iname oracle.jdbc.editionName oracle.jdbc.driverNameAttribute"
        " oracle.jdbc.DRCPConnectionClass oracle.jdbc.DRCPTagName oracle.jdbc.localhostName"
        " oracle.net.connectionIdPrefix DMSName DMSType RessourceManagerId",
        "(?i:SELF|NEW)": "oracle.jdbc.DRCPConnectionPurity",
        "(?i:on|off|auto)": "oracle.net.networkCompression",
        r"\((?:high|low)(?:,(?:high|low))?\)": "oracle.net.networkCompressionLevels",
        "(?i:NONE|LOCAL|SOCKET|NETWORK|SERVER|COMPLETE)": "oracle.jdbc.defaultConnectionValidation",
        "(?i:WRITEBATCH|WRITEIMMED|NOWAIT|WAIT)(?:,[A-Za-z]+)?": "oracle.jdbc.commitOption",
        r"[A-Za-z0-9_.]{1,100}": "oracle.jdbc.jsonDefaultGetObjectType",
    },
    (
        ("oracle.net.ssl_server_dn_match ssl_server_dn_match", _ON, "any name is accepted"),
        (
            "oracle.net.ssl_server_cert_dn ssl_server_cert_dn oracle.net.ssl_allow_weak_dn_match"
            " ssl_allow_weak_dn_match",
            "",
            _ANOTHER_NAME,
        ),
        (
            "oracle.net.ssl_version oracle.net.ssl_cipher_suites oracle.net.ssl_context_protocol"
            " oracle.net.allow_weak_crypto ssl_version oracle.net.setFIPSMode oracle.net.crypto_seed",
            "",
            PROTOCOLS,
        ),
        (
            "oracle.net.encryption_client oracle.net.encryption_types_client"
            " oracle.net.crypto_checksum_client oracle.net.crypto_checksum_types_client",
            "",
            _REPLACES_TLS,
        ),
        (
            "javax.net.ssl.trustStore javax.net.ssl.trustStoreType javax.net.ssl.trustStorePassword"
            " ssl.trustManagerFactory.algorithm oracle.net.wallet_location wallet_location"
            " my_wallet_directory",
            "",
            ANOTHER_AUTHORITY,
        ),
        (
            "javax.net.ssl.keyStore javax.net.ssl.keyStoreType ssl.keyManagerFactory.algorithm"
            " oracle.net.ssl_certificate_alias oracle.jdbc.clientCertificate",
            "",
            CLIENT_CERTIFICATE,
        ),
        (
            "oracle.net.httpsProxyHost oracle.net.httpsProxyPort oracle.net.socksProxyHost"
            " oracle.net.socksProxyPort oracle.net.socksRemoteDNS https_proxy https_proxy_port"
            " oracle.jdbc.javaNetMsgqTransport oracle.jdbc.javaNetLocalIPForMsgq"
            " oracle.jdbc.javaNetMsgqBusyWait oracle.jdbc.javaNetMsgqKernelWait",
            "",
            ANOTHER_SOCKET,
        ),
    ),
    "user password oracle.jdbc.newPassword OCINewPassword javax.net.ssl.keyStorePassword"
    " oracle.net.wallet_password oracle.net.websocketUser oracle.net.websocketPassword"
    " oracle.jdbc.accessToken oracle.jdbc.ons.walletpassword oracle.jdbc.clientSecret"
    " oracle.jdbc.clientCertificatePassword oracle.net.ldap.security.credentials"
    " oracle.net.ldap.security.principal oracle.net.ldap.ssl.keyStorePassword"
    " oracle.net.ldap.ssl.trustStorePassword oracle.net.ldap.ssl.walletPassword",
    "database server oracle.net.tns_admin TNS_ADMIN oracle.jdbc.config.file protocol"
    " oracle.jdbc.targetInstanceName oracle.jdbc.targetServiceName oracle.jdbc.targetShardingKey"
    " oracle.jdbc.targetSuperShardingKey",
    {
        "the option logs in as the database administrator or as another user": "internal_logon prelim_auth"
        " oracle.jdbc.proxyClientName oracle.jdbc.bindUseDBA",
        DIRECTORY_LOGIN: "oracle.net.authentication_services oracle.net.kerberos5_cc_name"
        " oracle.net.kerberos5_mutual_authentication oracle.net.KerberosRealm"
        " oracle.net.KerberosJaasLoginModule oracle.net.profile oracle.net.external_authentication"
        " oracle.net.radius_challenge_response_handler oracle.jdbc.tokenAuthentication"
        " oracle.jdbc.tokenLocation oracle.jdbc.azureDatabaseApplicationIdUri oracle.jdbc.clientId"
        " oracle.jdbc.tenantId oracle.jdbc.redirectUri oracle.jdbc.ociCompartment oracle.jdbc.ociConfigFile"
        " oracle.jdbc.ociDatabase oracle.jdbc.ociIamUrl oracle.jdbc.ociProfile oracle.jdbc.ociTenancy"
        " oracle.net.ldap.security.authentication oracle.net.ldap.ssl.keyManagerFactory.algorithm"
        " oracle.net.ldap.ssl.keyStore oracle.net.ldap.ssl.keyStoreType"
        " oracle.net.ldap.ssl.ssl_context_protocol oracle.net.ldap.ssl.supportedCiphers"
        " oracle.net.ldap.ssl.supportedVersions oracle.net.ldap.ssl.trustManagerFactory.algorithm"
        " oracle.net.ldap.ssl.trustStore oracle.net.ldap.ssl.trustStoreType"
        " oracle.net.ldap.ssl.walletLocation com.sun.jndi.ldap.connect.timeout"
        " com.sun.jndi.ldap.read.timeout",
        "the option changes which login methods the driver accepts": "oracle.jdbc.allowedLogonVersion"
        " oracle.jdbc.passwordAuthentication oracle.jdbc.thinLogonCapability",
        CLASS: "oracle.jdbc.provider.accessToken oracle.jdbc.provider.connectionString"
        " oracle.jdbc.provider.password oracle.jdbc.provider.tlsConfiguration"
        " oracle.jdbc.provider.traceEventListener oracle.jdbc.provider.username",
        "the driver takes settings from another server or file": "oracle.jdbc.remoteConfigurationFiltering"
        " oracle.jdbc.sqlTranslationProfile oracle.jdbc.sqlErrorTranslationFile oracle.jdbc.ons.walletfile",
        "the driver opens connections to further servers": "oracle.jdbc.fanEnabled=(?i:false)"
        " oracle.jdbc.useShardingDriverConnection=(?i:false)"
        " oracle.jdbc.useTrueCacheDriverConnection=(?i:false) oracle.jdbc.ons.protocol"
        f" oracle.jdbc.enableOCIFastApplicationNotification=(?i:false) oracle.jdbc.jmsNotification"
        f" oracle.jdbc.thinForceDNSLoadBalancing=(?i:false) source_route={_OFF}",
        SERVER_SETTINGS: "oracle.jdbc.DRCPPLSQLCallback",
        "the option opens the session for a debugger": "oracle.jdbc.debugJDWP",
        TRACE: "oracle.jdbc.diagnostic.bufferSize oracle.jdbc.diagnostic.debugSQL"
        " oracle.jdbc.diagnostic.debugTenant oracle.jdbc.diagnostic.enableDiagnoseFirstFailure=(?i:false)"
        " oracle.jdbc.diagnostic.enableLogging=(?i:false) oracle.jdbc.diagnostic.enableMetrics"
        " oracle.jdbc.diagnostic.enableObservability=(?i:false)"
        " oracle.jdbc.diagnostic.enableSensitiveDiagnostics=(?i:false)"
        " oracle.jdbc.diagnostic.loggerName oracle.jdbc.diagnostic.permitSensitiveDiagnostics=(?i:false)"
        " oracle.jdbc.diagnostic.writeLogsToDiagnoseFirstFailure=(?i:false)",
        "an option without documentation, or for Oracle's OCI driver": "OCIEnvHandle OCIErrHandle"
        " OCISvcCtxHandle JDBCDriverCharSetId oracle.jdbc.asyncCursorLimit"
        " oracle.jdbc.databaseStateRequirement oracle.jdbc.ignoreReplayContextFromAuthentication"
        " oracle.jdbc.internal.permitBindDateDefineTimestampMismatch oracle.jdbc.nsDirectBuffer"
        " oracle.jdbc.ociNlsLangBackwardCompatible oracle.jdbc.useOCIDefaultDefines oracle.net.oldSyntax"
        " oracle.net.useJCEAPI",
    },
    {
        ONE_SERVER: "load_balance failover retry_count retry_delay",
        "a network parameter, which the URL for the driver does not repeat": "connect_timeout"
        " transport_connect_timeout expire_time sdu recv_buf_size send_buf_size",
    },
)

ORACLE = DatabaseEngine(
    name="oracle",
    driver_release=DriverRelease(
        artifacts=("com.oracle.database.jdbc:ojdbc11", "com.oracle.database.jdbc:ojdbc8",
            "com.oracle.database.jdbc:ojdbc17"),
        versions=(("19.19", "20.0"), ("23.3", "")),
        recommended="23.3.0.23.09",
        reason="21.7 sends the service name before it compares the server's name; others were not tested",
        source="https://docs.oracle.com/en/database/oracle/oracle-database/23/jajdb/oracle/jdbc/OracleConnection.html",
        manifest=(("Implementation-Vendor", "Oracle Corporation", "Implementation-Version"),),
    ),
    url_prefix="jdbc:oracle:",
    negotiation=TlsNegotiation.TLS,
    driver="oracle.jdbc.OracleDriver",
    driver_aliases=("oracle.jdbc.driver.OracleDriver",),
    default_port=2484,
    forced_options=(("oracle.net.ssl_server_dn_match", "true"), ("oracle.net.ssl_version", "1.2")),
    timeouts=timeouts(
        "oracle.net.CONNECT_TIMEOUT",
        "oracle.jdbc.ReadTimeout",
        milliseconds="oracle.net.CONNECT_TIMEOUT oracle.jdbc.ReadTimeout",
    ),
    trust_store_options=(
        ("javax.net.ssl.trustStore", "{path}"),
        ("javax.net.ssl.trustStoreType", "PKCS12"),
        ("javax.net.ssl.trustStorePassword", "{password}"),
    ),
    options=_OPTIONS,
    options_source="https://docs.oracle.com/en/database/oracle/oracle-database/21/jajdb/oracle/jdbc/OracleConnection.html",
    needs_database=True,
    descriptors=True,
    # Besides a DESCRIPTION: only tcps with a port, no host list or ldap.
    # The driver does not parse one-letter host names, or a service name with "$".
    url_form=r"jdbc:oracle:thin:@tcps://(?P<address>[A-Za-z0-9][A-Za-z0-9._-]+:[0-9]+)"
    r"/(?P<database>[A-Za-z][A-Za-z0-9_.-]+)(?:\?(?P<options>.*))?",
    bare_form="jdbc:oracle:thin:@tcps://{host}:{port}/{database}",

        plain_tcp_form=r"(?i:jdbc:oracle:(?:thin|oci8?):(?://)?@(?:tcp://|//|(?!ldaps?:|wss?:|https?:|tcps:)[\w.-]+[:/]).*)",
    verification_option="ssl_server_dn_match=true, with tcps",
    # 21.7 is not accepted: it sends the service name before it compares the server's name.
    approved_drivers=(
        ApprovedDriver("23.3.0.23.09", "5ffffe668e713f0fa3ea37096d40704181b005b79c24fe34f20364c918c411b0"),
    ),
    bundled_drivers=(
        BundledDriver("4.0", "21.7", "plain TCP unless the URL says tcps; server name not compared"),
        BundledDriver("5.x", "23.3.0.23.09", "plain TCP unless the URL says tcps"),
        BundledDriver("6.0", "not published", "unknown"),
    ),
)  # fmt: skip
