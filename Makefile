# Everything that is done with this repository. CI runs these targets and
# nothing else, so what passes here passes there. `make help` lists them.

GO            ?= go
NPM_DEPS      := .cache/deps
TOOLS         := .cache/bin
GOLANGCI_LINT := $(TOOLS)/golangci-lint-v2.15.0
GOVULNCHECK   := $(TOOLS)/govulncheck-v1.9.0

MODULE   := github.com/whoknocks/whoknocks
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
SERVICES := ingest enrich store report
BUILD    := $(GO) build -ldflags '-s -w -X $(MODULE)/services/internal/cli.Version=$(VERSION)'

# For every go command, those that tests start included: what is built with other
# flags is compiled again. The version comes from git describe, not from VCS stamps.
export GOFLAGS := -trimpath -buildvcs=false $(filter-out -trimpath -buildvcs=%,$(shell $(GO) env GOFLAGS))

# PKG narrows tests and benchmarks: make test PKG=./services/enrich/...
PKG       ?= work
TESTFLAGS ?= -timeout 20m
BENCH     ?= .
FUZZTIME  ?= 100000x

# What `make run` reads: the sample of 2012 that ships here, or LOG=path.
# Each has a data folder of its own; DATA=dir names another.
ifdef LOG
DATA  ?= .data/logs
else
LOG   := deploy/samples/adsl-2012-04.log
DATA  ?= .data/sample
RULES := --rules deploy/samples/owners-2012.yaml
endif

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all help deps build run fmt lint vet test test-race torture compose-test bench fuzz modules vuln up down logs clean

all: fmt lint build test ## format, lint, build and test

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

deps: ## fetch the engine and the IP data by npm, once (needs no npm with a ClickHouse of your own)
	@if [ -n "$$WHOKNOCKS_CLICKHOUSE_DSN$$WHOKNOCKS_CLICKHOUSE_LIB" ] && ! command -v npm >/dev/null; then \
		echo 'make deps: no npm; going on without IP data, with the ClickHouse that the environment names' >&2; \
	else sh deploy/deps/fetch.sh $(NPM_DEPS); fi

build: ## build bin/whoknocks and the services it is made of
	@mkdir -p bin
	$(BUILD) -o bin/whoknocks ./services/standalone/cmd/standalone
	$(BUILD) -o bin/ $(foreach s,$(SERVICES),./services/$s/cmd/$s)

# By way of the environment, so that a path may hold any character.
run: export RUN_LOG = $(LOG)
run: export RUN_DATA = $(DATA)
run: deps build ## import the sample of 2012 or LOG=path, print the table and serve [DATA=dir] [TIMEZONE=zone]
	@exec bin/whoknocks serve --data "$$RUN_DATA" --import "$$RUN_LOG" $(RULES) $(if $(TIMEZONE),--timezone '$(TIMEZONE)')

fmt: $(GOLANGCI_LINT) ## format the Go code
	$(GOLANGCI_LINT) fmt $(DIRS)

lint: $(GOLANGCI_LINT) ## run the linters of .golangci.yml
	$(GOLANGCI_LINT) run $(addsuffix /...,$(DIRS))

vet: ## run go vet over all modules
	$(GO) vet work

test: deps build ## run all tests, real bus and engine included [PKG=./services/enrich/...]
	$(GO) test $(TESTFLAGS) $(PKG)

test-race: deps ## the same with the race detector
	$(GO) test -race $(TESTFLAGS) $(PKG)

torture: deps build ## kill every process 20 times while a million lines come in, fill disks, take the engine away [KILLS=20] [LINES=250000]
	WHOKNOCKS_TORTURE_KILLS=$(or $(KILLS),20) WHOKNOCKS_TORTURE_LINES=$(or $(LINES),250000) \
		$(GO) test -count 1 -timeout 60m -run '^TestTorture' -v ./services/standalone

bench: deps ## run the benchmarks [PKG=...] [BENCH=pattern] [LINES=1000000] [EVENTS=1000000, of five years]
	WHOKNOCKS_BENCH_LINES=$(or $(LINES),1000000) WHOKNOCKS_BENCH_EVENTS=$(or $(EVENTS),1000000) \
		$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem $(TESTFLAGS) \
		$(if $(filter work,$(PKG)),$$(grep -rl --include='*_test.go' '^func Benchmark' pkg services | sed 's|^|./|; s|/[^/]*$$||' | sort -u),$(PKG))

fuzz: ## run every fuzz test for FUZZTIME each, inputs (10000x) or time (30s)
	@grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' pkg services | sort | while IFS=: read -r file name; do \
		name=$${name#func }; dir=./$${file%/*}; \
		echo "$$dir $$name"; \
		$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$dir" </dev/null || exit 1; \
	done

modules: ## build each module and check its go.mod, without the workspace
	@failed=0; for dir in $(DIRS); do \
		echo "$$dir"; \
		(cd $$dir && GOWORK=off $(GO) build -o /dev/null ./... && GOWORK=off $(GO) mod tidy -diff) || failed=1; \
	done; exit $$failed

vuln: $(GOVULNCHECK) ## look for known vulnerabilities; says so if the database can't be reached
	@GOVULNCHECK=$(GOVULNCHECK) sh deploy/vuln.sh $(DIRS)

compose-test: deps ## run docker-compose.yml on a Docker daemon of its own, break it and count; wants root on Linux [LINES=1000000]
	WHOKNOCKS_COMPOSE_LINES=$(or $(LINES),1000000) GO='$(GO)' sh deploy/composetest/run.sh .cache/tools

up: ## build the images and start docker-compose.yml
	docker compose build
	docker compose up --wait

down: ## stop what `make up` started; the volumes stay
	docker compose down

logs: ## follow the logs of what `make up` started
	docker compose logs --follow --tail 100

clean: ## remove what was built; fetched files and data stay
	rm -rf bin $(TOOLS)

# The folders of the modules, relative, as go.work lists them.
DIRS = $(shell $(GO) list -m -f '{{.Dir}}' | sed 's|^$(CURDIR)/|./|')

# Tools are pinned here rather than in a go.mod: their requirements are none of
# the code's. The version is in the file's name, so that a new pin is installed.
$(GOLANGCI_LINT):
	@$(call install,github.com/golangci/golangci-lint/v2/cmd/golangci-lint,golangci-lint)
$(GOVULNCHECK):
	@$(call install,golang.org/x/vuln/cmd/govulncheck,govulncheck)

define install
echo "installing $(2) $(patsubst %/$(2)-%,%,$@), once"; mkdir -p $(TOOLS); \
GOBIN='$(CURDIR)/$(TOOLS)' $(GO) install '$(1)@$(lastword $(subst $(2)-, ,$(notdir $@)))' && mv '$(TOOLS)/$(2)' '$@'
endef
