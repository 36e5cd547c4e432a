// Starts itself again, with pipes, arguments, an environment and exit statuses.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "cat":
			io.Copy(os.Stdout, os.Stdin)
			return
		case "fail":
			fmt.Fprintln(os.Stderr, "oops")
			os.Exit(3)
		case "env":
			fmt.Println(os.Getenv("X"))
			return
		}
	}
	self, err := os.Executable()
	if err != nil {
		fmt.Println(err)
		self = os.Args[0]
	}
	c := exec.Command(self, "cat")
	c.Stdin = strings.NewReader("through a pipe\n")
	out, err := c.Output()
	fmt.Printf("%q %v\n", out, err)
	out, err = exec.Command(self, "fail").CombinedOutput()
	fmt.Printf("%q %v\n", out, err)
	c = exec.Command(self, "env")
	c.Env = []string{"X=y"}
	out, err = c.Output()
	fmt.Printf("%q %v\n", out, err)
	_, err = exec.Command("/nothing/there").Output()
	fmt.Println(err)
	_, err = exec.Command("nothingthere").Output()
	fmt.Println(err)
	c = exec.Command(self, "cat")
	in, _ := c.StdinPipe()
	o, _ := c.StdoutPipe()
	c.Start()
	go func() {
		for i := 0; i < 3; i++ {
			fmt.Fprintln(in, "line", i)
		}
		in.Close()
	}()
	sc := bufio.NewScanner(o)
	for sc.Scan() {
		fmt.Println("got", sc.Text())
	}
	fmt.Println(c.Wait(), c.ProcessState.ExitCode())
}
