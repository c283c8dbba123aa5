package enroll_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/base/phonewire"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/quota"
	"countersign/internal/flow/enroll"
	"countersign/internal/flow/mobile"
	"countersign/internal/testkit/flowkit"
)

// A limit is one for all nodes: flows that know nothing of each other but the database let through, together and at once,
// exactly what one may, and a node that starts anew has none of its own.
func TestALimitHoldsOverNodesAndRestarts(t *testing.T) {
	newcomers := quota.Quota{Name: "newcomers", Most: 20, Window: time.Hour}
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		app := k.Application("Payroll")
		alice := k.User("alice")
		logins := make([]string, 50) // each may mail a few
		for i := range logins {
			logins[i] = k.Begin(app, "alice").ID
		}
		k.Rewire(func(n *flowkit.Needs) { n.Enroll.Newcomers = newcomers })
		enrolls, mobiles := []*enroll.Flow{k.Enroll}, []*mobile.Flow{k.Mobile}
		restart := func() {
			k.Rewire(func(*flowkit.Needs) {})
			enrolls, mobiles = append(enrolls, k.Enroll), append(mobiles, k.Mobile)
		}
		restart()
		limits := []struct {
			name string
			most int
			do   func(node, i int) error
			over error
		}{
			{"mails", enroll.MailQuota.Most, func(node, i int) error {
				return enrolls[node].Mail(ctx, enroll.Owner{LoginID: logins[i]}, enroll.Subject{Purpose: activation.Enroll, UserID: alice.ID}, "a@example.net", "alice")
			}, enroll.ErrMailLimit},
			{"newcomers", newcomers.Most, func(node, i int) error {
				_, err := enrolls[node].Portal(ctx, app, "", fmt.Sprint("new", node, i))
				return err
			}, enroll.ErrIssueNone},
			{"wrong codes", mobile.GuessQuota.Most, func(node, _ int) error {
				_, err := mobiles[node].Activate(ctx, phonewire.Activation{Code: "7777-7777"}, netip.MustParseAddr("203.0.113.10"), "")
				if err != nil && err.Error() == activation.ErrExpired.Error() {
					return nil // it was looked up
				}
				return err
			}, mobile.ErrGuesses},
		}
		for _, l := range limits {
			var all sync.WaitGroup
			var done atomic.Int64
			for i := range 50 {
				all.Go(func() {
					switch err := l.do(i%2, i); {
					case err == nil:
						done.Add(1)
					default:
						k.Want(err, l.over)
					}
				})
			}
			all.Wait()
			if got := int(done.Load()); got != l.most {
				k.Errorf("%s: %d at once, want %d", l.name, got, l.most)
			}
		}
		restart()
		for _, l := range limits {
			k.Want(l.do(len(enrolls)-1, 0), l.over)
		}
	})
}
