"""Which state folder a test process uses: one for each process of pytest-xdist."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from glue_secure.embedded import installed_spark
from glue_secure.testing import plugin, warm_session


class Config:
    rootpath = Path("/project")

    def __init__(self, option="", setting="", worker=None):
        self._option, self._setting = option, setting
        if worker:
            self.workerinput = {"workerid": worker}

    def getoption(self, _name):
        return self._option

    def getini(self, _name):
        return self._setting


@pytest.mark.parametrize(
    ("config", "folder"),
    [
        (Config(), None),
        (Config(option="state"), "/project/state"),
        (Config(setting="ini"), "/project/ini"),
        (Config(option="/absolute", setting="ini"), "/absolute"),
        (Config(option="state", worker="gw0"), "/project/state-gw0"),
        (Config(setting="ini", worker="gw1"), "/project/ini-gw1"),
    ],
)
def test_the_folder_follows_from_option_setting_and_worker(config, folder):
    assert plugin._state(config) == (Path(folder) if folder else None)


def test_another_line_of_spark_is_not_left_running(monkeypatch, tmp_path):
    monkeypatch.setattr(
        warm_session, "installed_spark", lambda: installed_spark.InstalledSpark(tmp_path, "4.1.1", "4.1")
    )
    with warm_session.running_session(SimpleNamespace(state=tmp_path)) as session:
        assert session is None
    assert list(tmp_path.iterdir()) == []
