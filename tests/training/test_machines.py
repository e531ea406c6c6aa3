"""A step on many machines: equal to that of the whole batch, and nothing left."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
import torch

from course_utils.training import machines

LENGTHS = torch.tensor([9, 3, 5, 9, 2, 7, 4, 9, 9, 8])
JOBS = [(way, "tokens") for way in machines.WAYS] + [("by hand", "machines")]


@pytest.fixture(scope="module")
def batch():
    """Ten padded sentences: token_ids (10, 9), mask (10, 9)."""
    random = torch.Generator().manual_seed(0)
    token_ids = torch.randint(0, 12, (10, 9), generator=random)
    return token_ids, torch.arange(9) < LENGTHS[:, None]


@pytest.fixture(scope="module")
def model():
    return machines.Writer(12, 6)


def cut(batch, *places):
    token_ids, mask = batch
    sizes = torch.tensor([0, *places, len(token_ids)]).diff().tolist()
    pairs = zip(token_ids.split(sizes), mask.split(sizes), strict=True)
    return [tuple(pair) for pair in pairs]


def gradient(model, shard):
    """Of the mean loss of a shard's tokens, and how many these are."""
    total, count = machines.loss_sum(model, *shard)
    names = ["embedding", "hidden"]
    found = torch.autograd.grad(total / count, [getattr(model, n) for n in names])
    return dict(zip(names, found, strict=True)), count


@pytest.fixture(scope="module")
def reports(model, batch):
    return machines.steps(model, cut(batch, 7), lr=0.1, jobs=JOBS)


@pytest.mark.parametrize("number", range(3), ids=machines.WAYS)
def test_every_way_is_the_step_of_the_whole_batch(model, batch, reports, number):
    whole, count = gradient(model, batch)
    report = reports[number]
    assert sum(report.counts) == count
    assert set(report.grads) == {"embedding", "hidden"}  # the scale is frozen
    for name, grad in whole.items():
        assert (report.grads[name] - grad).abs().max() < 1e-12
        after = getattr(model, name) - 0.1 * grad
        assert (report.weights[name] - after).abs().max() < 1e-12
    assert report.weights["scale"] == model.scale
    assert report.sent == 8 * (12 * 6 + 6 * 6)
    assert report.seconds["step"] > 0


def test_the_mean_of_means_is_wrong_by_what_the_formula_says(model, batch, reports):
    (first, n), (second, m) = (gradient(model, shard) for shard in cut(batch, 7))
    whole, _ = gradient(model, batch)
    for name, grad in reports[3].grads.items():
        error = (0.5 - n / (n + m)) * (first[name] - second[name])
        assert (grad - whole[name] - error).abs().max() < 1e-12
        assert error.abs().max() > 1e-3


def test_padding_counts_nothing(model, batch):
    token_ids, mask = batch
    longer = torch.cat([token_ids, torch.full((10, 4), 3)], dim=1)
    wider = torch.cat([mask, torch.zeros(10, 4, dtype=torch.bool)], dim=1)
    (total, count), (same, again) = (
        machines.loss_sum(model, *each) for each in (batch, (longer, wider))
    )
    assert count == again == int((LENGTHS - 1).sum())
    assert (total - same).abs() < 1e-12


def test_three_machines_and_one(model, batch):
    whole, _ = gradient(model, batch)
    for places in ((2, 3), ()):
        report = machines.step(model, cut(batch, *places), lr=0.1)
        assert len(report.counts) == len(places) + 1
        assert (report.grads["hidden"] - whole["hidden"]).abs().max() < 1e-12


def test_the_model_stays_as_it_is(model, reports):
    assert all(param.grad is None for param in model.parameters())
    fresh = machines.Writer(12, 6)
    assert torch.equal(model.embedding, fresh.embedding)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"way": "mpi"}, "^way is 'mpi': give one of by hand"),
        ({"weighted_by": "messages"}, "^weighted_by is 'messages'"),
    ],
)
def test_wrong_settings_are_named(model, batch, change, words):
    with pytest.raises(ValueError, match=words):
        machines.step(model, cut(batch, 7), lr=0.1, **change)


def test_empty_shards_are_named(model, batch):
    with pytest.raises(ValueError, match="^shards is empty"):
        machines.step(model, [], lr=0.1)
    token_ids, mask = batch
    nothing = token_ids[7:], torch.zeros_like(mask[7:])
    with pytest.raises(ValueError, match=r"^shards\[1\] has no token to predict"):
        machines.step(model, [(token_ids[:7], mask[:7]), nothing], lr=0.1)


# Nothing is left


def workers_of(process):
    """Processes below `process` that run this module."""
    running = process.children(recursive=True)
    return [each for each in running if machines.__name__ in each.cmdline()]


def test_the_survivor_says_which_worker_died(model, batch):
    (first, second) = cut(batch, 7)
    unknown = second[0].clone()
    unknown[0, 0] = 99  # no such token: an IndexError in worker 1
    with pytest.raises(
        RuntimeError, match=r"^worker 1 of 2 died .exit code 1.: .*Index"
    ):
        machines.step(model, [first, (unknown, second[1])], lr=0.1)
    assert not workers_of(psutil.Process())


def test_a_killed_worker_is_named(model, batch, monkeypatch):
    def kill_second(seconds):
        found = workers_of(psutil.Process())
        if len(found) == 2 and not killed:
            second = next(each for each in found if each.cmdline()[-1] == "1")
            second.kill()
            killed.append(second)
        pause(seconds)

    killed: list = []
    pause = time.sleep
    monkeypatch.setattr(machines.time, "sleep", kill_second)
    code = f"-{signal.SIGKILL.value}" if os.name != "nt" else ""
    with pytest.raises(RuntimeError, match=f"^worker 1 of 2 died .exit code {code}"):
        machines.step(model, cut(batch, 7), lr=0.1)
    assert not workers_of(psutil.Process())


def test_an_interrupt_leaves_no_process(model, batch, monkeypatch):
    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(machines.time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        machines.step(model, cut(batch, 7), lr=0.1)
    assert not workers_of(psutil.Process())


def test_workers_end_when_their_caller_is_killed(tmp_path):
    """A kernel that is killed cannot clean up: its workers notice by themselves."""
    (tmp_path / "config.json").write_text(
        json.dumps({"jobs": [], "lr": 0.1, "size": 3})
    )
    code = f"""from pathlib import Path
from course_utils.training import machines
machines.run_workers(Path({str(tmp_path)!r}), 2)"""  # they wait for a third
    caller = psutil.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while len(found := workers_of(caller)) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(found) == 2
    time.sleep(1)
    caller.kill()
    caller.wait()
    gone, alive = psutil.wait_procs(found, timeout=30)
    assert not alive


# fit


SCRIPT = """
import json, os, sys
from course_utils import training
sys.path.insert(0, sys.argv[1])
from tests.tiny import Tiny, examples
model, train = Tiny(dropout=0, seed=int(os.environ.get("RANK", 0))), examples(61)
history = training.fit(model, train, validation=examples(23, seed=1), lr=0.05,
                       num_epochs=2, batch_size=8, max_norm=0.5, show_progress=False)
team = training.team.Team()
if team.rank == 0:
    told = {name: getattr(history, name) for name in ("loss", "grad_norm", "lr")}
    told["validation"] = [metrics.loss for metrics in history.validation]
    told["size"] = team.size
    open(sys.argv[2], "w").write(json.dumps(told))
"""


def test_fit_on_two_machines_has_the_history_of_one(root, tmp_path):
    """61 messages in batches of 8: the last batch has 5, so the shares are uneven.

    The second machine's model has other weights at first: it gets those of the first.
    """
    (tmp_path / "script.py").write_text(SCRIPT)
    told = {}
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    for name, start in (("one", ()), ("two", launcher)):
        file = tmp_path / f"{name}.json"
        own = {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
        own["CUDA_VISIBLE_DEVICES"] = ""  # gloo, wherever the test runs
        command = [sys.executable, *start, tmp_path / "script.py", root, file]
        done = subprocess.run(
            command, env=os.environ | own, capture_output=True, text=True, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        told[name] = json.loads(file.read_text())
    assert (told["one"].pop("size"), told["two"].pop("size")) == (1, 2)
    for key, values in told["one"].items():
        assert told["two"][key] == pytest.approx(values, rel=1e-4), key
