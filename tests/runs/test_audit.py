"""A folder of records, spoilt in each way that happens: every record is named."""

import json
import shutil
from dataclasses import replace

import pytest

from invlab.runs import records
from invlab.runs.audit import audit
from invlab.runs.provenance import digest
from invlab.runs.records import Run

RUNS = [Run(f"paper/{name}", {"epochs": 3, "search": {"steps": 2}}, None, (1,)) for name in "abc"]


def compute(seeds):
    return {"scores": {"error": [0.5] * len(seeds)}}


@pytest.fixture
def folder(tmp_path):
    records.run([replace(run, compute=compute) for run in RUNS], seeds=[0], folder=tmp_path)
    return tmp_path


def states(folder, runs=RUNS):
    return {found.id: found.state for found in audit(runs, seeds=[0], folder=folder)}


def finding(folder, name, runs=RUNS):
    (found,) = (found for found in audit(runs, seeds=[0], folder=folder) if found.id == name)
    return found


def test_records_as_they_were_made_are_good(folder):
    assert states(folder) == dict.fromkeys(("paper/a", "paper/b", "paper/c"), "good")


def test_nan_among_the_settings_is_no_change(tmp_path):
    old = Run("paper/a", {"clip": float("nan"), "epochs": 3}, compute)
    records.run([old], seeds=[0], folder=tmp_path)
    assert states(tmp_path, [old]) == {"paper/a": "good"}
    new = replace(old, settings={**old.settings, "epochs": 4})
    assert finding(tmp_path, "paper/a", [new]).why == "settings: epochs 3 → 4"


def test_a_record_that_is_cut_edited_deleted_renamed_or_copied_is_named(folder):
    place = folder / "paper"
    (place / "a.json").write_text((place / "a.json").read_text()[:100])
    edited = json.loads((place / "b.json").read_text())
    edited["scores"]["error"] = [0.1]
    (place / "b.json").write_text(json.dumps(edited))
    (place / "c.json").rename(place / "d.json")
    shutil.copy(place / "d.json", place / "e.json")
    assert states(folder) == {
        "paper/a": "damaged",
        "paper/b": "damaged",
        "paper/c": "missing",
        "paper/d": "foreign",
        "paper/e": "foreign",
    }


def test_a_record_in_the_place_of_another_is_foreign(folder):
    shutil.copy(folder / "paper/a.json", folder / "paper/b.json")
    assert finding(folder, "paper/b").why == "holds the record of 'paper/a'"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"settings": {"epochs": 4, "search": {"steps": 2}}}, "settings: epochs 3 → 4"),
        ({"settings": {"epochs": 3, "search": {}}}, "search.steps 2 → nothing"),
        ({"seeds": (2, 3)}, "seeds [1] → [2, 3]"),
        ({"revision": 2}, "revision 1 → 2"),
    ],
)
def test_a_record_of_other_settings_seeds_or_code_is_stale(folder, change, why):
    found = finding(folder, "paper/a", [replace(RUNS[0], **change), *RUNS[1:]])
    assert found.state == "stale"
    assert why in found.why


def test_a_record_of_some_of_the_seeds_is_partial(folder):
    more = replace(RUNS[0], seeds=(1, 2))
    found = finding(folder, "paper/a", [more, *RUNS[1:]])
    assert (found.state, found.why) == ("partial", "seeds [1] → [1, 2]")
    other = replace(more, revision=2)
    assert finding(folder, "paper/a", [other, *RUNS[1:]]).state == "stale"


def test_a_record_of_the_other_preset_is_stale(folder, monkeypatch):
    monkeypatch.setenv("INVLAB_PRESET", "full")
    assert finding(folder, "paper/a").why == "preset 'quick' → 'full'"


def test_a_record_without_a_digest_is_stale(folder):
    path = folder / "paper/a.json"
    old = json.loads(path.read_text())
    del old["digest"]
    path.write_text(json.dumps(old))
    assert states(folder)["paper/a"] == "stale"


def test_a_record_of_no_run_is_foreign(folder):
    assert states(folder, RUNS[:2])["paper/c"] == "foreign"


@pytest.mark.parametrize(
    ("key", "value"),
    [("settings", None), ("seeds", 7), ("seeds", [{"a": 1}]), ("preset", None), ("revision", None)],
)
def test_a_record_that_lacks_what_it_was_made_of_is_named(folder, key, value):
    path = folder / "paper" / "a.json"
    made = json.loads(path.read_text())
    made.pop("digest")
    made.pop(key)
    if value is not None:
        made[key] = value
    path.write_text(json.dumps(made | {"digest": digest(made)}))
    assert finding(folder, "paper/a").state in ("stale", "damaged")


def test_what_is_no_record_at_all_is_named(folder):
    (folder / "paper" / "a.json").write_text("[" * 100_000)
    (folder / "paper" / "None.json").write_text("{}")
    (folder / "paper" / "[].json").write_text('{"id": []}')
    found = states(folder)
    assert found["paper/a"] == "damaged"
    assert found["paper/None"] == found["paper/[]"] == "foreign"
    assert set(records.load(folder)) == {"paper/b", "paper/c"}


def test_a_record_behind_a_link_is_named(folder):
    (folder / "paper").rename(folder.parent / "elsewhere")
    (folder / "paper").symlink_to(folder.parent / "elsewhere", target_is_directory=True)
    assert set(states(folder).values()) == {"foreign"}
    assert "behind a link" in finding(folder, "paper/a").why
