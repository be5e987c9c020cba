"""The bill of materials of an image as CycloneDX JSON: the image, its model and every package in it."""

import json
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from ml.deployment.inventory import Inventory


def write(image: str, known: dict[str, Any], found: Inventory) -> dict[str, Any]:
    """A CycloneDX 1.6 document; `known` is the engine's record of the image. Equal images give equal documents."""
    from cyclonedx.model.component import ComponentType  # noqa: PLC0415
    from cyclonedx.output import make_outputter  # noqa: PLC0415
    from cyclonedx.schema import OutputFormat, SchemaVersion  # noqa: PLC0415

    identity = f"sha256:{known['Id'].removeprefix('sha256:')}"
    parts = _parts()
    whole = parts.Component(name=image, version=identity, type=ComponentType.CONTAINER, bom_ref="image")
    bom = parts.Bom(
        serial_number=uuid5(NAMESPACE_OID, identity),
        metadata=parts.BomMetaData(component=whole, timestamp=datetime.fromisoformat(known["Created"])),
        components=[_model(known["Config"]["Labels"] or {}), *_packages(found)],
    )
    bom.register_dependency(whole, bom.components)
    return json.loads(make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string())


def _model(labels: dict[str, str]) -> Any:
    from cyclonedx.model.component import ComponentType  # noqa: PLC0415

    parts, digest = _parts(), labels.get("ml.model.digest", "")
    return parts.Component(
        name=labels.get("ml.model.name", "unknown"),
        version=labels.get("ml.model.version", "unknown"),
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref="model",
        hashes=[parts.HashType.from_composite_str(f"sha256:{digest}")] if digest else [],
        properties=[parts.Property(name=name, value=value) for name, value in sorted(labels.items())],
    )


def _packages(found: Inventory) -> list[Any]:
    from cyclonedx.model.component import ComponentType  # noqa: PLC0415
    from packageurl import PackageURL  # noqa: PLC0415

    parts, library, system = _parts(), ComponentType.LIBRARY, found.system.partition("-")[0]
    purls = [
        PackageURL("generic", None, "python", found.python),
        *(PackageURL("pypi", None, *item) for item in (found.base | found.locked).items()),
        *(PackageURL("deb", system, *item, {"distro": found.system}) for item in found.debian.items()),
    ]
    return [
        parts.Component(name=p.name, version=p.version, type=library, purl=p, bom_ref=p.to_string())
        for p in sorted(purls)
    ]


def _parts() -> Any:
    """The library's classes; its decorator hides their arguments from type checkers."""
    from cyclonedx.model import HashType, Property, bom, component  # noqa: PLC0415

    found = {"Bom": bom.Bom, "BomMetaData": bom.BomMetaData, "Component": component.Component}
    return SimpleNamespace(**found, HashType=HashType, Property=Property)
