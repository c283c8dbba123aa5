package compat

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"countersign/internal/base/duosign"
	"countersign/internal/server/tlscert"
)

// size is how hard a flood is.
type size struct {
	files  int           // the server may have open
	conns  int           // of all flooding processes
	rate   int           // they open in a second
	tries  int           // of login_duo, in each part
	last   time.Duration // a part takes at least so long
	answer time.Duration // p99 of preauth
}

// floodSize is small unless COUNTERSIGN_TEST_LONG is set: then it is what an attacker's machine can do, or as many connections
// as the variable says, from 1000.
func floodSize(t *testing.T) size {
	long := os.Getenv("COUNTERSIGN_TEST_LONG")
	if long == "" {
		t.Parallel()
		return size{files: 512, conns: 600, rate: 200, tries: 3, last: 2 * time.Second, answer: 5 * time.Second} // other tests run beside it
	}
	conns, err := strconv.Atoi(long)
	if err != nil || conns < 1000 {
		conns = 20_000
	}
	return size{files: conns, conns: conns, rate: 1000, tries: 50, last: 20 * time.Second, answer: 2 * time.Second}
}

// flooding is one process, by its flags and its share of the connections.
type flooding struct {
	way      string
	share    float64
	block    int
	networks int
}

// floods are what hosts must be answered under. All processes of one run at once.
var floods = []struct {
	name string
	all  []flooding
}{
	{"idle connections of one machine", []flooding{{"request", .25, 10, 1}, {"request", .25, 10, 1}, {"request", .25, 10, 1}, {"handshake", .25, 10, 1}}},
	{"idle connections of many networks", []flooding{{"handshake", .25, 20, 50}, {"handshake", .25, 21, 50}, {"handshake", .25, 22, 50}, {"request", .25, 23, 50}}},
	{"connections kept after a request", []flooding{{"kept", .25, 10, 1}, {"kept", .25, 10, 20}, {"kept", .25, 18, 20}, {"kept", .25, 19, 20}}},
	{"handshakes begun and left", []flooding{{"hello", 1, 10, 1}, {"hello", 1, 10, 1}, {"hello", 1, 10, 1}, {"hello", 1, 10, 1}}},
	{"many networks, in every way", []flooding{{"request", .25, 11, 60}, {"kept", .1, 18, 60}, {"handshake", .15, 12, 60}, {"header", .15, 13, 30}, {"body", .35, 14, 60},
		{"streams", .005, 15, 50}, {"window", .005, 16, 50}, {"resets", .0002, 17, 4}}},
}

// TestAFloodOpensNoHost: Debian's login_duo with failmode=safe lets nobody in while others hold all the connections that
// they can get, and is answered soon.
func TestAFloodOpensNoHost(t *testing.T) {
	s := floodSize(t)
	d := serve(t, s.files)
	h := unixHost(d)
	for _, f := range floods {
		t.Run(f.name, func(t *testing.T) { h.in(t).staysClosed(s, f.all) })
	}
}

// TestAFloodBehindHAProxyOpensNoHost is the same with the proxy of docs/recipes/haproxy.md.
func TestAFloodBehindHAProxyOpensNoHost(t *testing.T) {
	s := floodSize(t)
	d := serveBehindHAProxy(t, s.files)
	h := unixHost(d)
	for _, f := range floods {
		t.Run(f.name, func(t *testing.T) { h.in(t).staysClosed(s, f.all) })
	}
}

// staysClosed runs a flood, tries to get in with login_duo, and asks as a program does beside it.
func (h *host) staysClosed(s size, floods []flooding) {
	t := h.t
	end := h.flood(s, floods)
	stop, asked := make(chan struct{}), make(chan []time.Duration)
	go func() { asked <- h.keepAsking(stop) }()
	said, began := map[string]int{}, time.Now()
	for range s.tries {
		let, text := h.batch("nina")
		switch {
		case let:
			t.Errorf("a shell: %s", text)
		case strings.Contains(text, "enrollment required"):
			said["answered"]++
		case strings.Contains(text, "429"):
			said["turned away"]++
		default:
			said[text]++
		}
	}
	time.Sleep(time.Until(began.Add(s.last))) // more preauths
	close(stop)
	took := <-asked
	slices.Sort(took)
	at := func(share float64) time.Duration {
		return took[int(share*float64(len(took)-1))].Round(time.Millisecond)
	}
	t.Logf("login_duo: %v; %d preauths: p50 %s, p99 %s, most %s; %d files open", said, len(took), at(.5), at(.99), at(1), h.openFiles())
	if at(.99) > s.answer {
		t.Errorf("p99 of preauth is %s", at(.99))
	}
	end()
}

// flood starts the flooding processes and waits until each has tried to open all its connections. end stops them and logs
// what they did.
func (h *host) flood(s size, floods []flooding) (end func()) {
	t := h.t
	program := filepath.Join(t.TempDir(), "flood")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, "./flood").CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	var ends []func()
	var filled []<-chan string
	for _, f := range floods {
		count, rate := max(1, int(f.share*float64(s.conns))), max(1, int(f.share*float64(s.rate)))
		// Attackers have processors of their own. Here they take what the server leaves.
		cmd := exec.Command("nice", "-n", "10", program, "-at", "127.0.0.1:"+h.port(), "-host", h.APIHost, "-way", f.way, "-count", strconv.Itoa(count),
			"-rate", strconv.Itoa(rate), "-block", strconv.Itoa(f.block), "-networks", strconv.Itoa(f.networks), "-for", "4m")
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := make(chan string, 2) // all it prints
		go func() {
			defer close(lines)
			for in := bufio.NewScanner(out); in.Scan(); {
				lines <- in.Text()
			}
		}()
		filled = append(filled, lines)
		once := sync.OnceFunc(func() {
			_ = in.Close() // which ends it
			for line := range lines {
				t.Logf("%s, %d: %s", f.way, count, line)
			}
			_ = cmd.Wait()
		})
		t.Cleanup(once)
		ends = append(ends, once)
	}
	began, limit := time.Now(), time.After(time.Minute)
	for _, lines := range filled {
		select {
		case <-lines:
		case <-limit:
		}
	}
	t.Logf("%d files open after %s", h.openFiles(), time.Since(began).Round(time.Second))
	return func() {
		for _, end := range ends {
			end()
		}
	}
}

// keepAsking asks 20 times a second how somebody may get in, on connections of their own, and gives how long that took.
// Whatever is not an answer of ours is an error.
func (h *host) keepAsking(stop <-chan struct{}) (took []time.Duration) {
	var mu sync.Mutex
	var all sync.WaitGroup
	defer all.Wait()
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		select {
		case <-stop:
			tick.Stop()
			all.Wait()
			return took
		case <-tick.C:
		}
		all.Go(func() {
			began := time.Now()
			err := h.ask()
			mu.Lock()
			defer mu.Unlock()
			if took = append(took, time.Since(began)); err != nil {
				h.t.Errorf("preauth after %s: %v", time.Since(began), err)
			}
		})
	}
}

func (h *host) ask() error {
	form := url.Values{"user": {"nina"}}
	q := duosign.Request{Method: "POST", Host: h.APIHost, Path: "/rest/v1/preauth", Form: form}
	r, err := http.NewRequestWithContext(h.t.Context(), "POST", "https://"+h.APIHost+q.Path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", duosign.Credentials{Key: h.ID, Signature: duosign.Sign(q, duosign.V1, duosign.SHA1, h.Secret)}.Header())
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 200, 0, 1)}}
	way := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: h.trust}, DialContext: dialer.DialContext, DisableKeepAlives: true}
	answer, err := (&http.Client{Transport: way, Timeout: 30 * time.Second}).Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && (answer.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(`"stat":"OK"`))) {
		err = fmt.Errorf("%d %s", answer.StatusCode, body)
	}
	return err
}

func (h *host) port() string {
	_, port, _ := net.SplitHostPort(h.APIHost)
	return port
}

// serve starts the program as an operator does, with a limit of open files.
func serve(t *testing.T, files int) *demo {
	t.Helper()
	port := freePort(t)
	d := instance(t, port)
	d.CAFile = filepath.Join(d.DataDir, "tls", tlscert.CAFileName)
	d.run(files, "COUNTERSIGN_LISTEN=127.0.0.1:"+port)
	d.comesUp()
	return d
}

// serveBehindHAProxy starts it behind the proxy of the recipe.
func serveBehindHAProxy(t *testing.T, files int) *demo {
	t.Helper()
	front, back := freePort(t), freePort(t)
	d := instance(t, front)
	cert, err := tlscert.Local(tlscert.LocalOptions{Dir: filepath.Join(d.DataDir, "proxy"), Names: tlscert.DemoNames, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	d.CAFile = cert.CAFile
	d.run(files, "COUNTERSIGN_LISTEN=127.0.0.1:"+back, "COUNTERSIGN_TLS_MODE=proxy", "COUNTERSIGN_TRUSTED_PROXIES=127.0.0.1/32")
	recipe, err := os.ReadFile("../docs/recipes/haproxy.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string) string {
		found := regexp.MustCompile("(?s)```" + kind + "\n(.*?)```").FindSubmatch(recipe)
		if found == nil {
			t.Fatalf("the recipe has no %s", kind)
		}
		return string(found[1])
	}
	var both []byte
	for _, name := range []string{"tls.pem", "tls-key.pem"} {
		raw, err := os.ReadFile(filepath.Join(d.DataDir, "proxy", name))
		if err != nil {
			t.Fatal(err)
		}
		both = append(both, raw...)
	}
	folder := filepath.Join(d.DataDir, "proxy")
	text := strings.NewReplacer("/etc/haproxy", folder, "bind :443", "bind 127.0.0.1:"+front, "127.0.0.1:8443", "127.0.0.1:"+back).Replace(block("haproxy"))
	for name, content := range map[string]string{"countersign.pem": string(both), "haproxy.cfg": text, "busy.http": strings.ReplaceAll(block("http"), "\n", "\r\n")} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d.child("HAProxy", exec.Command("haproxy", "-db", "-f", filepath.Join(folder, "haproxy.cfg")))
	d.comesUp()
	return d
}

// instance sets an instance up.
func instance(t *testing.T, port string) *demo {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	d := &demo{t: t, binary: path, DataDir: data, URL: "https://localhost:" + port}
	out, err := exec.Command(path, "init", "--data", data, "--public-url", d.URL, "--config", filepath.Join(data, "countersign.toml")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return d
}

// run starts the server; pid is in d.pid.
func (d *demo) run(files int, env ...string) {
	d.t.Helper()
	d.env = env
	cmd := exec.Command("sh", "-c", `ulimit -n "$1" && shift && exec "$@"`, "sh", strconv.Itoa(files), d.binary, "serve", "--config", filepath.Join(d.DataDir, "countersign.toml"))
	cmd.Env = append(environment(), env...)
	d.pid = d.child("countersign", cmd)
}

// child starts a program that ends with the test, and gives its number.
func (d *demo) child(name string, cmd *exec.Cmd) int {
	d.t.Helper()
	log, err := os.Create(filepath.Join(d.t.TempDir(), "log"))
	if err != nil {
		d.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		d.t.Fatalf("%s: %v (scripts/test-deps installs what is missing)", name, err)
	}
	d.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		gone := make(chan struct{})
		go func() { _ = cmd.Wait(); close(gone) }()
		select {
		case <-gone:
		case <-time.After(45 * time.Second):
			_ = cmd.Process.Kill()
			<-gone
			d.t.Errorf("%s did not end", name)
		}
		raw, _ := os.ReadFile(log.Name()) // nothing to show, then
		for line := range strings.Lines(string(raw)) {
			if !strings.Contains(line, "level=INFO") {
				d.t.Logf("%s: %s", name, strings.TrimSpace(line))
			}
		}
		_ = log.Close()
	})
	return cmd.Process.Pid
}

// comesUp waits for the first answer.
func (d *demo) comesUp() {
	d.t.Helper()
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if d.trust == nil {
			if ca, err := os.ReadFile(d.CAFile); err == nil {
				d.trust = x509.NewCertPool()
				d.trust.AppendCertsFromPEM(ca)
			}
		}
		if d.trust != nil {
			answer, err := d.http(nil, nil).Get(d.URL + "/readyz")
			if err == nil {
				answer.Body.Close()
				if answer.StatusCode == http.StatusOK {
					return
				}
			}
		}
		if time.Since(began) > time.Minute {
			d.t.Fatal("the server does not come up")
		}
	}
}

// openFiles are those of the server.
func (d *demo) openFiles() int {
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", d.pid))
	if err != nil {
		d.t.Fatal(err)
	}
	return len(all)
}

func freePort(t *testing.T) string {
	t.Helper()
	_, port, _ := strings.Cut(nobody(t), ":")
	return port
}
