"""An environment in a Kubernetes cluster, through kubectl and the current context.

The canary is its own Deployment behind the same Service, so its weight is its share of the pods: coarse with few pods,
and at most half. Written against kubectl's documented responses, and not yet tested on a cluster.
"""

import contextlib
import subprocess
from functools import reduce

from ml.deployment import kubernetes
from ml.deployment.canary import Window, parse
from ml.deployment.containers import PORT
from ml.io.errors import UserError

STABLE, CANARY = "deployment/api", "deployment/api-canary"


class Cluster:
    """The namespace <project>-<env> with the objects of `src/deploy/k8s/`."""

    def __init__(self, project: str, env: str) -> None:
        self._project, self._env, self._next = project, env, ""

    def image(self) -> str:
        """The image that serves; empty before the first deployment."""
        return self._ask(
            "get", STABLE, "--ignore-not-found", "-o", "jsonpath={.spec.template.spec.containers[0].image}"
        )

    def recover(self) -> None:
        """Remove the canary of an earlier deployment."""
        if self.image():
            self._ask("scale", CANARY, "--replicas=0")

    def start(self, image: str, seconds: float) -> None:
        """Start one pod of the next image, or everything in an empty namespace; raises UserError if it is not ready.

        A ready pod gets its share at once: Kubernetes has no pods without traffic behind a Service.
        """
        self._next = image
        if not self.image():
            self._ask("apply", "-f", "-", content=kubernetes.render(self._project, self._env, image))
            self._ready(STABLE, seconds)
            return
        self._put(CANARY)
        self._ask("scale", CANARY, "--replicas=1")
        self._ready(CANARY, seconds)

    def weigh(self, share: float) -> None:
        """Scale the canary to this share: at least one pod, and at most as many as the other image has."""
        stable = len(self._pods("stable"))
        pods = stable if share >= 1 else min(max(round(stable * share / (1 - share)), 1), stable)
        self._ask("scale", CANARY, f"--replicas={pods}")

    def read(self) -> tuple[Window | None, Window]:
        """The figures of the serving image's pods, None if one does not respond, and those of the next one's."""
        served = None
        with contextlib.suppress(UserError):
            served = self._window("stable")
        return served, self._window("canary")

    def settle(self) -> None:
        """Replace the serving image pod by pod; the canary stays until all pods are ready."""
        if self.image() != self._next:
            self._put(STABLE)
            try:
                self._ready(STABLE, 600)
            except UserError:
                self._ask("rollout", "undo", STABLE)
                self.recover()
                raise
        self.recover()

    def abandon(self) -> None:
        """Remove the canary's pods; the serving image was never changed."""
        self.recover()

    def words(self) -> str:
        """The last output of the next image."""
        said = self._call("logs", "-l", "app=api,track=canary", "-c", "api", "--tail=2").stdout
        return "; ".join(said.strip().splitlines()[-2:])

    def _put(self, deployment: str) -> None:
        self._ask("set", "image", deployment, f"api={self._next}", f"ship={self._next}")

    def _ready(self, deployment: str, seconds: float) -> None:
        self._ask("rollout", "status", deployment, f"--timeout={seconds:.0f}s")

    def _pods(self, track: str) -> list[str]:
        chosen = ["-l", f"app=api,track={track}", "--field-selector=status.phase=Running"]
        return self._ask("get", "pods", *chosen, "-o", "jsonpath={.items[*].metadata.name}").split()

    def _window(self, track: str) -> Window:
        place = f"/api/v1/namespaces/{self._project}-{self._env}/pods"
        texts = [self._ask("get", "--raw", f"{place}/{pod}:{PORT}/proxy/metrics") for pod in self._pods(track)]
        return reduce(lambda one, other: one + other, map(parse, texts), Window())

    def _ask(self, *arguments: str, content: str | None = None) -> str:
        done = self._call(*arguments, content=content)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1].rstrip(".")
            raise UserError(
                f"kubectl {' '.join(arguments[:2])} failed: {reason}. Check the cluster and your "
                "permissions in the context (`kubectl config current-context`), and run the command again."
            )
        return done.stdout.strip()

    def _call(self, *arguments: str, content: str | None = None) -> subprocess.CompletedProcess[str]:
        command = ["kubectl", f"--namespace={self._project}-{self._env}", *arguments]
        try:
            return subprocess.run(command, input=content, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise UserError("kubectl is not installed. `make setup` installs it into .venv on Linux.") from None
