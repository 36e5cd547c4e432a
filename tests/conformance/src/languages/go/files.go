// Files, directories, links, pipes and deadlines.
package main

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	d, err := os.MkdirTemp("", "go")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(d)
	p := filepath.Join(d, "f.txt")
	os.WriteFile(p, []byte("one\ntwo\nthree\n"), 0644)
	f, _ := os.Open(p)
	s := bufio.NewScanner(f)
	for s.Scan() {
		fmt.Println(s.Text())
	}
	f.Seek(4, io.SeekStart)
	b := make([]byte, 3)
	f.Read(b)
	fmt.Println(string(b))
	f.Close()
	st, _ := os.Stat(p)
	fmt.Println(st.Size(), st.Mode(), time.Since(st.ModTime()) < time.Minute)
	os.Mkdir(filepath.Join(d, "sub"), 0755)
	os.Rename(p, filepath.Join(d, "sub", "g"))
	os.Symlink("sub/g", filepath.Join(d, "l"))
	os.Link(filepath.Join(d, "sub", "g"), filepath.Join(d, "h"))
	filepath.WalkDir(d, func(q string, e fs.DirEntry, err error) error {
		r, _ := filepath.Rel(d, q)
		fmt.Println(r, e.Type())
		return nil
	})
	_, err = os.Open("/no/such")
	fmt.Println(err, os.IsNotExist(err))
	_, err = os.ReadFile(d)
	fmt.Println(errors(err))
	var fi syscall.Stat_t
	syscall.Stat(d+"/h", &fi)
	fmt.Println(fi.Nlink)
	a, _ := os.OpenFile(d+"/h", os.O_APPEND|os.O_RDWR, 0)
	a.WriteString("four\n")
	a.Truncate(10)
	x, _ := os.ReadFile(d + "/l")
	fmt.Printf("%q\n", x)
	r, w, _ := os.Pipe()
	go func() { w.Write([]byte("pipe")); w.Close() }()
	y, _ := io.ReadAll(r)
	fmt.Println(string(y))
	r, w, _ = os.Pipe()
	r.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	_, err = r.Read(b)
	fmt.Println(err)
	h, err := os.Hostname()
	fmt.Println(h != "", err)
	wd, err := os.Getwd()
	fmt.Println(wd != "", err)
	fmt.Println(os.Getuid() >= 0)
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		fmt.Println("in", in.Text())
	}
}
func errors(e error) string {
	if pe, ok := e.(*fs.PathError); ok {
		return pe.Op + " " + pe.Err.Error()
	}
	return fmt.Sprint(e)
}
