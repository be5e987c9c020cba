"""`python -m serving`: check everything, then serve until SIGTERM."""

import hashlib
import os
import secrets
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import uvicorn
from prometheus_client.multiprocess import mark_process_dead
from uvicorn.supervisors import Multiprocess

from ml.io.errors import UserError
from serving.exposition import SHARED
from serving.protocol import Protocol
from serving.server_settings import Settings, read_settings

OTHER_FILES = 256  # open files besides connections: model, log, libraries


class Workers(Multiprocess):
    """Several workers; each swaps its model on SIGHUP without closing a connection."""

    def handle_hup(self) -> None:
        """Forward the signal to the workers."""
        for process in self.processes:
            if process.pid:
                os.kill(process.pid, signal.SIGHUP)

    def keep_subprocess_alive(self) -> None:
        """Replace workers that died; their counters are kept and their gauges are dropped."""
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        for pid in before - {process.pid for process in self.processes}:
            mark_process_dead(pid)


def build() -> Any:
    """The application of one worker, from the environment."""
    from serving.app import create_app  # noqa: PLC0415
    from serving.lineup import load_models  # noqa: PLC0415
    from serving.log_writer import PredictionLog  # noqa: PLC0415

    settings = read_settings()
    models = load_models(settings)
    log = None
    if settings.log == "on":
        log = PredictionLog(Path(settings.prediction_log.directory), settings.prediction_log)
        if settings.prediction_log.unavailable == "refuse":
            try:
                log.check()
            except OSError as error:
                raise UserError(str(error)) from None
    return create_app(models, log, settings)


def worker() -> Any:
    """The application of one of several workers; a worker that cannot start prints the reason and is restarted."""
    try:
        return build()
    except UserError as error:
        print(f"serving: a worker cannot start: {error}", file=sys.stderr)
        sys.exit(1)


def main() -> int:
    """Serve with the settings in the SERVING_ variables.

    Exit 1 with the reason if a setting or the model is invalid.
    """
    if sys.argv[1:] == ["--new-key"]:
        key = secrets.token_urlsafe(32)
        print(f"key, for the client: {key}\nline for SERVING_KEYS_FILE: {hashlib.sha256(key.encode()).hexdigest()}")
        return 0
    try:
        settings = read_settings()
        _allow_files(settings.max_connections)
        app = build()
        if settings.workers == 1:
            uvicorn.Server(_config(app, settings)).run()
            return 0
        if app.state.service.log:
            app.state.service.log.close()  # created only to check that workers can start
        with tempfile.TemporaryDirectory(prefix="serving-metrics-") as shared:
            os.environ[SHARED] = shared
            config = _config("serving.__main__:worker", settings)
            Workers(config, sockets=[config.bind_socket()]).run()
    except UserError as error:
        print(f"\nserving: {error}", file=sys.stderr)
        return 1
    return 0


def _config(app: Any, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app, factory=isinstance(app, str), host=settings.host, port=settings.port, workers=settings.workers,
        access_log=False, log_level="info", server_header=False, timeout_graceful_shutdown=settings.drain_seconds,
        http=Protocol, ws="none", limit_concurrency=settings.max_connections + 1,
        timeout_keep_alive=settings.idle_seconds, proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
    )  # fmt: skip


def _allow_files(connections: int) -> None:
    """Raise the limit of open files, if the system permits, to this many connections plus other files."""
    try:
        import resource  # noqa: PLC0415
    except ImportError:  # Windows, which has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard > soft:
        wanted = connections + OTHER_FILES
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if soft != resource.RLIM_INFINITY and most > soft:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


if __name__ == "__main__":
    sys.exit(main())
