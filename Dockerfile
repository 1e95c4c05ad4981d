# The dashboard, then the binary with the dashboard inside, then an image with nothing else in it.
FROM node:22-bookworm-slim AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY web/ ./
RUN npm run build

# Debian 12, as below: the binary needs the C library it was linked with, or a newer one.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=web /src/web/dist/ web/dist/
ARG VERSION=devel
RUN CGO_ENABLED=1 go build -tags duckdb_arrow -trimpath -ldflags "-X main.version=${VERSION}" -o /out/freshet ./cmd/freshet \
    && mkdir /out/data

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/freshet /usr/local/bin/freshet
# The volume takes its owner from here; distroless has no shell to change it later. 65532 is its user nonroot.
COPY --from=build --chown=65532:65532 --chmod=700 /out/data /data
ENV FRESHET_DATA=/data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/freshet"]
CMD ["serve"]
# No HEALTHCHECK: the image has no client to ask with. Let the orchestrator ask GET /readyz.
