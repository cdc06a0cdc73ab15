# Two commands to know: `make demo` and `make test`. Each installs what it lacks and says what it does.
.PHONY: help demo page screenshots test setup wasm serve fmt bench bench-gpu scale
.DEFAULT_GOAL := help

help: ## Says what there is to make.
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

demo: page ## Builds the WebAssembly package and the demo page, and serves it; prints its address.
	@bash scripts/serve.sh

page: wasm ## Builds the demo page into target/www: a folder for any static server.
	@bash scripts/build-www.sh

screenshots: page ## Takes the pictures of the page in docs/images.
	@bash scripts/setup-browser.sh
	@node scripts/screenshots.mjs

test: ## Runs every test: format, lints, documentation, native tests, browser tests, bundlers, Firefox.
	@bash scripts/test.sh

bench: ## Measures speed, memory and size beside transformers.js; ARGS="--dtype q4" measures a part.
	@bash scripts/bench.sh $(ARGS)

bench-gpu: ## Measures this machine's graphics card: each kernel natively, and the package on Chromium's WebGPU in Node.
	@bash scripts/bench-gpu.sh $(ARGS)

scale: ## Loads a model of full size, 4.7 billion random 4-bit weights, in headless Chromium and reports what it takes.
	@bash scripts/scale.sh

setup: ## Installs what building and testing need: Rust's wasm target, Node packages, Chromium, bundlers, Firefox.
	@bash scripts/setup-rust.sh
	@bash scripts/setup-node.sh
	@bash scripts/setup-browser.sh
	@bash scripts/setup-bundlers.sh
	@bash scripts/setup-firefox.sh || true

wasm: ## Builds the npm package's WebAssembly module into pkg/wasm.
	@bash scripts/setup-rust.sh
	@bash scripts/setup-node.sh
	@bash scripts/build-wasm.sh

serve: ## Serves the demo page as it was last built, on a free port of this machine.
	@bash scripts/setup-node.sh
	@bash scripts/serve.sh

fmt: ## Formats the Rust code.
	@bash scripts/setup-rust.sh
	@cargo fmt
