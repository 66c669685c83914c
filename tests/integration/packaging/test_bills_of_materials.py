"""The bills of materials, checked by the validator of CycloneDX's own Python library."""

import hashlib
import json
import subprocess
import sys

import pytest

from glue_secure.project import gluewheels
from glue_secure.project.packaging import package
from glue_secure.project.versions import GLUE_VERSIONS

LIBRARY = "cyclonedx-python-lib[json-validation]==11.12.0"
REQUIRED = {"top": "1.0", "zope-interface": "7.2+acme.1", "snapshot": "2.0rc1.post2"}
VALIDATE = """
import sys
from pathlib import Path
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
for name in sys.argv[1:]:
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(Path(name).read_text())
    if error is not None:
        sys.exit(f"{name}: {error.data}")
"""


@pytest.mark.long
def test_every_bill_is_valid_by_the_schema_of_cyclonedx(tmp_path):
    """The library has an environment of its own, because only this test needs it.

    The bills of a job's requirements have a package with a local version.
    """

    def fake_wheels(version):
        return tuple(gluewheels.Wheel(f"{pin.name}.whl", b"x") for pin in gluewheels.pins(version))

    def resolved(*_):
        pins = [gluewheels.Pin(name, pin, hashlib.sha256(b"x").hexdigest()) for name, pin in REQUIRED.items()]
        wheels = (gluewheels.Wheel(f"{pin.name}-{pin.version}-py3-none-any.whl", b"x") for pin in pins)
        return gluewheels.Wheels(tuple(pins), tuple(wheels))

    (tmp_path / "requirements.txt").write_text("".join(f"{name}\n" for name in REQUIRED))
    of_job = package(
        tmp_path / "job",
        GLUE_VERSIONS,
        requirements_file=tmp_path / "requirements.txt",
        fetch=fake_wheels,
        resolve=resolved,
    )
    made = package(tmp_path / "dist", GLUE_VERSIONS, fetch=fake_wheels)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", LIBRARY], check=True)
    required = [target.bill.path for target in of_job.targets]
    for path in required:
        names = [component["name"] for component in json.loads(path.read_text())["components"]]
        assert set(REQUIRED) <= set(names)
    bills = [made.bill.path, *(target.bill.path for target in made.targets), *required]
    done = subprocess.run([python, "-c", VALIDATE, *bills], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    # The validator finds an error.
    text = made.bill.path.read_text()
    made.bill.path.write_text(text.replace('"alg": "SHA-256"', '"alg": "SHA-0"'))
    assert subprocess.run([python, "-c", VALIDATE, made.bill.path], capture_output=True).returncode == 1
