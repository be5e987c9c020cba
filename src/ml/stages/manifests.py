"""Render the Kubernetes objects of an environment."""

from ml import cli, files
from ml.deployment import manifests
from ml.params import read_params


def main(env: str, image: str) -> None:
    """Write build/manifests/ENV.yaml: all objects of an environment, with the image by its digest."""
    project = read_params().project
    text = manifests.render(project, env, image)
    path = manifests.FOLDER / f"{env}.yaml"
    files.write_text(text, path)
    cli.say(f"manifests: {path} holds {text.count('---') + 1} objects for namespace {project}-{env}")
    cli.say(f"manifests: Next: kubectl diff -f {path}; make deploy TARGET=k8s ENV={env} IMAGE={image}")


if __name__ == "__main__":
    cli.run(main)
