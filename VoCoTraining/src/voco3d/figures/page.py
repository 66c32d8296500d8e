"""The report's page: one HTML file that needs nothing from outside."""

import base64
import html
from collections.abc import Mapping
from dataclasses import dataclass
from string import Template


@dataclass(frozen=True)
class Tile:
    """One figure of the summary.

    Attributes:
        name: What it is.
        value: The figure.
        beside: What to compare it with.
    """

    name: str
    value: str
    beside: str = ""


@dataclass(frozen=True)
class Section:
    """One heading, with pictures under it.

    Attributes:
        title: The heading.
        caption: How to read the pictures.
        pictures: PNGs by what they show.
    """

    title: str
    caption: str
    pictures: Mapping[str, bytes]


@dataclass(frozen=True)
class Page:
    """What a report says.

    Attributes:
        name: Of the run.
        progress: How far it is.
        state: The verdict in a few words.
        verdict: The verdict in sentences.
        warnings: What was warned of before, in order.
        tiles: The summary.
        sections: The pictures.
        configuration: The run's configuration, as text.
    """

    name: str
    progress: str
    state: str
    verdict: str
    warnings: list[str]
    tiles: list[Tile]
    sections: list[Section]
    configuration: str

    def html(self) -> str:
        """The page as HTML."""
        text = html.escape
        return TEMPLATE.substitute(
            name=text(self.name),
            progress=text(self.progress),
            state=text(self.state),
            state_class=text(self.state.replace(" ", "-")),
            verdict=text(self.verdict),
            warnings="".join(
                f'<p class="warning">{text(warning)}</p>' for warning in self.warnings
            ),
            tiles="".join(map(_tile, self.tiles)),
            sections="".join(map(_section, self.sections)),
            configuration=text(self.configuration),
        )


def _tile(tile: Tile) -> str:
    name, value, beside = map(html.escape, (tile.name, tile.value, tile.beside))
    return f"<div class=tile><dt>{name}</dt><dd>{value}<small>{beside}</small></dd></div>\n"


def _section(section: Section) -> str:
    images = "".join(
        f'<img alt="{html.escape(name)}" src="data:image/png;base64,{_base64(png)}">'
        for name, png in section.pictures.items()
    )
    title, caption = html.escape(section.title), html.escape(section.caption)
    return (
        f"<section><h2>{title}</h2><p class=caption>{caption}</p>"
        f'<div class="pictures of-{len(section.pictures)}">{images}</div></section>\n'
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


TEMPLATE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$name: VoCo pre-training</title>
<style>
:root {
  color-scheme: light;
  --ink: #2b2f36; --soft: #5d6672; --line: #e3e6eb; --paper: #fff; --ground: #f6f7f9;
  --good: #00694c; --bad: #a8280a; --unsure: #7a5200; --calm: #0b5c8e;
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif;
}
main { max-width: 1120px; margin: 0 auto; padding: 48px 24px 72px; }
header p { margin: 0; color: var(--soft); }
h1 { font-size: 30px; line-height: 1.2; letter-spacing: -0.01em; margin: 2px 0 6px; }
h2 { font-size: 19px; margin: 0 0 4px; }
.verdict {
  margin: 24px 0 0; padding: 16px 20px; background: var(--paper);
  border: 1px solid var(--line); border-left: 5px solid var(--calm); border-radius: 8px;
}
.verdict strong { display: block; font-size: 18px; color: var(--calm); }
.verdict strong::first-letter { text-transform: uppercase; }
.verdict.learning { border-left-color: var(--good); }
.verdict.learning strong { color: var(--good); }
.verdict.collapsed { border-left-color: var(--bad); }
.verdict.collapsed strong { color: var(--bad); }
.verdict.no-better-than-untrained { border-left-color: var(--unsure); }
.verdict.no-better-than-untrained strong { color: var(--unsure); }
.warning {
  margin: 10px 0 0; padding: 10px 20px; font-size: 14.5px; color: #5f3d00;
  background: #fff8e8; border: 1px solid #f0dfb6; border-radius: 8px;
}
dl {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: 12px;
  margin: 20px 0 36px;
}
.tile {
  padding: 12px 16px;
  background: var(--paper); border: 1px solid var(--line); border-radius: 8px;
}
dt { color: var(--soft); font-size: 13.5px; }
dd { margin: 0; font-size: 24px; font-weight: 600; font-variant-numeric: tabular-nums; }
dd small {
  display: block; min-height: 1.5em; font-size: 12.5px; font-weight: 400; color: var(--soft);
}
section, details {
  background: var(--paper); border: 1px solid var(--line); border-radius: 8px;
  padding: 22px 24px 18px; margin: 0 0 20px;
}
.caption {
  margin: 0 0 14px; max-width: 78ch; color: var(--soft); font-size: 14.5px; text-wrap: pretty;
}
.pictures { display: grid; gap: 20px; }
.pictures.of-2 { grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); }
img { display: block; width: 100%; max-width: 1040px; height: auto; }
summary { font-size: 19px; font-weight: 700; cursor: pointer; }
pre {
  margin: 14px 0 4px; white-space: pre-wrap; overflow-wrap: anywhere;
  font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", monospace;
}
@media (min-width: 900px) { pre { columns: 2; column-gap: 40px; } }
@media print { body { background: #fff; } section { break-inside: avoid; } }
</style>
</head>
<body>
<main>
<header>
<p>VoCo pre-training</p>
<h1>$name</h1>
<p>$progress</p>
</header>
<div class="verdict $state_class"><strong>$state</strong>$verdict</div>
$warnings
<dl>
$tiles</dl>
$sections<details><summary>Configuration</summary><pre>$configuration</pre></details>
</main>
</body>
</html>
""")
