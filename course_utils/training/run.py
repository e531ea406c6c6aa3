"""Many steps of a classifier: `fit`, and the `Run` that can be saved and resumed."""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils.runtime import arguments, interrupts, memory, progress, randomness
from course_utils.text import batches
from course_utils.text.batches import Examples
from course_utils.training import (
    admission,
    checkpoints,
    evaluation,
    optimizers,
    team,
    updates,
)
from course_utils.training.evaluation import Metrics
from course_utils.training.history import History

LARGE = 10_000_000  # parameters; the run of a smaller model leaves little behind


class Interrupted(KeyboardInterrupt):
    """A run was interrupted between two steps. `.run` holds it: `.run.go()` goes on."""

    def __init__(self, run: "Run"):
        super().__init__(
            f"interrupted after step {run.history.num_steps} of {run.num_steps}; the "
            "model holds these steps, and .run.go() of this exception goes on"
        )
        self.run = run


def fit(model: nn.Module, train: Examples, **settings) -> History:
    """Train a classifier. Settings and errors as in `Run`, which can also be saved."""
    run = Run(model, train, **settings)
    try:
        return run.go()
    finally:
        del run
        if sum(param.numel() for param in model.parameters()) > LARGE:
            memory.release()  # takes a third of a second


class Run:
    """Many steps of a classifier, which can be interrupted, saved and gone on with.

    model: called as model(token_ids (B, T), attention_mask (B, T)), it returns logits
        (B, C) or an object that has them. train, validation: `batches.Examples`.
    lr: the learning rate, or one for each beginning of a parameter's name, as in
        {"classifier": 1e-3, "": 2e-5}; the longest that fits counts, and 0 freezes.
    optimizer: "sgd", "momentum" (0.9), "adam", "adamw", or a function of parameter
        groups. weight_decay: for weight matrices only; None: the optimizer's own.
    schedule: a name in `optimizers.SCHEDULES`, "plateau" (halved when the validation
        loss stops falling), or a function: share of the steps done to a factor of lr.
    max_norm: clip the gradient to this length. patience: stop after so many epochs
        without a lower validation loss, and put the best weights back.
    seed: decides the order of the batches and what dropout drops. The random states of
        torch, numpy and Python are left as they were.

    Started on several machines by `accelerate launch`, they share each batch, and the
    history is that of one machine, to rounding (without dropout or batch norm; `team`).

    An interrupt (Ctrl-C, the stop button) is honored once the step in work is whole.
    Where a loss or gradient is not finite, the run ends with the best weights so far:
    those of the best epoch, or, where no epoch was evaluated, of the step before.

    Errors: ValueError for a setting out of range, an empty set, training labels of one
    class only, a label the model has no logit for, or a message too long for the model;
    MemoryError for a batch that does not fit.
    """

    def __init__(
        self,
        model: nn.Module,
        train: Examples,
        *,
        validation: Examples | None = None,
        lr: float | Mapping[str, float] = 1e-3,
        num_epochs: int = 1,
        batch_size: int = 32,
        optimizer: str | Callable = "adamw",
        weight_decay: float | None = None,
        schedule: str | Callable[[float], float] = "constant",
        max_norm: float | None = None,
        patience: int | None = None,
        seed: int = 0,
        show_progress: bool = True,
    ):
        num_epochs = arguments.whole(num_epochs, "num_epochs")
        batch_size = arguments.whole(batch_size, "batch_size")
        seed = arguments.whole(seed, "seed", least=0)
        if patience is not None:
            patience = arguments.whole(patience, "patience")
        if max_norm is not None:
            max_norm = arguments.real(max_norm, "max_norm", is_open=True)
        if validation is None and (patience or schedule == optimizers.PLATEAU):
            raise ValueError(
                "validation is missing: patience and the plateau schedule look at its "
                "loss"
            )
        admission.check_examples(model, train, validation)
        self.model, self.train, self.validation = model, train, validation
        self.num_epochs, self.batch_size, self.seed = num_epochs, batch_size, seed
        self.max_norm, self.patience = max_norm, patience
        self.show_progress = show_progress
        self.history = History()
        self.steps_per_epoch = math.ceil(len(train) / batch_size)
        self.num_steps = num_epochs * self.steps_per_epoch
        groups = optimizers.groups(model, lr, weight_decay)
        self._rates = [group["lr"] for group in groups]
        self._params = [param for group in groups for param in group["params"]]
        admission.check_sparse(model, optimizer)
        admission.check_last_batch(model, train, batch_size)
        self.optimizer = optimizers.make(optimizer, groups)
        self._groups = _hash_of_groups(model, self.optimizer)
        self.schedule = optimizers.schedule(schedule, self.optimizer, self.num_steps)
        self._factors = _factors(schedule)
        self._random = randomness.seeded(seed)
        self._best: dict[
            str, Tensor
        ] = {}  # the best weights, unless the model has them
        self._order: tuple[int, list[list[int]]] = (-1, [])  # an epoch and its batches
        self._team = team.Team()
        self._team.start_alike(model)

    def go(self) -> History:
        """Take the steps that are left; returns the history of all of them.

        Errors: `Interrupted`, a KeyboardInterrupt, after an interrupt.
        """
        is_shown = self.show_progress and self._team.rank == 0
        bar_of = progress.bar(self.num_steps, "steps", is_shown=is_shown)
        try:
            with updates.only_trainable(self.model, self._params), bar_of as bar:
                bar.update(self.history.num_steps)
                while not self.history.ended:
                    self._end_epoch() if self._is_epoch_whole() else self._step()
                    bar.update(self.history.num_steps - bar.n)
        except KeyboardInterrupt:
            raise Interrupted(self) from None
        return self.history

    def save(self, path: str | Path) -> None:
        """Store the whole state of the run, without pickle; see `checkpoints`."""
        state = {name: part.state_dict() for name, part in self._parts().items()}
        state |= {"history": asdict(self.history), "settings": self._settings()}
        state |= {"random": self._random, "best": self._best}
        if self._team.rank == 0:
            checkpoints.write(path, state)

    def load(self, path: str | Path) -> None:
        """Take up a run saved with the same model, messages and settings.

        On one machine and thread count it then ends as if never interrupted, bit for
        bit. Errors: ValueError where something differs, and then nothing has changed.
        """
        state = checkpoints.read(path)
        if not isinstance(state, dict) or "settings" not in state:
            raise ValueError(f"{path} holds no run: give a file that Run.save wrote")
        for name, ours in self._settings().items():
            if (theirs := state["settings"].get(name)) != ours:
                raise ValueError(
                    f"{path} is of a run with {name} {theirs!r}, not {ours!r}: make "
                    "the Run with the same model, messages and settings"
                )
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        validation = [Metrics(**metrics) for metrics in state["history"]["validation"]]
        self.history = History(**state["history"] | {"validation": validation})
        self._random, self._best = state["random"], state["best"]

    def _parts(self) -> dict:
        parts = {"model": self.model, "optimizer": self.optimizer}
        return parts | {"schedule": self.schedule}

    def _settings(self) -> dict:
        """What must be the same for a run to go on."""
        names = "num_epochs", "batch_size", "seed", "max_norm", "patience"
        weights = self.model.state_dict().items()
        shapes = [(name, str(each.dtype), tuple(each.shape)) for name, each in weights]
        return {name: getattr(self, name) for name in names} | {
            "model": _hash(shapes),
            "messages": _hash([self.train, self.validation]),
            "optimizer": type(self.optimizer).__name__,
            "schedule": self._factors,
            "lr": self._rates,
            "parameter groups": self._groups,
        }

    def _is_epoch_whole(self) -> bool:
        """Have all steps of the epoch in work been taken?"""
        steps_of_ended = self.history.num_epochs * self.steps_per_epoch
        return self.history.num_steps - steps_of_ended == self.steps_per_epoch

    def _step(self) -> None:
        """One step; an interrupt waits until it is whole."""
        epoch, position = divmod(self.history.num_steps, self.steps_per_epoch)
        if self._order[0] != epoch:
            settings = {"seed": self.seed, "epoch": epoch}
            order = batches.shuffled(self.train, self.batch_size, **settings)
            self._order = epoch, order
        rows, part = self._team.share(self._order[1][position])
        batch = evaluation.batch_for(self.model, self.train.take(rows))
        with interrupts.held(), randomness.swapped(self._random):
            self.model.train()
            self._update(*batch, part)

    def _update(
        self, token_ids: Tensor, attention_mask: Tensor, labels: Tensor, part: float
    ) -> None:
        """Forward, backward, update: and what the history says of it.

        part: of the whole batch, which other machines share; alone it is 1.
        """
        self.optimizer.zero_grad()
        with updates.memory_error(token_ids):
            logits = evaluation.logits_of(self.model, token_ids, attention_mask)
            loss = part * F.cross_entropy(logits, labels)  # logits (B, C)
            loss.backward()
        loss = loss.detach()
        self._team.add_up([loss, *(param.grad for param in self._params)])
        max_norm = math.inf if self.max_norm is None else self.max_norm
        grad_norm = updates.clip(self._params, max_norm)
        if not (loss.isfinite() and grad_norm.isfinite()):
            self.history.diverged_at = self.history.num_steps + 1
            self._finish(f"diverged at step {self.history.diverged_at}", use_best=True)
            return
        lr = max(group["lr"] for group in self.optimizer.param_groups)
        before = [param.detach().clone() for param in self._params]
        self.optimizer.step()
        if not isinstance(self.schedule, optimizers.ReduceLROnPlateau):
            self.schedule.step()
        self.history.loss.append(loss.item())
        self.history.lr.append(float(lr))
        self.history.grad_norm.append(grad_norm.item())
        self.history.update_ratio.append(updates.update_ratio(before, self._params))

    def _end_epoch(self) -> None:
        """Evaluate; keep the weights if they are the best; stop if it is time."""
        metrics = None
        if self.validation is not None:
            metrics = evaluation.evaluate(self.model, self.validation)
        with interrupts.held():
            self.history.num_epochs += 1
            if metrics is None:
                self.history.best_epoch = self.history.num_epochs
            else:
                self._note(metrics)
            waited = self.history.num_epochs - self.history.best_epoch
            if self.history.num_epochs == self.num_epochs:
                self._finish("all epochs done", use_best=self.patience is not None)
            elif self.patience is not None and waited >= self.patience:
                self._finish("stopped early", use_best=True)

    def _note(self, metrics: Metrics) -> None:
        history = self.history
        best = history.validation[history.best_epoch - 1 : history.best_epoch]
        if metrics.loss < (best[0].loss if best else math.inf):
            is_last = history.num_epochs == self.num_epochs
            history.best_epoch = history.num_epochs
            self._best = {} if is_last else _weights(self.model)
        history.validation.append(metrics)
        if isinstance(self.schedule, optimizers.ReduceLROnPlateau):
            self.schedule.step(metrics.loss)

    def _finish(self, words: str, *, use_best: bool) -> None:
        self.optimizer.zero_grad()
        if use_best and self._best:
            self.model.load_state_dict(self._best)
            words += f", with the weights of epoch {self.history.best_epoch}"
        self.history.ended = words


def _weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def _hash_of_groups(model: nn.Module, optimizer: torch.optim.Optimizer) -> str:
    """Of what each group trains and how, apart from its learning rate."""
    names = {id(param): name for name, param in model.named_parameters()}
    groups = []
    for group in optimizer.param_groups:
        options = {key: group[key] for key in group.keys() - {"params", "lr"}}
        trained = [names.get(id(param)) for param in group["params"]]
        groups.append((trained, sorted(options.items())))
    return _hash(groups)


def _factors(schedule: str | Callable[[float], float]) -> str | list[float]:
    """The name of a schedule, or what a function gives at eighths of the run."""
    if isinstance(schedule, str):
        return schedule
    return [float(schedule(eighth / 8)) for eighth in range(1, 9)]


def _hash(value) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()
