"""Pairs and targets: what they take, refuse, and read from files."""

import contextlib
import sys

import numpy as np
import pytest
import torch

import invlab
from invlab import Box, Pairs, Targets, Task
from invlab.pair_files import read_table
from invlab.runtime import generator

LENS = Task("lens", lambda x: x.prod(-1, keepdim=True), Box([-1.0, 0.0], [1.0, 2.0]))
X, Y = torch.zeros(3, 2), torch.zeros(3, 1)


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ((X, Y[:2]), ValueError, "x and y of the same length, but x has 3, y has 2"),
        ((X, Y, Y[:1]), ValueError, "c has 1"),
        ((X[:, 0], Y), ValueError, r"Pairs: x: expected shape \(N, dx\), got \(3,\)"),
        ((X, Y[:, 0]), ValueError, r"Pairs: y: expected shape \(N, dy\), got \(3,\)"),
        ((X * torch.nan, Y), ValueError, "Pairs: x: expected finite"),
        ((X, Y, Y * torch.nan), ValueError, "Pairs: c: expected finite"),
        ((X * 1j, Y), TypeError, "Pairs: x: .*got torch.complex64"),
        ((np.array([["a"]] * 3), Y), TypeError, "Pairs: x: expected .*got ndarray of <U1"),
        (([[1.0, 2.0], [3.0]], Y), TypeError, "Pairs: x: expected rows of numbers, got list"),
        ((X[:0], Y[:0]), ValueError, "Pairs: x: .*empty"),
        ((X, Y.to("meta")), ValueError, "Pairs: y: expected it on cpu, got meta"),
        (([["a"]] * 3, Y), TypeError, "Pairs: x: .*got list"),
        ((X, [["a"]] * 3), TypeError, "Pairs: y: .*got list"),
        ((X, Y, [["a"]] * 3), TypeError, "Pairs: c: .*got list"),
    ],
)
def test_bad_pairs_are_named(parts, error, message):
    with pytest.raises(error, match=message):
        Pairs(*parts)


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ((Y, None, X[:2]), ValueError, "y has 3, x has 2"),
        ((Y[:0],), ValueError, "Targets: y: .*empty"),
        (([["a"]] * 3,), TypeError, "Targets: y: .*got list"),
        ((Y, [["a"]] * 3), TypeError, "Targets: c: .*got list"),
        ((Y, None, X.to("meta")), ValueError, "Targets: x: expected it on cpu, got meta"),
    ],
)
def test_bad_targets_are_named(parts, error, message):
    with pytest.raises(error, match=message):
        Targets(*parts)


def test_observations_may_have_several_axes():
    assert Pairs(X, torch.zeros(3, 4, 5)).y.shape == (3, 4, 5)
    assert len(Targets(torch.zeros(2, 4, 5))) == 2


def test_a_split_is_a_partition_and_keeps_rows_together():
    pairs = LENS.sample(20)
    kept, held = pairs.split(0.25, generator=generator(0))
    assert (len(kept), len(held)) == (15, 5)
    together = torch.cat([kept.x, held.x])
    assert torch.equal(together.unique(dim=0), pairs.x.unique(dim=0))
    assert torch.equal(held.y, held.x.prod(-1, keepdim=True))


@pytest.mark.parametrize("share", [0.0, 0.01, 1.0])
def test_a_split_with_an_empty_part_is_refused(share):
    with pytest.raises(ValueError, match="leaves one part empty"):
        LENS.sample(20).split(share)


def test_a_split_says_that_rows_are_equal_only_where_they_are():
    equal = LENS.sample(20)[[0] * 20]
    with pytest.raises(ValueError, match="all of them are equal, .*; give rows that differ"):
        equal.split(0.2)
    assert len(equal.split(0.2, together=False)[1]) == 4
    with pytest.raises(ValueError, match="one part empty; give more pairs or another share"):
        equal.split(0.01)


def repeated(n=40, times=3, failed=False):
    pairs = LENS.sample(n)
    y = pairs.y.clone()
    if failed:
        y[::4] = torch.nan
    rows = torch.arange(n).repeat(times)
    return Pairs(pairs.x[rows], y[rows], pairs.x[rows] + 1)


@pytest.mark.parametrize("failed", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_equal_rows_stay_on_one_side_of_a_split(seed, failed):
    pairs = repeated(failed=failed)
    kept, held = pairs.split(0.3, generator=generator(seed))
    assert len(kept) + len(held) == len(pairs)
    assert len(held) == 36
    both = {tuple(x) for x in kept.x.tolist()} & {tuple(x) for x in held.x.tolist()}
    assert not both


def test_rows_with_equal_x_and_another_y_or_context_may_part():
    pairs = Pairs(torch.ones(4, 1), torch.arange(4.0)[:, None])
    assert len(pairs.equal_rows().unique()) == 4
    context = Pairs(torch.ones(4, 1), torch.ones(4, 1), torch.tensor([[1.0], [2.0], [2.0], [1.0]]))
    a, b, c, d = context.equal_rows().tolist()
    assert a == d != b == c


def test_a_row_that_makes_up_most_of_the_pairs_is_kept():
    x = torch.cat([torch.zeros(90, 1), torch.arange(1.0, 11.0)[:, None]])
    for seed in range(5):
        kept, held = Pairs(x, x).split(0.1, generator=generator(seed))
        assert (len(kept), len(held)) == (90, 10)
        assert bool((held.x > 0).all())


def test_pairs_that_are_all_equal_are_not_split():
    with pytest.raises(ValueError, match="equal rows stay together"):
        Pairs(torch.ones(9, 1), torch.ones(9, 1)).split(0.3)


def test_where_no_group_fits_the_smallest_is_held_out():
    x = torch.tensor([1.0] * 5 + [2.0] * 4 + [3.0] * 6)[:, None]
    kept, held = Pairs(x, x).split(0.1, generator=generator(0))
    assert held.x.flatten().tolist() == [2.0] * 4
    assert len(kept) == 11


def test_rows_of_whole_numbers_may_be_divided_one_by_one():
    x = torch.tensor([1.0] * 50 + [2.0] * 50)[:, None]
    kept, held = Pairs(x, x).split(0.3, generator=generator(0), together=False)
    assert len(held) == 30
    assert set(kept.x.flatten().tolist()) == set(held.x.flatten().tolist()) == {1.0, 2.0}


def test_pairs_and_targets_owe_nothing_to_gradients_and_share_memory():
    x = torch.rand(3, 2, requires_grad=True)
    pairs, targets = Pairs(x, x * 2, x + 1), Targets(x * 2, x, x)
    for data in (pairs, targets):
        assert not any(part.requires_grad for part in (data.x, data.y, data.c))
    assert x.requires_grad
    assert pairs.x.data_ptr() == x.data_ptr()


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", ">f8"])
def test_arrays_are_taken_as_copies(dtype):
    x = np.arange(6, dtype=dtype).reshape(3, 2)[::-1]
    x.flags.writeable = False
    pairs = Pairs(x, torch.zeros(3, 1), c=x)
    assert pairs.x.tolist() == pairs.c.tolist() == x.tolist()
    assert pairs.x.dtype.itemsize == x.dtype.itemsize
    assert Targets(x).y.tolist() == x.tolist()


class Frame:
    """What can be read as an array, as a data frame can."""

    def __array__(self, dtype=None, copy=None):
        return np.array([[0.0, 1.0], [1.0, 0.0]], dtype=dtype)


@pytest.mark.parametrize(
    "numbers",
    [
        np.array([[0, 1], [1, 0]]),
        np.array([[0, 1], [1, 0]], dtype=">u2"),
        np.array([[False, True], [True, False]]),
        np.array([[0, 1], [1, 0]], dtype=np.longdouble),
        [[0, 1], [1, 0]],
        ((0.0, 1.0), (1.0, 0.0)),
        torch.tensor([[0, 1], [1, 0]]),
        torch.tensor([[False, True], [True, False]]),
        Frame(),
    ],
    ids=["int", ">u2", "bool", "longdouble", "list", "tuple", "tensor", "mask", "frame"],
)
def test_whole_numbers_and_lists_become_float64(numbers):
    pairs, targets = Pairs(numbers, numbers, numbers), Targets(numbers)
    for found in (pairs.x, pairs.y, pairs.c, targets.y):
        assert found.dtype == torch.float64
        assert found.tolist() == [[0, 1], [1, 0]]


def test_pairs_move_as_tensors_do():
    pairs = Pairs(X, Y, X).to(torch.float64)
    assert {pairs.x.dtype, pairs.y.dtype, pairs.c.dtype} == {torch.float64}


def same(one, two):
    assert torch.equal(one.x, two.x)
    assert torch.equal(one.y.nan_to_num(7.5), two.y.nan_to_num(7.5))
    assert (one.c is None) == (two.c is None)
    assert one.c is None or torch.equal(one.c, two.c)


@pytest.mark.parametrize("c", [None, torch.rand(3, 4)])
@pytest.mark.parametrize("y", [torch.rand(3, 2), torch.rand(3, 4, 5, dtype=torch.float64)])
def test_what_is_saved_is_read(tmp_path, y, c):
    y = y.clone()
    y[1] = torch.nan
    pairs = Pairs(torch.rand(3, 2), y, c)
    path = str(tmp_path / "folder" / "pairs.npz")
    pairs.save(path)
    found = Pairs.from_file(path)
    same(found.to("cpu"), pairs)
    assert found.y.dtype == y.dtype


def test_pairs_are_saved_as_npz_alone(tmp_path):
    with pytest.raises(ValueError, match="expected a name that ends in .npz"):
        Pairs(X, Y).save(tmp_path / "pairs.csv")


TABLE = "width,angle,dose,bright,dark\n1,2,3,4,5\n6,7,8,,1e2\n"
RUNS = "run,a,b,y\nr0,1,2,3\nr1,2,3,4\n"


@pytest.mark.parametrize(
    "text",
    [
        TABLE,
        "\ufeff" + TABLE,
        TABLE.replace(",", ";"),
        TABLE.replace(",", "\t"),
        TABLE.replace(",,", ",nan,").replace(",", "   "),
        "# " + TABLE.replace(",", ", "),
        TABLE.replace("\n", "\r\n") + "\r\n\r\n",
        '"' + TABLE.replace("width", 'width"'),
        TABLE.replace(",,", ",NA,"),
    ],
)
def test_a_table_is_read_by_names_and_by_counts(tmp_path, text):
    path = tmp_path / "data.csv"
    path.write_text(text, encoding="utf-8", newline="")
    found = Pairs.from_file(path, x=["angle", "width"], y=["dark", "bright"], c="dose").to("cpu")
    assert found.x.tolist() == [[2, 1], [7, 6]]
    assert found.y[0].tolist() == [5, 4]
    assert found.y[1, 0] == 100
    assert found.y[1, 1].isnan()
    assert found.c.tolist() == [[3], [8]]
    assert found.x.dtype == torch.float64
    assert found.labels == ["angle", "width"]
    counted = Pairs.from_file(str(path), x=2, y=np.int64(2), c=1).to("cpu")
    assert counted.x.tolist() == [[1, 2], [6, 7]]
    assert counted.c.tolist() == [[5], [100]]
    assert counted.labels == ["width", "angle"]


def test_the_names_of_unknowns_stay_with_the_pairs_and_come_back_with_the_answers():
    x = torch.rand(60, 2, dtype=torch.float64)
    pairs = Pairs(x, x.sum(1, keepdim=True), labels=["width", "angle"])
    kept, held = pairs.split(0.5)
    for part in (kept, held, pairs[:3], pairs.to(torch.float32), pairs.distinct()):
        assert part.labels == ["width", "angle"]
    assert Task.from_pairs(pairs, name="lens").labels == ["width", "angle"]
    assert Task.from_pairs(pairs, name="lens", labels=["a", "b"]).labels == ["a", "b"]
    answers = invlab.invert(pairs, pairs.y[:2], method="nearest", n=1)
    assert "width" in str(answers)
    with pytest.raises(ValueError, match="expected 2 labels, one an unknown, got 1"):
        Pairs(x, x, labels=["width"])


def test_columns_that_are_numbered_are_named_by_their_numbers():
    x = torch.rand(60, 2, dtype=torch.float64)
    pairs = Pairs(x, x, labels=range(2))
    assert pairs.labels == ["0", "1"]
    assert "target  " in str(invlab.invert(pairs, pairs.y[:1], method="nearest", n=1))
    with pytest.raises(ValueError, match="'width' stands 2 times in .*; rename them"):
        Pairs(x, x, labels=["width", "width"])


@pytest.mark.parametrize(
    ("name", "text", "asked", "place"),
    [
        ("m.csv", "w,y\n1,2\n,3\n4,5\n", {"x": "w", "y": "y"}, "line 3, column 'w' of x"),
        ("m.txt", "# from 2024 on\n\n1 2\n3 4\nnan 5\n", {"x": 1, "y": 1}, "line 5, number 1 of x"),
        ("m.csv", "w,k,y\n1,2,3\n4,,5\n", {"x": "w", "y": "y", "c": "k"}, "line 3, number 1 of c"),
        ("m.csv", '"a\nb",y\n1,2\n,3\n', {"x": 1, "y": 1}, "row 2 of its numbers, column"),
    ],
    ids=["names", "counts", "context", "name of two lines"],
)
def test_an_unknown_that_is_missing_is_refused_with_its_place(tmp_path, name, text, asked, place):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ValueError, match=f"{place}.*fill it in, or delete the row"):
        Pairs.from_file(path, **asked)


def test_an_unknown_that_is_missing_in_arrays_is_refused_with_its_row(tmp_path):
    path = tmp_path / "m.npz"
    np.savez(path, x=[[1.0, 2.0], [3.0, np.nan]], y=[1.0, 2.0])
    with pytest.raises(ValueError, match="row 2, number 2 of x"):
        Pairs.from_file(path)


def test_names_of_a_table_that_come_twice_are_told_apart_where_columns_are_counted(tmp_path):
    path = tmp_path / "twice.csv"
    path.write_text("a,b,a,y\n1,2,3,4\n5,6,7,8\n")
    assert Pairs.from_file(path, x=3, y=1).labels == ["a 1", "b", "a 3"]


def test_a_table_without_names_is_read_by_counts(tmp_path):
    path = tmp_path / "data.txt"
    path.write_text("1 2 3\n4 5 6\n", encoding="utf-8")
    found = Pairs.from_file(path, x=1, y=2)
    assert found.y.tolist() == [[2, 3], [5, 6]]
    assert found.labels is None
    with pytest.raises(ValueError, match="no line of names; give counts"):
        Pairs.from_file(path, x="a", y="b")
    np.save(tmp_path / "data.npy", np.arange(6).reshape(2, 3))
    assert Pairs.from_file(tmp_path / "data.npy", x=2, y=1).x.tolist() == [[0, 1], [3, 4]]


@pytest.mark.parametrize(
    ("text", "asked", "x", "warned"),
    [
        ("0,1\n0.5,0.6\n1,2\n", {"x": 1, "y": 1}, [[0], [0.5], [1]], "line 1: 0, 1 is taken for"),
        ("0 1 2\n3 4 5\n", {"x": 2, "y": 1}, [[0, 1], [3, 4]], "line 1: 0, 1, 2 is taken for"),
        ("0,1\n0.5,0.6\n", {"x": "1", "y": "0"}, [[0.6]], None),
        (",0,1\n0,0.5,0.6\n1,1,2\n", {"x": ["1"], "y": "0"}, [[0.6], [2]], None),
        (",0,1\n0,0.5,0.6\n1,1,2\n", {"x": 2, "y": 1}, [[0, 0.5], [1, 1]], None),
        ("0,0\n0.5,0.6\n", {"x": 1, "y": 1}, [[0], [0.5]], None),
    ],
)
def test_a_first_line_of_numbers_is_data_unless_it_names_what_is_asked_for(
    tmp_path, text, asked, x, warned
):
    path = tmp_path / "data.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.warns(match=warned) if warned else contextlib.nullcontext():
        assert Pairs.from_file(path, **asked).x.tolist() == x


@pytest.mark.parametrize(
    ("text", "asked", "message"),
    [
        (TABLE, {}, r"say which columns are x and y.*'width', 'angle'"),
        (TABLE, {"x": 2, "y": 2}, r"2 \+ 2, but its 5 columns are"),
        (TABLE, {"x": 2, "y": "dark"}, "names for x, y and c, or counts for all"),
        (TABLE, {"x": "widht", "y": "dark"}, "no column 'widht'.*did you mean 'width'"),
        (TABLE.replace("dose", "dark"), {"x": "width", "y": "dark"}, "more than one column 'dark'"),
        (TABLE + "1,2,3\n", {"x": 3, "y": 2}, "line 4: expected 5 entries, got 3"),
        (TABLE + "1,2,3,x,4\n", {"x": 3, "y": 2}, "line 4, entry 4: expected a number, got 'x'"),
        (TABLE + ",2,3,4,4\n", {"x": 3, "y": 2}, "line 4, column 'width' of x: expected a finite"),
        (RUNS, {"x": ["a", "b"], "y": ["b", "y"]}, "'b' stands 2 times"),
        (RUNS, {"x": "run", "y": "y"}, "entry 1: .*got 'r0' in column 'run'$"),
        (RUNS, {"x": "aa", "y": "y"}, "has no column 'aa'.*did you mean 'a'"),
        (RUNS, {}, "say which columns are x and y"),
        (RUNS, {"x": 2, "y": 2}, "entry 1: expected a number, got 'r0' in column 'run'"),
        ("a,b\n", {"x": 1, "y": 1}, "lines of numbers, found none"),
        ("", {"x": 1, "y": 1}, "lines of numbers, found none"),
    ],
)
def test_a_table_that_cannot_be_read_says_where(tmp_path, text, asked, message):
    path = tmp_path / "data.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        Pairs.from_file(path, **asked)


def test_arrays_are_read_by_their_names(tmp_path):
    path = tmp_path / "data.npz"
    each = {"a": np.arange(3), "b": np.ones((3, 2), "f4"), "map": np.zeros((3, 4, 5))}
    np.savez(path, d=np.arange(3), **each)
    pairs = Pairs.from_file(path, x=["a", "b"], y="map", c="d")
    assert pairs.x.tolist() == [[0, 1, 1], [1, 1, 1], [2, 1, 1]]
    assert pairs.y.shape == (3, 4, 5)
    assert pairs.c.shape == (3, 1)
    with pytest.raises(ValueError, match="no array 'mop'.*did you mean 'map'"):
        Pairs.from_file(path, x="a", y="mop")
    with pytest.raises(ValueError, match="no array 'x'"):
        Pairs.from_file(path)
    with pytest.raises(ValueError, match="expected names of arrays"):
        Pairs.from_file(path, x=1, y=2)


def test_a_name_that_is_asked_for_twice_is_a_slip(tmp_path):
    np.savez(tmp_path / "data.npz", a=np.ones((3, 1)), y=np.ones((3, 1)))
    (tmp_path / "data.csv").write_text("a,b,y\n1,2,3\n4,5,6\n")
    for name in ("data.npz", "data.csv"):
        with pytest.raises(ValueError, match="expected each name once, but 'a' stands 2 times"):
            Pairs.from_file(tmp_path / name, x=["a", "a"], y="y")


def test_columns_of_one_name_are_told_apart_by_counts(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a,a,y\n1,2,3\n4,5,6\n")
    with pytest.raises(ValueError, match=r"more than one column 'a', at places \[1, 2\]; rename"):
        Pairs.from_file(path, x=["a"], y=["y"])
    assert Pairs.from_file(path, x=2, y=1).x.tolist() == [[1, 2], [4, 5]]


def test_no_pickle_is_read(tmp_path):
    objects = np.array([{"a": 1}, None], dtype=object)
    np.savez(tmp_path / "data.npz", x=objects, y=objects)
    np.save(tmp_path / "data.npy", objects)
    for name, asked in (("data.npz", {}), ("data.npy", {"x": 1, "y": 1})):
        with pytest.raises(ValueError, match="holds no numbers|no file of NumPy"):
            Pairs.from_file(tmp_path / name, **asked)


@pytest.mark.parametrize("name", ["data.xlsx", "data", "data.npz", "data.npy"])
def test_a_file_of_another_kind_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"nothing of use")
    with pytest.raises(ValueError, match=name):
        Pairs.from_file(tmp_path / name, x=1, y=1)
    with pytest.raises(FileNotFoundError, match="no such file"):
        Pairs.from_file(tmp_path / f"no_{name}", x=1, y=1)


def test_hdf5_is_read_where_h5py_is_there_and_named_where_it_is_not(tmp_path, monkeypatch):
    path = tmp_path / "data.h5"
    path.write_bytes(b"\x89HDF")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match="pip install h5py"):
        Pairs.from_file(path)
    monkeypatch.undo()
    h5py = pytest.importorskip("h5py", reason="h5py is not installed: pip install h5py")
    with h5py.File(path, "w") as file:
        file["run/x"], file["y"] = np.ones((3, 2)), np.zeros((3, 4, 5))
    assert Pairs.from_file(path, x="run/x").y.shape == (3, 4, 5)


def test_what_an_array_masks_is_not_known():
    x = np.random.default_rng(0).random((5, 1))
    y = np.ma.masked_array(x**2, mask=False)
    y[3] = np.ma.masked
    y.data[3] = 1e20
    assert Pairs(x, y).y.isnan()[:, 0].tolist() == [False, False, False, True, False]
    with pytest.raises(ValueError, match="Targets: y: expected finite numbers, got 1 NaN"):
        Targets(y, x=x)


def test_of_equal_pairs_the_first_is_kept():
    x = torch.tensor([3.0, 1.0, 3.0, 2.0, 1.0, 3.0])[:, None]
    y = torch.tensor([0.0, 1.0, 0.0, 2.0, 1.0, 9.0])[:, None]
    found = Pairs(x, y).distinct()
    assert found.x.flatten().tolist() == [3.0, 1.0, 2.0, 3.0]
    assert found.y.flatten().tolist() == [0.0, 1.0, 2.0, 9.0]


def test_printed_they_are_sizes_and_failed_rows():
    y = torch.tensor([[1.0, 2.0], [torch.nan, 1.0]])
    assert (
        repr(Pairs(torch.ones(2, 3), y)) == "Pairs(x: (2, 3), y: (2, 2), 1 rows with an invalid y)"
    )
    assert repr(Pairs(y[:1], y[:1], y[:1])) == "Pairs(x: (1, 2), y: (1, 2), c: (1, 2))"


def test_contexts_are_joined_with_contexts():
    with_c = Pairs(torch.rand(3, 1), torch.rand(3, 1), torch.rand(3, 1))
    without = Pairs(torch.rand(3, 1), torch.rand(3, 1))
    for one, other in ((with_c, without), (without, with_c)):
        with pytest.raises(ValueError, match="joined: expected contexts"):
            one.joined(other)


def test_columns_may_be_named_by_numbers(tmp_path):
    path = tmp_path / "spectra.csv"
    path.write_text("d1,d2,400,500,600,700\n1,2,3,4,5,6\n7,8,9,10,11,12\n")
    found = Pairs.from_file(path, x=["d1", "d2"], y=["400", "500", "600", "700"])
    assert found.y.tolist() == [[3, 4, 5, 6], [9, 10, 11, 12]]


@pytest.mark.parametrize(
    ("text", "asked", "x"),
    [
        # names that are numbers, where they are asked for
        ("300,400\n1,2\n3,4\n", ("300", "400"), [1, 3]),
        # Python would read 1_1 as 11
        ("1_1,1_2\n1,2\n3,4\n", (1, 1), [1, 3]),
        ("1_1,1_2\n1,2\n3,4\n", (["1_1"], ["1_2"]), [1, 3]),
        # remarks above the names, and names in a remark
        ("# made by X\nwidth,depth\n1,2\n3,4\n", ("width", "depth"), [1, 3]),
        ("# made by X\n1,2\n3,4\n", (1, 1), [1, 3]),
        ("# a run\n# width depth\n1 2\n3 4\n", ("width", "depth"), [1, 3]),
        ("# width depth\n# mm mm\n# ---- ----\n#\n1 2\n3 4\n", ("width", "depth"), [1, 3]),
        ("\n\na;b\n1;2\n# a remark\n;\n  \n3;4\n;\n;\n", ("a", "b"), [1, 3]),
        ('"width\n(mm)",y\r\n1,2\r\n3,4\r\n', ("width\n(mm)", "y"), [1, 3]),
        # names in an array, as of pandas
        ("a,b\n1,2\n3,4\n", (np.array(["a"]), np.array(["b"])), [1, 3]),
    ],
)
def test_names_are_found_among_remarks_and_numbers(tmp_path, text, asked, x):
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode())
    found = Pairs.from_file(path, x=asked[0], y=asked[1])
    assert found.x[:, 0].tolist() == x
    assert found.y[:, 0].tolist() == [2, 4]


def test_a_line_of_numbers_that_names_what_is_wanted_is_no_target(tmp_path):
    path = tmp_path / "targets.csv"
    path.write_text("400,500\n1,2\n3,4\n")
    assert read_table(path, ["400", "500"]).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "text",
    ["p,q\n1,2\n,\n3,4\n", "p,q\n1,2\n  \n,\n3,4\n", "y\n1\n\n3\n", 'y\r\n1\r\n""\r\n3\r\n\r\n'],
)
def test_a_line_that_was_not_filled_in_keeps_its_place(tmp_path, text):
    path = tmp_path / "targets.csv"
    path.write_bytes(text.encode())
    assert np.isnan(read_table(path)).all(1).tolist() == [False, True, False]


def test_a_file_that_is_not_what_it_says_is_named(tmp_path):
    table, arrays, text = tmp_path / "a.npy", tmp_path / "b.npz", tmp_path / "p.csv"
    with table.open("wb") as file:
        np.savez(file, x=np.ones((3, 1)), y=np.ones((3, 1)))
    with arrays.open("wb") as file:
        np.save(file, np.ones((3, 2)))
    text.write_bytes("width µm,y\n1,2\n".encode("cp1252"))
    with pytest.raises(ValueError, match=r"a\.npy: holds what NumPy writes to \.npz files"):
        Pairs.from_file(table, x=1, y=1)
    with pytest.raises(ValueError, match=r"b\.npz: holds what NumPy writes to \.npy files"):
        Pairs.from_file(arrays)
    with pytest.raises(ValueError, match=r"p\.csv: expected text in UTF-8.*save it again"):
        Pairs.from_file(text, x=1, y=1)


def test_names_are_saved_with_the_pairs(tmp_path):
    Pairs(X, Y, labels=["width", "angle"]).save(tmp_path / "p.npz")
    assert Pairs.from_file(tmp_path / "p.npz").labels == ["width", "angle"]


@pytest.mark.parametrize("labels", [np.arange(3), np.array(["a"]), np.array(["a", "b"], object)])
def test_labels_that_name_something_else_are_left_alone(tmp_path, labels):
    np.savez(tmp_path / "p.npz", x=X, y=Y, labels=labels)
    assert Pairs.from_file(tmp_path / "p.npz").labels is None


def test_a_decimal_comma_is_named(tmp_path):
    path = tmp_path / "german.csv"
    path.write_text("a;b\n1,5;2\n")
    with pytest.raises(ValueError, match="line 2, entry 1: .*'1,5' in column 'a'; write it with"):
        Pairs.from_file(path, x="a", y="b")


NAMED = Task("named", lambda x: x * 1.0, Box([0.0, 0.0], [1.0, 1.0]), labels=["width", "angle"])
TURNED = Pairs([[2.0, 1.0], [4.0, 3.0]], [[1.0, 2.0], [3.0, 4.0]], labels=["angle", "width"])


def test_unknowns_are_found_by_their_names():
    assert NAMED.usable(TURNED).x.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert NAMED.usable(TURNED).labels == ["width", "angle"]
    # other names, or none, are taken by place
    assert NAMED.usable(Pairs(TURNED.x, TURNED.y)).x.tolist() == TURNED.x.tolist()
    other = Pairs(TURNED.x, TURNED.y, labels=["angle", "depth"])
    assert other.in_order_of(NAMED.labels) is other
    task = Task.from_pairs(TURNED, name="t", labels=["width", "angle"])
    assert task.prior.x.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_a_method_and_a_call_find_unknowns_by_their_names():
    pairs = NAMED.sample(60, dtype=torch.float64)
    turned = Pairs(pairs.x[:, [1, 0]], pairs.y, labels=["angle", "width"])
    y = torch.tensor([[0.2, 0.7]], dtype=torch.float64)
    model = invlab.get_method("nearest").fit(NAMED, turned)
    assert (model.propose(y)[0, 0] - y[0]).abs().max() < 0.2
    answer = invlab.invert(NAMED, y, method="nearest", data=turned, n=1, simulate=False)
    assert (answer.x[0, 0] - y[0]).abs().max() < 0.2


def test_rows_are_joined_by_the_names_of_their_unknowns():
    straight = Pairs([[1.0, 2.0]], [[0.0, 0.0]], labels=["width", "angle"])
    assert straight.joined(TURNED).x.tolist() == [[1.0, 2.0], [1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        (3, TypeError, "joined: expected Pairs, got int"),
        (Pairs(X[:, :1], Y), ValueError, r"joined: expected x of shape \(N, 2\)"),
        (Pairs(X, X), ValueError, r"joined: expected y of shape \(N, 1\) in both pairs"),
    ],
)
def test_what_cannot_be_joined_is_named(more, error, message):
    with pytest.raises(error, match=message):
        Pairs(X, Y).joined(more)


def test_a_seed_is_no_generator_and_nan_no_share():
    pairs = Pairs(torch.rand(9, 2), torch.rand(9, 1))
    for call in (
        lambda: pairs.split(0.5, generator=0),
        lambda: LENS.sample(3, generator=0),
        lambda: Box([0.0], [1.0]).sample(3, generator=0),
        lambda: invlab.Normal([0.0], [1.0]).sample(3, generator=0),
    ):
        with pytest.raises(TypeError, match=r"generator: expected a torch\.Generator, .* got 0"):
            call()
    with pytest.raises(ValueError, match="share: expected a number from 0 to 1, got nan"):
        pairs.split(float("nan"))


@pytest.mark.parametrize("dtype", ["float32", np.float32, torch.int64])
def test_a_dtype_is_torchs_and_real(dtype):
    with pytest.raises(TypeError, match="lens: dtype: expected torch.float32 or torch.float64"):
        LENS.sample(3, dtype=dtype)


def test_columns_that_nobody_asks_for_may_hold_words(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(RUNS, encoding="utf-8")
    pairs = Pairs.from_file(path, x="a", y=["b", "y"])
    assert (pairs.x.tolist(), pairs.y.tolist()) == ([[1.0], [2.0]], [[2.0, 3.0], [3.0, 4.0]])
    assert read_table(path, ["y"]).tolist() == [[3.0], [4.0]]


@pytest.mark.parametrize("count", [2.0, True])
def test_a_number_of_columns_is_whole(count, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(RUNS, encoding="utf-8")
    with pytest.raises(TypeError, match="columns: expected names, or how many"):
        Pairs.from_file(path, x=count, y=1)


def test_a_kind_in_words_is_to_be_written_as_a_number(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("kind,y\nglass,1\nsteel,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match="'glass' in column 'kind'; write kinds as whole numbers"):
        Pairs.from_file(path, x="kind", y="y")


def test_one_array_is_not_x_and_y(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.ones((3, 1)), y=np.ones((3, 1)))
    with pytest.raises(ValueError, match="'x' stands 2 times"):
        Pairs.from_file(tmp_path / "a.npz", y="x")
