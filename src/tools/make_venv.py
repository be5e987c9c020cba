"""Make `.venv` and install one lock file, that of the estimator which params.yaml names, and this package into it.

Does nothing if they are already installed.

`python src/tools/make_venv.py dev` needs only the standard library. Its syntax suits old Pythons, so that it can refuse
them. Uses uv if it is installed (first only its cache, so that it works offline), otherwise venv and pip.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys

NEEDED = (3, 11)
VENV = ".venv"
PYTHON = os.path.join(VENV, "Scripts" if os.name == "nt" else "bin", "python")


def main(extra):
    if sys.version_info < NEEDED:
        for newer in filter(shutil.which, ("python3.14", "python3.13", "python3.12", "python3.11")):
            if subprocess.call([newer, "-c", ""], stderr=subprocess.DEVNULL) == 0:
                sys.exit(subprocess.call([newer, *sys.argv]))
        found = ".".join(map(str, sys.version_info[:3]))
        sys.exit(
            "setup: Python %d.%d or newer is needed; %s is %s.\n"
            "Install one, then run `make setup PYTHON=/path/to/python3.12`." % (NEEDED + (sys.executable, found))
        )
    if os.path.islink(VENV):
        return  # a shared environment: used but never changed
    if is_done("dev"):
        return  # it contains the libraries of all estimators
    for name in [extra] if extra == "dev" else [extra] + estimators():
        if not is_done(name):
            install(name)


def estimators():
    """The extra with the library of the estimator in params.yaml, if it is one of these."""
    text = read("params.yaml")
    return re.findall(r"^  model: *[\"']?(lightgbm|xgboost|catboost)\.", text, re.MULTILINE)


def is_done(name):
    return read(os.path.join(VENV, name + ".done")) == stamped(name)


def install(name):
    lock = os.path.join("src", "locks", name + ".txt")
    print("setup: installing %s into %s with %s" % (lock, VENV, "uv" if shutil.which("uv") else "pip"), flush=True)
    if shutil.which("uv"):
        with_uv(lock)
    else:
        with_pip(lock)
    with open(os.path.join(VENV, name + ".done"), "w") as file:
        file.write(stamped(name))
    print("setup: done")


def stamped(extra):
    return digest(os.path.join("src", "locks", extra + ".txt"), "pyproject.toml")


def with_uv(lock):
    if not os.path.exists(PYTHON):
        run("uv", "venv", "--quiet", "--python", sys.executable, VENV)
    install = ["uv", "pip", "install", "--quiet", "--python", PYTHON]
    cached = subprocess.run([*install, "--offline", "--require-hashes", "-r", lock], stderr=subprocess.DEVNULL)
    if cached.returncode:
        run(*install, "--require-hashes", "-r", lock)
    run(*install, "--offline", "--no-deps", "--no-build-isolation", "-e", ".")


def with_pip(lock):
    if not os.path.exists(PYTHON):
        run(sys.executable, "-m", "venv", VENV)
    install = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # The lock lists every dependency; an older pip that resolves asks for `pandas[parquet]` and finds no hash.
    run(*install, "--no-deps", "--require-hashes", "-r", lock)
    run(*install, "--no-deps", "--no-build-isolation", "-e", ".")


def run(*command):
    code = subprocess.call(command)
    if code:
        sys.exit("setup: `%s` failed with code %d; the set-up is not marked as complete." % (" ".join(command), code))


def digest(*paths):
    return hashlib.md5(b"".join(open(path, "rb").read() for path in paths)).hexdigest()


def read(path):
    return open(path).read() if os.path.exists(path) else ""


if __name__ == "__main__":
    main(sys.argv[1])
