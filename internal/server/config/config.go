// Package config is the configuration of the program: a TOML file, overridden by COUNTERSIGN_* variables of the
// environment. Every setting is one line in settings.go. Its name in the file, its variable and the comment that
// init writes come from that line; what a value may be is checked in validate.go.
package config

import (
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"countersign/internal/base/secret"
)

// Config is everything that an operator decides before the program starts. Load fills in what is left out. Code that
// makes a Config starts from Default, sets PublicURL, calls Complete and then Validate.
type Config struct {
	DataDir        string         // database, certificates, master key
	Listen         string         // host:port, host may be empty
	PublicURL      string         // "https://mfa.example.edu", no path, no slash at the end
	APIHosts       []string       // host[:port] that clients are configured with, lower case; never empty after Load
	TrustedProxies []netip.Prefix // networks whose X-Forwarded-For and X-Forwarded-Proto are believed
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
	ACMEEmail     string // contact for the ACME authority; may be empty
	ACMEDirectory string // URL of its directory (RFC 8555 7.1.1); empty: Let's Encrypt
}

// Values of TLS.Mode.
const (
	TLSLocal = "local" // the server is its own authority, in the data folder
	TLSFiles = "files" // CertFile and KeyFile
	TLSACME  = "acme"  // Let's Encrypt or another ACME authority
	TLSProxy = "proxy" // plain HTTP behind one of TrustedProxies
)

// Database says where the data is kept.
type Database struct {
	URL secret.Text // empty: SQLite in the data folder; or postgres://user:password@host/name
}

// Organization is who runs the server, as people see it.
type Organization struct {
	Name     string // at most 100 characters
	Help     string // one line of at most 200 characters: how to reach the help desk
	TimeZone string // IANA name
}

// Zone is the time zone in which times are shown to people. It is UTC when TimeZone is not a valid name.
func (o Organization) Zone() *time.Location {
	zone, err := time.LoadLocation(o.TimeZone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// Mail says how mail is sent. With an empty SMTPHost no mail is sent.
type Mail struct {
	From     string // "countersign <noreply@example.edu>"
	SMTPHost string // without a port
	SMTPPort int
	Username string      // empty: no authentication
	Password secret.Text // required with Username
	TLS      string      // starttls, implicit, opportunistic or none, as in adapter/mail
}

// Push says how alerts go to phones (adapter/webpush).
type Push struct {
	Subject    string   // contact for push services, a mailto: address or an https URL; default PublicURL
	AllowHosts []string // host:port; exceptions from the rules for push services
}

// Log says what is logged and how.
type Log struct {
	Level  string // debug, info, warn, error
	Format string // text, json
}

// Default is the configuration of a new installation in dataDir. Only PublicURL is missing.
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

// Complete derives settings that were left out from others: MasterKeyFile, APIHosts and Push.Subject. It also brings
// PublicURL and APIHosts into their one spelling. Load calls it.
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
		// On localhost the address may be http, but push services accept only https and mailto (RFC 8292 2.1).
		c.Push.Subject = strings.Replace(c.PublicURL, "http://", "https://", 1)
	}
}

// SQLiteFile is the database file when Database.URL is empty.
func (c Config) SQLiteFile() string { return filepath.Join(c.DataDir, "countersign.db") }

// DatabaseName says where the data is kept, for logs and messages: the SQLite file, or the PostgreSQL URL without
// user, password and parameters.
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

// Hostnames lists the names that the server's certificate must contain: those of PublicURL and APIHosts, without
// ports, in lower case, each once.
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
