"""Projects of every kind that a template supports."""

import pytest
from template_projects import PROJECTS

from glue_secure.project.project_file import read_text


@pytest.fixture(params=sorted(PROJECTS))
def name(request):
    """The name of each project."""
    return request.param


@pytest.fixture(scope="session")
def projects():
    return {name: read_text(text) for name, text in PROJECTS.items()}


@pytest.fixture(scope="session")
def whole(projects):
    return projects["whole"]
