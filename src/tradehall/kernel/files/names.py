"""Names of files as people gave them, made safe to keep, to show and to save under on any system."""

import re
import unicodedata

LONGEST = 255
_PATH = re.compile(r"[/\\]")
_SPACE = re.compile(r"\s+")
# What Windows cannot have in a name.
_IMPOSSIBLE = re.compile(r'[<>:"|?*]')
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?\Z", re.IGNORECASE | re.DOTALL)
_ENDING = re.compile(r".\.([a-z0-9]{1,10})\Z", re.DOTALL)


def clean_name(name: str) -> str:
    """The name without path, control and direction characters, in NFC, at most 255 characters; "file" when nothing
    is left of it. Cleaned twice it stays the same."""
    last = _PATH.split(unicodedata.normalize("NFC", name))[-1]
    # Direction marks and the like (Cf) make 'gpj.exe' look like 'exe.jpg'.
    visible = "".join(one for one in _SPACE.sub(" ", last) if unicodedata.category(one)[0] != "C")
    neat = unicodedata.normalize("NFC", " ".join(_IMPOSSIBLE.sub("_", visible).split())).strip(". ")
    if _RESERVED.match(neat):
        neat = f"_{neat}"
    return _shortened(neat) or "file"


def ending(name: str) -> str:
    """What stands after the last dot, lower case, without the dot; empty when that looks like no ending."""
    match = _ENDING.search(name.lower())
    return match[1] if match else ""


def _shortened(name: str) -> str:
    if len(name) <= LONGEST:
        return name
    tail = f".{name.rpartition('.')[2]}" if ending(name) else ""
    return name[: LONGEST - len(tail)].rstrip(". ") + tail
