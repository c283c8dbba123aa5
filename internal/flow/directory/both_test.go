package directory_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"countersign/internal/domain/application"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/settings"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
	"countersign/internal/testkit/flowkit"
)

// meanwhile runs something of another administrator between what a change has read and what it saves.
type meanwhile struct {
	flow.DB
	do func()
}

func (d meanwhile) Write(ctx context.Context, change func(flow.Store) error) error {
	return d.DB.Write(ctx, func(st flow.Store) error { return change(saving{st, d.do}) })
}

type saving struct {
	flow.Store
	do func()
}

func (s saving) SaveApplication(ctx context.Context, a application.Application) error {
	s.do()
	return s.Store.SaveApplication(ctx, a)
}

func (s saving) ReplaceSecret(ctx context.Context, a application.Application, old []byte) error {
	s.do()
	return s.Store.ReplaceSecret(ctx, a, old)
}

func (s saving) SaveSettings(ctx context.Context, v settings.Settings) error {
	s.do()
	return s.Store.SaveSettings(ctx, v)
}

// L-06: of two operators at once each does what was acknowledged.
func TestTwoOperatorsAtOnceDoNotUndoEachOther(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx, by := context.Background(), directory.CommandLine
		app := k.Application("Payroll", func(a *application.Application) {
			a.Secret = k.Keys.Seal(application.SecretPurpose, a.ID, []byte("the first secret"))
		})
		one := k.Directory
		var other func() error
		ended := make(chan error, 1)
		k.Rewire(func(n *flowkit.Needs) {
			n.Directory.DB = flow.PartOf[directory.Store](meanwhile{k.DB, func() {
				go func() { ended <- other() }()
				select {
				case err := <-ended:
					ended <- err
				case <-time.After(100 * time.Millisecond):
				}
			}})
		})
		now := func() application.Application {
			a, err := k.DB.Read().ApplicationByID(ctx, app.ID)
			k.OK(err)
			return a
		}
		var plain string
		set := func(f *directory.Flow, c directory.ApplicationChange) func() error {
			return func() error { _, err := f.SetApplication(ctx, by, app.ID, c); return err }
		}
		reset := func(f *directory.Flow) func() error {
			return func() error { _, s, err := f.ResetSecret(ctx, by, app.ID, 0); plain = s.Reveal(); return err }
		}
		settle := func(f *directory.Flow, c directory.SettingsChange) func() error {
			return func() error { _, err := f.SetSettings(ctx, by, c); return err }
		}
		second := k.Directory
		for _, c := range []struct {
			what          string
			first, second func() error
			holds         func() bool
		}{
			{"a name and a secret", set(second, directory.ApplicationChange{Name: ptr("A")}), reset(one), func() bool {
				got, err := k.Keys.Open(application.SecretPurpose, app.ID, now().Secret)
				return err == nil && string(got) == plain && now().Name == "A"
			}},
			{"a secret and a name", reset(second), set(one, directory.ApplicationChange{Name: ptr("B")}), func() bool {
				got, err := k.Keys.Open(application.SecretPurpose, app.ID, now().Secret)
				return err == nil && string(got) == plain && now().Name == "B"
			}},
			{"a policy and an end", settle(second, directory.SettingsChange{DormantDays: ptr(30)}),
				settle(one, directory.SettingsChange{Policy: directory.PolicyChange{Authentication: ptr(policy.AuthenticationDeny)}}), func() bool {
					s, err := k.DB.Read().LoadSettings(ctx)
					return err == nil && s.DormantDays == 30 && s.Policy.Authentication == policy.AuthenticationDeny
				}},
			{"a number that is demanded, and none asked for", set(second, directory.ApplicationChange{Policy: directory.PolicyChange{NumberRequired: ptr("on")}}),
				settle(one, directory.SettingsChange{Help: ptr("Call 1000")}), func() bool {
					s, err := k.DB.Read().LoadSettings(ctx)
					return err == nil && s.Help == "Call 1000" && s.DormantDays == 30 && now().Policy.NumberRequired == "on"
				}},
			{"a name and off", set(second, directory.ApplicationChange{Name: ptr("C")}), set(one, directory.ApplicationChange{Disabled: ptr(true)}),
				func() bool { return now().Disabled && now().Name == "C" }},
			{"a name and gone", set(second, directory.ApplicationChange{Name: ptr("D")}),
				func() error { return one.DeleteApplication(ctx, by, app.ID) }, func() bool { return !now().Deleted.IsZero() }},
		} {
			other = c.second
			if err := errors.Join(c.first(), <-ended); err != nil || !c.holds() {
				k.Errorf("%s: %v, now %+v", c.what, err, now())
			}
		}
	})
}
