// Keeps the garbage collector busy.
package main

import (
	"fmt"
	"runtime"
	"strings"
)

type node struct {
	l, r *node
	pad  [4]int
}

func tree(d int) *node {
	if d == 0 {
		return &node{}
	}
	return &node{l: tree(d - 1), r: tree(d - 1)}
}
func (n *node) count() int {
	if n.l == nil {
		return 1
	}
	return 1 + n.l.count() + n.r.count()
}
func main() {
	keep := tree(12)
	s := 0
	for i := 0; i < 60; i++ {
		s += tree(10).count()
	}
	fmt.Println(keep.count(), s)
	var sb strings.Builder
	for i := 0; i < 20000; i++ {
		sb.WriteString("abc")
	}
	fmt.Println(sb.Len())
	done := make(chan int)
	for i := 0; i < 4; i++ {
		go func() {
			t := 0
			for k := 0; k < 20; k++ {
				t += len(make([]byte, 100000))
			}
			done <- t
		}()
	}
	t := 0
	for i := 0; i < 4; i++ {
		t += <-done
	}
	fmt.Println(t)
	runtime.GC()
	var ms runtime.MemStats
	runtime.ReadMemStats(&ms)
	fmt.Println(ms.NumGC > 0, ms.HeapAlloc > 0)
}
