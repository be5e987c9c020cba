"""The Kubernetes objects of `src/deploy/k8s/` for one environment and one image."""

import re
import shutil
import subprocess
from pathlib import Path

from ml.io import files
from ml.io.errors import UserError

SOURCE = Path("src/deploy/k8s")
FOLDER = files.BUILD / "manifests"
BY_DIGEST = re.compile(r"(?P<name>[^\s@]+)@(?P<digest>sha256:[0-9a-f]{64})")
TOP = """\
# Written by `make manifests`.
resources: [../../../{source}/{env}]
namespace: {project}-{env}
labels: [{{ pairs: {{ app.kubernetes.io/part-of: {project} }}, includeTemplates: true }}]
images: [{{ name: api, newName: {name}, digest: "{digest}" }}]
"""


def environments() -> list[str]:
    """The environments with their own folder."""
    return sorted(path.parent.name for path in SOURCE.glob("*/kustomization.yaml") if path.parent.name != "base")


def by_digest(image: str) -> re.Match[str]:
    """The name and digest of an image; raises UserError for a tag, which can change."""
    found = BY_DIGEST.fullmatch(image)
    if not found:
        raise UserError(
            f"`{image}` has no digest, and a tag can change. Write IMAGE=registry/name@sha256:… "
            "(64 hex digits); `make image` prints it."
        )
    return found


def render(project: str, env: str, image: str) -> str:
    """All objects of an environment as YAML; raises UserError with kustomize's reason if they cannot be rendered."""
    if env not in environments():
        raise UserError(f"{SOURCE}/{env} does not exist; environments: {', '.join(environments()) or 'none'}.")
    found = by_digest(image)
    top = TOP.format(source=SOURCE.as_posix(), env=env, project=project, **found.groupdict())
    files.write_text(top, FOLDER / env / "kustomization.yaml")
    done = subprocess.run([*_program(), FOLDER / env], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"{SOURCE}/{env} cannot be rendered: {done.stderr.strip().rstrip('.')}. Correct that file.")
    return done.stdout


def _program() -> list[str]:
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    if shutil.which("kubectl"):
        return ["kubectl", "kustomize"]
    raise UserError("neither kustomize nor kubectl is installed. `make setup` installs kubectl into .venv on Linux.")
