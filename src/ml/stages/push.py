"""Push the tested image to its registry."""

from ml.deployment import images
from ml.deployment.image_record import ImageRecord, SmokeRecord
from ml.github import runner
from ml.io import cli, files
from ml.io.errors import UserError


def main() -> None:
    """Push the image of build/image.json and write its digest there, which all deployments use.

    Only the image that passed `make smoke` is pushed; nothing is built again.
    """
    record = ImageRecord.read(files.IMAGE)
    checked = SmokeRecord.read(files.SMOKE) if files.SMOKE.exists() else None
    if checked is None or checked.image != record.id or not checked.passed:
        raise UserError(f"{files.SMOKE} has no passed result for {record.image}. Run `make smoke` first.")
    digest = record.digest
    if not digest:
        here = images.image_id(record.image)
        if here != record.id:
            raise UserError(f"{record.image} is now {here}, but {record.id} was tested: `make image smoke`.")
        digest = images.push(record.image)
        record.model_copy(update={"digest": digest}).write(files.IMAGE)
    for key, value in zip(("name", "digest"), digest.split("@"), strict=True):
        runner.output(key, value)
    cli.say(f"push: {digest}. Next: make deploy")


if __name__ == "__main__":
    cli.run(main)
