package pgtest

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Cluster is a PostgreSQL server for one test alone, which may stop, start and freeze it.
type Cluster struct {
	DSN string // address of an empty database

	t   testing.TB
	dir string
}

// OwnCluster starts a server that is stopped and deleted when the test ends.
func OwnCluster(t testing.TB) *Cluster {
	t.Helper()
	left(t)
	admin, stop, err := start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{t: t, dir: u.Query().Get("host")}
	if err := execute(admin, "CREATE DATABASE one"); err != nil {
		t.Fatal(err)
	}
	c.DSN = withDatabase(admin, "one")
	return c
}

// Stop ends the server at once, as a crash does.
func (c *Cluster) Stop() {
	c.t.Helper()
	c.ctl("-m", "immediate", "stop")
}

// Start starts a stopped server and waits until it accepts connections.
func (c *Cluster) Start() {
	c.t.Helper()
	c.ctl("-l", filepath.Join(c.dir, "log"), "-o", "-k "+c.dir+
		" -c listen_addresses= -c unix_socket_permissions=0777 -c fsync=off -c max_connections=200", "start")
}

// ctl runs pg_ctl on the server's data folder and waits for it, as the user postgres if the test runs as root. A
// failure ends the test with the server's log.
func (c *Cluster) ctl(args ...string) {
	c.t.Helper()
	line := append([]string{filepath.Join(filepath.Dir(initdb), "pg_ctl"), "-D", filepath.Join(c.dir, "data"), "-w"}, args...)
	if os.Getuid() == 0 {
		line = append([]string{"runuser", "-u", "postgres", "--"}, line...)
	}
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir = c.dir
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(filepath.Join(c.dir, "log")) // may be missing
		c.t.Fatalf("pg_ctl %v: %v\n%s", args, err, text)
	}
}

// Freeze suspends every process of the server. Connections stay open and nothing is answered until thaw is called or
// the test ends.
func (c *Cluster) Freeze() (thaw func()) {
	c.t.Helper()
	raw, err := os.ReadFile(filepath.Join(c.dir, "data", "postmaster.pid"))
	if err != nil {
		c.t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	main, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		c.t.Fatal(err)
	}
	frozen := map[int]bool{}
	for fresh := []int{main}; len(fresh) > 0; { // the main process is suspended first, so it starts no more
		var next []int
		for _, pid := range fresh {
			if err := syscall.Kill(pid, syscall.SIGSTOP); err == nil {
				frozen[pid] = true
			}
		}
		for _, pid := range children(main) {
			if !frozen[pid] {
				next = append(next, pid)
			}
		}
		fresh = next
	}
	thaw = func() {
		for pid := range frozen {
			_ = syscall.Kill(pid, syscall.SIGCONT) // it may have ended
		}
	}
	c.t.Cleanup(thaw)
	return thaw
}

// children returns the processes that a process started and that still run. It reads /proc, so it works on Linux
// only.
func children(of int) (pids []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		var parent int
		var state string
		_, rest, _ := strings.Cut(string(raw), ") ")
		if n, _ := fmt.Sscan(rest, &state, &parent); n == 2 && parent == of {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil && state != "Z" {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
