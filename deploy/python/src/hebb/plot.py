# SPDX-License-Identifier: Apache-2.0
"""Curves over the epochs of a job, as a picture that notebooks show by themselves."""
from __future__ import annotations

import dataclasses
import html
import os
import pathlib
import typing

from hebb.status import Epoch, Status

_WIDTH, _HEIGHT = 460, 260  # of a panel, pixels
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 84, 34, 40
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")

Line = tuple[str, list[tuple[int, float]]]  # name, (epoch, value)


@dataclasses.dataclass(frozen=True)
class Plot:
    svg: str

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | os.PathLike[str]) -> None:
        pathlib.Path(path).write_text(self.svg, encoding="utf-8")


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'


def _panel(title: str, lines: list[Line], left: int, top: float, percent: bool) -> str:
    """From 0, or the lowest value below, to `top`, or the largest value if that is 0."""
    points = [point for _, line in lines for point in line]
    first, last = min(x for x, _ in points), max(x for x, _ in points)
    top = top or max(y for _, y in points) or 1.0
    base = min(0.0, min(y for _, y in points))
    width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - first) / (last - first) if last > first else 0.5
        return left + _LEFT + across * width, _TOP + (top - y) / (top - base) * height

    parts = [_text(left + _LEFT + width / 2, 18, title)]
    for share in (0, 0.25, 0.5, 0.75, 1):
        value = base + share * (top - base)
        _, y = at(first, value)
        label = f"{100 * value:.0f} %" if percent else f"{value:.3g}"
        parts.append(
            f'<line x1="{left + _LEFT}" x2="{left + _LEFT + width}" '
            f'y1="{y:.1f}" y2="{y:.1f}" stroke="#ccc"/>'
        )
        parts.append(_text(left + _LEFT - 6, y + 4, label, "end"))
    for epoch in sorted({first, (first + last) // 2, last}):
        parts.append(_text(at(epoch, base)[0], _TOP + height + 16, str(epoch)))
    parts.append(_text(left + _LEFT + width / 2, _HEIGHT - 6, "epoch"))
    for i, (name, line) in enumerate(lines):
        colour = _COLOURS[i % len(_COLOURS)]
        way = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in line))
        parts.append(f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{colour}"/>'
            for x, y in (at(*point) for point in line)
        ]
        step = min(14, height / len(lines))
        key = _text(left + _WIDTH - _RIGHT + 8, _TOP + step * (i + 1), name, "start")
        parts.append(f'<g fill="{colour}">{key}</g>')
    return "".join(parts)


def _alignment_of(layer: str) -> typing.Callable[[Epoch], float | None]:
    return lambda epoch: epoch.alignment.get(layer)


def plot(status: Status) -> Plot:
    """Loss, accuracies and, where the rule keeps an R, the alignment of W and R by layer."""

    def line(name: str, of: typing.Callable[[Epoch], float | None]) -> Line:
        found = [(epoch.number, of(epoch)) for epoch in status.epochs]
        return name, [(number, value) for number, value in found if value is not None]

    layers = list(dict.fromkeys(layer for epoch in status.epochs for layer in epoch.alignment))
    panels = [
        ("loss", [line("training", lambda e: e.metrics.train_loss)], 0.0, False),
        (
            "accuracy",
            [
                line("training", lambda e: e.metrics.train_accuracy),
                line("validation", lambda e: e.metrics.validation_accuracy),
            ],
            1.0,
            True,
        ),
        ("cos(W, R)", [line(layer, _alignment_of(layer)) for layer in layers], 1.0, False),
    ]
    known = [
        (title, [each for each in lines if each[1]], top, percent)
        for title, lines, top, percent in panels
    ]
    drawn = [panel for panel in known if panel[1]]
    width = max(len(drawn), 1) * _WIDTH
    body = "".join(
        _panel(title, lines, i * _WIDTH, top, percent)
        for i, (title, lines, top, percent) in enumerate(drawn)
    )
    body = body or _text(_WIDTH / 2, _HEIGHT / 2, "no epoch has ended yet")
    name = html.escape(f"{status.name} ({status.id})")
    return Plot(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{_HEIGHT}" '
        f'viewBox="0 0 {width} {_HEIGHT}" font-family="sans-serif" font-size="12">'
        f"<title>{name}</title>"
        f'<rect width="100%" height="100%" fill="white"/>{body}</svg>'
    )
