"""Values that the check follows: each way from a text to a call is followed, and only to the values it has."""

# ruff: noqa: E501 - a script is one line

from __future__ import annotations

import pytest

from glue_secure.check.checker import check_script

SINK = """
class Sink:
    def __init__(self, target=None):
        self.target = target
    def write(self, target):
        frame.write_parquet(target)
    def write_all(self):
        frame.write_parquet(self.target)
    @staticmethod
    def write_frame(frame, target):
        frame.write_parquet(target)
"""
PARSER = "import argparse\nparser = argparse.ArgumentParser()\n"

# TARGET stands for a literal, and the last line of each script writes to it or calls what writes.
WAYS = {
    # Loops
    "a list": "names = ['/tmp/x', TARGET]\nfor name in names:\n    frame.write_parquet(name)",
    "an appended list": "names = []\nnames.append(TARGET)\nfor name in names:\n    frame.write_parquet(name)",
    "a set": "for name in sorted({TARGET}):\n    frame.write_parquet(name)",
    "pairs": "for name, target in [('a', TARGET)]:\n    frame.write_parquet(target)",
    "named pairs": "names = [('a', TARGET)]\nfor name, target in names:\n    frame.write_parquet(target)",
    "keys": "names = {TARGET: 1}\nfor name in names:\n    frame.write_parquet(name)",
    "values": "names = {'a': TARGET}\nfor name in names.values():\n    frame.write_parquet(name)",
    "items": "names = {'a': TARGET}\nfor name, target in names.items():\n    frame.write_parquet(target)",
    "numbers": "names = [TARGET]\nfor n, name in enumerate(names):\n    frame.write_parquet(name)",
    "two lists": "names = [TARGET]\nfor x, name in zip(frames, names):\n    pass\nfor x, name in zip([1], names):\n"
    "    frame.write_parquet(name)",
    "dictionaries": "jobs = [{'to': TARGET}]\nfor job in jobs:\n    frame.write_parquet(job['to'])",
    "a comprehension": "names = [TARGET]\n[frame.write_parquet(name) for name in names]",
    "a list of a comprehension": "names = [TARGET + part for part in parts]\nfor name in names:\n"
    "    frame.write_parquet(name)",
    "parts of a text": "root = TARGET\nfor part in ['a', 'b']:\n    frame.write_parquet(f'{root}/{part}')",
    "a function in a loop": "def write(name):\n    frame.write_parquet(name)\nfor name in [TARGET]:\n    write(name)",
    # Methods and constructors
    "a constructor": SINK + "Sink(TARGET).write_all()",
    "a constructor by name": SINK + "Sink(target=TARGET).write_all()",
    "a method": SINK + "sink = Sink()\nsink.write(TARGET)",
    "a method by name": SINK + "Sink().write(target=TARGET)",
    "a static method": SINK + "Sink.write_frame(frame, TARGET)",
    "a constructor of a base class": SINK + "class Other(Sink):\n    pass\nOther(TARGET).write_all()",
    "a method of a base class": SINK + "class Other(Sink):\n    pass\nOther().write(TARGET)",
    "super": SINK + "class Other(Sink):\n    def __init__(self):\n        super().__init__(TARGET)\nOther().write_all()",
    "an object that is passed": SINK + "def main(sink):\n    sink.write(TARGET)\nmain(Sink())",
    "a context manager": SINK + "with Sink() as sink:\n    sink.write(TARGET)",
    "a data class": "import dataclasses\n@dataclasses.dataclass\nclass Sink:\n    name: str\n    target: str = ''\n"
    "    def write(self):\n        frame.write_parquet(self.target)\nSink('a', TARGET).write()",
    "an attribute": SINK + "class Job:\n    def __init__(self):\n        self.sink = Sink()\n    def run(self):\n"
    "        self.sink.write(TARGET)\nJob().run()",
    "one of two results": "def targets():\n    return 1, TARGET\nnumber, target = targets()\nframe.write_parquet(target)",
    "a result of a method": "class Names:\n    def target(self):\n        return TARGET\nframe.write_parquet(Names().target())",
    # Defaults of argparse
    "an option": PARSER + "parser.add_argument('-o', '--out-dir', default=TARGET)\nargs = parser.parse_args()\n"
    "frame.write_parquet(args.out_dir)",
    "an option of a name": PARSER + "parser.add_argument('-o', dest='out', default=TARGET)\n"
    "args, rest = parser.parse_known_args()\nframe.write_parquet(args.out)",
    "an option of a function": PARSER + "def options():\n    parser.add_argument('out', default=TARGET)\n"
    "    return parser.parse_args()\nframe.write_parquet(options().out)",
    "an option of a dictionary": PARSER + "parser.add_argument('--out', default=TARGET)\n"
    "args = vars(parser.parse_args())\nframe.write_parquet(args['out'])",
}  # fmt: skip


def found(target, way):
    script = "import glue_secure.as_awsglue\nimport polars\n" + WAYS[way].replace("TARGET", repr(target))
    return [one.rule for one in check_script(script, "job.py")]


@pytest.mark.parametrize("way", WAYS)
def test_a_value_is_followed(way):
    assert found("s3://b/a", way) == ["s3-native-client"]
    assert found("/tmp/a", way) == []


@pytest.mark.parametrize(
    "text",
    [
        # The command line may give another value, and TLS is then verified.
        PARSER + "parser.add_argument('--verify', default=True)\nimport requests\n"
        "requests.get('https://h', verify=parser.parse_args().verify)",
        # Other objects with methods and attributes of these names.
        SINK + "Sink('/tmp/a').write('/tmp/a')\nother.write('s3://b/a')",
        "class Sink:\n    def __init__(self, target):\n        return None\nSink('s3://b/a')\nframe.write_parquet('/tmp/a')",
        "for name, value in job.jdbc_options('c').items():\n    reader = reader.option(name, value)",
        "options = {**job.jdbc_options('c'), 'dbtable': 't'}\nreader = spark.read.format('jdbc')\n"
        "for name, value in options.items():\n    reader = reader.option(name, value)\nreader.load()",
    ],
)
def test_a_value_that_a_script_does_not_have_is_no_finding(text):
    assert check_script("import glue_secure.as_awsglue\nimport polars\n" + text, "job.py") == ()


def test_a_loop_over_itself_ends():
    text = "import glue_secure.as_awsglue\nnames = [name for name in names]\nfor names in zip(names, names):\n    print(names)"
    assert check_script(text, "job.py") == ()
