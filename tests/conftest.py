"""What holds for each test: the device, the quick preset, and no trace left behind in torch."""

import os
import signal

import pytest
import torch

from invlab import runtime


def pytest_addoption(parser):
    parser.addoption("--device", default="cpu", help="where the tests compute: cpu, cuda, cuda:N")


def pytest_configure(config):
    os.environ["INVLAB_DEVICE"] = config.getoption("--device")
    os.environ["INVLAB_PRESET"] = "quick"
    os.environ["INVLAB_PROGRESS"] = "off"
    os.environ["MPLBACKEND"] = "Agg"
    torch.set_num_threads(1)
    # torch's own forward mode imports, at its first use, a module that torch itself deprecates
    config.addinivalue_line(
        "filterwarnings", "ignore:.torch.jit.script. is deprecated:DeprecationWarning"
    )


def pytest_collection_modifyitems(config, items):
    name = config.getoption("--device")
    if name.startswith("cuda") and not torch.cuda.is_available():
        reason = f"--device {name} was asked for, but torch sees no CUDA device here"
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True, scope="session")
def interrupts_are_heard():
    """A shell that starts the tests in the background makes them deaf to Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def torch_is_left_as_it_was():
    """Seeds torch; fails a test that changes its default dtype, device or gradient mode."""

    def state():
        return torch.get_default_dtype(), torch.get_default_device(), torch.is_grad_enabled()

    torch.manual_seed(0)
    before = state()
    yield
    after = state()
    torch.set_default_dtype(before[0])
    torch.set_default_device(before[1] if before[1].type != "cpu" else None)
    torch.set_grad_enabled(before[2])
    assert after == before, f"the test changed torch's defaults from {before} to {after}"


@pytest.fixture
def device():
    """The device under test."""
    return runtime.device()
