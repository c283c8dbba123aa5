package parity

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	mrand "math/rand/v2"
	"strings"
	"time"

	"countersign/internal/base/id"
	"countersign/internal/base/otp"
	"countersign/internal/base/phonewire"
	"countersign/internal/domain/application"
	"countersign/internal/domain/bypass"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
)

// ask is the proof that the person gives.
type ask string

const (
	nothing     ask = "nothing"
	rightCode   ask = "right app code"
	wrongCode   ask = "wrong app code"
	usedCode    ask = "used app code"
	farCode     ask = "app code far ahead"
	rightBypass ask = "right bypass code"
	wrongBypass ask = "wrong bypass code"
	usedBypass  ask = "used bypass code"
	approve     ask = "push approved"
	deny        ask = "push denied"
	fraud       ask = "push reported"
	wrongNumber ask = "push with a wrong number"
	silence     ask = "push not answered"
)

var pushes = []ask{approve, deny, fraud, wrongNumber, silence}

func (a ask) push() bool {
	for _, p := range pushes {
		if a == p {
			return true
		}
	}
	return false
}

// device is one phone of a person, the same for every twin.
type device struct {
	app  bool // an app is paired
	code bool // the app makes codes
}

// situation is a random person with a random proof under a random policy. Every door gets a twin of the person and
// an application of its own type with the same policy.
type situation struct {
	known     bool      // the user exists
	person    user.User // without ID and name
	phones    []device
	bypass    string // a valid bypass code, or ""
	policy    policy.Policy
	simple    bool   // the application takes the short form of names
	self      bool   // people may manage their devices from the prompt
	spelling  string // format of the presented name; %s is the user's name, %S the same in capital letters
	ask       ask
	straight  bool   // programs call auth without preauth
	blocking  bool   // programs wait for the answer in auth
	numbered  bool   // Duo Unix says that it can show a number
	sweep     bool   // the periodic sweep ends an expired request, not the door
	rounds    int    // how often the person tries
	meanwhile string // what an administrator does between the start of the sign-in and the proof, or ""
	threshold int    // failures that lock the user out
}

func (s situation) String() string {
	u := s.person
	return fmt.Sprintf("known %v, %s, locked %v, dormant %v, had a factor %v, failures %d of %d, misses %d, stopped %v, used last %q, phones %+v, bypass code %v, "+
		"policy %+v, simple names %v, spelling %q, self-service %v; brings %s, %d times, meanwhile %q (straight %v, blocking %v, numbered %v, sweep %v)",
		s.known, u.Status, !u.LockedAt.IsZero(), u.Created.IsZero(), !u.FirstEnrolled.IsZero(), u.Failures, s.threshold, u.PushMisses, !u.PushStopped.IsZero(),
		u.LastMethod, s.phones, s.bypass != "", s.policy, s.simple, s.spelling, s.self, s.ask, s.rounds, s.meanwhile, s.straight, s.blocking, s.numbered, s.sweep)
}

// Values of situation.meanwhile.
const (
	disables = "the user is disabled"
	blocks   = "requests are blocked"
	refuses  = "nobody may sign in"
)

// interfere does what the administrator does meanwhile. Only the first call does anything.
func (t *twin) interfere() error {
	what := t.meanwhile
	if t.happened {
		what = ""
	}
	t.happened = true
	switch what {
	case "":
		return nil
	case disables:
		if t.userID == "" {
			return nil
		}
		status := user.Disabled
		_, err := t.Directory.SetUser(t.t.Context(), directory.CommandLine, t.name, directory.UserChange{Status: &status})
		return err
	case blocks:
		t.app.Policy.Methods = []string{policy.MethodPasscode}
	case refuses:
		t.app.Policy.Authentication = policy.AuthenticationDeny
	}
	return t.DB.Write(t.t.Context(), func(st flow.Store) error { return st.SaveApplication(t.t.Context(), t.app) })
}

// weighted returns a random value. The options are pairs of an int weight and a value.
func weighted[T any](r *mrand.Rand, options ...any) T {
	total := 0
	for i := 0; i < len(options); i += 2 {
		total += options[i].(int)
	}
	n := r.IntN(total)
	for i := 0; ; i += 2 {
		if n -= options[i].(int); n < 0 {
			return options[i+1].(T)
		}
	}
}

const (
	never = "never enrolled"
	part  = "partially enrolled"
	full  = "enrolled"
	lost  = "lost its factor"
)

// invent returns a random situation. Most of its people can prove something, because all doors refuse the others in
// much the same way.
func invent(r *mrand.Rand, now time.Time, threshold int) situation {
	chance := func(percent int) bool { return r.IntN(100) < percent }
	s := situation{known: chance(92), threshold: threshold, simple: chance(50), self: chance(50), straight: chance(15), blocking: chance(20), numbered: chance(50), sweep: chance(80)}
	s.spelling = weighted[string](r, 6, "%s", 1, "%s@example.edu", 1, `EXAMPLE\%s`, 1, " %s ")
	if chance(20) {
		s.spelling = strings.Replace(s.spelling, "%s", "%S", 1) // upper case
	}
	s.policy = policy.Policy{Spare: policy.SpareOff, NewUser: weighted[policy.NewUser](r, 2, policy.NewUserEnroll, 1, policy.NewUserAllow, 1, policy.NewUserDeny),
		Authentication:     weighted[policy.Authentication](r, 12, policy.AuthenticationEnforce, 1, policy.AuthenticationBypass, 1, policy.AuthenticationDeny),
		Methods:            weighted[[]string](r, 6, []string(nil), 1, []string{policy.MethodPush}, 1, []string{policy.MethodPasscode}),
		NumberEntry:        weighted[int](r, 4, 3, 1, 6, 2, policy.NumberEntryOff),
		NumberRequired:     weighted[string](r, 4, "off", 1, "on"),
		InlineReenrollment: weighted[string](r, 2, "off", 1, "on")}

	u := &s.person
	u.Status = weighted[user.Status](r, 14, user.Active, 1, user.Bypass, 1, user.Disabled, 2, user.LockedOut, 1, user.PendingDeletion)
	u.Created = now.Add(-24 * time.Hour)
	if u.Status == user.LockedOut {
		u.Failures, u.LockedAt = threshold, now.Add(-time.Duration(r.IntN(60))*time.Minute) // the lockout of half of them is over
	}
	if u.Status == user.Active {
		u.Failures = weighted[int](r, 3, 0, 1, 1, 2, threshold-1)
	}
	if u.PushMisses = weighted[int](r, 5, 0, 1, 4, 1, 9); chance(7) {
		u.PushMisses, u.PushStopped = 10, now.Add(-time.Hour)
	}
	if chance(15) { // dormant
		u.Created = now.Add(-200 * 24 * time.Hour)
		if chance(50) {
			u.LastLogin = now.Add(-120 * 24 * time.Hour)
		}
	}
	switch weighted[string](r, 2, never, 1, part, 12, full, 2, lost) {
	case part:
		s.phones = []device{{}}
	case full:
		u.FirstEnrolled = u.Created
		s.phones = []device{{true, !chance(10)}}
		if chance(25) {
			s.phones = append(s.phones, weighted[device](r, 2, device{true, true}, 1, device{}))
		}
		u.LastMethod = weighted[string](r, 1, "", 1, "push:", 1, "code:")
	case lost:
		u.FirstEnrolled = u.Created
		if chance(50) {
			s.phones = []device{{}}
		}
	}
	if chance(7) || len(s.phones) == 0 && chance(25) { // few, because the digest of a bypass code is slow on purpose
		s.bypass = id.Digits(rand.Reader, 9)
	}
	s.ask = weighted[ask](r, 1, nothing, 4, rightCode, 4, wrongCode, 2, usedCode, 1, farCode, 6, approve, 3, deny, 2, fraud, 3, wrongNumber, 3, silence)
	if s.bypass != "" {
		s.ask = weighted[ask](r, 4, rightBypass, 1, wrongBypass, 1, usedBypass, 1, rightCode, 1, nothing)
	}
	if s.ask == nothing {
		s.straight = false // a call of auth alone always has a proof
	}
	if s.rounds = weighted[int](r, 6, 1, 1, 2, 1, 3); s.ask == silence {
		s.rounds = 1 // moving the clock again would end the requests of the other twins
	}
	if s.ask != silence && s.ask != nothing && chance(15) {
		s.meanwhile = weighted[string](r, 1, disables, 1, blocks, 1, refuses)
		s.straight = false
	}
	if s.ask == wrongNumber && s.policy.NumberEntry < 0 {
		s.ask = deny
	}
	return s
}

// secrets holds what all twins of a person share.
type secrets struct {
	seed   []byte // of the phones' codes
	salt   []byte // of the digests of bypass codes
	bypass []byte // digest of the bypass code; nil means none
}

// counter is the HOTP counter of every phone. Codes of smaller counters are used.
const counter = 5

// code returns the code that the person types. A wrong one fits none of the next 1,100 counters.
func (s situation) code(x secrets) string {
	at := func(n uint64) string { return otp.HOTP(otp.SHA1, x.seed, n, 6) }
	switch s.ask {
	case rightCode:
		return at(counter + 1)
	case usedCode:
		return at(counter - 1)
	case farCode:
		return at(counter + 60)
	case rightBypass, usedBypass:
		return s.bypass
	case wrongBypass:
		return "000000001"
	}
	taken := map[string]bool{}
	for n := uint64(0); n < counter+1100; n++ {
		taken[at(n)] = true
	}
	for n := 770000; ; n++ {
		if code := fmt.Sprint(n); !taken[code] {
			return code
		}
	}
}

// twin is the copy of the person for one door.
type twin struct {
	*world
	situation
	door     string
	app      application.Application
	skey     string // the application's secret
	name     string // the user's name
	typed    string // the name as it is presented to the door
	userID   string // empty if the user does not exist
	code     string // typed as the proof; empty if that is a request, or nothing
	phones   []twinPhone
	asked    func()          // to be called when the request, if there is one, was sent
	late     <-chan struct{} // closed when the request has expired
	tries    int64           // answers so far
	happened bool            // interfere was called
}

type twinPhone struct {
	device
	id  string
	key *ecdsa.PrivateKey
}

// plant writes a twin of the person and an application for each door. n makes their names unique.
func (w *world) plant(n int, s situation, doors []door) ([]*twin, error) {
	x := secrets{seed: make([]byte, 20), salt: make([]byte, 16)}
	_, _ = rand.Read(x.seed) // never fails
	_, _ = rand.Read(x.salt)
	if s.bypass != "" {
		var err error
		if x.bypass, err = w.Keys.SlowDigest(w.t.Context(), bypass.DigestPurpose, x.salt, s.bypass); err != nil {
			return nil, err
		}
	}
	code := ""
	if s.ask != nothing && !s.ask.push() {
		code = s.code(x)
	}
	var twins []*twin
	err := w.DB.Write(w.t.Context(), func(st flow.Store) error {
		twins = nil
		for _, d := range doors {
			t := &twin{world: w, situation: s, door: d.name, name: fmt.Sprintf("ana%d%s", n, d.name), code: code, skey: id.ApplicationSecret(rand.Reader)}
			t.typed = strings.NewReplacer("%s", t.name, "%S", strings.ToUpper(t.name)).Replace(s.spelling)
			t.app = application.Application{ID: id.Key(rand.Reader, id.Application), Name: "App " + d.name, Type: d.kind, Policy: s.policy, SelfService: s.self,
				Normalization: application.NormalizationNone, Created: w.Clock.Now()}
			if s.simple {
				t.app.Normalization = application.NormalizationSimple
			}
			t.app.Secret = w.Keys.Seal(application.SecretPurpose, t.app.ID, []byte(t.skey))
			if err := st.CreateApplication(w.t.Context(), t.app); err != nil {
				return err
			}
			if s.known {
				if err := t.plant(w.t.Context(), st, x); err != nil {
					return err
				}
			}
			twins = append(twins, t)
		}
		return nil
	})
	return twins, err
}

func (t *twin) plant(ctx context.Context, st flow.Store, x secrets) error {
	u, now := t.person, t.Clock.Now()
	u.ID, u.Username, u.Email, u.Salt = id.Key(rand.Reader, id.User), t.name, t.name+"@example.edu", x.salt
	t.userID = u.ID
	for _, d := range t.situation.phones {
		t.phones = append(t.phones, twinPhone{device: d, id: id.Key(rand.Reader, id.Phone)})
	}
	if u.LastMethod != "" {
		u.LastMethod += t.phones[0].id
	}
	if err := st.CreateUser(ctx, u); err != nil {
		return err
	}
	for i := range t.phones {
		if err := t.phones[i].plant(ctx, st, t, now.Add(time.Duration(i)*time.Second), x); err != nil {
			return err
		}
	}
	if x.bypass == nil {
		return nil
	}
	c := bypass.Code{ID: id.Key(rand.Reader, id.BypassCode), UserID: u.ID, Digest: x.bypass, UsesLeft: 1, Expires: now.Add(time.Hour), Created: now, Creator: "test"}
	if err := st.CreateBypassCode(ctx, c); err != nil || t.ask != usedBypass {
		return err
	}
	_, _, err := st.SpendBypassCode(ctx, u.ID, x.bypass, now)
	return err
}

func (p *twinPhone) plant(ctx context.Context, st flow.Store, t *twin, now time.Time, x secrets) error {
	record := phone.Phone{ID: p.id, UserID: t.userID, Name: "Phone", Created: now, Alerts: phone.AlertsOff}
	if !p.app {
		return st.CreatePhone(ctx, record)
	}
	var err error
	if p.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	spki, err := x509.MarshalPKIXPublicKey(&p.key.PublicKey)
	if err != nil {
		return err
	}
	record.Activated, record.Platform = now, "Android"
	if p.device.code {
		record.OTP = phone.OTP{Type: "hotp", Seed: t.Keys.Seal(phone.SeedPurpose, p.id, x.seed), Counter: counter}
	}
	if err := st.CreatePhone(ctx, record); err != nil {
		return err
	}
	return st.BindKey(ctx, record, phone.Key{ID: phonewire.KeyID(spki), PhoneID: p.id, UserID: t.userID, SPKI: spki, State: phone.KeyActive, Created: now})
}

// waiting returns the open request on one of the twin's phones, and that phone. The phone is nil if there is none.
func (t *twin) waiting() (transaction.Transaction, *twinPhone, error) {
	for i := range t.phones {
		open, err := t.DB.Read().OpenTransactionsOn(t.t.Context(), t.phones[i].id, t.Clock.Now())
		if err != nil {
			return transaction.Transaction{}, nil, err
		}
		if len(open) > 0 {
			return open[0], &t.phones[i], nil
		}
	}
	return transaction.Transaction{}, nil, nil
}

// answer does on the phone what the person does with an open request. A silent person waits until it has expired.
func (t *twin) answer() error {
	open, p, err := t.waiting()
	if err != nil {
		return err
	}
	if p == nil {
		return fmt.Errorf("no request on the phone")
	}
	if t.ask == silence {
		t.asked()
		<-t.late
		return nil
	}
	if err := t.interfere(); err != nil {
		return err
	}
	t.tries++
	a := phonewire.Answer{Transaction: open.ID, Application: open.ApplicationID, User: open.UserID, Phone: p.id, Expires: open.Expires.UnixMilli(), Counter: t.tries, Decision: phonewire.Deny}
	switch t.ask {
	case approve:
		a.Decision, a.Number = phonewire.Approve, open.Number
	case wrongNumber:
		a.Decision, a.Number = phonewire.Approve, strings.Map(func(r rune) rune { return '0' + (r-'0'+1)%10 }, open.Number)
	case deny:
		a.Reason = phonewire.Mistake
	case fraud:
		a.Reason = phonewire.Fraud
	}
	if a.Signature, err = phonewire.Sign(rand.Reader, p.key, a.Text()); err != nil {
		return err
	}
	_, err = t.Mobile.Answer(t.t.Context(), p.id, a)
	return err
}

// settled waits up to a minute until no request of the twin is pending.
func (t *twin) settled() error {
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		open, err := t.DB.Read().OpenTransactionsOf(t.t.Context(), t.userID, "", "")
		if err != nil || len(open) == 0 {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("the request is still %s", open[0].State)
		}
	}
}
