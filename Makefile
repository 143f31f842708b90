# One line each; `make help` prints them. .ci/setup installs what is missing and chooses the compiler (.tools/env).
.PHONY: help setup build run lab test e2e pictures lint fmt torture bench clean
.DEFAULT_GOAL := help
# One thing after the other, but for the halves of `build`.
ifneq ($(HALVES),both)
.NOTPARALLEL:
endif
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules
WITH := source .tools/env &&
# hydrate is wasm's alone. Crash points sleep until a test's environment names one; the release build has none.
NATIVE := --workspace --exclude hydrate --features server/crash-points

# How often `make torture` does what `make test` does a few times: the counts of the goals, or RUNS for each (and ACCOUNTS
# for each bulk clean-up that is killed).
TORTURE := UNSTICK_TORTURE_SQLITE=$${RUNS:-50} UNSTICK_TORTURE_POSTGRES=$${RUNS:-20} UNSTICK_TORTURE_MODEL=$${RUNS:-1000000} \
  UNSTICK_TORTURE_SERVICE_MODEL=$${RUNS:-1000} UNSTICK_TORTURE_ZOMBIES=$${RUNS:-100} UNSTICK_TORTURE_PROCESSES=$${RUNS:-20000} \
  UNSTICK_TORTURE_DISK=$${RUNS:-50} UNSTICK_TORTURE_STOPS=$${RUNS:-100} UNSTICK_TORTURE_MIGRATIONS=$${RUNS:-200} \
  UNSTICK_TORTURE_FLIGHTS=$${RUNS:-1000} UNSTICK_TORTURE_FLIGHTS_SECONDS=$${RUNS:-600} UNSTICK_TORTURE_SCHEMA=$${RUNS:-200} \
  UNSTICK_TORTURE_BULK=$${RUNS:-300} UNSTICK_TORTURE_BULK_ACCOUNTS=$${ACCOUNTS:-5000} \
  UNSTICK_TORTURE_OUTAGE=$${RUNS:-10000} UNSTICK_TORTURE_OUTAGE_SECONDS=$${RUNS:-600}
FAULTS := crash:: model drift:: moves:: zombies:: processes:: disk:: stopping:: migrations:: many_requests_in_flight flights:: outage:: schema::

# Folders are prerequisites too: their time changes when a file in them goes.
COMMON := Cargo.toml Cargo.lock $(shell find server/domain app -not -path '*/tests*' 2>/dev/null)
FRONT := target/.built-front
SERVER := target/.built-server

help: ## what there is to make
	@grep -E '^[a-z0-9]+:.*## ' Makefile | sed -E 's/:[^#]*## /\t/' | sort | expand -t 9
setup: ## install what this machine lacks (a fraction of a second when nothing is)
	@.ci/setup $(TOOLS_FOR)
# Who only wants to run it does not wait for what tests need.
build run lab bench: TOOLS_FOR := build
# A recipe gets make's jobserver only with a +, with which `make -n` would run it.
TAKING_PART = $(if $(findstring n,$(firstword -$(MAKEFLAGS))),@,+@)
# Side by side. The server's half takes as many compilers as there are processors (make's jobserver, which cargo takes part in)
# and ends with one crate that keeps only one of them busy; the browser's, which is a quarter of the work, takes one compiler
# at a time, and what of the processors is left. When it is done the server's half has its place in the pool too.
build: setup ## release build: target/release/admin-tool and target/site
	@$(MAKE) --silent --no-print-directory --assume-old=setup --jobs=$$(($$(nproc) + 1)) HALVES=both $(FRONT) $(SERVER)
ASIDE = $(if $(HALVES),env --unset=MAKEFLAGS --unset=CARGO_MAKEFLAGS CARGO_BUILD_JOBS=1 nice -n 4)
run: build ## build, then serve sample data on http://127.0.0.1:3000 and print the sign-ins
	@target/release/admin-tool serve --sample
lab: build ## build, then a world on loopback: two HAProxies, Redis, back ends, traffic, the console; Ctrl-C stops it
	@$(WITH) cargo run --release -p server --example lab -- --fleet --redis --slow-pages $(ARGS)
test: setup $(FRONT) ## every test: Rust, then the browser against the debug server and the release front end
	@$(WITH) cargo test $(NATIVE) && $(MAKE) --no-print-directory e2e
e2e: setup $(FRONT) ## browser journeys only; ARGS='-g search' to choose
	@$(WITH) cargo test $(NATIVE) --no-run --quiet && cd end2end && playwright test $(ARGS)
pictures: setup $(FRONT) ## the README's pictures anew, from the lab
	@$(WITH) cargo test $(NATIVE) --no-run --quiet && cd end2end/pictures && playwright test
lint: setup ## format, clippy for both halves, documentation, unused dependencies
	@$(WITH) cargo fmt --all --check && .ci/unused-dependencies && cargo clippy $(NATIVE) --all-targets -- -D warnings && cargo clippy -p hydrate --lib --profile wasm-release --target wasm32-unknown-unknown --target-dir target/front -- -D warnings && RUSTDOCFLAGS='-D warnings' cargo doc $(NATIVE) --no-deps --quiet
fmt: setup ## format
	@$(WITH) cargo fmt --all
torture: setup ## the faults of goals R1 to R15 in their full numbers (hours; ARGS=zombies to choose); prints what came of them
	@$(WITH) cargo test $(NATIVE) --no-run --quiet && export $(TORTURE) && cargo test $(NATIVE) --no-fail-fast --quiet -- --nocapture $(or $(ARGS),$(FAULTS)) 2>&1 | { grep --line-buffered -E '^((R[0-9]+|API) |test result: F|thread .* panicked)' || true; }
bench: build ## ratios against the bare SQL and the bare server
	@$(WITH) cargo run --release -p bench -- $(ARGS)
clean: ## forget everything that was built; data/ stays
	@rm -rf target end2end/test-results end2end/playwright-report

# The browser's half is always built for release: a debug one is 20 MB and slow. Stamps, for cargo-leptos
# optimises and compresses again although nothing changed; of the time when a build began, for files change meanwhile.
$(FRONT): $(COMMON) $(shell find style public 2>/dev/null) | setup
	$(TAKING_PART)mkdir -p target && touch $@.new && $(WITH) RUST_BACKTRACE=0 $(ASIDE) cargo leptos build --release -P --frontend-only && mv $@.new $@
$(SERVER): $(COMMON) $(shell find server migrations -not -path '*/tests*' -not -path '*/examples*' -not -path '*/bench*' 2>/dev/null) | setup
	$(TAKING_PART)mkdir -p target && touch $@.new && $(WITH) cargo build --release -p server --bin admin-tool && mv $@.new $@
