package compat

import (
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"countersign/internal/base/phonewire"
)

// account makes a Unix account, as pam_duo asks for people it can find on the machine.
func account(t *testing.T) string {
	t.Helper()
	name := "cs" + hex.EncodeToString(random(6))
	if out, err := exec.Command("useradd", "--no-create-home", "--no-user-group", "--shell", "/usr/sbin/nologin", name).CombinedOutput(); err != nil {
		t.Fatalf("useradd: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("userdel", name).CombinedOutput(); err != nil {
			t.Errorf("userdel: %v %s", err, out)
		}
	})
	return name
}

// service makes a PAM service in which pam_duo alone decides.
func (h *host) service(lines ...string) string {
	h.t.Helper()
	name := "countersign-" + hex.EncodeToString(random(6))
	file := filepath.Join("/etc/pam.d", name)
	text := "auth required pam_duo.so conf=" + h.conf("root", lines...) + "\naccount required pam_permit.so\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		if err := os.Remove(file); err != nil {
			h.t.Error(err)
		}
	})
	return name
}

// knock is somebody whom PAM asks.
func (h *host) knock(name string, lines ...string) *terminal {
	h.t.Helper()
	return atTerminal(h.t, exec.Command("pamtester", "-I", "rhost=192.0.2.7", h.service(lines...), name, "authenticate"))
}

const authenticated = "successfully authenticated"

func expectPAM(s *terminal, let bool) {
	s.t.Helper()
	code := s.end()
	if got := strings.Contains(s.shown(), authenticated); got != let || (code == 0) != let {
		s.t.Errorf("authenticated: %v, exit code %d", got, code)
	}
}

// TestPAMDuo is one demo and Debian's pam_duo, asked by pamtester.
func TestPAMDuo(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	h := unixHost(d)
	name := account(t)
	s := h.knock(name)
	s.sees("Open this link: http")
	expectPAM(s, false)
	pixel := h.enroll(regexp.MustCompile(`Open this link: \S+`).FindString(s.shown()))

	t.Run("a request chosen at the menu and approved", func(t *testing.T) {
		s := h.in(t).knock(name)
		s.sees("1. Request to Pixel")
		asked := answers(t, pixel, phonewire.Approve)
		s.types("1")
		expectPAM(s, true)
		if r := <-asked; r.IP != "192.0.2.7" {
			t.Errorf("the phone was asked %+v", r)
		}
	})
	t.Run("a request that sends itself, denied", func(t *testing.T) {
		asked := answers(t, pixel, phonewire.Deny)
		expectPAM(h.in(t).knock(name, "autopush=yes", "prompts=1"), false)
		<-asked
	})
	t.Run("a wrong code, then a right one", func(t *testing.T) {
		s := h.in(t).knock(name)
		s.sees("(1-1): ")
		s.types("000000")
		s.sees("wrong")
		s.sees("(1-1): ")
		s.types(code(t, pixel))
		expectPAM(s, true)
	})
	t.Run("a help-desk code", func(t *testing.T) {
		s := h.in(t).knock(name)
		s.sees("(1-1): ")
		s.types(h.bypassCode(name))
		expectPAM(s, true)
	})
	for _, failmode := range []string{"safe", "secure"} {
		t.Run("a disabled person, an application that was turned off; fails "+failmode, func(t *testing.T) {
			h := h.in(t)
			other := account(t)
			var done any
			h.command(&done, "user", "add", other, "--status", "disabled")
			s := h.knock(other, "failmode="+failmode)
			s.sees("turned off")
			expectPAM(s, false)
			off := unixHost(h.demo)
			h.command(&done, "app", "set", off.ID, "--disabled")
			expectPAM(off.knock(name, "failmode="+failmode), false)
		})
	}
}
