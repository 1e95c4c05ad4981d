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

.PHONY: run build web test check lint format race fuzz e2e bench docs clean help

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

check: lint test ## what a commit must pass

lint: ## formatting and static checks
	@out=$$($(GOFUMPT) -l cmd internal web/web.go web/file.go test bench); test -z "$$out" || { echo "not formatted with gofumpt:"; echo "$$out"; exit 1; }
	$(GOLANGCI) run --build-tags duckdb_arrow ./...

format: ## format the Go code
	$(GOFUMPT) -w cmd internal web/web.go web/file.go test bench

race: ## run the tests of everything concurrent under the race detector
	$(GO) test $(TAGS) -race ./internal/eventlog/... ./internal/ingest/... ./internal/process/... ./internal/store/... \
		./internal/server/... ./internal/project/... ./internal/cache/... ./internal/query/... ./internal/api/... ./internal/app/...

fuzz: ## run every fuzz target for FUZZTIME
	@$(GO) list $(TAGS) -f '{{.Dir}} {{range .TestGoFiles}}{{.}} {{end}}{{range .XTestGoFiles}}{{.}} {{end}}' ./... | while read -r dir files; do \
		for f in $$files; do \
			for target in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$$dir/$$f"); do \
				echo "== $$target ($$(basename $$dir))"; \
				(cd "$$dir" && $(GO) test $(TAGS) -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) .) || exit 1; \
			done; \
		done; \
	done

bench: build ## measure a server on this machine; see bench/README.md
	bench/run

docs: ## generate the reference pages
	$(GO) generate $(TAGS) ./internal/config ./internal/api/...

clean: ## remove what was built
	rm -rf bin web/dist/* web/node_modules
