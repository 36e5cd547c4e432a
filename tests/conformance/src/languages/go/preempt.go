// Goroutines that never give way: the run-time preempts them with SIGURG.
package main

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
)

func main() {
	runtime.GOMAXPROCS(1)
	var stop int32
	cnt := 0
	go func() {
		for {
			cnt++
		}
	}()
	go func() {
		for atomic.LoadInt32(&stop) == 0 {
		}
		fmt.Println("stopped")
	}()
	time.Sleep(30 * time.Millisecond)
	atomic.StoreInt32(&stop, 1)
	time.Sleep(60 * time.Millisecond)
	runtime.GC()
	fmt.Println("end")
}
