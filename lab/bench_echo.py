"""A FastAPI application that validates a body like the server and returns it: `python -m lab.bench_echo PORT`."""

import sys

import uvicorn
from fastapi import FastAPI

from ml.settings.params import read_params
from serving.request_model import body


def main():
    """Serve until SIGTERM."""
    Body = body(read_params().data, 1000, "refuse").predict  # noqa: N806  (a type)
    app = FastAPI()

    @app.post("/predict")
    async def predict(given: Body) -> Body:
        return given

    uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False)


if __name__ == "__main__":
    main()
