"""Suggestions for misspelt names."""
import difflib
from typing import Iterable, Optional

SIMILARITY = 0.6  # of difflib; names that are less similar are not suggested


def closest(name: str, choices: Iterable[str], similarity: float = SIMILARITY) -> Optional[str]:
    """Return the choice that is most similar to a name; None if no choice is similar.

    Upper and lower case are not told apart.

    Args:
        name: the misspelt name.
        choices: the right names.
        similarity: smallest similarity, 0-1, as of ``difflib.get_close_matches``.

    Example:
        >>> closest('train_dataloder', ['val_dataloader', 'train_dataloader'])
        'train_dataloader'
        >>> closest('momentum', ['lr', 'weight_decay']) is None
        True
    """
    by_key = {choice.lower(): choice for choice in sorted(choices)}
    found = difflib.get_close_matches(name.lower(), list(by_key), n=1, cutoff=similarity)
    return by_key[found[0]] if found else None


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """Return the end of a message that names the closest choice; empty if there is none.

    Example:
        >>> did_you_mean('MonoDL', ['MonoDLE', 'SMOKE'])
        '; did you mean MonoDLE?'
    """
    found = closest(name, choices)
    return f'; did you mean {found}?' if found else ''
