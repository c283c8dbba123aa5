package sqlstore

import (
	"errors"
	"testing"
	"time"

	"countersign/internal/domain/application"
	"countersign/internal/domain/bypass"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
)

func TestASnapshotIsTheLoginWithAllThatBelongsToIt(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		app := application.Application{ID: "DI1", Name: "Wiki", Type: application.TypeWebSDK, SelfService: true,
			RedirectURIs: []string{"https://a.example/"}, Policy: policy.Policy{RememberDays: 3}, Created: noon}
		person := user.User{ID: "DU1", Username: "alice", Email: "alice@example.edu", Status: user.Active, Created: noon, Salt: []byte("salt")}
		write(t, db, func(s flow.Store) error {
			if err := s.CreateApplication(ctx, app); err != nil {
				return err
			}
			if err := s.CreateUser(ctx, person); err != nil {
				return err
			}
			if err := s.SaveSettings(ctx, settings.Settings{Organization: "Northfield"}); err != nil {
				return err
			}
			for n, id := range []string{"DP2", "DP1"} { // of one moment: then by ID
				if err := s.CreatePhone(ctx, phone.Phone{ID: id, UserID: "DU1", Name: "Phone", Created: at(-time.Duration(n/2) * time.Hour)}); err != nil {
					return err
				}
			}
			if err := s.CreatePhone(ctx, phone.Phone{ID: "DP0", UserID: "DU1", Name: "Later", Created: at(time.Hour)}); err != nil {
				return err
			}
			for id, owner := range map[string]string{"of-alice": "DU1", "of-nobody-yet": ""} {
				if err := s.CreateLogin(ctx, login.Login{ID: id, ApplicationID: "DI1", UserID: owner, Username: "alice", Stage: login.Open,
					Version: 1, Created: noon, Expires: at(login.Life)}); err != nil {
					return err
				}
			}
			return s.CreateLogin(ctx, login.Login{ID: "astray", ApplicationID: "DI9", Stage: login.Open, Version: 1})
		})
		v := got[flow.Snapshot](t)(db.Read().SnapshotByLogin(ctx, "of-alice"))
		same(t, "login", v.Login, got[login.Login](t)(db.Read().LoginByID(ctx, "of-alice")))
		same(t, "application", v.Application, got[application.Application](t)(db.Read().ApplicationByID(ctx, "DI1")))
		same(t, "user", v.User, got[user.User](t)(db.Read().UserByID(ctx, "DU1")))
		same(t, "settings", v.Settings, got[settings.Settings](t)(db.Read().LoadSettings(ctx)))
		same(t, "phones", v.Phones, got[[]phone.Phone](t)(db.Read().PhonesOf(ctx, "DU1")))
		same(t, "three", len(v.Phones), 3)
		same(t, "no codes", v.Codeless, true)
		for name, read := range map[string]func() (flow.Snapshot, error){
			"by name": func() (flow.Snapshot, error) { return db.Read().SnapshotByName(ctx, "alice") },
			"by user": func() (flow.Snapshot, error) { return db.Read().SnapshotByAccount(ctx, "DU1") },
		} {
			same(t, name, got[flow.Snapshot](t)(read()), flow.Snapshot{User: v.User, Phones: v.Phones, Codeless: true, Settings: v.Settings})
		}
		there := flow.Snapshot{Application: v.Application, User: v.User, Phones: v.Phones, Codeless: true, Settings: v.Settings}
		same(t, "at an application", got[flow.Snapshot](t)(db.Read().SnapshotAt(ctx, "DU1", "DI1")), there)
		same(t, "locked", wrote(t, db, func(s flow.Store) (flow.Snapshot, error) { return s.LockAt(ctx, "DU1", "DI1") }), there)
		same(t, "rules at an application", got[flow.Rules](t)(db.Read().RulesAt(ctx, "DU1", "DI1")),
			flow.Rules{Epoch: v.User.Epoch, Application: v.Application, Settings: v.Settings})
		for _, missing := range [][2]string{{"DU9", "DI1"}, {"DU1", "DI9"}} {
			_, err := db.Read().SnapshotAt(ctx, missing[0], missing[1])
			fails(t, "at nothing", err, user.ErrUnknown)
			_, err = db.Read().RulesAt(ctx, missing[0], missing[1])
			fails(t, "rules of nothing", err, user.ErrUnknown)
		}
		request := transaction.Transaction{ID: "t", UserID: "DU1", Username: "alice", ApplicationID: "DI1", PhoneID: "DP1", LoginID: "of-alice",
			State: transaction.Pending, IP: "192.0.2.1", Created: noon, Expires: at(time.Minute)}
		direct, lost, orphan := request, request, request
		direct.ID, direct.LoginID, lost.ID, lost.ApplicationID, orphan.ID, orphan.UserID = "direct", "", "lost", "DI9", "orphan", "DU9"
		write(t, db, func(s flow.Store) error {
			return errors.Join(s.CreateTransaction(ctx, request), s.CreateTransaction(ctx, direct), s.CreateTransaction(ctx, lost), s.CreateTransaction(ctx, orphan))
		})
		asked := v
		asked.Request = request
		same(t, "by request", got[flow.Snapshot](t)(db.Read().SnapshotByRequest(ctx, "t")), asked)
		same(t, "by request, locked", wrote(t, db, func(s flow.Store) (flow.Snapshot, error) { return s.LockRequest(ctx, "t") }), asked)
		asked.Request, asked.Login = direct, login.Login{Username: "alice", IP: "192.0.2.1"}
		same(t, "by a request of no login", wrote(t, db, func(s flow.Store) (flow.Snapshot, error) { return s.LockRequest(ctx, "direct") }), asked)
		for id, want := range map[string]error{"none": transaction.ErrUnknown, "lost": application.ErrUnknown, "orphan": user.ErrUnknown} {
			_, err := tryWrite(db, func(s flow.Store) (flow.Snapshot, error) { return s.LockRequest(ctx, id) })
			fails(t, "by request "+id, err, want)
		}
		write(t, db, func(s flow.Store) error {
			allowed := s.AllowLogin(ctx, "of-alice", login.Decision{}, noon)
			finished := s.FinishLogin(ctx, "of-alice", []byte("ticket"), at(time.Minute), noon)
			return errors.Join(allowed, finished)
		})
		collected := wrote(t, db, func(s flow.Store) (flow.Snapshot, error) {
			if err := s.CollectGrant(ctx, []byte("ticket"), "DI1", noon); err != nil {
				return flow.Snapshot{}, err
			}
			return s.SnapshotByGrant(ctx, []byte("ticket"))
		})
		same(t, "by ticket", collected, got[flow.Snapshot](t)(db.Read().SnapshotByLogin(ctx, "of-alice")))
		same(t, "collected", collected.Login.Collected, noon)
		_, err := tryWrite(db, func(s flow.Store) (flow.Snapshot, error) { return s.SnapshotByGrant(ctx, []byte("another")) })
		fails(t, "by no ticket", err, login.ErrStale)
		_, err = db.Read().SnapshotByName(ctx, "nobody")
		fails(t, "a name of nobody", err, user.ErrUnknown)
		_, err = db.Read().SnapshotByAccount(ctx, "DU9")
		fails(t, "nobody", err, user.ErrUnknown)
		write(t, db, func(s flow.Store) error {
			return s.CreateBypassCode(ctx, bypass.Code{ID: "DB1", UserID: "DU1", Digest: []byte("d"), UsesLeft: -1})
		})
		same(t, "holds a code", got[flow.Snapshot](t)(db.Read().SnapshotByLogin(ctx, "of-alice")).Codeless, false)
		same(t, "no user yet", got[flow.Snapshot](t)(db.Read().SnapshotByLogin(ctx, "of-nobody-yet")).User, user.User{})
		for _, id := range []string{"astray", "unknown"} {
			_, err := db.Read().SnapshotByLogin(ctx, id)
			fails(t, id, err, login.ErrStale)
		}
	})
}
