"""Fakes of objects of the JVM, as Py4J gives them."""

from types import SimpleNamespace


class Option:
    def __init__(self, value=None):
        self.value = value

    def isDefined(self):
        return self.value is not None

    def get(self):
        return self.value


class Seq(list):
    def size(self):
        return len(self)

    def isEmpty(self):
        return not self

    def apply(self, position):
        return self[position]


def java(kind, package="org.apache.spark.sql", **members):
    """Return an object of a JVM class with methods that return values."""
    type_ = SimpleNamespace(getSimpleName=lambda: kind, getName=lambda: f"{package}.{kind}")
    return SimpleNamespace(getClass=lambda: type_, **{name: method(value) for name, value in members.items()})


def method(value):
    return lambda *_: value
