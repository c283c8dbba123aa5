// Package phonefake is a Mobile in memory: enough of the product to try a phone against. Tests only.
package phonefake

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/phonewire"
	"countersign/internal/domain/phone"
)

// Mobile implements phone.Mobile. Origin, Organisation and Now must be set.
type Mobile struct {
	Origin       string
	Organisation string
	VAPID        string
	OTPType      string // "hotp" when empty
	Now          func() time.Time

	mu      sync.Mutex
	codes   map[string]string // code -> username; "" once used
	phones  map[string]*Phone
	keys    map[string]string // key id -> phone id
	changed chan struct{}
}

// Phone is what the fake knows of one phone. Read it through Mobile.Phone.
type Phone struct {
	Account      phonewire.Account
	Activation   phonewire.Activation
	SPKI         []byte
	Confirmed    time.Time
	Ended        error // returned by Key when set
	Open         []phonewire.Request
	Numbers      map[string]string // transaction -> number on the screen
	Counter      int64
	Answers      []phonewire.Answer
	Subscription phonewire.Subscription
	TestAlerts   int
	Reported     []string // devices
}

// Offer makes a pairing code valid for a user.
func (m *Mobile) Offer(code, username string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.codes == nil {
		m.codes = map[string]string{}
	}
	m.codes[code] = username
}

// Ask opens a request on a phone; number is what the screen shows, empty for a plain one.
func (m *Mobile) Ask(phoneID, number string, r phonewire.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.phones[phoneID]
	r.UserID, r.Username, r.Organisation = p.Account.UserID, p.Account.Username, p.Account.Organisation
	r.NumberDigits = len(number)
	p.Open = append(p.Open, r)
	p.Numbers[r.Transaction] = number
	m.bell()
}

// End makes Key fail with err for a phone from now on.
func (m *Mobile) End(phoneID string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.phones[phoneID].Ended = err
	m.bell()
}

// Phone gives a copy of what is known.
func (m *Mobile) Phone(phoneID string) Phone {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.phones[phoneID]; p != nil {
		return *p
	}
	return Phone{}
}

// Phones lists the ids in the order of pairing.
func (m *Mobile) Phones() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []string
	for i := 1; i <= len(m.phones); i++ {
		ids = append(ids, fmt.Sprintf("DPFAKE%d", i))
	}
	return ids
}

func (m *Mobile) bell() {
	if m.changed != nil {
		close(m.changed)
	}
	m.changed = make(chan struct{})
}

// Activate implements phone.Mobile.
func (m *Mobile) Activate(_ context.Context, a phonewire.Activation, _ netip.Addr, _ string) (phonewire.Account, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	user, known := m.codes[a.Code]
	switch {
	case !known:
		return phonewire.Account{}, errs.New(errs.Gone, "activation.expired")
	case user == "":
		return phonewire.Account{}, errs.New(errs.Gone, "activation.used")
	}
	m.codes[a.Code] = ""
	spki, err := a.SPKI()
	if err != nil {
		return phonewire.Account{}, err
	}
	if m.phones == nil {
		m.phones, m.keys = map[string]*Phone{}, map[string]string{}
	}
	otp := phonewire.OTP{Type: m.OTPType, Digits: 6, Secret: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}
	if otp.Type == "" {
		otp.Type = "hotp"
	}
	if otp.Type == "totp" {
		otp.Period = 30
	}
	id := fmt.Sprintf("DPFAKE%d", len(m.phones)+1)
	account := phonewire.Account{AccountID: id, UserID: "DU" + user, Username: user, Organisation: m.Organisation, Origin: m.Origin,
		PhoneName: a.Name, OTP: otp, VAPIDPublicKey: m.VAPID, ServerTime: m.Now().UnixMilli(), ReconnectURL: m.Origin + "/devices"}
	m.phones[id] = &Phone{Account: account, Activation: a, SPKI: spki, Numbers: map[string]string{}}
	m.keys[phonewire.KeyID(spki)] = id
	return account, nil
}

// Key implements phone.Mobile.
func (m *Mobile) Key(_ context.Context, keyID string) (phone.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id, ok := m.keys[keyID]
	if !ok {
		return phone.Key{}, errs.New(errs.NotFound, "phone.unknown")
	}
	return phone.Key{PhoneID: id, SPKI: m.phones[id].SPKI, Confirmed: m.phones[id].Confirmed}, m.phones[id].Ended
}

// Confirm implements phone.Mobile.
func (m *Mobile) Confirm(_ context.Context, keyID string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.phones[m.keys[keyID]].Confirmed = m.Now()
	return nil
}

// Requests implements phone.Mobile.
func (m *Mobile) Requests(_ context.Context, phoneID string) ([]phonewire.Request, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var open []phonewire.Request
	for _, r := range m.phones[phoneID].Open {
		if r.Expires > m.Now().UnixMilli() {
			open = append(open, r)
		}
	}
	return open, nil
}

// Wait implements phone.Mobile.
func (m *Mobile) Wait(ctx context.Context, _ string) error {
	m.mu.Lock()
	if m.changed == nil {
		m.changed = make(chan struct{})
	}
	changed := m.changed
	m.mu.Unlock()
	select {
	case <-changed:
	case <-ctx.Done():
	}
	return nil
}

// Answer implements phone.Mobile.
func (m *Mobile) Answer(_ context.Context, phoneID string, a phonewire.Answer) (phonewire.Outcome, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.phones[phoneID]
	if a.Counter <= p.Counter {
		return phonewire.Outcome{}, errs.New(errs.Denied, "phone.copied")
	}
	p.Counter = a.Counter
	for i, r := range p.Open {
		if r.Transaction != a.Transaction {
			continue
		}
		if r.ApplicationID != a.Application || r.UserID != a.User || r.Expires != a.Expires {
			return phonewire.Outcome{}, errs.New(errs.Denied, "phone.answer")
		}
		p.Open = append(p.Open[:i:i], p.Open[i+1:]...)
		p.Answers = append(p.Answers, a)
		m.bell()
		switch {
		case r.Expires <= m.Now().UnixMilli():
			return phonewire.Outcome{State: phonewire.StateExpired}, nil
		case a.Decision == phonewire.Deny && a.Reason == phonewire.Fraud:
			return phonewire.Outcome{State: phonewire.StateReported}, nil
		case a.Decision == phonewire.Deny:
			return phonewire.Outcome{State: phonewire.StateDenied}, nil
		case a.Number != p.Numbers[r.Transaction]:
			return phonewire.Outcome{State: phonewire.StateWrongNumber}, nil
		}
		return phonewire.Outcome{State: phonewire.StateApproved}, nil
	}
	return phonewire.Outcome{State: phonewire.StateAlreadyAnswered}, nil
}

// Subscribe implements phone.Mobile.
func (m *Mobile) Subscribe(_ context.Context, phoneID, _ string, s phonewire.Subscription) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.phones[phoneID].Subscription = s
	return nil
}

// TestAlert implements phone.Mobile.
func (m *Mobile) TestAlert(_ context.Context, phoneID string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.phones[phoneID].TestAlerts++
	return nil
}

// Rename implements phone.Mobile.
func (m *Mobile) Rename(_ context.Context, phoneID, _, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.phones[phoneID].Account.PhoneName = name
	return nil
}

// Report implements phone.Mobile.
func (m *Mobile) Report(_ context.Context, phoneID, device string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.phones[phoneID].Reported = append(m.phones[phoneID].Reported, device)
	return nil
}

// Leave implements phone.Mobile.
func (m *Mobile) Leave(_ context.Context, phoneID, _ string) error {
	m.End(phoneID, errs.New(errs.Gone, "phone.removed"))
	return nil
}

// Status implements phone.Mobile.
func (m *Mobile) Status(_ context.Context, phoneID string) (phonewire.Status, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.phones[phoneID]
	alerts := phonewire.AlertsOff
	if p.Subscription.Endpoint != "" {
		alerts = phonewire.AlertsOn
	}
	return phonewire.Status{AccountID: phoneID, UserID: p.Account.UserID, Username: p.Account.Username, Organisation: p.Account.Organisation,
		PhoneName: p.Account.PhoneName, Platform: p.Activation.Platform, Model: p.Activation.Model, Alerts: alerts,
		LastSeen: m.Now().UnixMilli(), ReconnectURL: p.Account.ReconnectURL}, nil
}

// NotMe implements phone.Mobile: this one ends no keys.
func (m *Mobile) NotMe(context.Context, string, phonewire.Answer) (phonewire.Outcome, error) {
	return phonewire.Outcome{}, phone.ErrReplaced
}
