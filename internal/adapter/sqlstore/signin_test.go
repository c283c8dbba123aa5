package sqlstore

import (
	"errors"
	"testing"
	"time"

	"countersign/internal/domain/account"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow"
)

func TestPhonesAndKeys(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		person(t, db, "DU1", "a")
		full := fill[phone.Phone]("p", func(p *phone.Phone) { p.UserID = "DU1" })
		bare := phone.Phone{ID: "DP2", UserID: "DU1", Name: "two", Created: at(-time.Hour), Alerts: phone.AlertsOff}
		write(t, db, func(s flow.Store) error {
			if err := s.CreatePhone(ctx, full); err != nil {
				return err
			}
			return s.CreatePhone(ctx, bare)
		})
		byID := func(id string) phone.Phone { return got[phone.Phone](t)(db.Read().PhoneByID(ctx, id)) }
		same(t, "full", byID(full.ID), full)
		same(t, "oldest first", got[[]phone.Phone](t)(db.Read().PhonesOf(ctx, "DU1")), []phone.Phone{bare, full})
		_, err := db.Read().PhoneByID(ctx, "DP0")
		fails(t, "unknown", err, phone.ErrUnknown)
		write(t, db, func(s flow.Store) error { return s.RenamePhone(ctx, "DP2", "zwei") })
		fails(t, "rename unknown", db.Write(ctx, func(s flow.Store) error { return s.RenamePhone(ctx, "DP0", "") }), phone.ErrUnknown)

		// Bind, alerts on, bind another: the first key is replaced and its alerts are off.
		bind := func(id string, when time.Time) {
			t.Helper()
			p := phone.Phone{ID: "DP2", Platform: "iOS", Model: "M", Activated: when, OTP: phone.OTP{Type: "hotp", Seed: []byte(id), Counter: 3}, Instance: []byte("in " + id)}
			write(t, db, func(s flow.Store) error {
				return s.BindKey(ctx, p, phone.Key{ID: id, PhoneID: "DP2", UserID: "DU1", SPKI: []byte("spki" + id), Created: when})
			})
		}
		key := func(id string) phone.Key { return got[phone.Key](t)(db.Read().KeyByID(ctx, id)) }
		bind("k1", noon)
		same(t, "key", key("k1"), phone.Key{ID: "k1", PhoneID: "DP2", UserID: "DU1", SPKI: []byte("spkik1"), State: phone.KeyActive, Created: noon})
		write(t, db, func(s flow.Store) error {
			return s.SaveSubscription(ctx, "DP2", "k1", []byte("sub"), []byte("there"), phone.AlertsOn)
		})
		write(t, db, func(s flow.Store) error {
			return s.SaveSubscription(ctx, "DP2", "k1", []byte("sub"), nil, phone.AlertsOn)
		})
		write(t, db, func(s flow.Store) error { return s.DropSubscription(ctx, "DP2", []byte("an older one")) })
		write(t, db, func(s flow.Store) error { return s.TouchPhone(ctx, "DP2", false, at(time.Second)) })
		write(t, db, func(s flow.Store) error { return s.TouchPhone(ctx, "DP2", true, at(2*time.Second)) })
		write(t, db, func(s flow.Store) error { return s.SaveResync(ctx, "DP2", 40, 2, noon) })
		want := phone.Phone{ID: "DP2", UserID: "DU1", Name: "zwei", Platform: "iOS", Model: "M", Created: at(-time.Hour), KeyID: "k1", Key: []byte("spkik1"),
			Activated: noon, OTP: phone.OTP{Type: "hotp", Seed: []byte("k1"), Counter: 3, ResyncNext: 40, ResyncCount: 2, ResyncSince: noon},
			Subscription: []byte("sub"), Alerts: phone.AlertsOn, LastSeen: at(2 * time.Second), LastUsed: at(2 * time.Second),
			Instance: []byte("in k1"), Endpoint: []byte("there")}
		same(t, "bound", byID("DP2"), want)

		spend := func(next int64) bool {
			return took(t, db, phone.ErrCodeSpent, func(s flow.Store) error { return s.SpendPasscode(ctx, want, next, at(3*time.Second)) })
		}
		same(t, "code", spend(5), true)
		same(t, "same code", spend(5), false)
		same(t, "earlier code", spend(4), false)
		same(t, "later code checked against an earlier counter", spend(7), true)
		want.OTP = phone.OTP{Type: "hotp", Seed: []byte("k1"), Counter: 7}
		want.LastUsed = at(3 * time.Second)
		same(t, "spent", byID("DP2"), want)

		advance := func(id string, n int64) bool {
			return took(t, db, phone.ErrCounter, func(s flow.Store) error { return s.AdvanceAnswerCounter(ctx, id, n) })
		}
		same(t, "first answer", advance("k1", 1), true)
		same(t, "counter must grow", advance("k1", 1), false)

		confirm := func(id string, when time.Time) {
			write(t, db, func(s flow.Store) error { return s.ConfirmKey(ctx, id, when) })
		}
		confirm("k1", at(time.Second))
		confirm("k1", at(time.Minute))
		same(t, "first call", key("k1").Confirmed, at(time.Second))

		bind("k2", at(time.Minute))
		same(t, "another storage", []any{byID("DP2").Instance, byID("DP2").Endpoint}, []any{[]byte("in k2"), []byte(nil)})
		confirm("k1", at(time.Minute))
		same(t, "a dead key confirms nothing more", key("k1").Confirmed, at(time.Second))
		same(t, "replaced", []any{key("k1").State, key("k1").Ended}, []any{phone.KeyReplaced, at(time.Minute)})
		same(t, "alerts are off", []any{byID("DP2").Subscription, byID("DP2").Alerts}, []any{[]byte(nil), phone.AlertsOff})
		same(t, "a dead key subscribes nothing", took(t, db, phone.ErrReplaced, func(s flow.Store) error {
			return s.SaveSubscription(ctx, "DP2", "k1", []byte("late"), []byte("late"), phone.AlertsOn)
		}), false)
		same(t, "alerts are still off", byID("DP2").Subscription, []byte(nil))
		same(t, "a dead key answers nothing", advance("k1", 9), false)
		same(t, "a code checked before the new pairing", spend(8), false)
		fails(t, "a key bound twice", db.Write(ctx, func(s flow.Store) error {
			return s.BindKey(ctx, bare, phone.Key{ID: "k1", UserID: "DU1", Created: noon})
		}), errKeyBound)
		same(t, "still bound", byID("DP2").KeyID, "k2")

		write(t, db, func(s flow.Store) error { return s.UnbindKey(ctx, "DP2", phone.KeyCopied, at(time.Hour)) })
		same(t, "copied", key("k2").State, phone.KeyCopied)
		p := byID("DP2")
		same(t, "no app", []any{p.Connected(), p.OTP, p.Activated.IsZero(), p.Model, p.Instance}, []any{false, phone.OTP{}, true, "M", []byte(nil)})
		same(t, "no code without an app", spend(9), false)

		bind("k3", at(2*time.Hour))
		remove := func(u string) bool {
			return wrote(t, db, func(s flow.Store) (bool, error) { return s.DeletePhone(ctx, "DP2", u, at(3*time.Hour)) })
		}
		same(t, "another's phone", remove("DU2"), false)
		same(t, "removed", remove("DU1"), true)
		same(t, "removed already", remove("DU1"), false)
		same(t, "its key stays on record", []any{key("k3").State, key("k3").Ended}, []any{phone.KeyRemoved, at(3 * time.Hour)})
		same(t, "earlier states stay", key("k1").State, phone.KeyReplaced)
		_, err = db.Read().KeyByID(ctx, "k0")
		fails(t, "unknown key", err, phone.ErrUnknown)
	})
}

func TestLogins(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		full := fill[login.Login]("l", nil)
		write(t, db, func(s flow.Store) error { return s.CreateLogin(ctx, full) })
		same(t, "full", got[login.Login](t)(db.Read().LoginByID(ctx, full.ID)), full)
		_, err := db.Read().LoginByID(ctx, "none")
		fails(t, "unknown", err, login.ErrStale)

		create := func(id string) {
			write(t, db, func(s flow.Store) error {
				return s.CreateLogin(ctx, login.Login{ID: id, ApplicationID: "DI1", Stage: login.Open, Enrolling: true, Created: noon, Expires: at(time.Hour)})
			})
		}
		read := func(id string) login.Login { return got[login.Login](t)(db.Read().LoginByID(ctx, id)) }
		ok := func(f func(flow.Store) error) bool { t.Helper(); return took(t, db, login.ErrStale, f) }
		create("1")
		write(t, db, func(s flow.Store) error { return s.BumpLogin(ctx, "1") })
		write(t, db, func(s flow.Store) error { return s.ShowTransaction(ctx, "1", "t1", false) })
		write(t, db, func(s flow.Store) error { return s.EnrollLogin(ctx, "1", "DU1", "t2") })
		l := read("1")
		same(t, "enrolled", []any{l.Version, l.UserID, l.TransactionID, l.Enrolling}, []any{int64(3), "DU1", "t2", false})
		fails(t, "enroll unknown", db.Write(ctx, func(s flow.Store) error { return s.EnrollLogin(ctx, "0", "", "") }), login.ErrStale)

		pushed := account.Proof{Factor: "duo_push", Authenticator: "key", Epoch: 7}
		proof := login.Decision{Proof: pushed, Reason: "user_approved", PhoneID: "DP1"}
		same(t, "not finished before allowed", ok(func(s flow.Store) error {
			return s.FinishLogin(ctx, "1", []byte("x"), at(time.Hour), noon)
		}), false)
		same(t, "too late", ok(func(s flow.Store) error { return s.AllowLogin(ctx, "1", proof, at(time.Hour)) }), false)
		same(t, "allowed", ok(func(s flow.Store) error { return s.AllowLogin(ctx, "1", proof, at(time.Minute)) }), true)
		same(t, "once", ok(func(s flow.Store) error { return s.AllowLogin(ctx, "1", proof, at(time.Minute)) }), false)
		l = read("1")
		same(t, "as allowed", []any{l.Stage, l.Factor, l.Proof, l.Reason, l.PhoneID, l.DecidedAt, l.Version},
			[]any{login.Allowed, "duo_push", pushed, "user_approved", "DP1", at(time.Minute), int64(4)})
		show := func(id string, manage bool) bool {
			return ok(func(s flow.Store) error { return s.ShowTransaction(ctx, id, "t2", manage) })
		}
		same(t, "a request to sign in, or for the devices, once allowed", []bool{show("1", false), show("1", true), show("0", true)}, []bool{false, true, false})
		write(t, db, func(s flow.Store) error { return s.BumpLogin(ctx, "1") })

		choose := func(id string, yes bool, now time.Time) bool {
			return ok(func(s flow.Store) error { return s.ChooseRemember(ctx, id, yes, now) })
		}
		same(t, "chosen", choose("1", true, noon), true)
		same(t, "as chosen, and nobody waits for it", []any{read("1").Remember, read("1").Version}, []any{true, int64(6)})
		same(t, "chosen otherwise", []bool{choose("1", false, noon), read("1").Remember}, []bool{true, false})
		same(t, "not when over or unknown", []bool{choose("1", true, at(time.Hour)), choose("0", true, noon)}, []bool{false, false})

		extend := func(id string, until, now time.Time) bool {
			return wrote(t, db, func(s flow.Store) (bool, error) { return s.ExtendLogin(ctx, id, until, now) })
		}
		same(t, "not when over, unknown or no later", []bool{extend("1", at(2*time.Hour), at(time.Hour)), extend("0", at(2*time.Hour), noon),
			extend("1", at(time.Hour), noon)}, []bool{false, false, false})
		same(t, "extended", []any{extend("1", at(61*time.Minute), at(59*time.Minute)), read("1").Expires}, []any{true, at(61 * time.Minute)})

		same(t, "manage", ok(func(s flow.Store) error { return s.ProveManage(ctx, "1", login.Decision{Proof: pushed}, noon) }), true)
		take := func(since time.Time) account.Proof {
			return wrote(t, db, func(s flow.Store) (account.Proof, error) {
				p, _, err := s.TakeManageProof(ctx, "1", since)
				return p, err
			})
		}
		same(t, "too old", take(noon), account.Proof{})
		same(t, "taken", take(at(-time.Second)), pushed)
		same(t, "once", take(at(-time.Second)), account.Proof{})
		renewed := account.Proof{Factor: "duo_push", Authenticator: "other", Epoch: 7}
		write(t, db, func(s flow.Store) error { return s.RenewLogin(ctx, "1", renewed, account.Proof{}) })
		same(t, "renewed", []account.Proof{read("1").Proof, read("1").Manage}, []account.Proof{renewed, {}})
		fails(t, "renew unknown", db.Write(ctx, func(s flow.Store) error { return s.RenewLogin(ctx, "0", renewed, renewed) }), login.ErrStale)
		write(t, db, func(s flow.Store) error { return s.AnswerSpare(ctx, "1") })
		write(t, db, func(s flow.Store) error { return s.AnswerRecovery(ctx, "1") })
		same(t, "answered", read("1").SpareAsked && read("1").RecoveryAsked, true)

		finish := func() bool {
			return ok(func(s flow.Store) error {
				return s.FinishLogin(ctx, "1", []byte("ticket"), at(5*time.Minute), noon)
			})
		}
		same(t, "finished", finish(), true)
		same(t, "finished again before it is collected", finish(), true)
		same(t, "no more time when finished", extend("1", at(3*time.Hour), noon), false)
		same(t, "no proof when finished", ok(func(s flow.Store) error {
			return s.ProveManage(ctx, "1", login.Decision{Proof: account.Proof{Factor: "x"}}, noon)
		}), false)
		collect := func(ticket, app string, now time.Time) error {
			return db.Write(ctx, func(s flow.Store) error { return s.CollectGrant(ctx, []byte(ticket), app, now) })
		}
		fails(t, "another application", collect("ticket", "DI2", noon), login.ErrGrant)
		fails(t, "unknown ticket", collect("other", "DI1", noon), login.ErrGrant)
		fails(t, "no ticket", collect("", "DI1", noon), login.ErrGrant)
		fails(t, "expired ticket", collect("ticket", "DI1", at(5*time.Minute)), login.ErrGrant)
		if err := collect("ticket", "DI1", noon); err != nil {
			t.Error(err)
		}
		fails(t, "used ticket", collect("ticket", "DI1", noon), login.ErrGrant)
		same(t, "no ticket after the one collected", finish(), false)

		write(t, db, func(s flow.Store) error {
			return s.CreateLogin(ctx, login.Login{ID: "2", ApplicationID: "DI1", Stage: login.Refused, Reason: "locked_out", Created: noon, Expires: at(time.Hour)})
		})
		same(t, "refused reason", []any{read("2").Stage, read("2").Reason}, []any{login.Refused, "locked_out"})
		same(t, "not allowed any more", ok(func(s flow.Store) error { return s.AllowLogin(ctx, "2", proof, noon) }), false)
		same(t, "no proof when refused", ok(func(s flow.Store) error {
			return s.ProveManage(ctx, "2", login.Decision{Proof: account.Proof{Factor: "x"}}, noon)
		}), false)
		same(t, "forgotten", wrote(t, db, func(s flow.Store) (int64, error) { return s.ForgetLogins(ctx, at(2*time.Hour)) }), int64(3))
	})
}

func TestTransactions(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		full := fill[transaction.Transaction]("t", nil)
		write(t, db, func(s flow.Store) error { return s.CreateTransaction(ctx, full) })
		same(t, "full", got[transaction.Transaction](t)(db.Read().TransactionByID(ctx, full.ID)), full)
		_, err := db.Read().TransactionByID(ctx, "none")
		fails(t, "unknown", err, transaction.ErrUnknown)
		write(t, db, func(s flow.Store) error { return s.ExplainTransaction(ctx, full.ID, "duo_push", "no_response") })
		full.Factor, full.Reason = "duo_push", "no_response"
		same(t, "explained", got[transaction.Transaction](t)(db.Read().TransactionByID(ctx, full.ID)), full)

		create := func(id, u, p, l string, created time.Duration) {
			write(t, db, func(s flow.Store) error {
				return s.CreateTransaction(ctx, transaction.Transaction{ID: id, UserID: u, PhoneID: p, LoginID: l, State: transaction.Pending,
					Created: at(created), Expires: at(created + time.Minute)})
			})
		}
		ids := func(all []transaction.Transaction, err error) (out []string) {
			t.Helper()
			for _, x := range got[[]transaction.Transaction](t)(all, err) {
				out = append(out, x.ID)
			}
			return out
		}
		for i, d := range []time.Duration{-90 * time.Second, -30 * time.Second, 0, time.Second} {
			create(string(rune('a'+i)), "DU1", "DP1", "L"+string(rune('a'+i)), d)
		}
		create("z", "DU2", "DP2", "Lz", -2*time.Hour)
		same(t, "on the phone", ids(db.Read().OpenTransactionsOn(ctx, "DP1", noon)), []string{"b", "c", "d"})
		same(t, "of the user", ids(db.Read().OpenTransactionsOf(ctx, "DU1", "", "")), []string{"a", "b", "c", "d"})
		same(t, "of a sign-in", ids(db.Read().OpenTransactionsOf(ctx, "", "Lc", "")), []string{"c"})
		same(t, "of a phone", ids(db.Read().OpenTransactionsOf(ctx, "", "", "DP2")), []string{"z"})
		same(t, "of nobody", ids(db.Read().OpenTransactionsOf(ctx, "", "", "")), []string(nil))
		same(t, "overdue", ids(db.Read().OverdueTransactions(ctx, "", noon, 10)), []string{"z", "a"})
		same(t, "overdue of a user", ids(db.Read().OverdueTransactions(ctx, "DU1", noon, 10)), []string{"a"})
		same(t, "overdue, limited", ids(db.Read().OverdueTransactions(ctx, "", noon, 1)), []string{"z"})

		report := func(id string) error {
			return db.Write(ctx, func(s flow.Store) error { return s.ReportTransaction(ctx, id, at(time.Second)) })
		}
		fails(t, "reported once", errors.Join(report("b"), report("b")), transaction.ErrDecided)
		same(t, "reported", got[transaction.Transaction](t)(db.Read().TransactionByID(ctx, "b")).Reported, at(time.Second))

		decide := func(id string, to transaction.State) error {
			err := db.Write(ctx, func(s flow.Store) error {
				return s.DecideTransaction(ctx, id, to, account.Proof{Factor: "x", Epoch: 2}, noon)
			})
			if x, _ := db.Read().TransactionByID(ctx, id); err == nil && (x.State != to || x.Decided != noon || x.Proof != (account.Proof{Factor: "x", Epoch: 2}) || x.ID != id) {
				t.Errorf("decided %s: %+v", id, x)
			}
			return err
		}
		fails(t, "approve too late", decide("a", transaction.Approved), transaction.ErrDecided)
		fails(t, "deny too late", decide("a", transaction.Fraud), transaction.ErrDecided)
		fails(t, "time out too early", decide("b", transaction.TimedOut), transaction.ErrDecided)
		fails(t, "unknown", decide("none", transaction.Approved), transaction.ErrDecided)
		for id, to := range map[string]transaction.State{"a": transaction.TimedOut, "b": transaction.Approved, "c": transaction.WrongNumber, "z": transaction.Cancelled} {
			if err := decide(id, to); err != nil {
				t.Errorf("%s to %s: %v", id, to, err)
			}
			fails(t, "a final state stays", decide(id, transaction.Denied), transaction.ErrDecided)
		}
		for phone, since := range map[string]time.Duration{"DP1": -30 * time.Second, "DP2": -2 * time.Hour, "": -time.Hour} {
			answered, err := db.Read().AnsweredSince(ctx, phone, at(since))
			same(t, "answered on "+phone, []any{answered, err}, []any{phone == "DP1", nil})
		}
		late, err := db.Read().AnsweredSince(ctx, "DP1", noon)
		same(t, "answered after the last", []any{late, err}, []any{false, nil})
		open, missed, err := db.Read().CountTransactions(ctx, "DU1", at(-10*time.Minute))
		same(t, "counts", []any{open, missed, err}, []any{1, 2, nil})
		open, missed, err = db.Read().CountTransactions(ctx, "DU1", at(-time.Second))
		same(t, "counts since", []any{open, missed, err}, []any{1, 1, nil})

		write(t, db, func(s flow.Store) error { return s.MarkDelivery(ctx, "d", at(1), time.Time{}, true) })
		write(t, db, func(s flow.Store) error { return s.MarkDelivery(ctx, "d", time.Time{}, at(time.Second), false) })
		write(t, db, func(s flow.Store) error { return s.MarkDelivery(ctx, "d", at(time.Second), time.Time{}, true) })
		x := got[transaction.Transaction](t)(db.Read().TransactionByID(ctx, "d"))
		same(t, "delivery", []any{x.Delivered, x.Fetched, x.Unreachable}, []any{at(time.Second), at(time.Second), true})
		same(t, "forgotten", wrote(t, db, func(s flow.Store) (int64, error) { return s.ForgetTransactions(ctx, at(time.Hour)) }), int64(5))
		same(t, "a pending one stays", ids(db.Read().OpenTransactionsOf(ctx, "DU1", "", "")), []string{"d"})
	})
}

func TestActivations(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		full := fill[activation.Activation]("v", nil)
		write(t, db, func(s flow.Store) error { return s.CreateActivation(ctx, full) })
		same(t, "by ID", got[activation.Activation](t)(db.Read().ActivationByID(ctx, full.ID)), full)
		same(t, "by link", got[activation.Activation](t)(db.Read().ActivationByDigest(ctx, full.LinkDigest)), full)
		same(t, "by typed code", got[activation.Activation](t)(db.Read().ActivationByDigest(ctx, full.TypedDigest)), full)
		_, err := db.Read().ActivationByID(ctx, "none")
		fails(t, "unknown", err, activation.ErrExpired)
		for _, d := range [][]byte{nil, {}, []byte("none")} {
			_, err = db.Read().ActivationByDigest(ctx, d)
			fails(t, "unknown digest", err, activation.ErrExpired)
		}

		create := func(id string, change func(*activation.Activation)) {
			a := activation.Activation{ID: id, Purpose: activation.Enroll, LinkDigest: []byte("l" + id), Created: noon, Expires: at(time.Hour)}
			change(&a)
			write(t, db, func(s flow.Store) error { return s.CreateActivation(ctx, a) })
		}
		create("1", func(a *activation.Activation) { a.LoginID = "L" })
		create("2", func(a *activation.Activation) { a.LoginID, a.Created = "L", at(time.Second) })
		create("3", func(a *activation.Activation) { a.LoginID, a.Created, a.Mailed = "L", at(2*time.Second), true })
		create("4", func(a *activation.Activation) { a.SessionID, a.PhoneID, a.Purpose = "S", "DP1", activation.Reactivate })
		create("5", func(a *activation.Activation) { a.SessionID, a.PhoneID, a.Purpose = "S", "DP2", activation.Reactivate })
		create("6", func(a *activation.Activation) { a.UserID = "DU1" })
		create("7", func(a *activation.Activation) { a.SessionID, a.Origin = "S7", "L" })
		create("8", func(a *activation.Activation) { a.LoginID, a.Origin = "L8", "L" })
		mailed, err := db.Read().CountMailedActivations(ctx, "L", "", noon)
		same(t, "mailed", []any{mailed, err}, []any{1, nil})
		list := func(l, s string, since time.Time) (out []string) {
			for _, a := range got[[]activation.Activation](t)(db.Read().ActivationsOf(ctx, l, s, since)) {
				out = append(out, a.ID)
			}
			return out
		}
		same(t, "of the sign-in", list("L", "", at(time.Second)), []string{"3", "2"})
		same(t, "of the session", list("", "S", noon), []string{"5", "4"})

		claim := func(id string, now time.Time) bool {
			return wrote(t, db, func(s flow.Store) (bool, error) {
				return s.ClaimActivation(ctx, id, "DU1", "DP9", "bound"+id, "key"+id, now)
			})
		}
		same(t, "too late", claim("1", at(time.Hour)), false)
		same(t, "claimed", claim("1", noon), true)
		same(t, "once", claim("1", noon), false)
		a := got[activation.Activation](t)(db.Read().ActivationByID(ctx, "1"))
		same(t, "bound", []any{a.UserID, a.PhoneID, a.Claimed}, []any{"DU1", "DP9", noon})

		same(t, "claimed later", claim("7", at(time.Second)), true)
		from := got[[]activation.Activation](t)(db.Read().ClaimedFrom(ctx, "L"))
		same(t, "claimed from a sign-in", []any{len(from), from[0].ID, from[0].PhoneID, from[0].KeyID}, []any{1, "7", "DP9", "bound7"})
		same(t, "claimed by", got[[]activation.Activation](t)(db.Read().ClaimedBy(ctx, "key7")), from)
		same(t, "claimed by none", len(got[[]activation.Activation](t)(db.Read().ClaimedBy(ctx, ""))), 0)
		same(t, "claimed from none", len(got[[]activation.Activation](t)(db.Read().ClaimedFrom(ctx, ""))), 0)

		dead := func() (out string) {
			for _, id := range []string{"1", "2", "3", "4", "5", "6"} {
				if !got[activation.Activation](t)(db.Read().ActivationByID(ctx, id)).Superseded.IsZero() {
					out += id
				}
			}
			return out
		}
		write(t, db, func(s flow.Store) error { return s.SupersedeActivations(ctx, "", "", "", "", noon) })
		same(t, "of nothing", dead(), "")
		write(t, db, func(s flow.Store) error { return s.SupersedeActivations(ctx, "L", "", "", "3", noon) })
		same(t, "of the sign-in but one; a claimed one stays", dead(), "2")
		write(t, db, func(s flow.Store) error { return s.SupersedeActivations(ctx, "", "S", "DP1", "5", noon) })
		same(t, "of session or phone", dead(), "24")
		write(t, db, func(s flow.Store) error { return s.SupersedeUserActivations(ctx, "DU1", noon) })
		same(t, "of the user", dead(), "246")
		same(t, "a superseded one is not claimed", claim("2", noon), false)
	})
}

func TestTheRecord(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		full := fill[audit.Authentication]("r", nil)
		action := audit.Action{ID: "DL2", Time: noon, Actor: audit.CommandLine, Action: "user_create", Object: "narroway", Description: map[string]any{"a": "b", "n": 1.0}}
		write(t, db, func(s flow.Store) error {
			if err := s.LogAuthentication(ctx, full); err != nil {
				return err
			}
			for i := range 5 {
				a := audit.Authentication{ID: "DL" + string("zyabc"[i]), Time: at(time.Hour + time.Duration(i/2)*time.Second), Username: "narroway", Result: audit.Success}
				a.Application.ID = "DI" + string(rune('0'+i%2))
				if i == 4 {
					a.Result = audit.Fraud
				}
				if err := s.LogAuthentication(ctx, a); err != nil {
					return err
				}
			}
			if err := s.LogAction(ctx, action); err != nil {
				return err
			}
			return s.LogAction(ctx, audit.Action{ID: "DL3", Time: at(time.Second), Actor: audit.ByPerson("DU1", "narroway"), Action: "phone_update", Object: "DP1"})
		})
		same(t, "full", got[[]audit.Authentication](t)(db.Read().Authentications(ctx, audit.Query{User: full.Username})), []audit.Authentication{full})
		page := func(q audit.Query) (out string, last audit.Authentication) {
			for _, a := range got[[]audit.Authentication](t)(db.Read().Authentications(ctx, q)) {
				out, last = out+a.ID[2:3], a
			}
			return out, last
		}
		ids, last := page(audit.Query{User: "narroway", Limit: 2})
		same(t, "newest first, in the order of writing", ids, "cb")
		ids, last = page(audit.Query{User: "narroway", Limit: 2, BeforeTime: last.Time, BeforeID: last.ID})
		same(t, "next page", ids, "ay")
		ids, _ = page(audit.Query{User: "narroway", Limit: 2, BeforeTime: last.Time, BeforeID: last.ID})
		same(t, "last page", ids, "z")
		ids, _ = page(audit.Query{Application: "DI1"})
		same(t, "application", ids, "by")
		ids, _ = page(audit.Query{Result: audit.Fraud})
		same(t, "result", ids, "c")
		ids, _ = page(audit.Query{Since: at(time.Hour + time.Second), Until: at(time.Hour + 2*time.Second)})
		same(t, "period", ids, "ba")

		actions := got[[]audit.Action](t)(db.Read().Actions(ctx, audit.Query{}))
		same(t, "actions", actions, []audit.Action{{ID: "DL3", Time: at(time.Second), Actor: audit.ByPerson("DU1", "narroway"), Action: "phone_update", Object: "DP1"}, action})
		same(t, "of an actor or object", len(got[[]audit.Action](t)(db.Read().Actions(ctx, audit.Query{User: "narroway"}))), 2)
		same(t, "of an object", len(got[[]audit.Action](t)(db.Read().Actions(ctx, audit.Query{Application: "DP1"}))), 1)
	})
}
