r"""Command lines for busybox's shell: each forks, most run several programs at once.

`SHELL_LINES` go to a shell that finds its commands in PATH (links to busybox, as an installed one
has); `ASH_LINES` to the one that runs them itself. Both are compared with the host's own run: a
foreign shell under qemu-user could not execute its foreign children. What a line prints must not
depend on process ids, on the directory's name or order, or on who of two is quicker.
"""

from __future__ import annotations

from tests.conformance.command_lines import BINARY, TEXT, TREE
from tests.conformance.oracle import Command

#: Where the lines run: a directory with nothing else in it.
HOME = "work"
FILES = tuple((f"{HOME}/{path}", data) for path, data in (*TEXT, *TREE))
#: The names in PATH, all of them links to busybox.
NAMES = """
awk basename bc cat chmod cksum cmp comm cp cut date dd diff dirname du echo env expr factor
false find flock fold grep gunzip gzip head hexdump kill link ln ls md5sum mkdir mkfifo mktemp mv nl
nohup od paste printenv printf pwd readlink rev rm rmdir sed seq setsid sh sha256sum sleep sort
split stat sum tac tail tar tee test timeout touch tr true truncate uname uniq wc xargs xz yes
zcat
"""
LINKS = tuple(NAMES.split())

#: xargs is told of the failure through memory that vfork shares; musl has none on loongarch64.
NEEDS_VFORK = "echo x | xargs nosuchcommand; echo $?"

PIPES = (
    "cat words | sort | uniq -c | sort -rn | head -5",
    "cat words | tr ' ' '\\n' | sort -u | wc -l",
    "seq 1 1000 | awk '{ s += $1 } END { print s }'",
    "yes | head -3",
    "yes word | head -c 200000 | md5sum",
    "false | true; echo $?; true | false; echo $?; ! true | false; echo $?",
    "set -o pipefail; (exit 3) | true; echo $?",
    "seq 5 | while read n; do echo $((n * n)); done; echo ${n:-unset}",
    "seq 9 | (read a; read b; echo $a-$b; cat | tail -2)",
    "cat words | tee one two | wc -l; cmp one two && echo same",
    "nosuchcommand | cat; echo $?; cat nothere 2>/dev/null | wc -c",
    "seq 20000 | tail -1; seq 20000 | sed -n '$='",
    "gzip -c words | gunzip | cmp - words && echo same",
    "tar c tree | tar t | sort",
    "(cd tree && tar c .) | (mkdir new && cd new && tar x); find new | sort; cat new/a.txt",
    "find tree -type f | sort | xargs wc -c",
    "seq 20 | xargs -n 6 echo; printf 'a b\\0c\\0' | xargs -0 -n 1 echo",
    "seq 4 | xargs -I X sh -c 'echo a X b'; seq 8 | xargs -P 3 -n 1 echo | sort",
    "seq 3 | xargs -n 1 sh -c 'exit 1'; echo $?",
    NEEDS_VFORK,
    "mkfifo p; cat words > p & wc -l < p; wait; [ -p p ] && rm p; ls p 2>/dev/null; echo $?",
    "mkfifo a b; tr a-z A-Z < a > b & sed s/OAK/yes/g < b | head -4 & cat words > a; wait",
    "dd if=/dev/zero bs=1000 count=300 2>/dev/null | md5sum; head -c 70000 /dev/zero | wc -c",
    "cat words | grep oak | sed 's/oak/OAK/g' | awk '{ print NF }' | sort -n | uniq -c | tail -3",
    "i=0; while [ $i -lt 40 ]; do cat /dev/null; i=$((i + 1)); done; echo $i",
    "echo a | cat | cat | cat | cat | cat | cat | cat | cat | cat",
    'awk \'BEGIN { while (("seq 3" | getline x) > 0) print x; print "b\\na" | "sort" }\'',
    'awk \'BEGIN { r = system("exit 6"); print r; print "to cat" | "cat 1>&2" }\'',
    "{ echo out; echo err >&2; } 2>&1 | sort",
    "trap '' PIPE; yes 2>/dev/null | head -1; seq 30000 | head -2",
)
SUBSHELLS = (
    "x=1; (x=2; echo $x); echo $x; { x=3; }; echo $x",
    "(cd tree; ls); ls -d tree; ((1 + 1)) 2>/dev/null; (exit 7); echo $?",
    "( ( (echo deep; exit 2); echo $?) ; exit 3); echo $?",
    "(trap 'echo sub' EXIT; echo in); trap 'echo main' EXIT; (echo none)",
    "umask 022; (umask 077; touch f); touch g; stat -c '%n %a' f g",
    "(exec echo replaced; echo never); (exec nosuchcommand; echo never); echo $?",
    "f() (a=in; echo $a; return 4); a=out; f; echo $a $?; (f() { echo new; }; f); f",
    "(kill -9 $(sh -c 'echo $PPID')); echo $?",
    "(sh -c 'kill -SEGV $$'); echo $?; sh -c 'kill -TERM $$'; echo $?",
    "a=$( (echo x; exit 4) ); echo $a $?; b=$(false); echo $?",
    'echo $(seq 3) "$(seq 3)" `echo old` $(echo $(echo $(echo nested)))',
    "v=$(cat words | md5sum); echo ${v%% *}; echo \"$(printf 'a\\n\\n\\n')|\"",
    "n=$(wc -l < words); echo $((n * 2)); for w in $(head -1 words); do echo [$w]; done",
    'echo "$(cat <<E\nhere $((6 * 7))\nE\n)"; echo $(< numbers) | wc -w',
    "big=$(seq 5000); echo ${#big}; printf '%s\\n' $big | tail -1",
)
DOCUMENTS = (
    'cat <<E\nplain $((1 + 1)) $(echo sub) `echo tick` \\$x "q"\nE',
    "cat <<'E'\nquoted $x $(no) \\n\nE\ncat <<-E\n\ttabs\n\t\tgone\n\tE",
    'while read a b; do echo "$b:$a"; done <<E\none two three\nfour\n\nE',
    "cat <<A; cat <<B\nfirst\nA\nsecond\nB\ncat - words <<E | head -2\nbefore\nE",
    "x=$(seq 20000); cat <<E | md5sum\n$x\nE",
    "f() { cat; }; f <<E && echo ok\nto a function\nE\nsh <<'E'\necho $0 | wc -c; "
    "exit 3\nE\necho $?",
    "cat <<< 'a here-string' | tr a-z A-Z; exec 5<<E\nkept\nE\ncat <&5",
)
JOBS = (
    "sleep 0.05 & wait; echo done $?",
    "(sleep 0.02; exit 5) & wait $!; echo $?; wait $! 2>/dev/null; echo $?",
    "for i in 3 1 2; do (sleep 0.$i; echo $i) & done; wait; echo all",
    "exec 2>&-; sleep 50 & kill $!; wait $!; echo $?; sleep 50 & kill -9 $!; wait $!; echo $?",
    "for i in $(seq 20); do (echo $i) & done | sort -n | tail -3; wait; echo $?",
    "true & p=$!; false & q=$!; wait $p; echo $?; wait $q; echo $?",
    "timeout 0.1 sleep 50; echo $?; timeout -s KILL 0.1 sleep 50; echo $?; timeout 9 true; echo $?",
    "exec 2>&-; sleep 50 & kill -STOP $!; kill -CONT $!; kill -INT $!; kill $!; wait $!; echo $?",
    "(sleep 0.05; echo late > f) & cat f 2>/dev/null; wait; cat f",
    "a() { sleep 0.0$1; echo $1; }; a 8 & a 3 & wait; echo end",
    "wait 99999; echo $?; kill -0 $$ && echo alive; kill -0 99999 2>/dev/null || echo none",
    "nohup echo kept 2>/dev/null; setsid echo alone; (echo from group &) ; sleep 0.05",
    "sleep 0.3 | { read -t 0.05 x; echo $?; }; echo yes | { read -t 5 x; echo $x $?; }",
    "flock lock sh -c 'echo locked'; (flock 9; echo inside) 9>lock; flock -n lock true; echo $?",
    "(flock 9; echo a; sleep 0.1; echo b) 9>l & sleep 0.03; (flock 9; echo c) 9>l; wait",
    "cat & wait $!; echo $?; cat < words & wait; echo | wc -c",
)
TRAPS = (
    "trap 'echo int' INT; kill -INT $$; echo after; trap - INT; kill -INT $$; echo never",
    "trap '' TERM; kill $$; sh -c 'kill $$; echo child ignores too'; echo alive",
    "trap 'echo usr1; n=1' USR1; (sleep 0.05; kill -USR1 $$) & wait; echo $? $n; wait",
    "trap 'echo status $?' EXIT; (exit 3); exit 4",
    "trap 'echo a' USR1; trap 'echo b' USR2; trap; kill -USR2 $$; kill -USR1 $$; (trap)",
    "trap 'echo hup; exit 9' HUP; kill -HUP $$; echo never",
    "trap 'echo tick; n=$((n + 1))' ALRM; n=0; while [ $n -lt 3 ]; do kill -ALRM $$; done; echo $n",
    "trap 'echo term' TERM; sleep 0.3 & p=$!; (sleep 0.05; kill $$) & wait $p; echo $?; wait",
    "kill -l 9; kill -l 15; kill -l TERM; kill -l | head -3 | wc -l; kill -NOSUCH $$; echo $?",
    "trap 'kill $p; echo cleaned' EXIT; sleep 50 & p=$!; echo started",
    "set -e; trap 'echo leaving $?' EXIT; false; echo never",
)
LOOPS = (
    "for i in 1 2 3; do for j in a b; do [ $i$j = 2a ] && continue 2; echo $i$j; done; done",
    "i=0; until [ $i -ge 5 ]; do i=$((i + 1)); [ $i = 4 ] && break; echo $i; done; echo out $i",
    "for f in tree/*; do [ -d $f ] && echo dir $f || echo file $f; done; for x; do echo $x; done",
    "fib() { [ $1 -lt 2 ] && echo $1 || echo $(($(fib $(($1 - 1))) + $(fib $(($1 - 2))))); "
    "}; fib 7",
    "case $(uname) in L*) echo linux;; [A-K]*|x) echo no;; *) echo other;; esac",
    "while read n rest; do [ $n -gt 1000 ] && echo $n; done < numbers; echo $?",
    "set -- a 'b c' d; for x; do echo \"<$x>\"; done; shift 2; echo $# $*; shift 5; echo $?",
    "while getopts ab:c o -a -b val -x; do echo $o ${OPTARG:-}; done; echo $OPTIND",
    "i=10; while :; do i=$((i - 3)); case $i in -*) break;; esac; echo $i; done",
    "for d in 1 2 3; do mkdir -p d/$d; echo $d > d/$d/f; done; cat d/*/f; rm -r d; ls d; echo $?",
)
GLOBS = (
    "echo *; echo tree/*; echo t*/[a-m]*; echo tree/?.txt; echo tree/*/*/*",
    "echo nothing*here; echo 'tree/*' \"w*\" w\\*; set -f; echo *; set +f; echo w*",
    "touch .hidden a1 a2 b1; echo *1; echo .h*; echo [!a-z]*; echo [ab]?; echo tree/[!a]*",
    "cd tree; echo *.txt | cat; ls -d */; ls b/* | sort; for f in *.t?t; do echo ${f%.txt}; done",
    "v='tree/*'; echo $v \"$v\"; set -- *r*; echo $# $1; case words in w*s) echo yes;; esac",
    "x=tree/b/d/e.bin; echo ${x##*/} ${x%/*} ${x#*/} ${x%%/*} ${#x} ${x/tree/TREE} ${x//e/E}",
)
REDIRECTIONS = (
    "echo one > f; echo two >> f; cat < f; cat f > g 2>&1; wc -l f g; > f; wc -c f",
    "ls nothere words 2> err; wc -l < err; ls nothere 2>&1 | wc -l; ls nothere > /dev/null 2>&1",
    'exec 3< words; read a <&3; read b <&3; exec 3<&-; echo "$a|$b"; read c <&3; echo $?',
    "exec 4> f; echo a >&4; (echo b >&4); exec 4>&-; cat f; echo x >&4; echo $?",
    "exec 3>&1; (echo out; echo err >&3) > f; cat f; { echo to err >&2; } 2>&1 > f; wc -c f",
    "set -C; echo a > f; echo b > f; echo $?; echo c >| f; cat f",
    "echo abcdef > f; exec 5<> f; printf XY >&5; read rest <&5; echo $rest; cat f",
    "while read x <&3; do echo $x; read y; echo got $y; done 3< words < numbers | head -4",
    "cat /dev/stdin < words | head -1; echo through > /dev/stdout; echo err > /dev/stderr",
    "cat words > /nowhere/f; echo $?; cat < /nowhere/g; echo $?; echo x > tree; echo $?",
    "exec > f; echo hidden; exec >&2; echo shown; cat f >&2",
    "echo a > f; for i in 1 2; do cat f f > g; mv g f; done; wc -l < f; echo 5>f; cat f",
    "sort -o words words; head -1 words; cat words >> words2; cmp words words2; ln -s words l; "
    "readlink l; cat l | wc -l; cp l c; rm l; ls c words",
)
WORDS = (
    "X=5 sh -c 'echo $X'; echo ${X:-unset}; export Y=6; sh -c 'echo $Y'; "
    "env -u Y sh -c 'echo ${Y-no}'",
    "a='x  y'; echo $a; echo \"$a\"; IFS=:; p=1:2:3; set -- $p; echo $2; unset p; echo ${p-gone}",
    "printf '%s-%d-%x\\n' str 42 255 s2 7 8; printf 'a\\tb\\101\\n'; echo -n no newline; echo",
    "eval 'x=3; echo $((x << 4 | 1))'; echo $((0x1f % 7)) $((-7 / 2)) $((1 ? 2 : 3)); "
    "echo $((1 / 0))",
    "printf '#!/bin/sh\\necho script $# $1\\nexit 6\\n' > s; chmod +x s; ./s one two; echo $?",
    "echo 'echo lib $1; v=set' > lib; . ./lib arg; echo $v; sh lib x; ./lib; echo $?; "
    "./nofile; echo $?",
    "set -u; echo ${A:-dflt}; (echo $A); echo $?; set +u; : ${B:=given}; "
    "echo $B ${B:+alt} ${C:+none}",
    "set -x; echo traced; y=1; [ $y = 1 ]; set +x; echo quiet",
    "readonly r=1; (r=2); echo $?; command echo plain; command -v nosuch; echo $?; type cd true",
    "read -r a <<'E'\nback\\slash\nE\necho $a; echo 'p q r' | { read x y; echo $y; }; "
    "test -t 0; echo $?",
    "f() { local v=in; g; echo $v; }; g() { v=changed; }; v=out; f; echo $v; f | cat; return 5",
    "find tree -name '*.txt' -exec cat {} + | sort; "
    "find tree -type f -exec sh -c 'wc -c < $0' {} \\; | sort",
    "test -f words -a -s words && [ ! -x words ] && echo ok; [ words -nt nothere ]; "
    "echo $?; [ a; echo $?",
    "cp -r tree t2; echo more >> t2/a.txt; diff -r tree t2; rm -r tree; ls -R t2",
    "mkdir -p a/b; cd a/b; cd ../..; ls; cd a; cd - > /dev/null; ls -d a; cd nowhere; echo $?",
    "for f in words numbers; do gzip -k $f; zcat $f.gz | cmp - $f && echo $f; done; ls *.gz",
    "split -l 150 words part; ls part*; cat part* | cmp - words; truncate -s 10 words; wc -c words",
    "date -u -d @86399 +%T; factor 360 | cut -d: -f2; echo '2^70' | bc; expr 3 '*' 4; expr 1 = 2",
    "mktemp -p . t.XXXXXX | wc -c; touch -d @5000 o; stat -c %Y o; sha256sum words | cut -c1-9",
    "echo unterminated 'quote",
    "if; then",
    "exit 300",
)  # fmt: skip
STDIN = (
    (b"read x; echo got $x; read y\ninput line\nsecond\necho $y\ncat\nrest of\nthe input\n", ()),
    (b"echo $# $1; exit 2\n", ("-s", "a", "b")),
    (b"cat work/words | wc -l\n(sleep 0.01; echo bg) &\nwait\nfalse\n", ()),
    (BINARY[:200], ("-c", "wc -c; cat work/words | wc -l")),
)
TEXTS = (
    *PIPES, *SUBSHELLS, *DOCUMENTS, *JOBS, *TRAPS, *LOOPS, *GLOBS, *REDIRECTIONS, *WORDS,
)  # fmt: skip


def _lines(program: str, links: tuple[str, ...]) -> list[Command]:
    plain = [("-c", f"cd {HOME}; {text}") for text in TEXTS]
    return [
        *(Command(program, args, files=FILES, argv0="sh", links=links) for args in plain),
        *(Command(program, args, data, FILES, "sh", links=links) for data, args in STDIN),
    ]


SHELL_LINES = _lines("busybox", LINKS)
ASH_LINES = _lines("ash", LINKS)
