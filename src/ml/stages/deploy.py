"""Deploy an image by a canary, and roll back when it is worse than the serving image."""

from ml.deployment import environments
from ml.deployment.deployment_log import Where
from ml.deployment.image_record import ImageRecord
from ml.io import cli, files
from ml.io.errors import UserError
from ml.settings.params import read_params


def main(target: str = "local", env: str = "staging", image: str = "", port: int = 0) -> int:
    """Deploy --image by digest (default: build/image.json), step by step; exit with 1 after a rollback."""
    params = read_params()
    if not image and not files.IMAGE.exists():
        raise UserError(
            "no image is set. `make image` builds one, or set one by its digest: IMAGE=registry/name@sha256:…"
        )
    if not image:
        built = ImageRecord.read(files.IMAGE)
        image = built.digest or built.id
    held = environments.deploy(params, Where(env, target, port), image, params.deploy)
    cli.say(f"deploy: {'`make rollback ENV=' + env + '` rolls it back.' if held else ''} Next: make deploy DO=list")
    return 0 if held else 1


if __name__ == "__main__":
    cli.run(main)
