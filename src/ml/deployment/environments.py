"""Environments by name: the serving image, and one deployment at a time."""

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ml.deployment import api_checks, containers, deployment_log, images, rollout
from ml.deployment.answers_record import IN_IMAGE, AnswersRecord
from ml.deployment.api_checks import tried
from ml.deployment.bluegreen import BlueGreen
from ml.deployment.cluster import Cluster
from ml.deployment.compose import Compose
from ml.deployment.containers import LIMITS
from ml.deployment.deployment_log import Deployment, Entry, Where
from ml.deployment.kubernetes import BY_DIGEST
from ml.deployment.local import Local
from ml.deployment.proxy import Proxy, run_here
from ml.deployment.rollout import RolloutTarget
from ml.io import cli, files
from ml.io.client import Client
from ml.io.errors import UserError
from ml.registry import registry
from ml.registry.registry import Registry
from ml.settings.deploy import Deploy
from ml.settings.gates import Api
from ml.settings.params import Params

TARGETS = ("local", "compose", "k8s")
MODEL_LABEL = "ml.model.digest"
INTERRUPTED = "interrupted"


def open_target(params: Params, where: Where) -> RolloutTarget:
    """The target of the environment; raises UserError for an unknown name."""
    if where.target not in TARGETS:
        raise UserError(f"there is no target `{where.target}`; known: {', '.join(TARGETS)}.")
    if where.env not in params.deploy.ports:
        raise UserError(f"deploy.ports in params.yaml names no `{where.env}`; known: {', '.join(params.deploy.ports)}.")
    if where.target == "k8s":
        return Cluster(params.project, where.env)
    folder, port = _folder(where), _port(params.deploy, where)
    name = f"{params.project}-{where.env}"
    if where.target == "compose":
        number = list(params.deploy.ports).index(where.env)
        compose = Compose(f"{name}-compose", folder, number, params.deploy.compose)
        compose.keep(PORT=port)
        return BlueGreen(folder, compose, Proxy(folder, "0.0.0.0:8000", compose.start_proxy))
    return BlueGreen(folder, Local(name, folder), Proxy(folder, f"127.0.0.1:{port}", run_here))


def deploy(params: Params, where: Where, image: str, rule: Deploy) -> bool:
    """Whether an image now serves; the record has the reason if not, and the earlier image then still serves."""
    target, store = open_target(params, where), registry.open_registry(params.project)
    named(image, where)
    with _alone(where):
        _clear(target, where, store)
        images.pull(image)
        model = (images.inspect(image)["Config"]["Labels"] or {}).get(MODEL_LABEL, "")
        entry = deployment_log.begin(where, image, model, target.image())
        store.note(entry)
        outcome, reason = _tried(target, entry, rule, params.gates.api or Api())
        store.note(deployment_log.end(entry, outcome, reason))
    cli.say(f"deploy: {image} {'serves' if outcome == deployment_log.DEPLOYED else outcome}. {reason}")
    if outcome == INTERRUPTED:
        raise KeyboardInterrupt
    return outcome == deployment_log.DEPLOYED


def history(params: Params, where: Where, store: Registry) -> list[Deployment]:
    """All deployments; a killed one to this environment is first undone or completed, and recorded."""
    found = deployment_log.fold(store.deployments())
    if not any(_killed(one, where) for one in found):
        return found
    with _alone(where):
        _clear(open_target(params, where), where, store)
    return deployment_log.fold(store.deployments())


def _tried(target: RolloutTarget, begun: Entry, rule: Deploy, api: Api) -> tuple[str, str]:
    """The result of a deployment, and its reason."""
    image = begun["image"]
    try:
        cli.say(f"deploy: smoke: {smoked(image, api, rule.ready_seconds)}")
        return deployment_log.DEPLOYED, rollout.roll_out(target, image, rule, cli.say)
    except UserError as error:
        return "went back", " ".join(str(error).split())
    except KeyboardInterrupt:
        if target.image() == image != begun["before"]:
            return deployment_log.DEPLOYED, "stopped by hand after it had taken over"
        return INTERRUPTED, "stopped by hand"


def named(image: str, where: Where) -> None:
    """Check that the name identifies exact bytes; raises UserError for a tag, which can change."""
    here = image.startswith("sha256:") and where.target != "k8s"  # the id of an image on this machine
    if not here and not BY_DIGEST.fullmatch(image):
        raise UserError(
            f"`{image}` has no digest, and a tag can change. Write IMAGE=registry/name@sha256:…"
            " (build/image.json has it), or leave out IMAGE= for the image of the last `make image`."
        )


def smoked(image: str, rule: Api, seconds: float) -> str:
    """Start the image separately, run the checks of every API, and stop it: none of this reaches the real log."""
    name = f"smoke-{secrets.token_hex(4)}"
    recorded = AnswersRecord.parsed(images.read(image, IN_IMAGE), f"{IN_IMAGE} of {image}")
    labels = images.inspect(image)["Config"]["Labels"] or {}
    with containers.running(image, name, *LIMITS) as container, Client(container.address, patience=10) as client:
        client.ready(seconds)
        checks = [
            tried("lineage", lambda: api_checks.identity(client, labels)),
            *api_checks.answers(client, recorded, rule, container.pid),
        ]
    failed = next((check for check in checks if not check.passed), None)
    if failed:
        raise UserError(f"smoke, {failed.name}: {failed.reason}")
    return "; ".join(check.reason for check in checks)


def _clear(target: RolloutTarget, where: Where, store: Registry) -> None:
    """Clean up after a killed deployment, and record that."""
    target.recover()
    for found in deployment_log.fold(store.deployments()):
        if _killed(found, where):
            stayed = found.image == target.image()
            outcome = deployment_log.DEPLOYED if stayed else INTERRUPTED
            store.note(
                deployment_log.end(vars(found), outcome, "its process was killed; the next deployment cleaned up")
            )
            cli.say(f"deploy: the deployment of {found.time[:19]} was killed; {target.image() or 'nothing'} serves")


def _killed(found: Deployment, where: Where) -> bool:
    """Whether a deployment to an environment has begun and not ended; while we hold its lock, its process has ended."""
    return (found.env, found.target, found.outcome) == (where.env, where.target, deployment_log.STARTED)


@contextmanager
def _alone(where: Where) -> Generator[None]:
    """Lock an environment for one deployment; the lock ends with its process."""
    _folder(where).mkdir(parents=True, exist_ok=True)
    _folder(where).chmod(0o700)  # it contains passwords, keys and the proxy's socket
    try:
        with FileLock(_folder(where) / "lock", timeout=0):
            yield
    except Timeout:
        raise UserError(f"another deployment to {where.env} is running; wait for it, or stop its process.") from None


def _folder(where: Where) -> Path:
    """The folder of an environment on this machine."""
    return files.DEPLOY / f"{where.target}-{where.env}"


def _port(rule: Deploy, where: Where) -> int:
    kept = _folder(where) / "port"
    if where.port:
        files.write_text(str(where.port), kept)
    try:
        return int(files.read_bytes(kept)) if kept.exists() else rule.ports[where.env]
    except ValueError:
        raise UserError(f"{kept} contains no port. Delete it, or deploy again with PORT=….") from None
