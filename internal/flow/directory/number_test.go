package directory_test

import (
	"testing"

	"countersign/internal/domain/application"
	"countersign/internal/domain/policy"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
)

// RULE-14: requests without a number and a demand for one do not go together, in one layer or over two.
func TestANumberCannotBeDemandedWhileNumberEntryIsOff(t *testing.T) {
	each(t, func(b *bench) {
		ctx := t.Context()
		off, on := directory.PolicyChange{NumberEntry: ptr(policy.NumberEntryOff)}, directory.PolicyChange{NumberRequired: ptr("on")}
		both := directory.PolicyChange{NumberEntry: off.NumberEntry, NumberRequired: on.NumberRequired}
		_, _, err := b.AddApplication(ctx, actor, application.TypeUnix, directory.ApplicationChange{Name: ptr("SSH"), Policy: both})
		b.want(err, directory.ErrNumber)
		_, err = b.SetSettings(ctx, actor, directory.SettingsChange{Policy: both})
		b.want(err, directory.ErrNumber)

		a, _, err := b.AddApplication(ctx, actor, application.TypeUnix, directory.ApplicationChange{Name: ptr("SSH"), Policy: off})
		b.ok(err)
		_, err = b.SetApplication(ctx, actor, a.ID, directory.ApplicationChange{Policy: on})
		b.want(err, directory.ErrNumber)
		_, err = b.SetApplication(ctx, actor, a.ID, directory.ApplicationChange{Policy: directory.PolicyChange{NumberEntry: ptr(4), NumberRequired: ptr("on")}})
		b.ok(err)

		_, err = b.SetSettings(ctx, actor, directory.SettingsChange{Policy: on})
		b.ok(err)
		_, _, err = b.AddApplication(ctx, actor, application.TypeUnix, directory.ApplicationChange{Name: ptr("VPN"), Policy: off})
		b.want(err, directory.ErrNumber)

		// What was stored before may be renamed, and mended.
		b.write(func(st flow.Store) error {
			a.Policy.NumberEntry, a.Policy.NumberRequired = policy.NumberEntryOff, "on"
			return st.SaveApplication(ctx, a)
		})
		_, err = b.SetApplication(ctx, actor, a.ID, directory.ApplicationChange{Name: ptr("Shell")})
		b.ok(err)
		_, err = b.SetApplication(ctx, actor, a.ID, directory.ApplicationChange{Policy: directory.PolicyChange{NumberEntry: ptr(0)}})
		b.ok(err)
	})
}
