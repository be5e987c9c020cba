"""src/deploy/compose.yaml is consistent: names, addresses, files, and the restrictions of each container."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from ml.deployment.compose import Compose

HERE = Path("src/deploy")
OURS = ("blue", "green", "ship", "monitor")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The project that podman-compose reads from the file, with the variables that a deployment writes."""
    if not (shutil.which("podman-compose") and shutil.which("podman")):
        pytest.skip("podman-compose or podman is not installed: make setup, apt-get install podman")
    compose = Compose("churn-staging-compose", tmp_path_factory.mktemp("env"), 0, ())
    images = {f"{name}_IMAGE": f"registry.example/churn@sha256:{'a' * 64}" for name in ("API", "BLUE", "GREEN")}
    compose.keep(PORT=8001, **images)
    command = ["podman-compose", "--env-file", compose.folder / ".env", "-f", HERE / "compose.yaml", "config"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)


def test_every_variable_has_a_value(project):
    assert "${" not in yaml.safe_dump(project)


def test_every_image_is_named_exactly(project):
    exact = re.compile(r".+@sha256:[0-9a-f]{64}|[^:]+:v?\d+\.\d+(\.\d+)?(-\w+)?")

    assert not [name for name, service in project["services"].items() if not exact.fullmatch(service["image"])]


@pytest.mark.parametrize("name", OURS)
def test_our_containers_are_read_only_unprivileged_and_limited(project, name):
    service = project["services"][name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["cpus"]


def test_the_server_accepts_client_addresses_only_from_its_proxy(project):
    proxy = project["services"]["proxy"]["networks"]["api"]["ipv4_address"]

    assert project["services"]["blue"]["environment"]["SERVING_TRUSTED_PROXIES"] == proxy


def test_ports_are_open_only_to_this_machine(project):
    ports = [port for service in project["services"].values() for port in service.get("ports", ())]

    assert len(ports) == 3
    assert all(str(port).startswith("127.0.0.1:") for port in ports)


def test_every_address_lies_in_the_network(project):
    found = [service["networks"]["api"].get("ipv4_address") for service in project["services"].values()]
    given = [address for address in found if address]

    assert len(set(given)) == len(given) == 3
    assert all(address.startswith("172.30.80.") for address in given)


def test_prometheus_and_grafana_name_existing_services(project):
    jobs = yaml.safe_load((HERE / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    source = (HERE / "grafana" / "provisioning" / "datasources" / "prometheus.yaml").read_text()
    named = {name for job in jobs for config in job.get("dns_sd_configs", ()) for name in config["names"]}
    named |= {target.split(":")[0] for job in jobs for c in job.get("static_configs", ()) for target in c["targets"]}
    named |= set(re.findall(r"http://(\w+):", source))

    assert named == {"blue", "green", "monitor", "prometheus"}
    assert named <= project["services"].keys()


def test_every_mounted_file_exists(project):
    mounted = re.findall(r"(?<!\.)\./[\w/]+", (HERE / "compose.yaml").read_text())

    assert len(mounted) >= 3
    assert not [path for path in mounted if not (HERE / path).exists()]


def test_variables_that_a_person_sets_are_kept(tmp_path):
    Compose("a", tmp_path, 0, ()).keep(PORT=1)
    first = (tmp_path / ".env").read_text()
    (tmp_path / ".env").write_text(first.replace("172.30.80", "10.1.2"))

    Compose("a", tmp_path, 0, ()).keep(PORT=2)

    second = (tmp_path / ".env").read_text()
    assert "SUBNET=10.1.2\n" in second
    assert "PORT=2\n" in second
    assert re.search("POSTGRES_PASSWORD=.{20}", second)[0] == re.search("POSTGRES_PASSWORD=.{20}", first)[0]
