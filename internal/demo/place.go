package demo

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"

	"countersign/internal/server/config"
)

const (
	defaultListen = "127.0.0.1:8080"
	organization  = "Northfield University"
	helpLine      = "IT desk 555-0100"
)

// place is the data folder, the configuration and the two ports of one demo. The configuration file is in the data
// folder, so that the operator's commands work with it.
type place struct {
	Dir        string
	ConfigFile string
	Config     config.Config // with what the environment overrides
	Pages, TLS net.Listener  // plain HTTP for browsers, TLS for clients
}

// folder returns the data folder as an absolute path. It creates it, or a temporary one when none is named.
func folder(named string) (dir string, temporary bool, err error) {
	if named == "" {
		dir, err = os.MkdirTemp("", "countersign-demo-")
		return dir, true, err
	}
	if dir, err = filepath.Abs(named); err != nil {
		return "", false, err
	}
	return dir, false, os.MkdirAll(dir, 0o700)
}

// prepare opens both ports and writes the configuration file. With port 0 it takes the ports of the last run in the
// folder if they are free. What environ overrides is not written to the file.
func prepare(dir, listen string, environ []string) (*place, error) {
	p := &place{Dir: dir, ConfigFile: filepath.Join(dir, "countersign.toml")}
	before, err := config.Load(p.ConfigFile, nil)
	if errors.Is(err, fs.ErrNotExist) {
		before, err = config.Default(dir), nil
	}
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(cmp.Or(listen, defaultListen))
	if err != nil {
		return nil, fmt.Errorf("--listen %s: write an address and a port such as %s", listen, defaultListen)
	}
	lastPages, lastTLS := portOf(before.PublicURL), ""
	for _, name := range before.APIHosts {
		lastTLS = portOf("https://" + name)
	}
	if p.Pages, err = bind(host, port, lastPages); err != nil {
		return nil, fmt.Errorf("%s cannot be listened on (%w); take any free port with --listen 127.0.0.1:0", net.JoinHostPort(host, port), err)
	}
	if p.TLS, err = bind(host, "0", lastTLS); err != nil {
		p.close()
		return nil, fmt.Errorf("the demo's TLS port cannot be opened: %w", err)
	}
	p.Config = before
	p.configure(host)
	if err := p.save(before); err != nil {
		p.close()
		return nil, err
	}
	if len(environ) > 0 {
		if p.Config, err = config.Load(p.ConfigFile, environ); err != nil {
			p.close()
			return nil, err
		}
	}
	return p, nil
}

// configure sets what follows from the folder and the two ports. Other settings stay, because an operator may have
// changed them.
func (p *place) configure(host string) {
	pages, tls := port(p.Pages), port(p.TLS)
	c := &p.Config
	c.DataDir, c.MasterKeyFile = p.Dir, filepath.Join(p.Dir, "master.key")
	c.Listen = net.JoinHostPort(host, tls)
	c.PublicURL = "http://localhost:" + pages
	c.APIHosts = []string{"localhost:" + tls, "127.0.0.1:" + tls}
	c.TLS.Mode = config.TLSLocal
	c.Organization.Name = cmp.Or(c.Organization.Name, organization)
	c.Organization.Help = cmp.Or(c.Organization.Help, helpLine)
	c.Mail.From = cmp.Or(c.Mail.From, "countersign <noreply@northfield.example>")
	c.Push.Subject = "mailto:it@northfield.example"
}

// save writes the configuration file if it is new or has changed. After a crash the file has the old or the new
// content.
func (p *place) save(before config.Config) error {
	if _, err := os.Stat(p.ConfigFile); err == nil && reflect.DeepEqual(before, p.Config) {
		return nil
	}
	fresh := p.ConfigFile + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := config.WriteDefault(fresh, p.Config); err != nil {
		return err
	}
	return os.Rename(fresh, p.ConfigFile)
}

// close closes both ports.
func (p *place) close() {
	for _, l := range []net.Listener{p.Pages, p.TLS} {
		if l != nil {
			_ = l.Close() // usually closed by the server already
		}
	}
}

// aliases are other addresses of the pages. The server redirects them to the public address.
func (p *place) aliases() []string {
	names := []string{net.JoinHostPort("127.0.0.1", port(p.Pages)), net.JoinHostPort("::1", port(p.Pages))}
	if actual := p.Pages.Addr().String(); !slices.Contains(names, actual) {
		names = append(names, actual)
	}
	return names
}

// bind opens host:port. With port 0 it takes the port last if that is free, and any free port otherwise.
func bind(host, port, last string) (net.Listener, error) {
	if port == "0" && last != "" {
		if l, err := net.Listen("tcp", net.JoinHostPort(host, last)); err == nil {
			return l, nil
		}
	}
	return net.Listen("tcp", net.JoinHostPort(host, port))
}

func port(l net.Listener) string {
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		return strconv.Itoa(a.Port)
	}
	return ""
}

// portOf returns the port in an address, "" when it has none.
func portOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Port()
}

// loopback reports whether only this machine can reach a listener on host.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
