package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"countersign/internal/base/secret"
)

// setting is one setting and where its value goes.
type setting struct {
	key     string // as in the file: "data_dir", "mail.smtp_host"
	to      any    // into a Config: *string, *int, *[]string, *[]netip.Prefix or *secret.Text
	path    bool   // a file name; relative ones in a file start at the file's folder
	example string // a valid value, for error messages and for the file that init writes
	about   string // comment in the file that init writes; lines separated by \n
}

// settings lists every setting in the order of the file. Those without a section come first, as TOML requires.
func (c *Config) settings() []setting {
	return []setting{
		{key: "data_dir", to: &c.DataDir, path: true, example: "/var/lib/countersign", about: "Folder for the database, certificates and keys."},
		{key: "listen", to: &c.Listen, example: ":443", about: "Address and port to listen on. \":443\" means every address of the machine."},
		{key: "public_url", to: &c.PublicURL, example: "https://mfa.example.edu", about: "The address people open. All links in pages and mails are made from it."},
		{key: "api_hosts", to: &c.APIHosts, example: "mfa.example.edu", about: "Host names (with the port if it is not 443) that applications are configured with as API host.\nDefault: the host of public_url."},
		{key: "trusted_proxies", to: &c.TrustedProxies, example: "10.0.0.0/8", about: "Networks of the proxies in front of this server. Only they may tell a visitor's address.\nWith tls.mode = \"proxy\" they may speak plain HTTP to it."},
		{key: "master_key_file", to: &c.MasterKeyFile, path: true, example: "/etc/countersign/master.key", about: "Key that seals secrets in the database. Back it up apart from the database: who has both can\nread everything, and without the key the secrets are lost.\nDefault: master.key in data_dir."},

		{key: "tls.mode", to: &c.TLS.Mode, example: "local", about: "Where the certificate comes from:\n  local   an authority of its own, made on first start (data_dir/tls/ca.pem is for clients)\n  files   cert_file and key_file, read again when they change\n  acme    Let's Encrypt or another ACME authority\n  proxy   none: a proxy in front does TLS, see trusted_proxies"},
		{key: "tls.cert_file", to: &c.TLS.CertFile, path: true, example: "/etc/ssl/mfa.pem", about: "Certificate with its chain, PEM. For mode \"files\"."},
		{key: "tls.key_file", to: &c.TLS.KeyFile, path: true, example: "/etc/ssl/mfa.key", about: "Its private key, PEM. For mode \"files\"."},
		{key: "tls.acme_email", to: &c.TLS.ACMEEmail, example: "admin@example.edu", about: "Where the ACME authority writes when something is wrong with a certificate."},
		{key: "tls.acme_directory", to: &c.TLS.ACMEDirectory, example: "https://acme.example.edu/directory", about: "Directory of another ACME authority. Default: Let's Encrypt."},

		{key: "database.url", to: &c.Database.URL, example: "postgres://countersign:PASSWORD@db.example.edu/countersign", about: "PostgreSQL database. Default: SQLite in data_dir/countersign.db."},

		{key: "organization.name", to: &c.Organization.Name, example: "Example University", about: "Name people see on the pages."},
		{key: "organization.help", to: &c.Organization.Help, example: "Help desk: 555-0100, help@example.edu", about: "One line that tells people how to reach the help desk, at most 200 characters."},
		{key: "organization.time_zone", to: &c.Organization.TimeZone, example: "America/New_York", about: "Time zone of times in mails and lists."},

		{key: "mail.from", to: &c.Mail.From, example: "countersign <noreply@example.edu>", about: "Sender of all mails."},
		{key: "mail.smtp_host", to: &c.Mail.SMTPHost, example: "smtp.example.edu", about: "Mail server. Without one no mail is sent."},
		{key: "mail.smtp_port", to: &c.Mail.SMTPPort, example: "587", about: "Its port: mostly 587, 465 with tls = \"implicit\", 25 inside an organization."},
		{key: "mail.username", to: &c.Mail.Username, example: "countersign", about: "User name for the mail server, if it wants one."},
		{key: "mail.password", to: &c.Mail.Password, example: "PASSWORD", about: "Password for the mail server."},
		{key: "mail.tls", to: &c.Mail.TLS, example: "starttls", about: "starttls, implicit, opportunistic or none."},

		{key: "push.subject", to: &c.Push.Subject, example: "mailto:help@example.edu", about: "Where push services may complain: a mailto: address or an https URL the world can reach.\nDefault: public_url."},
		{key: "push.allow_hosts", to: &c.Push.AllowHosts, example: "push.example.edu:443", about: "Push services of your own, host:port. Those of Apple, Google, Microsoft and Mozilla need no entry."},

		{key: "log.level", to: &c.Log.Level, example: "info", about: "debug, info, warn or error."},
		{key: "log.format", to: &c.Log.Format, example: "text", about: "text or json."},
	}
}

// variable is the name of the setting in the environment: "mail.smtp_host" is COUNTERSIGN_MAIL_SMTP_HOST.
func (s setting) variable() string {
	return prefix + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}

func (s setting) secret() bool {
	_, ok := s.to.(*secret.Text)
	return ok
}

// problem is the error for one setting. want says what to write instead. The value of a secret is not shown.
func (s setting) problem(value any, want string) error {
	if s.secret() {
		return fmt.Errorf("%s (%s) %s", s.key, s.variable(), want)
	}
	return fmt.Errorf("%s (%s) is %q: %s", s.key, s.variable(), fmt.Sprint(value), want)
}

// setText stores a value of the environment. The items of a list are separated by commas.
func (s setting) setText(text string) error {
	switch to := s.to.(type) {
	case *string:
		*to = text
	case *secret.Text:
		*to = secret.NewText(text)
	case *int:
		number, err := strconv.Atoi(text)
		if err != nil {
			return s.problem(text, "write a number such as "+s.example)
		}
		*to = number
	default:
		var items []any
		for item := range strings.SplitSeq(text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				items = append(items, item)
			}
		}
		return s.set(items)
	}
	return nil
}

// set stores a value of the file as the TOML decoder returns it. A value of another kind is an error.
func (s setting) set(value any) error {
	switch to := s.to.(type) {
	case *string:
		text, ok := value.(string)
		if !ok {
			return s.problem(value, fmt.Sprintf("write a text in quotes, such as %q", s.example))
		}
		*to = text
	case *secret.Text:
		text, ok := value.(string)
		if !ok {
			return s.problem(nil, "is not a text: write it in quotes")
		}
		*to = secret.NewText(text)
	case *int:
		number, ok := value.(int64)
		if !ok {
			return s.problem(value, "write a number without quotes, such as "+s.example)
		}
		*to = int(number)
	case *[]string:
		texts, err := s.texts(value)
		if err != nil {
			return err
		}
		*to = texts
	case *[]netip.Prefix:
		texts, err := s.texts(value)
		if err != nil {
			return err
		}
		*to = nil
		for _, text := range texts {
			network, err := parseNetwork(text)
			if err != nil {
				return s.problem(text, "write a network such as "+s.example+" or an address such as 10.0.0.7")
			}
			*to = append(*to, network)
		}
	}
	return nil
}

// texts reads a list of texts.
func (s setting) texts(value any) ([]string, error) {
	items, ok := value.([]any)
	var texts []string
	for _, item := range items {
		text, isText := item.(string)
		ok = ok && isText
		texts = append(texts, strings.TrimSpace(text))
	}
	if !ok {
		return nil, s.problem(value, fmt.Sprintf("write a list of texts, such as [%q]", s.example))
	}
	return texts, nil
}

// parseNetwork reads a network in CIDR form or a single address.
func parseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		return addr.Unmap().Prefix(addr.Unmap().BitLen())
	}
	network, err := netip.ParsePrefix(text)
	return network.Masked(), err
}
