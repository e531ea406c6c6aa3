# One Step at a Time. `make` alone lists the targets; the work is done in tools/.
# Options go on: make lab ARGS="--no-browser --port 8899", make test ARGS="-k film".

.PHONY: help setup lab wheels handout release marks test test-offline test-portable test-jitter test-browser \
	test-faults test-rough test-site test-places site address notebooks bench lock clean

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' Makefile

setup: ## install the course into .venv (the other targets do it, too)
	@sh tools/setup.sh

lab: setup ## open the course in JupyterLab
	@sh tools/lab.sh $(ARGS)

wheels: setup ## gather what `make lab` needs into wheels/, for rooms without a network
	@sh tools/wheels.sh $(ARGS)

handout: setup ## write the lessons without solutions into build/handout
	@.venv/bin/python -m course_utils.classroom.release build/handout $(ARGS)

release: handout

marks: setup ## mark the notebooks in a folder: make marks FROM=FOLDER
	@test -n "$(FROM)" || { echo "Name a folder: make marks FROM=FOLDER" >&2; exit 2; }
	@.venv/bin/python -m course_utils.classroom.marking "$(FROM)" --out build/marks $(ARGS)

test: setup ## run the unit tests and every notebook
	@.venv/bin/python -m pytest $(ARGS)

test-browser: setup ## try every notebook in JupyterLab in Chromium
	@sh tools/test_browser.sh $(ARGS)

test-site: setup ## try the web edition in Chromium
	@sh tools/test_site.sh $(ARGS)

test-places: setup ## try every lesson with the versions that Colab has
	@sh tools/test_places.sh $(ARGS)

test-offline: setup ## the same where there is no network (Linux only)
	@sh tools/offline.sh .venv/bin/python -m pytest $(ARGS)

test-portable: setup ## the same with the arithmetic that every processor has
	@ATEN_CPU_CAPABILITY=default MKL_CBWR=COMPATIBLE ONEDNN_MAX_CPU_ISA=SSE41 \
	OMP_NUM_THREADS=1 .venv/bin/python -m pytest $(ARGS)

test-jitter: setup ## every lesson with arithmetic that is off in the last bits
	@.venv/bin/python tests/jitter.py $(ARGS)

test-faults: setup ## plant small faults in a copy and see that the tests catch each
	@.venv/bin/python tests/faults/run.py $(ARGS)

test-rough: setup ## every lesson interrupted, run twice, and in odd places
	@.venv/bin/python -m pytest -o addopts= -q tests/rough/lessons.py tests/rough/places.py $(ARGS)

site: setup ## write the lessons as web pages into build/site
	@.venv/bin/python web/build.py $(ARGS)

address: setup ## write the address of this repository, or fork, everywhere
	@.venv/bin/python tools/address.py $(ARGS)

notebooks: setup ## execute the notebooks again and store their outputs
	@.venv/bin/python tools/notebooks.py $(ARGS)

bench: setup ## run the benchmarks
	@for file in benchmarks/*.py; do .venv/bin/python "$$file" $(ARGS) || exit 1; done

lock: ## choose the versions in constraints.txt again and check all platforms
	@sh tools/lock.sh $(ARGS)

clean: ## remove .venv and all caches
	@rm -rf .venv .venv.old build dist wheels .pytest_cache .ruff_cache .mypy_cache .hypothesis
	@find . -name __pycache__ -prune -exec rm -rf {} +
	@find . -name .ipynb_checkpoints -prune -exec rm -rf {} +
