"""What is wrong in what the user wrote: one line of where, what was found, what would be right."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

_LONGEST = 60


class InputError(ValueError):
    """Bad input from the user.  The message names what was found and what would be right.

    file, line (1-based) and field (such as "arms.ketamine[0].rate") say where, as far as known.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = " ".join(message.split())
        self.file = file
        self.line = line
        self.field = field

    def at(
        self, *, file: str | None = None, line: int | None = None, field: str | None = None
    ) -> InputError:
        """The same error with missing parts of its place filled in; known parts stay."""
        return InputError(
            self.message,
            file=self.file if self.file is not None else file,
            line=self.line if self.line is not None else line,
            field=self.field if self.field is not None else field,
        )

    def __str__(self) -> str:
        place = self.file or ""
        if self.line is not None:
            place = f"{place}:{self.line}" if place else f"line {self.line}"
        # a key of the user's file may hold line breaks; a message never does
        where = " ".join(" ".join(part for part in (place, self.field) if part).split())
        return f"{where}: {self.message}" if where else self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Worker processes send errors by pickle, which knows nothing of keyword-only arguments.
        return _rebuild, (self.message, self.file, self.line, self.field)


def _rebuild(message: str, file: str | None, line: int | None, field: str | None) -> InputError:
    return InputError(message, file=file, line=line, field=field)


def shown(value: object) -> str:
    """A value as a message quotes it: on one line, short, in the words of YAML."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        whole = len(value) <= _LONGEST
        return repr(str(value)) if whole else repr(str(value[:_LONGEST])) + "..."
    text = _text(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


def sort_of(value: object) -> str:
    """What sort of thing a value is, with its article: "a number", "a list"."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "a yes/no value"
    if isinstance(value, str):
        return "text"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, Sequence):
        return "a list"
    return f"a {type(value).__name__}"


def did_you_mean(word: str, words: Collection[str]) -> str:
    """Hint at the most similar of words, "; did you mean 'iv'?", or "" if none is similar."""
    from difflib import get_close_matches  # an error may take its time, a start may not

    alike = [other for other in words if other != word and other.lower() == word.lower()]
    alike = alike or get_close_matches(word, [other for other in words if other != word], n=1)
    return f"; did you mean {alike[0]!r}?" if alike else ""


def _text(value: object) -> str:
    # Python prints no integer of more than some thousand digits, and a stranger's repr may fail.
    try:
        return " ".join(repr(value).split())
    except Exception:
        return f"a {type(value).__name__}"
