# The tag links DuckDB's Arrow interface, which the store writes through.
GO ?= go
FLAGS := -tags duckdb_arrow

.PHONY: test check
test: check
	$(GO) test $(FLAGS) ./...

check:
	@test -z "$$(gofmt -l internal)" || { gofmt -l internal; exit 1; }
	$(GO) vet $(FLAGS) ./...
