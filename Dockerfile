# The exporter as an image without a shell. Built from the repository's root: docker build -t iam-key-exporter .
# Base images are pinned by tag, so that a build takes their security fixes.

FROM rust:1.95.0-slim-bookworm AS build
# aws-lc-sys, part of the TLS stack, is C; any compiler of this Debian will do.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml Cargo.lock build.rs askama.toml ./
COPY src src
COPY tests tests
COPY examples examples
ARG REVISION=unknown
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    IAM_KEY_EXPORTER_REVISION="$REVISION" cargo build --locked --release --bins \
    && install -D --target-directory=/out/usr/bin target/release/iam-key-exporter target/release/iam-key-rotate \
    && mkdir -p /out/var/lib/iam-key-exporter

# The C library that the program was built and tested with, the authorities that it believes, and nothing else.
FROM gcr.io/distroless/cc-debian12:nonroot
ARG REVISION=unknown
ARG VERSION=unknown
LABEL org.opencontainers.image.title="iam-key-exporter" \
      org.opencontainers.image.description="Prometheus exporter for the age and last use of every AWS IAM access key" \
      org.opencontainers.image.source="https://github.com/iam-key-exporter/iam-key-exporter" \
      org.opencontainers.image.documentation="https://github.com/iam-key-exporter/iam-key-exporter/blob/main/docs/installation.md" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=build /out/usr/bin/iam-key-exporter /usr/bin/iam-key-exporter
# Replaces keys, with credentials of its own: the exporter's are not permitted to.
COPY --from=build /out/usr/bin/iam-key-rotate /usr/bin/iam-key-rotate
COPY --from=build --chown=65532:65532 /out/var/lib/iam-key-exporter /var/lib/iam-key-exporter
COPY deploy/systemd/iam-key-exporter.yml /etc/iam-key-exporter/iam-key-exporter.yml
# By number: Kubernetes has to see that it is not root.
USER 65532:65532
EXPOSE 10048
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/usr/bin/iam-key-exporter", "healthcheck"]
ENTRYPOINT ["/usr/bin/iam-key-exporter"]
CMD ["--config.file=/etc/iam-key-exporter/iam-key-exporter.yml"]
