// Command storybook serves every page of the product in every state, without a database. It is for people who
// change a page and for the browser tests. It runs until it is stopped; the first line of its output is the
// address. internal/site/storybook holds the states.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"countersign/internal/site/storybook"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8090", "address to listen on; port 0 takes a free one")
	flag.Parse() // ends the program when the flags are wrong
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Every page in every state: http://%s/\n", l.Addr())
	server := http.Server{Handler: storybook.Handler(), ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.Serve(l))
}
