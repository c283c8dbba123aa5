package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the machine may have no time zone files
	"unicode"
	"unicode/utf8"

	"countersign/internal/adapter/mail"
	"countersign/internal/base/secret"
)

// Validate checks every setting. The error lists every mistake on a line of its own: the setting, its value unless it
// is a secret, and what to write instead. It reads no files and makes no connections.
func (c Config) Validate() error {
	v := &validation{settings: map[string]setting{}}
	for _, s := range c.settings() {
		v.settings[s.key] = s
	}
	c.validateServer(v)
	c.validateTLS(v)
	c.validateServices(v)
	if len(v.problems) > 0 {
		return fmt.Errorf("the configuration has mistakes:\n%w", errors.Join(v.problems...))
	}
	return nil
}

// validation collects the mistakes of one Config.
type validation struct {
	settings map[string]setting
	problems []error
}

// need records a mistake in the setting key unless ok. want says what to write.
func (v *validation) need(ok bool, key, want string) {
	if ok {
		return
	}
	s := v.settings[key]
	var value any
	switch to := s.to.(type) {
	case *string:
		value = *to
	case *int:
		value = *to
	case *[]string:
		value = strings.Join(*to, ", ")
	case *[]netip.Prefix:
		value = *to
	case *secret.Text: // never shown
	}
	v.problems = append(v.problems, s.problem(value, want))
}

func (v *validation) oneOf(value, key string, allowed ...string) {
	v.need(slices.Contains(allowed, value), key, "write one of "+strings.Join(allowed, ", "))
}

// validateServer checks the settings without a section.
func (c Config) validateServer(v *validation) {
	v.need(c.DataDir != "", "data_dir", "write a folder such as "+DefaultDataDir)
	v.need(c.MasterKeyFile != "", "master_key_file", "write a file name such as /etc/countersign/master.key")
	v.need(listenAddress(c.Listen), "listen", `write an address and port such as ":443" or "192.0.2.7:443"`)
	v.need(origin(c.PublicURL), "public_url", "write the https address people open, without a path, such as https://mfa.example.edu (http only for localhost)")
	v.need(len(c.APIHosts) > 0, "api_hosts", "write the host of public_url, such as mfa.example.edu")
	for _, host := range c.APIHosts {
		v.need(hostPort(host, false), "api_hosts", "write host names with an optional port and nothing else, such as mfa.example.edu or mfa.example.edu:8443")
	}
	for _, network := range c.TrustedProxies {
		v.need(network.IsValid() && network.Bits() > 0, "trusted_proxies", "write the networks of your proxies, such as 10.0.0.0/8, not the whole Internet")
	}
}

// validateTLS checks that the settings under tls fit its mode.
func (c Config) validateTLS(v *validation) {
	v.oneOf(c.TLS.Mode, "tls.mode", TLSLocal, TLSFiles, TLSACME, TLSProxy)
	switch c.TLS.Mode {
	case TLSFiles:
		v.need(c.TLS.CertFile != "", "tls.cert_file", `tls.mode is "files": write the certificate file, such as /etc/ssl/mfa.pem`)
		v.need(c.TLS.KeyFile != "", "tls.key_file", `tls.mode is "files": write the key file, such as /etc/ssl/mfa.key`)
	case TLSACME:
		for _, name := range c.Hostnames() {
			_, err := netip.ParseAddr(name)
			v.need(err != nil && strings.Contains(name, "."), "api_hosts", `tls.mode is "acme": certificates are only given for public names, `+name+` is not one`)
		}
	case TLSProxy:
		v.need(len(c.TrustedProxies) > 0, "trusted_proxies", `tls.mode is "proxy": write the network of the proxy, such as 10.0.0.0/8`)
	}
	if c.TLS.Mode != TLSFiles {
		v.need(c.TLS.CertFile == "", "tls.cert_file", `remove it or set tls.mode = "files"; now it would be ignored`)
		v.need(c.TLS.KeyFile == "", "tls.key_file", `remove it or set tls.mode = "files"; now it would be ignored`)
	}
	v.need(c.TLS.ACMEEmail == "" || bareAddress(c.TLS.ACMEEmail), "tls.acme_email", "write a mail address such as admin@example.edu")
	v.need(c.TLS.ACMEDirectory == "" || webURL(c.TLS.ACMEDirectory, "https"), "tls.acme_directory", "write an https address such as https://acme.example.edu/directory")
}

// validateServices checks the other sections: database, organization, mail, push and log.
func (c Config) validateServices(v *validation) {
	if text := c.Database.URL.Reveal(); text != "" {
		v.need(postgres(text), "database.url", "is not a PostgreSQL address: write postgres://USER:PASSWORD@HOST/NAME, with %-codes for special characters, or leave it out for SQLite")
	}
	v.need(line(c.Organization.Name, 100), "organization.name", "write one line of at most 100 characters")
	v.need(line(c.Organization.Help, 200), "organization.help", "write one line of at most 200 characters")
	_, err := time.LoadLocation(c.Organization.TimeZone)
	v.need(err == nil && c.Organization.TimeZone != "" && c.Organization.TimeZone != "Local", "organization.time_zone", "write a name such as UTC or America/New_York")

	v.oneOf(c.Mail.TLS, "mail.tls", "starttls", "implicit", "opportunistic", "none")
	v.need(c.Mail.SMTPPort > 0 && c.Mail.SMTPPort < 65536, "mail.smtp_port", "write a port from 1 to 65535, mostly 587")
	if c.Mail.SMTPHost != "" {
		v.need(hostPort(c.Mail.SMTPHost, false) && !strings.Contains(c.Mail.SMTPHost, ":"), "mail.smtp_host", "write a host name without a port, such as smtp.example.edu")
	}
	if c.Mail.SMTPHost != "" || c.Mail.From != "" {
		v.need(mail.CheckSender(c.Mail.From) == nil, "mail.from", "write a sender such as countersign <noreply@example.edu>")
	}
	v.need(c.Mail.Username == "" || !c.Mail.Password.Empty(), "mail.password", "is missing: mail.username is set, so write the password too")

	v.need(c.Push.Subject == "" || webURL(c.Push.Subject, "https") ||
		strings.HasPrefix(c.Push.Subject, "mailto:") && bareAddress(c.Push.Subject[len("mailto:"):]),
		"push.subject", "write mailto:help@example.edu or an https address")
	for _, host := range c.Push.AllowHosts {
		v.need(hostPort(host, true), "push.allow_hosts", "write host:port, such as push.example.edu:443")
	}
	v.oneOf(c.Log.Level, "log.level", "debug", "info", "warn", "error")
	v.oneOf(c.Log.Format, "log.format", "text", "json")
}

func listenAddress(text string) bool {
	host, port, err := net.SplitHostPort(text)
	number, bad := strconv.ParseUint(port, 10, 16)
	return err == nil && bad == nil && number < 65536 && !strings.ContainsAny(host, " /@")
}

// origin accepts https://host[:port], and http for localhost only.
func origin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.User != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(text, "#") || !hostPort(u.Host, false) {
		return false
	}
	name := u.Hostname()
	here := name == "localhost" || strings.HasSuffix(name, ".localhost") || name == "127.0.0.1" || name == "::1"
	return u.Scheme == "https" || u.Scheme == "http" && here
}

// hostPort accepts a host name or an address, with a port from 1 to 65535 or, unless portNeeded, without one.
func hostPort(text string, portNeeded bool) bool {
	u, err := url.Parse("https://" + text)
	if err != nil || u.Host != text || u.Hostname() == "" || strings.HasSuffix(text, ":") || u.Port() == "" && portNeeded {
		return false
	}
	if u.Port() != "" {
		if number, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || number == 0 {
			return false
		}
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
		return addr.Zone() == ""
	}
	return !strings.ContainsFunc(u.Hostname(), func(r rune) bool {
		return r != '-' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

func webURL(text, scheme string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == scheme && u.Host != ""
}

// postgres accepts a URL that the driver understands. The host may also be the folder of a socket, in a parameter.
func postgres(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") && (u.Host != "" || u.Query().Get("host") != "")
}

func bareAddress(text string) bool {
	_, err := mail.Address(text)
	return err == nil
}

// line accepts one line of at most limit characters.
func line(text string, limit int) bool {
	return utf8.ValidString(text) && utf8.RuneCountInString(text) <= limit && !strings.ContainsFunc(text, unicode.IsControl)
}
