package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"countersign/internal/base/secret"
	"countersign/internal/server/config"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "countersign.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOneLineIsEnoughAndTheRestFollowsFromIt(t *testing.T) {
	path := write(t, `public_url = "https://MFA.example.edu:8443/"`+"\n"+`data_dir = "data"`)
	c, err := config.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(filepath.Dir(path), "data")
	for name, pair := range map[string][2]any{
		"data_dir": {c.DataDir, dir}, "listen": {c.Listen, ":443"}, "public_url": {c.PublicURL, "https://MFA.example.edu:8443"},
		"api_hosts": {c.APIHosts, []string{"mfa.example.edu:8443"}}, "master_key_file": {c.MasterKeyFile, filepath.Join(dir, "master.key")},
		"tls.mode": {c.TLS.Mode, "local"}, "database": {c.DatabaseName(), filepath.Join(dir, "countersign.db")},
		"push.subject": {c.Push.Subject, "https://MFA.example.edu:8443"}, "mail": {c.Mail.SMTPHost, ""}, "hostnames": {c.Hostnames(), []string{"mfa.example.edu"}},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s: %v, want %v", name, pair[0], pair[1])
		}
	}
}

func TestTheEnvironmentOverridesTheFile(t *testing.T) {
	path := write(t, "public_url = \"https://a.example.edu\"\ndata_dir = \"/srv\"\n[mail]\nsmtp_port = 25\nsmtp_host = \"mx\"\nfrom = \"x@example.edu\"\n[tls]\n")
	c, err := config.Load(path, []string{
		"COUNTERSIGN_PUBLIC_URL=https://b.example.edu", "COUNTERSIGN_DATABASE_URL=postgres://u:p4ss@db/x?sslmode=require", "COUNTERSIGN_MAIL_SMTP_PORT=465",
		"COUNTERSIGN_TRUSTED_PROXIES=10.1.2.3/8, 192.0.2.7,2001:db8::/32", "COUNTERSIGN_API_HOSTS=b.example.edu,C.example.edu:8443", "COUNTERSIGN_CONFIG=/elsewhere",
		"COUNTERSIGN_MAIL_PASSWORD=a=b,c", "PATH=/bin", "COUNTERSIGNED=no",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("2001:db8::/32")}
	if c.PublicURL != "https://b.example.edu" || c.Mail.SMTPPort != 465 || c.Mail.SMTPHost != "mx" || !reflect.DeepEqual(c.TrustedProxies, want) || c.DataDir != "/srv" {
		t.Errorf("%+v", c)
	}
	if !reflect.DeepEqual(c.APIHosts, []string{"b.example.edu", "c.example.edu:8443"}) || c.Mail.Password.Reveal() != "a=b,c" || c.DatabaseName() != "postgres://db/x" {
		t.Errorf("%v %s", c.APIHosts, c.DatabaseName())
	}
	if _, err := config.Load("", []string{"COUNTERSIGN_PUBLIC_URL=https://b.example.edu"}); err != nil {
		t.Errorf("without a file: %v", err)
	}
}

func TestAConfigurationMadeInCodeForOnesOwnMachineIsComplete(t *testing.T) {
	c := config.Default(t.TempDir())
	c.PublicURL = "http://localhost:8080"
	c.Complete()
	if err := c.Validate(); err != nil || c.APIHosts[0] != "localhost:8080" || c.Push.Subject != "https://localhost:8080" {
		t.Errorf("%v, %v, %q", err, c.APIHosts, c.Push.Subject)
	}
}

func TestUnknownNamesAreErrorsThatNameTheNearestKnownOne(t *testing.T) {
	for text, want := range map[string]string{
		"publik_url = \"x\"":                   "there is no setting publik_url; did you mean public_url?",
		"[mail]\nsmtp_prot = 25":               "there is no setting mail.smtp_prot; did you mean mail.smtp_port?",
		"smtp_host = \"x\"":                    "did you mean mail.smtp_host?",
		"[datbase]\nurl = \"\"":                "there is no setting datbase.url; did you mean database.url?",
		"[nothing]":                            "there is no setting nothing",
		"mail = 3":                             "there is no setting mail;",
		"[mail.tls]\nmode = \"x\"":             "mail.tls (COUNTERSIGN_MAIL_TLS)",
		"[[push]]\nsubject = \"mailto:x@y.z\"": "there is no setting push;",
	} {
		_, err := config.Load(write(t, "data_dir=\"/srv\"\n"+text), []string{"COUNTERSIGN_PUBLIC_URL=https://b.example.edu"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	_, err := config.Load("", []string{"COUNTERSIGN_MAIL_HOST=x", "COUNTERSIGN_PUBLIC_URI=https://b.example.edu"})
	for _, want := range []string{"no variable COUNTERSIGN_MAIL_HOST", "did you mean COUNTERSIGN_PUBLIC_URL?"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// Kubernetes sets variables with this prefix for a service called countersign. They are not mistakes of the operator.
func TestVariablesThatOthersSetAreLeftAlone(t *testing.T) {
	if _, err := config.Load("", []string{"COUNTERSIGN_PUBLIC_URL=https://b.example.edu", "COUNTERSIGN_SERVICE_HOST=10.0.0.7", "COUNTERSIGN_SERVICE_PORT_HTTPS=443",
		"COUNTERSIGN_PORT=tcp://10.0.0.7:443", "COUNTERSIGN_PORT_443_TCP_ADDR=10.0.0.7", "COUNTERSIGN_TEST_POSTGRES=x"}); err != nil {
		t.Error(err)
	}
}

func TestWrongValuesAreToldWithSettingValueAndRemedyAllAtOnce(t *testing.T) {
	for name, c := range map[string]struct{ environ, want string }{
		"no url":        {"", "public_url (COUNTERSIGN_PUBLIC_URL) is \"\": write the https address"},
		"http":          {"PUBLIC_URL=http://mfa.example.edu", `is "http://mfa.example.edu": write the https`},
		"path":          {"PUBLIC_URL=https://mfa.example.edu/x", "without a path"},
		"user":          {"PUBLIC_URL=https://a@mfa.example.edu", "public_url"},
		"query":         {"PUBLIC_URL=https://mfa.example.edu?", "public_url"},
		"listen":        {"LISTEN=443", `listen (COUNTERSIGN_LISTEN) is "443": write an address and port`},
		"listen port":   {"LISTEN=:70000", "listen"},
		"api host":      {"API_HOSTS=https://mfa.example.edu", "api_hosts"},
		"proxy":         {"TRUSTED_PROXIES=10.0.0.0/33", `is "10.0.0.0/33": write a network`},
		"all proxies":   {"TRUSTED_PROXIES=0.0.0.0/0", "not the whole Internet"},
		"mode":          {"TLS_MODE=letsencrypt", "write one of local, files, acme, proxy"},
		"files":         {"TLS_MODE=files", "tls.cert_file"},
		"proxy mode":    {"TLS_MODE=proxy", `tls.mode is "proxy"`},
		"acme address":  {"TLS_MODE=acme PUBLIC_URL=https://192.0.2.1", "only given for public names"},
		"ignored":       {"TLS_CERT_FILE=/x", "would be ignored"},
		"database":      {"DATABASE_URL=mysql://x", "database.url (COUNTERSIGN_DATABASE_URL) is not a PostgreSQL address"},
		"help":          {"ORGANIZATION_HELP=" + strings.Repeat("x", 201), "at most 200"},
		"time zone":     {"ORGANIZATION_TIME_ZONE=Mars/Olympus", `is "Mars/Olympus": write a name`},
		"mail port":     {"MAIL_SMTP_PORT=smtp", `is "smtp": write a number such as 587`},
		"mail port 0":   {"MAIL_SMTP_PORT=0", "from 1 to 65535"},
		"mail from":     {"MAIL_SMTP_HOST=mx", "mail.from"},
		"mail host":     {"MAIL_SMTP_HOST=mx:25 MAIL_FROM=a@b.c", "without a port"},
		"mail password": {"MAIL_USERNAME=x", "mail.password (COUNTERSIGN_MAIL_PASSWORD) is missing"},
		"mail tls":      {"MAIL_TLS=yes", "starttls, implicit"},
		"push subject":  {"PUSH_SUBJECT=help@example.edu", "write mailto:"},
		"push host":     {"PUSH_ALLOW_HOSTS=push.example.edu", "write host:port"},
		"log level":     {"LOG_LEVEL=loud", `is "loud": write one of debug`},
		"log format":    {"LOG_FORMAT=xml", "text, json"},
	} {
		environ := []string{"COUNTERSIGN_PUBLIC_URL=https://mfa.example.edu"}
		if name == "no url" {
			environ = nil
		}
		for field := range strings.FieldsSeq(c.environ) {
			environ = append(environ, "COUNTERSIGN_"+field)
		}
		if _, err := config.Load("", environ); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	_, err := config.Load("", []string{"COUNTERSIGN_LISTEN=x", "COUNTERSIGN_LOG_LEVEL=loud"})
	if err == nil || !strings.Contains(err.Error(), "listen") || !strings.Contains(err.Error(), "log.level") || !strings.Contains(err.Error(), "public_url") {
		t.Errorf("not all at once: %v", err)
	}
	if err := config.Default("/srv").Validate(); err == nil {
		t.Error("a configuration without public_url is valid")
	}
}

func TestValuesOfAnotherKindAreToldHowToBeWritten(t *testing.T) {
	for text, want := range map[string]string{
		"public_url = 3":                 "write a text in quotes",
		"[mail]\nsmtp_port = \"25\"":     "without quotes, such as 587",
		"[mail]\nsmtp_port = 25.5":       "write a number",
		"api_hosts = \"a\"":              `write a list of texts, such as ["mfa.example.edu"]`,
		"api_hosts = [1]":                "write a list of texts",
		"trusted_proxies = [\"x\"]":      "write a network",
		"[mail]\npassword = 123456":      "mail.password (COUNTERSIGN_MAIL_PASSWORD) is not a text",
		"public_url = https://x.example": "quotes",
		"listen = [":                     "line 1",
	} {
		_, err := config.Load(write(t, text), nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "123456") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestAMissingFileIsToldFromABrokenOne(t *testing.T) {
	_, err := config.Load(filepath.Join(t.TempDir(), "none.toml"), nil)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "countersign init") {
		t.Error(err)
	}
}

func full() config.Config {
	c := config.Default("/srv/countersign")
	c.Listen, c.PublicURL, c.APIHosts = "192.0.2.7:8443", "https://mfa.example.edu", []string{"mfa.example.edu", "other.example.edu:8443"}
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	c.MasterKeyFile = "/etc/countersign/master.key"
	c.TLS = config.TLS{Mode: config.TLSFiles, CertFile: "/etc/ssl/a.pem", KeyFile: "/etc/ssl/a.key", ACMEEmail: "a@example.edu", ACMEDirectory: "https://acme.example.edu/d"}
	c.Database.URL = secret.NewText("postgres://mfa:hunter2-db@db.example.edu/mfa")
	c.Organization = config.Organization{Name: "Zoë's \"University\" \\ College", Help: "Help desk: 555-0100 # always", TimeZone: "Europe/Berlin"}
	c.Mail = config.Mail{From: "countersign <noreply@example.edu>", SMTPHost: "mx.example.edu", SMTPPort: 465, Username: "mfa", Password: secret.NewText("hunter2-\"mail\"\\\x7f\n"), TLS: "implicit"}
	c.Push = config.Push{Subject: "mailto:help@example.edu", AllowHosts: []string{"push.example.edu:443"}}
	c.Log = config.Log{Level: "debug", Format: "json"}
	return c
}

func TestWhatInitWritesIsReadBackUnchangedAndOnlyByItsOwner(t *testing.T) {
	small := config.Default("/srv")
	small.PublicURL, small.APIHosts, small.Push.Subject = "https://mfa.example.edu", []string{"mfa.example.edu"}, "https://mfa.example.edu"
	for name, c := range map[string]config.Config{"small": small, "full": full()} {
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "countersign.toml")
		if err := config.WriteDefault(path, c); err != nil {
			t.Fatal(err)
		}
		got, err := config.Load(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, c) {
			raw, _ := os.ReadFile(path)
			t.Errorf("%s: %+v\nwant %+v\n%s", name, got, c, raw)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
		if err := config.WriteDefault(path, c); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: an existing file: %v", name, err)
		}
	}
}

func TestEveryCommentedExampleIsAValidSetting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "countersign.toml")
	c := config.Default("/srv")
	c.TLS.Mode = config.TLSFiles
	if err := config.WriteDefault(path, c); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var opened strings.Builder
	count := 0
	for line := range strings.Lines(string(raw)) {
		if bare, ok := strings.CutPrefix(line, "# "); ok && strings.Contains(line, " = ") && !strings.HasSuffix(strings.TrimSpace(line), ".") && !strings.Contains(line, "With tls") {
			line = bare
			count++
		}
		opened.WriteString(line)
	}
	if _, err := config.Load(write(t, opened.String()), nil); err != nil || count < 10 {
		t.Errorf("%d examples: %v\n%s", count, err, opened.String())
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	c := full()
	var out bytes.Buffer
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		fmt.Fprintf(&out, format+format, c, &c)
	}
	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(raw)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "config", c, "mail", c.Mail, "url", c.Database.URL)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "config", c, "mail", c.Mail, "url", c.Database.URL)
	out.WriteString(c.DatabaseName())
	c.Database.URL = secret.NewText("postgres:// hunter2-db@%zz")
	c.Mail.TLS, c.Listen = "x", "y"
	out.WriteString(c.Validate().Error())
	for _, text := range []string{
		"[mail]\npassword = hunter2-raw", "[mail]\npassword =\nhunter2-raw", "[mail]\npassword = \"hunter2-raw", "[database]\nurl = postgres://a:hunter2-raw@x", "[mail]\npassword = [\"hunter2-raw\"]",
		"[database]\nurl = \"postgres//a:hunter2-raw@x\"",
	} {
		_, err := config.Load(write(t, text), nil)
		if err == nil {
			t.Fatal(text)
		}
		out.WriteString(err.Error())
	}
	if strings.Contains(out.String(), "hunter2") {
		t.Errorf("a secret was printed: %s", out.String())
	}
}
