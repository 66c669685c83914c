"""The files of a new project: a job, its test on the embedded account, a CI file and the project file."""

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

# The name of the project and its job, and the prefix of its buckets. S3 reserves some prefixes:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_NAME = re.compile(r"(?!(?:sthree|amzn-s3-demo)(?:-|\Z))[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
_SHORTEST, _LONGEST = 3, 31
_EXTRA = f"{DISTRIBUTION}[demo]"

_JOB = '''\
"""Count the flights per carrier that arrived since the last run.

Arguments: --source and --target, two locations in S3.
"""

from dataclasses import dataclass

from glue_secure import SecureJob
from pyspark.sql import functions as F


@dataclass
class Arguments:
    """The job's arguments."""

    source: str
    target: str


def run(job: SecureJob[Arguments]) -> None:
    """Read new flights, count them, and write one row per carrier."""
    flights = job.read.s3(job.args.source, format="csv", bookmark="flights")
    counted = flights.groupBy("carrier").agg(F.count("*").alias("flights"))
    job.write.s3(counted, job.args.target, format="parquet")


if __name__ == "__main__":
    with SecureJob.from_args(Arguments) as secure_job:
        run(secure_job)
'''

_TEST = '''\
"""The job on the embedded account: its rows, their encryption, and that no flight is counted twice."""

from jobs.carriers import run


def test_new_flights_are_counted_once_and_encrypted(glue_job):
    glue_job.land("january.csv", "carrier,delay\\nUA,3\\nUA,8\\nAA,5\\n")
    for _ in ("the first run", "a run without new flights"):
        with glue_job.job("source", "target") as job:
            run(job)
    assert sorted((row.carrier, row.flights) for row in glue_job.read().collect()) == [("AA", 1), ("UA", 2)]
    first, second = glue_job.evidence()
    assert {(item["algorithm"], item["key"]) for item in glue_job.objects().values()} == {
        ("aws:kms", first["keys"]["s3"])
    }
    assert (first["outcome"], second["outcome"]) == ("succeeded", "succeeded")
    assert (first["reads"][0]["objects"], second["reads"][0]["objects"]) == (1, 0)
'''

_PROJECT = """\
# The project. `glue-secure template` creates its keys, buckets, roles and jobs.
[project]
name = "$name"

# Bucket names are unique across AWS: add a word of your own to each, here and below.
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

# To run the jobs in a VPC without internet access:
# [vpc]
# cidr = "10.20.0.0/16"
"""

_CI = """\
# No step needs an AWS account; all of them also run on a development machine.
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
# Source of glue-secure: $origin
$requirement
# The line of Spark of AWS Glue 5.1, which the project file deploys.
pyspark>=3.5.6,<3.6
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
/.glue-secure/
"""

_README = """\
# $name

One AWS Glue job, created with glue-secure $version.

| file | content |
|---|---|
| `jobs/carriers.py` | the job |
| `tests/test_carriers.py` | its test on an embedded account; needs no AWS account |
| `glue_secure.toml` | the project: buckets, connections, jobs, network |
| `requirements.txt` | the requirements; the first line is the source of glue-secure |
| `.github/workflows/test.yml` | the CI workflow |

```sh
python -m pip install -r requirements.txt
python -m pytest
glue-secure local up
eval "$$(glue-secure local env)"
glue-secure run jobs/carriers.py --JOB_NAME $name --source s3://glue-secure-landing/flights/ \\
    --target s3://glue-secure-curated/$name/
glue-secure evidence list --in s3://glue-secure-evidence/evidence/ --job $name
glue-secure local down
eval "$$(glue-secure local env --unset)"
glue-secure template cloudformation --out build/template.json
```

`eval "$$(glue-secure local env)"` lets every command in the terminal use the embedded account. Without it,
`evidence list` uses your AWS credentials.

Add `--job-bookmark-option job-bookmark-enable` to the run, so that it reads only flights that are new since
the last run with this option. Without it, each run reads all flights, and appends their counts again.

`python -m pytest --glue-secure-account .glue-secure` keeps the account and Spark running for the next tests;
`glue-secure local down --state .glue-secure` stops them.

Before you deploy the template, change the bucket names in `glue_secure.toml`.
"""


def starter_files(
    name: str, requirement: str, origin: str = "a requirement of your own"
) -> Mapping[str, str]:
    """Return the files of a new project, path to text.

    Args:
        name: Name of the project and of its job: lower-case words of letters and digits, separated by dashes.
        requirement: The line of ``requirements.txt`` that installs glue-secure.
        origin: Description of that requirement, for a comment.

    Raises:
        UsageError: The name is invalid for a bucket, role or job.
    """
    if not (_SHORTEST <= len(name) <= _LONGEST and _NAME.match(name)):
        raise UsageError(
            "NAME",
            found=repr(name),
            required=f"{_SHORTEST} to {_LONGEST} lower-case letters and digits, separated by single dashes, "
            "without a prefix that S3 reserves (sthree, amzn-s3-demo)",
        )
    if not requirement.strip() or not requirement.isprintable():
        raise UsageError("the requirement", found=repr(requirement), required="one line that pip can read")
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


def create(folder: Path, files: Mapping[str, str]) -> None:
    """Create a folder with these files atomically.

    Raises:
        UsageError: The path exists and is not an empty folder, or the folder cannot be created.
    """
    if folder.is_symlink() or (folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))):
        raise _exists(folder)
    part = None
    try:
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.absolute().parent))
        for name, text in files.items():
            path = part / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        part.chmod(0o755)
        # This replaces an empty folder, and fails for one that another process has filled in the meantime.
        part.rename(folder)
        part = None
    except FileExistsError as error:
        raise _exists(folder) from error
    except OSError as error:
        if folder.is_dir() and any(folder.iterdir()):
            raise _exists(folder) from error
        raise UsageError(
            str(folder), found=f"{type(error).__name__}: {error}", required="a folder that can be created"
        ) from error
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)


def _exists(folder: Path) -> UsageError:
    return UsageError(str(folder), found="exists already", required="a new path, or an empty folder")


def current_requirement() -> tuple[str, str]:
    """Return a requirement for the running copy of glue-secure, and its description for a comment.

    https://packaging.python.org/en/latest/specifications/direct-url/
    """
    text = installed().read_text("direct_url.json")
    if text is None:
        return f"{_EXTRA}=={__version__}", "your package index"
    source = json.loads(text)
    url, vcs = source["url"], source.get("vcs_info")
    if vcs:
        return f"{_EXTRA} @ {vcs['vcs']}+{url}@{vcs['commit_id']}", "the commit that created this project"
    if url.startswith("file:"):
        return (
            f"{_EXTRA} @ {url}",
            "a path on the machine that created this project. For other machines and CI, use\n"
            "# an index that has it, a repository (git+https://...), or a wheel.",
        )
    return f"{_EXTRA} @ {url}", "the archive that created this project"
