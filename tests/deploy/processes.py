"""Slots whose images are servers on this machine without containers: how they start, and faults for one of them."""

import os
import signal
import subprocess
import sys

from tests.conftest import ROOT, SAMPLE
from tests.serving.conftest import free_port


class Processes:
    """An image is the name of a command; `around` is called once the image serves."""

    def __init__(self):
        self.images, self.running, self.around = {}, {}, lambda _: None

    def start(self, slot, image):
        self.stop(slot)
        port = free_port()
        self.running[slot] = self.images[image](port)
        return f"127.0.0.1:{port}"

    def stop(self, slot):
        if process := self.running.pop(slot, None):
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()

    def runs(self, slot):
        return slot in self.running and self.running[slot].poll() is None

    def words(self, _):
        return ""

    def clear(self):
        for slot in list(self.running):
            self.stop(slot)


def server(model, logs):
    """A command that starts `python -m serving` with a model on a port."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SERVING_")}
    environment |= {"SERVING_MODEL": str(model), "SERVING_LOG_DIRECTORY": str(logs), "SERVING_ACCESS_LOG": "none"}
    environment |= {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    command = [sys.executable, "-m", "serving"]

    def start(port):
        mine = environment | {"SERVING_PORT": str(port)}
        return subprocess.Popen(command, cwd=SAMPLE.parent, env=mine, stdout=subprocess.DEVNULL)

    return start
