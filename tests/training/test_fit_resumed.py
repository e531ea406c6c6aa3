"""fit: interrupted anywhere, saved and resumed, it ends as if nothing had happened."""

import contextlib
import random

import numpy as np
import pytest
import tiny
import torch
from tiny import Tiny, equal, examples, needs_sigint, weights_of

from course_utils import training
from course_utils.runtime import progress, randomness
from course_utils.training import Run, checkpoints

TRAIN, OTHERS = examples(), examples(23, seed=1)
TURNED = examples(23, seed=1, inverted=True)

SETTINGS = {
    "sgd": {"optimizer": "sgd", "lr": 0.3, "schedule": "cosine", "seed": 5},
    "momentum": {
        **{"optimizer": "momentum", "lr": {"": 0.1, "out": 0.02}, "max_norm": 0.5},
        **{"schedule": "warm-up", "validation": OTHERS},
    },
    "adamw": {
        **{"lr": {"": 0.05, "embedding": 0.0}, "schedule": "linear", "patience": 3},
        **{"validation": OTHERS, "weight_decay": 0.1},
    },
    "plateau": {
        **{"optimizer": "adam", "lr": 0.05, "schedule": "plateau", "patience": 2},
        **{"validation": TURNED},
    },
}


def run_of(name="adamw", model=None, **changes):
    settings = {"num_epochs": 4, "batch_size": 8} | SETTINGS[name] | changes
    return Run(model or Tiny(), settings.pop("train", TRAIN), **settings)


def outcome(run):
    return run.history, weights_of(run.model)


@pytest.fixture(scope="module")
def whole():
    """What each run gives that nobody interrupts."""
    found = {}
    for name in SETTINGS:
        run = run_of(name)
        run.go()
        found[name] = outcome(run)
    return found


def assert_same(run, wanted):
    history, weights = outcome(run)
    assert history == wanted[0]
    assert equal(weights, wanted[1])


def assert_consistent(run):
    """Every step is whole: all parts have taken the same number of them."""
    history, num_steps = run.history, run.history.num_steps
    lists = history.lr, history.grad_norm, history.update_ratio
    assert [len(each) for each in lists] == [num_steps] * 3
    states = run.optimizer.state_dict()["state"].values()
    assert {int(state["step"]) for state in states if "step" in state} <= {num_steps}
    if not isinstance(run.schedule, torch.optim.lr_scheduler.ReduceLROnPlateau):
        assert run.schedule.last_epoch == num_steps
    assert len(history.validation) in (0, history.num_epochs)


def assert_goes_on(run, name, path, wanted):
    """The run itself, and one of a new model that takes up the saved state."""
    assert_consistent(run)
    run.save(path)
    taken_up = run_of(name, Tiny(seed=7))
    taken_up.load(path)
    for each in (taken_up, run):
        assert each.go() is each.history
        assert_same(each, wanted[name])
        assert each.model.embedding.weight.requires_grad


@contextlib.contextmanager
def interrupted(step):
    """Stops the run; the exception holds it."""
    with pytest.raises(KeyboardInterrupt) as caught:
        yield
    assert isinstance(caught.value, training.Interrupted)
    assert f"interrupted after step {step} of 20" in str(caught.value)


# The random states


def test_seed_alone_decides_and_the_random_states_stay():
    def draw(step):
        noise = torch.rand(1).item() + np.random.rand() + random.random()  # noqa: NPY002
        drawn.append(noise)

    drawn, trained, fresh = [], [], [Tiny() for _ in range(4)]
    np.random.seed(5)  # noqa: NPY002
    for model, seed in zip(fresh, (0, 0, 1, 0), strict=True):
        model.before_step = draw
        before = randomness.states()
        run_of("sgd", model, seed=seed, num_epochs=2).go()
        assert randomness.are_same(before, randomness.states())
        trained.append(weights_of(model))
        torch.rand(1), random.random(), np.random.rand()  # noqa: NPY002
    assert equal(trained[0], trained[1])
    assert equal(trained[0], trained[3])
    assert not equal(trained[0], trained[2])
    assert drawn[:10] == drawn[10:20] == drawn[30:]
    assert len(set(drawn)) == 20


# Saved and resumed


@needs_sigint
@needs_sigint
@pytest.mark.parametrize("step", [0, 1, 4, 5, 6, 11])
@pytest.mark.parametrize("name", SETTINGS)
def test_resumed_run_ends_as_the_whole_one(name, step, tmp_path, whole):
    run = run_of(name)
    if step:
        run.model.before_step = tiny.at(step, tiny.interrupt)
        with interrupted(step):
            run.go()
        assert run.history.num_epochs == (step - 1) // 5
    assert_goes_on(run, name, tmp_path / "a", whole)


def test_run_of_many_pieces(tmp_path, whole):
    path = tmp_path / "a"
    run_of().save(path)
    for number in (3, 2, 1, 4, 6):
        run = run_of(model=Tiny(seed=number))
        run.load(path)
        run.model.before_step = tiny.at(number, tiny.interrupt)
        with contextlib.suppress(KeyboardInterrupt):
            run.go()
        run.save(path)
    assert run.history.num_steps == 16
    assert_goes_on(run, "adamw", path, whole)


def test_saved_end_is_the_end(tmp_path, whole):
    run = run_of("plateau")
    run.go()
    assert run.history.ended.startswith("stopped early")
    run.save(tmp_path / "a")
    again = run_of("plateau", Tiny(seed=7))
    again.load(tmp_path / "a")
    assert again.go() == run.history
    assert_same(again, whole["plateau"])


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("lr", {"lr": {"": 0.04, "embedding": 0.0}}),
        ("parameter groups", {"lr": 0.05}),
        ("parameter groups", {"weight_decay": 0.2}),
        ("optimizer", {"optimizer": "adam"}),
        ("schedule", {"schedule": "cosine"}),
        ("schedule", {"schedule": lambda done: 1 - done / 2}),
        ("num_epochs", {"num_epochs": 5}),
        ("batch_size", {"batch_size": 9}),
        ("patience", {"patience": 4}),
        ("patience", {"patience": None}),
        ("max_norm", {"max_norm": 1.0}),
        ("seed", {"seed": 1}),
        ("messages", {"train": examples(seed=2)}),
        ("messages", {"validation": TURNED}),
        ("patience", {"validation": None, "patience": None}),
        ("model", {"model": lambda: Tiny(num_classes=3)}),
        ("model", {"model": lambda: Tiny().double()}),
    ],
)
def test_other_settings_are_refused_and_nothing_changes(name, changes, tmp_path):
    run = run_of()
    run.model.before_step = tiny.at(4, tiny.interrupt)
    with interrupted(4):
        run.go()
    run.save(tmp_path / "a")
    make_model = changes.get("model", lambda: Tiny(seed=7))
    other, same = (run_of(**changes | {"model": make_model()}) for _ in range(2))
    with pytest.raises(ValueError, match=f"is of a run with {name} .*: make the Run w"):
        other.load(tmp_path / "a")
    same.go()
    other.go()
    assert_same(other, outcome(same))


def test_momentum_is_not_plain_sgd(tmp_path):
    run_of("sgd").save(tmp_path / "a")
    with pytest.raises(ValueError, match="is of a run with"):
        run_of("sgd", optimizer="momentum").load(tmp_path / "a")


def test_file_without_a_run_is_refused(tmp_path):
    for state in ([1], {"weight": torch.ones(1)}):
        checkpoints.write(tmp_path / "a", state)
        with pytest.raises(ValueError, match=r"a holds no run: give a file that"):
            run_of().load(tmp_path / "a")
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        run_of().load(tmp_path / "none")


# Interrupted by a signal


def place_interrupt(run, where, number, monkeypatch):
    """Let a SIGINT come in the middle of something."""
    model, act = run.model, tiny.at(number, tiny.interrupt)
    count = iter(range(1, 99))
    if where == "forward":
        model.before_step = act
    elif where == "backward":
        model.out.weight.register_hook(lambda grad: act(next(count)))
    elif where == "before update":
        run.optimizer.register_step_pre_hook(lambda *_: act(next(count)))
    elif where == "after update":
        run.optimizer.register_step_post_hook(lambda *_: act(next(count)))
    elif where == "evaluation":
        model.before_call = tiny.at(number + 1, tiny.interrupt)  # call 1 was a trial
    elif where == "between":

        class Bar:
            n = 0

            def update(self, num_steps):
                self.n += num_steps
                act(next(count))

        bar = contextlib.nullcontext(Bar())
        monkeypatch.setattr(progress, "bar", lambda *_, **__: bar)


@needs_sigint
@pytest.mark.parametrize(
    ("where", "number", "step", "num_epochs"),
    [
        ("forward", 20, 20, 3),
        ("backward", 1, 1, 0),
        ("backward", 10, 10, 1),
        ("before update", 3, 3, 0),
        ("after update", 6, 6, 1),
        ("evaluation", 1, 5, 0),
        ("evaluation", 4, 20, 3),
        ("between", 1, 0, 0),
        ("between", 6, 5, 0),
        ("between", 7, 5, 1),  # the epoch is over
        ("between", 8, 6, 1),
    ],
)
def test_interrupted_run_goes_on(
    where, number, step, num_epochs, tmp_path, whole, monkeypatch
):
    run = run_of()
    with monkeypatch.context() as patch:
        place_interrupt(run, where, number, patch)
        with interrupted(step):
            run.go()
    assert (run.history.num_steps, run.history.num_epochs) == (step, num_epochs)
    assert run.model.embedding.weight.requires_grad
    assert_goes_on(run, "adamw", tmp_path / "a", whole)
