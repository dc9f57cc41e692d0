"""How the house is laid out: imports point down, files and functions stay small and documented."""

import ast
import functools
import re
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = {
    path.relative_to(ROOT).with_suffix("").as_posix(): path
    for package in ("invlab", "invbook")
    for path in sorted((ROOT / package).rglob("*.py"))
}
# A room (a module, or a folder and all in it) imports only from lower floors; the modules of one
# room may import each other. The book stands on the library, which knows nothing of it.
FLOORS = [
    {"invlab.validation"},
    {"invlab.runtime", "invlab.files", "invlab.pair_files", "invlab.plots"},
    {"invlab.priors", "invlab.sampling", "invlab.networks", "invlab.pairs"},
    {"invlab.losses", "invlab.simulators"},
    {"invlab.task", "invlab.minimizers"},
    {"invlab.surrogates"},
    {"invlab.contract", "invlab.metrics", "invlab.tasks"},
    {"invlab.improve"},
    {"invlab.methods"},
    {"invlab.trust", "invlab.runs"},
    {"invlab.comparison"},
    {"invlab.inversion"},
    {"invlab", "invlab.__main__"},
    {"invbook.numbers"},
    {"invbook.checks", "invbook.drug"},
    {"invbook.costs", "invbook.frozen", "invbook.resolved", "invbook.results", "invbook.verify"},
    {"invbook.ledger"},
    {"invbook.papers"},
    {"invbook.figures", "invbook.widgets"},
    {"invbook.diagram"},
    {"invbook"},
    {"invbook.__main__"},
]
FLOOR = {name: i for i, floor in enumerate(FLOORS) for name in floor}
DRAWING = {"matplotlib", "mpl_toolkits", "ipywidgets", "IPython"}


def each_file(check):
    """One test that tries all files, and names those that fail."""

    def test():
        failed = {}
        for name in FILES:
            try:
                check(name)
            except AssertionError as error:
                failed[name] = str(error)
        assert not failed, "\n".join(f"{name}: {error}" for name, error in failed.items())

    test.__doc__ = check.__doc__
    return test


@functools.cache
def tree(name):
    return ast.parse(FILES[name].read_text(encoding="utf-8"))


@functools.cache
def imports(name):
    """Full names of what a file imports: modules, and names imported from them."""
    return list(_imports(name))


def _imports(name):
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@functools.cache
def functions(name):
    return [
        n for n in ast.walk(tree(name)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def without_docstring(function):
    body = function.body
    has = ast.get_docstring(function) is not None
    docstring = body[0].end_lineno - body[0].lineno + 1 if has else 0
    return function.end_lineno - function.lineno + 1 - docstring


def room(name):
    """The module or folder of a package that a dotted name or a file belongs to."""
    parts = name.replace("/", ".").removesuffix(".__init__").split(".")
    return ".".join(parts[:2])


def test_every_module_stands_on_a_floor():
    missing = {room(name) for name in FILES} - FLOOR.keys()
    assert not missing, f"tests/test_floors.py: name the floor of {sorted(missing)} in FLOORS"


def own_rooms(name):
    """The rooms of ours that a file imports from."""
    for imported in imports(name):
        package = imported.split(".")[0]
        if package in ("invlab", "invbook"):
            yield room(imported) if room(imported) in FLOOR else package


@each_file
def test_imports_point_down(name):
    own = room(name)
    for other in own_rooms(name):
        # what runs on the library's public names, and on its version, stands on no floor below
        if other == own or other == "invlab" and own in ("invlab.runs", "invlab.__main__"):
            continue
        assert FLOOR[other] < FLOOR[own], f"{name} imports {other}, which stands above it"


def test_no_room_imports_in_a_circle():
    arrows = {}
    for name in FILES:
        arrows.setdefault(room(name), set()).update(set(own_rooms(name)) - {room(name), "invlab"})
    order = TopologicalSorter(arrows).static_order()  # raises where there is a circle
    assert set(order) >= {"invlab.task", "invbook.ledger"}


@each_file
def test_only_the_book_draws(name):
    drawing = {imported.split(".")[0] for imported in imports(name)} & DRAWING
    # the library does it on call
    drawing -= {"matplotlib"} if name == "invlab/plots" else set()
    drawing -= {"IPython"} if name == "invbook/checks" else set()
    drawn = ("invbook/figures", "invbook/widgets", "invbook/diagram")
    assert not drawing or name.startswith(drawn)


@each_file
def test_a_file_says_what_it_is(name):
    assert ast.get_docstring(tree(name))


@each_file
def test_no_function_hides_a_module_of_its_name(name):
    """``from folder.name import name`` in a folder's __init__ would hide the module."""
    if name.endswith("__init__"):
        folder = FILES[name].parent
        modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
        modules |= {path.name for path in folder.iterdir() if path.is_dir()}
        hidden = {i for i in imports(name) if "." in i and len({*i.split(".")[-2:]}) == 1}
        hidden |= modules & {function.name for function in functions(name)}
        assert not hidden, (
            f"{name}: {', '.join(sorted(hidden))}: a function hides the module of its own name; "
            "call the file after the idea, not after the function"
        )


@each_file
def test_a_function_has_at_most_60_lines_beside_its_docstring(name):
    long = {f.name: n for f in functions(name) if (n := without_docstring(f)) > 60}
    assert not long


@each_file
def test_every_function_is_annotated(name):
    bare = []
    for function in functions(name):
        arguments = function.args
        given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        given += [a for a in (arguments.vararg, arguments.kwarg) if a]
        missing = [a.arg for a in given if a.annotation is None and a.arg not in ("self", "cls")]
        if missing or function.returns is None:
            bare.append((function.name, missing))
    assert not bare


@each_file
def test_every_public_name_has_a_docstring(name):
    def undocumented(body, prefix=""):
        for node in body:
            if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
                continue
            if ast.get_docstring(node) is None:
                yield prefix + node.name
            if isinstance(node, ast.ClassDef):
                yield from undocumented(node.body, f"{prefix}{node.name}.")

    assert list(undocumented(tree(name).body)) == []


@each_file
def test_no_property_is_taken_for_its_type(name):
    """Napoleon reads what stands before a colon in the first line as the type."""
    read = {
        f.name: re.sub(r":\w+:`[^`]*`|``[^`]*``", "", (ast.get_docstring(f) or "").split("\n")[0])
        for f in functions(name)
        if any("property" in ast.unparse(decorator) for decorator in f.decorator_list)
    }
    assert not [each for each, line in read.items() if ":" in line]


@each_file
def test_every_name_in_all_exists(name):
    body = tree(name).body
    defined = {n.name for n in body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    defined |= {imported.split(".")[-1] for imported in imports(name)}
    for node in body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
        defined |= {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
    for node in body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            # a registry adds the names of its members
            written = [n.value for n in ast.walk(node.value) if isinstance(n, ast.Constant)]
            assert set(written) <= defined
