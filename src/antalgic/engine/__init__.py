"""How is it solved?  Compiled, exact where linear, error-controlled elsewhere; knows no drug."""

from contextlib import suppress
from pathlib import Path


def _forget_stale() -> None:
    """Remove numba's stored code of an older engine.

    Numba notices a change of the file that holds a function, not of the files that the function
    was compiled together with.
    """
    here = Path(__file__).parent
    newest = max(file.stat().st_mtime for file in here.glob("*.py"))
    for index in (here / "__pycache__").glob("*.nbi"):
        if index.stat().st_mtime < newest:
            with suppress(OSError):  # another process was first, or the folder may not be written
                index.unlink()


_forget_stale()
