"""Training pairs in shards: the same however they are made, and none made twice."""

import os
import warnings

import numpy as np
import pytest
import torch

from invlab import get_task
from invlab.runs import shards
from invlab.runs.shards import SHARD, generate, read

simulate = shards._simulate


def files(folder):
    """Name and time of change of each shard."""
    return {path.name: path.stat().st_mtime_ns for path in sorted(folder.glob("shard-*.npz"))}


def age(folder):
    """Make the shards look old, so that a new one shows whatever the clock's grain."""
    for path in folder.glob("shard-*.npz"):
        os.utime(path, (1e9, 1e9))


def fails_second(name, options, seed, k):
    """In place of ``shards._simulate``; may run in another process."""
    if k == 1:
        raise ArithmeticError("no luck")
    return simulate(name, options, seed, k)


def test_the_pairs_are_of_the_task_and_of_float32(tmp_path):
    pairs = generate(tmp_path / "new" / "folder", "sine", SHARD)
    task = get_task("sine")
    assert pairs.x.dtype == pairs.y.dtype == torch.float32
    assert pairs.x.shape == (SHARD, task.x_dim)
    assert pairs.c is None
    assert torch.allclose(task.simulate(pairs.x), pairs.y, atol=1e-5)
    spread, prior = pairs.x.std(0), task.prior.sample(10_000).std(0)
    assert torch.allclose(spread.double(), prior, rtol=0.3)


def test_processes_make_the_same_pairs_and_a_failing_shard_does_not_stop_them(
    tmp_path, monkeypatch
):
    alone = generate(tmp_path / "1", "sine", 3 * SHARD)
    monkeypatch.setattr(shards, "_simulate", fails_second)
    with pytest.raises(RuntimeError, match="1 of 3 shards failed.*shard 1: ArithmeticError: no l"):
        generate(tmp_path / "2", "sine", 3 * SHARD, jobs=2)
    assert sorted(files(tmp_path / "2")) == ["shard-00000.npz", "shard-00002.npz"]
    monkeypatch.undo()
    shared = generate(tmp_path / "2", "sine", 3 * SHARD)
    assert torch.equal(alone.x, shared.x)
    assert torch.equal(alone.y, shared.y)
    for name in files(tmp_path / "1"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_each_shard_and_each_seed_has_draws_of_its_own(tmp_path):
    pairs = generate(tmp_path / "0", "sine", 2 * SHARD)
    other = generate(tmp_path / "1", "sine", 2 * SHARD, seed=1)
    assert len(torch.cat([pairs.x, other.x]).unique(dim=0)) == 4 * SHARD


@pytest.mark.parametrize("n", [1, SHARD, SHARD + 1, 2 * SHARD])
def test_as_many_pairs_come_as_are_asked_for_and_fewer_are_a_beginning(tmp_path, n):
    pairs = generate(tmp_path, "sine", n)
    assert len(pairs) == len(read(tmp_path, n)) == n
    assert len(files(tmp_path)) == -(-n // SHARD)
    assert len(read(tmp_path)) == len(files(tmp_path)) * SHARD
    more = generate(tmp_path, "sine", 3 * SHARD)
    assert torch.equal(more[:n].x, pairs.x)
    assert torch.equal(more[:n].y, pairs.y)


def test_what_is_there_is_kept_and_what_is_missing_is_made(tmp_path):
    first = generate(tmp_path, "sine", 3 * SHARD)
    age(tmp_path)
    before = files(tmp_path)
    (tmp_path / "shard-00001.npz").unlink()
    again = generate(tmp_path, "sine", 4 * SHARD)
    after = files(tmp_path)
    assert sorted(after) == [f"shard-0000{k}.npz" for k in range(4)]
    changed = [name for name in after if after[name] != before.get(name)]
    assert changed == ["shard-00001.npz", "shard-00003.npz"]
    assert torch.equal(again[: 3 * SHARD].x, first.x)
    assert not list(tmp_path.glob("*.tmp"))


def truncated(content):
    return content[: len(content) // 2]


def flipped(content):
    middle = len(content) // 4
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage", [truncated, flipped, lambda content: b"", lambda content: b"not a shard"]
)
def test_a_damaged_shard_is_made_again(tmp_path, damage):
    first = generate(tmp_path, "sine", 2 * SHARD)
    age(tmp_path)
    path = tmp_path / "shard-00001.npz"
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert len(read(tmp_path)) == SHARD
    again = generate(tmp_path, "sine", 2 * SHARD)
    assert torch.equal(again.y, first.y)
    assert path.read_bytes() == whole
    assert files(tmp_path)["shard-00000.npz"] == 10**18


def test_a_shard_of_another_length_or_without_y_is_made_again(tmp_path):
    first = generate(tmp_path, "sine", SHARD)
    path = tmp_path / "shard-00000.npz"
    np.savez(path, x=first.x[:7].numpy(), y=first.y[:7].numpy())
    assert torch.equal(generate(tmp_path, "sine", SHARD).x, first.x)
    np.savez(path, x=first.x.numpy())
    assert torch.equal(generate(tmp_path, "sine", SHARD).y, first.y)


@pytest.mark.parametrize(
    ("name", "change", "there", "wanted"),
    [
        ("square", {"seed": 1}, "'seed': 0", "'seed': 1"),
        ("square", {"options": {"half_width": 2.0}}, "'options': {}", "'half_width': 2.0"),
        ("sine", {}, "'task': 'square'", "'task': 'sine'"),
    ],
)
def test_a_folder_of_something_else_is_refused(tmp_path, name, change, there, wanted):
    first = generate(tmp_path, "square", SHARD)
    age(tmp_path)
    with pytest.raises(ValueError, match=f"holds .*{there}.*expected .*{wanted}"):
        generate(tmp_path, name, 2 * SHARD, **change)
    assert files(tmp_path) == {"shard-00000.npz": 10**18}
    assert torch.equal(generate(tmp_path, "square", SHARD).x, first.x)


def test_options_reach_the_task(tmp_path):
    pairs = generate(tmp_path, "square", SHARD, options={"half_width": 3.0})
    assert 2.5 < pairs.x.abs().max() <= 3


def test_too_few_pairs_are_not_read(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected some pairs in .*, found 0"):
        read(tmp_path)
    generate(tmp_path, "sine", 2 * SHARD)
    with pytest.raises(FileNotFoundError, match="expected 201 pairs in .*, found 200"):
        read(tmp_path, 201)
    (tmp_path / "shard-00000.npz").unlink()  # what comes after a gap does not count
    with pytest.raises(FileNotFoundError, match="expected 1 pairs in .*, found 0"):
        read(tmp_path, 1)


def test_a_failing_shard_does_not_stop_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "_simulate", fails_second)
    with pytest.raises(RuntimeError, match="1 of 3 shards failed.*shard 1: ArithmeticError: no l"):
        generate(tmp_path, "sine", 3 * SHARD)
    assert sorted(files(tmp_path)) == ["shard-00000.npz", "shard-00002.npz"]
    monkeypatch.undo()
    age(tmp_path)
    assert len(generate(tmp_path, "sine", 3 * SHARD)) == 3 * SHARD
    assert files(tmp_path)["shard-00002.npz"] == 10**18


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"n": 0}, "n: expected at least 1, got 0"),
        ({"jobs": 0}, "jobs: expected at least 1, got 0"),
        ({"jobs": 2, "scheduler": "tcp://127.0.0.1:1"}, "expected jobs or scheduler, got 2 and"),
    ],
)
def test_bad_calls_are_refused(tmp_path, call, message):
    with pytest.raises(ValueError, match=message):
        generate(tmp_path, "sine", **{"n": SHARD, **call})
    assert not files(tmp_path)


def test_the_workers_of_a_cluster_make_the_same_pairs(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of its dependencies are not ours to mend
        distributed = pytest.importorskip(
            "distributed", reason='distributed is not installed: pip install "invlab[dask]"'
        )
        with distributed.LocalCluster(
            n_workers=1,
            processes=True,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            silence_logs=50,
        ) as cluster:
            address = cluster.scheduler_address
            far = generate(tmp_path / "far", "sine", 2 * SHARD, scheduler=address)
            with pytest.raises(RuntimeError, match="1 of 1 shards failed.*half_length"):
                generate(tmp_path / "bad", "sine", 1, options={"half_length": 1}, scheduler=address)
    here = generate(tmp_path / "here", "sine", 2 * SHARD)
    assert torch.equal(far.x, here.x)
    assert torch.equal(far.y, here.y)
