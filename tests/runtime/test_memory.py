"""Freed memory goes back to the system."""

import ctypes
import gc
import sys
import weakref

import psutil
import pytest
import torch

from course_utils.runtime import memory


class _Node:
    pass


def test_release_collects_what_refers_to_itself():
    gc.disable()
    try:
        node = _Node()
        node.itself = node
        seen = weakref.ref(node)
        del node
        assert seen() is not None
        memory.release()
        assert seen() is None
    finally:
        gc.enable()


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"),
    reason="only glibc keeps so much, and only it can be asked",
)
def test_release_gives_back_what_small_tensors_took():
    resident = psutil.Process().memory_info
    tensors = [torch.zeros(16_000) for _ in range(4000)]  # 256 MB, none large
    last = torch.zeros(16_000)  # keeps the heap's end in use
    del tensors
    before = resident().rss
    memory.release()
    assert before - resident().rss > 100e6
    assert not last.any()


def test_release_works_where_there_is_no_glibc(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    memory.release()
