"""Training pairs in shards: the same however they are made, and none made twice."""

import contextlib
import json
import os
import signal
import warnings

import numpy as np
import pytest
import torch
from scipy import stats
from torch import distributions

from invlab import Box, Integer, Pairs, Task, generate, get_task, numpy_simulator, runtime
from invlab.runs import read, shards
from invlab.runs.shards import SHARD
from invlab.simulators import FailedRows

SINE = get_task("sine")
simulate = shards._simulate


def unlucky(x):
    raise ArithmeticError("no luck")


BROKEN = Task("broken", unlucky, Box([0], [1]))


def files(folder):
    """Name and time of change of each shard."""
    return {path.name: path.stat().st_mtime_ns for path in sorted(folder.glob("shard-*.npz"))}


def age(folder):
    """Make the shards look old, so that a new one shows whatever the clock's grain."""
    for path in folder.glob("shard-*.npz"):
        os.utime(path, (1e9, 1e9))


def fails_second(task, k, **how):
    """In place of ``shards._simulate``; may run in another process."""
    if k == 1:
        raise ArithmeticError("no luck")
    return simulate(task, k, **how)


def test_the_pairs_are_of_the_task_and_of_float64(tmp_path):
    pairs = generate(SINE, SHARD, folder=tmp_path / "new" / "folder")
    task = get_task("sine")
    assert pairs.x.dtype == pairs.y.dtype == torch.float64
    assert pairs.x.shape == (SHARD, task.x_dim)
    assert pairs.c is None
    assert torch.equal(task.simulate(pairs.x), pairs.y)
    spread, prior = pairs.x.std(0), task.prior.sample(10_000).std(0)
    assert torch.allclose(spread.cpu(), prior, rtol=0.3)


@pytest.mark.slow
def test_processes_make_the_same_pairs_and_a_failing_shard_does_not_stop_them(
    tmp_path, monkeypatch
):
    alone = generate(SINE, 3 * SHARD, folder=tmp_path / "1")
    monkeypatch.setattr(shards, "_simulate", fails_second)
    with pytest.raises(RuntimeError, match="1 of 3 shards failed.*shard 1: ArithmeticError: no l"):
        generate(SINE, 3 * SHARD, folder=tmp_path / "2", jobs=2)
    assert sorted(files(tmp_path / "2")) == ["shard-00000.npz", "shard-00002.npz"]
    monkeypatch.undo()
    shared = generate(SINE, 3 * SHARD, folder=tmp_path / "2")
    assert torch.equal(alone.x, shared.x)
    assert torch.equal(alone.y, shared.y)
    for name in files(tmp_path / "1"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_each_shard_and_each_seed_has_draws_of_its_own(tmp_path):
    pairs = generate(SINE, 2 * SHARD, folder=tmp_path / "0")
    other = generate(SINE, 2 * SHARD, folder=tmp_path / "1", seed=1)
    assert len(torch.cat([pairs.x, other.x]).unique(dim=0)) == 4 * SHARD


@pytest.mark.parametrize("n", [1, SHARD, SHARD + 1, 2 * SHARD])
def test_as_many_pairs_come_as_are_asked_for_and_fewer_are_a_beginning(tmp_path, n):
    pairs = generate(SINE, n, folder=tmp_path, shard=SHARD)
    assert len(pairs) == len(read(tmp_path, n)) == n
    assert len(files(tmp_path)) == -(-n // SHARD)
    assert len(read(tmp_path)) == len(files(tmp_path)) * SHARD
    more = generate(SINE, 3 * SHARD, folder=tmp_path)
    assert torch.equal(more[:n].x, pairs.x)
    assert torch.equal(more[:n].y, pairs.y)


def test_what_is_there_is_kept_and_what_is_missing_is_made(tmp_path):
    first = generate(SINE, 3 * SHARD, folder=tmp_path)
    age(tmp_path)
    before = files(tmp_path)
    (tmp_path / "shard-00001.npz").unlink()
    again = generate(SINE, 4 * SHARD, folder=tmp_path)
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
    first = generate(SINE, 2 * SHARD, folder=tmp_path)
    age(tmp_path)
    path = tmp_path / "shard-00001.npz"
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert len(read(tmp_path)) == SHARD
    again = generate(SINE, 2 * SHARD, folder=tmp_path)
    assert torch.equal(again.y, first.y)
    assert path.read_bytes() == whole
    assert files(tmp_path)["shard-00000.npz"] == 10**18


def test_a_shard_of_another_length_or_without_y_is_made_again(tmp_path):
    first = generate(SINE, SHARD, folder=tmp_path)
    path = tmp_path / "shard-00000.npz"
    np.savez(path, x=first.x[:7].numpy(), y=first.y[:7].numpy())
    assert torch.equal(generate(SINE, SHARD, folder=tmp_path).x, first.x)
    np.savez(path, x=first.x.numpy())
    assert torch.equal(generate(SINE, SHARD, folder=tmp_path).y, first.y)


@pytest.mark.parametrize(
    ("task", "change", "there", "wanted"),
    [
        ("square", {"seed": 1}, "'seed': 0", "'seed': 1"),
        ("square", {"shard": 50}, "'shard': 100", "'shard': 50"),
        ("square", {"dtype": torch.float32}, "'dtype': 'float64'", "'dtype': 'float32'"),
        ("square", {"about": {"mesh": 3}}, "'mesh': None", "'mesh': 3"),
        ("sine", {}, "'task': 'square'", "'task': 'sine'"),
    ],
)
def test_a_folder_of_something_else_is_refused(tmp_path, task, change, there, wanted):
    square = get_task("square")
    first = generate(square, SHARD, folder=tmp_path)
    age(tmp_path)
    with pytest.raises(ValueError, match=f"holds other pairs: .*{there}.*expected .*{wanted}"):
        generate(get_task(task), 2 * SHARD, folder=tmp_path, **change)
    assert files(tmp_path) == {"shard-00000.npz": 10**18}
    assert torch.equal(generate(square, SHARD, folder=tmp_path).x, first.x)


def test_a_prior_tells_tasks_of_one_name_apart_and_an_equal_one_does_not(tmp_path):
    def mine(prior):
        return Task("mine", lambda x: x.square(), prior)

    generate(mine(stats.gamma(2.0)), 5, folder=tmp_path)
    generate(mine(stats.gamma(2.0)), 5, folder=tmp_path)
    with pytest.raises(ValueError, match="holds other pairs"):
        generate(mine(stats.gamma(3.0)), 5, folder=tmp_path)

    class Own:  # its repr says where it lies in memory
        dim, bounds = 1, Box([0], [1])

        def sample(self, n, *, generator=None):
            return self.bounds.sample(n, generator=generator)

    for _ in range(2):
        generate(mine(Own()), 5, folder=tmp_path / "own")


class Wide:
    """A law of somebody's own, whose repr carries no numbers."""

    dim = 1

    def __init__(self, width):
        self.bounds = Box([0], [width])

    def sample(self, n, *, generator=None):
        return self.bounds.sample(n, generator=generator)


class Worded(Wide):
    def __repr__(self):
        return f"Worded({self.bounds})"


def mixture(mean):
    centres = distributions.Normal(torch.tensor([0.0, mean]), 1.0)
    return distributions.MixtureSameFamily(distributions.Categorical(torch.ones(2)), centres)


def stretched(scale):
    shape = distributions.AffineTransform(0.0, scale)
    return distributions.TransformedDistribution(distributions.Normal(0.0, 1.0), [shape])


@pytest.mark.parametrize(
    ("law", "one", "other"),
    [
        (stats.dirichlet, [1, 1, 1], [90, 1, 1]),
        (stats.multivariate_t, [0.0, 0.0], [5.0, 0.0]),
        (lambda mean: [stats.dirichlet(mean), Box([0], [1])], [1, 1], [2, 1]),
        (mixture, 1.0, 3.0),
        (stretched, 1.0, 3.0),
        (Wide, 1, 2),
    ],
)
def test_laws_without_numbers_in_their_words_are_told_apart(tmp_path, law, one, other):
    def make(numbers):
        task = Task("mine", lambda x: x.square(), law(numbers))
        return generate(task, 5, folder=tmp_path)

    assert torch.equal(make(one).x, make(one).x)
    with pytest.raises(ValueError, match="holds other pairs: .*'prior'"):
        make(other)


def test_an_older_folder_is_read_where_the_words_of_its_law_tell_it(tmp_path):
    def make(prior):
        folder = tmp_path / type(prior).__name__
        pairs = generate(Task("mine", lambda x: x.square(), prior), 5, folder=folder)
        return pairs, folder / "about.json"

    def grow_old(about, words):
        about.write_text(json.dumps({**json.loads(about.read_text()), "prior": words}))

    pairs, about = make(Worded(2))
    grow_old(about, repr(Worded(2)))
    assert torch.equal(make(Worded(2))[0].x, pairs.x)
    with pytest.raises(ValueError, match="holds other pairs"):
        make(Worded(3))
    _, about = make(Wide(2))
    grow_old(about, f"<{__name__}.Wide object>")
    with pytest.raises(ValueError, match="holds other pairs"):
        make(Wide(2))


def test_a_law_that_does_not_follow_the_generator_keeps_its_folder(tmp_path):
    class Stray(Wide):
        def sample(self, n, *, generator=None):
            return torch.as_tensor(np.random.default_rng().random((n, 1)))

    task = Task("mine", lambda x: x.square(), Stray(1))
    pairs = generate(task, 5, folder=tmp_path)
    assert torch.equal(generate(task, 5, folder=tmp_path).x, pairs.x)


def test_about_takes_numbers_of_numpy_and_nan(tmp_path):
    about = {"mesh": np.int64(3), "edge": float("nan")}
    generate(SINE, 5, folder=tmp_path, about=about)
    generate(SINE, 5, folder=tmp_path, about={"mesh": 3, "edge": np.nan})
    with pytest.raises(TypeError, match=r"about\['mesh'\]: .* got set"):
        generate(SINE, 5, folder=tmp_path, about={"mesh": {3}})


@pytest.mark.parametrize("name", ["prior", "seed", "task"])
def test_about_names_nothing_that_tells_pairs_apart_already(tmp_path, name):
    with pytest.raises(ValueError, match=f"about: expected names other .*got '{name}'"):
        generate(SINE, 5, folder=tmp_path, about={name: "wide"})
    assert not files(tmp_path)


def test_too_few_pairs_are_not_read(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected some pairs in .*, found 0"):
        read(tmp_path)
    generate(SINE, 2 * SHARD, folder=tmp_path)
    with pytest.raises(FileNotFoundError, match="expected 201 pairs in .*, found 200"):
        read(tmp_path, 201)
    (tmp_path / "shard-00000.npz").unlink()  # what comes after a gap does not count
    with pytest.raises(FileNotFoundError, match="expected 1 pairs in .*, found 0"):
        read(tmp_path, 1)


def test_a_failing_shard_does_not_stop_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "_simulate", fails_second)
    with pytest.raises(RuntimeError, match="1 of 3 shards failed.*shard 1: ArithmeticError: no l"):
        generate(SINE, 3 * SHARD, folder=tmp_path)
    assert sorted(files(tmp_path)) == ["shard-00000.npz", "shard-00002.npz"]
    monkeypatch.undo()
    age(tmp_path)
    assert len(generate(SINE, 3 * SHARD, folder=tmp_path)) == 3 * SHARD
    assert files(tmp_path)["shard-00002.npz"] == 10**18


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"n": 0}, "n: expected at least 1, got 0"),
        ({"jobs": 0}, "jobs: expected at least 1, got 0"),
        ({"shard": 0}, "shard: expected at least 1, got 0"),
        ({"jobs": 2, "scheduler": "tcp://127.0.0.1:1"}, "expected jobs or scheduler, got 2 and"),
    ],
)
def test_bad_calls_are_refused(tmp_path, call, message):
    with pytest.raises(ValueError, match=message):
        generate(SINE, folder=tmp_path, **{"n": SHARD, **call})
    assert not files(tmp_path)


def test_a_task_of_pairs_generates_nothing(tmp_path):
    with pytest.raises(ValueError, match="made from pairs"):
        generate(Task.from_pairs(SINE.sample(5), name="mine"), 5, folder=tmp_path)


def test_few_pairs_cost_no_more_and_a_folder_keeps_its_shards(tmp_path):
    calls = []

    def counted(x):
        calls.append(len(x))
        return x.square()

    task = Task("mine", counted, Box([0], [1]))
    few = generate(task, 7, folder=tmp_path)
    assert sum(calls) == 7
    more = generate(task, np.int64(20), folder=str(tmp_path), seed=np.int64(0))
    assert sum(calls) == 21
    assert len(more) == 20
    assert torch.equal(more[:7].x, few.x)
    assert generate(task, 20, folder=tmp_path).y.equal(more.y)
    assert sum(calls) == 21


def own_task(**options):
    """A task that no other process can import: noise, an image, a context, a closure."""
    wave = torch.linspace(0, 3, 4, dtype=torch.float64)

    def simulate(x, c):
        clean = (x[..., None] * wave.to(x) + c[..., None]).sin()
        return clean + 0.1 * torch.randn_like(clean)

    prior = [stats.norm(0, 1), Integer([1], [6])]
    return Task("own", simulate, prior, context=Box([0], [1]), noisy=True, **options)


@pytest.mark.slow
def test_noise_images_and_contexts_do_not_depend_on_the_number_of_processes(tmp_path):
    torch.manual_seed(1)
    one = generate(own_task(), 30, folder=tmp_path / "1", shard=10)
    torch.manual_seed(2)
    two = generate(own_task(), 30, folder=tmp_path / "2", shard=10, jobs=2)
    assert one.y.shape == (30, 2, 4)
    assert one.c.shape == (30, 1)
    for name in "xyc":
        assert torch.equal(getattr(one, name), getattr(two, name))
    assert one.y.dtype == torch.float64
    assert len(one.y.unique(dim=0)) == 30


def picky(x):
    if x[0] < 0.5:
        raise ArithmeticError("no solution")
    return x


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_failed_rows_are_kept_and_counted_in_one_warning(tmp_path, jobs):
    task = Task("picky", numpy_simulator(picky, batched=False), Box([0], [1]), differentiable=False)
    with pytest.warns(FailedRows) as said:
        pairs = generate(task, 60, folder=tmp_path, shard=20, jobs=jobs)
    lost = int(pairs.y.isnan().sum())
    assert 15 < lost < 45
    assert [str(one.message).partition("; ")[0] for one in said] == [
        f"picky: {lost} of 60 pairs failed, their y is NaN or infinite"
    ]
    assert "ArithmeticError: no solution" in str(said[0].message)
    assert torch.equal(pairs.y.isnan(), pairs.x < 0.5)
    with pytest.warns(FailedRows, match=f"{lost} of 60"):  # which lie in the folder now
        again = generate(task, 60, folder=tmp_path)
    assert torch.equal(again.x, pairs.x)


def test_other_warnings_come_through(tmp_path):
    def wary(x):
        warnings.warn("thin ice", RuntimeWarning, stacklevel=2)
        return x

    with pytest.warns(RuntimeWarning, match="thin ice"):
        generate(Task("wary", wary, Box([0], [1])), 5, folder=tmp_path)


@pytest.mark.parametrize("caught", [False, True])
def test_an_interrupted_shard_is_not_written(tmp_path, caught):
    calls = []

    def stopped(x):
        calls.append(1)
        if len(calls) == 2:
            if not caught:
                raise KeyboardInterrupt
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        return x.square()

    task = Task("stopped", stopped, Box([0], [1]))
    with pytest.raises(KeyboardInterrupt):
        generate(task, 30, folder=tmp_path, shard=10)
    assert sorted(files(tmp_path)) == ["shard-00000.npz"]
    assert len(generate(task, 30, folder=tmp_path)) == 30


def test_a_simulator_of_float32_is_asked_for_it(tmp_path):
    net = torch.nn.Linear(1, 2)
    task = Task("net", lambda x: net.to(x.device)(x), Box([0], [1]))
    with pytest.raises(RuntimeError, match="1 of 1 shards failed"):
        generate(task, 5, folder=tmp_path / "64")
    pairs = generate(task, 5, folder=tmp_path / "32", dtype=torch.float32)
    assert pairs.y.dtype == torch.float32
    assert not pairs.y.requires_grad


def test_the_streams_are_those_of_the_recorded_data(tmp_path):
    pairs = generate(SINE, SHARD, folder=tmp_path)
    expected = SINE.prior.sample(SHARD, generator=runtime.generator(0, "sine", "shard", 0))
    assert torch.equal(pairs.x.cpu(), expected)


@pytest.mark.slow
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
            far = generate(own_task(), 20, folder=tmp_path / "far", shard=10, scheduler=address)
            with pytest.raises(RuntimeError, match="1 of 1 shards failed.*no luck"):
                generate(BROKEN, 1, folder=tmp_path / "bad", scheduler=address)
    here = generate(own_task(), 20, folder=tmp_path / "here", shard=10)
    assert torch.equal(far.x, here.x)
    assert torch.equal(far.y, here.y)


# A simulator of plain torch that raises


def refusing(x):
    if bool((x[..., 0] < 0.5).any()):
        raise ArithmeticError("no solution")
    return x + torch.rand_like(x) * 1e-9


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_rows_that_raise_are_kept_as_failed_ones(tmp_path, jobs):
    task = Task("refusing", refusing, Box([0], [1]), noisy=True)
    with pytest.warns(FailedRows) as said:
        pairs = generate(task, 60, folder=tmp_path, shard=20, jobs=jobs)
    lost = pairs.x < 0.5
    assert 15 < int(lost.sum()) < 45
    assert torch.equal(pairs.y.isnan(), lost)
    torch.testing.assert_close(pairs.y[~lost], pairs.x[~lost])
    (warning,) = said
    assert f"{int(lost.sum())} of 60 pairs failed" in str(warning.message)
    assert "ArithmeticError: no solution; invlab.numpy_simulator" in str(warning.message)
    # the first shard that came back names its first; of two processes either may be it
    firsts = [part[part < 0.5][:1].tolist() for part in pairs.x.split(20)][:jobs]
    assert any(f"x = {first}" in str(warning.message) for first in firsts)
    # the same draws as those of a simulator that goes through
    sound = Task("refusing", lambda x: x, Box([0], [1]))
    assert torch.equal(generate(sound, 60, folder=tmp_path / "sound", shard=20).x, pairs.x)


def test_contexts_stay_with_rows_that_are_simulated_one_by_one(tmp_path):
    def shifted(x, c):
        if len(x) > 1:
            raise MemoryError("too many rows")
        return x + c

    task = Task("shifted", shifted, Box([0], [1]), context=Box([5], [9]))
    pairs = generate(task, 10, folder=tmp_path)  # no row fails, so nothing is said
    assert torch.equal(pairs.y, pairs.x + pairs.c)


def test_a_shard_of_which_every_row_raises_fails_with_the_first_error(tmp_path):
    with pytest.raises(RuntimeError, match="1 of 1 shards failed.*ArithmeticError: no luck"):
        generate(BROKEN, 5, folder=tmp_path)


def test_a_task_with_draws_of_its_own_is_not_taken_apart(tmp_path):
    class Own(Task):
        def sample(self, n, *, generator=None, dtype=torch.float32):
            pairs = super().sample(n, generator=generator, dtype=dtype)
            return Pairs(pairs.x, pairs.y + 1)

    with pytest.raises(RuntimeError, match="1 of 1 shards failed.*ArithmeticError"):
        generate(Own("own", refusing, Box([0], [1])), 20, folder=tmp_path)


def test_a_process_whose_rows_all_fail_knows_the_shape_of_y(tmp_path):
    def wide(x):
        return float("nan") if x[0] < 0.5 else np.array([x[0], x[0] ** 2, 1.0])

    for jobs in (1, 2):
        task = Task("wide", numpy_simulator(wide, batched=False), Box([0.0], [1.0]))
        with pytest.warns(FailedRows):
            pairs = generate(task, 12, folder=tmp_path / str(jobs), shard=1, jobs=jobs)
        assert pairs.y.shape == (12, 3)
        assert pairs.y.isnan().any()


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_simulator_that_ends_by_sys_exit_loses_its_rows_alone(tmp_path, jobs):
    def f(x):
        if bool((x < 0.5).any()):
            raise SystemExit(3)
        return x

    task = Task("exits", f, Box([0.0], [1.0]), differentiable=False)
    with pytest.warns(FailedRows, match=r"ended by sys\.exit\(3\)"):
        pairs = generate(task, 40, folder=tmp_path, jobs=jobs, shard=20)
    assert torch.equal(pairs.y.isnan(), pairs.x < 0.5)


def test_a_folder_without_pairs_belongs_to_nobody(tmp_path):
    with pytest.raises(RuntimeError, match="shards failed"):
        generate(BROKEN, 4, folder=tmp_path, shard=4)
    mended = Task("broken", lambda x: x * 1.0, Box([0], [1]))
    assert len(generate(mended, 4, folder=tmp_path, shard=2)) == 4
    with pytest.raises(ValueError, match="holds other pairs"):
        generate(mended, 4, folder=tmp_path, shard=4)


@pytest.mark.parametrize("dtype", [torch.int32, torch.bfloat16, "float32"])
def test_a_dtype_is_looked_at_before_a_folder_is_made(dtype, tmp_path):
    with pytest.raises(TypeError, match="generate: dtype: expected"):
        generate(SINE, 2, folder=tmp_path / "new", dtype=dtype)
    assert not (tmp_path / "new").exists()


def test_what_a_folder_says_is_a_dictionary(tmp_path):
    with pytest.raises(TypeError, match="generate: about: expected a dictionary .* got int"):
        generate(SINE, 2, folder=tmp_path, about=3)
    (tmp_path / "about.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ValueError, match="says nothing of pairs"):
        generate(SINE, 2, folder=tmp_path)


def test_a_folder_says_whose_pairs_it_holds(tmp_path):
    generate(SINE, 2, folder=tmp_path, shard=2)
    assert shards.whose(tmp_path) == "sine"
    assert shards.whose(tmp_path / "nothing") is None
