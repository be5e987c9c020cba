"""The results of `make scan` for the real image."""

import json

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.engine import derive

pytestmark = pytest.mark.slow
NOBODY = {
    "PIP_AUDIT_VULNERABILITY_SERVICE": "osv",
    "PIP_AUDIT_OSV_URL": "http://127.0.0.1:9/",
    "PATH": "/usr/sbin:/usr/bin:/bin",
}


@pytest.fixture(scope="module")
def bill(shop, image, stage):
    """The bill of materials of the image and the result of the scan, on a machine without the internet."""
    done = stage(shop, "scan", CI="", **NOBODY)
    return done, (shop / "build" / "sbom.json").read_bytes()


def test_a_scan_without_a_vulnerability_service_says_so(bill):
    done, _ = bill

    assert done.returncode == 0, done.stderr
    assert "passed   lock" in done.stdout
    assert "unknown  packages" in done.stdout


def test_the_bill_of_materials_is_valid_and_names_model_packages_and_base(bill, shop):
    _, content = bill
    parts = {part["name"]: part for part in json.loads(content)["components"]}
    lineage = json.loads((shop / "build" / "image" / "model" / "lineage.json").read_text())

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(content.decode()) is None
    assert parts["churn"]["type"] == "machine-learning-model"
    assert parts["churn"]["hashes"] == [{"alg": "SHA-256", "content": lineage["model"]}]
    assert parts["fastapi"]["purl"].startswith("pkg:pypi/fastapi@")
    assert parts["libc6"]["purl"].startswith("pkg:deb/debian/libc6@")
    assert "mlflow" not in parts


def test_ci_refuses_an_image_with_a_package_outside_the_lock(bill, shop, image, stage):
    more = "mkdir /app/lib/crept_in-1.0.dist-info && echo 'Name: crept-in\\nVersion: 1.0' >"
    bad = derive("localhost/bad-lock", f"FROM {image}\nUSER 0\nRUN {more} /app/lib/crept_in-1.0.dist-info/METADATA")

    done = stage(shop, "scan", "--image", bad, CI="true", **NOBODY)

    assert done.returncode == 1
    assert "crept-in: 1.0 in the image, absent in the lock" in done.stdout
    assert "Traceback" not in done.stderr
