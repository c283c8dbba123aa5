package directory_test

import (
	"sync"
	"testing"
	"time"

	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/flow/directory"
)

// RULE-34: whoever signs with a secret that was reset is known, whatever was done to the application meanwhile.
func TestAResetSecretStaysKnownAndWorksAsLongAsWasSaid(t *testing.T) {
	each(t, func(b *bench) {
		ctx := t.Context()
		a, first, err := b.AddApplication(ctx, actor, application.TypeUnix, directory.ApplicationChange{Name: ptr("App")})
		b.ok(err)
		at := b.now
		a, second, err := b.ResetSecret(ctx, actor, a.ID, directory.DefaultOverlap)
		b.ok(err)
		now, err := b.RevealSecret(ctx, actor, a.ID)
		b.ok(err)
		if second.Reveal() == first.Reveal() || now.Reveal() != second.Reveal() {
			b.t.Fatal("the secret was not replaced")
		}
		a, err = b.SetApplication(ctx, actor, a.ID, directory.ApplicationChange{Name: ptr("Other")})
		b.ok(err)
		if until := at.Add(24 * time.Hour); len(a.Retired) != 1 || !a.Retired[0].Until.Equal(until) || !a.Overlap(at).Equal(until) || !a.Overlap(until).IsZero() {
			b.t.Fatalf("retired: %+v", a.Retired)
		}
		if old, err := b.keys.Open(application.SecretPurpose, application.RetiredRow(a.ID, 0), a.Retired[0].Secret); err != nil || string(old) != first.Reveal() {
			b.t.Fatalf("the first one is not known: %v", err)
		}
		if _, err := b.keys.Open(application.SecretPurpose, a.ID, a.Retired[0].Secret); err == nil {
			b.t.Error("a retired secret can be put in the place of the present one")
		}
		for _, overlap := range []time.Duration{-1, directory.MaxOverlap + 1} {
			_, _, err = b.ResetSecret(ctx, actor, a.ID, overlap)
			b.want(err, directory.ErrOverlap)
		}
		a, _, err = b.ResetSecret(ctx, actor, a.ID, 0)
		b.ok(err)
		if len(a.Retired) != 2 || a.Retired[1].Number != 1 || a.Retired[0].Works(at) || a.Retired[1].Works(at) {
			b.t.Fatalf("retired: %+v", a.Retired)
		}
		rows, err := b.ActionLog(ctx, audit.Query{Limit: 10})
		b.ok(err)
		if d := rows[0].Description; rows[0].Action != "integration_skey_reset" || d["old_secret_until"] != at.UTC().Format(time.RFC3339) {
			b.t.Errorf("logged: %+v", rows[0])
		}
		for range application.MaxRetired + 3 {
			a, _, err = b.ResetSecret(ctx, actor, a.ID, 0)
			b.ok(err)
		}
		if len(a.Retired) != application.MaxRetired || a.KnowsAll() || a.SecretNumber() != application.MaxRetired+5 {
			b.t.Errorf("%d known, the present one is %d", len(a.Retired), a.SecretNumber())
		}
	})
}

func TestOfResetsAtOnceNoSecretIsLost(t *testing.T) {
	each(t, func(b *bench) {
		a, _, err := b.AddApplication(t.Context(), actor, application.TypeUnix, directory.ApplicationChange{Name: ptr("App")})
		b.ok(err)
		var mu sync.Mutex
		given := map[string]bool{}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if _, plain, err := b.ResetSecret(t.Context(), actor, a.ID, 0); err == nil {
					mu.Lock()
					given[plain.Reveal()] = true
					mu.Unlock()
				}
			})
		}
		all.Wait()
		a, err = b.Application(t.Context(), a.ID)
		b.ok(err)
		if len(given) == 0 || len(a.Retired) != len(given) {
			b.t.Fatalf("%d were given, %d are retired", len(given), len(a.Retired))
		}
		for _, old := range a.Retired[1:] {
			plain, err := b.keys.Open(application.SecretPurpose, application.RetiredRow(a.ID, old.Number), old.Secret)
			b.ok(err)
			delete(given, string(plain))
		}
		if len(given) != 1 { // the present one
			b.t.Errorf("%d are not known", len(given)-1)
		}
	})
}
