// Command storybook serves every page of the product in every state, without a database.
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
	flag.Parse()
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Every page in every state: http://%s/\n", l.Addr())
	server := http.Server{Handler: storybook.Handler(), ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.Serve(l))
}
