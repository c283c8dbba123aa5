package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// place is one database under test, with what the load knows about its data.
type place struct {
	Name     string   // "sqlite" or "postgres"
	Dir      string   // data folder
	Postgres string   // address; "": SQLite in Dir
	cluster  *cluster // nil with SQLite
	seeds    seeds
}

// spec describes a child that uses this database.
func (p *place) spec(role string) childSpec {
	return childSpec{Role: role, Dir: p.Dir, Postgres: p.Postgres}
}

// seed fills the database in a child and reads what the child has planted.
func (p *place) seed(ctx context.Context, users, waiting int) error {
	s := p.spec("seed")
	s.Users, s.Waiting = users, waiting
	raw, err := json.Marshal(s)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Env = append(os.Environ(), childVariable+"="+string(raw))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("seeding: %w\n%s", err, tail(out))
	}
	planted, err := os.ReadFile(seedFile(p.Dir))
	if err != nil {
		return err
	}
	return json.Unmarshal(planted, &p.seeds)
}

// process is a child that serves.
type process struct {
	ready
	cmd *exec.Cmd
	in  io.WriteCloser // commands; its end ends the child
	out *bufio.Reader  // answers
	log string         // file with its standard error
}

// start starts a serving child and waits until it listens. environ is added to its environment. The error quotes the
// end of the child's log.
func start(ctx context.Context, s childSpec, environ ...string) (*process, error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	p := &process{log: filepath.Join(s.Dir, s.Role+".log")}
	p.cmd = exec.CommandContext(ctx, "/proc/self/exe")
	p.cmd.Env = append(append(os.Environ(), childVariable+"="+string(raw)), environ...)
	logFile, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer logFile.Close() // the child has its own
	p.cmd.Stderr = logFile
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.read(&p.ready); err != nil {
		_ = p.stop() // the log says more
		text, _ := os.ReadFile(p.log)
		return nil, fmt.Errorf("the %s did not start: %w\n%s", s.Role, err, tail(text))
	}
	return p, nil
}

// read decodes the next line of the child's output.
func (p *process) read(into any) error {
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, into)
}

// ask sends a command and returns what the child has used so far.
func (p *process) ask(command string) (usage, error) {
	var u usage
	if _, err := io.WriteString(p.in, command+"\n"); err != nil {
		return u, err
	}
	return u, p.read(&u)
}

// stop ends the child in good order, and kills it after 40 seconds.
func (p *process) stop() error {
	err := p.in.Close()
	late := time.AfterFunc(40*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	_, _ = io.Copy(io.Discard, p.out)
	return errors.Join(err, p.cmd.Wait())
}

// tail returns the last 2,000 bytes of a log, for an error message.
func tail(b []byte) []byte {
	b = bytes.TrimSpace(b)
	return b[max(0, len(b)-2000):]
}
