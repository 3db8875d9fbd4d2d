"""Shows a text as a QR code, or says why the terminal cannot."""

from balchat_host.api.qr import qr_lines, width_of_picture
from balchat_ui_cli.output import Output


def show_qr(out: Output, text: str) -> None:
    """Draw a text as a QR code. Where the terminal is too narrow, say so instead: what wraps cannot be read."""
    import segno

    # On a screen nothing is torn or stained: the lowest correction makes the smallest picture.
    modules = [bytes(row) for row in segno.make(text, error="l", micro=False).matrix]
    needed = width_of_picture(modules)
    if out.is_terminal and out.columns < needed:
        problem = f"The QR code needs {needed} columns, and this terminal has {out.columns}."
        out.warn("terminal-too-narrow", f"{problem} Make it wider, or its letters smaller.")
        return
    if not out.can_write("▀▄█"):
        out.warn("no-blocks", "The QR code cannot be drawn in this locale's character set; with UTF-8 it can.")
        return
    out.draw("".join(f"{line}\n" for line in qr_lines(modules, colour=out.colour)))
    if out.is_terminal and out.rows < needed // 2 + 2:
        out.warn("terminal-too-low", "The QR code is higher than this terminal: make its letters smaller.")
