# Everything that is done with this repository, by one name each. It needs Go 1.26, a C compiler for linking DuckDB, and
# Node 20 for the dashboard; tools of the checks are fetched by Go at pinned versions.
GO       ?= go
NPM      ?= npm
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
# The tag links DuckDB's Arrow interface, which the store writes through.
TAGS     := -tags duckdb_arrow
LDFLAGS  := -X main.version=$(VERSION)
# Vet is a linter of `make lint`, with all tags. Go would go through 360 packages for it in every variant that it tests: plain, racing,
# fuzzing.
GOTEST   := $(GO) test -vet=off
GOLANGCI := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOFUMPT  := $(GO) run mvdan.cc/gofumpt@v0.9.2
FUZZTIME ?= 60s
CRASH_TIMEOUT ?= 120m
ARGS     ?=

WEB := $(shell find web/src web/public web/scripts web/index.html web/package.json web/package-lock.json web/vite.config.ts \
	web/vite.reference.config.ts web/svelte.config.js web/tsconfig.json -type f)

.PHONY: run build web test test-upgrade test-sdk test-ui test-crash test-cluster test-deploy check lint proto format race properties fuzz fuzz-build bench docs clean help

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | expand -t 14

run: build ## start a server on :8080 with a sample app that sends events; ARGS=--no-demo leaves it out
	bin/freshet serve --demo --log-format text --log-level warn $(ARGS)

build: web ## build bin/freshet with the dashboard inside
	$(GO) build $(TAGS) -ldflags '$(LDFLAGS)' -o bin/freshet ./cmd/freshet

web: web/dist/index.html ## build the dashboard into web/dist
web/dist/index.html: $(WEB)
	cd web && $(NPM) ci --ignore-scripts --no-audit --no-fund && $(NPM) run build

test: web ## run the tests: units, properties, suites, the real binary end to end, the dashboard
	$(GOTEST) $(TAGS) -timeout 20m ./...
	cd web && $(NPM) run check && $(NPM) test

# The version that the first of ten upgrades comes from: the latest tag, and before there is one the last whose store has the
# format before.
OLD ?= $(shell git describe --tags --abbrev=0 2>/dev/null || echo 527bb874efe37dd8b5f036062bc00cb194091f16)

test-upgrade: web ## upgrade ten times in a row under load, beginning with the binary of the version OLD
	@old=$$(mktemp -d) && trap 'git worktree remove --force "$$old/tree"; rm -rf "$$old"' EXIT && \
		{ git cat-file -e '$(OLD)^{commit}' 2>/dev/null || git fetch --quiet --depth 1 origin '$(OLD)'; } && \
		git worktree add --quiet --detach "$$old/tree" '$(OLD)' && cp -r web/dist/. "$$old/tree/web/dist/" && \
		(cd "$$old/tree" && $(GO) build $(TAGS) -o "$$old/freshet" ./cmd/freshet) && \
		FRESHET_OLD_BIN="$$old/freshet" $(GO) test $(TAGS) ./test/e2e -count=1 -v -run '^TestUpgrade$$'

# The tests that need a browser beside Node: CHROMIUM says where it is.
test-sdk: web ## send through the SDKs themselves, for Node, Go and browsers, over a bad network
	CHROMIUM=$${CHROMIUM:-$$(command -v chromium || command -v chromium-browser || command -v google-chrome)} \
		$(GOTEST) -tags duckdb_arrow,sdk -timeout 20m ./test/e2e \
		-run "^($$(grep -ohE '^func Test[A-Za-z0-9]+' test/e2e/sdk_*_test.go test/e2e/scene_test.go | cut -d ' ' -f 2 | paste -sd '|'))\$$"

test-ui: build ## try the dashboard in a browser, against the real binary; SHOTS=dir keeps pictures
	cd web && CHROMIUM=$${CHROMIUM:-$$(command -v chromium || command -v chromium-browser || command -v google-chrome)} $(NPM) run test-ui

# CRASH_POINTS and CRASH_KILLS say how often; 1000 and 100 when they do not.
test-crash: web ## the crash laboratory: cut power, kill, damage and fill, and count; needs Linux, root, loop devices, xfsprogs
	$(GOTEST) -tags duckdb_arrow,crash -timeout $(CRASH_TIMEOUT) -count 1 -v ./test/crash

# VERSITYGW is an S3 server that is there already; without it one is built. POSTGRES_BIN has PostgreSQL's programs; without it
# they are looked for. CLICKHOUSE_URL is a ClickHouse server that runs, as clickhouse://user:password@host:9000, in which tests make
# databases of their own; with CLICKHOUSE_CLUSTER, the name of a cluster in its remote_servers, on the shards of that. CLICKHOUSE_BIN is a
# command that runs a server on loopback when --path=, --tcp-port= and --http-port= are appended, and --config= for one of several, for
# tests that kill it. KAFKA_LIBS is a folder with Kafka's jars, which test/kafkatest/fetch makes, for tests that start
# a broker with Java 17. REDIS_BIN is redis-server; without it, it is looked for. What needs one that is not set is skipped.
test-cluster: web ## what is elsewhere: a bucket of a real S3 server, a real PostgreSQL, ClickHouse and Kafka, over a bad network
	$(GOTEST) -tags duckdb_arrow,cluster -timeout 10m ./internal/project/postgres -count 1
	$(GOTEST) -tags duckdb_arrow,cluster -timeout 10m ./internal/cache/redis -count 1
	$(GOTEST) -tags duckdb_arrow,cluster -timeout 60m ./internal/store/clickhouse -count 1
	$(GOTEST) -tags duckdb_arrow,cluster -timeout 20m ./internal/eventlog/kafka -count 1
	test -z "$$CLICKHOUSE_URL" || FRESHET_TEST_STORE=clickhouse $(GOTEST) -tags duckdb_arrow -timeout 120m ./internal/query -count 1 -rapid.checks 10
	$(GOTEST) -tags duckdb_arrow,cluster -timeout 60m ./test/e2e -count 1 -v -run "^($$(grep -ohE '^func Test[A-Za-z0-9]+' test/e2e/cluster_*_test.go | cut -d ' ' -f 2 | paste -sd '|'))\$$"

# A module of its own: the server has none of Helm's, Kubernetes' and Compose's libraries. The first build takes a minute or two.
# What it reads is outside that module, where Go does not look before it says (cached).
test-deploy: ## render and check what is in deploy/: the chart, Compose files, Terraform
	cd deploy/check && $(GO) test -count=1 ./...

# buf comes from npm, where it is built: building it takes minutes of two cores.
proto: ## lint the published Protobuf files, and compare them with what was published before
	proto/check

check: lint proto test ## what a commit must pass

lint: ## formatting and static checks
	@out=$$($(GOFUMPT) -l cmd internal web/web.go web/file.go test bench deploy); test -z "$$out" || { echo "not formatted with gofumpt:"; echo "$$out"; exit 1; }
	$(GOLANGCI) run --build-tags duckdb_arrow,sdk,crash,cluster ./...

format: ## format the Go code
	$(GOFUMPT) -w cmd internal web/web.go web/file.go test bench deploy

# Three suites are mostly properties, which `make test` tries often. For races a few are plenty. Decoders and
# machines of questions have nothing that runs beside something else.
race: ## run the tests of everything concurrent under the race detector
	$(GOTEST) $(TAGS) -race -short $$($(GO) list $(TAGS) ./internal/eventlog/... ./internal/ingest ./internal/process/... \
		./internal/store/... ./internal/server/... ./internal/project/... ./internal/cache/... ./internal/query/history ./internal/archive/... \
		./internal/yield ./internal/app/... | grep -vE '/internal/(store/duckdb|project/sqlite)$$')
	$(GOTEST) $(TAGS) -race -short -timeout 20m ./internal/query ./internal/store/duckdb ./internal/project/sqlite -rapid.checks=4

# The gate draws a few histories, others each time it runs. This draws many; with a crash laboratory of ten times the cuts and a longer
# fuzz it runs every night.
CHECKS ?= 500
properties: ## try every property CHECKS times (500)
	$(GOTEST) $(TAGS) -timeout 350m $$(grep -rl pgregory.net/rapid --include=*_test.go internal | xargs grep -L '^//go:build' | xargs -n 1 dirname | sort -u | sed 's|^|./|') -rapid.checks=$(CHECKS)

fuzz-build: ## build what fuzz runs
	GO="$(GO)" test/fuzz --build

fuzz: ## fuzz: every decoder for FUZZTIME
	GO="$(GO)" FUZZTIME=$(FUZZTIME) test/fuzz

bench: build ## measure a server on this machine; see bench/README.md
	bench/run

docs: ## generate the reference pages
	$(GO) generate $(TAGS) ./internal/config ./internal/api/...

clean: ## remove what was built
	rm -rf bin web/dist/* web/node_modules
