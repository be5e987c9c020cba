"""A double of kubectl: stores Deployments in a file, responds like kubectl, and records each call."""

import json
import os
import sys
from pathlib import Path

import yaml

state_file = Path(os.environ["KUBECTL_STATE"])
state = json.loads(state_file.read_text()) if state_file.exists() else {"calls": [], "deployments": {}, "asked": 0}
namespace, *arguments = sys.argv[1:]
if namespace == "kustomize":
    os.execv(os.environ["KUBECTL_REAL"], ["kubectl", *sys.argv[1:]])
state["calls"].append(" ".join(arguments))
found = state["deployments"]
verb, what = arguments[0], arguments[1].removeprefix("deployment/")
fault, out, code = os.environ.get("KUBECTL_FAULT", ""), "", 0

if verb == "apply":
    for thing in yaml.safe_load_all(sys.stdin.read()):
        if thing["kind"] == "Deployment":
            image = thing["spec"]["template"]["spec"]["containers"][0]["image"]
            found[thing["metadata"]["name"]] = {"image": image, "replicas": thing["spec"].get("replicas", 3)}
elif verb == "get" and what == "api":
    out = found.get("api", {}).get("image", "")
elif verb == "get" and what == "pods":
    name = "api-canary" if "track=canary" in arguments[3] else "api"
    out = " ".join(f"{name}-{n}" for n in range(found.get(name, {"replicas": 0})["replicas"]))
elif verb == "get" and what == "--raw":
    state["asked"] += 1
    canary = "api-canary" in arguments[2]
    answered, failed = 100 * state["asked"], 20 * state["asked"] * (canary and fault == "errors")
    out = (
        f'serving_requests_total{{path="/predict",status="200"}} {answered}\n'
        f'serving_requests_total{{path="/predict",status="500"}} {failed}\n'
    )
elif verb == "set":
    found[arguments[2].removeprefix("deployment/")]["image"] = arguments[3].removeprefix("api=")
elif verb == "scale":
    found[what]["replicas"] = int(arguments[2].removeprefix("--replicas="))
elif verb == "rollout" and what == "status" and fault == "not ready" and "canary" in arguments[2]:
    code = 1
    print("error: timed out waiting for the condition", file=sys.stderr)

state_file.write_text(json.dumps(state))
print(out)
sys.exit(code)
