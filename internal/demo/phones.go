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
	errNoPhone = errs.New(errs.NotFound, "demo.phone")
	errPairing = errs.New(errs.Invalid, "demo.pairing")
)

// virtual is the drawer of phones without a screen that stand for those of the sample people.
// They speak the phone protocol over the network, as any phone does; a file each.
type virtual struct {
	Dir    string
	Origin string // the pages' address
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

// pair sets up one more phone with a link or a typed code.
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

// find gives one phone by account id.
func (v *virtual) find(account string) (*phone.Device, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if d := v.phones[account]; d != nil {
		return d, nil
	}
	return nil, errNoPhone
}

// forget throws a phone away whose key is dead.
func (v *virtual) forget(account string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.phones[account] == nil {
		return errNoPhone
	}
	delete(v.phones, account)
	return os.Remove(filepath.Join(v.Dir, account+".json"))
}

// all lists the phones, by their people's names.
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

// reasons are the two ways to say no, as the form sends them.
var reasons = map[string]phonewire.Reason{"mistake": phonewire.Mistake, "fraud": phonewire.Fraud}
