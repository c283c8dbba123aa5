package sqlstore

import (
	"testing"

	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
)

func TestAVisitIsTheLoginWithAllThatBelongsToIt(t *testing.T) {
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
			for id, owner := range map[string]string{"of-alice": "DU1", "of-nobody-yet": ""} {
				if err := s.CreateLogin(ctx, login.Login{ID: id, ApplicationID: "DI1", UserID: owner, Username: "alice", Stage: login.Open,
					Version: 1, Created: noon, Expires: at(login.Life)}); err != nil {
					return err
				}
			}
			return s.CreateLogin(ctx, login.Login{ID: "astray", ApplicationID: "DI9", Stage: login.Open, Version: 1})
		})
		v := got[flow.Visit](t)(db.Read().VisitByLogin(ctx, "of-alice"))
		same(t, "login", v.Login, got[login.Login](t)(db.Read().LoginByID(ctx, "of-alice")))
		same(t, "application", v.Application, got[application.Application](t)(db.Read().ApplicationByID(ctx, "DI1")))
		same(t, "user", v.User, got[user.User](t)(db.Read().UserByID(ctx, "DU1")))
		same(t, "settings", v.Settings, got[settings.Settings](t)(db.Read().LoadSettings(ctx)))
		same(t, "no user yet", got[flow.Visit](t)(db.Read().VisitByLogin(ctx, "of-nobody-yet")).User, user.User{})
		for _, id := range []string{"astray", "unknown"} {
			_, err := db.Read().VisitByLogin(ctx, id)
			fails(t, id, err, login.ErrStale)
		}
	})
}
