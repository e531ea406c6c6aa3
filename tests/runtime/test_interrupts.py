"""An interrupt waits until what must be whole is whole."""

import signal
import threading

import pytest
import tiny

from course_utils.runtime import interrupts


@tiny.needs_sigint
def test_an_interrupt_comes_when_the_block_is_done():
    done = []

    @interrupts.held()
    def work():
        tiny.interrupt()
        done.append("the rest")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done


def test_without_an_interrupt_nothing_happens():
    with interrupts.held():
        pass


@tiny.needs_sigint
def test_an_error_inside_goes_on_and_interrupts_work_as_before():
    usual = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyError, match="broken"), interrupts.held():
        raise KeyError("broken")
    assert signal.getsignal(signal.SIGINT) is usual


def test_another_thread_may_hold_too():
    """Only the main thread may set what a signal does, and only it is interrupted."""
    done = []

    def work():
        with interrupts.held():
            done.append("work")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done
