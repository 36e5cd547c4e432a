"""Names as programmers wrote them, from what C++ and Rust compilers put into symbol tables.

`shown("_ZN3fooC2Ei")` is `foo::foo`: functions come without their parameters, as `c++filt -p` gives
them, with a clone's suffix (`foo.cold`) kept and a Rust hash dropped. What is no such name, or is
broken, comes back as it is.
"""

from __future__ import annotations

import re

from arcetui.symbols.demangle.cursor import NotMangled

#: Longer names are left as they are: no reader follows them, and parsing them takes long.
MAX_LENGTH = 4096
#: Longer results lose what is between angle brackets.
READABLE_LENGTH = 80
_HASH = re.compile(r"::h[0-9a-f]{16}$")
_AN_OPERATOR = re.compile(r"operator<?$")
_OLDER_RUST = re.compile(r"_ZN\S*17h[0-9a-f]{16}E(?=\.|$)")
_RUST_ESCAPES = {
    "$SP$": "@",
    "$BP$": "*",
    "$RF$": "&",
    "$LT$": "<",
    "$GT$": ">",
    "$LP$": "(",
    "$RP$": ")",
    "$C$": ",",
    "..": "::",
}
_ESCAPE = re.compile(r"\$(?:SP|BP|RF|LT|GT|LP|RP|C|u[0-9a-f]{1,6})\$|\.\.")


def is_mangled(name: str) -> bool:
    """Whether a symbol may be another name in disguise."""
    return name.startswith(("_Z", "_R"))


def shown(name: str) -> str:
    """The name to show for a symbol."""
    return readable(demangled(name)) if is_mangled(name) else name


def demangled(name: str) -> str:
    """The whole name of a symbol, without parameters; `name` itself if it is not mangled."""
    if not is_mangled(name) or len(name) > MAX_LENGTH:
        return name
    head, suffix = _parts(name)
    try:
        if head.startswith("_Z"):
            from arcetui.symbols.demangle.itanium import encoding

            text = encoding(head[2:])
            if _HASH.search(text):  # Rust's older scheme
                text = _unescape(_HASH.sub("", text))
        else:
            from arcetui.symbols.demangle.rust import path

            text = path(head[2:])
    except (NotMangled, IndexError, ValueError, RecursionError):
        return name
    return text if suffix.startswith(".llvm.") else text + suffix


def _parts(name: str) -> tuple[str, str]:
    """A name and what a clone or a linker added; Rust's older names have dots of their own."""
    older = _OLDER_RUST.match(name)
    at = older.end() if older else name.find(".")
    return (name, "") if at < 0 else (name[:at], name[at:])


def _unescape(text: str) -> str:
    def plain(found: re.Match[str]) -> str:
        code = found[0]
        return _RUST_ESCAPES.get(code) or chr(int(code[2:-1], 16))

    parts = (part.removeprefix("_") if part[:2] == "_$" else part for part in text.split("::"))
    return "::".join(_ESCAPE.sub(plain, part) for part in parts)


def readable(text: str) -> str:
    """A long name without its template arguments: `std::vector<...>::at`."""
    if len(text) <= READABLE_LENGTH:
        return text
    out: list[str] = []
    depth = 0
    for at, letter in enumerate(text):
        before = "".join(out[-10:])
        if letter == "<" and (depth or not _AN_OPERATOR.search(before)):
            depth += 1
            if depth == 1:
                out.append("<...>")
        elif letter == ">" and depth and text[at - 1] != "-":
            depth -= 1
        elif not depth:
            out.append(letter)
    return "".join(out)
