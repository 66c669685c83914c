"""The version of a driver is read from its JAR, and compared with the least accepted one."""

from __future__ import annotations

import struct
import zipfile

import pytest
from driver_jars import driver_jar, write_jar

from glue_secure.connections.driver_jar import (
    DriverJar,
    check_driver,
    is_accepted_version,
    read_driver_jar,
    string_constant,
)
from glue_secure.connections.engines.registry import ENGINES
from glue_secure.core.findings import Verdict

BY_NAME = {engine.name: engine for engine in ENGINES}
POM = "META-INF/maven/org.mariadb.jdbc/mariadb-java-client/pom.properties"
# The headers of the real JARs (Maven Central), reduced to those with a name or a version.
MANIFESTS = {
    ("mysql", "8.0.12"): "Implementation-Title: MySQL Connector/J\nImplementation-Version: 8.0.12\n"
    "Bundle-Version: 8.0.12\nBundle-SymbolicName: com.mysql.cj",
    ("mysql", "8.0.33"): "Implementation-Title: MySQL Connector/J\nImplementation-Version: 8.0.33",
    ("mariadb", "2.7.12"): "Bundle-SymbolicName: org.mariadb.jdbc\nBundle-Version: 2.7.12",
    ("mariadb", "3.5.7"): "Bundle-SymbolicName: mariadb-java-client\nBundle-Version: 3.5.7",
    ("postgresql", "42.2.5"): "Bundle-SymbolicName: org.postgresql.jdbc42\nBundle-Version: 42.2.5\n"
    "Implementation-Title: PostgreSQL JDBC Driver - JDBC 4.2\nImplementation-Version: 42.2.5",
    ("postgresql", "42.3.6"): "Bundle-SymbolicName: org.postgresql.jdbc\nBundle-Version: 42.3.6",
    ("sqlserver", "9.4.0"): "Bundle-SymbolicName: com.microsoft.sqlserver.mssql-jdbc\nBundle-Version: 9.4.0",
    # The JAR of ojdbc11 21.7.0.0 states 21.6.
    (
        "oracle",
        "19.19.0.0.0",
    ): "Implementation-Vendor: Oracle Corporation\nImplementation-Version: 19.19.0.0.0",
    ("oracle", "21.6.0.0.0"): "Implementation-Vendor: Oracle Corporation\nImplementation-Title: JDBC\n"
    "Implementation-Version: 21.6.0.0.0",
}
REFUSED = {("mysql", "8.0.12"), ("mariadb", "2.7.12"), ("postgresql", "42.2.5"), ("oracle", "21.6.0.0.0")}
# https://docs.aws.amazon.com/glue/latest/dg/migrating-version-50.html, "JDBC connections"
GLUE = [(engine, driver.version) for engine in ENGINES for driver in engine.bundled_drivers]


@pytest.mark.parametrize(("name", "version"), MANIFESTS)
def test_the_version_is_read_from_the_manifest_of_a_real_jar(tmp_path, name, version):
    engine = BY_NAME[name]
    path = write_jar(tmp_path / "driver.jar", manifest=MANIFESTS[name, version] + "\n")
    jar = read_driver_jar(path, engine.driver_release)
    assert jar is not None and jar.version == version
    verdict = Verdict.FAIL if (name, version) in REFUSED else Verdict.PASS
    findings = check_driver(engine, jar, resource="c")
    assert findings[0].control == "GS-TLS-013" and findings[0].verdict is verdict


@pytest.mark.parametrize(("engine", "version"), GLUE, ids=lambda value: getattr(value, "name", value))
def test_the_drivers_of_glue_are_accepted(engine, version):
    if version == "not published" or (engine.name, version) == ("oracle", "21.7"):
        pytest.skip("unknown, or refused with a reason (docs/jdbc.md)")
    assert is_accepted_version(version, engine.driver_release)


@pytest.mark.parametrize(
    ("version", "accepted"),
    [
        *(("42.2.24", False), ("42.2.25", True), ("42.2.29.jre7", True), ("42.3.1", False), ("42.3.2", True)),
        *(("42.7.3", True), ("43.0", True), ("9.4.1212", False), ("42", False), ("", False), ("new", False)),
    ],
)
def test_a_fixed_release_of_an_older_series_is_accepted(version, accepted):
    assert is_accepted_version(version, BY_NAME["postgresql"].driver_release) is accepted


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_the_recommended_driver_is_accepted(engine, tmp_path):
    jar = read_driver_jar(driver_jar(engine, tmp_path), engine.driver_release)
    findings = check_driver(engine, jar, resource="c")
    expected = ["GS-TLS-013"] if engine.session_query else ["GS-TLS-013", "GS-TLS-010"]
    assert [finding.control for finding in findings] == expected
    assert {finding.verdict for finding in findings} == {Verdict.PASS}


def test_a_tested_jar_is_accepted_by_its_digest():
    engine = BY_NAME["oracle"]
    (tested,) = engine.approved_drivers
    findings = check_driver(engine, DriverJar(tested.sha256, ""), resource="c")
    assert "tested version 23.3.0.23.09" in findings[0].found


@pytest.mark.parametrize(
    "entries",
    [
        {"manifest": "Implementation-Title: my-etl\nImplementation-Version: 9.9\n"},
        {"manifest": "Manifest-Version: 1.0\n"},
        {"manifest": "Bundle-SymbolicName: mariadb-java-client\n"},
        {"manifest": "Bundle-SymbolicName: mariadb-java-client\nBundle-Version: 3.x\n"},
        {
            "manifest": "Bundle-SymbolicName: mariadb-java-client\nBundle-Version: 3.5.7\n",
            POM: "version=2.7.12\n",
        },
        {POM: "artifactId=mariadb-java-client\n"},
        {"pom.properties": "version=3.5.7\n"},
        {"manifest": "Name: x\n\nBundle-SymbolicName: mariadb-java-client\nBundle-Version: 3.5.7\n"},
        {},
    ],
    ids=lambda entries: " ".join(entries.values())[-40:],
)
def test_a_jar_that_does_not_state_one_version_is_unknown(tmp_path, entries):
    engine = BY_NAME["mariadb"]
    jar = read_driver_jar(write_jar(tmp_path / "driver.jar", **entries), engine.driver_release)
    (finding,) = check_driver(engine, jar, resource="c")
    assert (finding.control, finding.verdict) == ("GS-TLS-013", Verdict.UNKNOWN)
    assert "mariadb-java-client:3.5.7" in finding.fix


def test_pom_properties_and_manifest_may_agree(tmp_path):
    engine = BY_NAME["sqlserver"]
    path = write_jar(
        tmp_path / "driver.jar",
        **{
            "manifest": "Bundle-SymbolicName: com.microsoft.sqlserver.mssql-\r\n jdbc\r\n"
            "Bundle-Version: 10.2.0\r\n",
            "META-INF/maven/com.microsoft.sqlserver/mssql-jdbc/pom.properties": "#x\nversion=10.2.0.jre8\n",
        },
    )
    jar = read_driver_jar(path, engine.driver_release)
    assert jar is not None and jar.version == "10.2.0"


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"PK\x05\x06" + bytes(18)[:-1], b"text"])
def test_a_damaged_jar_is_unknown(tmp_path, content):
    path = tmp_path / "driver.jar"
    path.write_bytes(content)
    engine = BY_NAME["postgresql"]
    (finding,) = check_driver(engine, read_driver_jar(path, engine.driver_release), resource="c")
    assert (finding.verdict, finding.found) == (Verdict.UNKNOWN, "no JAR of the driver that can be read")


def class_file(field: str, value: str) -> bytes:
    """Return a class file with one String constant, and entries of the constant pool of several sizes."""

    def text(content: str) -> bytes:
        return b"\x01" + struct.pack(">H", len(content)) + content.encode()

    long_number = b"\x05" + bytes(8)  # takes two indexes
    pool = [text(field), text("ConstantValue"), long_number, text(value), b"\x08\x00\x05", b"\x0f" + bytes(3)]
    constant = struct.pack(">HIH", 2, 2, 6)
    return (
        b"\xca\xfe\xba\xbe\x00\x00\x00\x34"
        + struct.pack(">H", 8)
        + b"".join(pool)
        + struct.pack(">HHHHH", 1, 0, 0, 0, 1)
        + struct.pack(">HHHH", 0x19, 1, 1, 1)
        + constant
    )


def test_the_version_of_a_merged_jar_is_a_constant_of_the_driver(tmp_path):
    path = tmp_path / "merged.jar"
    with zipfile.ZipFile(path, "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", "Implementation-Title: etl\nImplementation-Version: 9.9\n")
        jar.writestr("com/mysql/cj/Constants.class", class_file("CJ_VERSION", "8.0.12"))
    jar = read_driver_jar(path, BY_NAME["mysql"].driver_release)
    assert jar is not None and jar.version == "8.0.12"


@pytest.mark.parametrize("cut", range(0, 60, 3))
def test_a_damaged_class_file_has_no_constant(cut):
    assert string_constant(class_file("CJ_VERSION", "8.0.33")[:cut], "CJ_VERSION") == ""
    assert string_constant(class_file("OTHER", "8.0.33"), "CJ_VERSION") == ""


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
@pytest.mark.parametrize("version", ["", "0.0.1"])
def test_a_jar_that_the_policy_file_approves_is_accepted_by_its_digest_only(engine, version):
    jar = DriverJar("a" * 64, version)
    findings = check_driver(engine, jar, resource="c", approved="a" * 64)
    assert {finding.verdict for finding in findings} == {Verdict.PASS}
    assert "which the policy file approves" in findings[0].found
    for approved in ("b" * 64, ""):
        (finding,) = check_driver(engine, jar, resource="c", approved=approved)
        assert finding.verdict is not Verdict.PASS
    (missing,) = check_driver(engine, None, resource="c", approved="a" * 64)
    assert missing.verdict is Verdict.UNKNOWN
