# make demo and make test install what they need, and say so.

.DEFAULT_GOAL := help
.PHONY: help demo test check fuzz fuzz-door bench-calls bench-org bench-door bench-page bench-scrape bench-memory bench-start bench-micro soak

CARGO ?= cargo
FUZZ = $(CARGO) +nightly fuzz run --fuzz-dir tests/fuzz --target-dir target/fuzz
# What make test has built already serves its demo as well.
DEMO_BUILD = -p iam-key-exporter -p testbed
FUZZ_LIMITS = -max_total_time=$(or $(SECONDS),60) -rss_limit_mb=512

help: ## show this
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

demo: ## an old access key becomes a page, on this machine (ARGS=--once ends after the first)
	@tests/install.sh demo
	@echo "building (the first time takes some minutes)"
	@$(CARGO) build --locked $(DEMO_BUILD)
	@target/debug/demo --exporter target/debug/iam-key-exporter --rules alerts/rules.yaml $(ARGS)

test: ## everything: formatting, lints, unit and process tests, rules, from the stub to the page
	@tests/install.sh test
	@tests/run.sh

check: ## what is quick: formatting, lints, unit tests
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) test --locked --lib --test house --test config_mistakes

fuzz: ## the parsers of credential reports and web configurations under a fuzzer (SECONDS=60 each; needs cargo-fuzz and a nightly compiler)
	$(FUZZ) credential_report -- $(FUZZ_LIMITS)
	@mkdir -p target/fuzz/found
	$(FUZZ) web_config target/fuzz/found tests/web_config/good tests/web_config/bad -- $(FUZZ_LIMITS)

fuzz-door: ## the running exporter under malformed requests (SECONDS=60 without and with passwords)
	FUZZ_SECONDS=$(or $(SECONDS),60) $(CARGO) test --locked --test front_door -- --nocapture malformed

bench-calls: ## how many calls a poll makes, and how long until all overdue keys are known
	$(CARGO) test --locked --release --test engine -- --ignored --nocapture --test-threads=1 bench_calls

bench-org: ## 1,000 and 5,000 accounts: time, calls, memory, and what broken accounts do to the others (15 minutes)
	$(CARGO) build --locked --release -p iam-key-exporter -p testbed
	target/release/bench_org target/release/iam-key-exporter

bench-door: ## scrapes among 1,000 idle and 50 slow clients, and how long a 401 takes
	$(CARGO) build --locked --release -p iam-key-exporter -p testbed
	target/release/bench_door target/release/iam-key-exporter

bench-page: ## what the status page costs beside a scrape, at 10,000 and 100,000 keys
	$(CARGO) test --locked --release --test status_page -- --ignored --nocapture bench_page

bench-scrape: ## scrapes of 1,000, 10,000 and 100,000 keys beside nginx and two libraries
	@tests/install.sh bench
	$(CARGO) build --locked --release -p iam-key-exporter -p testbed
	target/release/bench_scrape target/release/iam-key-exporter

bench-memory: ## how calls, time, memory and bytes grow from 10 to 100,000 keys and 1 to 5,000 accounts (15 minutes)
	$(CARGO) build --locked --release -p iam-key-exporter -p testbed
	target/release/bench_size target/release/iam-key-exporter memory

bench-start: ## how soon it listens and knows all overdue keys, with and without state
	$(CARGO) build --locked --release -p iam-key-exporter -p testbed
	target/release/bench_size target/release/iam-key-exporter start

bench-micro: ## parsing a report, judging keys, rendering (criterion)
	$(CARGO) bench --manifest-path tests/micro/Cargo.toml --target-dir target/micro

soak: ## days of faults, rotations, reloads and scrapes in 30 minutes (SECONDS=1800)
	@tests/install.sh test
	SOAK_SECONDS=$(or $(SECONDS),1800) $(CARGO) test --locked --test soak -- --nocapture
