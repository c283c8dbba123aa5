package compat

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"
	_ "modernc.org/sqlite" // to lock the program's database from outside

	"countersign/internal/base/phonewire"
	"countersign/internal/client/phone"
	"countersign/internal/domain/application"
	people "countersign/internal/domain/user"
	"countersign/internal/flow/directory"
	"countersign/internal/testkit"
)

// loginDuo is Debian's, unmodified.
const loginDuo = "/usr/sbin/login_duo"

// shellRuns is what the shell prints that login_duo starts when it lets someone in.
const shellRuns = "THE-SHELL-RUNS"

// host is a Unix machine: the client's files, and who it signs in to.
type host struct {
	*demo
	dir     string // may be entered by the client's unprivileged half
	ID      string `json:"client_id"`
	Secret  string `json:"client_secret"`
	APIHost string `json:"api_host"`
}

// unixHost adds an application to the demo and prepares the client's folder.
func unixHost(d *demo, flags ...string) *host {
	d.t.Helper()
	h := emptyHost(d)
	d.command(h, append([]string{"app", "add", "--name", "SSH " + d.t.Name(), "--type", "unix", "--new-user", "enroll"}, flags...)...)
	return h
}

// emptyHost is a host without keys.
func emptyHost(d *demo) *host {
	d.t.Helper()
	if os.Getuid() != 0 {
		d.t.Fatal("this test needs root: login_duo takes another configuration from root only, and PAM a service from root only")
	}
	if _, err := os.Stat(loginDuo); err != nil {
		d.t.Fatal("this test needs Debian's login-duo, libpam-duo and pamtester: run scripts/test-deps")
	}
	h := &host{demo: d}
	var err error
	if h.dir, err = os.MkdirTemp("", "countersign-unix-"); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = os.RemoveAll(h.dir) }) // a rest in /tmp harms nobody
	if err := os.Chmod(h.dir, 0o755); err != nil {
		d.t.Fatal(err)
	}
	ca, err := os.ReadFile(d.CAFile)
	if err != nil {
		d.t.Fatal(err)
	}
	h.write("ca.pem", string(ca), "root", 0o644)
	return h
}

func (h *host) write(name, text, owner string, mode os.FileMode) string {
	h.t.Helper()
	u, err := user.Lookup(owner)
	if err != nil {
		h.t.Fatal(err)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		h.t.Fatal(err)
	}
	path := filepath.Join(h.dir, name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Chown(path, uid, -1); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// conf writes a configuration: owner sshd for login_duo, root for pam_duo. Later lines win.
func (h *host) conf(owner string, lines ...string) string {
	h.t.Helper()
	set := map[string]string{"host": h.APIHost, "ikey": h.ID, "skey": h.Secret, "cafile": filepath.Join(h.dir, "ca.pem"), "failmode": "safe", "https_timeout": "5"}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, "=")
		set[name] = value
	}
	text := "[duo]\n"
	for name, value := range set {
		text += name + " = " + value + "\n"
	}
	return h.write(fmt.Sprintf("%x.conf", random(8)), text, owner, 0o600)
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

func (h *host) client(name string, lines ...string) *exec.Cmd {
	h.t.Helper()
	return exec.Command(loginDuo, "-d", "-c", h.conf("sshd", lines...), "-h", "192.0.2.7", "-f", name, "echo THE-SHELL''-RUNS")
}

// at is a person before the client at a terminal.
func (h *host) at(name string, lines ...string) *terminal {
	h.t.Helper()
	return atTerminal(h.t, h.client(name, lines...))
}

// batch is the client without a terminal, as scp and rsync start it.
func (h *host) batch(name string, lines ...string) (let bool, said string) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 80*time.Second)
	defer cancel()
	start := h.client(name, lines...)
	cmd := exec.CommandContext(ctx, start.Path, start.Args[1:]...)
	out, err := cmd.CombinedOutput()
	let = strings.Contains(string(out), shellRuns)
	if let != (err == nil) {
		h.t.Fatalf("exit %v, but it said %s", err, out)
	}
	return let, string(out)
}

func (h *host) expect(s *terminal, let bool) {
	h.t.Helper()
	code := s.end()
	if got := strings.Contains(s.shown(), shellRuns); got != let || (code == 0) != let {
		h.t.Errorf("let in: %v, exit code %d", got, code)
	}
}

// enroll follows the address that the client printed, sets up a phone and approves its first request.
func (h *host) enroll(text string) *phone.Device {
	h.t.Helper()
	address := regexp.MustCompile(`https?://[^\s"]+`).FindString(text)
	if address == "" {
		h.t.Fatalf("no address in %q", text)
	}
	b := h.browser("http://nowhere.invalid/")
	b.open(address)
	if !b.submit(b.at.Path, nil) {
		h.t.Fatalf("nothing to begin with at %s: %s", b.at.Path, b.text())
	}
	link := ""
	for node := range b.page.Descendants() {
		if href := attribute(node, "href"); strings.Contains(href, "/a/") {
			link = href
		}
	}
	if link == "" {
		h.t.Fatalf("no pairing link at %s: %s", b.at.Path, b.text())
	}
	page := strings.TrimSuffix(b.at.String(), "/enroll")
	d, err := phone.Pair(h.t.Context(), link, phone.Options{HTTPClient: &http.Client{Timeout: time.Minute}, Name: "Pixel", Platform: "Test"})
	if err != nil {
		h.t.Fatal(err)
	}
	b.open(page)
	number := ""
	for node := range b.page.Descendants() {
		if strings.HasPrefix(attribute(node, "class"), "digits") {
			for digit := range node.Descendants() {
				if digit.Type == html.TextNode {
					number += strings.TrimSpace(digit.Data)
				}
			}
		}
	}
	if out, err := d.Approve(h.t.Context(), "", number); err != nil || out.State != phonewire.StateApproved {
		h.t.Fatalf("the first request: %+v, %v; number %q on %s", out, err, number, b.text())
	}
	b.open(page)
	for range 3 {
		if !b.submit("/continue", nil) && !b.submit("/later", nil) {
			break
		}
	}
	return d
}

// answers waits for one request on a phone and answers it.
func answers(t *testing.T, d *phone.Device, decision phonewire.Decision) <-chan phonewire.Request {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	asked := make(chan phonewire.Request, 1)
	go func() {
		done := fmt.Errorf("answered")
		err := d.Watch(ctx, func(r phonewire.Request) error {
			reason := phonewire.NoReason
			if decision == phonewire.Deny {
				reason = phonewire.Mistake
			}
			if _, err := d.Answer(ctx, r, decision, reason, ""); err != nil {
				return err
			}
			asked <- r
			return done
		}, nil)
		if err != done && ctx.Err() == nil {
			t.Errorf("the phone: %v", err)
		}
		close(asked)
	}()
	return asked
}

func code(t *testing.T, d *phone.Device) string {
	t.Helper()
	c, err := d.Code(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (h *host) in(t *testing.T) *host {
	c := *h
	c.demo = h.demo.in(t)
	return &c
}

// TestLoginDuo is one demo and Debian's login_duo in all that people do with it (C-04, J-06, AC-020).
func TestLoginDuo(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	h := unixHost(d)
	const name = "nina"
	var pixel *phone.Device

	t.Run("tells a new person where to set up a phone, and lets them in afterwards", func(t *testing.T) {
		h := h.in(t)
		s := h.at(name)
		s.sees("Open this link: http")
		h.expect(s, false)
		pixel = h.enroll(s.shown())
		s = h.at(name, "pushinfo=yes")
		s.sees("1. Request to Pixel")
		s.sees("(1-1): ")
		s.types("1")
		s.sees("Open the app on your phone") // alerts are off; it says "Sent a request" when they are on
		r := <-answers(t, pixel, phonewire.Approve)
		s.sees("Success")
		h.expect(s, true)
		if r.IP != "192.0.2.7" || !strings.HasPrefix(r.ApplicationName, "SSH") || r.NumberDigits != 0 || len(r.Info) == 0 {
			t.Errorf("the phone was asked %+v", r)
		}
		if told := fmt.Sprint(r.Info); !strings.Contains(told, "{Command echo THE-SHELL") {
			t.Errorf("the phone was told %s", told)
		}
	})
	if pixel == nil {
		t.FailNow()
	}
	t.Run("takes a code typed at the menu, once, and asks again after a wrong one", func(t *testing.T) {
		h := h.in(t)
		good := code(t, pixel)
		s := h.at(name)
		s.sees("(1-1): ")
		s.types("000000")
		s.sees("wrong")
		s.sees("(1-1): ")
		s.types(good)
		h.expect(s, true)
		s = h.at(name, "prompts=1")
		s.sees("(1-1): ")
		s.types(good)
		s.sees("wrong")
		h.expect(s, false)
	})
	t.Run("opens one session of three by one approval", func(t *testing.T) {
		h := h.in(t)
		var all [3]*terminal
		for i := range all {
			all[i] = h.at(name, "prompts=1")
			all[i].sees("(1-1): ")
		}
		for i := range all { // the third is one more than may be open (RULE-13)
			all[i].types("1")
			if i < 2 {
				all[i].sees("Open the app on your phone")
			}
		}
		h.expect(all[2], false)
		open, err := pixel.Requests(t.Context())
		if err != nil || len(open) != 2 {
			t.Fatalf("%d requests on the phone, %v", len(open), err)
		}
		if _, err := pixel.Approve(t.Context(), open[0].Transaction, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := pixel.Deny(t.Context(), open[1].Transaction, phonewire.Mistake); err != nil {
			t.Fatal(err)
		}
		in := 0
		for _, s := range all[:2] {
			if s.end(); strings.Contains(s.shown(), shellRuns) {
				in++
			}
		}
		if in != 1 {
			t.Errorf("one approval opened %d sessions", in)
		}
	})
	t.Run("takes a help-desk code", func(t *testing.T) {
		h := h.in(t)
		help := h.bypassCode(name)
		s := h.at(name)
		s.sees("(1-1): ")
		s.types(help)
		h.expect(s, true)
	})
	t.Run("denies what was denied on the phone", func(t *testing.T) {
		h := h.in(t)
		asked := answers(t, pixel, phonewire.Deny)
		s := h.at(name, "prompts=1")
		s.sees("(1-1): ")
		s.types("push")
		s.sees("denied on the phone")
		h.expect(s, false)
		<-asked
	})
	t.Run("denies an option that is not there, and texts and calls", func(t *testing.T) {
		h := h.in(t)
		s := h.at(name)
		for _, typed := range []string{"7", "phone1", "sms"} {
			s.sees("(1-1): ")
			s.types(typed)
			s.sees("cannot be used")
		}
		h.expect(s, false)
	})
	t.Run("sends a request by itself at a terminal and without one", func(t *testing.T) {
		h := h.in(t)
		asked := answers(t, pixel, phonewire.Approve)
		s := h.at(name, "autopush=yes")
		s.sees("Success")
		h.expect(s, true)
		<-asked
		asked = answers(t, pixel, phonewire.Approve)
		if let, said := h.batch(name); !let {
			t.Errorf("not let in: %s", said)
		}
		<-asked
		asked = answers(t, pixel, phonewire.Deny)
		if let, said := h.batch(name); let {
			t.Errorf("let in: %s", said)
		}
		<-asked
	})
	for _, failmode := range []string{"safe", "secure"} {
		t.Run("never opens a host that fails "+failmode, func(t *testing.T) { h.in(t).neverOpens(failmode) })
	}
	t.Run("opens one that fails safe when the key is wrong, the certificate is another's or nobody is there, as documented", func(t *testing.T) {
		h := h.in(t)
		h.write("other.pem", otherAuthority(t), "root", 0o644)
		for what, line := range map[string]string{"key": "skey=" + strings.Repeat("x", 40), "certificate": "cafile=" + filepath.Join(h.dir, "other.pem"), "nobody": "host=" + nobody(t)} {
			if let, said := h.batch("eve", line); !let {
				t.Errorf("%s, safe: %s", what, said)
			}
			if let, said := h.batch("eve", line, "failmode=secure"); let {
				t.Errorf("%s, secure: let in: %s", what, said)
			}
		}
	})
	t.Run("stays closed while the database takes nothing", func(t *testing.T) {
		h := h.in(t)
		unlock := h.lockDatabase()
		if let, said := h.batch("eve"); let || !strings.Contains(said, "429") {
			t.Errorf("preauth that cannot be written: let in %v: %s", let, said)
		}
		s := h.at(name, "prompts=1")
		s.sees("(1-1): ")
		s.types("123456")
		h.expect(s, false)
		unlock()
	})
}

// TestLoginDuoLosesItsServer: what began at preauth ends without anybody inside.
func TestLoginDuoLosesItsServer(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	h := unixHost(d)
	const name = "nina"
	s := h.at(name)
	s.sees("Open this link: http")
	h.expect(s, false)
	h.enroll(s.shown())
	t.Run("denies when the program ends between the menu and the choice", func(t *testing.T) {
		h := h.in(t)
		s := h.at(name)
		s.sees("(1-1): ")
		h.stop()
		s.types("1")
		h.expect(s, false)
	})
}

// TestNobodyAnswersTheRequest: the client lets people in after 20 polls without a decision, so this takes its minute.
func TestNobodyAnswersTheRequest(t *testing.T) {
	t.Parallel()
	h := unixHost(startDemo(t))
	const name = "nina"
	s := h.at(name)
	s.sees("Open this link: http")
	h.expect(s, false)
	h.enroll(s.shown())
	s = h.at(name, "prompts=1")
	s.sees("(1-1): ")
	s.types("1")
	s.sees("Open the app on your phone")
	if let, said := h.batch(name); let { // meanwhile, the blocking call
		t.Errorf("let in: %s", said)
	}
	s.sees("timed out")
	h.expect(s, false)
	if lines := strings.Count(s.shown(), "Open the app on your phone"); lines != 1 {
		t.Errorf("the person read %d times that the request waits", lines)
	}
}

// TestAPreauthThatIsOpenWhenTheProgramStops is answered: a broken one would open the host.
func TestAPreauthThatIsOpenWhenTheProgramStops(t *testing.T) {
	t.Parallel()
	p := testkit.Start(t)
	name := "SSH"
	a, key, err := p.Directory.AddApplication(t.Context(), directory.CommandLine, application.TypeUnix, directory.ApplicationChange{Name: &name})
	if err != nil {
		t.Fatal(err)
	}
	disabled := people.Disabled
	if _, err := p.Directory.AddUser(t.Context(), directory.CommandLine, "eve", directory.UserChange{Status: &disabled}); err != nil {
		t.Fatal(err)
	}
	h := emptyHost(&demo{t: t, CAFile: p.CAFile, DataDir: p.Config.DataDir})
	h.ID, h.Secret, h.APIHost = a.ID, key.Reveal(), p.APIHost
	unlock := h.lockDatabase()
	s := h.at("eve")
	for !strings.Contains(p.Log.String(), "legacy preauth") { // it waits for the database now
		select {
		case <-s.ended:
			t.Fatal("the client did not wait")
		case <-time.After(5 * time.Millisecond):
		}
	}
	stopped := make(chan struct{})
	go func() { p.Stop(); close(stopped) }()
	time.AfterFunc(300*time.Millisecond, unlock)
	s.sees("turned off")
	h.expect(s, false)
	<-stopped
}

// neverOpens tries every state in which somebody must stay outside.
func (h *host) neverOpens(failmode string) {
	t, mode := h.t, "failmode="+failmode
	for _, name := range []string{"eve", "finn", "dora", strings.Repeat("x", 3000), "'; DROP TABLE users --", "a\xffb"} { // disabled, locked, not enrolled, nobody
		if let, said := h.batch(name, mode); let {
			t.Errorf("%.20q: let in: %s", name, said)
		}
	}
	for what, flags := range map[string][]string{
		"policy denies": {"--authentication", "deny"}, "new people are denied": {"--new-user", "deny"},
		"codes only": {"--methods", "passcode"}, "turned off": {}, "deleted": {}, "secret reset": {}, "secret reset twice": {}, "secret reset, turned off": {},
	} {
		other := unixHost(h.demo, flags...)
		var done any
		switch what {
		case "turned off":
			h.command(&done, "app", "set", other.ID, "--disabled")
		case "deleted":
			h.command(&done, "app", "delete", other.ID)
		case "secret reset":
			h.command(&done, "app", "reset-secret", other.ID, "--overlap", "0")
		case "secret reset twice":
			h.command(&done, "app", "reset-secret", other.ID)
			h.command(&done, "app", "reset-secret", other.ID, "--overlap", "0")
		case "secret reset, turned off":
			h.command(&done, "app", "reset-secret", other.ID, "--overlap", "0")
			h.command(&done, "app", "set", other.ID, "--disabled")
		}
		names := []string{"nina", "cy"}
		if what == "new people are denied" {
			names = names[1:]
		}
		for _, name := range names {
			if let, said := other.batch(name, mode); let {
				t.Errorf("%s, %s: let in: %s", what, name, said)
			}
		}
	}
	var web host
	h.command(&web, "app", "add", "--name", "Web "+failmode)
	if let, said := h.batch("nina", mode, "ikey="+web.ID, "skey="+web.Secret); let {
		t.Errorf("another type's key: let in: %s", said)
	}
}

// lockDatabase lets nobody else write until unlock is called.
func (h *host) lockDatabase() (unlock func()) {
	h.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(h.DataDir, "countersign.db"))
	if err != nil {
		h.t.Fatal(err)
	}
	conn, err := db.Conn(h.t.Context())
	if err == nil {
		_, err = conn.ExecContext(h.t.Context(), "PRAGMA busy_timeout = 5000")
	}
	if err == nil {
		_, err = conn.ExecContext(h.t.Context(), "BEGIN IMMEDIATE")
	}
	if err != nil {
		h.t.Fatal(err)
	}
	unlock = sync.OnceFunc(func() {
		_ = conn.Close() // ends the transaction
		_ = db.Close()
	})
	h.t.Cleanup(unlock)
	return unlock
}

// nobody is an address at which nothing listens.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "localhost:" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// otherAuthority is a certificate of nobody we know.
func otherAuthority(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Somebody"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
