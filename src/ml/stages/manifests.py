"""Render the Kubernetes objects of an environment."""

from ml.deployment import kubernetes
from ml.deployment.image_record import ImageRecord
from ml.io import cli, files
from ml.io.errors import UserError
from ml.settings.params import read_params


def main(env: str, image: str = "") -> None:
    """Write build/manifests/ENV.yaml with the objects of an environment and --image (default: the last pushed one)."""
    project = read_params().project
    image = image or _pushed()
    text = kubernetes.render(project, env, image)
    path = kubernetes.FOLDER / f"{env}.yaml"
    files.write_text(text, path)
    cli.say(f"manifests: {path} holds {text.count('---') + 1} objects for namespace {project}-{env}")
    cli.say(f"manifests: Next: kubectl diff -f {path}; make deploy TARGET=k8s ENV={env} IMAGE={image}")


def _pushed() -> str:
    """The pushed image in build/image.json, by its digest."""
    built = ImageRecord.read(files.IMAGE).digest if files.IMAGE.exists() else None
    if not built:
        raise UserError(
            "no image is set. Set one by its digest: make manifests IMAGE=registry/name@sha256:…; `make image PUSH=1` "
            "sends one to IMAGE_REGISTRY, which is then the default of IMAGE=."
        )
    return built


if __name__ == "__main__":
    cli.run(main)
