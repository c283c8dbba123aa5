// Command bench measures on SQLite and on PostgreSQL what a sign-in costs, and how soon a waiting page learns of the
// phone's answer. It compares with a floor: a server that does the same HTTP and JWT work and nothing else.
//
// The servers run in child processes, so that their processor time and memory can be measured apart. The load comes
// from this process, on the same machine. Everything listens on loopback on free ports, keeps its data in a temporary
// folder, and ends by itself. docs/benchmarks.md explains the numbers.
//
//	main.go      flags, and the order of the measurements
//	child.go     what runs in a child: seeding, the product, the floor
//	seed.go      people with phones whose secrets the load knows
//	floor.go     the floor
//	control.go   starts a child, asks what it has used, ends it
//	postgres.go  a temporary PostgreSQL with durable commits
//	wire.go      a small HTTP client
//	signin.go    one sign-in by code, as application, browser and phone do it
//	load.go      many sign-ins: closed and open loops
//	auth.go      calls of the Auth API, and their floor
//	wait.go      pages that wait, and the phones that answer
//	startup.go   from exec to the first answer
//	machine.go   what this machine is, and what other programs use of it
//	report.go    the tables and the JSON
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// plan says what to measure.
type plan struct {
	databases   []string      // "sqlite", "postgres"
	length      time.Duration // of each loop
	concurrency []int         // of the closed loops
	rate        float64       // sign-ins per second of the open loop
	preauthRate float64       // preauth calls per second of the open loop
	authRate    float64       // auth calls per second of the open loop
	users       int           // people who sign in by code
	waiting     int           // pages that wait
	wakes       int           // how many of them are answered
	starts      int           // how often the start is measured
	parts       map[string]bool
	profile     string // prefix of the files with CPU profiles; "": none
	jsonFile    string // for the results; "": none
	dir         string // for temporary data; "": the system's
}

func main() {
	if spec := os.Getenv(childVariable); spec != "" {
		if err := child(spec); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// parse reads the flags.
func parse() (plan, error) {
	p := plan{parts: map[string]bool{}}
	db := flag.String("db", "both", "sqlite, postgres or both")
	seconds := flag.Float64("seconds", 10, "length of each measurement")
	concurrency := flag.String("concurrency", "1,16,64", "sign-ins at once in the closed loops")
	flag.Float64Var(&p.rate, "rate", 1000, "sign-ins a second in the open loop")
	flag.Float64Var(&p.preauthRate, "preauth-rate", 5000, "preauth calls a second in the open loop")
	flag.Float64Var(&p.authRate, "auth-rate", 2000, "auth calls a second in the open loop")
	flag.IntVar(&p.waiting, "waiting", 10_000, "pages that wait at once")
	parts := flag.String("parts", "signin,auth,wait,start", "what to measure")
	quick := flag.Bool("quick", false, "a short run that shows whether everything works; its numbers mean little")
	flag.StringVar(&p.profile, "cpuprofile", "", "write processor profiles of the servers to FILE-sqlite.pprof and so on")
	flag.StringVar(&p.jsonFile, "json", "", "write the results to FILE as JSON, too")
	flag.StringVar(&p.dir, "dir", "", "folder for temporary data; its disk is the one that is measured (default: the system's)")
	flag.Parse()
	switch *db {
	case "both":
		p.databases = []string{"sqlite", "postgres"}
	case "sqlite", "postgres":
		p.databases = []string{*db}
	default:
		return p, errors.New("-db is sqlite, postgres or both")
	}
	p.length = time.Duration(*seconds * float64(time.Second))
	for text := range strings.SplitSeq(*concurrency, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 || n > 1000 {
			return p, errors.New("-concurrency is a list of numbers from 1 to 1000")
		}
		p.concurrency = append(p.concurrency, n)
	}
	for part := range strings.SplitSeq(*parts, ",") {
		p.parts[part] = true
	}
	p.users, p.wakes, p.starts = 2000, 1000, 11
	if *quick {
		p.length, p.concurrency, p.users = min(p.length, 2*time.Second), []int{16}, 1000
		p.waiting, p.wakes, p.starts = min(p.waiting, 500), 100, 3
	}
	return p, nil
}

// run measures everything, prints the tables and, if wanted, writes the JSON.
func run(ctx context.Context) error {
	p, err := parse()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(p.dir, "countersign-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) // an error leaves files in a temporary folder, which does no harm
	if err := os.Chmod(dir, 0o755); err != nil {
		return err // PostgreSQL runs as another user
	}
	r := &report{Date: time.Now().UTC().Format("2006-01-02 15:04 UTC"), Machine: describeMachine(dir), Seconds: p.length.Seconds()}
	for _, db := range p.databases {
		if err := measure(ctx, p, db, dir, r); err != nil {
			return fmt.Errorf("%s: %w", db, err)
		}
	}
	r.judge(p)
	r.print(os.Stdout)
	if p.jsonFile != "" {
		return r.write(p.jsonFile)
	}
	return nil
}

// measure makes all measurements of the plan on one database.
func measure(ctx context.Context, p plan, db, dir string, r *report) error {
	place := &place{Name: db, Dir: filepath.Join(dir, db)}
	if err := os.MkdirAll(place.Dir, 0o700); err != nil {
		return err
	}
	if db == "postgres" {
		pg, err := startPostgres(ctx, filepath.Join(dir, "cluster"))
		if err != nil {
			return err
		}
		defer pg.stop()
		place.Postgres, place.cluster = pg.url, pg
		r.Machine.PostgreSQL = pg.version
	}
	say("%s: %d people with phones", db, p.users+p.waiting)
	if err := place.seed(ctx, p.users, p.waiting); err != nil {
		return err
	}
	var steps []func() error
	if p.parts["start"] && db == "sqlite" {
		steps = append(steps, func() error { return measureStarts(ctx, p, place, r, "seeded") })
	}
	if p.parts["signin"] {
		steps = append(steps, func() error { return measureSignIns(ctx, p, place, r) })
	}
	if p.parts["auth"] {
		steps = append(steps, func() error { return measureAuth(ctx, p, place, r) })
	}
	if p.parts["wait"] {
		steps = append(steps, func() error { return measureWaiting(ctx, p, place, r) })
	}
	if p.parts["start"] && p.parts["signin"] && db == "sqlite" {
		steps = append(steps, func() error { return measureStarts(ctx, p, place, r, "after the load") })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// say reports progress on standard error.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
