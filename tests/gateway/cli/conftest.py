"""The command line, run in this process."""

import contextlib
import io
import json
import sys
from dataclasses import dataclass

import pytest

from gateway.cli import main


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


OWN = ("SERVER", "PASSWORD", "NEW_PASSWORD", "PASSPHRASE", "LANG", "HOME", "CONFIG", "ENVIRONMENTS")


@pytest.fixture(scope="session")
def command():
    """``command(*words, **environment)``: one command in this process, with nothing of ours set but what is given."""

    def run(*words, **environment):
        out, err, code = io.StringIO(), io.StringIO(), 0
        with pytest.MonkeyPatch.context() as patch:
            for variable in OWN:
                patch.delenv(f"GLOVEBOX_{variable}", raising=False)
            for name, value in environment.items():
                patch.setenv(name, str(value))
            patch.setattr(sys, "argv", ["glovebox", *map(str, words)])
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                try:
                    main()
                except SystemExit as exit_:
                    code = exit_.code or 0
        return Ended(code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def terminal(command, tmp_path):
    """``terminal(*words, **environment)``: a command on a machine without a home yet."""

    def run(*words, **environment):
        places = {"GLOVEBOX_HOME": tmp_path / "home", "GLOVEBOX_CONFIG": tmp_path / "session.json"}
        return command(*words, **{**places, **environment})

    return run
