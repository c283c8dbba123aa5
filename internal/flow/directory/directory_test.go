package directory_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"countersign/internal/base/id"
	"countersign/internal/base/secret"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/bypass"
	"countersign/internal/domain/enrollment"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/session"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
	"countersign/internal/flow/notice"
	"countersign/internal/testkit/dbtest"
)

var actor = audit.Actor{Kind: audit.KindCommandLine, Name: "tester"}

// bench is a directory over one database, with a clock that stands still until moved.
type bench struct {
	*directory.Flow
	t    *testing.T
	db   flow.DB
	keys *secret.Keyring
	now  time.Time
	bell *ears
}

// ears remember which topics were rung.
type ears struct{ heard []string }

func (e *ears) Ring(topics ...string) { e.heard = append(e.heard, topics...) }
func (e *ears) Listen(string) (<-chan struct{}, func()) {
	return make(chan struct{}), func() {}
}

func each(t *testing.T, test func(b *bench)) {
	dbtest.Each(t, func(t *testing.T, db flow.DB) {
		b := &bench{t: t, db: db, keys: secret.Generate(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), bell: &ears{}}
		clock := func() time.Time { return b.now }
		desk := notice.New(notice.Needs{DB: flow.PartOf[notice.Store](db), Keys: b.keys, Bell: b.bell, Rand: rand.Reader, Now: clock,
			Log: slog.New(slog.DiscardHandler), PublicURL: "https://mfa.example.edu"})
		b.Flow = directory.New(directory.Needs{DB: flow.PartOf[directory.Store](db), Keys: b.keys, Now: clock, Rand: rand.Reader, Bell: b.bell,
			PublicURL: "https://mfa.example.edu", Notices: desk})
		test(b)
	})
}

func (b *bench) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) want(err, target error) {
	b.t.Helper()
	if !errors.Is(err, target) {
		b.t.Fatalf("error %v, want %v", err, target)
	}
}

func (b *bench) write(change func(st flow.Store) error) {
	b.t.Helper()
	b.ok(b.db.Write(b.t.Context(), change))
}

func (b *bench) user(name, email string) user.User {
	b.t.Helper()
	u, err := b.AddUser(b.t.Context(), actor, name, directory.UserChange{Email: &email})
	b.ok(err)
	return u
}

func (b *bench) actions() []audit.Action {
	b.t.Helper()
	rows, err := b.ActionLog(b.t.Context(), audit.Query{Limit: 100})
	b.ok(err)
	return rows
}

func (b *bench) phone(userID string) phone.Phone {
	b.t.Helper()
	p := phone.Phone{ID: id.Key(rand.Reader, id.Phone), UserID: userID, Name: "Pocket", Created: b.now}
	b.write(func(st flow.Store) error {
		if err := st.CreatePhone(b.t.Context(), p); err != nil {
			return err
		}
		k := phone.Key{ID: id.Token(rand.Reader, 32), PhoneID: p.ID, UserID: userID, SPKI: []byte("key"), State: phone.KeyActive, Created: b.now}
		p.KeyID, p.Key, p.Activated = k.ID, k.SPKI, b.now
		return st.BindKey(b.t.Context(), p, k)
	})
	return p
}

func ptr[T any](v T) *T { return &v }

func TestAnApplicationIsAddedWithItsKeysAndLogged(t *testing.T) {
	each(t, func(b *bench) {
		ctx := t.Context()
		a, plain, err := b.AddApplication(ctx, actor, application.TypeWebSDK, directory.ApplicationChange{
			Name: ptr("  Payroll "), SelfService: ptr(true), Policy: directory.PolicyChange{NewUser: ptr(policy.NewUserEnroll)},
			AddRedirectURIs: []string{"https://payroll.example.edu/back"},
		})
		b.ok(err)
		if a.Name != "Payroll" || len(a.ID) != 20 || !strings.HasPrefix(a.ID, "DI") || len(plain.Reveal()) != 40 {
			b.t.Fatalf("application %+v with a secret of %d characters", a, len(plain.Reveal()))
		}
		stored, err := b.Application(ctx, a.ID)
		b.ok(err)
		if strings.Contains(string(stored.Secret), plain.Reveal()) || !stored.SelfService || stored.Policy.NewUser != policy.NewUserEnroll {
			b.t.Fatalf("stored %+v", stored)
		}
		again, err := b.RevealSecret(ctx, actor, a.ID)
		b.ok(err)
		if again.Reveal() != plain.Reveal() {
			b.t.Fatal("another secret came back")
		}
		log := b.actions()
		if len(log) != 2 || log[0].Action != "integration_skey_view" || log[1].Action != "integration_create" || log[1].Actor != actor || log[1].Object != "Payroll" {
			b.t.Fatalf("log %+v", log)
		}
		for _, row := range log {
			for k, v := range row.Description {
				if v == plain.Reveal() {
					b.t.Fatalf("the log has the secret at %s", k)
				}
			}
		}
	})
}

func TestAnApplicationChangesOnlyWhereAskedAndWithinRange(t *testing.T) {
	each(t, func(b *bench) {
		ctx := t.Context()
		a, _, err := b.AddApplication(ctx, actor, application.TypeWebSDK, directory.ApplicationChange{Name: ptr("Mail")})
		b.ok(err)
		a, err = b.SetApplication(ctx, actor, a.ID, directory.ApplicationChange{
			Policy: directory.PolicyChange{NumberEntry: ptr(4), Methods: ptr([]string{"push"})}, AddRedirectURIs: []string{"http://127.0.0.1:9/x"},
		})
		b.ok(err)
		if a.Name != "Mail" || a.Policy.NumberEntry != 4 || len(a.RedirectURIs) != 1 {
			b.t.Fatalf("application %+v", a)
		}
		before := len(b.actions())
		_, err = b.SetApplication(ctx, actor, a.ID, directory.ApplicationChange{Name: ptr("Mail"), Disabled: ptr(false)})
		b.ok(err)
		if len(b.actions()) != before {
			b.t.Fatal("a change that changes nothing was logged")
		}
		for _, bad := range []directory.ApplicationChange{
			{Name: ptr("")},
			{Policy: directory.PolicyChange{NumberEntry: ptr(9)}},
			{Policy: directory.PolicyChange{Methods: ptr([]string{"smoke"})}},
			{Normalization: ptr(application.Normalization("odd"))},
			{AddRedirectURIs: []string{"http://example.edu/x"}},
			{AddRedirectURIs: []string{"https://example.edu/x#part"}},
			{AddRedirectURIs: []string{"https://user@example.edu/"}},
			{AddRedirectURIs: []string{"javascript:alert(1)"}},
			{RemoveRedirectURIs: []string{"https://never.example.edu"}},
			{FrameHosts: ptr([]string{"app.example.edu"})}, // for websdk2
			{Dateless: ptr("on")}, // not for websdk
		} {
			if _, err := b.SetApplication(ctx, actor, a.ID, bad); err == nil {
				b.t.Fatalf("%+v was taken", bad)
			}
		}
		after, err := b.Application(ctx, a.ID)
		b.ok(err)
		if after.Policy.NumberEntry != 4 || len(after.RedirectURIs) != 1 {
			b.t.Fatalf("a refused change left %+v", after)
		}
		after, err = b.SetApplication(ctx, actor, a.ID, directory.ApplicationChange{
			ClearRedirectURIs: true, Policy: directory.PolicyChange{Methods: ptr([]string(nil)), NumberEntry: ptr(0)}})
		b.ok(err)
		if after.Policy.NumberEntry != 0 || after.Policy.Methods != nil || len(after.RedirectURIs) != 0 {
			b.t.Fatalf("still set: %+v", after)
		}
	})
}

func TestADeletedApplicationIsUnknownAndItsSecretsWorkNoMore(t *testing.T) {
	each(t, func(b *bench) {
		ctx := t.Context()
		a, plain, err := b.AddApplication(ctx, actor, application.TypeWebSDK, directory.ApplicationChange{Name: ptr("Old")})
		b.ok(err)
		_, second, err := b.ResetSecret(ctx, actor, a.ID, time.Hour)
		b.ok(err)
		b.ok(b.DeleteApplication(ctx, actor, a.ID))
		_, err = b.Application(ctx, a.ID)
		b.want(err, application.ErrUnknown)
		_, _, err = b.ResetSecret(ctx, actor, a.ID, 0)
		b.want(err, application.ErrUnknown)
		all, err := b.Applications(ctx)
		b.ok(err)
		if len(all) != 0 {
			b.t.Fatalf("listed: %+v", all)
		}
		tombstone, err := b.db.Read().ApplicationByID(ctx, a.ID)
		b.ok(err)
		opened, err := b.keys.Open(application.SecretPurpose, a.ID, tombstone.Secret)
		b.ok(err)
		if tombstone.Deleted.IsZero() || string(opened) == second.Reveal() || len(tombstone.Retired) != 2 {
			b.t.Fatalf("the tombstone: %+v", tombstone)
		}
		for n, was := range []string{plain.Reveal(), second.Reveal()} { // its holder is told that it is over
			r := tombstone.Retired[n]
			old, err := b.keys.Open(application.SecretPurpose, application.RetiredRow(a.ID, r.Number), r.Secret)
			b.ok(err)
			if string(old) != was || r.Works(b.now) {
				b.t.Errorf("secret %d: %+v", n, r)
			}
		}
	})
}

func TestUserNamesAreOneSpellingAndTakenOnce(t *testing.T) { // X-38, RULE-32
	each(t, func(b *bench) {
		u := b.user("  Álice@Example.EDU ", "alice@example.edu")
		if u.Username != "álice@example.edu" || u.Status != user.Active || len(u.Salt) != 16 {
			b.t.Fatalf("user %+v", u)
		}
		_, err := b.AddUser(t.Context(), actor, "ÁLICE@example.edu", directory.UserChange{})
		b.want(err, user.ErrNameTaken)
		_, err = b.AddUser(t.Context(), actor, "a\u200bb", directory.UserChange{})
		b.want(err, user.ErrNameInvalid)
		_, err = b.AddUser(t.Context(), actor, "ab", directory.UserChange{RealName: ptr("A\u202eB")})
		b.want(err, directory.ErrRealName)
		for _, who := range []string{"ÁLICE@EXAMPLE.edu", u.ID} {
			d, err := b.User(t.Context(), who)
			b.ok(err)
			if d.User.ID != u.ID {
				b.t.Fatalf("%s found %+v", who, d.User)
			}
		}
		_, err = b.User(t.Context(), "nobody")
		b.want(err, user.ErrUnknown)
	})
}

func TestAMailAddressIsExactlyOneAddress(t *testing.T) { // AC-051
	each(t, func(b *bench) {
		for _, bad := range []string{"jo", "Jo <jo@example.edu>", "a@x.edu,b@x.edu", "jo@example.edu\r\nBcc: x@y", " jo@example.edu", `"j o"@example.edu`,
			"jo@example.edu (x)", "a%b@example.edu", "jo@example\u2028.edu", "jo\u200b@example.edu", "jo@[192.0.2.1]", strings.Repeat("a", 250) + "@example.edu"} {
			_, err := b.AddUser(t.Context(), actor, "jo", directory.UserChange{Email: &bad})
			b.want(err, directory.ErrEmail)
		}
		u := b.user("jo", "jo.o'neil+mfa@example.edu")
		u, err := b.SetUser(t.Context(), actor, u.ID, directory.UserChange{Email: ptr("")})
		b.ok(err)
		if u.Email != "" {
			b.t.Fatal("the address could not be taken away")
		}
	})
}

func TestNobodyIsLockedOutByHand(t *testing.T) {
	each(t, func(b *bench) {
		b.user("jo", "")
		_, err := b.SetUser(t.Context(), actor, "jo", directory.UserChange{Status: ptr(user.LockedOut)})
		b.want(err, directory.ErrStatus)
		_, err = b.Unlock(t.Context(), actor, "jo")
		b.want(err, directory.ErrNotLocked)
	})
}

func TestUnlockingClearsTheFailures(t *testing.T) {
	for _, way := range []string{"unlock", "status"} {
		t.Run(way, func(t *testing.T) {
			each(t, func(b *bench) {
				u := b.user("jo", "")
				b.write(func(st flow.Store) error {
					if _, err := st.ReserveAttempt(context.Background(), u.ID, 10); err != nil {
						return err
					}
					_, err := st.LockOut(context.Background(), u.ID, b.now)
					return err
				})
				if way == "unlock" {
					_, err := b.Unlock(t.Context(), actor, "jo")
					b.ok(err)
				} else {
					_, err := b.SetUser(t.Context(), actor, "jo", directory.UserChange{Status: ptr(user.Active)})
					b.ok(err)
				}
				d, err := b.User(t.Context(), "jo")
				b.ok(err)
				if d.User.Status != user.Active || d.User.Failures != 0 {
					b.t.Fatalf("user %+v", d.User)
				}
			})
		})
	}
}

func TestAUserWhoLeavesActiveLosesWhatIsOpen(t *testing.T) {
	leave := map[string]func(b *bench) error{
		"disabled": func(b *bench) error {
			_, err := b.SetUser(b.t.Context(), actor, "jo", directory.UserChange{Status: ptr(user.Disabled)})
			return err
		},
		"trash": func(b *bench) error { _, err := b.DeleteUser(b.t.Context(), actor, "jo"); return err },
	}
	for name, act := range leave {
		t.Run(name, func(t *testing.T) {
			each(t, func(b *bench) {
				ctx := t.Context()
				u := b.user("jo", "")
				p := b.phone(u.ID)
				tx := transaction.Transaction{ID: id.UUID(rand.Reader), UserID: u.ID, Username: "jo", PhoneID: p.ID, Purpose: transaction.SignIn,
					State: transaction.Pending, Created: b.now, Expires: b.now.Add(transaction.Life)}
				code := activation.Activation{ID: id.Key(rand.Reader, id.Activation), UserID: u.ID, Purpose: activation.Add,
					LinkDigest: []byte("link"), TypedDigest: []byte("typed"), Created: b.now, Expires: b.now.Add(time.Hour)}
				visit := session.Session{ID: "DS1", Digest: []byte("cookie"), UserID: u.ID, Created: b.now, Seen: b.now, Proved: b.now, Expires: b.now.Add(time.Hour)}
				b.write(func(st flow.Store) error {
					return errors.Join(st.CreateTransaction(ctx, tx), st.CreateActivation(ctx, code), st.CreateSession(ctx, visit))
				})
				b.ok(act(b))
				st := b.db.Read()
				now, err := st.TransactionByID(ctx, tx.ID)
				b.ok(err)
				if now.State != transaction.Cancelled {
					b.t.Fatalf("the request is %s", now.State)
				}
				a, err := st.ActivationByID(ctx, code.ID)
				b.ok(err)
				if a.State(b.now) != activation.Dead {
					b.t.Fatalf("the pairing code is %s", a.State(b.now))
				}
				err = b.db.Write(ctx, func(st flow.Store) error { _, err := st.TouchSession(ctx, visit.Digest, b.now); return err })
				b.want(err, session.ErrIdle)
				if !strings.Contains(strings.Join(b.bell.heard, " "), flow.PhoneTopic(p.ID)) {
					b.t.Fatalf("the phone was not told, only %v", b.bell.heard)
				}
			})
		})
	}
}

func TestABypassCodeIsMadeStoredSlowlyAndReplacesEarlierOnes(t *testing.T) { // F-33, AC-006
	each(t, func(b *bench) {
		ctx := t.Context()
		u := b.user("jo", "jo@example.edu")
		first, err := b.MakeBypassCode(ctx, actor, "JO", directory.NewBypassRequest())
		b.ok(err)
		if len(first.Code.Reveal()) != 9 || first.Uses != 1 || !first.Expires.Equal(b.now.Add(time.Hour)) {
			b.t.Fatalf("code %+v", first)
		}
		spend := func(code string) bool {
			ok := false
			b.write(func(st flow.Store) (err error) {
				digest, err := b.keys.SlowDigest(ctx, bypass.DigestPurpose, u.Salt, code)
				b.ok(err)
				_, ok, err = st.SpendBypassCode(ctx, u.ID, digest, b.now)
				return err
			})
			return ok
		}
		second, err := b.MakeBypassCode(ctx, actor, "jo", directory.NewBypassRequest())
		b.ok(err)
		if spend(first.Code.Reveal()) || !spend(second.Code.Reveal()) || spend(second.Code.Reveal()) {
			b.t.Fatal("the wrong codes work")
		}
		own := directory.BypassRequest{Code: secret.NewText("123 456-789"), PreserveExisting: true}
		_, err = b.MakeBypassCode(ctx, actor, "jo", own)
		b.ok(err)
		_, err = b.MakeBypassCode(ctx, actor, "jo", own)
		b.want(err, directory.ErrCodeExists)
		b.now = b.now.Add(1000 * 24 * time.Hour)
		for range 2 {
			if !spend("123456789") {
				b.t.Fatal("a code without limits ended")
			}
		}
		for _, row := range b.actions() {
			for k, v := range row.Description {
				if v == second.Code.Reveal() || v == "123456789" {
					b.t.Fatalf("the log has the code at %s", k)
				}
			}
		}
		mails, _, err := b.db.Read().MailWaiting(ctx)
		b.ok(err)
		if mails != 3 {
			b.t.Fatalf("%d mails were queued, want one a code (AC-059)", mails)
		}
	})
}

func TestBypassCodesHaveLimits(t *testing.T) {
	each(t, func(b *bench) {
		ctx := t.Context()
		u := b.user("jo", "")
		for _, bad := range []string{"12345", "12345678901234567", "12345a789", "१२३४५६७"} {
			_, err := b.MakeBypassCode(ctx, actor, "jo", directory.BypassRequest{Code: secret.NewText(bad)})
			b.want(err, directory.ErrCode)
		}
		b.write(func(st flow.Store) error {
			for range bypass.MaxLive {
				c := bypass.Code{ID: id.Key(rand.Reader, id.BypassCode), UserID: u.ID, Digest: []byte(id.Token(rand.Reader, 32)), UsesLeft: 1, Created: b.now}
				if err := st.CreateBypassCode(ctx, c); err != nil {
					return err
				}
			}
			return nil
		})
		r := directory.NewBypassRequest()
		r.PreserveExisting = true
		_, err := b.MakeBypassCode(ctx, actor, "jo", r)
		b.want(err, bypass.ErrTooMany)
		r.PreserveExisting = false
		_, err = b.MakeBypassCode(ctx, actor, "jo", r)
		b.ok(err)
		_, err = b.DeleteUser(ctx, actor, "jo")
		b.ok(err)
		_, err = b.MakeBypassCode(ctx, actor, "jo", r)
		b.want(err, directory.ErrTrashed)
	})
}

func TestSendingAnInvitationAgainDoesNotExtendIt(t *testing.T) { // C-08
	each(t, func(b *bench) {
		ctx := t.Context()
		u := b.user("jo", "jo@example.edu")
		first, err := b.Invite(ctx, actor, "jo")
		b.ok(err)
		if !first.Expires.Equal(b.now.Add(enrollment.DefaultLife)) || !first.Mailed || !strings.HasPrefix(first.Link.Reveal(), "https://mfa.example.edu/enroll/") {
			b.t.Fatalf("invitation %+v", first)
		}
		b.now = b.now.Add(10 * 24 * time.Hour)
		second, err := b.Invite(ctx, actor, "jo")
		b.ok(err)
		if !second.Expires.Equal(first.Expires) {
			b.t.Fatalf("the second ends %s, the first %s", second.Expires, first.Expires)
		}
		for _, inv := range []directory.Invitation{first, second} {
			token := inv.Link.Reveal()[strings.LastIndex(inv.Link.Reveal(), "/")+1:]
			link, err := b.db.Read().EnrollmentByDigest(ctx, b.keys.Digest(enrollment.DigestPurpose, token))
			b.ok(err)
			if link.UserID != u.ID || !link.Revoked.IsZero() {
				b.t.Fatalf("link %+v", link)
			}
		}
		b.phone(u.ID)
		_, err = b.Invite(ctx, actor, "jo")
		b.want(err, directory.ErrEnrolled)
	})
}

func TestTheTrashEndsInvitationsAndCodes(t *testing.T) { // C-08
	each(t, func(b *bench) {
		ctx := t.Context()
		u := b.user("jo", "")
		_, err := b.Invite(ctx, actor, "jo")
		b.ok(err)
		_, err = b.MakeBypassCode(ctx, actor, "jo", directory.NewBypassRequest())
		b.ok(err)
		gone, err := b.DeleteUser(ctx, actor, "jo")
		b.ok(err)
		if gone.Status != user.PendingDeletion {
			b.t.Fatalf("status %s", gone.Status)
		}
		open, err := b.db.Read().OpenEnrollments(ctx, u.ID, b.now)
		b.ok(err)
		d, err := b.User(ctx, "jo")
		b.ok(err)
		if len(open) != 0 || len(d.BypassCodes) != 0 {
			b.t.Fatalf("left: %d links, %d codes", len(open), len(d.BypassCodes))
		}
		_, err = b.Invite(ctx, actor, "jo")
		b.want(err, directory.ErrTrashed)
		back, err := b.SetUser(ctx, actor, "jo", directory.UserChange{Status: ptr(user.Active)})
		b.ok(err)
		if back.ID != u.ID || back.Status != user.Active {
			b.t.Fatalf("restored %+v", back)
		}
	})
}

func TestSettingsKeepTheirRanges(t *testing.T) {
	each(t, func(b *bench) {
		ctx := t.Context()
		for _, bad := range []directory.SettingsChange{
			{Organization: ptr("")}, {Organization: ptr("North\u202efield")}, {Help: ptr(strings.Repeat("x", 201))}, {Help: ptr("two\nlines")}, {LockoutThreshold: ptr(0)}, {LockoutThreshold: ptr(101)},
			{FraudEmail: ptr("nobody")}, {FraudEmail: ptr("a@example.edu,b@example.edu")}, {LockoutMinutes: ptr(4)}, {LockoutMinutes: ptr(30001)}, {DormantDays: ptr(0)},
		} {
			_, err := b.SetSettings(ctx, actor, bad)
			b.want(err, directory.ErrSetting)
		}
		s, err := b.SetSettings(ctx, actor, directory.SettingsChange{
			Organization: ptr("Example University"), LockoutMinutes: ptr(directory.Never), ChangeMail: ptr(false), FraudEmail: ptr("desk@example.edu"),
			Policy: directory.PolicyChange{Spare: ptr(policy.SpareRequire)},
		})
		b.ok(err)
		read, err := b.Settings(ctx)
		b.ok(err)
		if read.Organization != "Example University" || read.LockoutMinutes != directory.Never || !read.NoChangeMail || read.FraudEmail != "desk@example.edu" || read.Policy.Spare != policy.SpareRequire ||
			s.LockoutThreshold != 10 {
			b.t.Fatalf("settings %+v", read)
		}
		if log := b.actions(); len(log) != 1 || log[0].Action != "customer_update" {
			b.t.Fatalf("log %+v", log)
		}
	})
}
