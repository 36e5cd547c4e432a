// Goroutines, channels, select, timers and every lock of package sync.
package main

import (
	"context"
	"fmt"
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

func worker(id int, jobs <-chan int, res chan<- int, wg *sync.WaitGroup) {
	defer wg.Done()
	for j := range jobs {
		time.Sleep(time.Millisecond)
		res <- j * j
	}
}
func main() {
	jobs, res := make(chan int), make(chan int, 100)
	var wg sync.WaitGroup
	for i := 0; i < 5; i++ {
		wg.Add(1)
		go worker(i, jobs, res, &wg)
	}
	go func() {
		for i := 0; i < 50; i++ {
			jobs <- i
		}
		close(jobs)
	}()
	wg.Wait()
	close(res)
	s := 0
	for r := range res {
		s += r
	}
	fmt.Println("sum", s)
	var mu sync.Mutex
	n := 0
	var c int64
	for i := 0; i < 100; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for k := 0; k < 100; k++ {
				mu.Lock()
				n++
				mu.Unlock()
				atomic.AddInt64(&c, 1)
				runtime.Gosched()
			}
		}()
	}
	wg.Wait()
	fmt.Println(n, c)
	tick := time.NewTicker(5 * time.Millisecond)
	k := 0
	to := time.After(60 * time.Millisecond)
loop:
	for {
		select {
		case <-tick.C:
			k++
			if k == 8 {
				break loop
			}
		case <-to:
			break loop
		}
	}
	tick.Stop()
	fmt.Println("ticks", k)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	<-ctx.Done()
	fmt.Println(ctx.Err())
	m := map[string]int{}
	var rw sync.RWMutex
	for i := 0; i < 10; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			rw.Lock()
			m[fmt.Sprint("k", i)] = i
			rw.Unlock()
			rw.RLock()
			_ = m["k0"]
			rw.RUnlock()
		}(i)
	}
	wg.Wait()
	keys := []string{}
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	fmt.Println(keys)
	var once sync.Once
	for i := 0; i < 3; i++ {
		once.Do(func() { fmt.Println("once") })
	}
	cond := sync.NewCond(&mu)
	ready := false
	go func() { time.Sleep(time.Millisecond); mu.Lock(); ready = true; cond.Broadcast(); mu.Unlock() }()
	mu.Lock()
	for !ready {
		cond.Wait()
	}
	mu.Unlock()
	fmt.Println("done", runtime.GOMAXPROCS(0) >= 1, runtime.NumGoroutine() < 10)
}
