package signin_test

import (
	"context"
	"testing"

	"countersign/internal/domain/account"
	"countersign/internal/domain/bypass"
	"countersign/internal/domain/login"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

// administrator makes an account as the console will: with a name of its own, which may also be a person's.
func administrator(k *flowkit.Kit, id, name string) user.User {
	u := user.User{ID: id, Kind: account.Administrator, Username: name, Status: user.Active, Created: k.Clock.Now(), Salt: []byte("sixteen bytes it")}
	k.Write(func(st flow.Store) error { return st.CreateUser(context.Background(), u) })
	return u
}

func TestAnAdministratorsAccountOwnsAPhoneAndACodeAndIsProvedByTheSameFlow(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		console := k.Application("Console")
		vera := administrator(k, "DAVERA00000000000000", "vera@example.edu")
		asks := func(r *signin.Request) { r.UserID, r.Kind = vera.ID, account.Administrator }

		first := k.Begin(console, "", asks)
		p, err := k.Claim(first.Pair().Link)
		k.OK(err)
		k.OK(p.Approve(first.Session().Transaction))
		r, err := first.Enter()
		k.OK(err)
		if r.User.ID != vera.ID || r.User.Kind != account.Administrator || r.Login.Username != "vera@example.edu" || p.Row().UserID != vera.ID {
			k.Fatalf("signed in %+v with a phone of %s", r.User, p.Row().UserID)
		}
		if devices, err := k.Mobile.Status(ctx, p.ID); err != nil || devices.Username != "vera@example.edu" {
			k.Fatalf("the app knows %+v, %v", devices, err)
		}

		sent := k.Begin(console, "", asks)
		k.OK(p.Approve(sent.Session().Transaction))
		typed := k.Begin(console, "", asks)
		k.OK(typed.Code(p.Code(), transaction.SignIn))
		digest, err := k.Keys.SlowDigest(ctx, bypass.DigestPurpose, vera.Salt, "123456789")
		k.OK(err)
		k.Write(func(st flow.Store) error {
			return st.CreateBypassCode(ctx, bypass.Code{ID: "DB1", UserID: vera.ID, Digest: digest, UsesLeft: 1, Created: k.Clock.Now()})
		})
		helped := k.Begin(console, "", asks)
		k.Want(helped.Code(p.Wrong(), transaction.SignIn), signin.ErrCodeWrong)
		k.OK(helped.Code("123456789", transaction.SignIn))
		k.Want(k.Begin(console, "", asks).Code("123456789", transaction.SignIn), signin.ErrCodeWrong)
		for what, l := range map[string]*flowkit.Login{"request": sent, "code of the app": typed, "code of the help desk": helped} {
			if l.Stage() != login.Allowed {
				k.Errorf("%s: %s", what, l.Stage())
			}
		}
		k.Settings(func(s *settings.Settings) { s.LockoutThreshold = 1 })
		k.Want(k.Begin(console, "", asks).Code(p.Wrong(), transaction.SignIn), user.ErrLocked)
	})
}

func TestNoDoorFindsAnAdministratorAsAPersonNorAPersonAsAnAdministrator(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		app := k.Application("Wiki")
		vera, alice := administrator(k, "DAVERA00000000000000", "vera"), administrator(k, "DAALICE0000000000000", "alice")
		person := k.User("alice") // the same word names one of each
		var st flow.Store = k.DB.Read()
		for what, err := range map[string]error{
			"by name":                 secondOf(st.UserByName(ctx, "vera")),
			"by ID":                   secondOf(st.UserByID(ctx, vera.ID)),
			"in a snapshot, by name":  secondOf(st.SnapshotByName(ctx, "vera")),
			"of the help desk":        secondOf(k.Directory.User(ctx, "vera")),
			"of the help desk, by ID": secondOf(k.Directory.User(ctx, vera.ID)),
			"at the gates, by ID":     secondOf(k.SignIn.Gate(ctx, signin.Request{Application: app, UserID: vera.ID})),
			"a person as another kind": secondOf(k.SignIn.Gate(ctx, signin.Request{Application: app, UserID: person.ID,
				Kind: account.Administrator})),
		} {
			if err == nil {
				k.Errorf("found %s", what)
			} else {
				k.Want(err, user.ErrUnknown)
			}
		}
		if g, err := k.SignIn.Gate(ctx, signin.Request{Application: app, Username: "vera"}); err != nil || g.User.ID != "" || g.Outcome != signin.OutcomeEnroll {
			k.Errorf("the gates find %+v, %v", g.User, err)
		}
		if u, err := st.UserByName(ctx, "alice"); err != nil || u.ID != person.ID {
			k.Errorf("alice is %+v, %v", u, err)
		}
		if all, err := k.Directory.Users(ctx, user.Query{}); err != nil || len(all) != 1 || all[0].ID != person.ID {
			k.Errorf("listed %+v, %v", all, err)
		}
		if found, err := k.Directory.Users(ctx, user.Query{Search: "vera"}); err != nil || len(found) != 0 {
			k.Errorf("searched %+v, %v", found, err)
		}
		for _, want := range []user.User{vera, alice} {
			if got, err := st.AccountByID(ctx, want.ID); err != nil || got.Username != want.Username || got.Kind != account.Administrator {
				k.Errorf("the account %s is %+v, %v", want.ID, got, err)
			}
		}
		k.Want(k.DB.Write(ctx, func(st flow.Store) error {
			return st.CreateUser(ctx, user.User{ID: "DAOTHER0000000000000", Kind: account.Administrator, Username: "vera", Status: user.Active})
		}), user.ErrNameTaken)
	})
}

func secondOf[T any](_ T, err error) error { return err }
