//! Threads, channels, panics with unwinding, processes and files of the standard library.

use std::sync::{atomic::*, mpsc, Arc, Barrier, Condvar, Mutex, RwLock};
use std::{
    collections::*,
    env, fs,
    io::{self, BufRead, Read, Write},
    panic,
    path::Path,
    process::Command,
    thread,
    time::*,
};
struct D(&'static str);
impl Drop for D {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}
fn deep(n: u32) -> u32 {
    let _d = D("deep");
    if n == 0 {
        panic!("at the bottom")
    } else {
        deep(n - 1) + 1
    }
}
thread_local! { static TL: std::cell::Cell<u32> = std::cell::Cell::new(3); }
fn main() {
    let args: Vec<String> = env::args().collect();
    if args.len() > 1 {
        match args[1].as_str() {
            "cat" => {
                io::copy(&mut io::stdin(), &mut io::stdout()).unwrap();
                return;
            }
            "fail" => std::process::exit(3),
            "abort" => std::process::abort(),
            "overflow" => {
                fn r(n: u64) -> u64 {
                    let a = [n; 100];
                    std::hint::black_box(&a);
                    r(n + 1) + a[5]
                }
                println!("{}", r(0));
            }
            "panic" => {
                deep(2);
            }
            "deadlock" => {
                let m = Mutex::new(1);
                let _a = m.lock();
                let _b = m.lock();
            }
            _ => {}
        }
    }
    let (tx, rx) = mpsc::channel();
    let mut hs = vec![];
    for i in 0..4u64 {
        let tx = tx.clone();
        hs.push(thread::spawn(move || {
            for k in 0..100 {
                tx.send(i * k).unwrap();
            }
            TL.with(|t| {
                t.set(t.get() + 1);
                t.get()
            })
        }))
    }
    drop(tx);
    println!("sum {}", rx.iter().sum::<u64>());
    for h in hs {
        println!("tl {}", h.join().unwrap());
    }
    let m = Arc::new(Mutex::new(0));
    let c = Arc::new(AtomicU64::new(0));
    let b = Arc::new(Barrier::new(3));
    let hs: Vec<_> = (0..3)
        .map(|_| {
            let (m, c, b) = (m.clone(), c.clone(), b.clone());
            thread::spawn(move || {
                b.wait();
                for _ in 0..1000 {
                    *m.lock().unwrap() += 1;
                    c.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for h in hs {
        h.join().unwrap()
    }
    println!("{} {:?}", m.lock().unwrap(), c);
    let pair = Arc::new((Mutex::new(false), Condvar::new()));
    let p2 = pair.clone();
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(5));
        *p2.0.lock().unwrap() = true;
        p2.1.notify_all();
    });
    let mut g = pair.0.lock().unwrap();
    while !*g {
        g = pair.1.wait(g).unwrap();
    }
    println!("cond");
    let (g, r) = pair.1.wait_timeout(g, Duration::from_millis(10)).unwrap();
    println!("{}", r.timed_out());
    drop(g);
    let r = panic::catch_unwind(|| deep(2));
    println!("caught {}", r.is_err());
    let h = thread::spawn(|| panic!("in thread"));
    println!("{:?}", h.join().is_err());
    let (stx, srx) = mpsc::sync_channel(1);
    thread::scope(|s| {
        s.spawn(move || {
            for i in 0..5 {
                stx.send(i).unwrap()
            }
        });
        for v in srx {
            print!("{} ", v)
        }
        println!()
    });
    rest();
}
fn _unused() {}
fn rest() {
    let rw = RwLock::new(vec![1]);
    {
        rw.write().unwrap().push(2);
    }
    println!("{:?}", rw.read().unwrap());
    let d = env::temp_dir().join("rsdir");
    let _ = fs::remove_dir_all(&d);
    fs::create_dir_all(d.join("a/b")).unwrap();
    fs::write(d.join("a/f"), b"one\ntwo\n").unwrap();
    let mut f = fs::OpenOptions::new()
        .append(true)
        .open(d.join("a/f"))
        .unwrap();
    writeln!(f, "three").unwrap();
    for l in io::BufReader::new(fs::File::open(d.join("a/f")).unwrap()).lines() {
        println!("{}", l.unwrap());
    }
    fs::copy(d.join("a/f"), d.join("g")).unwrap();
    fs::rename(d.join("g"), d.join("h")).unwrap();
    let md = fs::metadata(d.join("h")).unwrap();
    println!("{} {:?}", md.len(), md.permissions());
    let mut n: Vec<_> = fs::read_dir(&d)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    n.sort();
    println!("{:?}", n);
    std::os::unix::fs::symlink("h", d.join("l")).unwrap();
    println!("{:?}", fs::canonicalize(d.join("l")).unwrap());
    fs::remove_dir_all(&d).unwrap();
    println!("{:?} {}", fs::read("/no/such"), Path::new("/no").exists());
    let me = env::current_exe().unwrap();
    let mut c = Command::new(&me)
        .arg("cat")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    c.stdin.take().unwrap().write_all(b"piped").unwrap();
    let o = c.wait_with_output().unwrap();
    println!("{:?}", String::from_utf8(o.stdout));
    println!("{:?}", Command::new(&me).arg("fail").status());
    println!("{:?}", Command::new(&me).arg("abort").status());
    println!(
        "{:?}",
        Command::new("/nothing").status().map_err(|e| e.kind())
    );
    let t = Instant::now();
    thread::sleep(Duration::from_millis(20));
    println!("{}", t.elapsed() >= Duration::from_millis(20));
    println!("{}", SystemTime::now() > UNIX_EPOCH);
    println!("{}", thread::available_parallelism().is_ok());
    let mut hm = HashMap::new();
    for i in 0..1000 {
        hm.insert(i, i * i);
    }
    println!("{}", hm.values().sum::<i32>());
    let bm: BTreeMap<_, _> = hm.iter().filter(|(k, _)| **k < 5).collect();
    println!("{:?}", bm);
    let mut s = String::new();
    io::stdin().read_to_string(&mut s).unwrap();
    println!("{:?}", s);
    let v: Vec<i32> = vec![];
    println!("{}", v[std::hint::black_box(3)]);
}
