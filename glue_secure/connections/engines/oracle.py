"""The Oracle engine (Oracle JDBC thin driver).

The driver encrypts only if the URL says ``tcps``, and by default does not compare the server's name.
https://docs.oracle.com/en/database/oracle/oracle-database/21/jajdb/oracle/jdbc/OracleConnection.html
"""

from __future__ import annotations

from glue_secure.connections.engines.engine import (
    ApprovedDriver,
    BundledDriver,
    DatabaseEngine,
    DriverRelease,
    TlsNegotiation,
    engine_options,
)

_NUMBER = r"-?[0-9]{1,9}"
_BOOLEAN = "true|false"
_STORE = "the option names a certificate authority other than CUSTOM_JDBC_CERT"
_CLIENT = "client certificates are not supported"
_OPENS = "another class, or a proxy, opens the connection"
_KERBEROS = "Kerberos and directory logins are not supported"
_SEVERAL = "the option is for several hosts"

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
    default_port=2484,
    forced_options=(("oracle.net.ssl_server_dn_match", "true"), ("oracle.net.ssl_version", "1.2")),
    trust_store_options=(
        ("javax.net.ssl.trustStore", "{path}"),
        ("javax.net.ssl.trustStoreType", "PKCS12"),
        ("javax.net.ssl.trustStorePassword", "{password}"),
    ),
    options=engine_options(
        {
            "defaultRowPrefetch": _NUMBER,
            "oracle.net.CONNECT_TIMEOUT": _NUMBER,
            "oracle.net.OUTBOUND_CONNECT_TIMEOUT": _NUMBER,
            "oracle.jdbc.ReadTimeout": _NUMBER,
            "oracle.jdbc.TcpNoDelay": _BOOLEAN,
            "oracle.jdbc.implicitStatementCacheSize": _NUMBER,
            "oracle.jdbc.defaultLobPrefetchSize": _NUMBER,
            "oracle.jdbc.timezoneAsRegion": _BOOLEAN,
            "oracle.jdbc.mapDateToTimestamp": _BOOLEAN,
            "includeSynonyms": _BOOLEAN,
            "remarksReporting": _BOOLEAN,
            "oracle.net.keepAlive": _BOOLEAN,
        },
        (
            ("oracle.net.ssl_server_dn_match", "true", "any name is accepted"),
            ("ssl_server_dn_match", "true", "any name is accepted"),
            *((name, "", "a name other than the host name is compared with the certificate") for name in (
                "oracle.net.ssl_server_cert_dn", "ssl_server_cert_dn", "oracle.net.ssl_allow_weak_dn_match",
                "ssl_allow_weak_dn_match")),
            *((name, "", "the option chooses protocols or ciphers that the preflight does not check") for
            name in (
                "oracle.net.ssl_version", "oracle.net.ssl_cipher_suites", "oracle.net.ssl_context_protocol",
                "oracle.net.allow_weak_crypto", "ssl_version")),
            *((name, "", "the option replaces TLS and its certificate check") for name in (
                "oracle.net.encryption_client", "oracle.net.encryption_types_client",
                "oracle.net.crypto_checksum_client", "oracle.net.crypto_checksum_types_client")),
            *((name, "", _STORE) for name in ("javax.net.ssl.trustStore", "javax.net.ssl.trustStoreType",
                "javax.net.ssl.trustStorePassword", "ssl.trustManagerFactory.algorithm",
                "oracle.net.wallet_location", "wallet_location", "my_wallet_directory")),
            *((name, "", _CLIENT) for name in ("javax.net.ssl.keyStore", "javax.net.ssl.keyStoreType",
                "ssl.keyManagerFactory.algorithm", "oracle.net.ssl_certificate_alias")),
            *((name, "", _OPENS) for name in ("oracle.net.httpsProxyHost", "oracle.net.httpsProxyPort",
                "oracle.net.socksProxyHost", "oracle.net.socksProxyPort", "https_proxy", "https_proxy_port")),
        ),
        "user password oracle.jdbc.newPassword OCINewPassword javax.net.ssl.keyStorePassword"
        " oracle.net.wallet_password oracle.net.websocketUser oracle.net.websocketPassword"
        " oracle.jdbc.accessToken"
        " oracle.jdbc.ons.walletpassword",
        "database server oracle.net.tns_admin TNS_ADMIN oracle.jdbc.config.file protocol",
        {
            "the option logs in as the database administrator": "internal_logon prelim_auth"
            " oracle.jdbc.proxyClientName",
            _KERBEROS: "oracle.net.authentication_services oracle.net.kerberos5_cc_name"
                " oracle.net.KerberosRealm"
            " oracle.net.KerberosJaasLoginModule oracle.net.profile oracle.jdbc.tokenAuthentication",
            _SEVERAL: "load_balance failover source_route retry_count retry_delay oracle.jdbc.fanEnabled"
            " oracle.jdbc.useShardingDriverConnection",
            "the option names a file": "oracle.jdbc.sqlTranslationProfile oracle.jdbc.sqlErrorTranslationFile"
            " oracle.jdbc.ons.walletfile",
        },
    ),
    # Only tcps with a port: no DESCRIPTION, SID, host list or ldap.
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
