package mobile_test

import (
	"testing"

	"countersign/internal/domain/application"
	"countersign/internal/testkit/flowkit"
)

// E-14: the address of the application in which the phone was set up, if a new phone can be set up there.
func TestAPhoneLearnsWhereItIsReconnected(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		for name, c := range map[string]struct {
			self bool
			uris []string
			want string
		}{
			"payroll": {true, []string{"https://payroll.example:8443/sso/callback?a=b"}, "https://payroll.example:8443/"},
			"library": {true, nil, ""},
			"parking": {false, []string{"https://parking.example/cb"}, ""},
		} {
			app := k.Application(name, func(a *application.Application) { a.SelfService, a.RedirectURIs = c.self, c.uris })
			_, p := k.EnrolFirst(app, "user-of-"+name)
			if got := p.Account.ReconnectURL; got != c.want {
				k.Errorf("%s: %q", name, got)
			}
		}
		app := k.Application("Benefits", func(a *application.Application) {
			a.SelfService, a.RedirectURIs = true, []string{"http://localhost:9000/cb"}
		})
		v, _, p := k.Manager(app, "ana")
		fresh, err := k.Claim(k.PairPortal(v, p.ID).Link)
		k.OK(err)
		if fresh.Account.ReconnectURL != "http://localhost:9000/" {
			k.Errorf("set up anew: %q", fresh.Account.ReconnectURL)
		}
	})
}
