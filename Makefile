# make demo and make test install what they need, and say so.

.DEFAULT_GOAL := help
.PHONY: help demo test check fuzz bench-calls bench-org

CARGO ?= cargo

help: ## show this
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

demo: ## an old access key becomes a page, on this machine (ARGS=--once ends after the first)
	@tests/install.sh demo
	@echo "building (the first time takes some minutes)"
	@$(CARGO) build --locked -p iam-key-exporter -p testbed
	@target/debug/demo --exporter target/debug/iam-key-exporter --rules alerts/rules.yaml $(ARGS)

test: ## everything: formatting, lints, unit and process tests, rules, from the stub to the page
	@tests/install.sh test
	@tests/run.sh

check: ## what is quick: formatting, lints, unit tests
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) test --locked --lib --test house --test config_mistakes

fuzz: ## the parser of credential reports under a fuzzer (SECONDS=60; needs cargo-fuzz and a nightly compiler)
	$(CARGO) +nightly fuzz run --fuzz-dir tests/fuzz --target-dir target/fuzz credential_report -- \
		-max_total_time=$(or $(SECONDS),60) -rss_limit_mb=512

bench-calls: ## how many calls a poll makes, and how long until all overdue keys are known
	$(CARGO) test --locked --release --test engine -- --ignored --nocapture --test-threads=1 bench_calls

bench-org: ## 1,000 and 5,000 accounts: time, calls, memory, and what broken accounts do to the others (15 minutes)
	$(CARGO) build --locked --release -p iam-key-exporter -p testbed
	target/release/bench_org target/release/iam-key-exporter
