.DEFAULT_GOAL := help
.PHONY: help run demo test quick long check e2e compat bench storybook

help: ## list the targets
	@sed -n 's/^\([a-z][a-z0-9 ]*\):.*## /\1\t/p' Makefile | expand -t 14

run demo: ## the whole product on this machine, with a sample application and a virtual phone
	go run ./cmd/countersign demo

test: ## everything: Go tests on both databases, browser journeys, real clients
	scripts/test-deps
	scripts/with-postgres scripts/test

quick: ## Go tests on SQLite alone, without race detector, browser and clients: for the hand at work
	scripts/quick

long: ## the long runs: mutations and walks by the hundred thousand, parity with fresh seeds; takes hours
	scripts/with-postgres scripts/long

check: ## format, vet, staticcheck, known vulnerabilities, architecture
	scripts/check

e2e: ## the browser journeys alone
	scripts/test-deps
	scripts/with-postgres scripts/node-suites e2e

compat: ## the unmodified Duo clients alone
	scripts/test-deps
	scripts/with-postgres scripts/node-suites compat

bench: ## measure sign-ins a second on both databases, and the wake-up of a waiting page
	go run ./bench

storybook: ## every page in every state, without a database
	go run ./cmd/storybook
