package command

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/phonewire"
	"countersign/internal/client/phone"
)

var (
	errUnpaired  = errs.New(errs.NotFound, "phone.unpaired")   // no state file
	errAccount   = errs.New(errs.NotFound, "phone.account")    // no account fits --account; argument "account"
	errCA        = errs.New(errs.Invalid, "phone.ca")          // not a certificate; argument "file"
	errLink      = errs.New(errs.Invalid, "phone.link")        // not a pairing link
	errNoRequest = errs.New(errs.NotFound, "phone.no_request") // no such open request
)

// phoneFlags select the phone and its account. Each account has a state file of its own beside the first one:
// phone.json, phone.2.json … A state file holds a private key, and only its owner may read it.
type phoneFlags struct {
	State   string `help:"State file; further accounts lie beside it. Default: ~/.config/countersign/phone.json." placeholder:"FILE"`
	CA      string `name:"ca" help:"Certificate authority to trust, PEM; kept when pairing." placeholder:"FILE"`
	Account string `help:"Only this account: its id, user name or file." placeholder:"ACCOUNT"`
}

// device is one paired account and its state file.
type device struct {
	*phone.Device
	path string
}

// state returns the first state file: --state, or the usual place in the user's configuration folder.
func (f phoneFlags) state(r *run) (string, error) {
	if f.State != "" {
		return f.State, nil
	}
	if dir := r.Getenv("XDG_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "countersign", "phone.json"), nil
	}
	if home := r.Getenv("HOME"); home != "" {
		return filepath.Join(home, ".config", "countersign", "phone.json"), nil
	}
	return "", usagef("there is no home folder; say --state FILE")
}

// slot returns the state file of account n, counted from 1.
func slot(first string, n int) string {
	if n == 1 {
		return first
	}
	ext := filepath.Ext(first)
	return fmt.Sprintf("%s.%d%s", strings.TrimSuffix(first, ext), n, ext)
}

// maxAccounts bounds the search for state files.
const maxAccounts = 50

// devices opens every account, or those that --account names. At least one is returned. Errors: errUnpaired,
// errAccount, errCA, and those of a state file that cannot be read.
func (f phoneFlags) devices(r *run) ([]device, error) {
	first, err := f.state(r)
	if err != nil {
		return nil, err
	}
	var all, fitting []device
	for n := 1; n <= maxAccounts; n++ {
		path := slot(first, n)
		client, err := httpClient(f.CA, path)
		if err != nil {
			return nil, err
		}
		d, err := phone.Load(path, phone.Options{HTTPClient: client, Now: r.Now, Rand: r.Rand})
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, device{d, path})
		a := d.Account()
		if f.Account == "" || f.Account == a.AccountID || f.Account == a.Username || f.Account == path || f.Account == filepath.Base(path) {
			fitting = append(fitting, device{d, path})
		}
	}
	switch {
	case len(all) == 0:
		return nil, errUnpaired
	case len(fitting) == 0:
		return nil, errAccount.Arg("account", f.Account)
	}
	return fitting, nil
}

// freeSlot returns the first state file that does not exist yet.
func (f phoneFlags) freeSlot(r *run) (string, error) {
	first, err := f.state(r)
	if err != nil {
		return "", err
	}
	for n := 1; n <= maxAccounts; n++ {
		if _, err := os.Stat(slot(first, n)); errors.Is(err, fs.ErrNotExist) {
			return slot(first, n), nil
		} else if err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("%s and its neighbors hold %d accounts; choose another --state", first, maxAccounts)
}

// caPath is the file beside a state file that keeps the certificate of --ca.
func caPath(state string) string { return state + ".ca.pem" }

// httpClient trusts the system's authorities and one more: the one in the file ca, or else the one that is kept
// beside the state file, if any. The error is errCA.
func httpClient(ca, state string) (*http.Client, error) {
	client := &http.Client{Timeout: 60 * time.Second} // longer than a long poll for requests
	path := ca
	if path == "" {
		path = caPath(state)
	}
	pem, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && ca == "" {
		return client, nil
	}
	if err != nil {
		return nil, errCA.Arg("file", path).With(err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errCA.Arg("file", path)
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	client.Transport = t
	return client, nil
}

// accountDoc is an account in a JSON document.
type accountDoc struct {
	AccountID    string `json:"account_id"`
	Username     string `json:"username"`
	Organisation string `json:"organisation"`
	PhoneName    string `json:"phone_name"`
	Origin       string `json:"origin"` // of the server: scheme, host and port
	State        string `json:"state_file"`
	Trouble      string `json:"trouble,omitempty"` // why its open requests could not be read
}

// doc makes the document of an account. It holds no secret.
func (d device) doc() accountDoc {
	a := d.Account()
	return accountDoc{
		AccountID: a.AccountID, Username: a.Username, Organisation: a.Organisation, PhoneName: a.PhoneName, Origin: a.Origin, State: d.path,
	}
}

// requestDoc is an open request in a JSON document.
type requestDoc struct {
	phonewire.Request
	AccountID string `json:"account_id"`
}

// requestRow is an open request as a row of the table under requestHeadings.
func requestRow(q phonewire.Request) []any {
	number := ""
	if q.NumberDigits > 0 {
		number = fmt.Sprint(q.NumberDigits, " ", label("digits"))
	}
	return []any{q.Transaction, label("kind." + q.Kind), q.ApplicationName, q.Username, q.Browser, q.IP, number, time.UnixMilli(q.Expires)}
}

// requestHeadings are the columns of requestRow.
var requestHeadings = []string{"transaction", "kind", "application", "username", "browser", "ip", "number", "expires"}
