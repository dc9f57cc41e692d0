"""Flip-books for the static page, and explorers for a live kernel."""

import base64
import json
import re
from html.parser import HTMLParser

import ipywidgets
import matplotlib.pyplot as plt
import pytest

from invbook.widgets import explorer, flipbook


def draw(value=0.0, power=1):
    figure, ax = plt.subplots(figsize=(1, 1))
    ax.plot([0, 1], [0, float(value) ** power])
    return figure


class Tags(HTMLParser):
    """Opening tags with their attributes, in order."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def first(self, name):
        return next(attrs for tag, attrs in self.found if tag == name)


def page(values=(1, 2, 3), **options):
    return flipbook(draw, values, **({"label": "epoch", "alt": "a line"} | options)).data


def frames_of(html):
    return json.loads(re.search(r"frames = (\[.*?\])", html)[1])


def test_a_flipbook_has_a_frame_a_value_and_starts_where_it_says():
    html = page(start=1)
    tags, frames = Tags(html), frames_of(html)
    assert len(frames) == len(set(frames)) == 3
    assert tags.first("img")["src"] == frames[1]
    assert tags.first("img")["alt"] == "a line"
    assert (tags.first("input")["max"], tags.first("input")["value"]) == ("2", "1")
    for frame in frames:
        picture = base64.b64decode(frame.removeprefix("data:image/png;base64,"))
        assert picture.startswith(b"\x89PNG")


def test_the_script_speaks_of_the_figure_with_its_id():
    html = page()
    key = Tags(html).first("figure")["id"]
    assert re.fullmatch(r"[A-Za-z][\w-]*", key)
    assert f'getElementById("{key}")' in html
    assert Tags(page(label="another")).first("figure")["id"] != key
    assert page() == html


def test_a_flipbook_asks_nothing_of_the_network():
    assert not re.search(r"https?://|src=\"/", page())


HOSTILE = '</script><b title="x">&'


def test_words_are_escaped():
    html = flipbook(lambda _: draw(), [HOSTILE, "2"], label=HOSTILE, alt=HOSTILE).data
    tags = Tags(html)
    assert "b" not in [tag for tag, _ in tags.found]
    assert tags.first("img")["alt"] == HOSTILE
    assert html.count("</script>") == 1


@pytest.mark.parametrize(("values", "start"), [([], 0), ([1, 2], 2), ([1], -1)])
def test_a_start_that_is_no_frame_is_refused(values, start):
    with pytest.raises(
        ValueError, match=f"expected 0 <= start < {len(values)} values, got {start}"
    ):
        page(values=values, start=start)


def test_no_figure_stays_open():
    plt.close("all")
    page()
    explorer(draw, alt="a line", value=ipywidgets.FloatSlider(value=1.0))
    assert plt.get_fignums() == []


def test_an_explorer_draws_at_once_and_again_when_a_slider_moves():
    calls = []

    def spy(**values):
        calls.append(values)
        return draw(**values)

    box = explorer(
        spy,
        alt=HOSTILE,
        value=ipywidgets.FloatSlider(value=1.0, max=5.0),
        power=ipywidgets.IntSlider(value=1, max=3),
    )
    value, power, picture = box.children
    first = picture.value
    value.value = 4.0
    second = picture.value
    power.value = 3
    assert calls == [
        {"value": 1.0, "power": 1},
        {"value": 4.0, "power": 1},
        {"value": 4.0, "power": 3},
    ]
    assert len({first, second, picture.value}) == 3
    assert Tags(picture.value).first("img")["alt"] == HOSTILE


def test_on_the_page_an_explorer_is_a_flip_book_of_its_first_slider(monkeypatch):
    monkeypatch.setenv("INVLAB_STATIC", "1")
    calls = []

    def spy(**values):
        calls.append(values)
        return draw(**values)

    shown = explorer(
        spy,
        alt="a line",
        value=ipywidgets.FloatSlider(value=1.0, min=0.0, max=5.0, step=0.1, description="size"),
        power=ipywidgets.IntSlider(value=2, max=3),
    )
    assert 2 <= len(calls) <= 12
    assert {call["power"] for call in calls} == {2}
    values = [call["value"] for call in calls]
    assert values == sorted(values)
    assert values[0] == 0.0
    assert values[-1] <= 5.0
    start = int(Tags(shown.data).first("input")["value"])
    assert abs(values[start] - 1.0) == min(abs(value - 1.0) for value in values)
    assert "size" in shown.data
