# The image of docker/Dockerfile with Java and PySpark: for workers of Spark stages, and for clients whose graphs have some.
#   docker build --file docker/spark.Dockerfile --tag anabranch-spark docker
ARG ANABRANCH_IMAGE=anabranch
ARG RUNTIME_IMAGE=debian:bookworm-slim

FROM ${RUNTIME_IMAGE} AS packages
RUN apt-get update -qq && apt-get install --yes --no-install-recommends python3-venv && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /tools && /tools/bin/pip install --no-cache-dir --target /opt/pyspark "pyspark>=4.0,<5"

FROM ${ANABRANCH_IMAGE}
USER root
RUN apt-get update -qq && \
    apt-get install --yes --no-install-recommends default-jre-headless procps && \
    rm -rf /var/lib/apt/lists/* && \
    for packages in /opt/anabranch/lib/python3.*/site-packages; do echo /opt/pyspark >"$packages/pyspark.pth"; done
COPY --from=packages /opt/pyspark /opt/pyspark
USER anabranch
