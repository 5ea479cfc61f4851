"""A picture as PNG, drawn by Pillow with the typeface it brings along: no system library, no installed font."""

from __future__ import annotations

import io
import itertools

from PIL import Image, ImageDraw, ImageFont

from ivr.menu.picture import Box, Curve, Picture, Words

SCALE = 2
"""Pixels of the file to one of the picture, so that it can be printed."""
STEPS = 40
"""Straight stretches a curve is drawn as."""
_LIKE = str.maketrans({"‹": "<", "›": ">", "→": ">", "×": "x"})
"""Signs the typeface does not have."""


def to_png(picture: Picture, scale: int = SCALE) -> bytes:
    image = Image.new("RGB", (round(picture.width * scale), round(picture.height * scale)), "#ffffff")
    pen = ImageDraw.Draw(image)
    for shape in picture.shapes:
        match shape:
            case Box():
                _box(pen, shape, scale)
            case Words():
                _words(pen, shape, scale)
            case Curve():
                _curve(pen, shape, scale)
    out = io.BytesIO()
    image.quantize(128).save(out, "PNG", optimize=True)
    return out.getvalue()


def _box(pen: ImageDraw.ImageDraw, box: Box, scale: int) -> None:
    corners = (box.x * scale, box.y * scale, (box.x + box.width) * scale, (box.y + box.height) * scale)
    width = round(box.edge_width * scale) if box.edge else 0
    pen.rounded_rectangle(corners, box.corner * scale, fill=box.fill, outline=box.edge or None, width=width)


def _words(pen: ImageDraw.ImageDraw, words: Words, scale: int) -> None:
    font = ImageFont.load_default(words.size * scale)
    stroke = scale * 0.25 if words.bold else 0
    anchor = "rs" if words.right else "ls"
    text = words.text.translate(_LIKE)
    pen.text((words.x * scale, words.y * scale), text, words.colour, font, anchor, stroke_width=stroke)


def _curve(pen: ImageDraw.ImageDraw, curve: Curve, scale: int) -> None:
    bend = max(24.0, (curve.x2 - curve.x1) / 2)
    ends = curve.x1, curve.x1 + bend, curve.x2 - bend, curve.x2 - 7
    points = []
    for number in range(STEPS + 1):
        t = number / STEPS
        a, b, c, d = (1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3
        x = a * ends[0] + b * ends[1] + c * ends[2] + d * ends[3]
        points.append((x * scale, ((a + b) * curve.y1 + (c + d) * curve.y2) * scale))
    width = max(1, round(curve.width * scale))
    stretches = itertools.pairwise(points)
    for number, stretch in enumerate(stretches):
        if not curve.dashed or number % 4 < 2:
            pen.line(stretch, curve.colour, width)
    x, y = curve.x2 * scale, curve.y2 * scale
    pen.polygon([(x, y), (x - 8 * scale, y - 4.5 * scale), (x - 8 * scale, y + 4.5 * scale)], curve.colour)
