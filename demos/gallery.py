"""The whole course in one go: runs every lesson with a progress bar, and writes demos/out/index.html.

python -m demos.gallery runs all of them; python -m demos.gallery 7 12 only those with these numbers.
"""

from __future__ import annotations

import ast
import html
import importlib
import io
import re
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from tqdm import tqdm

from demos import place
from demos.captions import CAPTIONS

HERE = Path(__file__).parent
PICTURES = (".png", ".svg", ".gif")
PAGES = (".html",)


@dataclass
class Report:
    """What one lesson said, drew and took; `trouble` is the traceback of one that failed."""

    name: str
    title: str
    text: list[str]
    printed: str = ""
    made: list[Path] = field(default_factory=list)
    seconds: float = 0.0
    trouble: str = ""

    @property
    def number(self) -> int:
        """The number of the lesson."""
        return int(self.name.split("_")[1])


def lessons() -> list[str]:
    """The names of all lessons, in the order of their numbers."""
    return sorted(path.stem for path in HERE.glob("lesson_[0-9]*.py"))


def run(name: str) -> Report:
    """Run one lesson, and collect what it printed and the files that it wrote."""
    module: ModuleType = importlib.import_module(f"demos.{name}")
    title, *text = (module.__doc__ or name).strip().split("\n\n")
    report = Report(name, " ".join(title.split()), [" ".join(part.split()) for part in text])
    before = stamps()
    printed, begun = io.StringIO(), time.perf_counter()
    try:
        with redirect_stdout(printed), redirect_stderr(io.StringIO()):
            module.main()
    except Exception:  # noqa: BLE001  (whatever a lesson does wrong is shown on its place in the page)
        report.trouble = traceback.format_exc()
    report.seconds = time.perf_counter() - begun
    report.printed = printed.getvalue().strip("\n")
    report.made = [path for path, stamp in stamps().items() if before.get(path) != stamp]
    return report


def stamps() -> dict[Path, int]:
    """{file: when it was written} of all that lies in the folder of pictures."""
    if not place.OUT.exists():
        return {}
    return {path: path.stat().st_mtime_ns for path in sorted(place.OUT.iterdir()) if path.is_file()}


def page(reports: Sequence[Report]) -> str:
    """The gallery as one page of HTML that needs nothing but the pictures beside it."""
    entries = "\n".join(
        f'<li><a href="#{r.name}">{r.number} · {html.escape(r.title)}</a></li>' for r in reports
    )
    sections = "\n".join(section(report) for report in reports)
    seconds = sum(report.seconds for report in reports)
    return PAGE.format(style=STYLE, entries=entries, sections=sections, count=len(reports), seconds=seconds)


def section(report: Report) -> str:
    """One lesson: its words, its pictures with the code that made them, what it printed."""
    words = "\n".join(f"<p{noticed(part)}>{marked(part)}</p>" for part in report.text)
    kept = [path for path in report.made if path.suffix in (*PICTURES, *PAGES)]
    shown = sorted(kept, key=lambda path: path.suffix in PAGES)  # pictures, then what moves
    figures = "\n".join(figure(report.name, path) for path in shown)
    trouble = f'<pre class="trouble">{html.escape(report.trouble)}</pre>' if report.trouble else ""
    opened = "" if shown else " open"
    return f"""<section id="{report.name}">
<h2><span>{report.number}</span>{html.escape(report.title)}</h2>
{words}
{figures}
{trouble}
<details{opened}><summary>what it prints</summary><pre>{html.escape(report.printed)}</pre></details>
<p class="run">.venv/bin/python -m demos.{report.name}</p>
</section>"""


def figure(lesson: str, path: Path) -> str:
    """A picture, or a page in a frame, with its caption and the code that made it."""
    caption = html.escape(CAPTIONS.get(path.name, path.stem))
    shown = (
        f'<iframe src="{path.name}" title="{caption}" sandbox="allow-scripts" loading="lazy"></iframe>'
        if path.suffix in PAGES
        else f'<a href="{path.name}"><img src="{path.name}" alt="{caption}" loading="lazy"></a>'
    )
    alone = f' <a href="{path.name}">Open it by itself.</a>' if path.suffix in PAGES else ""
    code = html.escape(code_of(lesson, path.name))
    return f"""<figure>{shown}
<figcaption>{caption}{alone}</figcaption>
<details><summary>the code that made it</summary><pre>{code}</pre></details></figure>"""


def code_of(lesson: str, name: str) -> str:
    """The function of a lesson that names this file; where none does, the whole lesson below its words."""
    source = (HERE / f"{lesson}.py").read_text(encoding="utf-8")
    tree = ast.parse(source)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            text = ast.get_source_segment(source, node) or ""
            if f'"{name}"' in text:
                return text
    first = next(node for node in tree.body if isinstance(node, ast.Assign | ast.FunctionDef | ast.ClassDef))
    return "\n".join(source.splitlines()[first.lineno - 1 :]).partition("\n\n\nif __name__")[0]


def marked(part: str) -> str:
    """The text as HTML, what stands between backquotes as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(part))


def noticed(part: str) -> str:
    """The class of the paragraph that says what to look for."""
    return ' class="notice"' if part.startswith("Notice") else ""


STYLE = """
:root { color-scheme: light dark; --ground: #f6f5f2; --card: white; --ink: #2b2b2b; --quiet: #6a6a6a;
  --accent: #2f6f9f; --code: #f3f2ee; --mark: #fdf8ec; --wrong: #fbe9ea; }
@media (prefers-color-scheme: dark) { :root { --ground: #12161a; --card: #1b2127; --ink: #e6e8ea;
  --quiet: #9aa4ad; --accent: #7cb8e4; --code: #12161a; --mark: #2a2619; --wrong: #3a1d22; } }
body { font: 16px/1.55 system-ui, "DejaVu Sans", sans-serif; color: var(--ink); background: var(--ground);
  margin: 0; }
main { max-width: 1000px; margin: 0 auto; padding: 2.5rem 1.25rem 5rem; }
h1 { font-size: 2rem; margin: 0 0 .4rem; }
h2 { font-size: 1.3rem; margin: 0 0 .8rem; }
h2 span { display: inline-block; min-width: 1.6em; margin-right: .6em; padding: .05em .3em;
  border-radius: .35em; background: var(--accent); color: var(--card); text-align: center; font-size: .85em; }
section { background: var(--card); border-radius: 10px; padding: 1.5rem 1.8rem 1rem; margin: 1.6rem 0;
  box-shadow: 0 1px 3px #0002; }
nav ol { columns: 2; list-style: none; padding: 0; margin: 1.2rem 0 0; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
p { margin: .6rem 0; max-width: 75ch; }
.notice { border-left: 4px solid #e0a030; padding: .3rem 0 .3rem 1rem; background: var(--mark); }
figure { margin: 1.4rem 0; }
figure img { display: block; max-width: 100%; max-height: 560px; margin: 0 auto .5rem; background: white;
  border-radius: 6px; }
figure img[src$=".svg"] { background: none; }
iframe { width: 100%; height: 960px; border: 1px solid color-mix(in srgb, var(--quiet) 40%, transparent);
  border-radius: 8px; }
figcaption { color: var(--quiet); font-size: .92em; max-width: 85ch; }
pre { background: var(--code); padding: .9rem 1rem; border-radius: 6px; overflow-x: auto;
  font-size: 12.5px; line-height: 1.4; }
.trouble { background: var(--wrong); }
code { font: .9em ui-monospace, "DejaVu Sans Mono", monospace; }
summary { cursor: pointer; color: var(--quiet); font-size: .92em; }
.run { color: var(--quiet); font: 12.5px/1.4 ui-monospace, "DejaVu Sans Mono", monospace; max-width: none;
  overflow-wrap: anywhere; }
@media (max-width: 700px) { nav ol { columns: 1; } section { padding: 1.1rem 1rem .6rem; }
  main { padding: 1.5rem .7rem 3rem; } }
"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
content="default-src 'none'; img-src 'self' file: data:; frame-src 'self' file:; style-src 'unsafe-inline'">
<title>A course in backprop</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>A course in backprop</h1>
<p>{count} lessons, each a short script that trained what it shows: {seconds:.0f} seconds in all. Every number
and every picture on this page was made by the scripts beside it, from scalar values and the chain rule.</p>
<nav><ol>
{entries}
</ol></nav>
{sections}
</main>
</body>
</html>
"""


def main(numbers: Sequence[str] = ()) -> int:
    """Run the lessons, write the page, and say where it is; the number of lessons that failed."""
    wanted = {int(number) for number in numbers}
    chosen = [name for name in lessons() if not wanted or int(name.split("_")[1]) in wanted]
    place.OUT.mkdir(exist_ok=True)
    reports = []
    with tqdm(chosen, unit="lesson", dynamic_ncols=True) as bar:
        for name in bar:
            bar.set_description(name)
            reports.append(run(name))
    target = place.OUT / "index.html"
    target.write_text(page(reports), encoding="utf-8")
    failed = [report for report in reports if report.trouble]
    for report in failed:
        print(f"{report.name} failed:\n{report.trouble}")
    print(f"{len(reports) - len(failed)} of {len(reports)} lessons ran; open {target}")
    return len(failed)


if __name__ == "__main__":
    sys.exit(min(1, main(sys.argv[1:])))
