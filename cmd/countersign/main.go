// Command countersign is the whole product: the server, its operator's commands, and a demo.
package main

import (
	"context"
	"crypto/rand"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"countersign/internal/command"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := command.Run(ctx, os.Args[1:], command.Env{
		Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(), Getenv: os.Getenv,
		Now: time.Now, Rand: rand.Reader, LookupHost: net.DefaultResolver.LookupHost,
	})
	stop()
	os.Exit(code)
}
