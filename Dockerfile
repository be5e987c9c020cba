# The server and one model. `make image` lays out build/image and builds this.
ARG PACKAGES=packages
FROM docker.io/library/python:3.11.14-slim-bookworm AS base

# The packages are a layer of their own: a new model or commit builds, pushes and pulls only the rest.
FROM base AS lock
WORKDIR /build
COPY build/image/requirements.txt ./
# Wheels alone, each held to its hash: nothing is compiled, so no compiler is needed.
# One date for every file, and bytecode that carries none: two builds of one commit are equal.
RUN python -m pip install --no-cache-dir --no-compile --no-deps --only-binary=:all: --require-hashes \
      --target /app/lib -r requirements.txt \
 && rm -rf /app/lib/bin \
 && python -m compileall -q -x /tests/ --invalidation-mode unchecked-hash /app/lib \
 && find /app -exec touch --no-dereference --date=@0 {} +

FROM base AS packages
COPY --from=lock /app /app

FROM base AS code
COPY src/ml /app/ml
COPY serving /app/serving
COPY params.yaml build/image /app/
ARG SOURCE_DATE_EPOCH=0
RUN python -m compileall -q --invalidation-mode unchecked-hash /app/ml /app/serving \
 && mkdir /app/logs && chown 10001:10001 /app/logs \
 && find /app -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH}" {} +

FROM ${PACKAGES}
COPY --from=code /app /app
WORKDIR /app
ENV PYTHONPATH=/app:/app/lib PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    SERVING_MODEL=/app/model SERVING_HOST=0.0.0.0 SERVING_LOG_DIRECTORY=/app/logs
ARG SOURCE=unknown REVISION=unknown MODEL_NAME=unknown MODEL_VERSION=unknown MODEL_DIGEST=unknown \
    DATA_DIGEST=unknown LOCK_DIGEST=unknown
LABEL org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.version="${MODEL_VERSION}" \
      ml.model.name="${MODEL_NAME}" \
      ml.model.version="${MODEL_VERSION}" \
      ml.model.digest="${MODEL_DIGEST}" \
      ml.data.digest="${DATA_DIGEST}" \
      ml.lock.digest="${LOCK_DIGEST}"
USER 10001:10001
VOLUME /app/logs
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/ready', timeout=2)"]
CMD ["python", "-m", "serving"]
