"""fit in a real Jupyter kernel: the stop button, and going on in the next cell."""

import re

import pytest
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

START = """
import sys, time
sys.path[:0] = {folders!r}
import torch
torch.set_num_threads(1)
from course_utils import training
from tiny import Tiny, equal, examples, weights_of
settings = dict(lr=0.05, schedule="linear", num_epochs=60, batch_size=8)
whole, model = Tiny(), Tiny()
wanted = training.fit(whole, examples(), **settings)
def wait(step):
    print("step", step, end=";", flush=True)
    time.sleep({seconds})
model.before_step = wait
"""
GO = "history = training.fit(model, examples(), **settings)"
GO_ON = "history = sys.last_value.run.go()"
COMPARE = """
print(history == wanted, equal(weights_of(model), weights_of(whole)))
"""


class Kernel:
    """Cells in a real kernel, which may be interrupted."""

    def __init__(self):
        self.manager = KernelManager()
        self.manager._kernel_spec = KernelSpec(**get_kernel_dict())
        self.manager.start_kernel()
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=180)

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def run(self, code, *, interrupt_after=None):
        """What the cell printed, and the name of its error if there was one."""
        asked, printed, error = self.client.execute(code), "", None
        while True:
            message = self.client.get_iopub_msg(timeout=600)
            if message["parent_header"].get("msg_id") != asked:
                continue
            kind, content = message["msg_type"], message["content"]
            printed += content.get("text", "") if kind == "stream" else ""
            error = content["ename"] if kind == "error" else error
            if interrupt_after and interrupt_after in printed:
                self.manager.interrupt_kernel()
                interrupt_after = None
            if kind == "status" and content["execution_state"] == "idle":
                return printed, error


@pytest.fixture
def kernel():
    kernel = Kernel()
    yield kernel
    kernel.close()


def test_stop_button_of_a_notebook(kernel, root):
    start = START.format(folders=[str(root), str(root / "tests")], seconds=0.02)
    assert kernel.run(start) == ("", None)
    last = 0
    for code, after in ((GO, 3), (GO_ON, 20), (GO_ON, 55)):
        printed, error = kernel.run(code, interrupt_after=f"step {after};")
        assert error == "Interrupted"
        steps = [int(step) for step in re.findall(r"step (\d+);", printed)]
        assert steps == [*range(last + 1, steps[-1] + 1)]  # none twice, none left out
        last = steps[-1]
        assert after <= last < 300
        number = kernel.run("print(sys.last_value.run.history.num_steps)")
        assert number == (f"{last}\n", None)
    kernel.run("model.before_step = lambda step: None")
    assert kernel.run(GO_ON) == ("", None)
    assert kernel.run(COMPARE) == ("True True\n", None)
