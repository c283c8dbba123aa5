package mobile_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/internal/domain/activation"
	"countersign/internal/domain/application"
	"countersign/internal/domain/enrollment"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
	"countersign/internal/flow/enroll"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

// linkOf gives the token of the link by which an application, or an administrator (app.ID == ""), invites somebody.
func linkOf(k *flowkit.Kit, app application.Application, name string) string {
	ctx := context.Background()
	address := ""
	if app.ID == "" {
		inv, err := k.Directory.Invite(ctx, directory.CommandLine, name)
		k.OK(err)
		address = inv.Link.Reveal()
	} else {
		var err error
		address, err = k.Enroll.Portal(ctx, app, k.Reload(name).ID, name)
		k.OK(err)
	}
	return address[strings.LastIndexByte(address, '/')+1:]
}

// followed opens the sign-in of a link.
func followed(k *flowkit.Kit, token string) *flowkit.Login {
	ctx := context.Background()
	in, err := k.Enroll.Open(ctx, flowkit.Secret(token))
	k.OK(err)
	portal, err := k.DB.Read().ApplicationByID(ctx, application.PortalID)
	k.OK(err)
	return k.Begin(portal, "", func(r *signin.Request) { r.UserID, r.Invitation = in.User.ID, in.Link.ID })
}

// AC-008, RULE-42: a link is worth what it was made for, at the moment it is followed and at the moment a phone is paired.
func TestAnEnrollmentLinkEndsWithWhatItWasMadeFor(t *testing.T) {
	ctx := context.Background()
	under := func(change func(*application.Application)) spoiler {
		return func(k *flowkit.Kit, app application.Application, _ string) { change(&app); k.Save(app) }
	}
	person := func(all ...user.Status) spoiler {
		return func(k *flowkit.Kit, _ application.Application, name string) {
			for _, s := range all {
				k.Status(name, s)
			}
		}
	}
	cases := map[string]struct {
		spoil         spoiler
		apps, persons bool // what it is the end of: an application's link, an administrator's
	}{
		"nothing happens":         {func(*flowkit.Kit, application.Application, string) {}, false, false},
		"it is disabled":          {under(func(a *application.Application) { a.Disabled = true }), true, false},
		"it denies":               {under(func(a *application.Application) { a.Policy.Authentication = policy.AuthenticationDeny }), true, false},
		"it enrolls nobody new":   {under(func(a *application.Application) { a.Policy.NewUser = policy.NewUserDeny }), true, false},
		"it lets newcomers in":    {under(func(a *application.Application) { a.Policy.NewUser = policy.NewUserAllow }), true, false},
		"no app may prove at it":  {under(func(a *application.Application) { a.Policy.Methods = []string{"other"} }), true, false},
		"the person was disabled": {person(user.Disabled, user.Active), true, true},
		"the person was signed out everywhere": {func(k *flowkit.Kit, _ application.Application, name string) {
			k.Write(func(st flow.Store) error { return st.RaiseEpoch(ctx, k.Reload(name).ID) })
		}, true, true},
		"it is deleted": {func(k *flowkit.Kit, app application.Application, _ string) {
			k.OK(k.Directory.DeleteApplication(ctx, directory.CommandLine, app.ID))
		}, true, false},
		"all are denied": {func(k *flowkit.Kit, _ application.Application, _ string) {
			deny := policy.AuthenticationDeny
			_, err := k.Directory.SetSettings(ctx, directory.CommandLine, directory.SettingsChange{Policy: directory.PolicyChange{Authentication: &deny}})
			k.OK(err)
		}, true, false},
	}
	flowkit.Each(t, func(k *flowkit.Kit) {
		n := 0
		for what, c := range cases {
			for whose, ends := range map[string]bool{"an application's": c.apps, "an administrator's": c.persons} {
				n++
				name := fmt.Sprint("alice", n)
				k.User(name)
				app := k.Application(fmt.Sprint("Payroll", n))
				by := app
				if whose == "an administrator's" {
					by = application.Application{}
				}
				token := linkOf(k, by, name)
				code := followed(k, token).Pair().Link
				c.spoil(k, app, name)
				_, opens := k.Enroll.Open(ctx, flowkit.Secret(token))
				p, binds := k.Claim(code)
				if ends {
					k.Want(opens, enrollment.ErrInvalid)
					k.Want(binds, activation.ErrExpired)
				} else if opens != nil || binds != nil {
					k.Errorf("%s, %s: %v, %v", whose, what, opens, binds)
				}
				if phones, _ := k.DB.Read().PhonesOf(ctx, k.Reload(name).ID); ends && (p != nil || len(phones) > 0) {
					k.Errorf("%s, %s: it bound", whose, what)
				}
				enforce := policy.AuthenticationEnforce
				_, err := k.Directory.SetSettings(ctx, directory.CommandLine, directory.SettingsChange{Policy: directory.PolicyChange{Authentication: &enforce}})
				k.OK(err)
			}
		}
	})
}

// Another link of the same person does not keep the sign-in of one alive that is over, and makes no longer one.
func TestALinkIsNotKeptAliveByAnother(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		k.User("alice")
		code := followed(k, linkOf(k, app, "alice")).Pair().Link
		linkOf(k, application.Application{}, "alice")
		app.Disabled = true
		k.Save(app)
		_, err := k.Claim(code)
		k.Want(err, activation.ErrExpired)
		k.Status("alice", user.Disabled)
		k.Clock.Advance(24 * time.Hour)
		k.Status("alice", user.Active)
		inv, err := k.Directory.Invite(context.Background(), directory.CommandLine, "alice")
		k.OK(err)
		if life := inv.Expires.Sub(k.Clock.Now()); life != enrollment.DefaultLife {
			k.Errorf("a link that opens nothing bounds the next one: %v", life)
		}
	})
}

// The gates were asked before: the link is made of what holds when it is.
func TestNoLinkIsMadeForAnApplicationThatSendsNobodyThere(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		alice := k.User("alice")
		for i, change := range []func(*application.Application){
			func(a *application.Application) { a.Disabled = true },
			func(a *application.Application) { a.Policy.Authentication = policy.AuthenticationDeny },
			func(a *application.Application) { a.Policy.NewUser = policy.NewUserDeny },
			func(a *application.Application) { a.Policy.Methods = []string{"other"} },
		} {
			app := k.Application(fmt.Sprint("Payroll", i))
			gated := app
			change(&app)
			k.Save(app)
			_, err := k.Enroll.Portal(ctx, gated, alice.ID, "alice")
			k.Want(err, enroll.ErrIssueNone)
			_, err = k.Enroll.Portal(ctx, gated, "", fmt.Sprint("new", i))
			k.Want(err, enroll.ErrIssueNone)
			if _, err := k.DB.Read().UserByName(ctx, fmt.Sprint("new", i)); err == nil {
				k.Error("a newcomer was registered all the same")
			}
		}
	})
}
