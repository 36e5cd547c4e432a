"""LoongArch64 user mode: an engine of our own, because no emulator library has one.

One instruction table (`isa`) and one description of what instructions do (`semantics`); from them
a plain-Python back end (`python_engine`) and one built by LLVM (`llvm_engine`), and the
disassembler. Source: LoongArch Reference Manual vol. 1, "Basic Architecture", v1.00.
"""
