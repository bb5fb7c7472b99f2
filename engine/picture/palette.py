"""The colors of pictures, for light and dark pages: blue and orange, never red and green.

Each tone has five fills, from the faintest to the strongest; text on any of them has a contrast of
at least 4.5:1 (a test computes it). The sign is always written too, so that color is never needed.
"""

from __future__ import annotations

__all__ = ["DARK", "LIGHT", "MONOSPACED", "Palette", "style"]

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Palette:
    """Colors of one scheme: `fills` and `lines` by tone, the color of text, of quiet text, of paper."""

    paper: str
    text: str
    quiet: str
    fills: dict[str, tuple[str, ...]]
    lines: dict[str, str]


LIGHT = Palette(
    paper="#ffffff",
    text="#14202b",
    quiet="#5a6672",
    fills={
        "positive": ("#f1f7fc", "#d6e8f7", "#b8d7f1", "#94c3e9", "#6dade0"),
        "negative": ("#fdf4ec", "#fbe0cc", "#f8caa6", "#f2b07c", "#ea9652"),
        "mixed": ("#f7f5fa", "#e8e2f0", "#d6cbe4", "#c1b2d6", "#ab98c7"),
        "zero": ("#ffffff",) * 5,
        "none": ("#f4f6f7",) * 5,
        "broken": ("#ffe3ec",) * 5,
    },
    lines={
        "positive": "#0b5fa5",
        "negative": "#ad4400",
        "mixed": "#65509b",
        "zero": "#5a6672",
        "none": "#5a6672",
        "broken": "#b3003f",
    },
)

DARK = Palette(
    paper="#11171d",
    text="#e8eef3",
    quiet="#9aa7b3",
    fills={
        "positive": ("#16222d", "#15324a", "#154266", "#155180", "#145f99"),
        "negative": ("#28201a", "#43290f", "#5b3410", "#733f0f", "#8a4a0e"),
        "mixed": ("#211f29", "#312b42", "#42385b", "#534574", "#64528c"),
        "zero": ("#11171d",) * 5,
        "none": ("#1c232a",) * 5,
        "broken": ("#4a0f27",) * 5,
    },
    lines={
        "positive": "#7cc0ff",
        "negative": "#ffab66",
        "mixed": "#bba8ee",
        "zero": "#9aa7b3",
        "none": "#9aa7b3",
        "broken": "#ff7aa8",
    },
)

MONOSPACED = 'ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,"Liberation Mono",monospace'


def style(scope: str = "svg.autograd") -> str:
    """The style sheet of drawings, for light and dark pages; with "" for `scope` that of a whole page.

    A tone sets two colors, that of lines and that of fills, which the shapes inside then take.
    """
    inside = f"{scope} " if scope else ""
    rules = [f"{scope}{{max-width:100%;height:auto}}"] if scope else []
    for tone, fills in LIGHT.fills.items():
        rules.append(f"{inside}.{tone}{{--line:var(--{tone});--fill:var(--{tone}0)}}")
        levels = range(1, len(set(fills)))
        rules += [f"{inside}.{tone}.s{level}{{--fill:var(--{tone}{level})}}" for level in levels]
    rules += [
        f"{inside}text{{font-family:{MONOSPACED};fill:var(--text)}}",
        f"{inside}.edge text,{inside}.graph>text{{fill:var(--quiet)}}",
        f"{inside}.graph>polygon{{fill:var(--paper)}}",
        f"{inside}:is(.node,.edge) :is(path,polygon){{stroke:var(--line)}}",
        f"{inside}.node :is(path,polygon){{fill:var(--fill)}}",
        f"{inside}.node polygon+polygon,{inside}.constant path{{fill:none}}",  # the second line around many
        f"{inside}.edge polygon{{fill:var(--line)}}",
    ]
    light = f"{scope or ':root'}{{{_variables(LIGHT)}}}"
    dark = f"@media(prefers-color-scheme:dark){{{scope or ':root'}{{{_variables(DARK)}}}}}"
    return light + dark + "".join(rules)


def _variables(palette: Palette) -> str:
    named = {"paper": palette.paper, "text": palette.text, "quiet": palette.quiet, **palette.lines}
    for tone, fills in palette.fills.items():
        named |= {f"{tone}{level}": fill for level, fill in enumerate(fills[: len(set(fills))])}
    return ";".join(f"--{name}:{color}" for name, color in named.items())
