"""The rendered manifests are valid Kubernetes objects with the stated restrictions."""

import shutil

import pytest
import yaml

from ml.deployment import kubernetes
from ml.io.errors import UserError
from tests.deploy.schemas import problems

DIGEST = "sha256:" + "a1" * 32
IMAGE = f"registry.example/team/churn@{DIGEST}"
ENVIRONMENTS = ["production", "staging"]
pytestmark = pytest.mark.skipif(
    not (shutil.which("kustomize") or shutil.which("kubectl")), reason="kubectl is not installed: make setup"
)


@pytest.fixture(scope="module")
def rendered():
    return {env: list(yaml.safe_load_all(kubernetes.render("churn", env, IMAGE))) for env in ENVIRONMENTS}


@pytest.fixture(params=ENVIRONMENTS)
def objects(rendered, request):
    return rendered[request.param]


def of(objects, kind):
    return {found["metadata"]["name"]: found for found in objects if found["kind"] == kind}


def pods(objects):
    return [found["spec"]["template"]["spec"] for found in of(objects, "Deployment").values()]


def containers(objects):
    return [one for pod in pods(objects) for one in [*pod["containers"], *pod["initContainers"]]]


def test_there_is_an_overlay_for_each_environment():
    assert kubernetes.environments() == ENVIRONMENTS


def test_every_object_fits_the_schema_of_kubernetes(objects):
    found = [problem for thing in objects if (problem := problems(thing))]

    assert not found


def test_the_schema_refuses_a_misspelt_key(rendered):
    deployment = of(rendered["staging"], "Deployment")["api"]
    wrong = {**deployment, "spec": {**deployment["spec"], "replica": 3}}

    assert "replica" in problems(wrong)


def test_every_object_is_in_the_namespace_of_project_and_environment(rendered):
    places = {env: {o["metadata"].get("namespace", o["metadata"]["name"]) for o in rendered[env]} for env in rendered}

    assert places == {env: {f"churn-{env}"} for env in ENVIRONMENTS}


def test_every_container_runs_the_image_by_its_digest(objects):
    assert {one["image"] for one in containers(objects)} == {IMAGE}


def test_pods_meet_the_restricted_standard(objects):
    for pod in pods(objects):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert not any("hostPath" in volume for volume in pod["volumes"])
    for one in containers(objects):
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    assert all(n["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
               for n in of(objects, "Namespace").values())  # fmt: skip


def test_every_container_has_requests_and_limits_of_memory_and_cpu(objects):
    for one in containers(objects):
        assert one["resources"]["requests"].keys() == one["resources"]["limits"].keys() == {"cpu", "memory"}


def test_a_pod_has_time_to_finish_its_requests(objects):
    drain = int(next(iter(of(objects, "ConfigMap").values()))["data"]["SERVING_DRAIN_SECONDS"])

    for pod in pods(objects):
        pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert pod["terminationGracePeriodSeconds"] > drain + pause


def test_the_api_has_startup_liveness_and_readiness_probes(objects):
    for pod in pods(objects):
        asked = {kind: pod["containers"][0][f"{kind}Probe"]["httpGet"]["path"] for kind in ("liveness", "readiness")}
        assert asked == {"liveness": "/health/live", "readiness": "/health/ready"}


def test_the_service_reaches_both_deployments_and_each_owns_its_pods(objects):
    deployments = of(objects, "Deployment")
    chosen = of(objects, "Service")["api"]["spec"]["selector"].items()
    labels = {name: d["spec"]["template"]["metadata"]["labels"] for name, d in deployments.items()}

    assert labels.keys() == {"api", "api-canary"}
    assert all(chosen <= found.items() for found in labels.values())
    assert labels["api"]["track"] != labels["api-canary"]["track"]
    assert all(d["spec"]["selector"]["matchLabels"]["track"] == labels[n]["track"] for n, d in deployments.items())


def test_a_canary_has_no_pods_before_a_deployment(objects):
    assert of(objects, "Deployment")["api-canary"]["spec"]["replicas"] == 0


def test_the_autoscaler_and_the_budget_hold_the_stable_pods(objects):
    stable = of(objects, "Deployment")["api"]
    budget = of(objects, "PodDisruptionBudget")["api"]["spec"]["selector"]["matchLabels"].items()

    assert "replicas" not in stable["spec"]  # applying again must not undo the autoscaler
    assert of(objects, "HorizontalPodAutoscaler")["api"]["spec"]["scaleTargetRef"]["name"] == "api"
    assert budget <= stable["spec"]["template"]["metadata"]["labels"].items()


def test_the_network_policy_admits_only_clients_dns_and_the_log(objects):
    policy = of(objects, "NetworkPolicy")["api"]["spec"]

    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {53, 5432}
    assert all(rule["from"] for rule in policy["ingress"])


def test_production_requires_api_keys(rendered):
    for pod in pods(rendered["production"]):
        assert {"name": "SERVING_KEYS_FILE", "value": "/etc/api/keys"} in pod["containers"][0]["env"]


@pytest.mark.parametrize("image", ["churn", "churn:latest", "churn@sha256:abc", "a b@" + DIGEST])
def test_an_image_by_tag_is_refused(image):
    with pytest.raises(UserError, match="digest"):
        kubernetes.render("churn", "staging", image)


def test_an_unknown_environment_is_refused_by_name():
    with pytest.raises(UserError, match="production, staging"):
        kubernetes.render("churn", "stagin", IMAGE)
