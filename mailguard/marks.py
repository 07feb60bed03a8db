"""Text that a stranger wrote, made fit for a page, a form or a file of text."""

__all__ = ["visible"]


def visible(text: str) -> str:
    """The text with control, invisible and undecodable characters as \\x.. marks.

    >>> visible("a\\x1b[31mred")
    'a\\\\x1b[31mred'
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
