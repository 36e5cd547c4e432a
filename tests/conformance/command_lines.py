"""Command lines of other people's programs, to compare Linux and our kernel on."""

from __future__ import annotations

import random

from tests.conformance.oracle import Command


def _words(count: int, seed: int) -> bytes:
    rng = random.Random(seed)
    names = "ash birch cedar elm fir hazel larch maple oak pine rowan willow yew"
    lines = [
        " ".join(
            f"{rng.choice(names.split())}{rng.randrange(50)}" for _ in range(rng.randrange(1, 9))
        )
        for _ in range(count)
    ]
    return ("\n".join(lines) + "\n").encode()


WORDS = _words(400, 1)
NUMBERS = "".join(f"{n * 7919 % 1009} {n * 31 % 97}.{n % 10}\n" for n in range(300)).encode()
BINARY = bytes(random.Random(2).randrange(256) for _ in range(5000)) + bytes(20000)
TREE = (
    ("tree/a.txt", b"alpha\nbeta\n"),
    ("tree/b/c.txt", b"gamma\n"),
    ("tree/b/d/e.bin", b"\0\1\2" * 1000),
    ("tree/z.txt", b""),
)
TEXT = (("words", WORDS), ("numbers", NUMBERS), ("other", _words(380, 3)))

LUA_SORT = """
local t = {} ; local x = 12345
for i = 1, 20000 do x = (x * 1103515245 + 12345) % 2147483648 ; t[i] = x end
table.sort(t) ; print(t[1], t[10000], t[20000])
local s = {} ; for i = 1, 3000 do s[#s + 1] = ("%x"):format(t[i]) end
local all = table.concat(s, ",") ; print(#all, (all:gsub("%d+", "#")):sub(1, 60))
"""
LUA_FILES = """
local f = assert(io.open("out.txt", "w")) ; for i = 1, 2000 do f:write(i, " ", i * i, "\\n") end
f:close() ; local n, sum = 0, 0
for line in io.lines("out.txt") do local a, b = line:match("(%d+) (%d+)") ; n = n + 1
sum = sum + b - a end ; print(n, sum)
f = io.open("out.txt", "r+") ; print(f:seek("end"), f:seek("set", 100), f:read(10)) ; f:close()
print(os.rename("out.txt", "new.txt"), io.open("out.txt"), os.remove("new.txt"))
print(os.remove("new.txt")) ; print(io.open("/nothing/here", "w"))
f = io.tmpfile() ; f:write("temporary") ; f:seek("set") ; print(f:read("a"))
print(os.getenv("HOME"), os.getenv("NOPE"), os.date("!%Y-%m-%d %H:%M:%S", 86400 * 365))
"""
LUA_COROUTINES = """
local function count(n) for i = 1, n do coroutine.yield(i) end end
local function gen(n) return coroutine.wrap(function() count(n) end) end
local sum = 0 ; for v in gen(30000) do sum = sum + v end ; print(sum)
print(select(2, pcall(error, {code = 1})).code) ; print(select("#", table.unpack({}, 1, 200)))
print(string.pack("<i4", 100):byte(1, -1)) ; print(math.tointeger(3.0), 7 // 2, -7 % 3, 1e308 * 10)
for _, f in ipairs { math.sin, math.exp, math.log, math.sqrt, math.atan } do print(f(0.5)) end
print(string.rep("ab", 100000):len(), collectgarbage("count") > 0) ; error("the end")
"""
LUA_DEEP = "local function f(n) return n > 0 and 1 + f(n - 1) or error(n) end"
LUA = [
    Command("lua", ("-e", "print(_VERSION, 1/3, 2^53, 10 // 3, #arg)")),
    Command("lua", ("-v",)),
    Command("lua", ("-e", LUA_SORT)),
    Command("lua", ("-e", LUA_FILES)),
    Command("lua", ("-e", LUA_COROUTINES)),
    Command("lua", ("-",), stdin=b"for l in io.lines() do print(#l, l) end\n"),
    Command("lua", ("prog.lua", "one", "two"), files=(("prog.lua", b"print(...) return 3"),)),
    Command("lua", ("-i",), stdin=b"x = 5\nprint(x * 2)\nx +\n1\n= x\nerror('no')\n"),
    Command("lua", ("-e", "os.exit(7)")),
    Command("lua", ("nothere.lua",)),
    Command("lua", ("-e", f"{LUA_DEEP} print(pcall(f, 9999))")),
    Command("lua", ("-e", f"{LUA_DEEP} f(20)")),
    Command("lua", ("-e", "io.stdout:setvbuf('full') print(io.read('n', 'l', 'L', 'a'))"),
            stdin=b"42 rest\nline\nall\nof it"),
]  # fmt: skip

SQL_TOUR = b"""
create table tree(id integer primary key, name text, height real, seen date);
insert into tree(name, height, seen) values ('oak', 21.5, '2001-02-03'), ('ash', 18, '1999-12-31'),
  ('yew', 9.25, null);
create index by_height on tree(height);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000)
  insert into tree(name, height) select 't' || i, (i * 7919) % 1000 / 10.0 from n;
.headers on
.mode column
select count(*), round(avg(height), 3), min(name), max(name) from tree;
.mode csv
select * from tree where height between 9 and 10 order by height desc, id limit 5;
explain query plan select * from tree where height = 3;
begin; delete from tree where id % 3 = 0; select count(*) from tree; rollback;
select count(*) from tree;
.mode list
select name, rank() over (order by height) from tree where id < 8;
select json_extract('{"a":[1,2,{"b":3}]}', '$.a[2].b'), hex(zeroblob(3)), upper('x'), typeof(1.0);
create virtual table notes using fts5(body); insert into notes values ('the quick fox'), ('slow');
select * from notes where notes match 'quick';
select nothing from tree;
.schema
pragma integrity_check;
"""
SQL_FILE = b"""
pragma journal_mode = delete; create table t(a, b); begin;
with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000)
insert into t select i, hex(i * i) from n; commit; update t set b = b || 'x' where a % 7 = 0;
select count(*), sum(length(b)) from t; pragma page_count; vacuum; pragma integrity_check;
attach 'two.db' as two; create table two.u as select * from t where a < 10; select * from two.u;
"""
SQLITE = [
    Command("sqlite3", (":memory:", "select sqlite_version(), 1.0 / 3")),
    Command("sqlite3", (), stdin=SQL_TOUR),
    Command("sqlite3", ("file.db",), stdin=SQL_FILE),
    Command("sqlite3", ("file.db",), stdin=b"pragma journal_mode=wal;\n" + SQL_FILE),
    Command("sqlite3", ("file.db",), stdin=b"pragma journal_mode=memory;\npragma mmap_size=1000000;"
            + SQL_FILE),
    Command("sqlite3", ("-csv", ":memory:", ".import numbers n", "select count(*) from n"),
            files=TEXT),
    Command("sqlite3", ("-box", ":memory:", "select 1 as a, 'two' as b")),
    Command("sqlite3", ("-bail", ":memory:"), stdin=b"select 1;\nselect x;\nselect 2;\n"),
    Command("sqlite3", ("/nothing/x.db", "create table t(a)")),
    Command("sqlite3", (":memory:", "select date('2020-01-31', '+1 month'), julianday(2.5)")),
    Command("sqlite3", (":memory:", "select writefile('w.txt', 'hello'), readfile('w.txt')")),
    Command("sqlite3", ("not.db", "select * from t"), files=(("not.db", WORDS),)),
]  # fmt: skip

AWK_COUNT = '{ for (i = 1; i <= NF; i++) n[$i]++ } END { for (w in n) print n[w], w | "cat" }'
AWK_SUM = '{ s += $1; q += $2 * $2; if ($1 > m) m = $1 } END { printf "%d %.3f %d\\n", s, q, m }'
AWK_TEXT = (
    '{ gsub(/o/, "0"); print NR ": " toupper(substr($0, 1, 20)), length($0), index($0, "e") }'
)
AWK_SPLIT = '{ print > "o" NR % 3 } END { close("o0"); while (getline < "o0") k++; print k }'
AWK_LINES = 'BEGIN { while ((getline < "words") > 0) n++; print n; exit 4 }'
MAWK = [
    Command("mawk", (AWK_SUM,), stdin=NUMBERS),
    Command("mawk", (AWK_SUM, "numbers"), files=TEXT),
    Command("mawk", (AWK_TEXT, "words", "other"), files=TEXT),
    Command("mawk", ('BEGIN { for (; i < 10; i++) printf "%5.2f|%-6d|%x\\n", i / 3, i, i * i }',)),
    Command("mawk", (AWK_LINES,), files=TEXT),
    Command("mawk", (AWK_SPLIT,), stdin=NUMBERS),
    Command("mawk", ("BEGIN { print sin(1), exp(1), log(10), sqrt(2), int(-3.7), 2 ** 10 }",)),
    Command("mawk", ("BEGIN { printf(\"%s\"",)),
    Command("mawk", ("{ print }", "nothere")),
    Command("mawk", ("-W", "version"), compare_stderr=False),
]  # fmt: skip

ZLIB = [
    Command("minigzip", stdin=WORDS * 5),
    Command("minigzip", ("-9",), stdin=BINARY),
    Command("minigzip", ("-1", "words"), files=TEXT),
    Command("minigzip", ("-d", "nothere.gz")),
    Command("minigzip", ("-d",), stdin=b"no gzip file at all\n"),
    Command("zexample", ("out.gz",)),
    Command("bzip2", ("-c",), stdin=WORDS),
    Command("bzip2", ("-9", "-c"), stdin=BINARY),
    Command("bzip2", ("-kv", "words", "other"), files=TEXT),
    Command("bzip2", ("-t", "words"), files=TEXT),
    Command("bzip2", ("--help",)),
]


def _box(
    line: str, *more: str, stdin: bytes = b"", files: tuple[tuple[str, bytes], ...] = TEXT
) -> Command:
    words = [*line.split(), *more]
    return Command("busybox", tuple(words[1:]), stdin, files, argv0=words[0])


SHELL = """
total=0; i=0; while [ $i -lt 300 ]; do i=$((i + 1)); total=$((total + i * i)); done; echo $total
f() { local x=$1; case $x in a*) echo "starts with a: $x";; *) echo other;; esac; }; f apple; f pear
echo one two > file; read a b < file; echo "$b-$a"; set -- x y z; echo $# "$*" ${1:-no} ${9:-none}
for w in tree/*; do echo "$w ${w#tree/}"; done; [ -d tree/b ] && [ ! -e gone ] && printf '%03d\\n' 7
trap 'echo bye' EXIT; umask 027; umask; cd tree/b; test -s c.txt; echo $?; type cd; exit 5
"""
BC = b"scale=20\n1/7\n2^100\nsqrt(2)\ndefine f(x){if(x<2)return 1;return x*f(x-1)}\nf(25)\n"
BUSYBOX = [
    _box("cat words"),
    _box("cat - words", stdin=b"first\n"),
    _box("cat nothere words"),
    _box("ls -1 tree tree/b", files=TREE),
    _box("ls -R tree", files=TREE),
    _box("ls -p tree nothere", files=TREE),
    _box("echo -e one\\ttwo\\x41"),
    _box("expr 6 * ( 7 + 1 )"),
    _box("expr foobar : foo\\(.*\\)"),
    _box("sort words"),
    _box("sort -rn -k2 numbers"),
    _box("sort -u", stdin=WORDS),
    _box("uniq -c", stdin=b"a\na\nb\nc\nc\nc\n"),
    _box("wc words numbers"),
    _box("wc -c", stdin=BINARY),
    _box("sed -n s/oak\\([0-9]*\\)/<\\1>/gp words"),
    _box("sed -e", "1,3d;$!N;s/\\n/+/;y/abc/xyz/", "words"),
    _box("sed -i s/a/A/g words"),
    _box("awk", AWK_SUM, "numbers"),
    _box("awk", AWK_TEXT, "words"),
    _box("awk", "BEGIN { print substr(\"hello\", 2, 3), 1e6, 0.1 + 0.2, length(x) }"),
    _box("grep -n -i OAK[0-9]$ words"),
    _box("grep -c -v ash words numbers"),
    _box("grep -E ^(oak|elm)[0-9]+.*yew -A1 words"),
    _box("grep nothing words"),
    _box("head -n 7 words numbers"),
    _box("head -c 100 words"),
    _box("tail -n 5 words"),
    _box("tail -c 50", stdin=WORDS),
    _box("cut -d", " ", "-f2,4-", "words"),
    _box("cut -c3-9 words"),
    _box("tr a-z A-Z", stdin=WORDS),
    _box("tr -cd 0-9\\n", stdin=WORDS),
    _box("md5sum words numbers"),
    _box("sha256sum", stdin=BINARY),
    _box("sha512sum words"),
    _box("sha1sum nothere words"),
    _box("cksum words"),
    _box("od -A d -t x1", stdin=BINARY),
    _box("od -c", stdin=b"text\n\0\1\xff\n"),
    _box("hexdump -C", stdin=BINARY),
    _box("xxd", stdin=WORDS[:200]),
    _box("printf %5d|%-5s|%x|%c|%%\\n 42 ab 255 z"),
    _box("seq 1 3 40"),
    _box("seq -w 8 11"),
    _box("factor 1234567 97 360360"),
    _box("bc", stdin=BC),
    _box("bc -l", stdin=b"a(1)*4\ne(1)\ns(.5)\n1/0\n"),
    _box("dc", stdin=b"10k 2 v p 3 4 + p [la1+dsap]sx 5sa lxx f"),
    _box("date -u -d @86400 +%Y-%m-%dT%H:%M:%S"),
    _box("find tree/b -type f", files=TREE),
    _box("find tree/b -name *.txt -size -1", files=TREE),
    _box("find tree -maxdepth 1 -empty", files=TREE),
    _box("stat -c %n,%s,%F,%a tree/a.txt tree/b/d/e.bin", files=TREE),
    _box("stat -c %s,%h,%F words"),
    _box("du -a -k tree/b/d/e.bin", files=TREE),
    _box("tar cf t.tar tree", files=TREE),
    _box("gzip -c words"),
    _box("gzip -dc", stdin=b"not gzip"),
    _box("bzip2 -c words"),
    _box("xz -dc words"),
    _box("base64 numbers"),
    _box("base64 -d", stdin=b"SGVsbG8gd29ybGQK"),
    _box("comm words other"),
    _box("cmp words other"),
    _box("diff -u words other"),
    _box("paste -d, words numbers"),
    _box("nl words"),
    _box("rev words"),
    _box("tac words"),
    _box("fold -w 30 words"),
    _box("expand", stdin=b"a\tb\n"),
    _box("cp words copy"),
    _box("cp -r tree tree2", files=TREE),
    _box("mv words moved"),
    _box("mv nothere moved"),
    _box("rm words nothere"),
    _box("rm -r tree", files=TREE),
    _box("mkdir -p x/y/z"),
    _box("mkdir words"),
    _box("rmdir tree", files=TREE),
    _box("ln -s words link"),
    _box("ln words hard"),
    _box("touch -d @1000 words new"),
    _box("truncate -s 10 words"),
    _box("chmod 640 words"),
    _box("dd if=words of=copy bs=100 skip=2 count=3 conv=notrunc"),
    _box("split -l 100 words part"),
    _box("tee copy", stdin=WORDS),
    _box("basename /usr/lib/x.c .c"),
    _box("dirname /usr/lib/x.c"),
    _box("test -f words -a ! -d words"),
    _box("env -i A=1 B=2"),
    _box("printenv HOME TZ"),
    _box("true"),
    _box("false"),
    _box("cal 2 2024"),
    _box("tsort", stdin=b"a b\nb c\na c\n"),
    _box("strings", stdin=BINARY),
    _box("uuencode name", stdin=WORDS[:100]),
    _box("cpio -o -H newc", stdin=b"nothere\n"),
    _box("ed words", stdin=b"1p\n$p\n/oak/p\n2,4d\n,s/elm/ELM/\nw\nq\n"),
    _box("sleep 0.01"),
    _box("shuf -i 1-1"),
    _box("id -u"),
    _box("sh -c", SHELL, files=TREE),
    _box("sh", stdin=SHELL.encode(), files=TREE),
    _box("sh -c", "kill -TERM $$; echo no"),
    _box("sh -c", "nosuchcommand; echo $?"),
    _box("busybox"),
    _box("nosuchapplet"),
]  # fmt: skip

COMMANDS = [*LUA, *SQLITE, *MAWK, *ZLIB, *BUSYBOX]
