# syntax=docker/dockerfile:1.10
# The service with the embedded demo: `docker build -t imba . && docker run -p 8080:8080 imba`
# For both processors: `docker buildx build --platform linux/amd64,linux/arm64 .`

ARG RUST=1.95
# Tools and sources are built where the build runs, whatever it builds for.
FROM --platform=$BUILDPLATFORM rust:${RUST}-bookworm AS tools
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN cargo install --locked cargo-chef@0.1.78 cargo-auditable@0.7.7 cargo-cyclonedx@0.5.9
ARG BUILDARCH
ARG TARGETARCH
COPY deploy/image/target /usr/local/bin/build-target
# hadolint ignore=DL3008
RUN if [ "$BUILDARCH" != "$TARGETARCH" ]; then \
        apt-get update && build-target cc "$TARGETARCH" | xargs apt-get install -y --no-install-recommends \
        && rm -rf /var/lib/apt/lists/*; \
    fi && rustup target add "$(build-target triple "$TARGETARCH")"
WORKDIR /build

FROM tools AS plan
COPY . .
RUN cargo chef prepare --recipe-path recipe.json --bin imba

FROM tools AS build
ARG TARGETARCH
# Dependencies alone first: this layer changes only with the manifests, and holds nearly all of the build's time.
COPY --from=plan /build/recipe.json recipe.json
RUN eval "$(build-target env "$TARGETARCH")" \
    && cargo chef cook --profile dist --locked --target "$CARGO_BUILD_TARGET" --recipe-path recipe.json --bin imba
COPY . .
# The commit, where the sources come without their repository.
ARG COMMIT=""
RUN eval "$(build-target env "$TARGETARCH")" \
    && IMBA_COMMIT="$COMMIT" cargo auditable build --profile dist --locked --bin imba \
    && cargo cyclonedx --format json --override-filename imba.cdx \
    && deploy/image/lay "target/$CARGO_BUILD_TARGET/dist/imba" imba.cdx.json /image "$(build-target compiler "$TARGETARCH")"

FROM gcr.io/distroless/base-nossl-debian12:nonroot
ARG VERSION=""
ARG COMMIT=""
LABEL org.opencontainers.image.title="imba" \
    org.opencontainers.image.description="Will this customer buy this product again? XGBoost models over HTTP." \
    org.opencontainers.image.licenses="MIT OR Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${COMMIT}"
WORKDIR /app
COPY --from=build /image/root /
# The store's folder, all that is written to, by the user that the image runs as. Mount a volume here to keep what is imported;
# the rest may be read-only: `docker run --read-only`.
COPY --from=build --chown=65532:65532 /image/data /app/data
VOLUME /app/data
# PORT makes imba listen on all interfaces, here the container's own. Platforms that choose the port themselves set it anew, and
# server.listen, where it is set, wins over it.
ENV PORT=8080 \
    IMBA__FEATURES__EMBEDDED__PATH=/app/data/features.redb
EXPOSE 8080
# nonroot, by its number, so that an orchestrator sees that it is not root.
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["/usr/local/bin/imba", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/imba"]
