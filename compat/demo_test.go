package compat

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// demo is the running program and what it said about itself when it was ready.
type demo struct {
	t      *testing.T
	binary string
	stop   func() // ends the program; called when the test ends, too
	kill   func() // ends it as a power cut does
	env    []string
	pid    int // of a server that was started by run
	trust  *x509.CertPool
	wrap   func(http.RoundTripper) http.RoundTripper // of every client; nil: none

	URL          string `json:"url"`
	CAFile       string `json:"ca_file"`
	DataDir      string `json:"data_dir"`
	Applications []struct {
		Name, Type   string
		APIHost      string `json:"api_host"`
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	} `json:"applications"`
	Users []struct {
		Username string `json:"username"`
		Enrolled bool   `json:"enrolled"`
	} `json:"users"`
}

// program builds countersign once. COUNTERSIGN_TEST_BINARY names a ready one.
var program = sync.OnceValues(func() (string, error) {
	if err := touchSources(); err != nil {
		return "", err
	}
	if ready := os.Getenv("COUNTERSIGN_TEST_BINARY"); ready != "" {
		return ready, nil
	}
	dir, err := os.MkdirTemp("", "countersign-compat-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "countersign")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", path, "./cmd/countersign")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("the program does not build: %s", out)
	}
	return path, nil
})

// touchSources looks at every source file, so that the go command sees what this test depends on and
// does not answer with a cached result of an older program.
func touchSources() error {
	for _, folder := range []string{"../cmd", "../internal"} {
		err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			if err == nil {
				_, err = os.Stat(path)
			}
			if errors.Is(err, fs.ErrNotExist) { // gone meanwhile
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil && os.Getenv("COUNTERSIGN_TEST_BINARY") == "" {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

func startDemo(t *testing.T) *demo { return startDemoIn(t, t.TempDir()) }

// startDemoIn starts in a folder that may hold an earlier demo's data, with further variables.
func startDemoIn(t *testing.T, data string, env ...string) *demo {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command(path, "demo", "--listen", "127.0.0.1:0", "--data", data, "--json")
	cmd.Dir, cmd.Stderr, cmd.Env = data, &log, append(environment(), env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d := &demo{t: t, binary: path, env: env}
	wait := sync.OnceFunc(func() { _ = cmd.Wait() })
	d.kill = func() {
		_ = cmd.Process.Kill() // it may have ended
		wait()
	}
	d.stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		done := make(chan struct{})
		go func() { wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(15 * time.Second):
			_ = cmd.Process.Kill()
			<-done
		}
	})
	t.Cleanup(func() {
		d.stop()
		if t.Failed() {
			t.Logf("the program's log:\n%s", log.String())
		}
	})
	line := make(chan []byte, 1)
	go func() { text, _ := bufio.NewReader(out).ReadBytes('\n'); line <- text }()
	select {
	case text := <-line:
		if err := json.Unmarshal(text, d); err != nil {
			t.Fatalf("the program said %q: %v\n%s", text, err, log.String())
		}
	case <-time.After(time.Minute):
		t.Fatal("the program said nothing within a minute")
	}
	ca, err := os.ReadFile(d.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	d.trust = x509.NewCertPool()
	if !d.trust.AppendCertsFromPEM(ca) {
		t.Fatalf("no certificate in %s", d.CAFile)
	}
	return d
}

// environment is ours without the variables meant for the tests: the program refuses those it does not know.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "COUNTERSIGN_TEST_") })
}

// in is the same demo for a subtest.
func (d *demo) in(t *testing.T) *demo {
	c := *d
	c.t = t
	return &c
}

// http is a client that trusts the demo's authority.
func (d *demo) http(jar http.CookieJar, redirect func(*http.Request, []*http.Request) error) *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: d.trust}}
	d.t.Cleanup(transport.CloseIdleConnections)
	var way http.RoundTripper = transport
	if d.wrap != nil {
		way = d.wrap(way)
	}
	return &http.Client{Transport: way, Jar: jar, CheckRedirect: redirect, Timeout: 30 * time.Second}
}

// command runs countersign beside the server and decodes what it prints.
func (d *demo) command(into any, args ...string) {
	d.t.Helper()
	cmd := exec.Command(d.binary, append(args, "--config", filepath.Join(d.DataDir, "countersign.toml"), "--json")...)
	var errOut bytes.Buffer
	cmd.Stderr, cmd.Env = &errOut, append(environment(), d.env...)
	out, err := cmd.Output()
	if err != nil {
		d.t.Fatalf("countersign %v: %v\n%s", args, err, errOut.String())
	}
	if err := json.Unmarshal(out, into); err != nil {
		d.t.Fatalf("countersign %v printed %q: %v", args, out, err)
	}
}

// bypassCode asks the help desk for a code.
func (d *demo) bypassCode(name string) string {
	d.t.Helper()
	var doc struct {
		Code string `json:"code"`
	}
	d.command(&doc, "user", "bypass-code", name)
	if doc.Code == "" {
		d.t.Fatal("no bypass code was printed")
	}
	return doc.Code
}

// enrolled is a sample user who has a phone.
func (d *demo) enrolled() string {
	d.t.Helper()
	for _, u := range d.Users {
		if u.Enrolled {
			return u.Username
		}
	}
	d.t.Fatal("the demo has no enrolled user")
	return ""
}
