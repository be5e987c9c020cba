"""List the contents of an image, compare them with the lock files, and search for known vulnerabilities."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from ml.deployment import audit, images, inventory, sbom
from ml.deployment.audit import Result
from ml.deployment.image_locks import locks_of
from ml.deployment.image_record import ImageRecord
from ml.deployment.inventory import Inventory
from ml.io import cli, files, locks
from ml.io.text import counted
from ml.settings.params import read_params

FORM = "/app/model/compiled.json"
WORDS = {True: "passed", False: "FAILED", None: "unknown"}


def main(image: str = "") -> int:
    """Scan an image (default: that of build/image.json) and write build/sbom.json; exit with 1 if it is refused."""
    image = image or ImageRecord.read(files.IMAGE).image
    accepted, today = read_params().scan.accept, datetime.now(UTC).date()
    images.pull(image)
    found = inventory.read(image)
    bill = sbom.write(image, images.inspect(image), found)
    files.write_json(bill, files.SBOM)
    cli.say(f"scan: {files.SBOM} lists {len(bill['components'])} components")
    results = [held(found, locks_of(images.read(image, FORM))), audit.packages(found.locked, accepted, today)]
    if shutil.which("trivy"):
        results.append(audit.base(image))
    else:
        cli.say("scan: trivy is not installed, so the packages of the base image are listed but not checked")
    refused = audit.failed(results)
    for result in results:
        cli.tell(f"{WORDS[result.passed].ljust(7)}  {result.name.ljust(11)}  {result.reason}")
    if refused and not any(result.passed is False for result in results):
        cli.say("scan: no service was reachable, which is a refusal with CI=true. Run it again, or set another service")
    return 1 if refused else 0


def held(found: Inventory, sources: list[Path]) -> Result:
    """Check that the image contains exactly the packages of its lock files for its Python version."""
    target = {
        "python_full_version": found.python,
        "python_version": ".".join(found.python.split(".")[:2]),
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
    }
    lock = locks.pins("".join(files.read_bytes(path).decode() for path in sources), target)
    named = " and ".join(map(str, sources))
    wrong = inventory.unlike(found.locked, lock)
    if wrong:
        return Result("lock", False, f"{len(wrong)} differ from {named}: {'; '.join(wrong[:5])}. Run `make image`")
    return Result("lock", True, f"{counted(len(lock), 'package')}, each with the version in {named}")


if __name__ == "__main__":
    cli.run(main)
