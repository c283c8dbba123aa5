// Command countersign is the whole product: the server, the operator's commands, and a demo.
//
// This file is the only place where a command meets the process: its arguments and environment, its clock and
// randomness, its signals and its exit code (internal/command lists the codes). SIGINT and SIGTERM end a command in
// good order.
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
	"countersign/internal/demo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := command.Run(ctx, os.Args[1:], command.Env{
		Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(), Getenv: os.Getenv,
		Now: time.Now, Rand: rand.Reader, LookupHost: net.DefaultResolver.LookupHost, Demo: show,
	})
	stop()
	os.Exit(code)
}

// show runs the demo.
func show(ctx context.Context, d command.Demo) error {
	return demo.Run(ctx, demo.Options{Listen: d.Listen, DataDir: d.DataDir, Environ: os.Environ(), JSON: d.JSON, Out: os.Stdout,
		Now: time.Now, Rand: rand.Reader})
}
