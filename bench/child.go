package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	"countersign/internal/base/secret"
	"countersign/internal/server"
	"countersign/internal/server/config"
	"countersign/internal/server/tlscert"
)

// childVariable is the variable of the environment that carries a childSpec. A process that has it is a child.
const childVariable = "COUNTERSIGN_BENCH_CHILD"

// childSpec says what a child does.
type childSpec struct {
	Role     string // "seed", "server" or "floor"
	Dir      string // data folder
	Postgres string // address; "": SQLite in Dir
	Users    int    // seed: people who sign in by code
	Waiting  int    // seed: people whose pages wait
	Page     int    // floor: bytes of its page
	Direct   bool   // floor: the right code leads straight back to the application
}

// ready is the first line that a serving child prints.
type ready struct {
	Host   string `json:"host"`    // localhost:PORT
	CAFile string `json:"ca_file"` // PEM
}

// usage is what a child has used since it started, and what it uses now.
type usage struct {
	CPU        int64 `json:"cpu"`        // nanoseconds of user and system time since the start
	RSS        int64 `json:"rss"`        // bytes of resident memory
	Heap       int64 `json:"heap"`       // bytes, with the garbage
	Stacks     int64 `json:"stacks"`     // bytes
	Goroutines int   `json:"goroutines"` // now
}

// child is the main function of a child. A serving child runs until its standard input ends.
func child(spec string) error {
	signal.Ignore(os.Interrupt) // Ctrl-C reaches the parent too, which ends this process in good order
	var s childSpec
	if err := json.Unmarshal([]byte(spec), &s); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	cert, err := tlscert.Local(tlscert.LocalOptions{Dir: filepath.Join(s.Dir, "tls"), Names: tlscert.DemoNames, IPs: tlscert.DemoIPs, Now: time.Now})
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	at := ready{Host: "localhost:" + port, CAFile: cert.CAFile}
	done := make(chan error, 1)
	if s.Role == "floor" {
		go func() { done <- serveFloor(ctx, l, cert.Config(), s) }()
	} else {
		srv, err := openProduct(ctx, s, l.Addr().String(), at.Host)
		if err != nil {
			return err
		}
		defer srv.Close()
		if s.Role == "seed" {
			return plantSeeds(ctx, srv, s)
		}
		go func() { done <- srv.Serve(ctx, server.Listen{Listener: l, TLS: cert.Config()}) }()
	}
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(at); err != nil {
		return err
	}
	if err := obey(out); err != nil {
		return err
	}
	stop()
	return <-done
}

// openProduct opens the product with its default settings and its log on standard error.
func openProduct(ctx context.Context, s childSpec, listen, host string) (*server.Server, error) {
	c := config.Default(s.Dir)
	c.Listen, c.PublicURL, c.APIHosts = listen, "https://"+host, []string{host}
	c.Database.URL = secret.NewText(s.Postgres)
	c.Push.Subject = "mailto:it@example.edu"
	return server.Open(ctx, c, server.Options{Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
}

// obey reads the parent's commands and answers each with a line of JSON, a usage. The commands are "usage",
// "profile FILE" (begin a CPU profile) and "endprofile".
func obey(out *json.Encoder) error {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		command, file, _ := strings.Cut(in.Text(), " ")
		var err error
		switch command {
		case "usage":
		case "profile":
			var f *os.File
			if f, err = os.Create(file); err == nil {
				err = pprof.StartCPUProfile(f)
			}
		case "endprofile":
			pprof.StopCPUProfile()
		default:
			err = fmt.Errorf("unknown command %q", command)
		}
		if err != nil {
			return err
		}
		if err := out.Encode(used()); err != nil {
			return err
		}
	}
	return in.Err()
}

// used measures this process. RSS comes from /proc/self/statm, which counts pages.
func used() usage {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return usage{}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u := usage{CPU: r.Utime.Nano() + r.Stime.Nano(), Heap: int64(m.HeapAlloc), Stacks: int64(m.StackInuse), Goroutines: runtime.NumGoroutine()}
	if raw, err := os.ReadFile("/proc/self/statm"); err == nil {
		if f := strings.Fields(string(raw)); len(f) > 1 {
			pages, _ := strconv.ParseInt(f[1], 10, 64)
			u.RSS = pages * int64(os.Getpagesize())
		}
	}
	return u
}
