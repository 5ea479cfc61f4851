"""A picture as SVG: text stays text, cards can be found and clicked."""

from __future__ import annotations

from html import escape

from ivr.menu.picture import Box, Curve, Picture, Words

FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"


def to_svg(picture: Picture) -> str:
    """One file without references to others."""
    size = f'width="{picture.width:.0f}" height="{picture.height:.0f}"'
    names = {shape.name for shape in picture.shapes if isinstance(shape, Box) and shape.name}
    body = "\n".join(_shape(shape, names) for shape in picture.shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {picture.width:.0f} {picture.height:.0f}"'
        f' font-family="{FONT}">\n<title>{escape(picture.title)}</title>\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _shape(shape: Box | Words | Curve, names: set[str]) -> str:
    match shape:
        case Box():
            edge = f' stroke="{shape.edge}" stroke-width="{shape.edge_width:g}"' if shape.edge else ""
            name = f' id="{escape(shape.name)}"' if shape.name else ""
            drawn = (
                f'<rect{name} x="{shape.x:.1f}" y="{shape.y:.1f}" width="{shape.width:.1f}"'
                f' height="{shape.height:.1f}" rx="{shape.corner:g}" fill="{shape.fill}"{edge}/>'
            )
            return _linked(drawn, shape.link, names)
        case Words():
            bold = ' font-weight="bold"' if shape.bold else ""
            end = ' text-anchor="end"' if shape.right else ""
            drawn = (
                f'<text x="{shape.x:.1f}" y="{shape.y:.1f}" font-size="{shape.size:g}" fill="{shape.colour}"'
                f"{bold}{end}>{escape(shape.text)}</text>"
            )
            return _linked(drawn, shape.link, names)
        case Curve():
            bend = max(24.0, (shape.x2 - shape.x1) / 2)
            dash = ' stroke-dasharray="5 4"' if shape.dashed else ""
            line = (
                f'<path d="M{shape.x1:.1f} {shape.y1:.1f} C{shape.x1 + bend:.1f} {shape.y1:.1f}'
                f' {shape.x2 - bend:.1f} {shape.y2:.1f} {shape.x2 - 7:.1f} {shape.y2:.1f}" fill="none"'
                f' stroke="{shape.colour}" stroke-width="{shape.width:g}"{dash}/>'
            )
            x, y = shape.x2, shape.y2
            head = f'<path d="M{x:.1f} {y:.1f} l-8 -4.5 v9 z" fill="{shape.colour}"/>'
            return line + head


def _linked(drawn: str, link: str, names: set[str]) -> str:
    return f'<a href="#{escape(link)}">{drawn}</a>' if link in names else drawn
