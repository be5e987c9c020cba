"""A stopped command waits for its child processes, and its exit code names the signal."""

import os
import signal
import subprocess
import sys

import pytest

from ml.io import cli
from tests.conftest import ROOT

CHILD = """
import time
print("ready", flush=True)
try:
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(0.5)  # longer than subprocess.run waits
    open("clean", "w").close()
    raise SystemExit(130)
"""
PARENT = f"""
import sys
from ml.io import cli, process

def main() -> int:
    return process.finished([sys.executable, "-c", {CHILD!r}])

if __name__ == "__main__":
    cli.run(main)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, cli.INTERRUPTED), (signal.SIGTERM, cli.TERMINATED)])
def test_a_stopped_command_waits_for_the_cleanup_of_its_children(tmp_path, sent, code):
    (tmp_path / "parent.py").write_text(PARENT)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    parent = subprocess.Popen([sys.executable, "parent.py"], cwd=tmp_path, env=environment, **pipes)
    parent.stdout.readline()

    parent.send_signal(sent)

    _, said = parent.communicate(timeout=30)
    assert parent.returncode == code
    assert (tmp_path / "clean").exists()
    assert ": stopped by " in said
    assert "Traceback" not in said
