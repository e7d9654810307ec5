# syntax=docker/dockerfile:1
# The service with the embedded demo: `docker build -t imba . && docker run -p 8080:8080 imba`

FROM rust:1.95-bookworm AS build
WORKDIR /build
# Dependencies alone first: this layer changes only with the manifests, and holds nearly all of the build's time.
COPY Cargo.toml Cargo.lock ./
COPY crates/gbtree/Cargo.toml crates/gbtree/Cargo.toml
COPY crates/gbtree/benches crates/gbtree/benches
COPY benches benches
RUN mkdir -p src crates/gbtree/src tests/it config \
    && echo 'fn main() {}' | tee src/main.rs tests/it/main.rs > /dev/null \
    && touch src/lib.rs crates/gbtree/src/lib.rs \
    && cargo build --release --locked --bin imba
COPY crates crates
COPY config config
# The page is compiled in.
COPY static static
COPY src src
# Newer than the empty sources above, so that cargo builds them.
RUN find src crates -name '*.rs' -exec touch {} + && cargo build --release --locked --bin imba \
    && mkdir -p /image/data

FROM gcr.io/distroless/cc-debian12:nonroot
WORKDIR /app
COPY --from=build /build/target/release/imba /usr/local/bin/imba
COPY config config
COPY demo demo
# The store's folder, writable by the user that the image runs as; mount a volume here to keep what is imported.
COPY --from=build --chown=nonroot:nonroot /image/data data
# In here the network is the container's own; outside, imba listens on loopback unless told otherwise.
ENV IMBA__SERVER__LISTEN=0.0.0.0:8080
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["/usr/local/bin/imba", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/imba"]
