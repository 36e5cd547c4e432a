// Panics, nil dereferences and how they end a program.
package main

import (
	"errors"
	"fmt"
	"os"
)

type T struct {
	a [10]int
	p *T
}

func f(t *T, n int) int {
	if n == 0 {
		return t.p.a[3]
	}
	return f(t, n-1) + 1
}
func try(g func()) { defer func() { r := recover(); fmt.Println("recovered:", r) }(); g() }
func main() {
	var t T
	var z int
	var m map[string]int
	a := []int{1}
	try(func() { f(&t, 3) })
	try(func() { fmt.Println(1 / z) })
	try(func() { m["a"] = 1 })
	try(func() { fmt.Println(a[z+5]) })
	try(func() { panic(errors.New("mine")) })
	try(func() { var i interface{} = "s"; fmt.Println(i.(int)) })
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "deadlock":
			<-make(chan int)
		case "stack":
			var r func(int) int
			r = func(i int) int { return r(i+1) + 1 }
			r(0)
		case "div":
			fmt.Println(1 / z)
		case "exit":
			os.Exit(4)
		}
	}
	f(&t, 2)
}
