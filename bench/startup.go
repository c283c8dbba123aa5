package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"countersign/internal/server/config"
)

// startUp is a measurement of the time from exec of the real program to its first answer.
type startUp struct {
	State  string  `json:"state"` // of the data folder
	DataMB float64 `json:"data_mb"`
	Runs   int     `json:"runs"`
	Median float64 `json:"median_ms"`
	Worst  float64 `json:"worst_ms"`
}

// measureStarts builds the program and starts it on existing data several times.
func measureStarts(ctx context.Context, p plan, at *place, r *report, state string) error {
	say("%s: start on data %s", at.Name, state)
	program := filepath.Join(at.Dir, "countersign")
	if _, err := os.Stat(program); err != nil {
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "countersign/cmd/countersign").CombinedOutput(); err != nil {
			return fmt.Errorf("build: %w\n%s", err, tail(out))
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") // only to find a free port
	if err != nil {
		return err
	}
	listen := l.Addr().String()
	_, port, _ := net.SplitHostPort(listen)
	if err := l.Close(); err != nil {
		return err
	}
	c := config.Default(at.Dir)
	c.Listen, c.PublicURL, c.APIHosts = listen, "https://localhost:"+port, []string{"localhost:" + port}
	c.Push.Subject = "mailto:it@example.edu"
	file := filepath.Join(at.Dir, "start.toml")
	_ = os.Remove(file) // of the last time
	if err := config.WriteDefault(file, c); err != nil {
		return err
	}
	d, err := newDialer(ready{Host: "localhost:" + port, CAFile: filepath.Join(at.Dir, "tls", "ca.pem")})
	if err != nil {
		return err
	}
	m := startUp{State: state, Runs: p.starts}
	if info, err := os.Stat(c.SQLiteFile()); err == nil {
		m.DataMB = float64(info.Size()) / 1e6
	}
	var all []time.Duration
	for range p.starts {
		took, err := startOnce(ctx, program, file, d)
		if err != nil {
			return err
		}
		all = append(all, took)
	}
	m.Median, m.Worst = ms(percentile(all, 50)), ms(slices.Max(all))
	r.Starts = append(r.Starts, m)
	return nil
}

// startOnce starts the program, waits for its first answer and stops it.
func startOnce(ctx context.Context, program, file string, d *dialer) (time.Duration, error) {
	var log bytes.Buffer
	cmd := exec.CommandContext(ctx, program, "--config", file, "serve")
	cmd.Stdout, cmd.Stderr = &log, &log
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	var took time.Duration
	err := errNotUp
	for errors.Is(err, errNotUp) && time.Since(begin) < 20*time.Second {
		time.Sleep(time.Millisecond) // a refused connection costs very little
		took, err = firstAnswer(ctx, d, begin)
	}
	_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	if err = errors.Join(err, cmd.Wait()); err != nil {
		return 0, fmt.Errorf("start: %w\n%s", err, tail(log.Bytes()))
	}
	return took, nil
}

// errNotUp reports that the program does not listen yet.
var errNotUp = errors.New("nobody listens")

// firstAnswer asks for /healthz and returns the time since begin.
func firstAnswer(ctx context.Context, d *dialer, begin time.Time) (time.Duration, error) {
	w, err := d.dial(ctx)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return 0, errNotUp
	}
	if err != nil {
		return 0, err
	}
	defer w.close()
	a, err := w.do(request{method: "GET", target: "/healthz"})
	if err != nil || a.status != 200 {
		return 0, errors.Join(err, unexpected("healthz", a))
	}
	return time.Since(begin), nil
}
