package compat

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a program at a terminal of its own, as a person sits at one.
type terminal struct {
	t      *testing.T
	screen *os.File
	ended  chan struct{}
	code   int

	mu    sync.Mutex
	text  bytes.Buffer
	read  int // how much of text was expected already
	grown chan struct{}
}

// atTerminal starts cmd.
func atTerminal(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	screen, keyboard, err := openTerminal()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = keyboard, keyboard, keyboard
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = keyboard.Close() // the program has it
	s := &terminal{t: t, screen: screen, ended: make(chan struct{}), grown: make(chan struct{}, 1)}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		buffer := make([]byte, 4096)
		for {
			n, err := screen.Read(buffer) // fails when nobody has the other side any more
			s.mu.Lock()
			s.text.Write(buffer[:n])
			s.mu.Unlock()
			select {
			case s.grown <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
	go func() {
		_ = cmd.Wait() // the code says it
		s.code = cmd.ProcessState.ExitCode()
		<-drained
		close(s.ended)
	}()
	t.Cleanup(func() {
		select {
		case <-s.ended:
		default:
			_ = cmd.Process.Kill() // it may end by itself meanwhile
			<-s.ended
		}
		_ = screen.Close()
		if t.Failed() {
			t.Logf("the terminal of %v showed:\n%s", cmd.Args, s.shown())
		}
	})
	return s
}

// openTerminal gives the two sides of a new pseudo terminal.
func openTerminal() (screen, keyboard *os.File, err error) {
	screen, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	n, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		keyboard, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		return nil, nil, errors.Join(err, screen.Close())
	}
	return screen, keyboard, nil
}

func (s *terminal) shown() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.ReplaceAll(s.text.String(), "\r\n", "\n")
}

// sees waits until the terminal shows text after what was seen before.
func (s *terminal) sees(text string) {
	s.t.Helper()
	limit := time.After(40 * time.Second)
	for {
		s.mu.Lock()
		at := strings.Index(s.text.String()[s.read:], text)
		if at >= 0 {
			s.read += at + len(text)
		}
		s.mu.Unlock()
		if at >= 0 {
			return
		}
		select {
		case <-s.grown:
		case <-s.ended:
			if !s.has(text) {
				s.t.Fatalf("the program ended and never showed %q", text)
			}
		case <-limit:
			s.t.Fatalf("the terminal never showed %q", text)
		}
	}
}

// has reports text after what was seen before.
func (s *terminal) has(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.text.String()[s.read:], text)
}

// types a line.
func (s *terminal) types(line string) {
	s.t.Helper()
	if _, err := s.screen.WriteString(line + "\n"); err != nil {
		s.t.Fatal(err)
	}
}

// end waits for the program and gives its exit code.
func (s *terminal) end() int {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(80 * time.Second):
		s.t.Fatal("the program does not end")
	}
	return s.code
}
