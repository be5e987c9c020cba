"""Start an image with production settings and test it."""

import secrets

from ml.deployment import api_checks, container_checks, containers, images
from ml.deployment.answers_record import IN_IMAGE, AnswersRecord
from ml.deployment.api_checks import ApiCheck, tried
from ml.deployment.container_checks import READY
from ml.deployment.containers import LIMITS, Container
from ml.deployment.image_record import ImageRecord, SmokeRecord
from ml.io import cli, files
from ml.io.client import Client
from ml.settings.gates import Api
from ml.settings.params import read_params


def main(image: str = "") -> int:
    """Test an image (default: that of build/image.json) and write build/smoke.json; exit with 1 if a check fails."""
    image = image or ImageRecord.read(files.IMAGE).id
    images.pull(image)
    name = f"smoke-{secrets.token_hex(4)}"
    try:
        with containers.running(image, name, *LIMITS, "--volume", f"{name}:/app/logs") as container:
            checks = judge(container, image)
    finally:
        containers.forget(name)
    passed = all(check.passed for check in checks)
    SmokeRecord(image=image, passed=passed, checks=tuple(checks)).write(files.SMOKE)
    cli.tell(api_checks.table(checks))
    return 0 if passed else 1


def judge(container: Container, image: str) -> list[ApiCheck]:
    """All checks, in this order because the later ones may stop the container."""
    rule = read_params().gates.api or Api()
    recorded = AnswersRecord.parsed(images.read(image, IN_IMAGE), f"{IN_IMAGE} of {image}")
    labels = images.inspect(image)["Config"]["Labels"]
    reached = tried("ready", lambda: container.address)
    if not reached.passed:
        return [reached]
    with Client(reached.reason) as client:
        ready = tried("ready", lambda: f"after {client.ready(READY, lambda: container.running):.1f} s")
        if not ready.passed:
            return [ApiCheck("ready", False, f"{ready.reason}; it printed: {container.last_words()}")]
        return [
            ready,
            tried("lineage", lambda: api_checks.identity(client, labels)),
            *api_checks.answers(client, recorded, rule, container.pid),
            tried("unprivileged", lambda: container_checks.unprivileged(container)),
            tried("kill -9", lambda: container_checks.durable(container, recorded)),
            tried("SIGTERM", lambda: container_checks.drained(container, recorded)),
        ]


if __name__ == "__main__":
    cli.run(main)
