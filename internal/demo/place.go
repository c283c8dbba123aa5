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

// place is where one demo lives: its folder, its two ports, and the configuration beside the
// data with which operator commands find both.
type place struct {
	Dir        string
	ConfigFile string
	Config     config.Config
	Pages, TLS net.Listener
}

// folder gives the data folder, a new temporary one when none is named.
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

// settle binds both ports, those of the last run when the folder has one and nothing else was
// asked for, and writes the configuration. What environ overrides is not written down.
func settle(dir, listen string, environ []string) (*place, error) {
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
		p.leave()
		return nil, fmt.Errorf("the demo's TLS port cannot be opened: %w", err)
	}
	p.Config = before
	p.configure(host)
	if err := p.save(before); err != nil {
		p.leave()
		return nil, err
	}
	if len(environ) > 0 {
		if p.Config, err = config.Load(p.ConfigFile, environ); err != nil {
			p.leave()
			return nil, err
		}
	}
	return p, nil
}

// configure writes what the two ports decide; everything else an operator may have changed stays.
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

// save writes the configuration when it is new or has changed, so that a crash leaves the old one
// or the new.
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

// leave closes both ports.
func (p *place) leave() {
	for _, l := range []net.Listener{p.Pages, p.TLS} {
		if l != nil {
			_ = l.Close() // the server has usually done so
		}
	}
}

// aliases are other names of the pages; visitors are sent to the one that works everywhere.
func (p *place) aliases() []string {
	names := []string{net.JoinHostPort("127.0.0.1", port(p.Pages)), net.JoinHostPort("::1", port(p.Pages))}
	if actual := p.Pages.Addr().String(); !slices.Contains(names, actual) {
		names = append(names, actual)
	}
	return names
}

// bind opens host:port. Port 0 takes the last run's when it is free, otherwise any.
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

func portOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Port()
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
