package command

import (
	"os"
	"path/filepath"

	"countersign/internal/base/phonewire"
	"countersign/internal/client/phone"
)

// phonePair is `countersign phone pair`: it makes a key, pairs it with the server by a link or a typed code, and
// writes a state file with the private key. A given authority (--ca) is kept beside it. State files of the same
// phone record are removed, because the server accepts one key for a record.
type phonePair struct {
	Code   string `arg:"" help:"Pairing link, or the typed code with --origin."`
	Origin string `help:"Address of the server, for a typed code." placeholder:"URL"`
	Name   string `help:"What this phone is called."`
	phoneFlags
}

func (c *phonePair) Run(r *run) error {
	path, err := c.freeSlot(r)
	if err != nil {
		return err
	}
	client, err := httpClient(c.CA, path)
	if err != nil {
		return err
	}
	d, err := phone.Pair(r.ctx, c.Code, phone.Options{
		Origin: c.Origin, HTTPClient: client, Name: c.Name, Path: path, Now: r.Now, Rand: r.Rand,
	})
	if err != nil {
		return phoneError(err)
	}
	if c.CA != "" {
		if err := keepCA(c.CA, path); err != nil {
			return err
		}
	}
	doc := device{d, path}.doc()
	if err := c.forget(r, doc); err != nil {
		return err
	}
	return r.show(doc, func(p *page) {
		p.line("phone.paired", "name", cell(doc.PhoneName), "username", cell(doc.Username), "organization", cell(doc.Organisation))
		p.fields("account", doc.AccountID, "origin", doc.Origin, "state_file", doc.State)
		p.line("phone.paired_next")
	})
}

// forget removes older state files of the same phone record, whose keys ended with this pairing.
func (c *phonePair) forget(r *run, now accountDoc) error {
	all := c.phoneFlags
	all.Account = ""
	devices, err := all.devices(r)
	if err != nil {
		return err
	}
	for _, d := range devices {
		if old := d.doc(); old.AccountID == now.AccountID && old.Origin == now.Origin && old.State != now.State {
			if err := os.Remove(d.path); err != nil {
				return err
			}
		}
	}
	return nil
}

// keepCA copies the certificate of an authority beside the state file, for later commands.
func keepCA(ca, state string) error {
	pem, err := os.ReadFile(ca)
	if err != nil {
		return errCA.Arg("file", ca).With(err)
	}
	if err := os.MkdirAll(filepath.Dir(state), 0o700); err != nil {
		return err
	}
	return os.WriteFile(caPath(state), pem, 0o600)
}

// phoneList is `countersign phone list`: it prints the paired accounts and their open requests. An account whose
// server cannot be asked is listed with the reason. It changes nothing.
type phoneList struct{ phoneFlags }

func (c *phoneList) Run(r *run) error {
	devices, err := c.devices(r)
	if err != nil {
		return err
	}
	doc := struct {
		Accounts []accountDoc `json:"accounts"`
		Requests []requestDoc `json:"requests"`
	}{[]accountDoc{}, []requestDoc{}}
	var accounts, requests [][]any
	var all []phonewire.Request
	var failed error
	for _, d := range devices {
		a := d.doc()
		open, err := d.Requests(r.ctx)
		if err != nil {
			failed = phoneError(err)
			_, a.Trouble = sentence(failed)
		}
		doc.Accounts = append(doc.Accounts, a)
		accounts = append(accounts, []any{a.Username, a.Organisation, a.PhoneName, a.AccountID, a.Trouble})
		for _, q := range open {
			doc.Requests = append(doc.Requests, requestDoc{q, a.AccountID})
			requests, all = append(requests, requestRow(q)), append(all, q)
		}
	}
	if failed != nil && len(devices) == 1 {
		return failed
	}
	return r.show(doc, func(p *page) {
		p.table([]string{"username", "organization", "device", "account", "trouble"}, accounts)
		p.raw("\n")
		if requests == nil {
			p.line("phone.no_requests")
			return
		}
		p.table(requestHeadings, requests)
		for _, q := range all {
			printDetails(p, q, "phone.told_of")
		}
	})
}

// phoneCode is `countersign phone code`: it prints the next passcode, without a connection. With HOTP it increments
// the counter in the state file.
type phoneCode struct{ phoneFlags }

func (c *phoneCode) Run(r *run) error {
	d, err := c.one(r)
	if err != nil {
		return err
	}
	code, err := d.Code(r.Now())
	if err != nil {
		return err
	}
	doc := struct {
		Code      string `json:"code"`
		AccountID string `json:"account_id"`
		Username  string `json:"username"`
	}{code, d.Account().AccountID, d.Account().Username}
	return r.show(doc, func(p *page) { p.raw(code + "\n") })
}

// one opens the only account, or the one that --account names. With several accounts the error is a usageError.
func (f phoneFlags) one(r *run) (device, error) {
	devices, err := f.devices(r)
	if err != nil {
		return device{}, err
	}
	if len(devices) > 1 {
		return device{}, usagef("this phone has %d accounts; say which with --account", len(devices))
	}
	return devices[0], nil
}
