"""How the house is laid out: imports point down, files and functions stay small and documented."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "invlab"
FILES = {
    path.relative_to(PACKAGE).with_suffix("").as_posix(): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
# A module imports only from lower floors; the modules of one folder may import each other.
FLOORS = [
    {"runtime", "storage", "validation"},
    {"priors", "noise", "grid_sampling", "networks", "training"},
    {"losses", "coupling", "encoders", "maxwell", "mac_grid", "etdrk4"},
    {"task", "minimize"},
    {"neural_simulator"},
    {"contract", "matching", "metrics", "surrogate", "tasks"},
    {"refine"},
    {"methods"},
    {"diagnosis", "parallel"},
    {"benchmark", "shards"},
    {"report"},
    {"papers", "plots", "widgets"},
    {"__init__", "__main__"},
]
FLOOR = {name: i for i, floor in enumerate(FLOORS) for name in floor}
DRAWING = {"matplotlib", "mpl_toolkits", "ipywidgets", "IPython"}

each_file = pytest.mark.parametrize("name", FILES)


def tree(name):
    return ast.parse(FILES[name].read_text(encoding="utf-8"))


def imports(name):
    """Full names of what a file imports: modules, and names imported from them."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def functions(name):
    return [
        n for n in ast.walk(tree(name)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def without_docstring(function):
    body = function.body
    has = ast.get_docstring(function) is not None
    docstring = body[0].end_lineno - body[0].lineno + 1 if has else 0
    return function.end_lineno - function.lineno + 1 - docstring


def part(name):
    """The top-level module or folder that a file belongs to."""
    return name.split("/")[0]


def test_every_module_stands_on_a_floor():
    assert {part(name) for name in FILES} <= FLOOR.keys()


@each_file
def test_imports_point_down(name):
    own = part(name)
    for imported in imports(name):
        names = imported.split(".")
        # benchmark and __main__ ask the package for its version and its check
        if names[0] != "invlab" or len(names) == 1 and own in ("benchmark", "__main__"):
            continue
        assert len(names) > 1, f"{name} imports all of invlab"
        if names[1] in FLOOR and names[1] != own:
            assert FLOOR[names[1]] < FLOOR[own], f"{name} imports {imported}"


@each_file
def test_only_plots_and_widgets_draw(name):
    drawing = {imported.split(".")[0] for imported in imports(name)} & DRAWING
    assert not drawing or name in ("plots", "widgets")


@each_file
def test_a_file_has_at_most_350_lines_and_says_what_it_is(name):
    assert len(FILES[name].read_text(encoding="utf-8").splitlines()) <= 350
    assert ast.get_docstring(tree(name))


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
            assert set(ast.literal_eval(node.value)) <= defined
