package signin_test

import (
	"context"
	"testing"

	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

// between runs something once, right before the next change.
type between struct {
	flow.Part[signin.Store]
	do *func()
}

func (b between) Write(ctx context.Context, change func(signin.Store) error) error {
	if do := *b.do; do != nil {
		*b.do = nil
		do()
	}
	return b.Part.Write(ctx, change)
}

// AC-034: a program is let in by what holds when that is written down, not by what its call read before.
func TestAnAllowIsDecidedByWhatItsChangeReads(t *testing.T) {
	for when, c := range map[string]struct {
		in   func(k *flowkit.Kit, a *application.Application)
		then func(k *flowkit.Kit, a application.Application)
	}{
		"the bypass ends": {func(k *flowkit.Kit, _ *application.Application) { k.Status("ana", user.Bypass) },
			func(k *flowkit.Kit, _ application.Application) { k.Status("ana", user.Disabled) }},
		"policy asks again": {func(_ *flowkit.Kit, a *application.Application) {
			a.Policy.Authentication = policy.AuthenticationBypass
		},
			func(k *flowkit.Kit, a application.Application) {
				a.Policy.Authentication = policy.AuthenticationDeny
				k.Save(a)
			}},
		"the application is turned off": {func(k *flowkit.Kit, _ *application.Application) { k.Status("ana", user.Bypass) },
			func(k *flowkit.Kit, a application.Application) { a.Disabled = true; k.Save(a) }},
		"the browser is kept by somebody signed out": {nil, func(k *flowkit.Kit, _ application.Application) {
			k.Write(func(st flow.Store) error { return st.RaiseEpoch(context.Background(), k.Reload("ana").ID) })
		}},
	} {
		t.Run(when, func(t *testing.T) {
			flowkit.Each(t, func(k *flowkit.Kit) {
				ctx, app := context.Background(), k.Application("Payroll", func(a *application.Application) { a.Policy.RememberDays = 30 })
				p := k.Enrolled(app, "ana")
				asked := signin.Request{Door: "auth", Username: "ana"}
				if c.in != nil {
					c.in(k, &app)
					k.Save(app)
				} else {
					asked.Remembered = keptToken(k, app, "ana", p)
				}
				var do func()
				k.Rewire(func(n *flowkit.Needs) { n.SignIn.DB = between{n.SignIn.DB, &do} })
				asked.Application = app
				if g, err := k.SignIn.Preauth(ctx, asked); err != nil || g.Outcome != signin.OutcomeAllow {
					t.Fatalf("while it holds: %s, %v", g.Outcome, err)
				}
				do = func() { c.then(k, app) }
				g, err := k.SignIn.Preauth(ctx, asked)
				if err != nil || g.Outcome == signin.OutcomeAllow {
					t.Errorf("%s %s, %v", g.Outcome, g.Reason, err)
				}
				if k.Last("ana").Result == audit.Success && k.Last("ana").Reason != audit.RememberedDevice {
					t.Errorf("the log says %+v", k.Last("ana"))
				}
			})
		})
	}
}
