package sqlstore

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/domain/account"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/bypass"
	"countersign/internal/domain/login"
	"countersign/internal/domain/outbox"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
)

// race runs try from n callers at once and returns how many succeeded. An error in lost is that of a caller who did not.
func race(t *testing.T, db *DB, n int, try func(i int, s flow.Store) (bool, error), lost ...error) int {
	t.Helper()
	var won atomic.Int64
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Add(1)
		go func() {
			defer all.Done()
			<-start
			ok, err := tryWrite(db, func(s flow.Store) (bool, error) { return try(i, s) })
			if slices.ContainsFunc(lost, func(e error) bool { return errors.Is(err, e) }) {
				return
			}
			if err != nil {
				t.Error(err)
			} else if ok {
				won.Add(1)
			}
		}()
	}
	close(start)
	all.Wait()
	return int(won.Load())
}

func TestWhateverCanBeUsedUpIsUsedOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		person(t, db, "DU1", "a")
		write(t, db, func(s flow.Store) error {
			return errors.Join(
				s.CreateBypassCode(ctx, bypass.Code{ID: "DB1", UserID: "DU1", Digest: []byte("d"), UsesLeft: 1, Expires: at(time.Hour)}),
				s.CreatePhone(ctx, phone.Phone{ID: "DP1", UserID: "DU1", OTP: phone.OTP{Type: "hotp", Seed: []byte("seed"), Counter: 5}}),
				s.CreateActivation(ctx, activation.Activation{ID: "DV1", Expires: at(time.Hour)}),
				s.CreateLogin(ctx, login.Login{ID: "l", ApplicationID: "DI1", Stage: login.Open, Expires: at(time.Hour)}),
				s.CreateTransaction(ctx, transaction.Transaction{ID: "t", State: transaction.Pending, Expires: at(time.Hour)}),
				s.EnqueueMail(ctx, outbox.Mail{ID: "DM1"}),
			)
		})
		decided := func(err error, lost error) (bool, error) {
			if errors.Is(err, lost) {
				return false, nil
			}
			return err == nil, err
		}
		for what, try := range map[string]func(i int, s flow.Store) (bool, error){
			"last use of a bypass code": func(_ int, s flow.Store) (bool, error) {
				_, ok, err := s.SpendBypassCode(ctx, "DU1", []byte("d"), noon)
				return ok, err
			},
			"one passcode counter": func(_ int, s flow.Store) (bool, error) {
				return true, s.SpendPasscode(ctx, phone.Phone{ID: "DP1", OTP: phone.OTP{Seed: []byte("seed")}}, 6, noon)
			},
			"one activation": func(i int, s flow.Store) (bool, error) {
				return s.ClaimActivation(ctx, "DV1", "DU1", fmt.Sprint("DP", i), "", "", noon)
			},
			"one client assertion": func(_ int, s flow.Store) (bool, error) {
				return true, s.SpendAssertion(ctx, "DI1", []byte("jti"), noon)
			},
			"one decision": func(i int, s flow.Store) (bool, error) {
				to := []transaction.State{transaction.Approved, transaction.Denied, transaction.Fraud, transaction.Cancelled}[i%4]
				return true, s.DecideTransaction(ctx, "t", to, account.Proof{}, noon)
			},
			"one mail": func(_ int, s flow.Store) (bool, error) {
				m, err := s.LeaseMail(ctx, noon, at(time.Hour), 10)
				return len(m) > 0, err
			},
			"one username": func(i int, s flow.Store) (bool, error) {
				return decided(s.CreateUser(ctx, user.User{ID: fmt.Sprint("DUx", i), Username: "wanted", Status: user.Active}), user.ErrNameTaken)
			},
		} {
			if n := race(t, db, 24, try, phone.ErrCodeSpent, application.ErrSpent, transaction.ErrDecided); n != 1 {
				t.Errorf("%s: %d of 24 callers got it", what, n)
			}
		}
		for _, step := range []struct {
			what string
			try  func(i int, s flow.Store) (bool, error)
		}{
			{"one allowance", func(_ int, s flow.Store) (bool, error) { return true, s.AllowLogin(ctx, "l", login.Decision{}, noon) }},
			{"one good ticket of as many as were made", func(i int, s flow.Store) (bool, error) {
				ticket := fmt.Appendf(nil, "ticket %d", i)
				return true, errors.Join(s.FinishLogin(ctx, "l", ticket, at(time.Minute), noon), s.CollectGrant(ctx, ticket, "DI1", noon))
			}},
		} {
			if n := race(t, db, 24, step.try, login.ErrStale, login.ErrGrant); n != 1 {
				t.Errorf("%s: %d of 24 callers got it", step.what, n)
			}
		}
	})
}

func TestAHundredGuessesAtOnceGetTenAttempts(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		person(t, db, "DU1", "a")
		n := race(t, db, 100, func(_ int, s flow.Store) (bool, error) {
			_, err := s.ReserveAttempt(ctx, "DU1", 10)
			if errors.Is(err, user.ErrLocked) {
				return false, nil
			}
			return err == nil, err
		})
		if n != 10 {
			t.Errorf("%d attempts", n)
		}
	})
}

func TestWhatIsCountedUnderTheUsersLockStaysTrue(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		person(t, db, "DU1", "a")
		n := race(t, db, 30, func(i int, s flow.Store) (bool, error) {
			if _, err := s.LockAccount(ctx, "DU1"); err != nil {
				return false, err
			}
			open, _, err := s.CountTransactions(ctx, "DU1", noon)
			if err != nil || open >= 2 {
				return false, err
			}
			return true, s.CreateTransaction(ctx, transaction.Transaction{ID: fmt.Sprint(i), UserID: "DU1", State: transaction.Pending, Created: noon, Expires: at(time.Minute)})
		})
		if n != 2 {
			t.Errorf("%d requests are open, the limit is 2", n)
		}
	})
}

func TestNodesThatStartTogetherAgreeOnOneSecret(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		var kept sync.Map
		race(t, db, 16, func(i int, s flow.Store) (bool, error) {
			b, err := s.KeepSecret(ctx, "vapid", fmt.Append(nil, i))
			kept.Store(string(b), true)
			return true, err
		})
		n := 0
		kept.Range(func(any, any) bool { n++; return true })
		if n != 1 {
			t.Errorf("%d secrets", n)
		}
	})
}

// Two changes that take two rows in opposite order: PostgreSQL ends one, which is run again.
func TestADeadlockIsRunAgain(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		person(t, db, "DU1", "a")
		person(t, db, "DU2", "b")
		var met sync.WaitGroup
		met.Add(2)
		meet := func(first *bool) {
			if *first && db.Dialect() == PostgreSQL { // on SQLite changes never overlap
				*first = false
				met.Done()
				met.Wait()
			}
		}
		var all sync.WaitGroup
		for i, order := range [][2]string{{"DU1", "DU2"}, {"DU2", "DU1"}} {
			all.Add(1)
			go func() {
				defer all.Done()
				first := true
				err := db.Write(ctx, func(s flow.Store) error {
					if _, err := s.LockAccount(ctx, order[0]); err != nil {
						return err
					}
					meet(&first)
					if _, err := s.LockAccount(ctx, order[1]); err != nil {
						return err
					}
					return s.RemindSpare(ctx, order[0], noon)
				})
				if err != nil {
					t.Errorf("change %d: %v", i, err)
				}
			}()
		}
		all.Wait()
		for _, id := range []string{"DU1", "DU2"} {
			same(t, id, got[user.User](t)(db.Read().UserByID(ctx, id)).SpareReminders, 1)
		}
	})
}

// Groups on SQLite, transactions side by side on PostgreSQL: good and bad changes do not touch each other.
func TestABadChangeLeavesItsNeighborsIntact(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		const n = 120
		var all sync.WaitGroup
		failed := errors.New("on purpose")
		for i := range n {
			all.Add(1)
			go func() {
				defer all.Done()
				err := db.Write(ctx, func(s flow.Store) error {
					err := s.CreateUser(ctx, user.User{ID: fmt.Sprint("DU", i), Username: fmt.Sprint("u", i), Status: user.Active})
					if err != nil {
						return err
					}
					switch i % 4 {
					case 1:
						return failed
					case 2:
						panic("on purpose")
					case 3: // the database refuses a statement (no such user) and the change takes no notice
						_ = s.CreateBypassCode(ctx, bypass.Code{ID: fmt.Sprint(i), UserID: "nobody", Digest: []byte("x")})
					}
					return nil
				})
				if (err == nil) != (i%4 == 0) || (i%4 == 1 && !errors.Is(err, failed)) {
					t.Errorf("change %d: %v", i, err)
				}
			}()
		}
		all.Wait()
		for i := range n {
			_, err := db.Read().UserByID(ctx, fmt.Sprint("DU", i))
			if (err == nil) != (i%4 == 0) {
				t.Errorf("user %d: %v", i, err)
			}
		}
		names := got[int](t)(one(ctx, db.engine.Reader(), errNone, number, `SELECT COUNT(*) AS n FROM user_names`))
		same(t, "names", names, n/4)
	})
}

func TestAChangeThatEndsItsGoroutineDoesNotEndTheWriter(t *testing.T) {
	db := openTest(t, Options{Path: t.TempDir() + "/cs.db"})
	if err := db.Write(ctx, func(flow.Store) error { exitGoroutine(); return nil }); err == nil {
		t.Error("no error")
	}
	person(t, db, "DU1", "a")
	same(t, "user", got[user.User](t)(db.Read().UserByID(ctx, "DU1")).Username, "a")
}

// Whatever a change does next, it knows first what its conditional statements found.
func TestAChangeKnowsWhatItsConditionalStatementsFound(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		person(t, db, "DU1", "narroway")
		boom := errors.New("boom")
		for what, end := range map[string]func(s flow.Store, locked bool) error{
			"at its end":         func(flow.Store, bool) error { return nil },
			"with later ones":    func(s flow.Store, _ bool) error { return s.RemindSpare(ctx, "DU1", noon) },
			"at its next answer": func(s flow.Store, _ bool) error { _, err := s.UserByID(ctx, "DU1"); return err },
			"after an error": func(_ flow.Store, locked bool) error {
				if locked {
					return boom
				}
				return nil
			},
			"after a panic": func(_ flow.Store, locked bool) error {
				if locked {
					panic(boom)
				}
				return nil
			},
		} {
			var locked bool
			var marks int
			write(t, db, func(s flow.Store) (err error) {
				marks = 0
				if locked, err = s.LockOut(ctx, "DU0", noon); err != nil {
					return err
				}
				if locked { // of nobody
					if err := s.LogAction(ctx, audit.Action{ID: "DLX", Time: noon, Action: what}); err != nil {
						return err
					}
					marks++
				}
				return end(s, locked)
			})
			if locked || marks != 0 {
				t.Errorf("%s: the change went on as if a row had been found", what)
			}
		}
		same(t, "nothing logged", len(got[[]audit.Action](t)(db.Read().Actions(ctx, audit.Query{}))), 0)

		fails(t, "an error of its own", db.Write(ctx, func(s flow.Store) error {
			if _, err := s.LockOut(ctx, "DU1", noon); err != nil {
				return err
			}
			return boom
		}), boom)
		same(t, "rolled back", got[user.User](t)(db.Read().UserByID(ctx, "DU1")).Status, user.Active)
	})
}

// What comes after the statement that most changes end with is not lost without a word.
func TestAStatementAfterASnapshotIsWrittenOrFails(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		person(t, db, "DU1", "a")
		for what, after := range map[string]func(flow.Store){
			"one nobody waits for":       func(s flow.Store) { _ = s.RemindSpare(ctx, "DU1", noon) },
			"one that must find its row": func(s flow.Store) { _, _ = s.LockOut(ctx, "DU1", noon) },
			"one with an answer":         func(s flow.Store) { _, _ = s.MissPush(ctx, "DU1", 1, false, noon) },
		} {
			before := got[user.User](t)(db.Read().UserByID(ctx, "DU1"))
			err := db.Write(ctx, func(s flow.Store) error {
				_, _ = s.SnapshotByGrant(ctx, []byte("ticket"))
				after(s)
				return nil
			})
			if wrote := !reflect.DeepEqual(got[user.User](t)(db.Read().UserByID(ctx, "DU1")), before); wrote != (err == nil) {
				t.Errorf("%s: written %v, %v", what, wrote, err)
			}
		}
	})
}
