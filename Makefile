# Everything that is done with this repository, by one name each. It needs Go 1.26, a C compiler for linking DuckDB, and
# Node 20 for the dashboard; tools of the checks are fetched by Go at pinned versions.
GO       ?= go
NPM      ?= npm
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
# The tag links DuckDB's Arrow interface, which the store writes through.
TAGS     := -tags duckdb_arrow
LDFLAGS  := -X main.version=$(VERSION)
GOLANGCI := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOFUMPT  := $(GO) run mvdan.cc/gofumpt@v0.9.2
FUZZTIME ?= 60s
ARGS     ?=

WEB := $(shell find web/src web/public web/scripts web/index.html web/package.json web/package-lock.json web/vite.config.ts \
	web/vite.reference.config.ts web/svelte.config.js web/tsconfig.json -type f)

.PHONY: run build web test test-sdk check lint format race fuzz bench docs clean help

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | expand -t 14

run: build ## start a server on :8080 with a sample app that sends events; ARGS=--no-demo leaves it out
	bin/freshet serve --demo --log-format text --log-level warn $(ARGS)

build: web ## build bin/freshet with the dashboard inside
	$(GO) build $(TAGS) -trimpath -ldflags '$(LDFLAGS)' -o bin/freshet ./cmd/freshet

web: web/dist/index.html ## build the dashboard into web/dist
web/dist/index.html: $(WEB)
	cd web && $(NPM) ci --ignore-scripts --no-audit --no-fund && $(NPM) run build

test: web ## run the tests: units, properties, suites, the real binary end to end, the dashboard
	$(GO) vet $(TAGS) ./...
	$(GO) test $(TAGS) ./...
	cd web && $(NPM) run check && $(NPM) test

# The tests that need a browser beside Node: CHROMIUM says where it is.
test-sdk: web ## send through the SDKs themselves, for Node, Go and browsers, over a bad network
	CHROMIUM=$${CHROMIUM:-$$(command -v chromium || command -v chromium-browser || command -v google-chrome)} \
		$(GO) test -tags duckdb_arrow,sdk ./test/e2e \
		-run "^($$(grep -ohE '^func Test[A-Za-z0-9]+' test/e2e/sdk_*_test.go test/e2e/scene_test.go | cut -d ' ' -f 2 | paste -sd '|'))\$$"

check: lint test ## what a commit must pass

lint: ## formatting and static checks
	@out=$$($(GOFUMPT) -l cmd internal web/web.go web/file.go test bench); test -z "$$out" || { echo "not formatted with gofumpt:"; echo "$$out"; exit 1; }
	$(GOLANGCI) run --build-tags duckdb_arrow,sdk ./...

format: ## format the Go code
	$(GOFUMPT) -w cmd internal web/web.go web/file.go test bench

race: ## run the tests of everything concurrent under the race detector
	$(GO) test $(TAGS) -race -short ./internal/eventlog/... ./internal/ingest/... ./internal/process/... ./internal/store/... \
		./internal/server/... ./internal/project/... ./internal/cache/... ./internal/query/... ./internal/api/... ./internal/app/...

# The decoders of what strangers send get FUZZTIME, everything else that reads bytes a sixth of it; three run at a time. Making
# an input small that is merely new to the fuzzer is not worth the minute that it takes by default.
fuzz: ## fuzz: every decoder for FUZZTIME
	@grep -rEo '^func Fuzz[A-Za-z0-9_]+' --include=*_test.go internal | sed 's/func //' | while IFS=: read -r file target; do \
		time=$(FUZZTIME); \
		case $$file in internal/ingest/*|internal/event/*) ;; *) time=$$(( ($${time%s} + 5) / 6 ))s ;; esac; \
		echo "./$$(dirname $$file) $$target $$time"; \
	done | xargs -P 3 -L 1 sh -c 'log=$$(echo "fuzz$$0-$$1" | tr -c "a-zA-Z0-9\n" "-").log; \
		$(GO) test $(TAGS) "$$0" -run "^$$" -fuzz "^$$1\$$" -fuzztime "$$2" -fuzzminimizetime 100x -parallel 1 > "$$log" 2>&1 \
		&& { echo "ok $$1 in $$0 for $$2, $$(grep -aoE "execs: [0-9]+" "$$log" | tail -n 1)"; rm "$$log"; } \
		|| { cat "$$log"; exit 255; }'

bench: build ## measure a server on this machine; see bench/README.md
	bench/run

docs: ## generate the reference pages
	$(GO) generate $(TAGS) ./internal/config ./internal/api/...

clean: ## remove what was built
	rm -rf bin web/dist/* web/node_modules
