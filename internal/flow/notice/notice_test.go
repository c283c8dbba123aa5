package notice_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/mail"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/adapter/sqlstore"
	"countersign/internal/base/errs"
	"countersign/internal/base/secret"
	"countersign/internal/domain/settings"
	"countersign/internal/flow"
	"countersign/internal/flow/notice"
)

// office is a desk with a real database, a clock that is moved by hand, and a post office that
// does what the test says.
type office struct {
	*notice.Desk
	db  *sqlstore.DB
	mu  sync.Mutex
	now time.Time

	answer func(notice.Letter) error
	sent   []notice.Letter
}

func (o *office) Send(_ context.Context, l notice.Letter) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.answer != nil {
		if err := o.answer(l); err != nil {
			return err
		}
	}
	o.sent = append(o.sent, l)
	return nil
}

type silent struct{}

func (silent) Ring(...string)                          {}
func (silent) Listen(string) (<-chan struct{}, func()) { return nil, func() {} }

func newOffice(t *testing.T, change ...func(*notice.Needs)) *office {
	t.Helper()
	db, err := sqlstore.Open(t.Context(), sqlstore.Options{Path: filepath.Join(t.TempDir(), "test.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	o := &office{db: db, now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	n := notice.Needs{DB: flow.PartOf[notice.Store](db), Keys: secret.Generate(), Bell: silent{}, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return o.now }, PublicURL: "https://sign.example.edu", Sender: o}
	for _, f := range change {
		f(&n)
	}
	o.Desk = notice.New(n)
	return o
}

func (o *office) queue(t *testing.T, m notice.Message) {
	t.Helper()
	if err := o.db.Write(t.Context(), func(st flow.Store) error { return o.Queue(t.Context(), st, m) }); err != nil {
		t.Fatal(err)
	}
}

// deliver runs rounds until nothing is due.
func (o *office) deliver(t *testing.T) (tried int) {
	t.Helper()
	for {
		n, err := o.Deliver(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return tried
		}
		tried += n
	}
}

func (o *office) waiting(t *testing.T) int {
	t.Helper()
	n, _, err := o.db.Read().MailWaiting(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func added(to string) notice.Message {
	return notice.Message{Kind: notice.DeviceAdded, To: to, Args: []any{"username", "ana", "device", "Ana's phone"}}
}

func TestAMailOfAChangeThatFailsIsNeverSent(t *testing.T) {
	o := newOffice(t)
	undo := errors.New("undo")
	err := o.db.Write(t.Context(), func(st flow.Store) error {
		if err := o.Queue(t.Context(), st, added("ana@example.edu")); err != nil {
			return err
		}
		return undo
	})
	if !errors.Is(err, undo) {
		t.Fatal(err)
	}
	if n := o.waiting(t) + o.deliver(t); n != 0 {
		t.Errorf("%d mails exist for a change that never happened", n)
	}
}

func TestMailQueuedWhileTheServerIsDownLeavesHoursLaterOnceEach(t *testing.T) { // AC-079
	o := newOffice(t)
	down := true
	o.answer = func(notice.Letter) error {
		if down {
			return errs.New(errs.Unavailable, "mail.unavailable")
		}
		return nil
	}
	for range 6 {
		o.queue(t, added("ana@example.edu"))
	}
	tries := 0
	for end := o.now.Add(24 * time.Hour); o.now.Before(end); o.now = o.now.Add(time.Minute) {
		tries += o.deliver(t)
	}
	if tries < 6*40 || tries > 6*80 {
		t.Errorf("%d tries in 24 hours for 6 mails; want about one each half hour", tries)
	}
	if len(o.sent) != 0 || o.waiting(t) != 6 {
		t.Fatalf("while the server was down %d left and %d wait", len(o.sent), o.waiting(t))
	}
	down = false
	o.now = o.now.Add(31 * time.Minute)
	o.deliver(t)
	o.now = o.now.Add(time.Hour)
	o.deliver(t)
	seen := map[string]bool{}
	for _, l := range o.sent {
		seen[l.ID] = true
	}
	if len(o.sent) != 6 || len(seen) != 6 || o.waiting(t) != 0 {
		t.Errorf("sent %d mails with %d ids, %d wait; want each of 6 once", len(o.sent), len(seen), o.waiting(t))
	}
}

func TestAMailIsGivenUpAfterThreeDaysOrARefusalForGood(t *testing.T) {
	o := newOffice(t)
	refusal := errs.New(errs.Unavailable, "mail.unavailable")
	o.answer = func(notice.Letter) error { return refusal }
	o.queue(t, added("ana@example.edu"))
	o.deliver(t)
	o.now = o.now.Add(73 * time.Hour)
	o.deliver(t)
	if n := o.waiting(t); n != 0 {
		t.Errorf("%d mails still wait after 73 hours", n)
	}
	refusal = errs.New(errs.Invalid, "mail.refused")
	o.queue(t, added("nobody@example.edu"))
	if tried := o.deliver(t); tried != 1 || o.waiting(t) != 0 {
		t.Errorf("a refused mail was tried %d times and %d wait", tried, o.waiting(t))
	}
}

func TestACrashAfterTheServerTookAMailRepeatsItOnceUnderTheSameID(t *testing.T) {
	o := newOffice(t)
	o.queue(t, added("ana@example.edu"))
	// What a killed process leaves: leased, delivered, not noted.
	err := o.db.Write(t.Context(), func(st flow.Store) error {
		_, err := st.LeaseMail(t.Context(), o.now, o.now.Add(2*time.Minute), 4)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := o.deliver(t); n != 0 {
		t.Errorf("%d mails were tried while another node held them", n)
	}
	o.now = o.now.Add(3 * time.Minute)
	if n := o.deliver(t) + o.deliver(t); n != 1 {
		t.Errorf("the mail was tried %d times after the lease; want once", n)
	}
}

func TestHostileValuesNeitherAddHeadersNorMarkup(t *testing.T) { // AC-051
	o := newOffice(t)
	evil := "Ana\r\nBcc: eve@evil.example\u2028<script>alert(1)</script>\u202e{device}"
	for _, kind := range []string{notice.Activation, notice.Enrollment, notice.DeviceAdded, notice.DeviceReplaced, notice.Reconnected, notice.DeviceRemoved,
		notice.BypassCreated, notice.LockedOut, notice.CodesHalfWay, notice.CodesOff, notice.CodesOffReported, notice.ChangeReported, notice.FraudReported} {
		o.queue(t, notice.Message{Kind: kind, To: "ana@example.edu", Link: "https://sign.example.edu/a/abc",
			Args: []any{"username", evil, "device", evil, "application", evil, "ip", "192.0.2.1", "expires", o.now}})
	}
	o.deliver(t)
	if len(o.sent) != 13 {
		t.Fatalf("%d of 13 kinds were sent", len(o.sent))
	}
	for _, l := range o.sent {
		if strings.ContainsAny(l.Subject, "\r\n\u2028\u202e") {
			t.Errorf("subject %q spans lines", l.Subject)
		}
		if strings.Contains(l.HTML, "<script") || strings.Contains(l.Text, "\nBcc:") {
			t.Errorf("a value escaped in %s", l.Subject)
		}
		for _, body := range []string{l.Subject, l.Text, l.HTML} {
			if strings.Contains(body, "⟦") || strings.Contains(strings.ReplaceAll(body, "{device}", ""), "{") && !strings.Contains(body, "<style") {
				t.Errorf("a sentence is missing or unfilled in %q", body)
			}
		}
		if !strings.Contains(l.Text, "never ask for a code by mail") || !strings.Contains(l.HTML, "never ask for a code by mail") {
			t.Errorf("%s lacks the footer", l.Subject)
		}
		if _, err := mail.ParseAddress(l.To); err != nil {
			t.Error(err)
		}
	}
}

// RULE-43: the codes of an app come back, one of the help desk does not, and the people who look after sign-ins are not its owner.
func TestAMailOfWrongCodesSaysWhatItsReaderCanDo(t *testing.T) {
	o := newOffice(t)
	for _, c := range []struct {
		kind, device string
		says, not    []string
	}{
		{notice.CodesHalfWay, "Ana's phone", []string{"the codes of Ana's phone", "your account"}, []string{"the help desk gave"}},
		{notice.CodesHalfWay, "", []string{"the code that the help desk gave you", "your account"}, []string{"codes of"}},
		{notice.CodesOff, "Ana's phone", []string{"connect the app anew", "your account"}, []string{"new code"}},
		{notice.CodesOff, "", []string{"a new code", "your account"}, []string{"connect the app", "codes of"}},
		{notice.CodesOffReported, "Ana's phone", []string{"the codes of Ana's phone", "connects the app anew"}, []string{"you", "new code"}},
		{notice.CodesOffReported, "", []string{"a new code"}, []string{"you", "app anew", "codes of"}},
	} {
		o.sent = nil
		o.queue(t, notice.Message{Kind: c.kind, To: "ana@example.edu", Args: []any{"user", "ana", "device", c.device, "application", "Payroll"}})
		o.deliver(t)
		text, _, _ := strings.Cut(o.sent[0].Text, "-- \n")
		for _, s := range c.says {
			if !strings.Contains(strings.ToLower(text), strings.ToLower(s)) {
				t.Errorf("%s of %q says nothing of %q: %s", c.kind, c.device, s, text)
			}
		}
		for _, s := range c.not {
			if strings.Contains(text, s) {
				t.Errorf("%s of %q says %q: %s", c.kind, c.device, s, text)
			}
		}
	}
}

func TestABadAddressIsSkippedAndTheChangeGoesOn(t *testing.T) {
	o := newOffice(t)
	for _, to := range []string{"", "ana", "ana@example.edu, eve@evil.example", "ana@example.edu\r\nBcc: eve@evil.example", "Ana <ana@example.edu>", "a%b@example.edu"} {
		o.queue(t, added(to))
	}
	if n := o.waiting(t); n != 0 {
		t.Errorf("%d mails to bad addresses wait", n)
	}
}

func TestMailsAboutChangesCanBeSwitchedOffAlarmsCannot(t *testing.T) {
	o := newOffice(t)
	err := o.db.Write(t.Context(), func(st flow.Store) error {
		return st.SaveSettings(t.Context(), settings.Settings{NoChangeMail: true})
	})
	if err != nil {
		t.Fatal(err)
	}
	o.queue(t, added("ana@example.edu"))
	o.queue(t, notice.Message{Kind: notice.LockedOut, To: "ana@example.edu"})
	if n := o.waiting(t); n != 1 {
		t.Errorf("%d mails wait; want the alarm alone", n)
	}
}
