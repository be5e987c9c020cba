"""HAProxy: listens on the port that clients use, and divides requests between two slots, `blue` and `green`.

Weights and addresses change through its admin socket, so no connection is closed for them. A request that one slot
drops or answers with 5xx is tried once at the other; both attempts carry one X-Request-ID.
"""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from fractions import Fraction
from hashlib import md5
from pathlib import Path
from tempfile import gettempdir
from typing import Literal

from ml.io import files
from ml.io.errors import UserError

Slot = Literal["blue", "green"]
SLOTS: tuple[Slot, Slot] = ("blue", "green")
FINEST = 256  # HAProxy's largest weight, so its smallest share is one of so many
NOWHERE = "127.0.0.1:9"
PATIENCE = 10  # seconds
SOCKET = "run/admin.sock"
LONGEST = 90  # of the 107 bytes of a socket's path; HAProxy adds a suffix for a moment
CONFIG = """\
# Written by `make deploy`; what changes meanwhile goes through {socket}.
global
    stats socket {socket} mode 666 level admin  # a folder above is closed to others
    hard-stop-after 60s
    noreuseport  # two at one port would share its requests, and only one knows who serves
    tune.bufsize 65536  # larger requests are not tried again
defaults
    mode http
    retries 2
    option http-buffer-request  # only what is here as a whole can be tried again
    option redispatch 1
    retry-on conn-failure empty-response response-timeout 500 502 503 504
    timeout connect 1s
    timeout client 60s
    timeout server 5s
    timeout http-request 10s
    timeout http-keep-alive 60s
    timeout check 5s  # a busy machine is no reason to send everybody away
frontend clients
    bind {bind}
    http-request set-header X-Forwarded-For %[src]  # what a client says of itself goes no further
    http-request set-header X-Request-ID %[uuid] unless {{ req.hdr(X-Request-ID) -m found }}
    default_backend api
backend api
    balance roundrobin
    option httpchk GET /health/ready
    default-server inter 1s fastinter 500ms fall 3 rise 1
{servers}
"""


def other(slot: Slot | None) -> Slot:
    """The other slot; the first one if no slot is in use."""
    return next(found for found in SLOTS if found != slot)


def run_here(path: Path, *, again: bool) -> None:
    """Start HAProxy on this machine; `again` replaces the running process; raises UserError with HAProxy's reason."""
    if not shutil.which("haproxy"):
        raise UserError(
            "haproxy is not installed; it listens on the port of the API. Install it: apt-get install haproxy"
        )
    pid = path.parent / "run" / "haproxy.pid"
    # The one before finishes its running requests and stops.
    before = ["-sf", *pid.read_text(encoding="utf-8").split()] if again else []
    command = ["haproxy", "-D", "-f", path, "-p", pid, *before]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(
            f"haproxy does not start: {_last(done.stderr)}. If its port is in use, by another "
            "program or by an environment whose `.deploy/` was lost (`pgrep -a haproxy`), stop "
            "that process or set PORT=."
        )


def config(bind: str, places: dict[Slot, str], socket_path: str) -> str:
    """HAProxy's configuration with these slots, equal in weight; the other slot is disabled."""
    servers = [
        f"    server {slot} {places.get(slot, NOWHERE)} weight 1 check{'' if slot in places else ' disabled'}"
        for slot in SLOTS
    ]
    return CONFIG.format(bind=bind, servers="\n".join(servers), socket=socket_path)


class Proxy:
    """One HAProxy, and the folder of its configuration and socket."""

    def __init__(self, folder: Path, bind: str, start: Callable[..., None]) -> None:
        self._folder, self._bind, self._start = folder.resolve(), bind, start
        self._socket = _short(self._folder / SOCKET)

    def up(self, places: dict[Slot, str]) -> None:
        """Start HAProxy with this configuration; a running one is kept unless more than the slots changed."""
        if len(str(self._socket)) > LONGEST:
            raise UserError(
                f"{self._socket} is too long for the path of a socket. Deploy from a folder with a shorter path."
            )
        path, wanted = self._folder / "haproxy.cfg", config(self._bind, places, str(self._socket))
        running = self.answers()
        same = running and path.exists() and _rules(path.read_text(encoding="utf-8")) == _rules(wanted)
        files.write_text(wanted, path)
        (self._folder / SOCKET).parent.mkdir(exist_ok=True)
        if same:
            return
        self._start(path, again=running)
        end = time.monotonic() + PATIENCE
        while not self.answers():
            if time.monotonic() > end:
                raise UserError(
                    f"haproxy was started and does not respond at {self._socket} after {PATIENCE} s. Deploy again."
                )
            time.sleep(0.1)

    def answers(self) -> bool:
        """Whether HAProxy runs."""
        try:
            return "Name:" in self.tell("show info")
        except UserError:
            return False

    def join(self, slot: Slot, address: str) -> None:
        """Set the address of a slot, which gets no request before `split`."""
        self._weigh({slot: 0})
        self._point(slot, address)

    def split(self, serving: Slot, share: float) -> None:
        """Send this share of new requests to the other slot; the serving one keeps 1 of 256, to take over.

        HAProxy takes turns in rounds as long as the sum of the weights, and a new slot may get all its turns of a round
        in a row. So the weights are as small as possible: 3 and 7, not 77 and 179.
        """
        part = Fraction(min(max(share, 1 / FINEST), 1 - 1 / FINEST)).limit_denominator(FINEST)
        self._weigh({serving: part.denominator - part.numerator, other(serving): part.numerator})

    def only(self, slot: Slot, address: str, seconds: float) -> None:
        """Send all requests to one slot; the other gets this time to finish its requests, and is then disabled."""
        self._point(slot, address)
        self._weigh({slot: 1})
        leaving = other(slot)
        self.tell(f"set server api/{leaving} state drain")
        end = time.monotonic() + seconds
        while self._busy(leaving) and time.monotonic() < end:
            time.sleep(0.05)
        self.tell(f"set server api/{leaving} state maint")

    def tell(self, command: str) -> str:
        """The response of the admin socket; raises UserError if there is none or if the command is refused."""
        try:
            with socket.socket(socket.AF_UNIX) as admin:
                admin.settimeout(5)
                admin.connect(str(self._socket))
                admin.sendall(f"{command}\n".encode())
                answer = b"".join(iter(lambda: admin.recv(65536), b"")).decode()
        except OSError as error:
            raise UserError(f"HAProxy does not respond at {self._socket}: {error}. Deploy again to start it.") from None
        if command.startswith("set") and any(word in answer for word in ("No such", "Invalid", "Require", "Unknown")):
            raise UserError(f"HAProxy refuses `{command}`: {answer.strip()} Run the command again.")
        return answer

    def _point(self, slot: Slot, address: str) -> None:
        host, _, port = address.rpartition(":")
        self.tell(f"set server api/{slot} addr {host} port {port}")
        self.tell(f"enable health api/{slot}")
        self.tell(f"set server api/{slot} state ready")

    def _weigh(self, weights: dict[Slot, int]) -> None:
        for slot, weight in sorted(weights.items(), key=lambda pair: -pair[1]):  # larger first: never none
            self.tell(f"set server api/{slot} weight {weight}")

    def _busy(self, slot: Slot) -> bool:
        lines = [line.split(",") for line in self.tell("show stat").splitlines()]
        names = lines[0]
        found = next((line for line in lines if line[:2] == ["api", slot]), None)
        return found is not None and int(found[names.index("scur")] or 0) > 0


def _rules(text: str) -> list[str]:
    """A configuration without its slots, which change while HAProxy runs."""
    return [line for line in text.splitlines() if not line.startswith("    server ")]


def _short(path: Path) -> Path:
    """The path of a socket, or one in the folder for temporary files if it is too long for the system.

    A checkout of GitHub Actions contains the repository's name twice, so a long name is enough.
    """
    if len(str(path)) <= LONGEST:
        return path
    return Path(gettempdir()) / f"haproxy-{md5(str(path).encode(), usedforsecurity=False).hexdigest()[:12]}.sock"


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if "ALERT" in line] or text.strip().splitlines()
    return lines[0].partition(" : ")[2] or lines[0] if lines else "no reason given"
