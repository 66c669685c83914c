"""The real drivers in one JVM, each in a class loader of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from py4j import java_gateway, protocol
from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway

from glue_secure.connections.engines.registry import ENGINES
from glue_secure.embedded.artifacts import fetch
from glue_secure.embedded.installed_spark import installed_spark
from glue_secure.embedded.jars import Artifact
from glue_secure.embedded.java import java_home

# Downloaded by this test only; not part of any package.
JARS = {
    "postgresql": Artifact("org.postgresql", "postgresql", "42.7.3",
        "a2644cbfba1baa145ff7e8c8ef582a6eed7a7ec4ca792f7f054122bdec756268", 1089312),
    "mysql": Artifact("com.mysql", "mysql-connector-j", "8.0.33",
        "e2a3b2fc726a1ac64e998585db86b30fa8bf3f706195b78bb77c5f99bf877bd9", 2481560),
    "mariadb": Artifact("org.mariadb.jdbc", "mariadb-java-client", "3.5.7",
        "07bb1229dc184f3313a5aef4c5a6b3207c8dbaa09db4a26814c936f004b4c526", 763697),
    "sqlserver": Artifact("com.microsoft.sqlserver", "mssql-jdbc", "10.2.0.jre8",
        "161d2d1989ac27934d4b1612b87b9ce4243d3d5b621e925545c9288deef2168c", 1393722),
    "sqlserver-9.4": Artifact("com.microsoft.sqlserver", "mssql-jdbc", "9.4.0.jre8",
        "897674096ae0008f5407ae110560fb5726e885c5b22ca3c8b01486cda80e995e", 1334599),
    "redshift": Artifact("com.amazon.redshift", "redshift-jdbc42", "2.1.0.16",
        "6b2031f69ae36b07624d401fba00b0d4be53fdb277f78366da100bedf8e8ed27", 1050537),
    "oracle": Artifact("com.oracle.database.jdbc", "ojdbc11", "21.7.0.0",
        "5999cce033d270dd8a1eb9e6c5254d166cd5f399ae2ed76b724b019b3ce51d01", 5181830),
    "redshift-2.1.0.29": Artifact("com.amazon.redshift", "redshift-jdbc42", "2.1.0.29",
        "b30825a09c05293a79c8839bfef172901a9dcb7a46ec19559409d0e6eb7b5299", 1077259),
    "oracle-23.3": Artifact("com.oracle.database.jdbc", "ojdbc11", "23.3.0.23.09",
        "5ffffe668e713f0fa3ea37096d40704181b005b79c24fe34f20364c918c411b0", 7107784),
}  # fmt: skip


EXAMPLES = {
    "postgresql": "jdbc:postgresql://db/ops",
    "mysql": "jdbc:mysql://db/ops",
    "mariadb": "jdbc:mariadb://db/ops",
    "sqlserver": "jdbc:sqlserver://db;databaseName=ops",
    "redshift": "jdbc:redshift://db/ops",
    "oracle": "jdbc:oracle:thin:@tcps://db:2484/ops",
}


@pytest.fixture
def jars() -> dict[str, Artifact]:
    return JARS


@dataclass(frozen=True)
class Reading:
    """A driver's interpretation of a URL and properties."""

    host: str
    port: int
    database: str
    verification: str


@contextmanager
def exceptions_of_this_gateway() -> Iterator[None]:
    """Undo PySpark's hook, which resolves every gateway's exceptions in PySpark's own JVM."""
    hooked = java_gateway.get_return_value
    java_gateway.get_return_value = protocol.get_return_value
    try:
        yield
    finally:
        java_gateway.get_return_value = hooked


class Drivers:
    """Calls the drivers by reflection. py4j loads none of their classes: two drivers share names."""

    def __init__(self, home: Path) -> None:
        # One by one: for two versions of a module, Ivy resolves only the newer one.
        files = [fetch([jar], home)[0] for jar in JARS.values()]
        port = launch_gateway(port=0, classpath="", die_on_exit=True, java_path=str(home / "bin" / "java"))
        self.gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port, auto_field=True))
        self.jvm = self.gateway.jvm
        self.loaders = {}
        for name, file in zip(JARS, files, strict=True):
            urls = self.gateway.new_array(self.jvm.java.net.URL, 1)
            urls[0] = self.jvm.java.io.File(str(file)).toURI().toURL()
            self.loaders[name] = self.jvm.java.net.URLClassLoader(urls)
        self._methods: dict[tuple[str, str, str, str], Any] = {}
        self._objects = self.jvm.java.lang.Object

    def close(self) -> None:
        self.gateway.shutdown()

    def read(self, which: str, url: str, properties: dict[str, str]) -> Reading | None:
        """Return the driver's interpretation, None if the driver does not accept the URL."""
        found: Reading | None = getattr(self, "_" + which.partition("-")[0])(which, url, properties)
        return found

    def login(self, which: str, url: str, properties: dict[str, str]) -> str:
        """Connect. Return the driver's error and its causes, ``""`` if it connects."""
        class_name = next(e.driver for e in ENGINES if e.name == which.partition("-")[0])
        driver = (
            self.loaders[which]
            .loadClass(class_name)
            .getDeclaredConstructor(self.gateway.new_array(self.jvm.java.lang.Class, 0))
            .newInstance(self.gateway.new_array(self._objects, 0))
        )
        connect = self.jvm.java.sql.Driver._java_lang_class.getMethods()
        method = next(m for m in connect if m.getName() == "connect")
        given = self.gateway.new_array(self._objects, 2)
        given[0], given[1] = url, self.properties(properties)
        try:
            with exceptions_of_this_gateway():
                connection = method.invoke(driver, given)
        except protocol.Py4JJavaError as error:
            found, cause = [], error.java_exception
            while cause is not None:
                found.append(str(cause.toString()))
                cause = cause.getCause()
            return " / ".join(found)
        connection.close()
        return ""

    def call(
        self, which: str, class_name: str, name: str, target: Any, *arguments: Any, types: str = ""
    ) -> Any:
        """Call a method, public or not, found by name and by its parameters' simple names."""
        key = (which, class_name, name, types or str(len(arguments)))
        method = self._methods.get(key)
        if method is None:
            method = next(
                m
                for m in self.loaders[which].loadClass(class_name).getDeclaredMethods()
                if m.getName() == name
                and len(m.getParameterTypes()) == len(arguments)
                and (not types or types == " ".join(t.getSimpleName() for t in m.getParameterTypes()))
            )
            method.setAccessible(True)
            self._methods[key] = method
        given = self.gateway.new_array(self._objects, len(arguments))
        for place, argument in enumerate(arguments):
            given[place] = argument
        return method.invoke(target, given)

    def new(self, which: str, class_name: str) -> Any:
        none = self.gateway.new_array(self.jvm.java.lang.Class, 0)
        constructor = self.loaders[which].loadClass(class_name).getDeclaredConstructor(none)
        constructor.setAccessible(True)
        return constructor.newInstance(self.gateway.new_array(self._objects, 0))

    def documented_options(self, which: str) -> list[str]:
        """Return the names of the driver's own list of options."""
        class_name = next(e.driver for e in ENGINES if e.name == which.partition("-")[0])
        methods = self.jvm.java.sql.Driver._java_lang_class.getMethods()
        method = next(m for m in methods if m.getName() == "getPropertyInfo")
        given = self.gateway.new_array(self._objects, 2)
        given[0], given[1] = EXAMPLES[which.partition("-")[0]], self.properties({})
        return [str(option.name).strip() for option in method.invoke(self.new(which, class_name), given)]

    def properties(self, given: dict[str, str]) -> Any:
        found = self.jvm.java.util.Properties()
        for name, value in given.items():
            found.setProperty(name, value)
        return found

    def text(self, value: Any) -> str:
        return str(self.jvm.java.lang.String.valueOf(value))

    def _postgresql(self, which: str, url: str, properties: dict[str, str]) -> Reading | None:
        read = self.call(which, "org.postgresql.Driver", "parseURL", None, url, self.properties(properties))
        if read is None:
            return None
        mode = self.call(which, "org.postgresql.jdbc.SslMode", "of", None, read)
        return Reading(
            read.getProperty("PGHOST"),
            int(read.getProperty("PGPORT")),
            read.getProperty("PGDBNAME"),
            str(mode),
        )

    def _redshift(self, which: str, url: str, properties: dict[str, str]) -> Reading | None:
        given = self.new(which, "com.amazon.redshift.util.RedshiftProperties")
        for name, value in properties.items():
            self.call(which, "com.amazon.redshift.util.RedshiftProperties", "setProperty", given, name, value)
        read = self.call(which, "com.amazon.redshift.Driver", "parseURL", None, url, given)
        if read is None:
            return None
        mode = self.call(which, "com.amazon.redshift.jdbc.SslMode", "of", None, read)

        def said(name: str) -> str:
            kind = "com.amazon.redshift.util.RedshiftProperties"
            return str(self.call(which, kind, "getProperty", read, name, types="String"))

        return Reading(said("host"), int(said("port")), said("dbname"), str(mode))

    def _mysql(self, which: str, url: str, properties: dict[str, str]) -> Reading | None:
        kind, host = "com.mysql.cj.conf.ConnectionUrl", "com.mysql.cj.conf.HostInfo"
        if not self.call(which, kind, "acceptsUrl", None, url):
            return None
        read = self.call(which, kind, "getConnectionUrlInstance", None, url, self.properties(properties))
        if self.text(self.call(which, kind, "getType", read)) != "SINGLE_CONNECTION":
            return None
        main = self.call(which, kind, "getMainHost", read)
        settings = self.new(which, "com.mysql.cj.jdbc.JdbcPropertySetImpl")
        exposed = self.call(which, host, "exposeAsProperties", main)
        base = "com.mysql.cj.conf.DefaultPropertySet"
        self.call(which, base, "initializeProperties", settings, exposed)
        mode = self.call(which, base, "getEnumProperty", settings, "sslMode", types="String")
        return Reading(
            self.call(which, host, "getHost", main),
            self.call(which, host, "getPort", main),
            self.call(which, host, "getDatabase", main),
            self.text(self.call(which, "com.mysql.cj.conf.AbstractRuntimeProperty", "getValue", mode)),
        )

    def _mariadb(self, which: str, url: str, properties: dict[str, str]) -> Reading | None:
        kind, address = "org.mariadb.jdbc.Configuration", "org.mariadb.jdbc.HostAddress"
        read = self.call(
            which, kind, "parse", None, url, self.properties(properties), types="String Properties"
        )
        if read is None:
            return None
        addresses = self.call(which, kind, "addresses", read)
        if len(addresses) != 1 or self.text(self.call(which, kind, "haMode", read)) != "NONE":
            return None
        field = self.loaders[which].loadClass(address)
        one = addresses[0]
        return Reading(
            field.getField("host").get(one),
            field.getField("port").get(one),
            self.call(which, kind, "database", read),
            self.text(self.call(which, kind, "sslMode", read)),
        )

    def _sqlserver(self, which: str, url: str, properties: dict[str, str]) -> Reading | None:
        kind = "com.microsoft.sqlserver.jdbc.SQLServerDriver"
        driver = self.new(which, kind)
        read = self.call(which, kind, "parseAndMergeProperties", driver, url, self.properties(properties))
        if read is None:
            return None
        default = "true" if which == "sqlserver" else "false"
        encrypt = read.getProperty("encrypt") or default
        trusting = read.getProperty("trustServerCertificate") or "false"
        odd = [n for n in ("hostNameInCertificate", "trustManagerClass", "instanceName", "socketFactoryClass",
            "failoverPartner") if read.getProperty(n)]  # fmt: skip
        return Reading(
            read.getProperty("serverName"),
            int(read.getProperty("portNumber") or 1433),
            read.getProperty("databaseName"),
            f"encrypt={encrypt.lower()} trust={trusting.lower()} {' '.join(odd)}".strip(),
        )

    def _oracle(self, which: str, url: str, properties: dict[str, str]) -> Reading | None:
        inner = url.partition("@")[2]
        if inner.startswith("("):
            kind = "oracle.net.jdbc.nl.NVFactory"
            pair = self.call(which, kind, "createNVPair", self.new(which, kind), inner, types="String")
            long = self.call(which, "oracle.net.jdbc.nl.NVPair", "toString", pair)
        else:
            kind = "oracle.net.resolver.EZConnectResolver"
            resolver = self.call(which, kind, "newInstance", None, inner)
            long = self.call(which, kind, "getResolvedUrl", resolver)
        return read_description(long, properties.get("oracle.net.ssl_server_dn_match", "false"))


def read_description(text: str, matched: str) -> Reading:
    """Read the DESCRIPTION that Oracle's resolver makes; it has one address, or it is no reading."""

    def only(name: str) -> str:
        found = re.findall(rf"(?i)\((?:{name})\s*=\s*([^()]*?)\s*\)", text)
        assert len(found) == 1, text
        return str(found[0])

    said = re.search(r"(?i)\(SSL_SERVER_DN_MATCH\s*=\s*([^()]*?)\s*\)", text)
    if said is not None and said[1].lower() not in ("true", "yes", "on"):
        matched = said[1].lower()
    verification = f"{only('PROTOCOL').lower()} dn_match={matched}"
    return Reading(only("HOST"), int(only("PORT")), only("SERVICE_NAME|SID"), verification)


@pytest.fixture(scope="session")
def drivers() -> Iterator[Drivers]:
    """The drivers; where a jar cannot be fetched, the test fails."""
    found = Drivers(java_home(installed_spark()))
    yield found
    found.close()
