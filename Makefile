# make demo and make test install what they need, and say so.

.DEFAULT_GOAL := help
.PHONY: help demo test check

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
