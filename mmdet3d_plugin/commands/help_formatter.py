"""Format of the ``--help`` texts."""
import argparse


class ExampleFormatter(argparse.HelpFormatter):
    """Help formatter that wraps texts, but keeps the line breaks of examples.

    A text is taken for examples if it starts with the word ``example``.
    """

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.lstrip().startswith('example'):
            return text.strip()
        return super()._fill_text(text, width, indent)
