# Needed: Go (the version in go.mod), make, and sh with grep and sed.

GO         ?= go
BIN        ?= bin/chancery
TIMEOUT    ?= 20m
# How long each fuzz target runs, and how long each benchmark of micro.
FUZZTIME   ?= 60s
BENCHTIME  ?= 1s
# How often make storm kills, in all its runs, and where it goes on. Sockets lie there, so the path must be short.
KILLS      ?= 1000
STORM      ?= /tmp/chancery-storm
# How many telegrams the posts of make storm send each way, and the seed of it all; 0 is another each time.
TELEGRAMS  ?= 2000
SEED       ?= 0
# Which tests, as in  make test PKG=./seal RUN=TestLetter
PKG        ?= ./...
RUN        ?=
# Which groups of figures, as in  make bench ONLY='seal|post' V=-v ; without it all. They take the place of older ones of these groups in bench/results.json.
ONLY       ?=
V          ?=
# How long the file is that the group attach sends; 1073741824 is the longest there is, and takes a quarter of an hour.
FILE       ?= 100000000

.DEFAULT_GOAL := help
.PHONY: demo test check bench micro fips race model mutate fuzz storm thin build clean help

demo: build ## carry a telegram between three posts on this machine
	$(abspath $(BIN)) demo

build: ## build the command, without cgo
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w" -o $(BIN) ./cmd/chancery

test: ## run all tests
	@set -- /usr/lib/postgresql/*/bin/initdb; \
	if ! [ -x "$$1" ] && ! command -v initdb >/dev/null 2>&1; then \
		echo "PostgreSQL is not installed: its tests are skipped (with CI=true they fail). On Debian: apt-get install postgresql"; \
	fi
	$(GO) test -timeout $(TIMEOUT) $(if $(RUN),-run '$(RUN)') $(PKG)
	$(if $(filter ./...,$(PKG)),$(if $(RUN),,cd seal/wycheproof && $(GO) test -timeout $(TIMEOUT) ./...))

check: ## look at format, vet, build without cgo and modules; staticcheck too where it is installed
	@bad=$$(gofmt -l .) || exit 1; if [ -n "$$bad" ]; then echo "run gofmt -w on:"; echo "$$bad"; exit 1; fi
	$(GO) vet ./...
	CGO_ENABLED=0 $(GO) build ./...
	$(GO) mod tidy -diff
	$(GO) mod verify
	cd seal/wycheproof && $(GO) vet ./... && $(GO) mod tidy -diff
	@if command -v staticcheck >/dev/null 2>&1; then echo staticcheck ./...; staticcheck ./...; \
	else echo "staticcheck is not installed and was not run"; fi

bench: ## measure against what the machine can do and beside others; print a table, write bench/results.json, a page and pictures
	cd bench && $(GO) test -count=1 -timeout 60m $(if $(V),-v) -run '^TestFigures$$' -full -file $(FILE) -only '$(ONLY)' -figures results.json

micro: ## run the benchmarks of single functions
	@dirs=$$(grep -rl --include='*_test.go' '^func Benchmark' . | sed 's|/[^/]*$$||'); \
	$(GO) test -run xxx -bench . -benchmem -benchtime $(BENCHTIME) -timeout $(TIMEOUT) $$dirs

fips: ## run the tests of what is signed, sealed and proved with nothing but FIPS 140 cryptography allowed
	GODEBUG=fips140=only $(GO) test -timeout $(TIMEOUT) ./telegram ./seal ./register ./directory

race: ## run all tests under the race detector (needs gcc; half an hour)
	CGO_ENABLED=1 $(GO) test -race -timeout 60m -p 1 $(PKG)

model: ## check the models, and that each weakened variant of them fails (needs spin and gcc; proverif where it is installed, or PROVERIF=required)
	docs/models/run.sh
	@if command -v proverif >/dev/null 2>&1 || [ "$${PROVERIF:-}" = required ]; then \
		$(GO) test -v -count=1 -timeout 3h -run '^TestModels$$' . -prove $(if $(ONLY),-prove-of '$(ONLY)'); \
	else echo "ProVerif is not installed: the symbolic models were not run, docs/models/proverif.txt has the verdicts (PROVERIF=required makes this an error)"; fi

mutate: ## remove each check of what comes from outside that has no verdict (ALL=1: each), and see which test fails
	$(GO) test -v -count=1 -timeout 6h -run '^TestMutants$$' . -mutate $(if $(ALL),-mutate-all) $(if $(ONLY),-mutate-of '$(ONLY)')

fuzz: ## run every fuzz target for FUZZTIME (60s)
	@grep -r --include='*_test.go' '^func Fuzz' . | sed -E 's|^(.*)/[^/]*:func (Fuzz[A-Za-z0-9_]*).*|\1 \2|' | \
	while read -r dir name; do \
		echo "$$dir $$name"; \
		$(GO) test -run xxx -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 50x "$$dir" </dev/null || exit 1; \
	done

storm: ## kill posts KILLS times (1000) under load, then let three posts weather a storm of TELEGRAMS (2000) each way, and prove that all is there once; goes on with what is in STORM
	$(GO) test ./cmd/chancery -count=1 -timeout 24h -v -run '^TestKill$$' -kills $(KILLS) -siege $(abspath $(STORM))
	$(GO) test ./cmd/chancery -count=1 -timeout 24h -v -run '^TestStorm$$' -storm $(TELEGRAMS) -storm-seed $(SEED)

thin: ## measure the thin lines: 64 kbit/s with losses, 2,400 bit/s, silence (half an hour; needs root, Linux and iproute2)
	$(GO) test ./cmd/chancery -count=1 -timeout 2h -parallel 4 -v -run '^(TestThin|TestSlow|TestSilent)$$' -thin

clean: ## remove what was built
	rm -rf bin

help: ## list the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/make \1:  \2/p' Makefile
