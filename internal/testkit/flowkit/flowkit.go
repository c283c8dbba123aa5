// Package flowkit wires every flow over a given database for tests. It comes with a clock that the test moves,
// random bytes from a seed, a bell, a doorbell that counts alerts instead of sending them, mail that is read back
// from the outbox, and phones that act as the app does with their own keys.
package flowkit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"

	"countersign/internal/adapter/bus"
	"countersign/internal/base/id"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/outbox"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/devices"
	"countersign/internal/flow/directory"
	"countersign/internal/flow/enroll"
	"countersign/internal/flow/mobile"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/dbtest"
)

// Origin is the public address of the wired flows.
const Origin = "https://mfa.example.edu"

// Kit holds all flows over one database, and what they are wired with. Its errors end the test, as those of the
// embedded testing.TB do.
type Kit struct {
	testing.TB
	DB        flow.DB
	Keys      *secret.Keyring
	Bell      *bus.Hub
	Doorbell  *Doorbell
	Clock     *Clock
	Rand      io.Reader
	SignIn    *signin.Flow
	Enroll    *enroll.Flow
	Mobile    *mobile.Flow
	Devices   *devices.Flow
	Directory *directory.Flow
	Logger    *slog.Logger // of the flows: Logged reads it

	needs Needs
	log   lockedBuffer
}

// Each runs a test over a new kit on SQLite and on PostgreSQL.
func Each(t *testing.T, test func(k *Kit)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, db flow.DB) { test(New(t, db)) })
}

// New wires the flows over a migrated, empty database and adds the application of the device portal. The clock
// starts at noon UTC on 1 March 2026.
func New(t testing.TB, db flow.DB) *Kit {
	t.Helper()
	k := &Kit{TB: t, DB: db, Keys: secret.Generate(), Bell: &bus.Hub{}, Doorbell: &Doorbell{}, Rand: seeded(t.Name())}
	k.Clock = &Clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	k.Logger = slog.New(slog.NewTextHandler(&k.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	mail := outboxNotices{k}
	k.needs = Needs{
		SignIn: signin.Needs{DB: flow.PartOf[signin.Store](db), Keys: k.Keys, Bell: k.Bell, Doorbell: k.Doorbell, Notices: mail,
			Now: k.Clock.Now, Rand: k.Rand, Log: k.Logger, PublicURL: Origin},
		Enroll: enroll.Needs{DB: flow.PartOf[enroll.Store](db), Keys: k.Keys, Bell: k.Bell, Notices: mail,
			Now: k.Clock.Now, Rand: k.Rand, PublicURL: Origin, Mails: enroll.MailQuota()},
		Mobile: mobile.Needs{DB: flow.PartOf[mobile.Store](db), Keys: k.Keys, Bell: k.Bell, Doorbell: k.Doorbell, Notices: mail,
			Guesses: mobile.GuessQuota(), Tests: mobile.TestQuota(), Now: k.Clock.Now, Rand: k.Rand, Log: k.Logger, PublicURL: Origin},
		Devices: devices.Needs{DB: flow.PartOf[devices.Store](db), Keys: k.Keys, Bell: k.Bell, Notices: mail, Now: k.Clock.Now, Rand: k.Rand},
		Directory: directory.Needs{DB: flow.PartOf[directory.Store](db), Keys: k.Keys, Bell: k.Bell, Notices: mail,
			Now: k.Clock.Now, Rand: k.Rand, PublicURL: Origin},
	}
	k.Rewire(func(*Needs) {})
	k.OK(db.Write(context.Background(), func(st flow.Store) error {
		return st.CreateApplication(context.Background(), application.Application{ID: application.PortalID, Name: "My devices",
			Type: application.TypePortal, SelfService: true, Normalization: application.NormalizationNone, Created: k.Clock.Now()})
	}))
	return k
}

// Needs are what the flows of a kit are built of. Those of one flow that are another flow are filled in by Rewire.
type Needs struct {
	SignIn    signin.Needs
	Enroll    enroll.Needs
	Mobile    mobile.Needs
	Devices   devices.Needs
	Directory directory.Needs
}

// Rewire builds the flows anew of needs that the test changes. Who kept a flow from before keeps the old one.
func (k *Kit) Rewire(change func(*Needs)) {
	n := &k.needs
	change(n)
	k.SignIn = signin.New(n.SignIn)
	n.Mobile.SignIn = k.SignIn
	k.Mobile = mobile.New(n.Mobile)
	n.Devices.Alerts = k.Mobile
	k.Enroll, k.Devices, k.Directory = enroll.New(n.Enroll), devices.New(n.Devices), directory.New(n.Directory)
}

// Clock is a clock that only the test moves.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns the clock's time. The databases keep whole microseconds, so a test should move it by whole
// microseconds.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock forward by d.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// lockedReader makes a seeded source safe for concurrent use. Its bytes then depend on the order of the reads.
type lockedReader struct {
	mu sync.Mutex
	r  *rand.ChaCha8
}

func (l *lockedReader) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Read(p)
}

// seeded returns a source of random bytes that is the same at each run of a test.
func seeded(name string) io.Reader {
	h := fnv.New128a()
	h.Write([]byte(name))
	var seed [32]byte
	h.Sum(seed[:0])
	return &lockedReader{r: rand.NewChaCha8(seed)}
}

// lockedBuffer is a buffer that is safe for concurrent use.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// Logged returns what the flows logged so far, from level debug up.
func (k *Kit) Logged() string {
	k.log.mu.Lock()
	defer k.log.mu.Unlock()
	return k.log.b.String()
}

// OK ends the test if err is not nil.
func (k *Kit) OK(err error) {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
}

// Want ends the test unless errors.Is(err, target). A nil target wants no error.
func (k *Kit) Want(err, target error) {
	k.Helper()
	if !errors.Is(err, target) {
		k.Fatalf("error %v, want %v", err, target)
	}
}

// Application adds a Web SDK application with self-service and the short form of names. change may alter it before
// it is written.
func (k *Kit) Application(name string, change ...func(*application.Application)) application.Application {
	k.Helper()
	a := application.Application{ID: id.Key(k.Rand, id.Application), Name: name, Type: application.TypeWebSDK, SelfService: true,
		Normalization: application.NormalizationSimple, Created: k.Clock.Now()}
	for _, f := range change {
		f(&a)
	}
	k.Write(func(st flow.Store) error { return st.CreateApplication(context.Background(), a) })
	return a
}

// Save writes an application that exists.
func (k *Kit) Save(a application.Application) {
	k.Helper()
	k.Write(func(st flow.Store) error { return st.SaveApplication(context.Background(), a) })
}

// Settings changes the organization's settings.
func (k *Kit) Settings(change func(*settings.Settings)) {
	k.Helper()
	k.Write(func(st flow.Store) error {
		s, err := st.LockSettings(context.Background())
		if err != nil {
			return err
		}
		change(&s)
		return st.SaveSettings(context.Background(), s)
	})
}

// Write runs a change of the database that must succeed.
func (k *Kit) Write(change func(flow.Store) error) {
	k.Helper()
	k.OK(k.DB.Write(context.Background(), change))
}

// User adds a user with the mail address name@example.edu.
func (k *Kit) User(name string) user.User {
	k.Helper()
	email := name + "@example.edu"
	u, err := k.Directory.AddUser(context.Background(), directory.CommandLine, name, directory.UserChange{Email: &email})
	k.OK(err)
	return u
}

// Status sets a user's status, as an administrator does.
func (k *Kit) Status(name string, s user.Status) {
	k.Helper()
	_, err := k.Directory.SetUser(context.Background(), directory.CommandLine, name, directory.UserChange{Status: &s})
	k.OK(err)
}

// Reload reads a user by name from the database.
func (k *Kit) Reload(name string) user.User {
	k.Helper()
	u, err := k.DB.Read().UserByName(context.Background(), name)
	k.OK(err)
	return u
}

// BypassCode makes one bypass code for a user, as the help desk does, and returns it in plain text.
func (k *Kit) BypassCode(name string, change ...func(*directory.BypassRequest)) string {
	k.Helper()
	r := directory.NewBypassRequest()
	for _, f := range change {
		f(&r)
	}
	c, err := k.Directory.MakeBypassCode(context.Background(), directory.CommandLine, name, r)
	k.OK(err)
	return c.Code.Reveal()
}

// Log returns all rows of the authentication log under a user's name, oldest first.
func (k *Kit) Log(name string) []audit.Authentication {
	k.Helper()
	var all []audit.Authentication
	q := audit.Query{User: name, Limit: 1000}
	for {
		rows, err := k.DB.Read().Authentications(context.Background(), q)
		k.OK(err)
		for _, r := range rows {
			all = append([]audit.Authentication{r}, all...)
		}
		if len(rows) < 100 {
			return all
		}
		q.BeforeID, q.BeforeTime = rows[len(rows)-1].ID, rows[len(rows)-1].Time
	}
}

// Last returns the newest row of that log. Without any row the test ends.
func (k *Kit) Last(name string) audit.Authentication {
	k.Helper()
	rows, err := k.DB.Read().Authentications(context.Background(), audit.Query{User: name, Limit: 1})
	k.OK(err)
	if len(rows) == 0 {
		k.Fatalf("no row in the log of %s", name)
	}
	return rows[0]
}

// Count returns how many rows of that log have a reason.
func (k *Kit) Count(name, reason string) (n int) {
	k.Helper()
	for _, r := range k.Log(name) {
		if r.Reason == reason {
			n++
		}
	}
	return n
}

// Mails takes the notices that were queued since the last call out of the outbox.
func (k *Kit) Mails() []Mail {
	k.Helper()
	var all []Mail
	k.Write(func(st flow.Store) error {
		all = nil
		now := k.Clock.Now()
		for {
			rows, err := st.LeaseMail(context.Background(), now, now.Add(1000*time.Hour), 100)
			if err != nil || len(rows) == 0 {
				return err
			}
			for _, r := range rows {
				var m Mail
				if err := json.Unmarshal(r.Body, &m); err != nil {
					return err
				}
				m.Kind, m.To = r.Kind, r.To
				all = append(all, m)
			}
		}
	})
	return all
}

// Mail is one queued notice. Values holds the texts of flow.Notice.Args under their names.
type Mail struct {
	Kind, To string
	Link     string
	Values   map[string]string
}

// outboxNotices writes notices to the outbox in the transaction of their change, as the program does: a change that
// is rolled back sends no mail.
type outboxNotices struct{ k *Kit }

// Queue implements flow.Notices. A notice without an address is dropped.
func (o outboxNotices) Queue(ctx context.Context, st flow.MailStore, n flow.Notice) error {
	if n.To == "" {
		return nil
	}
	m := Mail{Link: n.Link, Values: map[string]string{}}
	for i := 0; i+1 < len(n.Args); i += 2 {
		name, _ := n.Args[i].(string)
		value, _ := n.Args[i+1].(string)
		m.Values[name] = value
	}
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	now := o.k.Clock.Now()
	return st.EnqueueMail(ctx, outbox.Mail{ID: id.Key(o.k.Rand, id.Mail), Kind: n.Kind, To: n.To, Body: body, Created: now, Due: now})
}

// Doorbell counts alerts instead of sending them.
type Doorbell struct {
	mu    sync.Mutex
	rings []string // endpoints, in the order of the calls
	Err   error    // returned by every Knock
}

// Knock implements flow.Doorbell.
func (d *Doorbell) Knock(_ context.Context, s flow.Subscription, _ []byte, _ time.Duration) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rings = append(d.rings, s.Endpoint)
	return d.Err
}

// CheckEndpoint implements flow.Doorbell. It accepts every address.
func (d *Doorbell) CheckEndpoint(string) error { return nil }

// Rings returns how often Knock was called, also when it returned Err.
func (d *Doorbell) Rings() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.rings)
}

// Rung returns the endpoint of each call of Knock, in their order.
func (d *Doorbell) Rung() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.rings...)
}

// Address returns the n-th address of 198.18.0.0/16, a part of the network for benchmark tests (RFC 2544).
func Address(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{198, 18, byte(n >> 8), byte(n)})
}

// Eventually waits until is returns true because of another goroutine. After 30 seconds the test ends, and what
// names the missing condition in the message.
func (k *Kit) Eventually(what string, is func() bool) {
	k.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			k.Fatalf("waited in vain for %s", what)
		}
	}
}

// Secret wraps a text as a secret.
func Secret(s string) secret.Text { return secret.NewText(s) }
