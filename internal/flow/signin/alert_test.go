package signin_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/domain/phone"
	"countersign/internal/flow"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

// Whoever holds a password chooses the browser's name, and the phone shows it among the facts: it may be a name
// and nothing more (AC-048).
func TestTheBrowserOnThePhoneIsANameAndNoMessage(t *testing.T) {
	const chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("wiki")
		for name, test := range map[string]struct{ agent, want string }{
			"a browser":          {chrome, "Chrome on Windows"},
			"a program":          {"python-requests/2.31", "python-requests"},
			"a sentence":         {"Your IT desk asks you to approve this/1.0", ""},
			"other scripts":      {"Ваш банк/1.0", ""},
			"mark-up":            {"<b>Chrome</b>/1.0", ""},
			"control characters": {"\u009b31mChrome/1.0", ""},
			"turned around":      {"\u202eemorhC/1.0", ""},
			"beside a browser":   {strings.Replace(chrome, "Safari", "Approved by your IT desk/1.0 Safari", 1), ""},
		} {
			p := k.Enrolled(app, "user"+strings.ReplaceAll(name, " ", ""))
			l := k.Begin(app, p.Account.Username, func(r *signin.Request) { r.UserAgent = test.agent })
			if got := k.Transaction(l.Row().TransactionID).Client; got != test.want {
				t.Errorf("%s is shown as %q, want %q", name, got, test.want)
			}
		}
	})
}

// moved is a push service that says "gone" after the phone has told its new address.
type moved struct {
	flow.Doorbell
	move func()
}

func (m moved) Knock(context.Context, flow.Subscription, []byte, time.Duration) error {
	m.move()
	return errs.New(errs.Gone, "push.gone")
}

// Whoever answers for an address may answer late: only that address is forgotten.
func TestAnOldAddressThatIsGoneTakesNoNewOneWithIt(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		p.Subscribe()
		k.Rewire(func(n *flowkit.Needs) { n.SignIn.Doorbell = moved{k.Doorbell, p.Subscribe} })
		l := k.Begin(app, "alice")
		k.Eventually("the answer of the old address", func() bool { return l.Session().Transaction.Unreachable })
		if row := p.Row(); row.Alerts != phone.AlertsOn || row.Subscription == nil {
			t.Errorf("the new address was forgotten: alerts %s", row.Alerts)
		}
	})
}
