package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgresBin is where Debian installs the server's programs.
const postgresBin = "/usr/lib/postgresql/15/bin"

// cluster is a temporary PostgreSQL with the durability of a real one: fsync and synchronous_commit are on. Other
// settings are the defaults of initdb.
type cluster struct {
	url, version string
	cmd          *exec.Cmd
	ended        chan error // gets the result once the server has ended
}

// startPostgres makes a cluster in dir and starts it on a socket there. It runs as user postgres when this process is
// root, because PostgreSQL refuses to run as root.
func startPostgres(ctx context.Context, dir string) (*cluster, error) {
	if _, err := os.Stat(postgresBin + "/initdb"); err != nil {
		return nil, errors.New("install postgresql-15, or choose -db sqlite")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	var as *syscall.Credential
	if os.Getuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			return nil, err
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(dir, uid, gid); err != nil {
			return nil, err
		}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.CommandContext(ctx, postgresBin+"/initdb", "-D", data, "-A", "trust", "-U", "countersign", "-E", "UTF8", "--locale=C.UTF-8")
	initdb.Dir, initdb.SysProcAttr = dir, &syscall.SysProcAttr{Credential: as}
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, tail(out))
	}
	c := &cluster{url: "postgres://countersign@/postgres?host=" + dir + "&sslmode=disable", ended: make(chan error, 1)}
	c.cmd = exec.Command(postgresBin+"/postgres", "-D", data, "-k", dir, "-c", "listen_addresses=",
		"-c", "unix_socket_permissions=0777", "-c", "fsync=on", "-c", "synchronous_commit=on", "-c", "max_connections=100")
	// The server ends when this process ends, also after a crash: SIGINT is PostgreSQL's fast shutdown.
	c.cmd.Dir, c.cmd.SysProcAttr = dir, &syscall.SysProcAttr{Credential: as, Pdeathsig: syscall.SIGINT, Setpgid: true}
	logFile, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer logFile.Close() // the child has its own
	c.cmd.Stdout, c.cmd.Stderr = logFile, logFile
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // Pdeathsig is sent when the thread that started the process ends
		err := c.cmd.Start()
		started <- err
		if err == nil {
			c.ended <- c.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	if err := c.await(ctx); err != nil {
		c.stop()
		text, _ := os.ReadFile(filepath.Join(dir, "log"))
		return nil, fmt.Errorf("PostgreSQL did not start: %w\n%s", err, tail(text))
	}
	return c, nil
}

// await waits until the cluster answers, and checks that its commits are durable.
func (c *cluster) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, c.url)
		if err != nil {
			select {
			case <-ctx.Done():
				return err
			case err := <-c.ended:
				c.ended <- err
				return errors.New("it ended")
			case <-time.After(50 * time.Millisecond):
				continue
			}
		}
		defer conn.Close(ctx)
		var fsync, commit string
		if err := conn.QueryRow(ctx, `SELECT current_setting('fsync'), current_setting('synchronous_commit'), current_setting('server_version')`).Scan(&fsync, &commit, &c.version); err != nil {
			return err
		}
		c.version, _, _ = strings.Cut(c.version, " ")
		if fsync != "on" || commit != "on" {
			return fmt.Errorf("fsync is %s and synchronous_commit %s", fsync, commit)
		}
		return nil
	}
}

// stop ends the cluster, after 20 seconds without waiting for its clients.
func (c *cluster) stop() {
	_ = c.cmd.Process.Signal(syscall.SIGINT) // it may have ended
	select {
	case <-c.ended:
	case <-time.After(20 * time.Second):
		_ = c.cmd.Process.Signal(syscall.SIGQUIT)
		<-c.ended
	}
}

// cpu returns the processor time of the cluster's processes that run now, 0 for a nil cluster.
func (c *cluster) cpu() time.Duration {
	if c == nil {
		return 0
	}
	total := processTime(c.cmd.Process.Pid)
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", c.cmd.Process.Pid, c.cmd.Process.Pid))
	if err != nil {
		return total
	}
	for _, pid := range strings.Fields(string(children)) {
		n, _ := strconv.Atoi(pid)
		total += processTime(n)
	}
	return total
}
