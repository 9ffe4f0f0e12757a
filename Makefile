# make install    a virtual environment in .venv, with the core and all plugins; TORCH=cpu, or cu130, takes that build of torch
# make demo       edit drawn faces with recipes/quickstart.yaml, and say where the report is
# make test       install what is needed and run the tests
# make test-long  the tests that take seconds each: whole networks, trainings, kills, pages in a browser
# make test-all   all of these, and the slow tests
# make recipes    run the recipes that take long and need nothing fetched, and hold them to what they claim
# make mutants    change formulas one by one, to see whether a test notices: a sample, or MODULE=path/of/one.py
# make lint       style and types
# make tiny       write tiny checkpoints of every family, and boundaries, for the recipes that use them
# make bench      timings, as ratios to peers in the same run where there are peers

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# Two workers on two cores: each with threads of its own would be slower, and files that are divided make what their tests
# share twice. Compiled modules are kept, whatever the environment says: tests start hundreds of processes.
PYTEST := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile

# Which build of torch: without a word that of the package index, which on Linux is one with CUDA, of several GB.
ifdef TORCH
export PIP_EXTRA_INDEX_URL := https://download.pytorch.org/whl/$(TORCH)
endif

.PHONY: install demo studio test test-long test-all recipes mutants lint tiny bench clean

install: $(VENV)/.installed

$(VENV)/.installed: requirements-dev.txt constraints.txt pyproject.toml $(wildcard plugins/*/pyproject.toml)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet "setuptools>=77"  # one for all packages, in place of one fetched for each
	$(BIN)/python -m pip install --quiet --no-build-isolation -r requirements-dev.txt
	touch $@

demo: install
	$(BIN)/interpgan-run recipes/quickstart.yaml

studio: install
	$(BIN)/interpgan-studio recipes/studio.yaml

test: install
	$(PYTEST) -m "not long and not browser and not slow and not network"

test-long: install
	$(PYTEST) --dist worksteal -m "(long or browser) and not slow and not network"

test-all: install
	$(PYTEST)

recipes: install
	$(PYTEST) --dist load -m "slow and not network" -k recipe

mutants: install $(VENV)/.mutants
	OMP_NUM_THREADS=1 $(BIN)/python tests/mutants.py $(MODULE)

$(VENV)/.mutants: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet "cosmic-ray>=8.7,<9"
	touch $@

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

tiny: install
	PYTHONPATH=tests $(BIN)/python tests/write_tiny.py recipes/tiny

# The original runtime of MobileStyleGAN, the published eigen-solver and a photograph are installed for this alone.
bench: install .bench/.installed
	$(BIN)/python bench/startup.py
	$(BIN)/python bench/sefa.py
	$(BIN)/python bench/ganspace.py
	$(BIN)/python bench/dissection.py
	$(BIN)/python bench/words.py directions
	$(BIN)/python bench/words.py mapper
	$(BIN)/python bench/words.py sentences
	$(BIN)/python bench/units.py twins
	$(BIN)/python bench/units.py remove
	$(BIN)/python bench/units.py insert
	$(BIN)/python bench/locality.py
	$(BIN)/python bench/dependency.py
	$(BIN)/python bench/finders.py grid | xargs -L 1 $(BIN)/python bench/finders.py run
	$(BIN)/python bench/finders.py table
	$(BIN)/python bench/styleflow.py
	$(BIN)/python bench/interpretable.py
	$(BIN)/python bench/layer.py
	$(BIN)/python bench/concepts.py avatars.pggan-interpretable avatars.pggan
	$(BIN)/python bench/adapted.py avatars.pggan
	$(BIN)/python bench/adapted_table.py
	$(BIN)/python bench/adapted_ablation.py avatars.pggan
	$(BIN)/python bench/ablation.py
	$(BIN)/python bench/ganalyze.py avatars.stylegan2
	$(BIN)/python bench/steerability.py avatars.stylegan2 brightness
	$(BIN)/python bench/steerability.py avatars.stylegan2 shift_x --reach 0.05
	$(BIN)/python bench/streaming.py
	$(BIN)/python bench/pggan.py
	$(BIN)/python bench/stylegan2.py
	$(BIN)/python bench/biggan.py
	$(BIN)/python bench/training.py
	$(BIN)/python bench/avatars.py
	$(BIN)/python bench/words_gap.py
	$(BIN)/python bench/words_edits.py
	$(BIN)/python bench/scoring.py
	$(BIN)/python bench/killed.py --samples 20000
	$(BIN)/python bench/interfacegan.py
	$(BIN)/python bench/inversion.py
	$(BIN)/python bench/encoders.py
	$(BIN)/python bench/photograph.py .bench/lib/python3*/site-packages/skimage/data/astronaut.png
	$(BIN)/python bench/faces.py --samples 200
	$(BIN)/python bench/faces_encoder.py
	$(BIN)/python bench/faces_directions.py
	$(BIN)/python bench/faces_edits.py recipes/my-face.jpg
	$(BIN)/python bench/studio.py --gradio-python .bench/bin/python
	$(BIN)/python bench/mobilestylegan.py --runtime-python .bench/bin/python

.bench/.installed: bench/peers.txt
	$(PYTHON) -m venv .bench
	.bench/bin/python -m pip install --quiet -r bench/peers.txt
	touch $@

clean:
	rm -rf $(VENV) .bench out recipes/tiny
