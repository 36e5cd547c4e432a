// There is no network: what a server is told.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	fmt.Println("listen:", err)
	if err != nil {
		_, err = net.Dial("tcp", "127.0.0.1:80")
		fmt.Println(err)
		_, err = net.LookupHost("localhost")
		fmt.Println(err)
		return
	}
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hi ", r.URL.Path) }))
	c := http.Client{Timeout: time.Second}
	r, err := c.Get("http://" + l.Addr().String() + "/x")
	fmt.Println(err)
	if err == nil {
		b, _ := io.ReadAll(r.Body)
		fmt.Println(string(b))
	}
}
