"""C++ and Rust names as c++filt 2.40 and rustc-demangle spell them; anything else stays."""

from __future__ import annotations

import random

import pytest

from arcetui.symbols.demangle import demangled, shown

#: What `c++filt -p` gives, but std::string stays short.
CXX = {
    "_Z7throweri": "thrower",
    "_Z7throweri.cold": "thrower.cold",
    "_ZN1RD1Ev": "R::~R",
    "_ZN1RC2EPKc": "R::R",
    "_ZSt9terminatev": "std::terminate",
    "_ZNSt6vectorIiSaIiEE9push_backERKi": "std::vector<int, std::allocator<int> >::push_back",
    "_ZNKSt9exception4whatEv": "std::exception::what",
    "_ZN9__gnu_cxxeqIPcSsEEbRKNS_17__normal_iteratorIT_T0_EES7_": (
        "__gnu_cxx::operator==<char*, std::string>"
    ),
    "_ZStlsISt11char_traitsIcEERSt13basic_ostreamIcT_ES5_PKa": (
        "std::operator<< <std::char_traits<char> >"
    ),
    "_ZNKSi6sentrycvbEv": "std::istream::sentry::operator bool",
    "_ZTVN10__cxxabiv117__class_type_infoE": "vtable for __cxxabiv1::__class_type_info",
    "_ZThn16_NSdD0Ev": "non-virtual thunk to std::iostream::~basic_iostream",
    "_ZN12_GLOBAL__N_15pointE": "(anonymous namespace)::point",
    "_ZZ4mainENKUlvE_clEv": "main::{lambda()#1}::operator()",
    "_ZZ4mainENKUliPT_E0_clIcEEDaiS0_": "main::{lambda(int, auto:1*)#2}::operator()<char>",
    "_ZGVZN1A3getEvE4once": "guard variable for A::get()::once",
    "_Z3mapIPFiPKcEA3_iEvT_RT0_": "map<int (*)(char const*), int [3]>",
    "_Z4packIJicN1N1SEEEvDpOT_": "pack<int, char, N::S>",
    "_Z5valueILb1ELin7ELj3EEvv": "value<true, -7, 3u>",
    "_ZNSt8ios_base7failureB5cxx11C1EPKc": "std::ios_base::failure[abi:cxx11]::failure",
    "_ZN1AIiE3fooIMS0_KFvvEEEvT_": "A<int>::foo<void (A<int>::*)() const>",
}
RUST = {
    "_ZN1t4deep17h0123456789abcdefE": "t::deep",
    "_ZN42_$LT$$RF$T$u20$as$u20$core..fmt..Debug$GT$3fmt17h0f97c0165423831fE": (
        "<&T as core::fmt::Debug>::fmt"
    ),
    "_ZN4core3ops8function6FnOnce9call_once17hd8d76483f9f4e7d2E.llvm.1234": (
        "core::ops::function::FnOnce::call_once"
    ),
    "_ZN1t4main28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE": "t::main::{{closure}}",
    "_RINvNtCsgEmfK2I1SDS_4core9panicking13assert_failedllECsjrHSEGnQ3l9_3std": (
        "core::panicking::assert_failed::<i32, i32>"
    ),
    "_RNvNtNtCsjrHSEGnQ3l9_3std6thread11main_thread4MAIN.0": "std::thread::main_thread::MAIN.0",
    "_RNCNvCs1234_1t4main0B3_": "t::main::{closure#0}",
    "_RNvXCs1234_1tNtB2_1DNtNtNtCs5678_4core3ops4drop4Drop4drop": (
        "<t::D as core::ops::drop::Drop>::drop"
    ),
    "_RINvC1t1fAhj4_FRhEuDNtC1c1TEL_E": "t::f::<[u8; 4], fn(&u8), dyn c::T>",
    "_RNvC1tu8gdel_5qa": "t::gödel",
}


@pytest.mark.parametrize(("name", "wanted"), [*CXX.items(), *RUST.items()])
def test_names(name: str, wanted: str) -> None:
    assert demangled(name) == wanted


def test_what_is_no_such_name_stays() -> None:
    for name in ("main", "_Z", "_ZN", "_R", "_ZN3fooE1", "_RNvC", "_start", "", "_ZN5ab"):
        assert shown(name) in {name, "foo"}


def test_long_names_lose_their_template_arguments() -> None:
    name = "_ZNSt6thread11_State_implINS_8_InvokerISt5tupleIJZ4mainEUlvE5_EEEEE6_M_runEv"
    assert shown(name) == "std::thread::_State_impl<...>::_M_run"
    long = "_ZlsI" + "St6vectorIiSaIiEE" * 5 + "EvT_"
    assert shown(long).startswith("operator<< <...>")


def test_broken_names_never_raise() -> None:
    rng = random.Random(1)
    names = [*CXX, *RUST]
    for _ in range(20_000):
        letters = list(rng.choice(names))
        for _ in range(rng.randint(1, 4)):
            letters[rng.randrange(2, len(letters))] = rng.choice("NSTIEJLPKZ_0129BCDMXYFRQA.s")
        assert isinstance(shown("".join(letters)), str)
    for hard in ("_Z" + "P" * 3000 + "i", "_R" + "NvB_" * 500, "_ZN" + "S_" * 900, "_Z1fI" * 700):
        assert isinstance(shown(hard), str)
