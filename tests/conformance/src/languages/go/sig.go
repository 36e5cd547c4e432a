// Signals as values of a channel, and one that ends the program.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ch := make(chan os.Signal, 4)
	signal.Notify(ch, syscall.SIGUSR1, syscall.SIGINT, syscall.SIGTERM)
	p, _ := os.FindProcess(os.Getpid())
	p.Signal(syscall.SIGUSR1)
	fmt.Println(<-ch)
	syscall.Kill(os.Getpid(), syscall.SIGINT)
	fmt.Println(<-ch)
	signal.Ignore(syscall.SIGHUP)
	p.Signal(syscall.SIGHUP)
	signal.Reset(syscall.SIGTERM)
	time.AfterFunc(10*time.Millisecond, func() { p.Signal(syscall.SIGTERM) })
	time.Sleep(time.Second)
	fmt.Println("not reached")
}
