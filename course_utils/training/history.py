"""What a run did, step by step and epoch by epoch."""

from dataclasses import dataclass, field

from course_utils.training.evaluation import Metrics


@dataclass
class History:
    """What a run of `fit` did.

    loss, lr, grad_norm, update_ratio: one a step. loss is that of the batch before the
        step, lr the largest of the groups, grad_norm that before clipping, update_ratio
        the length of the step beside the length of the parameters.
    validation: `evaluation.Metrics` after each epoch; best_epoch: the one with the
        lowest validation loss, from 1 (without a validation set, the last whole one).
    ended: how the run ended, in words; diverged_at: the step whose loss or gradient
        was not finite, else None.
    """

    loss: list[float] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    grad_norm: list[float] = field(default_factory=list)
    update_ratio: list[float] = field(default_factory=list)
    validation: list[Metrics] = field(default_factory=list)
    num_epochs: int = 0
    best_epoch: int = 0
    ended: str = ""
    diverged_at: int | None = None

    @property
    def num_steps(self) -> int:
        """Steps taken."""
        return len(self.loss)
