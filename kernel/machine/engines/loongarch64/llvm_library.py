"""Building the interpreter with LLVM, once per user, and loading it.

The object file is kept in the user's cache directory under a name that says what it was made
from: these sources, LLVM's version, the target. It is used only if it is the user's own, nobody
else may write it, and its checksum is right; otherwise it is made anew. Where there is no such
directory the code is built in memory, with less optimization.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib
import os
import platform
import stat
import sys
from pathlib import Path
from typing import Any, Final

from kernel.machine.engines.loongarch64.llvm_layout import EXPORTS

_SOURCES: Final = (
    "builder", "formats", "isa", "llvm_builder", "llvm_decoder", "llvm_float", "llvm_layout",
    "llvm_library", "llvm_module", "llvm_text", "state", "semantics/__init__", "semantics/rules",
    "semantics/control", "semantics/floating", "semantics/integer", "semantics/memory",
)  # fmt: skip
#: The same for every x86-64 host: a cache directory may be shared by several.
_CPU: Final = "x86-64"
_OPTIMIZED, _QUICK = 2, 0
_CHECKSUM_BYTES: Final = 32
_OLDEST: Final = (20,)  # before it, pointers in IR have types


class Unusable(RuntimeError):
    """The LLVM back end cannot be used here; the text says why and what to do."""


class Library:
    """The interpreter's code in this process.

    Attributes:
        run: Execute: (CPU block, instructions).
        reset: Make all records of a decoded page undecoded: (page).
        decode, slow: Addresses of these handlers.
        is_cached: Whether the code came from the cache.
    """

    def __init__(self, jit: Any, linked: Any, *, is_cached: bool) -> None:
        self.keep = (jit, linked)  # the code lives as long as these
        self.run = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint64)(linked["la64_run"])
        self.reset = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(linked["la64_reset"])
        self.decode: int = linked["la64_decode"]
        self.slow: int = linked["la64_slow"]
        self.is_cached = is_cached


#: Code, the same in every machine of this process.
_loaded: list[Library] = []


def load() -> Library:
    """The interpreter; built or read from the cache on first use.

    Raises:
        Unusable: llvmlite is missing or does not work, or this is not an x86-64 host.
    """
    if not _loaded:
        _loaded.append(_load(cache_directory()))
    return _loaded[0]


def _load(directory: Path | None) -> Library:
    if platform.machine().lower() not in ("x86_64", "amd64"):
        raise Unusable(
            "the LLVM back end is for x86-64 hosts; the plain-Python one works everywhere"
        )
    try:
        llvm: Any = importlib.import_module("llvmlite.binding")
    except ImportError:
        raise Unusable(
            "the LLVM back end needs llvmlite; install it: pip install 'arcetui[loongarch64]'"
        ) from None
    if llvm.llvm_version_info < _OLDEST:
        raise Unusable(
            "the LLVM back end needs llvmlite 0.45 or later: pip install 'arcetui[loongarch64]'"
        )
    try:
        return _link(llvm, directory)
    except (RuntimeError, OSError, AttributeError, TypeError) as error:
        raise Unusable(
            f"llvmlite cannot build the loongarch64 engine "
            f"({error}); install it anew: pip install --upgrade 'arcetui[loongarch64]'"
        ) from error


def _link(llvm: Any, directory: Path | None) -> Library:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    level = _QUICK if directory is None else _OPTIMIZED
    target = llvm.Target.from_default_triple()
    machine = target.create_target_machine(cpu=_CPU, features="", opt=level, jit=True)
    data, path = None, None
    if directory is not None:
        path = directory / f"loongarch64-{key(llvm, machine.triple)}.o"
        data = read_cached(path)
    is_cached = data is not None
    if data is None:
        data = _build(llvm, machine, level)
        if path is not None:
            write_cached(path, data)
    jit = llvm.create_lljit_compiler(machine)
    builder = llvm.JITLibraryBuilder().add_object_img(data).add_current_process()
    for name in EXPORTS:
        builder = builder.export_symbol(name)
    return Library(jit, builder.link(jit, "loongarch64"), is_cached=is_cached)


def _build(llvm: Any, machine: Any, level: int) -> bytes:
    from kernel.machine.engines.loongarch64.llvm_module import module_ir

    module = llvm.parse_assembly(module_ir())
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=level)
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(module, passes)
    return machine.emit_object(module)


def key(llvm: Any, triple: str) -> str:
    """What the object file depends on, as text."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for name in _SOURCES:
        digest.update((here / f"{name}.py").read_bytes())
    digest.update(repr((llvm.llvm_version_info, triple, _CPU, _OPTIMIZED)).encode())
    return digest.hexdigest()[:32]


# -- the cache ------------------------------------------------------------------------------------


def cache_directory() -> Path | None:
    """The user's cache directory for us, made if need be; None if there is none to trust."""
    try:
        if sys.platform == "win32":
            base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Caches"
        else:
            base = Path(os.environ.get("XDG_CACHE_HOME", ""))
            if not base.is_absolute():  # then it is to be ignored
                base = Path.home() / ".cache"
        path = base / "arcetui"
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path if _is_own(path) and os.access(path, os.W_OK) else None
    except (OSError, RuntimeError):
        return None


def _is_own(path: Path) -> bool:
    """Whether it is the user's, and nobody else may write it."""
    if sys.platform == "win32":
        return True  # the profile directory has its own protection
    found = path.stat()
    others = stat.S_IWGRP | stat.S_IWOTH
    return found.st_uid == os.getuid() and not found.st_mode & others


def read_cached(path: Path) -> bytes | None:
    """The object file at `path`; None if it is missing, damaged or not to be trusted."""
    try:
        if not _is_own(path):
            return None
        data = path.read_bytes()
    except OSError:
        return None
    body, checksum = data[:-_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]
    return body if hashlib.sha256(body).digest() == checksum else None


def write_cached(path: Path, data: bytes) -> None:
    """Keep an object file: whole or not at all, and nothing happens if that fails."""
    import tempfile  # rarely needed

    with contextlib.suppress(OSError):
        descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data + hashlib.sha256(data).digest())
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
