package flowkit

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base32"
	"encoding/base64"
	"net/netip"
	"strings"
	"sync"
	"time"

	"countersign/internal/base/otp"
	"countersign/internal/base/phonewire"
	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow"
)

// Phone acts as the app on one phone. It holds the phone's own key and the seed of its codes.
type Phone struct {
	k       *Kit
	ID      string
	KeyID   string
	Account phonewire.Account
	Key     *ecdsa.PrivateKey
	Counter int64  // sent with the last answer; an answer needs a higher one than the answer before
	Next    uint64 // HOTP counter of the next code
	seed    []byte

	mu    sync.Mutex
	codes map[uint64]string // made before, by counter
}

// Claim activates a new app with a pairing code, or with a link that ends in one. change may alter the request
// before it is signed. The errors are those of mobile.Flow.Activate.
func (k *Kit) Claim(code string, change ...func(*phonewire.Activation)) (*Phone, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	k.OK(err)
	spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	k.OK(err)
	code = code[strings.LastIndexByte(code, '/')+1:]
	a := phonewire.Activation{Code: code, PublicKey: base64.RawURLEncoding.EncodeToString(spki), Platform: "Android", Model: "Pixel 9", AppVersion: "1"}
	for _, f := range change {
		f(&a)
	}
	if a.Signature, err = phonewire.Sign(rand.Reader, key, a.Text(strings.TrimPrefix(Origin, "https://"))); err != nil {
		return nil, err
	}
	account, err := k.Mobile.Activate(context.Background(), a, netip.MustParseAddr("203.0.113.9"), "test phone")
	if err != nil {
		return nil, err
	}
	seed, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(account.OTP.Secret)
	return &Phone{k: k, ID: account.AccountID, KeyID: phonewire.KeyID(spki), Account: account, Key: key, seed: seed}, err
}

// EnrolFirst begins the first sign-in of a person and pairs the first phone. The sign-in is not finished.
func (k *Kit) EnrolFirst(app application.Application, name string) (*Login, *Phone) {
	k.Helper()
	l := k.Begin(app, name)
	if !l.Row().Enrolling {
		k.Fatalf("%s is not asked to enroll: %+v", name, l.Row())
	}
	p, err := k.Claim(l.Pair().Link)
	k.OK(err)
	return l, p
}

// Enrolled takes a person through the whole first sign-in and returns the paired phone. The user is added if there
// is none of that name. All notices are then removed from the outbox.
func (k *Kit) Enrolled(app application.Application, name string) *Phone {
	k.Helper()
	if _, err := k.DB.Read().UserByName(context.Background(), name); err != nil {
		k.User(name)
	}
	l, p := k.EnrolFirst(app, name)
	if s := l.Session(); s.Transaction.ID != "" {
		k.OK(p.Approve(s.Transaction))
	} else {
		k.OK(l.Code(p.Code(), transaction.SignIn))
	}
	k.Mails()
	return p
}

// Subscribe turns on alerts, with an endpoint of this phone alone.
func (p *Phone) Subscribe() {
	p.k.Helper()
	p.k.OK(p.TrySubscribe())
}

// TrySubscribe is Subscribe of an app that may have been replaced.
func (p *Phone) TrySubscribe() error {
	return p.k.Mobile.Subscribe(context.Background(), p.ID, p.KeyID, phonewire.Subscription{Endpoint: "https://push.example.net/" + p.ID, Permission: "granted"})
}

// Leave deletes the account in the app.
func (p *Phone) Leave() error { return p.k.Mobile.Leave(context.Background(), p.ID, p.KeyID) }

// Row reads the phone's record from the database.
func (p *Phone) Row() phone.Phone {
	p.k.Helper()
	row, err := p.k.DB.Read().PhoneByID(context.Background(), p.ID)
	p.k.OK(err)
	return row
}

// Code returns the next HOTP code, or the TOTP code of the present 30 seconds.
func (p *Phone) Code() string {
	if p.Account.OTP.Type == "totp" {
		return p.CodeAt(otp.Step(p.k.Clock.Now(), 30*time.Second))
	}
	p.Next++
	return p.CodeAt(p.Next - 1)
}

// CodeAt returns the six digits of a counter or time step (RFC 4226, RFC 6238).
func (p *Phone) CodeAt(counter uint64) string { return otp.HOTP(otp.SHA1, p.seed, counter, 6) }

// Wrong returns six digits that no counter or time step near the present one has.
func (p *Phone) Wrong() string {
	taken := map[string]bool{}
	at := otp.Step(p.k.Clock.Now(), 30*time.Second)
	for i := uint64(0); i < 1200; i++ {
		taken[p.known(p.Next+i)] = true
		taken[p.known(at-600+i)] = true
	}
	for n := 0; ; n++ {
		if code := string([]byte{'7', '7', byte('0' + n/1000%10), byte('0' + n/100%10), byte('0' + n/10%10), byte('0' + n%10)}); !taken[code] {
			return code
		}
	}
}

// known is CodeAt, made once per counter: a test asks for many wrong codes of one phone.
func (p *Phone) known(counter uint64) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	code, ok := p.codes[counter]
	if !ok {
		if p.codes == nil {
			p.codes = map[uint64]string{}
		}
		code = p.CodeAt(counter)
		p.codes[counter] = code
	}
	return code
}

// Answer returns the signed answer to a request, with the right number if it approves. change may alter it before
// it is signed.
func (p *Phone) Answer(t transaction.Transaction, d phonewire.Decision, change ...func(*phonewire.Answer)) phonewire.Answer {
	p.Counter++
	a := phonewire.Answer{Transaction: t.ID, Application: t.ApplicationID, User: t.UserID, Phone: p.ID, Decision: d,
		Expires: t.Expires.UnixMilli(), Counter: p.Counter}
	if d == phonewire.Approve {
		a.Number = t.Number
	}
	for _, f := range change {
		f(&a)
	}
	var err error
	a.Signature, err = phonewire.Sign(rand.Reader, p.Key, a.Text())
	p.k.OK(err)
	return a
}

// Send submits an answer and returns the state of the request after it.
func (p *Phone) Send(a phonewire.Answer) (string, error) {
	o, err := p.k.Mobile.Answer(context.Background(), p.ID, a)
	return o.State, err
}

// Approve approves a request with the right number. The test ends if the server takes the answer and the request is
// not approved.
func (p *Phone) Approve(t transaction.Transaction) error {
	state, err := p.Send(p.Answer(t, phonewire.Approve))
	if err == nil && state != phonewire.StateApproved {
		p.k.Fatalf("the approval was answered with %q", state)
	}
	return err
}

// Requests returns the open requests that the phone lists.
func (p *Phone) Requests() []phonewire.Request {
	p.k.Helper()
	list, err := p.k.Mobile.Requests(context.Background(), p.ID)
	p.k.OK(err)
	return list
}

// Transaction reads a request from the database.
func (k *Kit) Transaction(id string) transaction.Transaction {
	k.Helper()
	t, err := k.DB.Read().TransactionByID(context.Background(), id)
	k.OK(err)
	return t
}

// Stale moves the clock well past the end of a login.
func (k *Kit) Stale(l *Login) {
	k.Clock.Advance(l.Row().Expires.Sub(k.Clock.Now()) + login.Life)
}

var _ flow.Doorbell = (*Doorbell)(nil)
