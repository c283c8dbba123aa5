// Package config is the one configuration of the program: a TOML file, overridden by COUNTERSIGN_*
// variables of the environment. Every setting is one line in settings.go; file names, variable
// names, comments and checks all come from there.
package config

import (
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"countersign/internal/base/secret"
)

// Config is everything an operator decides before the program starts. Load fills in what was left
// out; a Config made in code should start from Default and be checked with Validate.
type Config struct {
	DataDir        string         // database, certificates, master key
	Listen         string         // host:port, host may be empty
	PublicURL      string         // "https://mfa.example.edu", no path, no slash at the end
	APIHosts       []string       // host[:port] that clients are configured with, lower case; never empty after Load
	TrustedProxies []netip.Prefix // who may say X-Forwarded-For and -Proto
	MasterKeyFile  string         // default DataDir/master.key

	TLS          TLS
	Database     Database
	Organization Organization
	Mail         Mail
	Push         Push
	Log          Log
}

// TLS says where the certificate comes from.
type TLS struct {
	Mode          string // one of the TLS constants
	CertFile      string // TLSFiles only
	KeyFile       string // TLSFiles only
	ACMEEmail     string
	ACMEDirectory string // empty: Let's Encrypt
}

// Values of TLS.Mode.
const (
	TLSLocal = "local" // an authority of our own in the data folder
	TLSFiles = "files" // CertFile and KeyFile
	TLSACME  = "acme"  // Let's Encrypt or another ACME authority
	TLSProxy = "proxy" // plain HTTP behind one of TrustedProxies
)

// Database says where data rests.
type Database struct {
	URL secret.Text // empty: SQLite in the data folder; or postgres://user:password@host/name
}

// Organization is who runs the server, as people see it.
type Organization struct {
	Name     string
	Help     string // one line: how to reach the help desk
	TimeZone string // IANA name
}

// Zone is the time zone in which people are told times; UTC when the name is not one.
func (o Organization) Zone() *time.Location {
	zone, err := time.LoadLocation(o.TimeZone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// Mail says how mail leaves. With an empty SMTPHost no mail is sent.
type Mail struct {
	From     string // "countersign <noreply@example.edu>"
	SMTPHost string
	SMTPPort int
	Username string
	Password secret.Text
	TLS      string // starttls, implicit, opportunistic, none
}

// Push says how phones are rung.
type Push struct {
	Subject    string   // mailto: address or https URL push services may complain to; default PublicURL
	AllowHosts []string // host:port exceptions from the rules for push services
}

// Log says what is logged and how.
type Log struct {
	Level  string // debug, info, warn, error
	Format string // text, json
}

// Default is the configuration of a new installation in dataDir; only PublicURL is missing.
func Default(dataDir string) Config {
	return Config{
		DataDir:       dataDir,
		Listen:        ":443",
		MasterKeyFile: filepath.Join(dataDir, "master.key"),
		TLS:           TLS{Mode: TLSLocal},
		Organization:  Organization{TimeZone: "UTC"},
		Mail:          Mail{SMTPPort: 587, TLS: "starttls"},
		Log:           Log{Level: "info", Format: "text"},
	}
}

// Complete derives what was left out from other settings: MasterKeyFile, APIHosts, Push.Subject.
// Load has done it; a Config made in code calls it before Validate.
func (c *Config) Complete() {
	c.PublicURL = strings.TrimSuffix(c.PublicURL, "/")
	if c.MasterKeyFile == "" && c.DataDir != "" {
		c.MasterKeyFile = filepath.Join(c.DataDir, "master.key")
	}
	if len(c.APIHosts) == 0 {
		if u, err := url.Parse(c.PublicURL); err == nil && u.Host != "" {
			c.APIHosts = []string{u.Host}
		}
	}
	for i, host := range c.APIHosts {
		c.APIHosts[i] = strings.ToLower(host)
	}
	if c.Push.Subject == "" {
		// On a machine of one's own the address may be http; push services want https or mailto.
		c.Push.Subject = strings.Replace(c.PublicURL, "http://", "https://", 1)
	}
}

// SQLiteFile is the database file when Database.URL is empty.
func (c Config) SQLiteFile() string { return filepath.Join(c.DataDir, "countersign.db") }

// DatabaseName is where data rests, fit to be printed: the SQLite file, or the PostgreSQL URL
// without user, password and parameters.
func (c Config) DatabaseName() string {
	if c.Database.URL.Empty() {
		return c.SQLiteFile()
	}
	u, err := url.Parse(c.Database.URL.Reveal())
	if err != nil {
		return "postgres"
	}
	return u.Scheme + "://" + u.Host + u.Path
}

// Hostnames are the names (without ports) the server's certificate must carry: those of PublicURL
// and APIHosts, each once.
func (c Config) Hostnames() []string {
	hosts := c.APIHosts
	if u, err := url.Parse(c.PublicURL); err == nil && u.Host != "" {
		hosts = append([]string{u.Host}, hosts...)
	}
	var names []string
	seen := map[string]bool{}
	for _, host := range hosts {
		u, err := url.Parse("https://" + strings.ToLower(host))
		if err == nil && !seen[u.Hostname()] {
			seen[u.Hostname()] = true
			names = append(names, u.Hostname())
		}
	}
	return names
}
