"""Checks that need a container: privileges, predictions after a kill, and shutdown."""

import http.client
import json
import threading
from collections import Counter

from ml.deployment.answers_record import AnswersRecord
from ml.deployment.containers import Container
from ml.io.client import Client
from ml.io.errors import UserError
from ml.io.text import counted

READY = 60.0  # seconds; importing scikit-learn takes 4 CPU seconds
DRAIN = 10  # seconds until the container must have stopped
AT_ONCE = 8  # concurrent requests when the server is asked to stop
ROWS = 300  # single rows written before the server is killed
LOGGED = """
import json, pathlib
lines = [json.loads(line) for path in pathlib.Path("/app/logs").iterdir() for line in path.read_text().splitlines()]
print(json.dumps([row["id"] for line in lines for row in line.get("rows", [])]))
"""


def unprivileged(container: Container) -> str:
    """Check that the process is not root, and that its root file system is read-only."""
    _, user = container.execute("id", "-u")
    code, _ = container.execute("touch", "/app/anything")
    if user.strip() == "0" or code == 0:
        raise UserError(f"it runs as user {user.strip()} and {'can' if code == 0 else 'cannot'} write to /app")
    return f"user {user.strip()}, root file system read-only"


def durable(container: Container, recorded: AnswersRecord) -> str:
    """Check that predictions acknowledged before a kill -9 are in the log exactly once after a restart."""
    acknowledged: list[str] = []
    with Client(container.address, patience=5) as client:
        for number in range(ROWS):
            identity = f"smoke-{number}"
            if number == ROWS // 2:
                threading.Thread(target=container.kill).start()
            try:
                client.predict([recorded.rows[number % len(recorded.rows)] | {recorded.id: identity}])
            except UserError:
                break
            acknowledged.append(identity)
    container.wait()
    container.start()
    with Client(container.address) as client:
        client.ready(READY)
    code, printed = container.execute("python", "-c", LOGGED)
    if code:
        raise UserError(f"the log cannot be read: {printed[-200:]}")
    logged = Counter(json.loads(printed))
    lost = [identity for identity in acknowledged if identity not in logged]
    doubled = [identity for identity in acknowledged if logged[identity] > 1]
    if lost or doubled:
        raise UserError(
            f"of {len(acknowledged):,} acknowledged predictions {len(lost):,} are lost, {len(doubled):,} duplicated"
        )
    return f"{counted(len(acknowledged), 'prediction')} acknowledged before it, each in the log once"


def drained(container: Container, recorded: AnswersRecord) -> str:
    """Check that the server completes running requests after SIGTERM and then stops."""
    body = json.dumps({"rows": recorded.rows}).encode()
    host = container.address
    begun = [_begin(host, body) for _ in range(AT_ONCE)]
    ending = threading.Thread(target=container.stop, args=(DRAIN,))
    ending.start()
    ending.join(0.5)
    answered = sum(_finish(connection, body) for connection in begun)
    ending.join()
    if answered < AT_ONCE or container.exit_code:
        raise UserError(f"{answered} of {AT_ONCE} running requests were answered, exit code {container.exit_code}")
    return f"{answered} of {AT_ONCE} running requests were answered, exit code 0"


def _begin(address: str, body: bytes) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(address, timeout=READY)
    connection.putrequest("POST", "/predict")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body[: len(body) // 2])
    return connection


def _finish(connection: http.client.HTTPConnection, body: bytes) -> bool:
    try:
        connection.send(body[len(body) // 2 :])
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
