"""A new project: a job, a test of it that runs on the embedded account, a CI file, and the project's file.

The files are pure text of a name and of one requirement; :func:`start` puts them in place in one step.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from string import Template
from types import MappingProxyType

from glue_secure import __version__
from glue_secure.core.errors import UsageError
from glue_secure.project.project_file import FILE_NAME, read_text
from glue_secure.project.wheel import DISTRIBUTION, installed

# The name is the project's, its job's, and the beginning of its buckets' names, of which S3 keeps some:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_NAME = re.compile(r"(?!(?:sthree|amzn-s3-demo)(?:-|\Z))[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
_SHORTEST, _LONGEST = 3, 31
_EXTRA = f"{DISTRIBUTION}[demo]"

_JOB = '''\
"""Flights per carrier, of what has landed since the last run.

Arguments: --source and --target, two locations in S3.
"""

from glue_secure import SecureJob
from pyspark.sql import functions as F


def run(job: SecureJob) -> None:
    """Read what is new, count it, and write one row for each carrier."""
    flights = job.read.s3(job.args.source, format="csv", transformation_ctx="flights")
    counted = flights.groupBy("carrier").agg(F.count("*").alias("flights"))
    job.write.s3(counted, job.args.target, format="parquet")


if __name__ == "__main__":
    with SecureJob.from_argv("source", "target") as secure_job:
        run(secure_job)
'''

_TEST = '''\
"""The job, on the embedded account: its rows, their encryption, and that nothing is counted twice."""

from jobs.carriers import run


def test_what_landed_is_counted_once_and_encrypted(glue_job):
    glue_job.land("january.csv", "carrier,delay\\nUA,3\\nUA,8\\nAA,5\\n")
    for _ in ("the first run", "a run that finds nothing new"):
        with glue_job.job("source", "target") as job:
            run(job)
    assert sorted((row.carrier, row.flights) for row in glue_job.read().collect()) == [("AA", 1), ("UA", 2)]
    assert {seen["algorithm"] for seen in glue_job.objects().values()} == {"aws:kms"}
    assert [one["outcome"] for one in glue_job.evidence()] == ["succeeded", "succeeded"]
'''

_PROJECT = """\
# What the project consists of. Keys, buckets, roles and jobs follow from it: glue-secure template.
[project]
name = "$name"

# Names of buckets are unique in all of AWS: put a word of your own into each, here and below.
[buckets]
artifacts = "$name-artifacts"
evidence = "$name-evidence"
landing = "$name-landing"
curated = "$name-curated"

[jobs.$name]
script = "jobs/carriers.py"
reads = ["landing"]
writes = ["curated"]
arguments = { source = "s3://$name-landing/flights/", target = "s3://$name-curated/carriers/" }

# For jobs in a VPC of their own, without a way to the internet:
# [vpc]
# cidr = "10.20.0.0/16"
"""

_CI = """\
# What CI runs. Every step runs on a laptop as well, and none needs an AWS account.
name: test
on: [push, pull_request]
permissions:
  contents: read
jobs:
  test:
    runs-on: ubuntu-latest
    timeout-minutes: 20
    steps:
      - uses: actions/checkout@v4
        with:
          persist-credentials: false
      - uses: actions/setup-python@v5
        with:
          python-version: "3.11"
      - run: python -m pip install -r requirements.txt
      - run: ruff check . && ruff format --check .
      - run: python -m pytest
      - run: glue-secure template cloudformation --out build/template.json
"""

_REQUIREMENTS = """\
# Where glue-secure comes from: $origin
$requirement
pytest>=8.2
ruff>=0.6
"""

_TOOLS = """\
[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["."]

[tool.ruff]
line-length = 110
target-version = "py311"

[tool.ruff.lint]
select = ["E", "F", "W", "I", "B", "UP", "SIM"]
"""

_IGNORED = """\
__pycache__/
/.venv/
/.pytest_cache/
/.ruff_cache/
/build/
/dist/
/spark-warehouse/
"""

_README = """\
# $name

One AWS Glue job, made with glue-secure $version.

| file | what it is |
|---|---|
| `jobs/carriers.py` | the job |
| `tests/test_carriers.py` | its test, on an embedded account on this machine; no AWS account |
| `glue_secure.toml` | the project: buckets, connections, jobs, network |
| `requirements.txt` | what it needs; its first line says where glue-secure comes from |
| `.github/workflows/test.yml` | what CI runs |

```sh
python -m pip install -r requirements.txt
python -m pytest
glue-secure local up
glue-secure run jobs/carriers.py --JOB_NAME $name --source s3://glue-secure-landing/flights/ \\
    --target s3://glue-secure-curated/$name/
glue-secure local down
glue-secure template cloudformation --out build/template.json
```

Before the template is deployed, give the buckets in `glue_secure.toml` names of your own.
"""


def starter(name: str, requirement: str, origin: str = "a line of your own") -> Mapping[str, str]:
    """The files of a new project: path → text.

    Args:
        name: of the project and of its job; lower-case words of letters and digits, dashes between them.
        requirement: the line of ``requirements.txt`` that installs glue-secure.
        origin: what a reader is told about that line.

    Raises:
        UsageError: a name that buckets, roles or jobs could not have.
    """
    if not (_SHORTEST <= len(name) <= _LONGEST and _NAME.match(name)):
        raise UsageError(
            "NAME",
            found=repr(name),
            required=f"{_SHORTEST} to {_LONGEST} lower-case letters and digits, single dashes between them, "
            "and no beginning that S3 keeps to itself (sthree, amzn-s3-demo)",
        )
    if not requirement.strip() or not requirement.isprintable():
        raise UsageError("the requirement", found=repr(requirement), required="one line that pip reads")
    words = {"name": name, "requirement": requirement, "origin": origin, "version": __version__}
    files = {
        ".github/workflows/test.yml": _CI,
        ".gitignore": _IGNORED,
        "README.md": Template(_README).substitute(words),
        FILE_NAME: Template(_PROJECT).substitute(words),
        "jobs/carriers.py": _JOB,
        "pyproject.toml": _TOOLS,
        "requirements.txt": Template(_REQUIREMENTS).substitute(words),
        "tests/test_carriers.py": _TEST,
    }
    read_text(files[FILE_NAME])
    return MappingProxyType(files)


def start(folder: Path, files: Mapping[str, str]) -> None:
    """Make a folder with these files in one step: it is there whole, or not at all.

    Raises:
        UsageError: there is something of that name already, other than an empty folder; or it cannot be made.
    """
    if folder.is_symlink() or (folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))):
        raise _taken(folder)
    part = None
    try:
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.absolute().parent))
        for name, text in files.items():
            path = part / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        part.chmod(0o755)
        # Over an empty folder this replaces it; over one that somebody has filled meanwhile it fails.
        part.rename(folder)
        part = None
    except FileExistsError as error:
        raise _taken(folder) from error
    except OSError as error:
        if folder.is_dir() and any(folder.iterdir()):
            raise _taken(folder) from error
        raise UsageError(
            str(folder), found=type(error).__name__, required="a folder that can be made", fix=str(error)
        ) from error
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)


def _taken(folder: Path) -> UsageError:
    return UsageError(str(folder), found="there already", required="no such thing, or an empty folder")


def own_requirement() -> tuple[str, str]:
    """How pip got the copy that is running, as a requirement; and a word on it for who reads the file.

    https://packaging.python.org/en/latest/specifications/direct-url/
    """
    text = installed().read_text("direct_url.json")
    if text is None:
        return f"{_EXTRA}=={__version__}", "your package index"
    place = json.loads(text)
    url, facts = place["url"], place.get("vcs_info")
    if facts:
        return f"{_EXTRA} @ {facts['vcs']}+{url}@{facts['commit_id']}", "the commit that made this project"
    if url.startswith("file:"):
        return (
            f"{_EXTRA} @ {url}",
            "a place on the machine that made this project. Elsewhere, and in CI, name\n"
            "# another one: an index that has it, a repository (git+https://...), or a wheel.",
        )
    return f"{_EXTRA} @ {url}", "the archive that this project was made with"
