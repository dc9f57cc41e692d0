"""Device, preset, random streams and progress bars."""

import pytest
import torch

from invlab import runtime


def test_the_device_follows_the_environment(monkeypatch):
    monkeypatch.setenv("INVLAB_DEVICE", "cpu")
    assert runtime.device() == torch.device("cpu")


@pytest.mark.parametrize(("there", "expected"), [(True, "cuda"), (False, "cpu")])
def test_without_a_word_the_device_is_cuda_where_there_is_one(monkeypatch, there, expected):
    monkeypatch.delenv("INVLAB_DEVICE")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert runtime.device().type == expected


@pytest.mark.parametrize("name", ["gpu0", "cuda", "cuda:1"])
def test_a_device_that_is_not_there_is_named(monkeypatch, name):
    monkeypatch.setenv("INVLAB_DEVICE", name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=f"INVLAB_DEVICE='{name}'"):
        runtime.device()


def test_the_preset_is_quick_unless_it_says_full(monkeypatch):
    monkeypatch.delenv("INVLAB_PRESET")
    assert runtime.preset() == "quick"
    assert runtime.by_preset(quick=1, full=2) == 1
    monkeypatch.setenv("INVLAB_PRESET", "full")
    assert runtime.preset() == "full"
    assert runtime.by_preset(quick=1, full=2) == 2


def test_an_unknown_preset_is_refused(monkeypatch):
    monkeypatch.setenv("INVLAB_PRESET", "medium")
    with pytest.raises(ValueError, match="'medium'.*'quick' or 'full'"):
        runtime.preset()


def draws(seed, *stream):
    return torch.rand(8, generator=runtime.generator(seed, *stream))


@pytest.mark.parametrize("seed", [0, 1, -5, 2**70])
def test_a_stream_of_a_seed_repeats(seed):
    assert torch.equal(draws(seed, "a", 1), draws(seed, "a", 1))


def test_streams_and_seeds_are_told_apart():
    streams = [(0,), (1,), (0, "a"), (0, "b"), (0, "ab"), (0, "a", "b"), (0, 1), (0, "1")]
    seen = {tuple(draws(*stream).tolist()) for stream in streams}
    assert len(seen) == len(streams)


def test_streams_of_one_seed_are_uncorrelated():
    a = torch.rand(4000, generator=runtime.generator(3, "data"))
    b = torch.rand(4000, generator=runtime.generator(3, "batches"))
    # the correlation of 4000 independent pairs has a standard deviation of 0.016
    assert abs(torch.corrcoef(torch.stack([a, b]))[0, 1]) < 0.08


def test_a_generator_draws_on_the_cpu_and_leaves_the_global_one_alone():
    before = torch.get_rng_state()
    assert runtime.generator(0).device.type == "cpu"
    draws(0, "a")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("seed", [True, 1.0, "1", None])
def test_a_seed_that_is_no_integer_is_refused(seed):
    with pytest.raises(TypeError, match=f"seed: expected an int, got {type(seed).__name__}"):
        runtime.generator(seed)


def test_progress_yields_everything_and_is_silent_when_off(capsys):
    assert list(runtime.progress(iter("abc"), "letters", total=3)) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")
