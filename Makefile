# `make help` lists the targets. GNU make, Go and, for the playground, Node are all that has to be
# there; on Debian and Ubuntu, as root, the rest is installed.

GOLANGCI_VERSION = v2.15.0
# Packages are tested two at a time: most of them run a PostgreSQL of their own.
TEST_FLAGS ?= -race -p 2 -timeout 25m

RELEASE := $(shell git -c safe.directory='*' describe --always --dirty --tags 2>/dev/null || echo unreleased)
BUILD    = go build -buildvcs=false -ldflags "-X main.release=$(RELEASE)"
WEB      = web/dist/playground/index.html

.DEFAULT_GOAL = help
.PHONY: help run run-supergraph build test check generate floors fmt vet lint web bench bench-supergraph bench-export clean tools

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  ADDR=127.0.0.1:8080 STATE_DIR=.state ARGS=--fresh are read by make run (linhui demo --help)"

run: build ## Build, then run the demo: PostgreSQL, Redis, six communities, the playground
	@exec bin/linhui demo $(ARGS)

run-supergraph: build ## Run the demo and the health service of deploy/example as one supergraph
	go build -buildvcs=false -o bin/health ./deploy/example/health
	@exec deploy/example/run.sh $(ARGS)

build: $(WEB) ## Build bin/linhui
	@mkdir -p bin
	$(BUILD) -o bin/linhui ./cmd/linhui

test: tools $(WEB) ## Run all tests on real servers, with the race detector
	go test $(TEST_FLAGS) ./...

check: generate fmt vet lint ## Generated code is current; format, vet, lint and the floors of the house hold

# The copy, not git, is compared with: it works before a commit and without a repository.
generate: ## Regenerate graph/ and fail when it was not current
	@mkdir -p bin && rm -rf bin/graph && cp -r graph bin/graph
	go run -buildvcs=false ./internal/gen
	@diff -ru bin/graph graph || { echo "graph/ was not current; it is now: commit it" >&2; exit 1; }
	@rm -rf bin/graph

fmt:
	@files=$$(gofmt -l $$(go list -f '{{.Dir}}' ./...)); [ -z "$$files" ] || { echo "gofmt -w is due for:" $$files >&2; exit 1; }

vet:
	go vet ./...

lint: bin/golangci-lint-$(GOLANGCI_VERSION) ## Run golangci-lint; its depguard rules are the floors of the house
	$< run ./...

bin/golangci-lint-$(GOLANGCI_VERSION):
	@echo "golangci-lint $(GOLANGCI_VERSION) is built once; it takes a minute or two"
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv bin/golangci-lint $@

web: $(WEB) ## Build the playground (needs npm)

$(WEB): $(shell find web/src web/index.html web/package-lock.json web/tsconfig.json web/vite.config.ts)
	@if ! command -v npm >/dev/null; then \
		echo "the playground is left out: install Node 20.19 or newer with npm, then make again" >&2; \
	elif ! (cd web && npm ci --no-audit --no-fund --loglevel=error && npm run build --silent); then \
		echo "the playground is left out: npm could not build it; the lines above say why" >&2; \
	fi

bench: build ## Measure the gateway against a hand-written floor
	go run -buildvcs=false ./bench $(ARGS)

bench-supergraph: build ## Measure the supergraph gateway beside a hand-written program
	go run -buildvcs=false ./bench/supergraph -linhui bin/linhui $(ARGS)

bench-export: ## Measure files of 100,000 rows: time, size, and memory beside what is held anyway
	go test ./e2e -run '^$$' -bench Export -benchtime 1x

clean: ## Remove what make built; .state and its databases stay
	rm -rf bin web/dist/playground web/node_modules

tools:
	@.ci/tools
