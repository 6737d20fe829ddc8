"""A cell as LaTeX: a TikZ picture of named nodes and styles, meant to be pasted into a paper and changed there."""

import re

from nas_engine.graph_cell import AnyCell
from webapp.diagrams.colours import palette
from webapp.diagrams.picture import CAP, Curve, Picture, PlacedNode, heading

SCALE = 0.6  # a point of the drawing on paper: a cell of five blocks is about as wide as a column
_SPECIAL = {
    "\\": r"\textbackslash{}", "×": r"$\times$", "−": "$-$", "→": r"$\to$", "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}", "\u202f": r"\,", "\u00a0": "~",
}  # fmt: skip
_STYLES = r"""  op/.style={draw=#1, fill=#1!9, rounded corners=2pt, minimum height=15pt, inner sep=2pt, line width=.6pt,
    font=\sffamily\scriptsize,
    path picture={\fill[#1] (path picture bounding box.south west) rectangle +(4pt,20pt);}},
  state/.style={draw=ink, rounded corners=7pt, minimum height=14pt, minimum width=24pt, inner sep=1pt,
    font=\footnotesize},
  older/.style={dashed}, meet/.style={circle, fill=ink, text=white, inner sep=.6pt, font=\tiny},
  flow/.style={draw=edge, line width=.6pt}, enters/.style={-{Latex[length=3.5pt,width=3pt]}},
  wide/.style={line width=1.3pt}"""


def cell_tikz(cells: tuple[AnyCell, ...], name: str) -> str:
    """A standalone document with a picture for each cell; what stands between its document's begin and end can be pasted."""
    colours = palette("light")
    used = sorted({node["family"] for cell in cells for node in Picture(cell).layout["nodes"] if node.get("family")})
    defined = [(family, colours[f"op-{family}"]) for family in used] + [
        ("ink", colours["ink-2"]),
        ("edge", colours["edge"]),
    ]
    lines = [
        r"\documentclass[tikz,border=4pt]{standalone}",
        r"\usetikzlibrary{arrows.meta}",
        *(rf"\definecolor{{{family}}}{{HTML}}{{{value[1:].upper()}}}" for family, value in defined),
        rf"\tikzset{{{_STYLES}}}",
        rf"% {_comment(name)}",
        r"\begin{document}",
    ]
    for cell in cells:
        lines += [rf"% {_comment(heading(cell))}", *_picture(Picture(cell))]
    return "\n".join([*lines, r"\end{document}", ""])


def _picture(picture: Picture) -> list[str]:
    lines = [rf"\begin{{tikzpicture}}[x={SCALE}pt, y=-{SCALE}pt]"]
    lines += [f"  {_node(node)}" for node in picture.nodes.values()]
    lines += [f"  {_curve(curve)}" for curve in picture.curves]
    return [*lines, r"\end{tikzpicture}"]


def _node(node: PlacedNode) -> str:
    about = node.about
    at = f"({_id(about['id'])}) at ({node.x:.1f},{node.y:.1f})"
    if about["kind"] == "op":
        wide, cap = node.size[0] * SCALE, CAP * SCALE / 3
        if "dot" in about:
            return rf"\node[op={about['family']}, minimum width={wide:.1f}pt] {at} {{{about['dot']}}};"
        words = rf"\hspace{{{cap:.1f}pt}}{_text(about['label'])}"
        return rf"\node[op={about['family']}, minimum width={wide:.1f}pt] {at} {{{words}}};"
    if about["kind"] in ("input", "output"):
        sub = "i+1" if about["kind"] == "output" else "i-1" if about.get("older") else "i"
        words = _text(about["name"]) if about.get("name") else f"$h_{{{sub}}}$"
        return rf"\node[state{', older' if about.get('older') else ''}] {at} {{{words}}};"
    sign = "$+$" if about["kind"] == "add" else r"$\|$"
    return rf"\node[meet] {at} {{{sign}}};"


def _curve(curve: Curve) -> str:
    """Ends at its nodes' borders, so that it stays whole when they are moved a little."""
    source, target = _id(curve.edge["from"]), _id(curve.edge["to"])
    styles = ["flow"] + ["older"] * curve.older + ["enters"] * bool(curve.arrow) + ["wide"] * (curve.weight > 2)
    path = f"({source}.east)"
    for number, step in enumerate(curve.steps, start=1):
        end = f"({target}.west)" if number == len(curve.steps) else _p(step[-1])
        path += f" -- {end}" if len(step) == 1 else f" .. controls {_p(step[0])} and {_p(step[1])} .. {end}"
    return rf"\draw[{', '.join(styles)}] {path};"


def _p(point: tuple[float, float]) -> str:
    return f"({point[0]:.1f},{point[1]:.1f})"


def _id(name: str) -> str:
    """A node's name without what TikZ reads as more than a name."""
    return re.sub(r"[^A-Za-z0-9]", "-", name)


def _text(words: str) -> str:
    return "".join(_SPECIAL.get(letter, f"\\{letter}" if letter in "&%$#_{}" else letter) for letter in words)


def _comment(words: str) -> str:
    return re.sub(r"[\r\n]+", " ", words)
