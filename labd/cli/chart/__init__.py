"""Curves as text in a terminal, as SVG and as PNG. Everything but the file is pure."""
