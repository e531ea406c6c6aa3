"""The same step on many machines: one process each, gradients added up between them.

`step` starts processes on this machine that stand for machines: each works on its shard
of a batch. They talk over the loopback interface and meet in a file, so that no port is
fixed; when one dies, or the caller is interrupted, none is left. (For `fit` on real
machines see `team`.)

Run as `python -m course_utils.training.machines FOLDER RANK`, this module is a worker.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

WAYS = "by hand", "ddp", "accelerate"
WEIGHTS = "tokens", "machines"
TIMEOUT = 120  # seconds for all workers together
LOOPBACK = {"linux": "lo", "darwin": "lo0"}


class Writer(nn.Module):
    """A very small language model: what comes next, from the last token alone.

    Its table of tokens is used twice, to read and to write (a tied parameter), and its
    scale is frozen. In float64, so that sums in another order agree to 1e-12.
    """

    def __init__(self, vocab_size: int, embedding_dim: int, seed: int = 0):
        super().__init__()
        random = torch.Generator().manual_seed(seed)

        def table(rows, columns):
            values = torch.randn(rows, columns, generator=random, dtype=torch.float64)
            return nn.Parameter(values / math.sqrt(columns))

        self.embedding = table(vocab_size, embedding_dim)
        self.hidden = table(embedding_dim, embedding_dim)
        self.scale = nn.Parameter(torch.tensor(2.0).double(), requires_grad=False)

    def forward(self, token_ids: Tensor) -> Tensor:
        """Logits (B, T, V) of the next token for token_ids (B, T)."""
        inner = torch.tanh(self.embedding[token_ids] @ self.hidden.T)
        return self.scale * inner @ self.embedding.T


def loss_sum(model: nn.Module, token_ids: Tensor, mask: Tensor) -> tuple[Tensor, int]:
    """Sum of the losses of all real tokens but the first, and how many these are.

    token_ids (B, T), mask (B, T): True where a token is real.
    """
    logits = model(token_ids[:, :-1])  # (B, T - 1, V)
    losses = F.cross_entropy(logits.mT, token_ids[:, 1:], reduction="none")
    real = mask[:, 1:]
    return (losses * real).sum(), int(real.sum())


@dataclass(frozen=True)
class Report:
    """What a step on several machines did.

    weights: name to tensor, after the step; grads: name to tensor, as every machine had
    them in the end; counts: tokens to predict on each machine; sent: bytes of gradients
    that each machine handed over; seconds: of the "step" on the first machine, and by
    hand of "adding" up the gradients, waiting included (else not a number).
    """

    weights: dict[str, Tensor]
    grads: dict[str, Tensor]
    counts: list[int]
    sent: int
    seconds: dict[str, float]


def step(
    model: nn.Module,
    shards: Sequence[tuple[Tensor, Tensor]],
    *,
    lr: float,
    way: str = "by hand",
    weighted_by: str = "tokens",
) -> Report:
    """One step of gradient descent of a `Writer`, each shard in a process of its own.

    shards: (token_ids, mask) of each machine, as in `loss_sum`. way: "by hand" (an
    all-reduce of each gradient), "ddp" (DistributedDataParallel) or "accelerate".
    weighted_by: "tokens", so that each token counts alike wherever it is, or
    "machines": the mean of the machines' own means, the fault of the trade. The model
    given stays as it is.

    Errors: ValueError for an unknown way or weight, no shard or an empty one;
    RuntimeError naming the worker that died; a KeyboardInterrupt leaves no process.
    """
    return steps(model, shards, lr=lr, jobs=[(way, weighted_by)])[0]


def steps(model, shards, *, lr: float, jobs: Sequence[tuple[str, str]]) -> list[Report]:
    """Several steps from the same start: one start of the processes for all `jobs`.

    jobs: (way, weighted_by) of each. Otherwise as `step`.
    """
    _check(shards, jobs)
    with tempfile.TemporaryDirectory(prefix="machines") as name:
        folder = Path(name)
        config = {"jobs": list(jobs), "lr": lr, "size": len(shards)}
        (folder / "config.json").write_text(json.dumps(config))
        weights = {n: p.detach().contiguous() for n, p in model.named_parameters()}
        save_file(weights, folder / "model.safetensors")
        for rank, (token_ids, mask) in enumerate(shards):
            shard = {"token_ids": token_ids.contiguous(), "mask": mask.contiguous()}
            save_file(shard, folder / f"shard{rank}.safetensors")
        run_workers(folder, len(shards))
        return [_report(folder, number, len(shards)) for number in range(len(jobs))]


def _check(shards, jobs) -> None:
    for way, weighted_by in jobs:
        if way not in WAYS:
            raise ValueError(f"way is {way!r}: give one of {', '.join(WAYS)}")
        if weighted_by not in WEIGHTS:
            raise ValueError(f"weighted_by is {weighted_by!r}: give one of {WEIGHTS}")
    if not shards:
        raise ValueError("shards is empty: give (token_ids, mask) for each machine")
    for rank, (_, mask) in enumerate(shards):
        if not mask[:, 1:].any():
            raise ValueError(f"shards[{rank}] has no token to predict: give it some")


def _report(folder: Path, number: int, size: int) -> Report:
    told = [
        json.loads((folder / f"told{number}-{r}.json").read_text()) for r in range(size)
    ]
    weights = load_file(folder / f"weights{number}.safetensors")
    grads = load_file(folder / f"grads{number}.safetensors")
    counts = [each["count"] for each in told]
    return Report(weights, grads, counts, told[0]["sent"], told[0]["seconds"])


def run_workers(folder: Path, size: int, timeout: float = TIMEOUT) -> None:
    """Start a worker for each rank and wait for all; at the end none is left.

    Errors: RuntimeError that names the first worker that died, and its last words.
    """
    command = [sys.executable, "-m", __name__, str(folder)]
    own = {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": LOOPBACK.get(sys.platform, "")}
    own = {name: value for name, value in own.items() if value}
    path = os.pathsep.join(filter(None, sys.path))
    workers = []
    try:
        for rank in range(size):
            log = (folder / f"log{rank}").open("w")
            workers.append(
                subprocess.Popen(
                    [*command, str(rank)],
                    env=os.environ | own | {"PYTHONPATH": path},
                    stdin=subprocess.PIPE,  # closed when this process ends: so they end
                    stdout=log,
                    stderr=log,
                )
            )
            log.close()
        _wait(workers, folder, time.monotonic() + timeout)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
            if worker.stdin:
                worker.stdin.close()


def _wait(workers, folder: Path, end: float) -> None:
    while any(worker.poll() is None for worker in workers):
        if any(worker.poll() for worker in workers):
            break
        if time.monotonic() > end:
            raise RuntimeError(f"the {len(workers)} workers did not end in time")
        time.sleep(0.02)
    dead = [rank for rank, worker in enumerate(workers) if worker.poll()]
    if dead:
        rank = min(dead, key=lambda rank: _time_of_death(folder, rank))
        words = (folder / f"log{rank}").read_text().strip().splitlines()
        raise RuntimeError(
            f"worker {rank} of {len(workers)} died (exit code "
            f"{workers[rank].returncode}): {words[-1] if words else 'without a word'}"
        )


def _time_of_death(folder: Path, rank: int) -> float:
    """When a worker's error was raised: the others lose it a moment later.

    0 for one that was killed, and could say nothing.
    """
    told = folder / f"died{rank}"
    return float(told.read_text()) if told.exists() else 0.0


# The worker


def main(folder: Path, rank: int) -> None:
    """What a worker does: its share of each job, together with the others."""
    threading.Thread(target=_end_with_the_caller, daemon=True).start()
    config = json.loads((folder / "config.json").read_text())
    torch.distributed.init_process_group(
        "gloo",
        init_method=(folder / "meeting").as_uri(),
        rank=rank,
        world_size=config["size"],
    )
    shard = load_file(folder / f"shard{rank}.safetensors")
    for number, (way, weighted_by) in enumerate(config["jobs"]):
        model = _model(folder)
        told = WORK[way](model, shard, config["lr"], weighted_by)
        (folder / f"told{number}-{rank}.json").write_text(json.dumps(told))
        if rank == 0:
            named = dict(model.named_parameters())
            weights = {name: param.detach() for name, param in named.items()}
            grads = {n: p.grad for n, p in named.items() if p.grad is not None}
            save_file(weights, folder / f"weights{number}.safetensors")
            save_file(grads, folder / f"grads{number}.safetensors")
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def _end_with_the_caller() -> None:
    while os.read(0, 1024):  # not sys.stdin: Python ends badly while that is read
        pass
    os._exit(1)


def _model(folder: Path) -> nn.Module:
    weights = load_file(folder / "model.safetensors")
    model = Writer(*weights["embedding"].shape)
    model.load_state_dict(weights)
    return model


def _share(model, shard, weighted_by: str) -> tuple[Tensor, int, float]:
    """This machine's loss, its tokens, and what its gradient has to be divided by.

    The gradients of all machines, each divided so, add up to that of the step.
    """
    total, count = loss_sum(model, shard["token_ids"], shard["mask"])
    counts = torch.tensor([count])
    torch.distributed.all_reduce(counts)
    size = torch.distributed.get_world_size()
    return total, count, counts.item() if weighted_by == "tokens" else count * size


def _by_hand(model, shard, lr: float, weighted_by: str) -> dict:
    start = time.perf_counter()
    total, count, divisor = _share(model, shard, weighted_by)
    (total / divisor).backward()
    grads = [param.grad for param in model.parameters() if param.grad is not None]
    before = time.perf_counter()
    for grad in grads:
        torch.distributed.all_reduce(grad)  # each machine has the sum now
    adding = time.perf_counter() - before
    _descend(model, lr)
    return _told(count, grads, start, adding)


def _ddp(model, shard, lr: float, weighted_by: str) -> dict:
    start = time.perf_counter()
    wrapped = nn.parallel.DistributedDataParallel(model)
    total, count, divisor = _share(wrapped, shard, weighted_by)
    size = torch.distributed.get_world_size()  # DDP divides by it: it knows no tokens
    (size * total / divisor).backward()
    _descend(model, lr)
    return _told(count, [p.grad for p in model.parameters()], start, math.nan)


def _accelerate(model, shard, lr: float, weighted_by: str) -> dict:
    rank, size = torch.distributed.get_rank(), torch.distributed.get_world_size()
    names = {
        "RANK": rank,
        "LOCAL_RANK": rank,
        "WORLD_SIZE": size,
        "LOCAL_WORLD_SIZE": size,
    }
    os.environ |= {name: str(value) for name, value in names.items()}
    from accelerate import Accelerator  # reads these; the group is there already

    start = time.perf_counter()
    accelerator = Accelerator(cpu=True)
    optimizer = torch.optim.SGD(
        [param for param in model.parameters() if param.requires_grad], lr
    )
    wrapped, optimizer = accelerator.prepare(model, optimizer)
    total, count, divisor = _share(wrapped, shard, weighted_by)
    accelerator.backward(accelerator.num_processes * total / divisor)
    optimizer.step()
    return _told(count, [p.grad for p in model.parameters()], start, math.nan)


def _descend(model, lr: float) -> None:
    with torch.no_grad():
        for param in model.parameters():
            if param.grad is not None:
                param -= lr * param.grad


def _told(count: int, grads, start: float, adding: float) -> dict:
    sent = sum(g.numel() * g.element_size() for g in grads if g is not None)
    seconds = {"step": time.perf_counter() - start, "adding": adding}
    return {"count": count, "sent": sent, "seconds": seconds}


WORK = {"by hand": _by_hand, "ddp": _ddp, "accelerate": _accelerate}

if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), int(sys.argv[2]))
    except BaseException:
        (Path(sys.argv[1]) / f"died{sys.argv[2]}").write_text(str(time.time()))
        raise
