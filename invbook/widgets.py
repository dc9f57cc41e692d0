"""Figures that the reader moves: flip-books for the static page, explorers for a live kernel."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets
import matplotlib.pyplot as plt
from IPython.display import HTML
from matplotlib.figure import Figure
from PIL import Image

__all__ = ["explorer", "flipbook"]

# Most frames of a flip-book that stands for an explorer, and colours of a frame.
FRAMES = 12
COLORS = 128

_PAGE = """<figure class="flipbook" id="{key}" style="margin:1em 0;max-width:100%">
<img src="{first}" alt="{alt}" style="max-width:100%;background:white">
<figcaption>
<button type="button" aria-label="play or pause">&#9654;&#10073;&#10073;</button>
<label>{label}
<input type="range" min="0" max="{last}" value="{start}" style="width:50%;vertical-align:middle">
<output>{value}</output></label>
</figcaption>
<script>
(() => {{
  const page = document.getElementById("{key}"), frames = {frames}, values = {values};
  const image = page.querySelector("img"), slider = page.querySelector("input");
  const shown = page.querySelector("output");
  let timer = null;
  const show = () => {{
    image.src = frames[slider.value];
    shown.textContent = values[slider.value];
  }};
  slider.addEventListener("input", show);
  page.querySelector("button").addEventListener("click", () => {{
    if (timer) {{ clearInterval(timer); timer = null; return; }}
    timer = setInterval(() => {{
      slider.value = (+slider.value + 1) % frames.length;
      show();
    }}, 400);
  }});
}})();
</script>
</figure>"""


def flipbook(
    draw: Callable[[Any], Figure],
    values: Sequence[Any],
    *,
    label: str,
    alt: str,
    start: int = 0,
    dpi: int = 80,
) -> HTML:
    """A figure with a slider that works in the static page, without a kernel.

    Args:
        draw: makes the figure for one value.
        values: one frame each; 10 to 20 keep the page small.
        label: what the slider says.
        alt: the figure in words.
        start: index of the first frame shown.
        dpi: resolution of the frames.

    Raises:
        ValueError: no values, or a start that is none of them.
    """
    if not 0 <= start < len(values):
        raise ValueError(f"flipbook: expected 0 <= start < {len(values)} values, got {start}")
    frames = [_png(draw(value), dpi) for value in values]
    page = _PAGE.format(
        key="flipbook-" + hashlib.sha1(f"{label}{alt}".encode()).hexdigest()[:10],
        first=frames[start],
        alt=html.escape(alt, quote=True),
        label=html.escape(label),
        last=len(values) - 1,
        start=start,
        value=html.escape(str(values[start])),
        frames=json.dumps(frames),
        values=json.dumps([str(value) for value in values]).replace("</", r"<\/"),
    )
    return HTML(page)


def explorer(
    draw: Callable[..., Figure], *, alt: str, **sliders: ipywidgets.Widget
) -> ipywidgets.VBox | HTML:
    """Sliders that redraw a figure in a running kernel; on the page a flip-book of the first.

    The page is made with ``INVLAB_STATIC=1``: there, other sliders keep their first value.

    Args:
        draw: makes the figure; called with the sliders' values by name.
        alt: the figure in words.
        sliders: ipywidgets with a ``value``, by the name of ``draw``'s argument; the first has
            ``min``, ``max`` and ``step``.
    """
    if os.environ.get("INVLAB_STATIC", "") not in ("", "0"):
        return _still(draw, alt, sliders)
    picture = ipywidgets.HTML()

    def redraw(_: Any = None) -> None:
        figure = draw(**{name: slider.value for name, slider in sliders.items()})
        source = _png(figure, 80)
        picture.value = (
            f'<img src="{source}" alt="{html.escape(alt, quote=True)}" style="max-width:100%">'
        )

    for slider in sliders.values():
        slider.observe(redraw, names="value")
    redraw()
    return ipywidgets.VBox([*sliders.values(), picture])


def _still(draw: Callable[..., Figure], alt: str, sliders: Mapping[str, ipywidgets.Widget]) -> HTML:
    """A flip-book over at most :data:`FRAMES` values of the first slider."""
    name, first = next(iter(sliders.items()))
    others = {key: slider.value for key, slider in sliders.items() if key != name}
    count = round((first.max - first.min) / first.step) + 1
    every = -(-count // FRAMES)
    values = [first.min + k * first.step for k in range(0, count, every)]
    values = [round(value, 10) for value in values]
    start = min(range(len(values)), key=lambda k: abs(values[k] - first.value))

    def frame(value: Any) -> Figure:
        return draw(**{name: value}, **others)

    return flipbook(frame, values, label=first.description or name, alt=alt, start=start)


def _png(figure: Figure, dpi: int) -> str:
    """The figure as a data address, in few colours so that it weighs little; it is closed."""
    drawn, buffer = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=dpi)
    plt.close(figure)
    picture = Image.open(drawn).convert("RGB")
    picture.quantize(COLORS, dither=Image.Dither.NONE).save(buffer, format="png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
