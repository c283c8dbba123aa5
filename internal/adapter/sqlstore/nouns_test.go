package sqlstore

import (
	"testing"
	"time"

	"countersign/internal/domain/account"
	"countersign/internal/domain/application"
	"countersign/internal/domain/bypass"
	"countersign/internal/domain/enrollment"
	"countersign/internal/domain/outbox"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/remembered"
	"countersign/internal/domain/session"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
)

func TestUsers(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		full := fill[user.User]("u", func(u *user.User) { u.ID, u.Username, u.Kind = "DU1", "narroway", account.Person })
		write(t, db, func(s flow.Store) error { return s.CreateUser(ctx, full) })
		same(t, "by ID", got[user.User](t)(db.Read().UserByID(ctx, "DU1")), full)
		same(t, "by name", got[user.User](t)(db.Read().UserByName(ctx, "narroway")), full)
		_, err := db.Read().UserByName(ctx, "nobody")
		fails(t, "unknown", err, user.ErrUnknown)

		// A taken name is an error after which the change may go on.
		var taken error
		write(t, db, func(s flow.Store) error {
			taken = s.CreateUser(ctx, user.User{ID: "DU9", Username: "narroway"})
			return s.CreateUser(ctx, user.User{ID: "DU2", Username: "beta", RealName: "Ünal 50%", Email: "B@Example.ORG", Status: user.Active, Created: noon})
		})
		fails(t, "taken", taken, user.ErrNameTaken)
		if _, err := db.Read().UserByID(ctx, "DU9"); err == nil {
			t.Error("a user without a name is left")
		}

		saved := full
		saved.RealName, saved.Email, saved.Status, saved.Notes = "Narro Way", "n@example.org", user.Active, "note"
		write(t, db, func(s flow.Store) error { return s.SaveUser(ctx, saved) })
		saved.Epoch++ // the status is another
		same(t, "saved", got[user.User](t)(db.Read().UserByID(ctx, "DU1")), saved)
		write(t, db, func(s flow.Store) error { return s.SaveUser(ctx, saved) })
		same(t, "the same status once more", got[user.User](t)(db.Read().UserByID(ctx, "DU1")), saved)
		write(t, db, func(s flow.Store) error { return s.RaiseEpoch(ctx, "DU1") })
		same(t, "signed out everywhere", got[user.User](t)(db.Read().UserByID(ctx, "DU1")).Epoch, saved.Epoch+1)
		fails(t, "save unknown", db.Write(ctx, func(s flow.Store) error { return s.SaveUser(ctx, user.User{ID: "DU0"}) }), user.ErrUnknown)
	})
}

func TestUserAliasesShareTheNameSpace(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		person(t, db, "DU1", "narroway")
		write(t, db, func(s flow.Store) error {
			_, err := s.(*store).count(ctx, `INSERT INTO user_names (name, user_id, alias) VALUES ($1, $2, TRUE)`, "nw", "DU1")
			return err
		})
		same(t, "by alias", got[user.User](t)(db.Read().UserByName(ctx, "nw")).ID, "DU1")
		var taken error
		write(t, db, func(s flow.Store) error {
			taken = s.CreateUser(ctx, user.User{ID: "DU2", Username: "nw"})
			return nil
		})
		fails(t, "a name that is an alias", taken, user.ErrNameTaken)
		_, err := db.Read().UserByID(ctx, "DU2")
		fails(t, "no half user", err, user.ErrUnknown)
	})
}

func TestAnAdministratorsAccountIsFoundByItsIDAlone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		alice := person(t, db, "DU1", "alice")
		root := fill[user.User]("a", func(u *user.User) { u.ID, u.Username, u.Kind = "DA1", "alice", account.Administrator })
		write(t, db, func(s flow.Store) error { return s.CreateUser(ctx, root) }) // the same word names one of each
		same(t, "the account", got[user.User](t)(db.Read().AccountByID(ctx, "DA1")), root)
		same(t, "a person's account", got[user.User](t)(db.Read().AccountByID(ctx, "DU1")), alice)
		same(t, "locked", wrote(t, db, func(s flow.Store) (user.User, error) { return s.LockAccount(ctx, "DA1") }), root)
		same(t, "in a snapshot", got[flow.Snapshot](t)(db.Read().SnapshotByAccount(ctx, "DA1")).User, root)
		same(t, "by name", got[user.User](t)(db.Read().UserByName(ctx, "alice")), alice)
		same(t, "listed", got[[]user.User](t)(db.Read().Users(ctx, user.Query{})), []user.User{alice})
		for _, name := range []string{"DA1", "administrator|alice"} {
			_, err := db.Read().UserByName(ctx, name)
			fails(t, name, err, user.ErrUnknown)
		}
		_, err := db.Read().UserByID(ctx, "DA1")
		fails(t, "as a person", err, user.ErrUnknown)
		fails(t, "a second one", db.Write(ctx, func(s flow.Store) error {
			return s.CreateUser(ctx, user.User{ID: "DA2", Username: "alice", Kind: account.Administrator})
		}), user.ErrNameTaken)
	})
}

func TestUserLists(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		for i, name := range []string{"zoe", "adam", "a_b", "Émile", "mia"} {
			write(t, db, func(s flow.Store) error {
				st := user.Active
				if name == "mia" {
					st = user.Disabled
				}
				return s.CreateUser(ctx, user.User{ID: "DU" + string(rune('0'+i)), Username: name, RealName: "Änne " + name, Email: name + "@Example.org", Status: st})
			})
		}
		names := func(q user.Query) (out []string) {
			t.Helper()
			for _, u := range got[[]user.User](t)(db.Read().Users(ctx, q)) {
				out = append(out, u.Username)
			}
			return out
		}
		same(t, "all, by name", names(user.Query{}), []string{"a_b", "adam", "mia", "zoe", "Émile"})
		same(t, "page", names(user.Query{After: "a_b", Limit: 2}), []string{"adam", "mia"})
		same(t, "search without case", names(user.Query{Search: "ÄNNE Z"}), []string{"zoe"})
		same(t, "search in mail", names(user.Query{Search: "MIA@example"}), []string{"mia"})
		same(t, "wildcards are characters", names(user.Query{Search: "a_"}), []string{"a_b"})
		same(t, "status", names(user.Query{Status: user.Disabled}), []string{"mia"})
	})
}

func TestUserCountersAndLocks(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		u := person(t, db, "DU1", "a")
		v := wrote(t, db, func(s flow.Store) (user.User, error) { return s.ReserveAttempt(ctx, u.ID, 2) })
		same(t, "one failure", v.Failures, 1)
		wrote(t, db, func(s flow.Store) (user.User, error) { return s.ReserveAttempt(ctx, u.ID, 2) })
		_, err := tryWrite(db, func(s flow.Store) (user.User, error) { return s.ReserveAttempt(ctx, u.ID, 2) })
		fails(t, "no attempt left", err, user.ErrLocked)

		same(t, "locked out", wrote(t, db, func(s flow.Store) (bool, error) { return s.LockOut(ctx, u.ID, noon) }), true)
		same(t, "only once", wrote(t, db, func(s flow.Store) (bool, error) { return s.LockOut(ctx, u.ID, noon) }), false)
		_, err = tryWrite(db, func(s flow.Store) (user.User, error) { return s.ReserveAttempt(ctx, u.ID, 100) })
		fails(t, "locked", err, user.ErrLocked)
		same(t, "nor for what is right", took(t, db, user.ErrLocked, func(s flow.Store) error { return s.ProveAttempt(ctx, u.ID, 100, "", noon) }), false)
		same(t, "too early", wrote(t, db, func(s flow.Store) (bool, error) { return s.Unlock(ctx, u.ID, at(-time.Second)) }), false)
		same(t, "unlocked", wrote(t, db, func(s flow.Store) (bool, error) { return s.Unlock(ctx, u.ID, noon) }), true)
		u.Epoch += 2 // locked out, and let in again
		same(t, "as before", got[user.User](t)(db.Read().UserByID(ctx, u.ID)), u)

		v = wrote(t, db, func(s flow.Store) (user.User, error) { return s.MissPush(ctx, u.ID, 2, false, noon) })
		same(t, "missed", []any{v.PushMisses, v.PushStopped.IsZero()}, []any{2, true})
		wrote(t, db, func(s flow.Store) (user.User, error) { return s.MissPush(ctx, u.ID, 1, true, noon) })
		v = wrote(t, db, func(s flow.Store) (user.User, error) { return s.MissPush(ctx, u.ID, 1, true, at(time.Minute)) })
		same(t, "stopped at first", []any{v.PushMisses, v.PushStopped}, []any{4, noon})

		write(t, db, func(s flow.Store) error {
			if _, err := s.ReserveAttempt(ctx, u.ID, 10); err != nil {
				return err
			}
			if err := s.MarkEnrolled(ctx, u.ID, noon); err != nil {
				return err
			}
			if err := s.MarkEnrolled(ctx, u.ID, at(time.Hour)); err != nil {
				return err
			}
			if err := s.RemindSpare(ctx, u.ID, noon); err != nil {
				return err
			}
			if err := s.SavePreferences(ctx, u.ID, "DP1", "push"); err != nil {
				return err
			}
			return s.Proved(ctx, u.ID, "push:DP1", at(time.Second))
		})
		write(t, db, func(s flow.Store) error { return s.Proved(ctx, u.ID, "", at(2*time.Second)) })
		proves := func(limit int) bool {
			return took(t, db, user.ErrLocked, func(s flow.Store) error { return s.ProveAttempt(ctx, u.ID, limit, "", at(2*time.Second)) })
		}
		same(t, "no attempt to prove with", proves(0), false)
		same(t, "an attempt that proves", proves(1), true)
		want := u
		want.DefaultPhone, want.AutoAction = "DP1", "push"
		want.LastLogin, want.LastMethod, want.FirstEnrolled, want.SpareReminders, want.SpareReminded = at(2*time.Second), "push:DP1", noon, 1, noon
		same(t, "proved", got[user.User](t)(db.Read().UserByID(ctx, u.ID)), want)

		same(t, "locked row", wrote(t, db, func(s flow.Store) (user.User, error) { return s.LockAccount(ctx, u.ID) }), want)
		_, err = tryWrite(db, func(s flow.Store) (user.User, error) { return s.LockAccount(ctx, "DU0") })
		fails(t, "lock unknown", err, user.ErrUnknown)
	})
}

func TestApplications(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		full := fill[application.Application]("a", func(a *application.Application) { a.Deleted = time.Time{}; a.Name = "b" })
		bare := application.Application{ID: "DI2", Name: "a", Type: application.TypeWebSDK, Created: noon}
		gone := application.Application{ID: "DI3", Name: "c", Created: noon, Deleted: at(time.Hour)}
		write(t, db, func(s flow.Store) error {
			for _, a := range []application.Application{full, bare, gone} {
				if err := s.CreateApplication(ctx, a); err != nil {
					return err
				}
			}
			return nil
		})
		for _, a := range []application.Application{full, bare, gone} {
			same(t, "by ID", got[application.Application](t)(db.Read().ApplicationByID(ctx, a.ID)), a)
		}
		same(t, "list", got[[]application.Application](t)(db.Read().Applications(ctx)), []application.Application{bare, full})
		same(t, "policies, but of what is gone", len(got[[]policy.Policy](t)(db.Read().PoliciesInUse(ctx))), 2)
		changed := full
		changed.Name, changed.RedirectURIs, changed.Policy, changed.Disabled = "z", nil, policy.Policy{NumberEntry: 4}, false
		write(t, db, func(s flow.Store) error { return s.SaveApplication(ctx, changed) })
		same(t, "saved", got[application.Application](t)(db.Read().ApplicationByID(ctx, full.ID)), changed)
		kept := changed
		changed.Replace([]byte("new"), []byte("old"), at(time.Hour))
		write(t, db, func(s flow.Store) error { return s.SaveApplication(ctx, changed) })
		same(t, "no secret is saved with the rest", got[application.Application](t)(db.Read().ApplicationByID(ctx, full.ID)), kept)
		replace := func(old []byte) bool {
			return took(t, db, application.ErrSecretChanged, func(s flow.Store) error { return s.ReplaceSecret(ctx, changed, old) })
		}
		same(t, "another secret than the present one", replace([]byte("x")), false)
		same(t, "replaced", replace(kept.Secret), true)
		same(t, "once", replace(kept.Secret), false)
		same(t, "secrets", got[application.Application](t)(db.Read().ApplicationByID(ctx, full.ID)), changed)
		fails(t, "save unknown", db.Write(ctx, func(s flow.Store) error { return s.SaveApplication(ctx, application.Application{ID: "DI0"}) }), application.ErrUnknown)
		_, err := db.Read().ApplicationByID(ctx, "DI0")
		fails(t, "unknown", err, application.ErrUnknown)

		spend := func(app, digest string) bool {
			return took(t, db, application.ErrSpent, func(s flow.Store) error { return s.SpendAssertion(ctx, app, []byte(digest), noon) })
		}
		same(t, "first", spend("DI2", "j"), true)
		same(t, "again", spend("DI2", "j"), false)
		same(t, "another application", spend("DI3", "j"), true)
		same(t, "too early to sweep", wrote(t, db, func(s flow.Store) (int64, error) { return s.SweepAssertions(ctx, noon) }), int64(0))
		same(t, "sweep", wrote(t, db, func(s flow.Store) (int64, error) { return s.SweepAssertions(ctx, at(time.Second)) }), int64(2))
	})
}

func TestBypassCodes(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		person(t, db, "DU1", "a")
		code := func(id string, uses int, expires time.Time) bypass.Code {
			return bypass.Code{ID: id, UserID: "DU1", Digest: []byte(id), UsesLeft: uses, Expires: expires, Created: noon, Creator: "c"}
		}
		one, ever, old, spent := code("DB1", 1, at(time.Hour)), code("DB2", bypass.Unlimited, time.Time{}), code("DB3", 1, at(-time.Hour)), code("DB4", 0, time.Time{})
		write(t, db, func(s flow.Store) error {
			for _, c := range []bypass.Code{one, ever, old, spent} {
				if err := s.CreateBypassCode(ctx, c); err != nil {
					return err
				}
			}
			return nil
		})
		same(t, "live", got[[]bypass.Code](t)(db.Read().LiveBypassCodes(ctx, "DU1", noon)), []bypass.Code{one, ever})
		spend := func(u, digest string) string {
			return wrote(t, db, func(s flow.Store) (string, error) {
				id, ok, err := s.SpendBypassCode(ctx, u, []byte(digest), noon)
				if ok != (id != "") {
					t.Errorf("spend %s: %q, %v", digest, id, ok)
				}
				return id, err
			})
		}
		same(t, "spend", spend("DU1", "DB1"), "DB1")
		same(t, "spend again", spend("DU1", "DB1"), "")
		same(t, "unlimited", spend("DU1", "DB2")+spend("DU1", "DB2"), "DB2DB2")
		same(t, "expired", spend("DU1", "DB3"), "")
		same(t, "another user", spend("DU2", "DB2"), "")
		same(t, "none", spend("DU2", ""), "")
		same(t, "delete counts the live", wrote(t, db, func(s flow.Store) (int64, error) { return s.DeleteBypassCodes(ctx, "DU1", noon) }), int64(1))
		same(t, "none is left", len(got[[]bypass.Code](t)(db.Read().LiveBypassCodes(ctx, "DU1", noon))), 0)
	})
}

func TestEnrollments(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		person(t, db, "DU1", "a")
		full := fill[enrollment.Link]("e", func(l *enrollment.Link) { l.UserID = "DU1" })
		open := enrollment.Link{ID: "DE1", UserID: "DU1", Digest: []byte("d1"), Created: noon, Expires: at(time.Hour)}
		ever := enrollment.Link{ID: "DE2", UserID: "DU1", Digest: []byte("d2"), Created: noon}
		old := enrollment.Link{ID: "DE3", UserID: "DU1", Digest: []byte("d3"), Created: noon, Expires: at(-time.Hour)}
		write(t, db, func(s flow.Store) error {
			for _, l := range []enrollment.Link{full, open, ever, old} {
				if err := s.CreateEnrollment(ctx, l); err != nil {
					return err
				}
			}
			return nil
		})
		by := func(d string) enrollment.Link {
			return got[enrollment.Link](t)(db.Read().EnrollmentByDigest(ctx, []byte(d)))
		}
		same(t, "full", by(string(full.Digest)), full)
		_, err := db.Read().EnrollmentByDigest(ctx, []byte("none"))
		fails(t, "unknown", err, enrollment.ErrInvalid)
		same(t, "open", got[[]enrollment.Link](t)(db.Read().OpenEnrollments(ctx, "DU1", noon)), []enrollment.Link{open, ever})
		same(t, "revoked", wrote(t, db, func(s flow.Store) (int64, error) { return s.RevokeEnrollments(ctx, "DU1", noon) }), int64(2))
		same(t, "when", by("d1").Revoked, noon)
		same(t, "an expired link stays expired", by("d3").Revoked.IsZero(), true)
		write(t, db, func(s flow.Store) error { return s.UseEnrollments(ctx, "DU1", at(time.Minute)) })
		same(t, "a revoked one is not used", by("d1").Used.IsZero(), true)
		same(t, "used", by("d3").Used, at(time.Minute))
		same(t, "none is open", len(got[[]enrollment.Link](t)(db.Read().OpenEnrollments(ctx, "DU1", noon))), 0)

		person(t, db, "DU2", "b")
		portal := enrollment.Link{ID: "DE4", UserID: "DU2", ApplicationID: "DI1", Epoch: 3, Digest: []byte("d4"), Created: noon, Expires: at(enrollment.PortalLife)}
		invited := enrollment.Link{ID: "DE5", UserID: "DU2", Digest: []byte("d5"), Created: noon, Expires: at(time.Hour)}
		ours := enrollment.Link{ID: "DE6", UserID: "DU1", ApplicationID: "DI1", Digest: []byte("d6"), Created: noon, Expires: at(time.Second)}
		write(t, db, func(s flow.Store) error {
			for _, l := range []enrollment.Link{portal, invited, ours} {
				if err := s.CreateEnrollment(ctx, l); err != nil {
					return err
				}
			}
			return nil
		})
		sweep := func(when time.Duration) int64 {
			return wrote(t, db, func(s flow.Store) (int64, error) { return s.SweepEnrollments(ctx, "DU2", at(when)) })
		}
		same(t, "swept too early", sweep(enrollment.PortalLife), int64(0))
		_, err = db.Read().EnrollmentByDigest(ctx, portal.Digest)
		same(t, "an application's link waits", err, nil)
		same(t, "swept", sweep(48*time.Hour), int64(1))
		_, err = db.Read().EnrollmentByDigest(ctx, portal.Digest)
		fails(t, "swept", err, enrollment.ErrInvalid)
		same(t, "an administrator's and others' stay", []string{by("d5").ID, by("d6").ID}, []string{"DE5", "DE6"})
	})
}

func TestOutbox(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		full := fill[outbox.Mail]("m", nil)
		mail := func(id string, due time.Duration) outbox.Mail {
			return outbox.Mail{ID: id, Kind: "k", To: "a@example.org", Subject: "s", Body: []byte("b"), Created: at(due), Due: at(due)}
		}
		write(t, db, func(s flow.Store) error {
			for _, m := range []outbox.Mail{full, mail("DM1", 0), mail("DM2", -time.Minute), mail("DM3", time.Hour)} {
				if err := s.EnqueueMail(ctx, m); err != nil {
					return err
				}
			}
			return nil
		})
		lease := func(now time.Time, n int) (ids []string) {
			for _, m := range wrote(t, db, func(s flow.Store) ([]outbox.Mail, error) { return s.LeaseMail(ctx, now, at(time.Minute), n) }) {
				same(t, "due of "+m.ID, m.Due, at(time.Minute))
				ids = append(ids, m.ID)
			}
			return ids
		}
		same(t, "first due first", lease(noon, 1), []string{"DM2"})
		same(t, "the rest", lease(noon, 10), []string{"DM1"})
		same(t, "all leased", lease(noon, 10), []string(nil))
		write(t, db, func(s flow.Store) error {
			if err := s.MailRetry(ctx, "DM1", at(time.Second), "busy"); err != nil {
				return err
			}
			return s.MailSent(ctx, "DM2", noon)
		})
		again := wrote(t, db, func(s flow.Store) ([]outbox.Mail, error) {
			return s.LeaseMail(ctx, at(time.Second), at(time.Minute), 10)
		})
		want := mail("DM1", 0)
		want.Due, want.Attempts, want.Error = at(time.Minute), 1, "busy"
		same(t, "retried", again, []outbox.Mail{want})
		count := func() (n int, e string) {
			n, e, err := db.Read().MailWaiting(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return n, e
		}
		n, e := count()
		same(t, "waiting", []any{n, e}, []any{2, "busy"})
		write(t, db, func(s flow.Store) error { return s.MailFailed(ctx, "DM1", noon, "no such box") })
		n, e = count()
		same(t, "waiting after giving up", []any{n, e}, []any{1, "no such box"})
		row := got[outbox.Mail](t)(one(ctx, db.engine.Reader(), errNone, mails, mails.from(`WHERE mail_id = $1`), full.ID))
		same(t, "full", row, full)
		row = got[outbox.Mail](t)(one(ctx, db.engine.Reader(), errNone, mails, mails.from(`WHERE mail_id = $1`), "DM2"))
		same(t, "a sent body is emptied", []any{row.Body, row.Sent}, []any{[]byte(nil), noon})
		same(t, "a sent mail keeps no address (D-22)", row.To, "")
	})
}

func TestRememberedBrowsers(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		person(t, db, "DU1", "a")
		person(t, db, "DU2", "b")
		create := func(id, userID, applicationID string, made time.Duration) remembered.Browser {
			b := remembered.Browser{ID: id, UserID: userID, ApplicationID: applicationID, Digest: []byte("digest " + id), Name: "Firefox on Linux",
				Created: at(made), Used: at(made), Expires: at(made + time.Hour)}
			write(t, db, func(s flow.Store) error { return s.CreateBrowser(ctx, b) })
			return b
		}
		find := func(id string) (remembered.Browser, bool) {
			b, found, err := db.Read().BrowserByDigest(ctx, []byte("digest "+id))
			if err != nil {
				t.Fatal(err)
			}
			return b, found
		}
		there := func(ids ...string) (out []bool) {
			for _, id := range ids {
				_, found := find(id)
				out = append(out, found)
			}
			return out
		}
		full := create("1", "DU1", "DI1", 0)
		twin := full
		twin.ID, twin.UserID = "twin", "DU2"
		write(t, db, func(s flow.Store) error { return s.CreateBrowser(ctx, twin) })
		b, found := find("1")
		same(t, "as made, and not made over", []any{b, found}, []any{full, true})
		same(t, "unknown", there("none"), []bool{false})

		use := func(id string, now time.Time) bool {
			return took(t, db, remembered.ErrForgotten, func(s flow.Store) error { return s.UseBrowser(ctx, id, now) })
		}
		same(t, "used", use("1", at(30*time.Minute)), true)
		same(t, "used by a slower clock", use("1", at(29*time.Minute)), true)
		b, _ = find("1")
		same(t, "last use", b.Used, at(30*time.Minute))
		same(t, "expired", use("1", at(time.Hour)), false)
		same(t, "none to use", use("none", noon), false)

		create("2", "DU1", "DI2", time.Minute)
		create("3", "DU2", "DI1", 2*time.Minute)
		create("4", "DU2", "DI2", 3*time.Minute)
		var names []string
		for _, b := range got[[]remembered.Browser](t)(db.Read().BrowsersOf(ctx, "DU1")) {
			names = append(names, b.ID+" "+b.Name)
		}
		same(t, "all of a user, newest first", names, []string{"2 Firefox on Linux", "1 Firefox on Linux"})
		write(t, db, func(s flow.Store) error { return s.ForgetBrowser(ctx, "4") })
		same(t, "one forgotten", there("1", "2", "3", "4"), []bool{true, true, true, false})
		forgetFor := func(before time.Time) int64 {
			return wrote(t, db, func(s flow.Store) (int64, error) { return s.ForgetBrowsersFor(ctx, "DI1", before) })
		}
		same(t, "older ones of an application", forgetFor(at(2*time.Minute)), int64(1))
		same(t, "the others stay", there("1", "2", "3"), []bool{false, true, true})
		same(t, "all of an application", forgetFor(time.Time{}), int64(1))
		same(t, "all of a user", wrote(t, db, func(s flow.Store) (int64, error) { return s.ForgetBrowsersOf(ctx, "DU1") }), int64(1))
		create("5", "DU1", "DI1", 0)
		sweep := func(now time.Time) int64 {
			return wrote(t, db, func(s flow.Store) (int64, error) { return s.SweepBrowsers(ctx, now) })
		}
		same(t, "not yet swept", sweep(at(time.Hour-time.Second)), int64(0))
		same(t, "swept", sweep(at(time.Hour)), int64(1))
	})
}

func TestSessions(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		person(t, db, "DU1", "a")
		full := fill[session.Session]("s", func(v *session.Session) {
			v.UserID, v.ChangesLeft, v.Proved, v.Seen, v.Expires = "DU1", 1, noon, noon, at(time.Hour)
		})
		other := full
		other.ID, other.Digest, other.ChangesLeft = "DS2", []byte("d2"), session.Unlimited
		write(t, db, func(s flow.Store) error {
			if err := s.CreateSession(ctx, full); err != nil {
				return err
			}
			return s.CreateSession(ctx, other)
		})
		same(t, "by ID", got[session.Session](t)(db.Read().SessionByID(ctx, full.ID)), full)
		touch := func(now time.Time) (session.Session, error) {
			return tryWrite(db, func(s flow.Store) (session.Session, error) { return s.TouchSession(ctx, full.Digest, now) })
		}
		v := got[session.Session](t)(touch(at(14 * time.Minute)))
		same(t, "seen", v.Seen, at(14*time.Minute))
		got[session.Session](t)(touch(at(28 * time.Minute)))
		_, err := touch(at(28*time.Minute + session.Idle))
		fails(t, "idle", err, session.ErrIdle)
		for m := 42; m < 60; m += 14 {
			got[session.Session](t)(touch(at(time.Duration(m) * time.Minute)))
		}
		_, err = touch(at(time.Hour))
		fails(t, "over", err, session.ErrIdle)

		spend := func(id string, since time.Time) bool {
			return wrote(t, db, func(s flow.Store) (bool, error) { return s.SpendChange(ctx, id, since) })
		}
		same(t, "proof too old", spend(full.ID, noon), false)
		same(t, "one change", spend(full.ID, at(-time.Second)), true)
		same(t, "no second", spend(full.ID, at(-time.Second)), false)
		for range 2 {
			same(t, "unlimited", spend(other.ID, at(-time.Second)), true)
		}
		by := account.Proof{Factor: "duo_push", Authenticator: "key", Epoch: 3}
		write(t, db, func(s flow.Store) error { return s.RenewSession(ctx, full.ID, by) })
		same(t, "renewed", got[session.Session](t)(db.Read().SessionByID(ctx, full.ID)).Proof, by)
		fails(t, "renew unknown", db.Write(ctx, func(s flow.Store) error { return s.RenewSession(ctx, "DS0", by) }), session.ErrIdle)

		write(t, db, func(s flow.Store) error { return s.EndSessions(ctx, "DU1", other.ID) })
		_, err = db.Read().SessionByID(ctx, full.ID)
		fails(t, "ended", err, session.ErrIdle)
		same(t, "not yet forgotten", wrote(t, db, func(s flow.Store) (int64, error) { return s.ForgetSessions(ctx, at(time.Hour)) }), int64(0))
		same(t, "forgotten", wrote(t, db, func(s flow.Store) (int64, error) { return s.ForgetSessions(ctx, at(2*time.Hour)) }), int64(1))
	})
}

func TestSettings(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		load := func() settings.Settings { return got[settings.Settings](t)(db.Read().LoadSettings(ctx)) }
		same(t, "defaults", load(), settings.Settings{}.WithDefaults())
		full := fill[settings.Settings]("s", nil)
		for range 2 {
			write(t, db, func(s flow.Store) error { return s.SaveSettings(ctx, full) })
			same(t, "saved", load(), full)
			load().Policy.Methods[0] = "changed by a caller"
			same(t, "still", load(), full)
			full.Organization = "other"
		}
		keep := func(v string) string {
			return string(wrote(t, db, func(s flow.Store) ([]byte, error) { return s.KeepSecret(ctx, "vapid", []byte(v)) }))
		}
		same(t, "first", keep("one"), "one")
		same(t, "second agrees", keep("two"), "one")
	})
}
