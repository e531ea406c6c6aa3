"""The other machines that run the same script: `fit` shares each batch with them.

A script that calls `fit` is started once on each by `accelerate launch` (or, on CPUs
without MPI, by `torchrun`). Each then takes every so-many-th message of a batch,
and the gradients are added up between them, each message counting alike.
Source: Accelerate's `PartialState`; no code of ours talks to the network.
"""

import os
from collections.abc import Iterable, Sequence

from torch import Tensor, nn


class Team:
    """This machine's `rank` among `size`; alone, size is 1 and nothing is exchanged.

    All machines have to be interrupted together: one that is left waits for the others.
    """

    def __init__(self):
        self.rank, self.size, self.device = 0, 1, ""
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            import torch
            from accelerate import PartialState  # takes two seconds

            state = PartialState(cpu=not torch.cuda.is_available())
            self.rank, self.size = state.process_index, state.num_processes
            self.device = state.device.type

    def start_alike(self, model: nn.Module) -> None:
        """Give every machine the weights and buffers of the first.

        Errors: ValueError for a model that is not where the machines exchange numbers.
        """
        if self.size == 1:
            return
        import torch.distributed

        for tensor in [*model.parameters(), *model.buffers()]:
            if tensor.device.type != self.device:
                raise ValueError(
                    f"model: it is on {tensor.device}, and {self.size} machines "
                    f"exchange numbers on {self.device}: move it there before fit"
                )
            torch.distributed.broadcast(tensor.detach(), src=0)

    def share(self, rows: Sequence[int]) -> tuple[Sequence[int], float]:
        """This machine's rows of a batch, and which part of the batch they are.

        A machine for which there is no row takes the first one, and it counts nothing.
        """
        mine = rows[self.rank :: self.size]
        return mine or rows[:1], len(mine) / len(rows)

    def add_up(self, tensors: Iterable[Tensor | None]) -> None:
        """Put into each tensor, on every machine, the sum over all machines.

        None, a gradient that is not there, has to be so on every machine.
        """
        if self.size > 1:
            import torch.distributed

            for tensor in tensors:
                if tensor is not None:
                    torch.distributed.all_reduce(tensor)
