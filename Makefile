# CLUSTER=local|kind|current chooses where demo, e2e, bench-reload and bench-fleet run; see `make help`.
.DEFAULT_GOAL := help
.NOTPARALLEL:
SHELL := /bin/sh
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

CLUSTER_COMMAND := node test/cluster/main.ts
# Runs a jest project, and files that failed once more, alone; the results are named like the target.
JEST = node test/run.ts $@ --selectProjects
# Test files of pods mostly wait, so that more of them than processors run side by side.
E2E_WORKERS ?= 3
# Left alone, jest uses one processor of two.
WORKERS ?= 100%
GENERATED := crds/generated contract/generated charts/breakwater/README.md charts/breakwater/templates/crds.yaml docs/reference \
  charts/breakwater/templates/_permissions.tpl charts/breakwater/templates/_tenancy.tpl config/rbac config/manager config/prometheus config/install.yaml \
  config/grafana config/argocd/argocd-cm.yaml charts/breakwater/files docs/architecture.md CHANGELOG.md
# npm writes this file last.
MODULES := node_modules/.package-lock.json

.PHONY: help
help: ## list the targets
	@echo 'make TARGET, where TARGET is one of'
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## \(.*\)/  \1@\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F@ '{ printf "%-18s%s\n", $$1, $$2 }'
	@echo 'CLUSTER=local|kind|current chooses the cluster: built from source, in Docker, or your kubectl context.'
	@echo 'The default is kind where Docker answers and a node image can be had, else local.'

.PHONY: demo
demo: prerequisites $(MODULES) ## bring up a cluster, install everything, show a failing model being survived
	@node test/demo/main.ts

.PHONY: demo-security
demo-security: prerequisites $(MODULES) ## the same cluster: show an agent under attack, what is told of it, and an audit that shows changes
	@node test/demo/security/main.ts

.PHONY: demo-argocd
demo-argocd: prerequisites $(MODULES) ## have a real Argo CD take over the demo's manifests from git, and time a commit
	@node test/demo/argocd.ts

.PHONY: drill
drill: prerequisites $(MODULES) ## break agents on the cluster of make demo, and time the way to each cause
	@node test/drill/main.ts

.PHONY: upgrade-story
upgrade-story: prerequisites $(MODULES) ## on a cluster without Breakwater: from the first release's chart to this one, back and forward, under traffic
	@node test/upgrade/main.ts

.PHONY: down
down: $(MODULES) ## remove the cluster and all that it made
	@$(CLUSTER_COMMAND) down

.PHONY: kubeconfig
kubeconfig: $(MODULES) ## print the path of the cluster's kubeconfig; use it as: export KUBECONFIG=$(make -s kubeconfig)
	@$(CLUSTER_COMMAND) kubeconfig

.PHONY: cluster
cluster: prerequisites $(MODULES) ## bring up the cluster only, or repair it
	@$(CLUSTER_COMMAND) up

.PHONY: cluster-logs
cluster-logs: $(MODULES) ## print pods, events and the operator's log
	@$(CLUSTER_COMMAND) logs

.PHONY: images
images: prerequisites $(MODULES) ## build the images, make them available to the cluster, print their names
	@$(CLUSTER_COMMAND) build

.PHONY: test
test: go prerequisites drift ## run all of the following checks, as CI does
	@node test/cluster/testPackages.ts
	@export RESULTS_DIR=$${RESULTS_DIR:-$$(mktemp -d)}; \
	node test/beside.ts e2e 'static unit component integration'; node .ci/summary.js "$$RESULTS_DIR" $$?

# Where jest finds the tests of a changed file: a test is its own; other files have theirs in their folder and in tests/ there.
TESTS_OF_FILE = /[/]/!d; s|^|$(CURDIR)/|; /[.]test[.]ts$$/!s|[^/]*$$|(tests/)?[^/]*[.]test[.]ts$$|

.PHONY: check
check: static ## check style and types, and run the unit tests in folders that changed since main, in 90 s
	@base=$$(git merge-base HEAD main 2>/dev/null || echo HEAD); \
	{ git diff --name-only "$$base"; git ls-files --others --exclude-standard; } | sed '$(TESTS_OF_FILE)' | sort -u | \
	NODE_OPTIONS='--experimental-vm-modules --disable-warning=ExperimentalWarning' xargs -r jest --selectProjects unit --passWithNoTests --testPathPatterns

.PHONY: static
static: $(MODULES) ## check types and style side by side
	@$(MAKE) -s -k types format & types=$$!; $(MAKE) -s lint; lint=$$?; wait $$types && exit $$lint

.PHONY: lint
lint: $(MODULES) ## check style, and that links between documents lead somewhere
	eslint --cache --cache-location node_modules/.cache/eslint/ .
	@node lint/links.ts

.PHONY: format
format: $(MODULES) ## check that files are formatted as prettier formats them
	prettier --check --log-level warn --cache .

.PHONY: types
types: $(MODULES) ## check types
	tsc --incremental --tsBuildInfoFile node_modules/.cache/tsc.tsbuildinfo
	tsc --project cli/console/page

.PHONY: drift
drift: $(MODULES) ## check that generated files are what `make generate` makes
	@before=$$(mktemp -d) && trap 'rm -rf "$$before"' EXIT && \
	tar -cf - $(GENERATED) | tar -xf - -C "$$before" && \
	$(MAKE) -s generate && \
	for path in $(GENERATED); do \
	  diff -ru "$$before/$$path" "$$path" || { echo "$$path was out of date; it has been generated anew, commit it"; exit 1; }; \
	done

.PHONY: unit
unit: $(MODULES) ## run the unit tests
	@node test/cluster/testPackages.ts
	@$(JEST) unit --maxWorkers $(WORKERS)

.PHONY: component
component: $(MODULES) ## run the tests of several programs that need no cluster
	@node test/cluster/testPackages.ts
	@$(JEST) component --maxWorkers $(WORKERS)

.PHONY: integration
integration: go $(MODULES) ## run the tests against a real API server, without pods
	@node test/argocd/build.ts
	@node test/collector/build.ts
	@node test/cluster/testPackages.ts
	@$(JEST) integration --maxWorkers $(WORKERS)

.PHONY: e2e
e2e: go prerequisites $(MODULES) ## run the end-to-end tests on real pods
	@node test/cluster/testPackages.ts
	@$(JEST) e2e --maxWorkers $(E2E_WORKERS) --testPathPatterns 'test/e2e/[^/]*$$'
	@$(MAKE) -s e2e-alone
	@$(MAKE) -s e2e-argocd

.PHONY: e2e-alone
e2e-alone: prerequisites $(MODULES) ## run those of the end-to-end tests that need the operator for themselves
	@$(JEST) e2e --runInBand --testPathPatterns test/e2e/alone/

.PHONY: e2e-argocd
e2e-argocd: go prerequisites $(MODULES) ## run the end-to-end tests under a real Argo CD; they take the operator over from Helm
	@node test/cluster/testPackages.ts
	@node test/argocd/build.ts
	@$(JEST) e2e --runInBand --testPathPatterns test/e2e/argocd/

.PHONY: e2e-keda
e2e-keda: go prerequisites $(MODULES) ## run the end-to-end test under a real KEDA, which `make test` leaves out
	@node test/keda/build.ts
	@$(JEST) e2e --runInBand --testPathPatterns test/e2e/keda/

.PHONY: scan
scan: $(MODULES) ## look for known faults of packages, where the registry tells, and for licences that do not fit
	@node lint/scan.ts

.PHONY: fuzz
fuzz: $(MODULES) ## try hostile bytes, messages and manifests on operator and runtime, a minute each; FUZZ_SEED repeats a run
	@node --disable-warning=ExperimentalWarning test/fuzz/main.ts

.PHONY: e2e-smoke
e2e-smoke: prerequisites $(MODULES) ## run the shortest of the end-to-end tests
	@$(JEST) e2e --runInBand --testPathPatterns test/e2e/smoke

.PHONY: bench-reload
bench-reload: prerequisites $(MODULES) ## measure policy edit to enforcement, and opened circuit to status
	@node test/bench/reload.ts

.PHONY: bench-core
bench-core: $(MODULES) ## measure what the guard costs, side by side with libraries for the same
	@node test/bench/core.ts

.PHONY: bench-runtime
bench-runtime: $(MODULES) ## measure requests through the runtime, side by side with other gateways
	@node test/bench/runtime.ts

.PHONY: bench-soak
bench-soak: $(MODULES) ## measure the runtime's memory under requests of all kinds for MINUTES=60, at RATE=100 a second
	@node test/bench/soak.ts

.PHONY: bench-faults
bench-faults: $(MODULES) ## run the sixteen faults of Failover Bench, side by side with other gateways
	@node test/bench/faults.ts

.PHONY: bench-operator
bench-operator: $(MODULES) ## measure the operator at 100, 1,000 and 5,000 agents, and memory under churn for MINUTES=60; PARTS=100, 1000, crowd or churn
	@node test/bench/operator.ts $(PARTS)

.PHONY: bench-takeover
bench-takeover: $(MODULES) ## measure a takeover with 3,000 pods of which some are dead, against a bare client
	@node test/bench/takeover.ts

.PHONY: bench-recovery
bench-recovery: $(MODULES) ## play an outage to 100 pods in virtual time, and draw docs/images/recovery.svg
	@node test/bench/recovery.ts

.PHONY: bench-harm
bench-harm: $(MODULES) ## play the faults of providers to clients with and without the runtime, in virtual time, and draw docs/images/harm.svg and served.svg; PODS, RATES, ONLY, ENVOY
	@node test/bench/harm.ts

.PHONY: bench-fleet
bench-fleet: prerequisites $(MODULES) ## measure limits and circuits that pods share; PARTS=simulated, added, operator or cluster
	@node test/bench/fleet.ts $(PARTS)

.PHONY: bench-injection
bench-injection: $(MODULES) ## measure what the detector of prompt injections finds, its false alarms and its cost
	@node test/bench/injection.ts

.PHONY: generate
generate: $(MODULES) ## generate types, chart, reference, roles and install.yaml from crds/, contract/, operator/, cli/, lint/, test/guides/ and test/answers/
	node crds/generate.ts
	node contract/generate.ts
	node config/generate.ts
	node lint/diagram.ts
	node lint/failures.ts
	node test/guides/page.ts
	node test/answers/page.ts
	node cli/reference.ts

DOCS_MODULES := docs/node_modules/.package-lock.json

.PHONY: docs
docs: $(MODULES) $(DOCS_MODULES) ## build the site of the documents in dist/docs; REPOSITORY is the address of the files that it links to
	cd docs && node node_modules/vitepress/bin/vitepress.js build

.PHONY: docs-serve
docs-serve: $(MODULES) $(DOCS_MODULES) ## show the site of the documents at http://localhost:5173, and follow edits
	cd docs && node node_modules/vitepress/bin/vitepress.js dev

.PHONY: pictures
pictures: $(MODULES) ## take the pictures of the console in docs/images anew, in Chromium
	KEEP_PICTURES=1 $(JEST) component --maxWorkers 1 --testPathPatterns test/console

.PHONY: docs-check
docs-check: docs ## look at every page of the site in Chromium, light and dark, wide and narrow, and ask its search ten questions
	node docs/.vitepress/check.js

$(DOCS_MODULES): docs/package-lock.json
	@cd docs && npm ci --ignore-scripts --loglevel=error >&2
	@touch $@

.PHONY: release-dry-run
release-dry-run: $(MODULES) ## make the files of a release in dist/release, and publish nothing
	@node --disable-warning=ExperimentalWarning release/main.ts

.PHONY: clean
clean: ## remove what was built in the checkout; the cluster and the cache outside it stay
	rm -rf dist coverage

.PHONY: prerequisites
prerequisites:
	@sh test/cluster/prerequisites.sh

# Tests download or build what they need by Go also where a cluster is built already.
.PHONY: go
go:
	@command -v go >/dev/null || { echo 'error: no Go: put it on your PATH, or install it (https://go.dev/dl); these tests build Argo CD and others with it' >&2; exit 1; }

$(MODULES): package-lock.json
	@command -v npm >/dev/null || { echo 'no npm: install Node.js 20 or newer (https://nodejs.org)' >&2; exit 1; }
	@echo '==> Installing Node packages' >&2
	@npm ci --loglevel=error >&2
	@npm rebuild node --ignore-scripts=false --loglevel=error >&2 || { rm -f $@; exit 1; }
	@touch $@
