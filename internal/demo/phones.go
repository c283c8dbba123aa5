package demo

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/phonewire"
	"countersign/internal/client/phone"
)

var (
	errNoPhone = errs.New(errs.NotFound, "demo.phone")  // no virtual phone has the account id
	errPairing = errs.New(errs.Invalid, "demo.pairing") // a link or code that does not pair
)

// virtual holds the virtual phones of the sample people. They talk to the server over the network by the phone
// protocol, as any phone does. Each has a state file of its own.
type virtual struct {
	Dir    string // of the state files
	Origin string // address of the server
	Client *http.Client
	Now    func() time.Time

	mu     sync.Mutex
	phones map[string]*phone.Device // by account id
}

// open loads the phones of an earlier run.
func (v *virtual) open() error {
	v.phones = map[string]*phone.Device{}
	if err := os.MkdirAll(v.Dir, 0o700); err != nil {
		return err
	}
	paths, err := filepath.Glob(filepath.Join(v.Dir, "*.json"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		d, err := phone.Load(path, phone.Options{Origin: v.Origin, HTTPClient: v.Client, Now: v.Now})
		if err != nil {
			return err
		}
		v.phones[d.Account().AccountID] = d
	}
	return nil
}

// pair adds a phone with a link or a typed code. The error is errPairing when the code is wrong or the server refuses.
func (v *virtual) pair(ctx context.Context, linkOrCode, name string) (*phone.Device, error) {
	_, code, err := phone.Target(linkOrCode, v.Origin)
	if err != nil {
		return nil, errPairing.With(err)
	}
	d, err := phone.Pair(ctx, code, phone.Options{
		Origin: v.Origin, HTTPClient: v.Client, Now: v.Now, Name: name, Platform: "Demo", Model: "Virtual phone"})
	if err != nil {
		var refused *phone.Refusal
		if errors.As(err, &refused) {
			return nil, errPairing.With(err)
		}
		return nil, err
	}
	account := d.Account().AccountID
	if err := d.Save(filepath.Join(v.Dir, account+".json")); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.phones[account] = d
	return d, nil
}

// find returns one phone by its account id. The error is errNoPhone.
func (v *virtual) find(account string) (*phone.Device, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if d := v.phones[account]; d != nil {
		return d, nil
	}
	return nil, errNoPhone
}

// forget removes a phone and its state file, once the server no longer accepts its key. The error is errNoPhone.
func (v *virtual) forget(account string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.phones[account] == nil {
		return errNoPhone
	}
	delete(v.phones, account)
	return os.Remove(filepath.Join(v.Dir, account+".json"))
}

// all lists the phones, sorted by user name.
func (v *virtual) all() []*phone.Device {
	v.mu.Lock()
	defer v.mu.Unlock()
	list := make([]*phone.Device, 0, len(v.phones))
	for _, d := range v.phones {
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b *phone.Device) int {
		return cmp.Or(strings.Compare(a.Account().Username, b.Account().Username), strings.Compare(a.Account().AccountID, b.Account().AccountID))
	})
	return list
}

// reasons are the values of the form's two buttons that deny.
var reasons = map[string]phonewire.Reason{"mistake": phonewire.Mistake, "fraud": phonewire.Fraud}
