"""Sizes as people read them in tables."""


def megabytes(text):
    """1000M, 1.2G, 252G, 1.5T: at most one decimal, none from 100 on."""
    value, unit = float(text), "M"
    for bigger in "GT":
        if value < 1024:
            break
        value, unit = value / 1024, bigger
    shown = f"{value:.1f}" if value < 100 else f"{value:.0f}"
    return shown.removesuffix(".0") + unit
